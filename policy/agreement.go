package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/comity-net/comity"
)

// Bounds of an agreement.
const (
	maxStreams = 64
)

var (
	memberPattern = regexp.MustCompile(`^[a-z2-7]{32}$`)
	streamPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)
	customPattern = regexp.MustCompile(`^x-[a-z0-9-]{1,247}$`)
)

// stixTypes are the types of STIX 2.1 that are objects of their own; a bundle is
// none. Others are custom and begin with x-.
var stixTypes = strings.Fields(`attack-pattern campaign course-of-action grouping identity incident indicator
	infrastructure intrusion-set location malware malware-analysis note observed-data opinion report threat-actor
	tool vulnerability relationship sighting artifact autonomous-system directory domain-name email-addr
	email-message file ipv4-addr ipv6-addr mac-addr mutex network-traffic process software url user-account
	windows-registry-key x509-certificate marking-definition language-content extension-definition`)

// purposeWords are the words of the purpose clause that all parties understand alike
// (docs/agreement.md). Others begin with x-.
var purposeWords = []string{"defence", "detection", "prevention", "response", "research", "statistics", "training", "law-enforcement"}

// Asymmetry is one clause that does not bind all parties alike.
type Asymmetry struct {
	Stream   string         // the stream whose clause it is
	Clause   string         // the member of the document: "publishers"
	Msg      comity.Message // what is unequal, in words
	Declared bool           // the agreement lists it among its asymmetries
}

// Symmetry finds every clause that does not bind all parties alike, in the order
// of the document. One is declared when a text in a.Asymmetries names its stream
// as a word of its own.
func Symmetry(a comity.Agreement) []Asymmetry {
	var out []Asymmetry
	for i := range a.Streams {
		s := &a.Streams[i]
		var silent []string
		for _, p := range a.Parties {
			if !s.Publishes(p.ID) {
				silent = append(silent, nameOf(p))
			}
		}
		if len(silent) == 0 {
			continue
		}
		out = append(out, Asymmetry{Stream: s.Name, Clause: "publishers", Declared: declared(a.Asymmetries, s.Name),
			Msg: comity.Msg("policy.asymmetry_publishers", arg("stream", s.Name), arg("members", strings.Join(silent, ", ")),
				number("n", int64(len(silent))))})
	}
	return out
}

// nameOf gives a party's name, or its id when it has none.
func nameOf(p comity.Party) string {
	if p.Name != "" {
		return p.Name
	}
	return p.ID.Short()
}

// declared reports whether one of the texts has the word.
func declared(texts []string, word string) bool {
	return slices.ContainsFunc(texts, func(t string) bool {
		return slices.Contains(strings.FieldsFunc(t, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
		}), word)
	})
}

// CheckAgreement says everything that is wrong with an agreement's clauses, in
// the order of the document (federation.md 4.7): the property, the value found
// and what is allowed. One that any finding refuses must not be signed. The
// document's own form, nonce and signatures are checked elsewhere.
func CheckAgreement(a comity.Agreement) []comity.Finding {
	var c checker
	c.parties(&a)
	if len(a.Streams) == 0 || len(a.Streams) > maxStreams {
		c.refuse("count", "streams", "policy.check_streams", number("n", int64(len(a.Streams))), number("limit", maxStreams))
	}
	seen := map[string]bool{}
	for i := range a.Streams {
		c.stream(&a, &a.Streams[i], fmt.Sprintf("streams[%d]", i))
		if seen[a.Streams[i].Name] {
			c.refuse("unique", fmt.Sprintf("streams[%d].name", i), "policy.check_stream_twice", arg("stream", a.Streams[i].Name))
		}
		seen[a.Streams[i].Name] = true
	}
	c.terms(&a)
	c.symmetry(&a)
	return c.out
}

// A group has at least three founders, else it is bilateral; a signed note holds
// at most a hundred signatures (C2SP signed-note), so no charter has more.
const leastGroup, mostGroup = 3, 100

// checker collects findings. Each message has its property as the argument path.
type checker struct{ out []comity.Finding }

func (c *checker) refuse(rule, path, key string, args ...comity.Arg) {
	m := comity.Msg(key, append([]comity.Arg{arg("path", path)}, args...)...)
	c.out = append(c.out, comity.Finding{Rule: rule, Path: path, Refuses: true, Msg: m})
}

// parties checks who signs.
func (c *checker) parties(a *comity.Agreement) {
	n := len(a.Parties)
	switch {
	case a.Kind == "bilateral" && n != 2:
		c.refuse("count", "parties", "policy.check_bilateral", number("n", int64(n)))
	case a.Kind == "group" && (n < leastGroup || n > mostGroup):
		c.refuse("count", "parties", "policy.check_group", number("n", int64(n)), number("least", leastGroup), number("most", mostGroup))
	case a.Kind != "bilateral" && a.Kind != "group":
		c.refuse("kind", "kind", "policy.check_kind", arg("kind", a.Kind))
	}
	seen := map[comity.MemberID]bool{}
	for i, p := range a.Parties {
		path := fmt.Sprintf("parties[%d].id", i)
		if !memberPattern.MatchString(string(p.ID)) {
			c.refuse("member-id", path, "policy.check_member", arg("member", p.ID))
		}
		if seen[p.ID] {
			c.refuse("unique", path, "policy.check_party_twice", arg("member", p.ID.Short()))
		}
		seen[p.ID] = true
	}
}

