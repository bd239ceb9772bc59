package formats

import (
	"strconv"
	"strings"

	"github.com/comity-net/comity"
)

// Columns says in which column of a table each thing stands, counted from 1; 0
// means that the table has none. Only Value is needed.
type Columns struct {
	Value, Type, TLP, Confidence int
	From, Until, Seen            int // valid from, valid until, last seen
	Labels, Description          int
	Source, Country              int
}

// columnNames maps a column's name to the header words that mean it. The first
// word is the name that ParseColumns takes.
var columnNames = [...][]string{
	{"value", "indicator", "ioc", "observable", "indicator_value", "ioc_value", "ip", "ip_address", "ipaddress", "dst_ip", "src_ip", "domain", "hostname", "fqdn", "url", "hash", "md5", "sha1", "sha256", "address"},
	{"type", "indicator_type", "ioc_type", "value_type", "kind"},
	{"tlp", "marking", "handling"},
	{"confidence", "confidence_level", "score"},
	{"valid_from", "first_seen", "firstseen", "first_seen_utc", "created", "date", "dateadded", "date_added", "timestamp"},
	{"valid_until", "expires", "expiry", "expiration", "valid_to"},
	{"last_seen", "lastseen", "last_seen_utc", "last_online", "modified", "updated"},
	{"labels", "label", "tags", "tag"},
	{"description", "comment", "comments", "notes", "note"},
	{"source", "feed", "reporter", "provider"},
	{"country", "cc", "country_code"},
}

// field returns the place of the i-th name of columnNames.
func (c *Columns) field(i int) *int {
	return [...]*int{&c.Value, &c.Type, &c.TLP, &c.Confidence, &c.From, &c.Until, &c.Seen,
		&c.Labels, &c.Description, &c.Source, &c.Country}[i]
}

// IsZero reports whether no column is named.
func (c Columns) IsZero() bool { return c == Columns{} }

// ParseColumns reads "value=3,type=1": names as in a header, numbers from 1.
// The error is of kind Usage.
func ParseColumns(s string) (Columns, error) {
	var c Columns
	for _, part := range strings.Split(s, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, num, ok := strings.Cut(part, "=")
		n, err := strconv.Atoi(strings.TrimSpace(num))
		if !ok || err != nil || n < 1 || n > maxCells {
			return Columns{}, comity.E(comity.Usage, "import", s,
				comity.Msg("formats.bad_column", comity.A("part", strings.TrimSpace(part)), comity.A("max", maxCells)), nil)
		}
		i := columnOf(name)
		if i < 0 {
			return Columns{}, comity.E(comity.Usage, "import", s,
				comity.Msg("formats.unknown_column", comity.A("name", strings.TrimSpace(name)), comity.A("names", columnList())), nil)
		}
		*c.field(i) = n
	}
	if !c.IsZero() && c.Value == 0 {
		return Columns{}, comity.E(comity.Usage, "import", s, comity.Msg("formats.no_value_named"), nil)
	}
	return c, nil
}

// MatchHeader finds the columns that a header line names; ok is false when none
// of them is a value.
func MatchHeader(cells []string) (c Columns, ok bool) {
	best := make([]int, len(columnNames)) // rank of the word taken, so that "value" beats "ip"
	for at, cell := range cells {
		if len(cell) > 100 {
			continue // no header word, and not worth the work
		}
		word := headerWord(cell)
		for i, words := range columnNames {
			for rank, w := range words {
				if w == word && (*c.field(i) == 0 || rank < best[i]) {
					*c.field(i), best[i] = at+1, rank
				}
			}
		}
	}
	return c, c.Value != 0
}

func columnOf(name string) int {
	word := headerWord(name)
	for i, words := range columnNames {
		for _, w := range words {
			if w == word {
				return i
			}
		}
	}
	return -1
}

func columnList() string {
	var names []string
	for _, words := range columnNames {
		names = append(names, words[0])
	}
	return strings.Join(names, ", ")
}

// headerWord brings "# First Seen (UTC)" to "first_seen_utc".
func headerWord(s string) string {
	s = strings.ToLower(strings.TrimLeft(strings.TrimSpace(s), "#\"' "))
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == ' ', r == '-', r == '_', r == '.':
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String(), "_")
}
