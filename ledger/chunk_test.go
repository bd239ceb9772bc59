package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

// makeItems makes n put entries with payloads, and every tenth a revocation.
func makeItems(t testing.TB, n, payload int) []Item {
	t.Helper()
	items := make([]Item, n)
	for i := range items {
		id := sha256.Sum256([]byte(fmt.Sprint(i)))
		h := comity.Handle(fmt.Sprintf("handle%010d", i))
		e := Entry{K: comity.EntryRevoke, H: h, R: 2, Why: "withdrawn"}
		if i%10 != 9 {
			it := &items[i]
			it.Nonce = id[:]
			it.Header = Header{O: comity.ObjectID(fmt.Sprintf("indicator--%x", id[:16])), F: MediaSTIX}.Encode()
			it.Payload = bytes.Repeat([]byte(fmt.Sprintf("%x", id[:8])), payload/16+1)[:payload]
			e = Entry{K: comity.EntryPut, H: h, R: 1, M: comity.Amber, C: Commitment(it.Nonce, it.Header, it.Payload), S: int64(payload)}
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		items[i].Entry = b
	}
	return items
}

// channel is a small log and its tree.
type channel struct {
	items []Item
	tiles memTiles
	head  comity.Head
}

func makeChannel(t testing.TB, n int) channel {
	c := channel{items: makeItems(t, n, 300)}
	ls := make([]comity.Hash, n)
	for i := range ls {
		ls[i] = LeafHash(c.items[i].Entry)
	}
	c.tiles, c.head = build(t, ls)
	return c
}

// at gives the head and edge after n entries.
func (c channel) at(n int64) (Edge, comity.Head) {
	var e Edge
	for _, it := range c.items[:n] {
		e.Append(LeafHash(it.Entry))
	}
	return e, e.Head()
}

// cut gives the chunk [from, to) toward the head of the channel.
func (c channel) cut(t rapid.TB, from, to int64) (Edge, Chunk) {
	edge, _ := c.at(from)
	_, end := c.at(to)
	proof, err := ProveConsistency(context.Background(), c.tiles, c.head, to)
	if err != nil {
		t.Fatal(err)
	}
	return edge, Chunk{From: from, Items: slices.Clone(c.items[from:to]), End: end, Proof: proof}
}

func TestChunkRoundTrip(t *testing.T) {
	ch := makeChannel(t, 700)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, 700).Draw(t, "from")
		to := rapid.Int64Range(from, 700).Draw(t, "to")
		edge, c := ch.cut(t, from, to)
		var buf bytes.Buffer
		if err := WriteChunk(&buf, c.From, c.Items, c.End, c.Proof); err != nil {
			t.Fatal(err)
		}
		got, err := ReadChunk(&buf, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if c.From != got.From || c.End != got.End || !slices.Equal(c.Proof, got.Proof) || !slices.EqualFunc(c.Items, got.Items, sameItem) {
			t.Fatal("the chunk is not what was written")
		}
		entries, headers, missing, err := VerifyChunk(edge, got, ch.head)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(c.Items) || len(headers) != len(c.Items) || len(missing) != 0 {
			t.Fatalf("%d entries, %d headers, %d missing of %d", len(entries), len(headers), len(missing), len(c.Items))
		}
	})
}

func sameItem(a, b Item) bool {
	return bytes.Equal(a.Entry, b.Entry) && bytes.Equal(a.Nonce, b.Nonce) && bytes.Equal(a.Header, b.Header) &&
		bytes.Equal(a.Payload, b.Payload) && (a.Nonce == nil) == (b.Nonce == nil)
}

func TestVerifyChunkReportsMissing(t *testing.T) {
	ch := makeChannel(t, 20)
	edge, c := ch.cut(t, 3, 15)
	c.Items[2] = Item{Entry: c.Items[2].Entry}
	c.Items[9] = Item{Entry: c.Items[9].Entry}
	_, headers, missing, err := VerifyChunk(edge, c, ch.head)
	if err != nil || !slices.Equal(missing, []int64{5, 12}) {
		t.Fatalf("missing %v, %v", missing, err)
	}
	if headers[2] != (Header{}) || headers[3].O == "" {
		t.Errorf("headers %+v", headers[2:4])
	}
}

