package node

import (
	"slices"

	"github.com/comity-net/comity"
)

func (s *sharing) count(items []ShareItem) {
	for _, it := range items {
		s.res.Considered++
		if cameFromThem(it.Decision) {
			it.Already = true
		}
		switch {
		case it.Already && !it.Decision.Allowed():
			s.res.Already++
		case !it.Decision.Allowed():
			s.res.Refused++
			s.refused(it.Decision)
		case it.Already:
			s.res.Already++
		default:
			s.res.Shared++
			s.streams[it.Decision.Stream]++
		}
		if len(s.res.Items) < maxShareItems || !it.Decision.Allowed() && len(s.res.Items) < 2*maxShareItems {
			s.res.Items = append(s.res.Items, it)
		}
	}
}

// cameFromThem reports whether an object is not given because the receiver is
// who gave it: it has it, and nothing was held back.
func cameFromThem(d comity.Decision) bool {
	return !d.Allowed() && decider(d).Msg.Key == "policy.origin_has_it"
}

// decider is the reason that decided a refusal.
func decider(d comity.Decision) (why comity.Reason) {
	for _, r := range d.Reasons {
		if r.Effect != comity.Allow {
			why = r
		}
	}
	return why
}

// refused counts a refusal under the reason that decided it.
func (s *sharing) refused(d comity.Decision) {
	why := decider(d)
	key := why.Msg.String()
	if c := s.reasons[key]; c != nil {
		c.N++
		return
	}
	s.reasons[key] = &ReasonCount{Reason: why, N: 1}
}

// finish puts the counts in order: most first, then by name.
func (s *sharing) finish() {
	for name, n := range s.streams {
		s.res.Streams = append(s.res.Streams, Count{Name: name, N: n})
	}
	sortCounts(s.res.Streams)
	for _, c := range s.reasons {
		s.res.Refusals = append(s.res.Refusals, *c)
	}
	slices.SortFunc(s.res.Refusals, func(a, b ReasonCount) int {
		if a.N != b.N {
			return int(b.N - a.N)
		}
		if a.Reason.Msg.String() < b.Reason.Msg.String() {
			return -1
		}
		return 1
	})
	slices.SortStableFunc(s.res.Items, func(a, b ShareItem) int {
		return int(a.Decision.Verdict) - int(b.Decision.Verdict)
	})
	if len(s.res.Items) > maxShareItems {
		s.res.Items = s.res.Items[:maxShareItems]
	}
}

func sortCounts(c []Count) {
	slices.SortFunc(c, func(a, b Count) int {
		if a.N != b.N {
			return int(b.N - a.N)
		}
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
}
