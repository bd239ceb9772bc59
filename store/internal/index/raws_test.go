package index

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestRawsComeBack(t *testing.T) {
	r := NewRaws()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Just(dictionary1[:200]))
		shelf := Shelf{Raws: r}
		var raws, got [][]byte
		for range rapid.IntRange(1, 5).Draw(t, "objects") {
			raw := bytes.Repeat(bytes.Join(rapid.SliceOf(piece).Draw(t, "pieces"), nil), rapid.IntRange(0, 3).Draw(t, "times"))
			codec, b := r.Encode(bytes.Clone(raw))
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
	_, b := r.Encode(dictionary1[:500])
	f.Add(int64(codecS2), b)
	f.Add(int64(7), []byte("x"))
	f.Add(int64(codecS2), []byte{255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, codec int64, b []byte) {
		if raw, err := r.Decode(codec, b); err == nil && len(raw) > rawMost {
			t.Errorf("%d bytes", len(raw))
		}
	})
}
