package policy

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// Bounds of a filter.
const (
	maxFilter      = 4096 // bytes
	maxFilterDepth = 16   // brackets and nots within each other
	maxFilterTerms = 256  // conditions and values
)

// ParseFilter reads a filter; see Filter for the language. The empty text
// matches everything. It refuses text over 4,096 bytes, nested more than 16 deep
// or with more than 256 conditions and values.
func ParseFilter(s string) (Filter, error) {
	if len(s) > maxFilter {
		return Filter{}, comity.E(comity.TooLarge, "parse filter", "", comity.Msg("policy.filter_long",
			number("length", int64(len(s))), number("limit", maxFilter)), nil)
	}
	if strings.TrimSpace(s) == "" {
		return Filter{text: s, all: true}, nil
	}
	p := &parser{src: s}
	p.next()
	root := p.or(0)
	if p.err == nil && p.kind != tokEnd {
		p.fail("policy.filter_unexpected")
	}
	if p.err != nil {
		return Filter{}, p.err
	}
	return Filter{text: s, root: root}, nil
}

// token is the kind of a token.
type token uint8

const (
	tokEnd  token = iota
	tokWord       // a word, a number
	tokText       // in quotes
	tokMark       // = != < <= > >= ( ) ,
)

// parser reads a filter from left to right; after the first error it stands
// still at the end.
type parser struct {
	src   string
	at    int // behind the current token
	kind  token
	text  string
	start int
	terms int
	err   error
}

// fail notes the first error, with the place and the word there.
func (p *parser) fail(key string) {
	if p.err == nil {
		found := p.text
		if p.kind == tokEnd {
			found = "…"
		}
		p.err = comity.E(comity.Invalid, "parse filter", p.src, comity.Msg(key, number("at", int64(p.start+1)), arg("found", found)), nil)
	}
	p.at, p.kind, p.text = len(p.src), tokEnd, ""
}

// next goes to the next token.
func (p *parser) next() {
	for p.at < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.at]) >= 0 {
		p.at++
	}
	p.start = p.at
	if p.at == len(p.src) {
		p.kind, p.text = tokEnd, ""
		return
	}
	switch c := p.src[p.at]; {
	case c == '"':
		p.quoted()
	case strings.IndexByte("=!<>(),", c) >= 0:
		n := 1
		if p.at+1 < len(p.src) && p.src[p.at+1] == '=' && strings.IndexByte("!<>", c) >= 0 {
			n = 2
		}
		p.kind, p.text = tokMark, p.src[p.at:p.at+n]
		p.at += n
	default:
		end := p.at
		for end < len(p.src) && wordByte(p.src[end]) {
			end++
		}
		if end == p.at {
			_, n := utf8.DecodeRuneInString(p.src[p.at:])
			p.kind, p.text = tokMark, p.src[p.at:p.at+n]
			p.fail("policy.filter_unexpected")
			return
		}
		p.kind, p.text, p.at = tokWord, p.src[p.at:end], end
	}
}

// wordByte reports whether a byte may stand in a word without quotes. Letters
// beyond ASCII may.
func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._+:/-", c) >= 0 || c >= 0x80
}

