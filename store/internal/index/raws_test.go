package index

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

func TestRawsComeBack(t *testing.T) {
	r := NewRaws()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Just(dictionary1[:200]))
		shelf := Shelf{Raws: r}
		var raws, got [][]byte
		for range rapid.IntRange(1, 5).Draw(t, "objects") {
			raw := bytes.Repeat(bytes.Join(rapid.SliceOf(piece).Draw(t, "pieces"), nil), rapid.IntRange(0, 3).Draw(t, "times"))
			codec, b := r.encode(bytes.Clone(raw))
			if rapid.Bool().Draw(t, "whole") {
				o := comity.Object{Raw: raw, Text: rapid.String().Draw(t, "text"), Values: []comity.Value{{Kind: comity.ValueName, Text: "x"}},
					Refs: []comity.Ref{{Kind: "k", Target: "tool--1"}}}
				var pack []byte
				var text string
				codec, b, pack, text = r.Stow(&o)
				values, refs, said, err := r.Beside(codec, b, pack, text)
				if err != nil || said != o.Text || !slices.Equal(values, o.Values) || !slices.Equal(refs, o.Refs) || pack != nil || text != "" {
					t.Fatalf("%v %v %q come back: %v", values, refs, said, err)
				}
			}
			alone, err := r.Decode(codec, b)
			if err != nil || !bytes.Equal(alone, raw) {
				t.Fatalf("codec %d: %d bytes of %d come back: %v", codec, len(alone), len(raw), err)
			}
			held, err := shelf.Decode(codec, b)
			if err != nil {
				t.Fatal(err)
			}
			clear(b) // the caller's memory
			raws, got = append(raws, raw), append(got, append(held, "more"...)[:len(held)])
		}
		for i := range raws { // none lies over another
			if !bytes.Equal(got[i], raws[i]) {
				t.Fatalf("object %d on the shelf is %q, want %q", i, got[i], raws[i])
			}
		}
	})
}

func FuzzRaws(f *testing.F) {
	r := NewRaws()
	_, b := r.encode(dictionary1[:500])
	f.Add(int64(codecS2), b)
	_, b, _, _ = r.Stow(&comity.Object{Raw: dictionary1[:300], Text: "text"})
	f.Add(int64(codecStow), b)
	f.Add(int64(codecStow), []byte{255, 1, 3, 1, 0, 0})
	f.Add(int64(7), []byte("x"))
	f.Add(int64(codecS2), []byte{255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, codec int64, b []byte) {
		if raw, err := r.Decode(codec, b); err == nil && len(raw) > rawMost {
			t.Errorf("%d bytes", len(raw))
		}
		_, _, _, _ = r.Beside(codec, b, nil, "")
	})
}
