package i18n

import (
	"strconv"
	"strings"

	"github.com/comity-net/comity"
)

// periodKeys are the units of an ISO 8601 duration, before and after the T.
var periodKeys = map[bool]map[byte]string{
	false: {'Y': "i18n.span.years", 'M': "i18n.span.months", 'W': "i18n.span.weeks", 'D': "i18n.span.days"},
	true:  {'H': "i18n.span.hours", 'M': "i18n.span.minutes", 'S': "i18n.span.seconds"},
}

// Period writes an ISO 8601 duration in words, unit by unit as it stands:
// "P30D" is "30 days", "PT72H" "72 hours". What is none is returned as it is.
func (p Printer) Period(d comity.Period) string {
	rest, ok := strings.CutPrefix(string(d), "P")
	if !ok || rest == "" || len(rest) > 40 {
		return string(d)
	}
	var out []string
	clock, digits := false, 0
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == 'T' && !clock && digits == i:
			clock, digits = true, i+1
		case c >= '0' && c <= '9':
		default:
			n, err := strconv.ParseInt(rest[digits:i], 10, 64)
			key := periodKeys[clock][c]
			if err != nil || key == "" {
				return string(d)
			}
			out = append(out, p.T(comity.Msg(key, comity.A("n", n))))
			digits = i + 1
		}
	}
	if digits != len(rest) || len(out) == 0 || strings.HasSuffix(rest, "T") {
		return string(d)
	}
	return strings.Join(out, " ")
}
