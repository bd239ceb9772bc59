package index

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// TestSipHash compares with the vectors of the reference implementation: key
// 00…0f, input 00, 01 … of rising length.
func TestSipHash(t *testing.T) {
	var b [16]byte
	for i := range b {
		b[i] = byte(i)
	}
	key, ok := ReadKey(b[:])
	if !ok {
		t.Fatal("key")
	}
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 7: 0xab0200f58b01d137, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		if got := key.sum(string(b[:n])); got != want {
			t.Errorf("length %d: %x, want %x", n, got, want)
		}
	}
	if _, ok := ReadKey(b[:5]); ok {
		t.Error("a short key was read")
	}
	if key.Value(comity.Value{Kind: 1, Text: "a"}) == key.Value(comity.Value{Kind: 2, Text: "a"}) {
		t.Error("the kind does not count")
	}
}

func TestPackLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Custom(func(t *rapid.T) comity.Value {
			return comity.Value{Kind: comity.ValueKind(rapid.Byte().Draw(t, "kind")), Text: rapid.String().Draw(t, "text")}
		})).Draw(t, "values")
		refs := rapid.SliceOf(rapid.Custom(func(t *rapid.T) comity.Ref {
			return comity.Ref{Kind: rapid.String().Draw(t, "kind"), Target: comity.ObjectID(rapid.String().Draw(t, "to"))}
		})).Draw(t, "refs")
		v, r, err := Unpack(Pack(values, refs))
		if err != nil || !slices.Equal(v, values) || !slices.Equal(r, refs) {
			t.Fatalf("%v %v %v", v, r, err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(Pack([]comity.Value{{Kind: 1, Text: "a"}}, []comity.Ref{{Kind: "k", Target: "t"}}))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, r, err := Unpack(b); err == nil && len(b) > 0 {
			if v2, r2, err := Unpack(Pack(v, r)); err != nil || !slices.Equal(v, v2) || !slices.Equal(r, r2) {
				t.Errorf("%v %v does not come back: %v", v, r, err)
			}
		}
	})
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"Énergie, ENERGIE!":     "energie",
		"CVE-2024-1234":         "cve 2024 1234",
		"漏洞利用x":                 "漏 漏洞 洞 洞利 利 利用 用 x",
		"هجومٌ":                 "هجوم",
		"ещё":                   "еще",
		strings.Repeat("a", 99): strings.Repeat("a", maxWord),
		"":                      "",
		"-=\"*":                 "",
	} {
		if got := Words("", text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Words("A b", "b c"); got != "=a a =b b c" {
		t.Errorf("with a name: %q", got)
	}
}

// TestWordsFindThemselves: every word of a text, typed as it stands, finds it.
func TestWordsFindThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		words := Words("", text)
		for _, field := range strings.Fields(text) {
			terms := Query(field)
			if all, _ := Match(words, terms); len(terms) > 0 && !all {
				t.Fatalf("%q is not found in %q: %v in %q", field, text, terms, words)
			}
		}
		for _, term := range Query(text) {
			if strings.ContainsAny(term.Text, " '\"*&|!():=\\") {
				t.Fatalf("term %q could mean something to an engine", term.Text)
			}
		}
	})
}

func TestBlocks(t *testing.T) {
	lengths := []Prefix{{comity.ValueIPv4, 24}, {comity.ValueIPv6, 64}, {comity.ValueIPv4, 0}}
	got := Blocks(comity.Value{Kind: comity.ValueIPv4, Text: "10.1.2.3"}, lengths)
	want := []comity.Value{{Kind: comity.ValueIPv4, Text: "10.1.2.0/24"}, {Kind: comity.ValueIPv4, Text: "0.0.0.0/0"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestJudgeLaw: whatever arrives in whatever order, at most one version is
// current, and it is the newest that does not conflict.
func TestJudgeLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var held []Held
		for n := range rapid.IntRange(1, 12).Draw(t, "arrivals") {
			modified := rapid.Int64Range(0, 4).Draw(t, "modified")
			digest := comity.Hash{rapid.ByteRange(0, 2).Draw(t, "digest")}
			fate, _, current := Judge(held, modified, digest)
			if fate == store.FateSame || fate == store.FateRevoked || fate == store.FateErased {
				continue
			}
			latest := fate == store.FateNew || fate == store.FateNewer
			for i := range held {
				held[i].Latest = held[i].Latest && !(latest && held[i].OID == current.OID)
			}
			held = append(held, Held{OID: int64(n + 1), Modified: modified, Digest: digest, Latest: latest,
				Conflict: fate == store.FateConflict, Revoked: rapid.Bool().Draw(t, "revoked")})
		}
		var newest, marked int64 = -1, -1
		for _, v := range held {
			if !v.Conflict {
				newest = max(newest, v.Modified)
			}
			if v.Latest {
				if marked >= 0 || v.Conflict {
					t.Fatalf("two are current, or a conflict: %+v", held)
				}
				marked = v.Modified
			}
		}
		if newest != marked {
			t.Fatalf("current is %d, newest %d: %+v", marked, newest, held)
		}
	})
}

func TestChunkLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := SortPairs(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Pair {
			return Pair{H: rapid.Uint64().Draw(t, "h") >> rapid.IntRange(0, 64).Draw(t, "shift"), OID: rapid.Int64Range(1, 1<<62).Draw(t, "oid")}
		}), 1, 300).Draw(t, "pairs"))
		var got []Pair
		for rest := ps; len(rest) > 0; {
			b, n := AppendChunk(nil, rest)
			if len(b) > ChunkMost || n < 1 {
				t.Fatalf("%d pairs in %d bytes", n, len(b))
			}
			var err error
			if got, err = ReadChunk(got, PairKey(rest[0]), b); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if !slices.Equal(got, ps) {
			t.Fatalf("%v, want %v", got, ps)
		}
	})
}

func FuzzReadChunk(f *testing.F) {
	b, _ := AppendChunk(nil, []Pair{{1, 2}, {1, 3}, {9, 1}})
	f.Add(PairKey(Pair{1, 2}), b)
	f.Add([]byte{1}, []byte{255})
	f.Fuzz(func(t *testing.T, first, rest []byte) {
		ps, err := ReadChunk(nil, first, rest)
		if err == nil && !slices.IsSortedFunc(ps, Pair.Compare) {
			t.Errorf("not in order: %v", ps)
		}
	})
}
