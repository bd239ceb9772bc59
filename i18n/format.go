package i18n

import (
	"strconv"
	"time"

	"golang.org/x/text/number"

	"github.com/comity-net/comity"
)

// count reads the argument "n", which chooses the plural form.
func count(a comity.Arg) (int64, bool) {
	if a.Name != "n" {
		return 0, false
	}
	n, err := strconv.ParseInt(a.Value, 10, 64)
	return n, err == nil
}

// Number writes a whole number with the language's grouping: "24,771".
func (p Printer) Number(n int64) string { return p.numbers.Sprint(number.Decimal(n)) }

// Decimal writes f with at most digits places behind the point.
func (p Printer) Decimal(f float64, digits int) string {
	return p.numbers.Sprint(number.Decimal(f, number.MaxFractionDigits(digits)))
}

// byteUnits are the keys for the powers of a thousand.
var byteUnits = [...]string{"i18n.bytes.b", "i18n.bytes.kb", "i18n.bytes.mb", "i18n.bytes.gb", "i18n.bytes.tb"}

// Bytes writes a size in decimal units: "33.9 MB".
func (p Printer) Bytes(n int64) string {
	f, unit := float64(n), 0
	for f >= 999.5 && unit < len(byteUnits)-1 {
		f /= 1000
		unit++
	}
	digits := 0
	if unit > 0 && f < 99.95 {
		digits = 1
	}
	return p.T(comity.Msg(byteUnits[unit], comity.A("v", p.Decimal(f, digits))))
}

// Time writes an instant so that it cannot be misread in any country:
// "2026-11-23 20:36 UTC"; "" for the zero time.
func (p Printer) Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// Date writes the day of an instant in UTC: "2026-11-23"; "" for the zero time.
func (p Printer) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// step is one unit of a span of time and the keys that write it.
type step struct {
	unit      time.Duration
	ago, span string
}

// steps goes from the largest unit to the smallest.
var steps = [...]step{
	{365 * 24 * time.Hour, "i18n.ago.years", "i18n.span.years"},
	{24 * time.Hour, "i18n.ago.days", "i18n.span.days"},
	{time.Hour, "i18n.ago.hours", "i18n.span.hours"},
	{time.Minute, "i18n.ago.minutes", "i18n.span.minutes"},
	{time.Second, "i18n.ago.seconds", "i18n.span.seconds"},
}

// Ago writes how long before now t was, in one unit: "3 minutes ago". What is
// less than ten seconds off, or lies ahead, is "just now"; zero gives "never".
func (p Printer) Ago(t, now time.Time) string {
	if t.IsZero() {
		return p.T(comity.Msg("i18n.never"))
	}
	d := now.Sub(t)
	if d < 10*time.Second {
		return p.T(comity.Msg("i18n.just_now"))
	}
	for _, s := range steps {
		if d >= s.unit {
			return p.T(comity.Msg(s.ago, comity.A("n", int64(d/s.unit))))
		}
	}
	return p.T(comity.Msg("i18n.just_now"))
}

// Duration writes a span in its largest unit ("72 hours" stays "3 days");
// below a second in milliseconds.
func (p Printer) Duration(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	for _, s := range steps {
		if d >= s.unit {
			return p.T(comity.Msg(s.span, comity.A("n", int64(d/s.unit))))
		}
	}
	return p.T(comity.Msg("i18n.span.ms", comity.A("n", d.Milliseconds())))
}
