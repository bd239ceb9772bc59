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
	args := []Expr{first}
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

// comparisons reads comparisons joined by OR (level 0) or AND (level 1), and
// tells the types of object that can satisfy them.
func (p *parser) comparisons(level int) (Expr, types) {
	op, next, at := opOr, p.conjunction, p.tok.start
	if level > 0 {
		op, next = opAnd, p.comparison
	}
	first, can := next()
	if p.err != nil || !p.is(string(op)) {
		return first, can
	}
	args := []Expr{first}
	for p.err == nil && p.is(string(op)) {
		p.advance()
		e, t := next()
		args = append(args, e)
		if op == opOr {
			can = can.or(t)
			continue
		}
		can = can.and(t)
	}
	if op == opAnd && !p.lenient && can.none() {
		p.fail("pattern.types", at)
	}
	return Expr{Op: op, Args: args}, can
}

func (p *parser) conjunction() (Expr, types) { return p.comparisons(1) }

// comparison reads one comparison or a comparison expression in parentheses.
func (p *parser) comparison() (Expr, types) {
	if p.is("(") {
		if !p.deeper() {
			return Expr{}, types{}
		}
		p.advance()
		e, can := p.comparisons(0)
		p.depth--
		p.sign1(")")
		return e, can
	}
	c := p.test()
	return Expr{Test: c}, types{one: c.Path.Type}
}

// test reads one comparison. After an error it is incomplete.
func (p *parser) test() *Comparison {
	b := &p.pat.test
	if p.tests > 0 {
		b = new(block)
	}
	if p.tests++; p.tests > p.lim.Comparisons {
		p.tooMany("pattern.comparisons", p.lim.Comparisons)
		return &b.Comparison
	}
	c := &b.Comparison
	c.Pos = p.tok.start
	not := p.is("NOT")
	if not {
		p.advance()
	}
	if p.is("EXISTS") {
		p.advance()
		p.path(b)
		c.Op, c.Not = opExists, not
		return c
	}
	if not {
		p.expected("EXISTS")
		return c
	}
	p.path(b)
	if p.is("NOT") {
		c.Not = true
		p.advance()
	}
	p.operand(b)
	return c
}

// operand reads operator and constant.
func (p *parser) operand(b *block) {
	c := &b.Comparison
	if c.Op = p.operator(); c.Op == "" {
		p.expected("msg:pattern.token.operator")
		return
	}
	p.advance()
	at := p.tok.start
	switch c.Op {
	case opIn:
		p.set(c)
		return
	case opLike, opMatches, opSubset, opSuperset:
		if p.tok.kind != tokenString {
			p.expected("msg:pattern.token.string")
			return
		}
	}
	b.values[0] = p.literal(c.Op == opEqual || c.Op == opNotEqual)
	c.Values = b.values[:]
	if (c.Op == opSubset || c.Op == opSuperset) && p.err == nil {
		if _, ok := network(b.values[0].Text); !ok {
			p.fail("pattern.network", at)
		}
	}
}

// operator returns the operator that the token is; "" for none.
func (p *parser) operator() Op {
	switch p.tok.kind {
	case tokenSign:
		switch t := p.text(); t {
		case "=", "==":
			return opEqual
		case "!=", "<>":
			return opNotEqual
		case "<", ">", "<=", ">=":
			return Op(t)
		}
	case tokenWord:
		t := p.text()
		if p.lenient {
			t = strings.ToUpper(t)
		}
		switch t {
		case "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET":
			return Op(t)
		}
	}
	return ""
}

func (p *parser) set(c *Comparison) {
	p.sign1("(")
	if p.is(")") {
		p.advance()
		return
	}
	for p.err == nil {
		at := p.tok.start
		l := p.literal(true)
		if len(c.Values) > 0 && class(l.Kind) != class(c.Values[0].Kind) && !p.lenient && p.err == nil {
			p.fail("pattern.mixed", at)
		}
		if c.Values = append(c.Values, l); len(c.Values) > p.lim.Set {
			p.tooMany("pattern.set", p.lim.Set)
		}
		if !p.is(",") {
			break
		}
		p.advance()
	}
	p.sign1(")")
}

// class is the kind with those that compare with each other as one.
func class(k Kind) Kind {
	switch k {
	case kindFloat:
		return kindInteger
	case kindHex:
		return kindBinary
	}
	return k
}

// path reads an object path into the block.
func (p *parser) path(b *block) {
	if p.tok.kind != tokenWord || isKeyword(p.text()) {
		p.expected("msg:pattern.token.path")
		return
	}
	b.Path.Type = p.text()
	p.advance()
	p.sign1(":")
	steps := append(b.steps[:0], Step{Name: p.name()})
	for p.err == nil && p.tok.kind == tokenSign {
		switch p.s[p.tok.start] {
		case '.':
			p.advance()
			steps = append(steps, Step{Name: p.name()})
			continue
		case '[':
			p.advance()
			steps = append(steps, Step{Index: p.index()})
			p.sign1("]")
			continue
		}
		break
	}
	b.Path.Steps = steps
}

// name reads a property name or a dictionary key.
func (p *parser) name() string {
	at, t := p.tok.start, ""
	switch p.tok.kind {
	case tokenString:
		if t = p.content(); t == "" {
			p.fail("pattern.empty_name", at)
		}
		p.advance()
		return t
	case tokenWord:
		if t = p.text(); !p.lenient && (strings.IndexByte(t, '-') >= 0 || isKeyword(t)) {
			p.fail("pattern.quote_name", at, comity.A("name", clip(t)))
		}
		p.advance()
		return t
	}
	p.expected("msg:pattern.token.name")
	return ""
}

// index reads what stands between the brackets of a list step.
func (p *parser) index() int {
	if p.is("*") {
		p.advance()
		return -1
	}
	n := 0
	if p.tok.kind == tokenInt && p.s[p.tok.start] != '-' && p.s[p.tok.start] != '+' {
		for _, c := range []byte(p.text()) {
			if n = n*10 + int(c-'0'); n > maxIndex {
				n = maxIndex
			}
		}
		p.advance()
		return n
	}
	p.expected("msg:pattern.token.index")
	return 0
}

// maxIndex stands for every index that no list reaches.
const maxIndex = 1 << 30

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
