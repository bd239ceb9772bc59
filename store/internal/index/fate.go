package index

import (
	"crypto/sha256"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Bounds of what one call may ask, the same in both keepers.
const (
	MaxBatch  = 5000  // objects of one PutObjects
	MaxLookup = 1000  // values of one Lookup
	MaxHits   = 10000 // hits and edges of one answer
	MaxPage   = 1000  // rows of one page
	Page      = 100   // rows of one page when none are asked
)

// Held is what decides the fate of a new arrival under the same id.
type Held struct {
	OID      int64
	Modified int64 // comity.Nanos
	Revoked  bool  // the object's own property
	State    comity.State
	Conflict bool
	Latest   bool
	Digest   comity.Hash
}

// Digest returns the SHA-256 of raw.
func Digest(raw []byte) comity.Hash { return sha256.Sum256(raw) }

// Judge decides what becomes of bytes that arrive under a version, given what
// is held of the same id. same is the version that holds them already, current
// the one that they would replace. INVARIANT: only the instants, the digests
// and what was decided before count.
func Judge(versions []Held, modified int64, digest comity.Hash) (fate store.Fate, same int64, current Held) {
	for _, v := range versions {
		if v.Modified == modified && v.State == comity.StateErased {
			return store.FateErased, 0, Held{}
		}
	}
	conflict := false
	for _, v := range versions {
		if v.Modified == modified && v.Digest == digest {
			return store.FateSame, v.OID, Held{}
		}
		conflict = conflict || v.Modified == modified
		if v.Latest {
			current = v
		}
	}
	switch {
	case conflict:
		return store.FateConflict, 0, current
	case current.OID == 0:
		return store.FateNew, 0, current
	case modified < current.Modified:
		return store.FateOlder, 0, current
	case current.Revoked:
		return store.FateRevoked, 0, current
	}
	return store.FateNewer, 0, current
}

// Promote decides what remains to be done for an id after its version of the
// given modified is gone: unconflict is the conflicting version that stands in
// for it, latest the one that becomes current; 0 for none.
func Promote(rest []Held, modified int64) (unconflict, latest int64) {
	for _, v := range rest {
		if v.Conflict && v.Modified == modified {
			unconflict = v.OID
			break
		}
	}
	var best Held
	for _, v := range rest {
		if v.Latest {
			return unconflict, 0
		}
		if (!v.Conflict || v.OID == unconflict) && (best.OID == 0 || v.Modified > best.Modified) {
			best = v
		}
	}
	return unconflict, best.OID
}

// Handling returns the label in force for an object that arrives.
func Handling(o *comity.Object, a store.Arrival) comity.TLP {
	if o.TLP == comity.Unmarked {
		return a.Handling
	}
	return o.TLP
}

// Day returns the midnight (UTC) before t, for roll-ups.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// AtMost bounds a caller's limit; 0 and less mean whenZero.
func AtMost(n, whenZero, most int) int {
	if n <= 0 {
		return whenZero
	}
	return min(n, most)
}

// Added returns when a member is added (comity.Nanos): at in whole microseconds,
// or just after the last one.
func Added(at time.Time, last int64) int64 {
	return max(comity.Nanos(at.Truncate(time.Microsecond)), last+int64(time.Microsecond))
}

// Within cuts members before their Raw passes maxBytes, but never before the
// first; 0 for no bound.
func Within(ms []store.Member, maxBytes int64) []store.Member {
	size := int64(0)
	for i, m := range ms {
		size += int64(len(m.Version.Raw))
		if maxBytes > 0 && size > maxBytes && i > 0 {
			return ms[:i]
		}
	}
	return ms
}
