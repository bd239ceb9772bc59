package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

func evidenceText(t rapid.TB, typ string, body any) []byte {
	t.Helper()
	js, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return concat([]byte(typ+"\n"), js, []byte{'\n'})
}

var nodeTime = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

func TestNodeEntriesRoundTrip(t *testing.T) {
	genesis := []byte(`{"t":"comity/genesis/v1","name":"x"}`)
	for i, e := range []NodeEntry{
		{K: NodeGenesis, Raw: genesis},
		{K: NodeKeys, At: nodeTime, Keys: []byte("comity/keys/v1\n…")},
		{K: NodeAnchor, At: nodeTime, Anchor: leafN(1, 1), Count: 3},
		{K: NodeCommit, At: nodeTime, Commit: leafN(1, 2)},
		{K: NodeNotice, At: nodeTime, Code: NoticeRestored, Text: "Из резервной копии", Channel: "abcdefghijklmnopqrstuvwxyz", Must: true},
	} {
		b, err := e.Encode()
		if err != nil {
			t.Fatalf("%s: %v", e.K, err)
		}
		got, err := ParseNodeEntry(int64(i), b)
		if err != nil {
			t.Fatalf("%s: %v", e.K, err)
		}
		e.Raw = b
		if !sameNodeEntry(got, e) {
			t.Errorf("%s: wrote %+v, read %+v", e.K, e, got)
		}
	}
}

func sameNodeEntry(a, b NodeEntry) bool {
	return a.K == b.K && a.At.Equal(b.At) && a.Must == b.Must && bytes.Equal(a.Raw, b.Raw) && bytes.Equal(a.Keys, b.Keys) &&
		a.Anchor == b.Anchor && a.Count == b.Count && a.Commit == b.Commit && a.Code == b.Code && a.Text == b.Text && a.Channel == b.Channel
}

func TestNodeEntryRefusals(t *testing.T) {
	h := strict64.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for name, c := range map[string]struct {
		index int64
		text  string
	}{
		"not a genesis":     {0, `{"v":1,"k":"keys","at":"2026-01-01T00:00:00Z","d":"AA=="}`},
		"a second genesis":  {3, `{"t":"comity/genesis/v1","name":"x"}`},
		"kind genesis":      {3, `{"v":1,"k":"genesis"}`},
		"version":           {1, `{"v":2,"k":"commit","at":"2026-01-01T00:00:00Z","c":"` + h + `"}`},
		"no time":           {1, `{"v":1,"k":"commit","c":"` + h + `"}`},
		"short hash":        {1, `{"v":1,"k":"commit","at":"2026-01-01T00:00:00Z","c":"AAAA"}`},
		"anchor of nothing": {1, `{"v":1,"k":"anchor","at":"2026-01-01T00:00:00Z","n":0,"a":"` + h + `"}`},
		"long notice":       {1, `{"v":1,"k":"notice","at":"2026-01-01T00:00:00Z","w":"x","text":"` + strings.Repeat("a", 5000) + `"}`},
		"duplicate key":     {1, `{"v":1,"k":"commit","k":"notice","at":"2026-01-01T00:00:00Z","c":"` + h + `"}`},
		"no json":           {1, `hello`},
		"deep":              {1, `{"v":1,"k":"x","y":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`},
		"large":             {1, `{"v":1,"k":"x","y":"` + strings.Repeat("a", MaxEntry) + `"}`},
	} {
		if e, err := ParseNodeEntry(c.index, []byte(c.text)); err == nil {
			t.Errorf("%s: accepted as %+v", name, e)
		}
	}
	e, err := ParseNodeEntry(5, []byte(`{"v":1,"k":"moon-phase","must":true,"x":[1,2]}`))
	if err != nil || e.K != "moon-phase" || !e.Must || len(e.Raw) == 0 {
		t.Errorf("an unknown kind is not kept: %+v %v", e, err)
	}
	if _, err := e.Encode(); err == nil {
		t.Error("an entry of unknown kind was made")
	}
}

func TestNodeCommitment(t *testing.T) {
	salt := bytes.Repeat([]byte{1}, 32)
	a, err := NodeCommitment(salt, []byte("agreement"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := NodeCommitment(bytes.Repeat([]byte{2}, 32), []byte("agreement"))
	if a == b || a == Commitment(salt, nil, []byte("agreement")) {
		t.Error("salt or domain does not count")
	}
	if _, err := NodeCommitment([]byte("short"), nil); err == nil {
		t.Error("a short salt passes")
	}
}

func channelN(n int) comity.ChannelID {
	return ChannelIDOf("chain", "publisher", string(rune('a'+n%26))+strings.Repeat("x", n/26))
}

func anchoredN(n int, size int64) Anchored {
	h := leafN(8, n)
	return Anchored{Channel: channelN(n), Head: comity.Head{Size: size, Root: leafN(9, n)}, Salt: h[:]}
}

// Every head is provable under its anchor, and nothing else is.
func TestAnchors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "channels")
		heads := make([]Anchored, n)
		for i := range heads {
			heads[i] = anchoredN(i, int64(i))
		}
		a, err := NewAnchor(heads)
		if err != nil {
			t.Fatal(err)
		}
		e := a.Entry(nodeTime)
		for i := range heads {
			p, err := a.Prove(heads[i].Channel)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckAnchor(e, p); err != nil {
				t.Fatal(err)
			}
			p.Head.Size++
			mustFail(t, CheckAnchor(e, p))
			p.Head.Size--
			p.Channel = channelN(n)
			mustFail(t, CheckAnchor(e, p))
		}
		if _, err := a.Prove(channelN(n)); !comity.Is(err, comity.NotFound) {
			t.Fatalf("a channel that is not there: %v", err)
		}
	})
	if _, err := NewAnchor([]Anchored{anchoredN(1, 1), anchoredN(1, 2)}); err == nil {
		t.Error("a channel hangs twice under one anchor")
	}
	if _, err := NewAnchor(nil); err == nil {
		t.Error("an anchor of nothing")
	}
}

