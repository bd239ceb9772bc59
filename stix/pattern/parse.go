package pattern

import (
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// parser reads one pattern. After the first error all further reading stops.
type parser struct {
	s       string
	lim     Limits
	lenient bool
	tok     token
	depth   int
	tests   int
	pat     *Pattern
	err     error

	blocks []block // room for the comparisons to come
}

func parse(text string, lim Limits, lenient bool) (*Pattern, error) {
	p := parser{s: text, lim: lim.withDefaults(), lenient: lenient}
	if len(text) > p.lim.Length {
		return nil, comity.E(comity.TooLarge, "parse", "pattern", comity.Msg("pattern.length",
			comity.A("size", len(text)), comity.A("limit", p.lim.Length)), nil)
	}
	if !utf8.ValidString(text) {
		p.fail("pattern.utf8", firstInvalid(text))
		return nil, p.err
	}
	p.pat = new(Pattern)
	p.advance()
	p.pat.root = p.observations(0)
	if p.err == nil && p.tok.kind != tokenEnd {
		p.expected("msg:pattern.token.end_or_operator")
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.pat, nil
}

func firstInvalid(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(s)
}

// levels are the operators between observation expressions, loosest first
// (STIX 2.1, section 9.5.3).
var levels = [...]Op{opFollowed, opOr, opAnd}

// observations reads observation expressions joined by the operator of the
// level or by tighter ones.
func (p *parser) observations(level int) Expr {
	if level == len(levels) {
		return p.qualified()
	}
	first := p.observations(level + 1)
	op := levels[level]
	if p.err != nil || !p.is(string(op)) {
		return first
	}
	args := append(make([]Expr, 0, 2), first)
	for p.err == nil && p.is(string(op)) {
		p.advance()
		args = append(args, p.observations(level+1))
	}
	return Expr{Op: op, Args: args}
}

// qualified reads "[…]" or "(…)" and the qualifiers behind it.
func (p *parser) qualified() Expr {
	var e Expr
	switch {
	case p.is("["):
		e = p.observation()
	case p.is("("):
		if !p.deeper() {
			return e
		}
		p.advance()
		e = p.observations(0)
		p.depth--
		p.sign1(")")
	default:
		p.expected("msg:pattern.token.observation")
		return e
	}
	if p.tok.kind != tokenWord || p.err != nil {
		return e
	}
	return p.qualifiers(e)
}

// observation reads "[…]". The first one's parts lie inside the pattern.
func (p *parser) observation() Expr {
	p.advance()
	one := p.pat.arg[:]
	if p.tests > 0 {
		one = make([]Expr, 1)
	}
	one[0], _ = p.comparisons(0)
	p.sign1("]")
	return Expr{Op: opObserve, Args: one}
}

func (p *parser) qualifiers(e Expr) Expr {
	var have []Qualifier
	for p.err == nil && p.tok.kind == tokenWord {
		var q Qualifier
		at := p.tok.start
		switch {
		case p.is("WITHIN"):
			q = p.within()
		case p.is("REPEATS"):
			q = p.repeats()
		case p.is("START"):
			q = p.startStop()
		default:
			return attach(e, have)
		}
		for _, h := range have {
			if h.Op == q.Op && p.err == nil {
				p.fail("pattern.twice", at, comity.A("word", string(q.Op)))
			}
		}
		have = append(have, q)
	}
	return attach(e, have)
}

func attach(e Expr, q []Qualifier) Expr {
	if len(q) == 0 {
		return e
	}
	if len(e.Qualifiers) > 0 {
		e = Expr{Op: opGroup, Args: []Expr{e}}
	}
	e.Qualifiers = q
	return e
}

func (p *parser) within() Qualifier {
	p.advance()
	q := Qualifier{Op: opWithin, A: p.positive(true)}
	p.keyword("SECONDS")
	return q
}

func (p *parser) repeats() Qualifier {
	p.advance()
	q := Qualifier{Op: opRepeats, A: p.positive(false)}
	p.keyword("TIMES")
	return q
}

// positive reads a number above zero.
func (p *parser) positive(float bool) Literal {
	at, kind := p.tok.start, p.tok.kind
	if kind != tokenInt && (!float || kind != tokenFloat) || p.s[at] == '-' {
		if float {
			p.expected("msg:pattern.token.positive")
		} else {
			p.expected("msg:pattern.token.positive_integer")
		}
		return Literal{}
	}
	l := p.literal(false)
	if p.err == nil && strings.Trim(l.Text, "0.") == "" {
		p.fail("pattern.zero", at)
	}
	return l
}

func (p *parser) startStop() Qualifier {
	p.advance()
	q := Qualifier{Op: opStart, A: p.timestamp()}
	p.keyword("STOP")
	q.B = p.timestamp()
	return q
}

func (p *parser) timestamp() Literal {
	if p.tok.kind == tokenTime || p.lenient && p.tok.kind == tokenString {
		p.tok.kind = tokenTime
		return p.literal(false)
	}
	p.expected("msg:pattern.token.timestamp")
	return Literal{}
}

func (p *parser) deeper() bool {
	if p.depth++; p.depth > p.lim.Depth {
		p.tooMany("pattern.depth", p.lim.Depth)
		return false
	}
	return true
}

// sign1 and keyword read what must stand here.
func (p *parser) sign1(sign string) {
	if p.tok.kind != tokenSign || p.text() != sign {
		p.expected(sign)
		return
	}
	p.advance()
}

func (p *parser) keyword(word string) {
	if !p.is(word) {
		p.expected(word)
		return
	}
	p.advance()
}