// INVARIANT: whatever is changed between the publisher and the reader, the
// reader refuses the chunk. (A target with the right root and a wrong size is
// not among the changes: a proof need not tell them apart, the signature on the
// checkpoint does.)
func TestVerifyChunkDetects(t *testing.T) {
	ch, other := makeChannel(t, 300), makeChannel(t, 299)
	_, otherHead := other.at(298)
	goodEdge, good := ch.cut(t, 101, 201)
	type change func(t *rapid.T, e *Edge, c *Chunk, target *comity.Head)
	flip := func(t *rapid.T, b []byte) []byte {
		b = bytes.Clone(b)
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "xor"))
		return b
	}
	// put gives an item that has a payload.
	put := func(t *rapid.T, c *Chunk) *Item {
		for i := rapid.IntRange(0, len(c.Items)-1).Draw(t, "item"); ; i++ {
			if it := &c.Items[i%len(c.Items)]; it.Nonce != nil {
				return it
			}
		}
	}
	for name, change := range map[string]change{
		"entry byte":   func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { it := put(t, c); it.Entry = flip(t, it.Entry) },
		"payload byte": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { it := put(t, c); it.Payload = flip(t, it.Payload) },
		"nonce byte":   func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { it := put(t, c); it.Nonce = flip(t, it.Nonce) },
		"header byte": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) {
			it := put(t, c)
			it.Header = append(flip(t, it.Header[:len(it.Header)-1]), '\n')
		},
		"boundary moved": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) {
			it := put(t, c)
			it.Header, it.Payload = it.Header[:len(it.Header)-1], append([]byte("\n"), it.Payload...)
		},
		"payload cut": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) {
			it := put(t, c)
			it.Payload = it.Payload[:len(it.Payload)-1]
		},
		"payload of another": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) {
			c.Items[0].Nonce, c.Items[0].Header, c.Items[0].Payload = c.Items[1].Nonce, c.Items[1].Header, c.Items[1].Payload
		},
		"payload of a revocation": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) {
			for i := range c.Items {
				if c.Items[i].Nonce == nil {
					e := c.Items[i].Entry
					c.Items[i] = c.Items[0]
					c.Items[i].Entry = e
				}
			}
		},
		"wrong end root": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.End.Root[3] ^= 4 },
		"end too large":  func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.End.Size++ },
		"reordered":      func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.Items[0], c.Items[1] = c.Items[1], c.Items[0] },
		"missing first":  func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.Items = c.Items[1:] },
		"missing last":   func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.Items = c.Items[:len(c.Items)-1] },
		"doubled":        func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.Items = append(c.Items, c.Items[0]) },
		"extra": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) {
			c.Items = append(c.Items, Item{Entry: []byte(`{"v":1,"k":"ctl"}`)})
			c.End.Size++
		},
		"later start":   func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.From++ },
		"earlier start": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.From-- },
		"other edge":    func(t *rapid.T, e *Edge, c *Chunk, _ *comity.Head) { e.sub[2][0] ^= 1 },
		"other target":  func(t *rapid.T, _ *Edge, _ *Chunk, h *comity.Head) { h.Root[31] ^= 1 },
		"smaller tree":  func(t *rapid.T, _ *Edge, c *Chunk, h *comity.Head) { h.Size = c.End.Size - 1 },
		"proof bit":     func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.Proof[1][9] ^= 8 },
		"proof cut":     func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) { c.Proof = c.Proof[1:] },
		"proof of another tree": func(t *rapid.T, _ *Edge, c *Chunk, _ *comity.Head) {
			p, err := ProveConsistency(context.Background(), other.tiles, other.head, c.End.Size)
			if err != nil {
				t.Fatal(err)
			}
			c.Proof = p
		},
		"target of another tree": func(t *rapid.T, _ *Edge, _ *Chunk, h *comity.Head) { *h = otherHead },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				edge, c, target := goodEdge, good, ch.head
				c.Items, c.Proof = slices.Clone(good.Items), slices.Clone(good.Proof)
				change(t, &edge, &c, &target)
				entries, _, _, err := VerifyChunk(edge, c, target)
				if !comity.Is(err, comity.Unverified) && !comity.Is(err, comity.Invalid) {
					t.Fatalf("accepted or wrong kind: %v", err)
				}
				fits(t, err)
				if entries != nil {
					t.Fatal("entries are handed out with the error")
				}
			})
		})
	}
}

