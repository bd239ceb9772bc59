package ledger

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
)

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"v":1,"k":"put","h":"3vK0Yx2mQ9aLr7Tz","r":3,"m":"amber","c":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","s":774}`))
	f.Add([]byte(`{"v":1,"k":"erase","h":"3vK0Yx2mQ9aLr7Tz","r":4,"m":"red","why":"law","must":true}`))
	f.Add([]byte(`{"v":1,"k":"ctl","ctl":{"a":[1,2,{"b":null}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEntry(b)
		if err != nil {
			return
		}
		out, err := e.Encode()
		if err != nil { // unknown kinds keep less than they came with
			if e.K == comity.EntryPut {
				t.Fatalf("%s parses, its encoding does not: %v", b, err)
			}
			return
		}
		again, err := ParseEntry(out)
		if err != nil {
			t.Fatal(err)
		}
		if e.K == comity.EntryPut && e.Ctl == nil {
			if d := cmp.Diff(e, again); d != "" {
				t.Fatalf("%s\n%s\n%s", b, out, d)
			}
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	f.Add(Header{O: "a--b", F: MediaSTIX}.Encode())
	f.Add(Header{O: "a--b", X: "v", G: "node", F: MediaSTIX, Sig: "s"}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		if again, err := ParseHeader(h.Encode()); err == nil && again != h {
			t.Fatalf("%q: %+v became %+v", b, h, again)
		}
	})
}

func FuzzReadChunk(f *testing.F) {
	items := makeItems(f, 12, 40)
	var e Edge
	for _, it := range items {
		e.Append(LeafHash(it.Entry))
	}
	var buf bytes.Buffer
	if err := WriteChunk(&buf, 0, items, e.Head(), []comity.Hash{{1}}); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte(chunkMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadChunk(bytes.NewReader(b), Limits{Items: 1000, Bytes: 1 << 20})
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := WriteChunk(&out, c.From, c.Items, c.End, c.Proof); err != nil || !bytes.Equal(out.Bytes(), b) {
			t.Fatalf("written again it differs: %v", err)
		}
		if entries, _, _, err := VerifyChunk(Edge{}, c, c.End); err != nil && entries != nil {
			t.Fatal("entries are handed out with an error")
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	s, v := keyPair(f, "node.example/log", 1)
	rcv, rcvV := receiptPair(f, "reader.example/rcv", 2)
	msg, err := SignCheckpoint(s, testOrigin, comity.Head{Size: 5, Root: leafN(1, 1)})
	if err != nil {
		f.Fatal(err)
	}
	line, err := SignReceipt(rcv, msg)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg, line)
	f.Add(append(bytes.Clone(msg), line...), []byte("— x AAAA\n"))
	f.Fuzz(func(t *testing.T, b, l []byte) {
		if h, err := OpenCheckpoint(b, v, testOrigin); err == nil && h != (comity.Head{Size: 5, Root: leafN(1, 1)}) {
			t.Fatalf("a head that was never signed: %v", h)
		}
		_, _ = OpenReceipt(b, l, rcvV)
		_, _, _ = parseCheckpoint(string(b))
	})
}

func FuzzOpenDocument(f *testing.F) {
	s, v := keyPair(f, "a.example/doc", 1)
	msg, err := SignDocument("comity/agreement/v1", []byte(`{"a":[1,2,{"b":"é"}]}`), s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	f.Add([]byte("comity/agreement/v1\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseBody("fuzz", b)
		if err == nil && !bytes.Equal(concat([]byte(d.Type+"\n"), d.JSON, []byte("\n")), b) {
			t.Fatalf("%q taken apart differs", b)
		}
		if d, err := OpenDocument(b, v); err == nil && string(d.JSON) != `{"a":[1,2,{"b":"é"}]}` {
			t.Fatalf("a document that was never signed: %s", d.JSON)
		}
	})
}
