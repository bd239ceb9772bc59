package taxii

import (
	"strings"
	"time"
)

const timeLayout = "2006-01-02T15:04:05.000000Z"

// FormatTime writes a TAXII timestamp: UTC, "Z", exactly six fraction digits
// (TAXII 2.1, section 2). Digits beyond microseconds are cut.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime reads a timestamp as clients send them: RFC 3339 with any number of
// fraction digits, and also with a blank for the T, without seconds, with an
// offset, without one (UTC), or a date alone.
func ParseTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if len(s) < len("2006-01-02") || len(s) > 64 {
		return time.Time{}, false
	}
	date, clock := s[:10], s[10:]
	if clock != "" {
		if c := clock[0]; c != 'T' && c != 't' && c != ' ' {
			return time.Time{}, false
		}
		// A plus sign that was not percent-encoded arrives as a blank.
		clock = "T" + strings.ReplaceAll(strings.ToUpper(clock[1:]), " ", "+")
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, date+clock); err == nil {
			if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
				return time.Time{}, false
			}
			return t, true
		}
	}
	return time.Time{}, false
}

// Go accepts a fraction after the seconds of any of these.
var timeLayouts = []string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05-0700",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
}
