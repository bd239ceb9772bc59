// Package index holds what both keepers derive from an object before it
// becomes rows: keyed 8-byte hashes, the packed list of values and references,
// address prefixes and the words of a text. It does no I/O.
package index

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"

	"github.com/comity-net/comity"
)

// Key is the secret of one database under which ids and values are hashed, so
// that nobody who writes objects can aim them at one bucket.
type Key struct{ k0, k1 uint64 }

// KeyLen is the length in bytes of a stored Key.
const KeyLen = 16

// NewKey returns the bytes of a fresh key.
func NewKey() []byte {
	b := make([]byte, KeyLen)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

// ReadKey reads a stored key; false when b is not KeyLen bytes.
func ReadKey(b []byte) (Key, bool) {
	if len(b) != KeyLen {
		return Key{}, false
	}
	return Key{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}, true
}

// Text hashes a text, for example an object id.
func (k Key) Text(s string) int64 { return int64(k.sum(s)) }

// Value hashes a value with its kind.
func (k Key) Value(v comity.Value) int64 {
	k.k0 ^= (uint64(v.Kind) + 1) * 0x9e3779b97f4a7c15
	return int64(k.sum(v.Text))
}

// sum is SipHash-2-4 (Aumasson and Bernstein, 2012): short, keyed and the same
// in every process, which hash/maphash is not.
func (k Key) sum(s string) uint64 {
	v0, v1 := k.k0^0x736f6d6570736575, k.k1^0x646f72616e646f6d
	v2, v3 := k.k0^0x6c7967656e657261, k.k1^0x7465646279746573
	last := uint64(len(s)) << 56
	for len(s) >= 8 {
		m := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		v3 ^= m
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= m
		s = s[8:]
	}
	for i := range len(s) {
		last |= uint64(s[i]) << (8 * i)
	}
	v3 ^= last
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	return v0 ^ v1 ^ v2 ^ v3
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
