package sqlite

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestRawsComeBack(t *testing.T) {
	r := newRaws()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Just(dictionary1[:200]))
		raw := bytes.Repeat(bytes.Join(rapid.SliceOf(piece).Draw(t, "pieces"), nil), rapid.IntRange(0, 3).Draw(t, "times"))
		codec, b := r.encode(bytes.Clone(raw))
		got, err := r.decode(int64(codec), bytes.Clone(b))
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("codec %d: %d bytes of %d come back: %v", codec, len(got), len(raw), err)
		}
	})
}

func FuzzRaws(f *testing.F) {
	r := newRaws()
	_, b := r.encode(dictionary1[:500])
	f.Add(int64(codecS2), b)
	f.Add(int64(7), []byte("x"))
	f.Add(int64(codecS2), []byte{255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, codec int64, b []byte) {
		if raw, err := r.decode(codec, b); err == nil && len(raw) > rawMost {
			t.Errorf("%d bytes", len(raw))
		}
	})
}
