package ledger

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/comity-net/comity"
)

// commitTag separates commitments from every other use of SHA-256.
const commitTag = "comity/commit/v1\n"

// NewNonce draws the 32 bytes that make a commitment hide what it commits to.
// Erasing the nonce with the payload makes the commitment unguessable for good.
func NewNonce(r io.Reader) ([]byte, error) {
	b := make([]byte, nonceSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, comity.E(comity.Internal, "draw nonce", "", comity.Msg("ledger.no_randomness"), err)
	}
	return b, nil
}

// Commitment binds an entry to its content: SHA-256 over the tag, the 32-byte
// nonce, the header line with its newline, and the payload.
//
// The parts need no lengths between them: the nonce has a fixed size and the
// header ends at its only newline.
func Commitment(nonce, header, payload []byte) comity.Hash {
	c := newCommitter()
	return c.sum(nonce, header, payload)
}

// committer computes commitments one after another without allocating.
type committer struct {
	h   hash.Hash
	buf [len(commitTag) + nonceSize]byte // tag and nonce, one write
	out comity.Hash
}

func newCommitter() *committer {
	c := &committer{h: sha256.New()}
	copy(c.buf[:], commitTag)
	return c
}

func (c *committer) sum(nonce, header, payload []byte) comity.Hash {
	c.h.Reset()
	n := copy(c.buf[len(commitTag):], nonce)
	c.h.Write(c.buf[:len(commitTag)+n])
	if n < len(nonce) { // a wrong nonce must not hash as a right one
		c.h.Write(nonce[n:])
	}
	c.h.Write(header)
	c.h.Write(payload)
	c.h.Sum(c.out[:0])
	return c.out
}

// LeafHash is the RFC 6962 leaf hash of an entry: SHA-256(0x00 ‖ entry).
func LeafHash(entry []byte) comity.Hash {
	var buf [512]byte
	if len(entry) < len(buf) {
		copy(buf[1:], entry)
		return sha256.Sum256(buf[:1+len(entry)])
	}
	return sha256.Sum256(append(make([]byte, 1, 1+len(entry)), entry...))
}

// nodeHash is the RFC 6962 hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
func nodeHash(left, right *comity.Hash) comity.Hash {
	var buf [65]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[33:], right[:])
	return sha256.Sum256(buf[:])
}

// emptyRoot is the RFC 6962 hash of a tree without leaves.
func emptyRoot() comity.Hash { return sha256.Sum256(nil) }
