package policy

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/comity-net/comity"
)

// Filter is a condition on objects, as it stands in a stream's clause and in the
// query that fills a collection:
//
//	sector in (finance, energy) and type = indicator and not country = "KZ"
//	confidence >= 50 or label in (phishing, "malicious-activity")
//	tlp <= green and (domain = gov.example or cidr in (198.51.100.0/24, 2001:db8::/32))
//
// Properties:
//
//	type        the STIX type
//	label       any of labels
//	country     two letters, where the object states one
//	sector      any of the object's sectors, and labels such as "sector:finance"
//	lang        the object's language
//	confidence  0 to 100
//	creator     the id of who made it, created_by_ref
//	tlp         the label in force: clear, green, amber, amber+strict, red
//	marking     the ids of marking definitions on it or on a part of it
//	value       the kinds of value it carries: ipv4, domain, url, hash …
//	exact       a value that it carries: exact = 198.51.100.7
//	domain      a domain and everything beneath it, also in URLs and e-mail addresses
//	cidr        addresses and blocks within a block, also in URLs
//
// The operators are = and != and in (…) for all, and < <= > >= for confidence
// and tlp; not, and, or, in falling strength, and brackets join conditions.
// Words compare without regard to case; a word with other characters than
// letters, digits and . _ + : / - stands in double quotes.
//
// A condition on a property that the object lacks is neither true nor false, nor
// is its opposite; the object matches only when the whole is true. So what is
// not stated never widens a stream.
//
// The zero Filter matches nothing.
type Filter struct {
	text string
	all  bool // no condition: everything matches
	root *node
}

// String returns the text that the filter was read from.
func (f Filter) String() string { return f.text }

// Match reports whether the object fulfils the filter; the label in force is the
// one that it carries.
func (f Filter) Match(o *comity.Object) bool {
	if o == nil {
		return false
	}
	return f.MatchUnder(o, o.TLP)
}

// MatchUnder is Match for an object under a label in force, which may be
// stricter than its own.
func (f Filter) MatchUnder(o *comity.Object, label comity.TLP) bool {
	match, _ := f.ask(&subject{Object: o, label: label})
	return match
}

// MatchIndexed asks the filter of an object of which only type, creator, country
// and the label in force are known. Unless sure, the rest must be read.
func (f Filter) MatchIndexed(o *comity.Object, label comity.TLP) (match, sure bool) {
	return f.ask(&subject{Object: o, label: label, partial: true})
}

func (f Filter) ask(s *subject) (match, sure bool) {
	if f.all || f.root == nil || s.Object == nil {
		return f.all && s.Object != nil, true
	}
	r := f.root.eval(s)
	return r.low == yes, r.low == r.high || r.high < yes
}

// subject is an object that a filter is asked of.
type subject struct {
	*comity.Object
	label   comity.TLP
	partial bool // only what MatchIndexed names is known
}

// truth is true, false, or not known; ordered, so that and is the smaller, or
// the greater of two.
type truth int8

const (
	no      truth = -1
	unknown truth = 0
	yes     truth = 1
)

// of gives yes or no.
func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

// span is what is known of a truth: it is one of low to high.
type span struct{ low, high truth }

// node is one condition, or several joined.
type node struct {
	op     op
	kids   []*node // and, or, not
	prop   string  // the others
	values []string
	number int            // confidence, tlp
	nets   []netip.Prefix // cidr
}

// op is what a node does.
type op uint8

const (
	opAnd op = iota
	opOr
	opNot
	opIn // one of values; = is in with one value
	opNotIn
	opLess
	opAtMost
	opMore
	opAtLeast
)

// eval gives the truth of a condition for an object.
func (n *node) eval(s *subject) span {
	switch n.op {
	case opAnd:
		t := span{yes, yes}
		for _, k := range n.kids {
			u := k.eval(s)
			t = span{min(t.low, u.low), min(t.high, u.high)}
		}
		return t
	case opOr:
		t := span{no, no}
		for _, k := range n.kids {
			u := k.eval(s)
			t = span{max(t.low, u.low), max(t.high, u.high)}
		}
		return t
	case opNot:
		u := n.kids[0].eval(s)
		return span{-u.high, -u.low}
	}
	if s.partial && !slices.Contains(indexed, n.prop) {
		return span{no, yes}
	}
	t := n.compare(s)
	return span{t, t}
}

// indexed are the properties that MatchIndexed knows.
var indexed = []string{"type", "creator", "country", "tlp"}

// compare gives the truth of one comparison.
func (n *node) compare(s *subject) truth {
	switch n.prop {
	case "confidence":
		return n.ordered(s.Confidence)
	case "tlp":
		if s.label == comity.Unmarked {
			return unknown
		}
		return n.ordered(int(s.label))
	}
	t := n.among(s.Object)
	if n.op == opNotIn {
		return -t
	}
	return t
}

// among reports whether any of the object's values of the property is one of
// the node's.
func (n *node) among(o *comity.Object) truth {
	switch n.prop {
	case "type":
		return n.one(o.Type)
	case "country":
		return n.one(o.Country)
	case "lang":
		return n.one(o.Lang)
	case "creator":
		return n.one(string(o.Creator))
	case "label":
		return n.any(o.Labels)
	case "marking":
		return n.marked(o)
	case "value", "exact", "domain", "cidr":
		if len(o.Values) == 0 {
			return unknown
		}
		return of(slices.ContainsFunc(o.Values, n.carries))
	case "sector":
		return n.any(sectors(o))
	}
	return unknown
}

// one compares a property that has one value.
func (n *node) one(v string) truth {
	if v == "" {
		return unknown
	}
	return of(n.has(v))
}

// any compares a property that has several.
func (n *node) any(vs []string) truth {
	if len(vs) == 0 {
		return unknown
	}
	return of(slices.ContainsFunc(vs, n.has))
}

// has reports whether v is one of the node's values.
func (n *node) has(v string) bool {
	return slices.ContainsFunc(n.values, func(w string) bool { return strings.EqualFold(v, w) })
}

// ordered compares a number; below 0 there is none.
func (n *node) ordered(c int) truth {
	if c < 0 {
		return unknown
	}
	switch n.op {
	case opLess:
		return of(c < n.number)
	case opAtMost:
		return of(c <= n.number)
	case opMore:
		return of(c > n.number)
	case opAtLeast:
		return of(c >= n.number)
	}
	has := of(slices.Contains(n.values, strconv.Itoa(c)))
	if n.op == opNotIn {
		return -has
	}
	return has
}
