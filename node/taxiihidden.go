package node

import (
	"fmt"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/taxii"
)

// hiddenRuns remembers where nothing is that an audience may have, so that who
// asks again is not told by the clock that something stands there. What becomes
// visible within a run is seen hiddenFor later; nothing is seen too early.
type hiddenRuns struct {
	mu   sync.Mutex
	held map[string][]hiddenRun // by who asks for what, see hiddenKey
}

// hiddenRun says that none of the members after from, up to to, is visible.
type hiddenRun struct {
	from, to int64
	until    time.Time
}

const (
	hiddenFor  = time.Minute
	hiddenMin  = 2000 // shorter runs are not worth remembering
	maxHidden  = 1024 // keys
	maxRunsPer = 32   // runs of one key
)

// hiddenKey names a collection, an audience and what it asks for.
func hiddenKey(in comity.CollectionID, to *policy.Audience, f *taxii.Filter) string {
	return fmt.Sprintf("%q %d %q %q %q %q", in, to.Circle, to.Purpose, to.Retention, f.Types, f.IDs)
}

// skip returns the position behind the runs that begin at or before at.
func (h *hiddenRuns) skip(key string, at int64, now time.Time) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	for again := true; again; {
		again = false
		for _, r := range h.held[key] {
			if r.from <= at && at < r.to && now.Before(r.until) {
				at, again = r.to, true
			}
		}
	}
	return at
}

// add remembers a run; those within it are forgotten.
func (h *hiddenRuns) add(key string, from, to int64, now time.Time) {
	if to-from < hiddenMin {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	run := hiddenRun{from, to, now.Add(hiddenFor)}
	var kept []hiddenRun
	for _, r := range h.held[key] {
		if r.from >= run.from && r.to <= run.to || !now.Before(r.until) {
			continue // within the new one, or old
		}
		kept = append(kept, r)
	}
	if len(kept) >= maxRunsPer {
		kept = kept[1:]
	}
	if h.held == nil || len(h.held) >= maxHidden && h.held[key] == nil {
		h.held = map[string][]hiddenRun{}
	}
	h.held[key] = append(kept, run)
}