// A publisher that signs for entries it should not have written is named too.
func TestVerifyChunkNamesTheEntry(t *testing.T) {
	items := makeItems(t, 3, 50)
	for name, tc := range map[string]struct {
		item Item
		key  string
	}{
		"unreadable":       {Item{Entry: []byte("not json")}, "ledger.entry_unreadable"},
		"wrong size":       {resized(t, items[1], 51), "ledger.wrong_size"},
		"bad header":       {reheaded(t, items[1], "{}\n"), "ledger.header_unreadable"},
		"wrong commitment": {Item{Entry: items[0].Entry, Nonce: items[1].Nonce, Header: items[1].Header, Payload: items[1].Payload}, "ledger.wrong_commitment"},
		"ctl with payload": {Item{Entry: []byte(`{"v":1,"k":"ctl"}`), Nonce: items[1].Nonce, Header: items[1].Header}, "ledger.unexpected_payload"},
	} {
		var e Edge
		all := []Item{items[0], tc.item}
		for _, it := range all {
			e.Append(LeafHash(it.Entry))
		}
		_, _, _, err := VerifyChunk(Edge{}, Chunk{Items: all, End: e.Head()}, e.Head())
		fits(t, err)
		m := comity.ErrorMessage(err)
		if m.Key != tc.key || m.Args[0] != comity.A("index", 1) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func resized(t *testing.T, it Item, n int64) Item {
	e, err := ParseEntry(it.Entry)
	if err != nil {
		t.Fatal(err)
	}
	e.S = n
	if it.Entry, err = e.Encode(); err != nil {
		t.Fatal(err)
	}
	return it
}

func reheaded(t *testing.T, it Item, header string) Item {
	e, err := ParseEntry(it.Entry)
	if err != nil {
		t.Fatal(err)
	}
	it.Header = []byte(header)
	e.C = Commitment(it.Nonce, it.Header, it.Payload)
	if it.Entry, err = e.Encode(); err != nil {
		t.Fatal(err)
	}
	return it
}

func TestReadChunkBounds(t *testing.T) {
	ch := makeChannel(t, 40)
	_, c := ch.cut(t, 0, 30)
	var buf bytes.Buffer
	if err := WriteChunk(&buf, c.From, c.Items, c.End, c.Proof); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	read := func(b []byte, l Limits) error { _, err := ReadChunk(bytes.NewReader(b), l); return err }
	if err := read(whole, Limits{Items: 30, Bytes: int64(len(whole))}); err != nil {
		t.Errorf("exact limits: %v", err)
	}
	for name, l := range map[string]Limits{"items": {Items: 29}, "bytes": {Bytes: int64(len(whole)) - 1}, "payload": {Payload: 100}} {
		if err := read(whole, l); !comity.Is(err, comity.TooLarge) {
			t.Errorf("limit on %s: %v", name, err)
		}
	}
	for n := 0; n < len(whole); n += 1 + n/97 {
		if err := read(whole[:n], Limits{}); !comity.Is(err, comity.Invalid) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
	if err := read(append(bytes.Clone(whole), 0), Limits{}); comity.ErrorMessage(err).Key != "ledger.chunk_trailing" {
		t.Errorf("trailing byte: %v", err)
	}
	broken := errors.New("line broke")
	_, err := ReadChunk(io.MultiReader(bytes.NewReader(whole[:500]), iotest.ErrReader(broken)), Limits{})
	if !errors.Is(err, broken) || !comity.Is(err, comity.Unreachable) {
		t.Errorf("broken line: %v", err)
	}
}

// A length costs its sender bytes before it costs the reader memory.
func TestReadChunkTrustsNoLength(t *testing.T) {
	b := []byte(chunkMagic + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x01x" + "\x00\xff\xff\xff" + "short")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ReadChunk(bytes.NewReader(b), Limits{}); err == nil {
		t.Fatal("accepted")
	}
	runtime.ReadMemStats(&after)
	allocs := after.TotalAlloc - before.TotalAlloc
	if allocs > 1<<20 {
		t.Errorf("a false length of 16 MiB takes %d bytes", allocs)
	}
}

func TestLargePayload(t *testing.T) {
	items := makeItems(t, 1, 3<<20)
	var e Edge
	e.Append(LeafHash(items[0].Entry))
	var buf bytes.Buffer
	if err := WriteChunk(&buf, 0, items, e.Head(), nil); err != nil {
		t.Fatal(err)
	}
	c, err := ReadChunk(&buf, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := VerifyChunk(Edge{}, c, e.Head()); err != nil {
		t.Error(err)
	}
	items[0].Payload = make([]byte, MaxPayload+1)
	if err := WriteChunk(io.Discard, 0, items, e.Head(), nil); !comity.Is(err, comity.TooLarge) {
		t.Errorf("payload over the bound: %v", err)
	}
}
