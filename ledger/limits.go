package ledger

import (
	"encoding/hex"

	"github.com/comity-net/comity"
)

// Bounds of the formats. They are part of comity/v1: a publisher that goes over
// one is not read.
const (
	// MaxSize is the largest number of entries a log may have. It keeps the
	// arithmetic on sizes from peers away from the edges of int64.
	MaxSize = 1 << 48

	// MaxEntry is the largest entry, in bytes: what the two-byte length of a C2SP
	// tlog-tiles entry bundle holds.
	MaxEntry = 64<<10 - 1

	// MaxPayload is the largest payload, in bytes.
	MaxPayload = 16 << 20

	maxHeader     = 8 << 10  // a payload header line
	maxCheckpoint = 64 << 10 // a checkpoint with up to 100 signature lines
	maxReceipt    = 8 << 10  // one signature line; ML-DSA needs about 3.4 kB
	maxDocument   = 1 << 20  // a signed document with its signatures
	maxProof      = 2 * 64   // hashes in a consistency or inclusion proof
	maxSignatures = 100      // what the signed-note reader accepts
	maxDepth      = 32       // JSON nesting
	nonceSize     = 32
)

// short gives the first eight bytes of a hash in hexadecimal, for messages.
func short(h comity.Hash) string { return hex.EncodeToString(h[:8]) }

// unverified says that a hash, proof or signature does not hold.
func unverified(op string, subject any, cause error, key string, args ...comity.Arg) error {
	return comity.E(comity.Unverified, op, subject, comity.Msg(key, args...), cause)
}

// invalid says that something breaks its format.
func invalid(op string, subject any, cause error, key string, args ...comity.Arg) error {
	return comity.E(comity.Invalid, op, subject, comity.Msg(key, args...), cause)
}

// tooLarge says that something is over a bound.
func tooLarge(op string, what string, got, limit int64) error {
	return comity.E(comity.TooLarge, op, what, comity.Msg("ledger.too_large",
		comity.A("what", what), comity.A("got", got), comity.A("limit", limit)), nil)
}