// quoted reads a text in quotes; \" and \\ stand for themselves.
func (p *parser) quoted() {
	var b strings.Builder
	for i := p.at + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '"':
			p.kind, p.text, p.at = tokText, b.String(), i+1
			return
		case c == '\\' && i+1 < len(p.src) && strings.IndexByte(`"\`, p.src[i+1]) >= 0:
			i++
			b.WriteByte(p.src[i])
		default:
			b.WriteByte(c)
		}
	}
	p.fail("policy.filter_quote")
}

// is reports whether the current token is this keyword.
func (p *parser) is(word string) bool { return p.kind == tokWord && strings.EqualFold(p.text, word) }

// mark takes the mark m if it stands there.
func (p *parser) mark(m string) bool {
	if p.kind != tokMark || p.text != m {
		return false
	}
	p.next()
	return true
}

// or reads conditions joined by or.
func (p *parser) or(depth int) *node { return p.joined(depth, "or", opOr, p.and) }

// and reads conditions joined by and.
func (p *parser) and(depth int) *node { return p.joined(depth, "and", opAnd, p.not) }

// joined reads one or more conditions with a word between them.
func (p *parser) joined(depth int, word string, o op, each func(int) *node) *node {
	first := each(depth)
	if !p.is(word) {
		return first
	}
	n := &node{op: o, kids: []*node{first}}
	for p.is(word) {
		p.next()
		n.kids = append(n.kids, each(depth))
	}
	return n
}

// not reads a condition, one in brackets, or the opposite of one.
func (p *parser) not(depth int) *node {
	if depth > maxFilterDepth {
		p.fail("policy.filter_deep")
		return nil
	}
	if p.is("not") {
		p.next()
		return &node{op: opNot, kids: []*node{p.not(depth + 1)}}
	}
	if p.mark("(") {
		n := p.or(depth + 1)
		if !p.mark(")") {
			p.fail("policy.filter_bracket")
		}
		return n
	}
	return p.condition()
}

// properties are the words that a condition may begin with.
var properties = []string{"type", "label", "country", "sector", "lang", "confidence", "creator", "tlp", "marking", "value", "exact", "domain", "cidr"}

// marks are the comparisons.
var marks = map[string]op{"=": opIn, "!=": opNotIn, "<": opLess, "<=": opAtMost, ">": opMore, ">=": opAtLeast}

// condition reads one comparison.
func (p *parser) condition() *node {
	n := &node{prop: strings.ToLower(p.text)}
	if p.kind != tokWord || !slices.Contains(properties, n.prop) {
		p.fail("policy.filter_property")
		return n
	}
	p.next()
	if p.is("in") {
		p.next()
		p.list(n)
		return n
	}
	o, ok := marks[p.text]
	if p.kind != tokMark || !ok || (o > opNotIn && n.prop != "confidence" && n.prop != "tlp") {
		p.fail("policy.filter_operator")
		return n
	}
	n.op = o
	p.next()
	p.value(n)
	return n
}

// list reads the values of an in.
func (p *parser) list(n *node) {
	n.op = opIn
	if !p.mark("(") {
		p.fail("policy.filter_bracket")
		return
	}
	p.value(n)
	for p.mark(",") {
		p.value(n)
	}
	if !p.mark(")") {
		p.fail("policy.filter_bracket")
	}
}

// value reads one value into n.
func (p *parser) value(n *node) {
	if p.terms++; p.terms > maxFilterTerms {
		p.fail("policy.filter_many")
		return
	}
	if p.kind != tokWord && p.kind != tokText || p.text == "" {
		p.fail("policy.filter_value")
		return
	}
	if key := n.read(p.text); key != "" {
		p.fail(key)
		return
	}
	p.next()
}

// read takes one value into the node; it gives the key of what is wrong with it.
func (n *node) read(v string) (wrong string) {
	switch n.prop {
	case "confidence":
		c, err := strconv.Atoi(v)
		if err != nil || c < 0 || c > 100 {
			return "policy.filter_confidence"
		}
		n.number, v = c, strconv.Itoa(c)
	case "tlp":
		t, ok := comity.ParseTLP(v)
		if !ok {
			return "policy.filter_tlp"
		}
		n.number, v = int(t), strconv.Itoa(int(t))
	case "domain":
		d, ok := asDomain(v)
		if !ok {
			return "policy.filter_domain"
		}
		v = d
	case "cidr":
		b, ok := block(v)
		if !ok {
			return "policy.filter_cidr"
		}
		n.nets = append(n.nets, b)
	case "exact":
		v = asValue(v)
	}
	n.values = append(n.values, v)
	return ""
}