// nodeLog is a log of anchors of one channel at the sizes given, among others.
func nodeLog(t rapid.TB, heads []comity.Head) (history, []AnchoredHead) {
	t.Helper()
	entries := [][]byte{[]byte(`{"t":"comity/genesis/v1"}`)}
	var shown []AnchoredHead
	for i, h := range heads {
		own := anchoredN(0, 0)
		own.Head = h
		a, err := NewAnchor([]Anchored{own, anchoredN(1, int64(i)), anchoredN(2, 5)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := a.Entry(nodeTime).Encode()
		if err != nil {
			t.Fatal(err)
		}
		p, err := a.Prove(own.Channel)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, AnchoredHead{Index: int64(len(entries)), Entry: b, Anchor: p})
		entries = append(entries, b)
	}
	ls := make([]comity.Hash, len(entries))
	for i := range entries {
		ls[i] = LeafHash(entries[i])
	}
	h := historyOf(t, ls)
	for i := range shown {
		var err error
		if shown[i].Proof, err = ProveInclusion(context.Background(), h.tiles, h.head, shown[i].Index); err != nil {
			t.Fatal(err)
		}
	}
	return h, shown
}

func TestRollbackEvidence(t *testing.T) {
	s, v := keyPair(t, "node.example/log", 1)
	h, shown := nodeLog(t, []comity.Head{{Size: 100, Root: leafN(1, 1)}, {Size: 90, Root: leafN(1, 2)}})
	msg := signed(t, s, h.head)
	doc, err := MakeRollback(msg, shown[0], shown[1], v)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenRollback(doc, v)
	if err != nil || r.First.Anchor.Head.Size != 100 || r.Second.Anchor.Head.Size != 90 || r.Key.Name != v.Name() {
		t.Fatalf("%+v %v", r, err)
	}
	if _, err := MakeRollback(msg, shown[1], shown[0], v); err == nil {
		t.Error("the other way round it is evidence too")
	}
	_, stranger := keyPair(t, "other/log", 4)
	if _, err := OpenRollback(doc, stranger); !comity.Is(err, comity.Unverified) {
		t.Errorf("another's key: %v", err)
	}
}

// Whatever is put together from anchors of a channel that only grew.
func TestHonestAnchorsAreNeverFramed(t *testing.T) {
	s, v := keyPair(t, "node.example/log", 1)
	rapid.Check(t, func(t *rapid.T) {
		size := int64(0)
		var heads []comity.Head
		for range rapid.IntRange(2, 6).Draw(t, "anchors") {
			size += rapid.Int64Range(0, 9).Draw(t, "grows")
			heads = append(heads, comity.Head{Size: size, Root: leafN(3, int(size))})
		}
		h, shown := nodeLog(t, heads)
		i, j := rapid.IntRange(0, len(shown)-1).Draw(t, "i"), rapid.IntRange(0, len(shown)-1).Draw(t, "j")
		first, second := shown[i], shown[j]
		switch rapid.IntRange(0, 6).Draw(t, "lie") {
		case 1:
			first.Index, second.Index = second.Index, first.Index
		case 2:
			first.Anchor.Head.Size += 50
		case 3:
			second.Anchor.Head.Root = leafN(5, 5)
		case 4:
			second.Anchor.Channel = channelN(1)
		case 5:
			second.Entry, second.Proof = first.Entry, first.Proof
		case 6:
			first.Anchor = second.Anchor
		}
		if doc, err := MakeRollback(signed(t, s, h.head), first, second, v); err == nil {
			t.Fatalf("an honest log was framed: %s", doc)
		}
	})
}

// Messages of proof.* keys have their sentences with all their arguments.
func TestProofKeysHaveTexts(t *testing.T) {
	files, err := os.ReadFile("../i18n/keys/proof.en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(files, &texts); err != nil {
		t.Fatal(err)
	}
	use := regexp.MustCompile(`(?s)"(proof\.[a-z_]+)"((?:,\s*comity\.A\("\w+", [^\n]*?\))*)\)`)
	for _, f := range []string{"evidence.go", "rollback.go", "anchor.go", "nodelog.go", "witness.go"} {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range use.FindAllStringSubmatch(string(src), -1) {
			for _, arg := range regexp.MustCompile(`{{\.(\w+)}}`).FindAllStringSubmatch(texts[m[1]], -1) {
				if !strings.Contains(m[2], `"`+arg[1]+`"`) {
					t.Errorf("%s: %s is used without %s: %s", f, m[1], arg[1], m[2])
				}
			}
			if texts[m[1]] == "" {
				t.Errorf("%s has no text", m[1])
			}
		}
	}
}
