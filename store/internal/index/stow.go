package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/comity-net/comity"
)

// codecStow is all of a version's content in one piece: the lengths of the
// object's bytes and of the values and references, then an S2 block, with
// dictionary1, of the object's bytes, Pack and the text. Both repeat what stands
// in the bytes, so that beside them they take next to nothing.
const codecStow = 2

// Stow packs all of a version's content into b, as codec says, so that erasing b
// erases it. What is too large for one piece is left to pack and text, which are
// else empty.
func (r Raws) Stow(o *comity.Object) (codec int64, b, pack []byte, text string) {
	pack = Pack(o.Values, o.Refs)
	if len(o.Raw)+len(pack)+len(o.Text) > rawMost/2 {
		codec, b = r.encode(o.Raw)
		return codec, b, pack, o.Text
	}
	whole := make([]byte, 0, len(o.Raw)+len(pack)+len(o.Text))
	whole = append(append(append(whole, o.Raw...), pack...), o.Text...)
	b = make([]byte, 0, 2*binary.MaxVarintLen64+s2.MaxEncodedLen(len(whole)))
	b = binary.AppendUvarint(b, uint64(len(o.Raw)))
	b = binary.AppendUvarint(b, uint64(len(pack)))
	n := len(r.dict.Encode(b[len(b):cap(b)], whole))
	return codecStow, b[:len(b)+n], nil, ""
}

// stowed unpacks a whole content and gives the ends of its first two parts.
func (r Raws) stowed(shelf *Shelf, b []byte) (whole []byte, raw, pack int, err error) {
	first, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, 0, 0, errors.New("index: content without lengths")
	}
	second, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return nil, 0, 0, errors.New("index: content without lengths")
	}
	if whole, err = r.block(shelf, b[n+m:]); err != nil {
		return nil, 0, 0, err
	}
	if size := uint64(len(whole)); first > size || second > size-first {
		return nil, 0, 0, fmt.Errorf("index: content of %d bytes with parts of %d and %d", size, first, second)
	}
	return whole, int(first), int(first + second), nil
}

// Beside unpacks what is indexed of a version: the values and references, and
// the text. Where they stand in columns of their own, they are given in pack
// and text.
func (r Raws) Beside(codec int64, b, pack []byte, text string) ([]comity.Value, []comity.Ref, string, error) {
	if codec == codecStow {
		whole, from, to, err := r.stowed(nil, b)
		if err != nil {
			return nil, nil, "", err
		}
		pack, text = whole[from:to], string(whole[to:])
	}
	values, refs, err := Unpack(pack)
	return values, refs, text, err
}
