package pattern

import (
	"cmp"
	"math"
	"strings"
	"time"
)

// decimal is a number as it is written, without rounding: ±0.digits × 10^exp.
// digits has no zeros at either end; zero has none at all.
type decimal struct {
	neg    bool
	digits string
	exp    int
}

// maxExponent is where exponents stop growing. Numbers beyond it are equal.
const maxExponent = 1 << 40

// parseDecimal reads a JSON number or a number of a pattern.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if d.neg = strings.HasPrefix(s, "-"); d.neg {
		s = s[1:]
	}
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var ok bool
		if exponent, ok = parseExponent(s[i+1:]); !ok {
			return d, false
		}
		mantissa = s[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return d, false
	}
	d.exp = len(whole) + exponent
	d.digits = whole
	if fraction != "" {
		d.digits = whole + fraction
	}
	full := len(d.digits)
	d.digits = strings.TrimLeft(d.digits, "0")
	d.exp -= full - len(d.digits)
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}, true
	}
	return d, true
}

func parseExponent(s string) (int, bool) {
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if s == "" || !allDigits(s) {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s) && n < maxExponent; i++ {
		n = n*10 + int(s[i]-'0')
	}
	n = min(n, maxExponent)
	if neg {
		n = -n
	}
	return n, true
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (d decimal) compare(o decimal) int {
	if d.sign() != o.sign() {
		return cmp.Compare(d.sign(), o.sign())
	}
	c := cmp.Compare(d.exp, o.exp)
	if c == 0 || d.digits == "" {
		c = strings.Compare(d.digits, o.digits)
	}
	if d.neg {
		return -c
	}
	return c
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// text writes the number in the one shortest way that a pattern can hold. ok is
// false when it would be out of proportion.
func (d decimal) text() (s string, ok bool) {
	const most = 1 << 12
	n := len(d.digits)
	switch {
	case n == 0:
		return "0", true
	case d.exp > most || d.exp < -most:
		return "", false
	case d.exp <= 0:
		s = "0." + strings.Repeat("0", -d.exp) + d.digits
	case d.exp >= n:
		s = d.digits + strings.Repeat("0", d.exp-n)
	default:
		s = d.digits[:d.exp] + "." + d.digits[d.exp:]
	}
	if d.neg {
		s = "-" + s
	}
	return s, true
}

// instant is a point in time, exact to any number of digits.
type instant struct {
	sec      int64
	fraction string // digits of the second without zeros at the end
}

// parseInstant reads a STIX timestamp (section 2.16): RFC 3339 in UTC. A leap
// second is the first second of the next minute.
func parseInstant(s string) (instant, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[len(s)-1] != 'Z' ||
		s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return instant{}, false
	}
	n, ok := [6]int{}, true
	for i, at := range [...][2]int{{0, 4}, {5, 7}, {8, 10}, {11, 13}, {14, 16}, {17, 19}} {
		for _, c := range []byte(s[at[0]:at[1]]) {
			ok = ok && c >= '0' && c <= '9'
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	if !ok || n[3] > 23 || n[4] > 59 || n[5] > 60 {
		return instant{}, false
	}
	fraction := ""
	if rest := s[19 : len(s)-1]; rest != "" {
		if rest[0] != '.' || len(rest) == 1 || !allDigits(rest[1:]) {
			return instant{}, false
		}
		fraction = strings.TrimRight(rest[1:], "0")
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	day := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	if day.Month() != time.Month(n[1]) || day.Day() != n[2] || n[1] == 0 {
		return instant{}, false
	}
	return instant{t.Unix(), fraction}, true
}

func (a instant) compare(b instant) int {
	if c := cmp.Compare(a.sec, b.sec); c != 0 {
		return c
	}
	return strings.Compare(a.fraction, b.fraction)
}

// text writes the instant as a timestamp; ok is false outside the years 0–9999.
func (a instant) text() (string, bool) {
	t := time.Unix(a.sec, 0).UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return "", false
	}
	s := t.Format("2006-01-02T15:04:05")
	if a.fraction != "" {
		s += "." + a.fraction
	}
	return s + "Z", true
}

// moment is a point in time to the nanosecond, over all years that time.Time
// knows, with the distances that WITHIN needs.
type moment struct{ sec, nsec int64 }

var (
	never   = moment{sec: math.MinInt64} // before every moment
	forever = moment{sec: math.MaxInt64} // after every moment
)

func momentOf(t time.Time) moment { return moment{t.Unix(), int64(t.Nanosecond())} }

// ceil is the first moment that is not before the instant: for moments, m ≥ a
// and m ≥ ceil(a) are the same.
func (a instant) ceil() moment {
	return moment{a.sec, 0}.add(nanos(a.fraction))
}

// nanos rounds the digits of a fraction up to whole nanoseconds.
func nanos(fraction string) moment {
	n := int64(0)
	for i := range 9 {
		n *= 10
		if i < len(fraction) {
			n += int64(fraction[i] - '0')
		}
	}
	if len(fraction) > 9 && strings.Trim(fraction[9:], "0") != "" {
		n++
	}
	return moment{0, n}
}

// seconds reads the number of WITHIN, rounded up to whole nanoseconds.
func seconds(s string) moment {
	whole, fraction, _ := strings.Cut(s, ".")
	n := int64(0)
	for _, c := range []byte(whole) {
		if n = n*10 + int64(c-'0'); n > maxExponent {
			n = maxExponent
		}
	}
	return moment{n, 0}.add(nanos(fraction))
}

func (a moment) add(b moment) moment {
	if a == forever || a == never {
		return a
	}
	s := moment{a.sec + b.sec, a.nsec + b.nsec}
	if s.nsec >= 1e9 {
		s.sec, s.nsec = s.sec+1, s.nsec-1e9
	}
	return s
}

func (a moment) compare(b moment) int {
	if c := cmp.Compare(a.sec, b.sec); c != 0 {
		return c
	}
	return cmp.Compare(a.nsec, b.nsec)
}

// next is the smallest moment after a.
func (a moment) next() moment { return a.add(moment{0, 1}) }