// stream checks the clauses of one stream.
func (c *checker) stream(a *comity.Agreement, s *comity.Stream, path string) {
	if !streamPattern.MatchString(s.Name) {
		c.refuse("name", path+".name", "policy.check_stream_name", arg("stream", s.Name))
	}
	for i, m := range s.Publishers {
		p := fmt.Sprintf("%s.publishers[%d]", path, i)
		if !a.Has(m) {
			c.refuse("party", p, "policy.check_publisher", arg("stream", s.Name), arg("member", m.Short()))
		}
		if slices.Contains(s.Publishers[:i], m) {
			c.refuse("unique", p, "policy.check_party_twice", arg("member", m.Short()))
		}
	}
	if s.Max < comity.Clear || s.Max >= comity.Red {
		c.refuse("ceiling", path+".max", "policy.check_ceiling", arg("stream", s.Name))
	}
	for i, t := range s.Types {
		if t != "*" && !slices.Contains(stixTypes, t) && !customPattern.MatchString(t) {
			c.refuse("type", fmt.Sprintf("%s.types[%d]", path, i), "policy.check_type", arg("stream", s.Name), arg("type", t))
		}
	}
	if _, err := ParseFilter(s.Filter); err != nil {
		c.refuse("filter", path+".filter", "policy.check_filter", arg("filter", s.Filter))
		c.out = append(c.out, comity.Finding{Rule: "filter", Path: path + ".filter", Refuses: true, Msg: comity.ErrorMessage(err)})
	}
	for i, p := range s.Purpose {
		if !slices.Contains(purposeWords, p) && !customPattern.MatchString(p) {
			c.refuse("purpose", fmt.Sprintf("%s.purpose[%d]", path, i), "policy.check_purpose", arg("purpose", p), arg("allowed", strings.Join(purposeWords, ", ")))
		}
	}
	switch s.Onward {
	case comity.OnwardNone, comity.OnwardConstituency, comity.OnwardTLP:
	default:
		c.refuse("onward", path+".onward", "policy.check_onward", arg("stream", s.Name), arg("onward", s.Onward))
	}
	c.period(path+".within", s.Within)
	if s.Backfill != "none" && s.Backfill != "all" {
		c.period(path+".backfill", comity.Period(s.Backfill))
	}
	c.period(path+".retention", s.Retention)
}

// terms checks the clauses of the agreement as a whole.
func (c *checker) terms(a *comity.Agreement) {
	if a.Quota.ObjectsDay < 0 {
		c.refuse("quota", "quota.objects_day", "policy.check_quota", number("quota", a.Quota.ObjectsDay))
	}
	if a.Quota.BytesDay < 0 {
		c.refuse("quota", "quota.bytes_day", "policy.check_quota", number("quota", a.Quota.BytesDay))
	}
	c.period("receipts.within", a.ReceiptsWithin)
	c.period("erasure.answer_within", a.ErasureWithin)
	if a.Confirm != "" && !share(a.Confirm) {
		c.refuse("confirm", "confirm", "policy.check_confirm", arg("confirm", a.Confirm))
	}
	c.period("notice", a.Notice)
	if a.ValidFrom.IsZero() {
		c.refuse("validity", "valid_from", "policy.check_valid_from")
	}
	if !a.ValidUntil.IsZero() && !a.ValidFrom.Before(a.ValidUntil) {
		c.refuse("validity", "valid_until", "policy.check_valid_until", day("from", a.ValidFrom), day("until", a.ValidUntil))
	}
}

// symmetry checks that what does not bind all alike is declared, and that what
// is declared is so.
func (c *checker) symmetry(a *comity.Agreement) {
	found := Symmetry(*a)
	for _, s := range found {
		if !s.Declared {
			c.refuse("symmetry", "asymmetries", "policy.check_undeclared", arg("stream", s.Stream))
		}
	}
	for i, text := range a.Asymmetries {
		if !slices.ContainsFunc(found, func(s Asymmetry) bool { return declared([]string{text}, s.Stream) }) {
			c.refuse("symmetry", fmt.Sprintf("asymmetries[%d]", i), "policy.check_no_asymmetry", arg("text", text))
		}
	}
}

// period checks a period that may be left out but not be empty.
func (c *checker) period(path string, p comity.Period) {
	span, err := ParsePeriod(p)
	switch {
	case err != nil:
		c.refuse("period", path, "policy.check_period", arg("period", p))
	case p != "" && span == Span{}:
		c.refuse("period", path, "policy.check_period_zero", arg("period", p))
	}
}

// Promised lists the clauses of an agreement that its people keep and that no
// software enforces, as property paths in the order of the document.
func Promised(a comity.Agreement) []string {
	var out []string
	add := func(has bool, path string) {
		if has {
			out = append(out, path)
		}
	}
	for i, s := range a.Streams {
		add(len(s.Purpose) > 0, fmt.Sprintf("streams[%d].purpose", i))
		add(s.Within != "", fmt.Sprintf("streams[%d].within", i))
		add(s.Backfill != "", fmt.Sprintf("streams[%d].backfill", i))
	}
	add(a.ReceiptsWithin != "", "receipts.within")
	add(a.ErasureWithin != "", "erasure.answer_within")
	add(a.Confirm != "", "confirm") // the software counts two thirds, whatever this says
	return out
}

// share reports whether s is a share such as "2/3": more than none, at most all.
func share(s string) bool {
	x, y, ok := strings.Cut(s, "/")
	n, err1 := strconv.ParseUint(x, 10, 8)
	m, err2 := strconv.ParseUint(y, 10, 8)
	return ok && err1 == nil && err2 == nil && n >= 1 && n <= m
}
