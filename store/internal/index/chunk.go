package index

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Pair says that the version OID carries what hashes to H.
type Pair struct {
	H   uint64
	OID int64
}

// Compare orders pairs by hash, then version.
func (p Pair) Compare(q Pair) int { return cmp.Or(cmp.Compare(p.H, q.H), cmp.Compare(p.OID, q.OID)) }

// SortPairs sorts pairs and drops the doubles.
func SortPairs(ps []Pair) []Pair {
	slices.SortFunc(ps, Pair.Compare)
	return slices.Compact(ps)
}

const (
	// PairKeyLen is the length of a key of one pair.
	PairKeyLen = 16
	// ChunkMost bounds the bytes of a chunk, so that a row of the index fits its
	// page four times.
	ChunkMost = 900
)

// PairKey writes a pair so that keys sort as pairs do.
func PairKey(p Pair) []byte {
	b := make([]byte, 0, PairKeyLen)
	b = binary.BigEndian.AppendUint64(b, p.H)
	return binary.BigEndian.AppendUint64(b, uint64(p.OID))
}

// AppendChunk writes as many of the sorted pairs as one chunk takes and returns
// how many those are. The first pair is the chunk's key and not in it; each of
// the others is its distance from the one before.
func AppendChunk(b []byte, ps []Pair) ([]byte, int) {
	for i := 1; i < len(ps); i++ {
		if len(b)+2*binary.MaxVarintLen64 > ChunkMost {
			return b, i
		}
		b = appendPair(b, ps[i-1], ps[i])
	}
	return b, len(ps)
}

func appendPair(b []byte, last, p Pair) []byte {
	b = binary.AppendUvarint(b, p.H-last.H)
	if p.H == last.H {
		return binary.AppendUvarint(b, uint64(p.OID-last.OID))
	}
	return binary.AppendUvarint(b, uint64(p.OID))
}

// ReadChunk appends the pairs of a chunk to ps, in order.
func ReadChunk(ps []Pair, first, rest []byte) ([]Pair, error) {
	if len(first) != PairKeyLen {
		return ps, ErrPack
	}
	p := Pair{binary.BigEndian.Uint64(first), int64(binary.BigEndian.Uint64(first[8:]))}
	ps = append(ps, p)
	for len(rest) > 0 {
		dh, n := binary.Uvarint(rest)
		if n <= 0 {
			return ps, ErrPack
		}
		oid, m := binary.Uvarint(rest[n:])
		if m <= 0 {
			return ps, ErrPack
		}
		rest = rest[n+m:]
		if dh == 0 {
			oid += uint64(p.OID)
		}
		q := Pair{p.H + dh, int64(oid)}
		if q.Compare(p) <= 0 {
			return ps, ErrPack
		}
		p = q
		ps = append(ps, p)
	}
	return ps, nil
}
