package formats

import (
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
)

// Entry is what one row says: the indicator, with Created and Modified still to
// be set, and the dates that the row gives.
type Entry struct {
	Indicator
	Seen time.Time // last seen; zero for none
}

// Entry reads a row. A row that cannot be taken gives the findings that say why.
// It is safe for several goroutines.
func (c *CSV) Entry(r Row) (Entry, []comity.Finding) {
	e := Entry{Indicator: Indicator{Confidence: -1}}
	if !r.Fault.IsZero() {
		return e, []comity.Finding{refuse("row", "", r.Fault)}
	}
	cells := c.Cells(r)
	get := func(col int) string {
		if col < 1 || col > len(cells) {
			return ""
		}
		return cells[col-1]
	}
	var fs []comity.Finding
	bad := func(rule, path string, m comity.Message) { fs = append(fs, refuse(rule, path, m)) }

	text := get(c.cols.Value)
	v, ok := value(get(c.cols.Type), text)
	switch {
	case text == "":
		bad("required", "value", comity.Msg("formats.empty_value", comity.A("column", c.cols.Value)))
	case !ok:
		bad("value", "value", comity.Msg("formats.not_a_value", comity.A("value", clip(text, 200)), comity.A("type", clip(get(c.cols.Type), 50))))
	}
	e.Value = v
	if s := get(c.cols.TLP); s != "" {
		if e.TLP, ok = comity.ParseTLP(s); !ok {
			bad("tlp", "tlp", comity.Msg("formats.not_a_tlp", comity.A("value", clip(s, 50))))
		}
	}
	if s := get(c.cols.Confidence); s != "" {
		if e.Confidence, ok = confidence(s); !ok {
			bad("confidence", "confidence", comity.Msg("formats.not_a_confidence", comity.A("value", clip(s, 50))))
		}
	}
	for _, d := range []struct {
		name string
		col  int
		to   *time.Time
	}{{"valid_from", c.cols.From, &e.ValidFrom}, {"valid_until", c.cols.Until, &e.ValidUntil}, {"last_seen", c.cols.Seen, &e.Seen}} {
		if s := get(d.col); s != "" && s != "-" {
			if *d.to, ok = date(s); !ok {
				bad("date", d.name, comity.Msg("formats.not_a_date", comity.A("value", clip(s, 50))))
			}
		}
	}
	e.Labels = labels(get(c.cols.Labels))
	e.Description = clip(get(c.cols.Description), 10_000)
	e.Source = clip(get(c.cols.Source), 1000)
	e.Country = country(get(c.cols.Country))
	return e, fs
}

func refuse(rule, path string, m comity.Message) comity.Finding {
	return comity.Finding{Rule: rule, Path: path, Refuses: true, Msg: m}
}

// kindWords maps the words that tables use for the type of a value. An unknown
// word says nothing and the value is judged by its form.
var kindWords = map[string]comity.ValueKind{
	"ipv4": comity.ValueIPv4, "ipv4_addr": comity.ValueIPv4, "ipv6": comity.ValueIPv6, "ipv6_addr": comity.ValueIPv6,
	"domain": comity.ValueDomain, "domain_name": comity.ValueDomain, "hostname": comity.ValueDomain, "fqdn": comity.ValueDomain,
	"url": comity.ValueURL, "uri": comity.ValueURL, "link": comity.ValueURL,
	"md5": comity.ValueHash, "sha1": comity.ValueHash, "sha256": comity.ValueHash, "sha512": comity.ValueHash, "hash": comity.ValueHash,
	"md5_hash": comity.ValueHash, "sha1_hash": comity.ValueHash, "sha256_hash": comity.ValueHash,
	"email": comity.ValueEmail, "email_addr": comity.ValueEmail, "email_src": comity.ValueEmail,
	"asn": comity.ValueASN, "as": comity.ValueASN, "autonomous_system": comity.ValueASN,
	"mac": comity.ValueMAC, "mac_addr": comity.ValueMAC,
	"filename": comity.ValuePath, "file": comity.ValuePath, "path": comity.ValuePath,
}

// value reads the cell as the type says, or by its form. A mere word is none.
func value(typ, text string) (comity.Value, bool) {
	v, ok := extract.Guess(text)
	if k, known := kindWords[headerWord(typ)]; known {
		if ok && v.Kind == k {
			return v, true // refanged, unlike what Normalize gives
		}
		return extract.Normalize(k, text)
	}
	if !ok || v.Kind == comity.ValueName || v.Kind == comity.ValueOther {
		return comity.Value{}, false
	}
	return v, true
}

// confidence reads 0–100, with or without a percent sign, or the words of the
// None/Low/Med/High scale of STIX 2.1, appendix A.
func confidence(s string) (int, bool) {
	switch strings.ToLower(s) {
	case "none":
		return 0, true
	case "low":
		return 15, true
	case "med", "medium", "moderate":
		return 50, true
	case "high":
		return 85, true
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(s, "%")))
	if err != nil || n < 0 || n > 100 {
		return -1, false
	}
	return n, true
}

// dateForms are the dates that tables use. Day-first and month-first forms with
// slashes are not among them: nobody can tell one from the other.
var dateForms = [...]string{time.RFC3339Nano, "2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006/01/02", "20060102"}

// date reads a date in UTC unless it says otherwise, or seconds since 1970.
func date(s string) (time.Time, bool) {
	for _, f := range dateForms {
		if t, err := time.Parse(f, s); err == nil && t.Year() >= 1970 && t.Year() < 10_000 {
			return t.UTC().Truncate(time.Millisecond), true // the precision of STIX times
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 1e9 && n < 1e11 {
		return time.Unix(n, 0).UTC(), true
	}
	return time.Time{}, false
}

// labels splits at comma, semicolon and bar.
func labels(s string) []string {
	var out []string
	for _, l := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == '|' }) {
		if l = strings.TrimSpace(l); l != "" && len(out) < 100 {
			out = append(out, clip(l, 250))
		}
	}
	return out
}

// country returns the code when s is one.
func country(s string) string {
	if len(s) == 2 && s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z' && s[1]|0x20 >= 'a' && s[1]|0x20 <= 'z' {
		return strings.ToUpper(s)
	}
	return ""
}
