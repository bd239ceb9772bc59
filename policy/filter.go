package policy

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
)

// Filter is a condition on objects, as it stands in a stream's clause:
//
//	sector in (finance, energy) and type = indicator and not country = "KZ"
//	confidence >= 50 or label in (phishing, "malicious-activity")
//
// Properties:
//
//	type        the STIX type
//	label       any of labels
//	country     two letters, where the object states one
//	sector      any of the object's sectors, and labels such as "sector:finance"
//	lang        the object's language
//	confidence  0 to 100
//	value       the kinds of value it carries: ipv4, domain, url, hash …
//
// The operators are = and != and in (…) for all, and < <= > >= for confidence;
// not, and, or, in falling strength, and brackets join conditions. Words compare
// without regard to case; a word with other characters than letters, digits and
// . _ + : - stands in double quotes.
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

// Match reports whether the object fulfils the filter.
func (f Filter) Match(o *comity.Object) bool {
	if o == nil {
		return false
	}
	return f.all || (f.root != nil && f.root.eval(o) == yes)
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

// node is one condition, or several joined.
type node struct {
	op     op
	kids   []*node  // and, or, not
	prop   string   // the others
	values []string // lower case
	number int      // confidence
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
func (n *node) eval(o *comity.Object) truth {
	switch n.op {
	case opAnd:
		t := yes
		for _, k := range n.kids {
			t = min(t, k.eval(o))
		}
		return t
	case opOr:
		t := no
		for _, k := range n.kids {
			t = max(t, k.eval(o))
		}
		return t
	case opNot:
		return -n.kids[0].eval(o)
	}
	if n.prop == "confidence" {
		return n.confidence(o.Confidence)
	}
	t := n.among(o)
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
	case "label":
		return n.any(o.Labels)
	case "value":
		if len(o.Values) == 0 {
			return unknown
		}
		return of(slices.ContainsFunc(o.Values, func(v comity.Value) bool { return n.has(v.Kind.String()) }))
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

// confidence compares the object's confidence; below 0 it has none.
func (n *node) confidence(c int) truth {
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

// sectors gives the object's sectors: the property of that name, and what its
// labels say after "sector:".
func sectors(o *comity.Object) []string {
	var out []string
	for _, l := range o.Labels {
		if len(l) > 7 && strings.EqualFold(l[:7], "sector:") {
			out = append(out, l[7:])
		}
	}
	if !bytes.Contains(o.Raw, []byte(`"sectors"`)) {
		return out
	}
	return append(out, rawSectors(o.Raw)...)
}

// rawSectors reads the strings of the top-level array "sectors". JSON that
// cannot be read has none.
func rawSectors(raw []byte) []string {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil
		}
		if name.String() != "sectors" {
			if d.SkipValue() != nil {
				return nil
			}
			continue
		}
		var out []string
		if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
			return nil
		}
		for d.PeekKind() == '"' {
			t, err := d.ReadToken()
			if err != nil {
				return nil
			}
			out = append(out, t.String())
		}
		return out
	}
	return nil
}
