package policy

import (
	"time"

	"github.com/comity-net/comity"
)

// Span is a period taken apart. Years and months have no fixed length; Add gives
// them the calendar's.
type Span struct {
	Years, Months, Days int
	Clock               time.Duration // hours, minutes, seconds
}

// ParsePeriod reads an ISO 8601 duration of whole numbers: P[n]Y[n]M[n]D and
// T[n]H[n]M[n]S, or P[n]W; at least one part, each below a million. "" is the
// zero Span.
func ParsePeriod(p comity.Period) (Span, error) {
	var s Span
	if p == "" {
		return s, nil
	}
	fail := func() (Span, error) {
		return Span{}, comity.E(comity.Invalid, "parse period", string(p), comity.Msg("policy.bad_period", arg("period", p)), nil)
	}
	rest := string(p)
	if rest[0] != 'P' {
		return fail()
	}
	rest = rest[1:]
	date, clock := "YMWD", "HMS" // the letters that may still come
	inClock, parts := false, 0
	for len(rest) > 0 {
		if rest[0] == 'T' && !inClock {
			if rest = rest[1:]; rest == "" {
				return fail()
			}
			inClock = true
		}
		n, unit, tail, ok := part(rest)
		if !ok {
			return fail()
		}
		rest = tail
		parts++
		left := &date
		if inClock {
			left = &clock
		}
		if *left, ok = after(*left, unit); !ok || !s.put(n, unit, inClock) {
			return fail()
		}
		if unit == 'W' && (parts > 1 || rest != "") {
			return fail()
		}
	}
	if parts == 0 {
		return fail()
	}
	return s, nil
}

// part cuts "12D…" into 12, 'D' and the rest.
func part(s string) (n int, unit byte, rest string, ok bool) {
	i := 0
	for i < len(s) && i < 7 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i == 0 || i == 7 || i == len(s) {
		return 0, 0, "", false
	}
	return n, s[i], s[i+1:], true
}

// after gives the letters that may follow unit.
func after(letters string, unit byte) (string, bool) {
	for i := range letters {
		if letters[i] == unit {
			return letters[i+1:], true
		}
	}
	return "", false
}

// put adds one part.
func (s *Span) put(n int, unit byte, clock bool) bool {
	switch {
	case clock && unit == 'H':
		s.Clock += time.Duration(n) * time.Hour
	case clock && unit == 'M':
		s.Clock += time.Duration(n) * time.Minute
	case clock && unit == 'S':
		s.Clock += time.Duration(n) * time.Second
	case unit == 'Y':
		s.Years = n
	case unit == 'M':
		s.Months = n
	case unit == 'W':
		s.Days = 7 * n
	case unit == 'D':
		s.Days = n
	default:
		return false
	}
	return true
}

// Add gives the time one period after t.
func (s Span) Add(t time.Time) time.Time { return t.AddDate(s.Years, s.Months, s.Days).Add(s.Clock) }

// atMost reports whether s is never longer than o, whenever both begin.
func (s Span) atMost(o Span) bool {
	if s == o {
		return true
	}
	if s.Years == o.Years && s.Months == o.Months {
		return s.fixed() <= o.fixed()
	}
	const day = 24 * 3600
	longest := int64(s.Years)*366*day + int64(s.Months)*31*day + s.fixed()
	shortest := int64(o.Years)*365*day + int64(o.Months)*28*day + o.fixed()
	return longest <= shortest
}

// fixed is the part whose length does not depend on the calendar, in seconds.
func (s Span) fixed() int64 { return int64(s.Days)*24*3600 + int64(s.Clock/time.Second) }
