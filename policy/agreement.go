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
	maxParties = 100 // a signed note holds no more signatures
	maxStreams = 64
)

var (
	memberPattern = regexp.MustCompile(`^[a-z2-7]{32}$`)
	streamPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)
	typePattern   = regexp.MustCompile(`^(?:\*|[a-z0-9][a-z0-9-]{2,249})$`)
)

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
// the order of the document (federation.md 4.7). One that any finding refuses
// must not be signed. The document's own form, nonce and signatures are checked
// elsewhere.
func CheckAgreement(a comity.Agreement) []comity.Finding {
	var c checker
	c.parties(&a)
	if len(a.Streams) == 0 || len(a.Streams) > maxStreams {
		c.refuse("count", "streams", comity.Msg("policy.check_streams", number("n", int64(len(a.Streams))), number("limit", maxStreams)))
	}
	seen := map[string]bool{}
	for i := range a.Streams {
		c.stream(&a, &a.Streams[i], fmt.Sprintf("streams[%d]", i))
		if seen[a.Streams[i].Name] {
			c.refuse("unique", fmt.Sprintf("streams[%d].name", i), comity.Msg("policy.check_stream_twice", arg("stream", a.Streams[i].Name)))
		}
		seen[a.Streams[i].Name] = true
	}
	c.terms(&a)
	for _, s := range Symmetry(a) {
		if !s.Declared {
			c.refuse("symmetry", "asymmetries", comity.Msg("policy.check_undeclared", arg("stream", s.Stream)))
		}
	}
	return c.out
}

// checker collects findings.
type checker struct{ out []comity.Finding }

func (c *checker) refuse(rule, path string, m comity.Message) {
	c.out = append(c.out, comity.Finding{Rule: rule, Path: path, Refuses: true, Msg: m})
}

// parties checks who signs.
func (c *checker) parties(a *comity.Agreement) {
	n := len(a.Parties)
	switch {
	case a.Kind == "bilateral" && n != 2:
		c.refuse("count", "parties", comity.Msg("policy.check_bilateral", number("n", int64(n))))
	case a.Kind == "group" && (n < 2 || n > maxParties):
		c.refuse("count", "parties", comity.Msg("policy.check_group", number("n", int64(n)), number("limit", maxParties)))
	case a.Kind != "bilateral" && a.Kind != "group":
		c.refuse("kind", "kind", comity.Msg("policy.check_kind", arg("kind", a.Kind)))
	}
	seen := map[comity.MemberID]bool{}
	for i, p := range a.Parties {
		path := fmt.Sprintf("parties[%d].id", i)
		if !memberPattern.MatchString(string(p.ID)) {
			c.refuse("member-id", path, comity.Msg("policy.check_member", arg("member", p.ID)))
		}
		if seen[p.ID] {
			c.refuse("unique", path, comity.Msg("policy.check_party_twice", arg("member", p.ID.Short())))
		}
		seen[p.ID] = true
	}
}

// stream checks the clauses of one stream.
func (c *checker) stream(a *comity.Agreement, s *comity.Stream, path string) {
	if !streamPattern.MatchString(s.Name) {
		c.refuse("name", path+".name", comity.Msg("policy.check_stream_name", arg("stream", s.Name)))
	}
	for i, m := range s.Publishers {
		p := fmt.Sprintf("%s.publishers[%d]", path, i)
		if !a.Has(m) {
			c.refuse("party", p, comity.Msg("policy.check_publisher", arg("stream", s.Name), arg("member", m.Short())))
		}
		if slices.Contains(s.Publishers[:i], m) {
			c.refuse("unique", p, comity.Msg("policy.check_party_twice", arg("member", m.Short())))
		}
	}
	if s.Max < comity.Clear || s.Max >= comity.Red {
		c.refuse("ceiling", path+".max", comity.Msg("policy.check_ceiling", arg("stream", s.Name)))
	}
	for i, t := range s.Types {
		if !typePattern.MatchString(t) {
			c.refuse("type", fmt.Sprintf("%s.types[%d]", path, i), comity.Msg("policy.check_type", arg("stream", s.Name), arg("type", t)))
		}
	}
	if _, err := ParseFilter(s.Filter); err != nil {
		c.refuse("filter", path+".filter", comity.ErrorMessage(err))
	}
	switch s.Onward {
	case comity.OnwardNone, comity.OnwardConstituency, comity.OnwardTLP:
	default:
		c.refuse("onward", path+".onward", comity.Msg("policy.check_onward", arg("stream", s.Name), arg("onward", s.Onward)))
	}
	c.period(path+".within", s.Within)
	c.period(path+".retention", s.Retention)
	if s.Backfill != "none" && s.Backfill != "all" {
		c.period(path+".backfill", comity.Period(s.Backfill))
	}
}

// terms checks the clauses of the agreement as a whole.
func (c *checker) terms(a *comity.Agreement) {
	if a.Quota.ObjectsDay < 0 || a.Quota.BytesDay < 0 {
		c.refuse("quota", "quota", comity.Msg("policy.check_quota"))
	}
	c.period("receipts.within", a.ReceiptsWithin)
	c.period("erasure.answer_within", a.ErasureWithin)
	c.period("notice", a.Notice)
	if a.Confirm != "" && !share(a.Confirm) {
		c.refuse("confirm", "confirm", comity.Msg("policy.check_confirm", arg("confirm", a.Confirm)))
	}
	if a.ValidFrom.IsZero() {
		c.refuse("validity", "valid_from", comity.Msg("policy.check_valid_from"))
	}
	if !a.ValidUntil.IsZero() && !a.ValidFrom.Before(a.ValidUntil) {
		c.refuse("validity", "valid_until", comity.Msg("policy.check_valid_until", day("from", a.ValidFrom), day("until", a.ValidUntil)))
	}
}

// period checks a period that may be left out.
func (c *checker) period(path string, p comity.Period) {
	if _, err := ParsePeriod(p); err != nil {
		c.refuse("period", path, comity.ErrorMessage(err))
	}
}

// share reports whether s is a share such as "2/3": more than none, at most all.
func share(s string) bool {
	x, y, ok := strings.Cut(s, "/")
	n, err1 := strconv.ParseUint(x, 10, 8)
	m, err2 := strconv.ParseUint(y, 10, 8)
	return ok && err1 == nil && err2 == nil && n >= 1 && n <= m
}
