package comity

import (
	"strings"
	"time"
)

// ObjectID is the id of a STIX object: "type--UUID" (STIX 2.1, section 2.9).
// Foreign ids are kept exactly as they came.
type ObjectID string

// Type returns the part before "--", or "" when there is none.
func (id ObjectID) Type() string {
	t, _, ok := strings.Cut(string(id), "--")
	if !ok {
		return ""
	}
	return t
}

// MemberID is a node id: lower-case base32 (no padding) of the first 20 bytes
// of SHA-256 over the genesis bytes, 32 characters. It never changes; names
// and addresses may. The zero value means "this node itself" where a field
// names the origin of an object.
type MemberID string

// Grouped returns the id in eight groups of four for reading aloud.
func (id MemberID) Grouped() string {
	var b strings.Builder
	for i, r := range string(id) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Short returns the first eight characters, for lists.
func (id MemberID) Short() string {
	if len(id) <= 8 {
		return string(id)
	}
	return string(id[:8])
}

// AgreementID is the lower-case hex SHA-256 of an agreement's body bytes.
type AgreementID string

// Short returns the first twelve characters, for lists.
func (id AgreementID) Short() string {
	if len(id) <= 12 {
		return string(id)
	}
	return string(id[:12])
}

// ChannelID names one channel: base32 of SHA-256 over agreement, publisher
// and stream, 26 characters.
type ChannelID string

// CollectionID is the UUID of a collection (TAXII 2.1, section 5.1).
type CollectionID string

// ImportID names one import; a UUID.
type ImportID string

// Handle is the random 96-bit name of one object inside one channel, base64
// without padding, 16 characters. It reveals nothing of the object's id.
type Handle string

// Nanos returns t as nanoseconds since 1970, clamped to what an int64 holds
// (years 1678 to 2262); the zero time gives 0. Stores order versions by it.
func Nanos(t time.Time) int64 {
	const lo, hi = -1 << 63, 1<<63 - 1
	switch {
	case t.IsZero():
		return 0
	case t.Year() < 1678:
		return lo
	case t.Year() > 2261:
		return hi
	}
	return t.UnixNano()
}

// FromNanos is the inverse of Nanos: 0 gives the zero time.
func FromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
