package pattern

import (
	"strings"

	"github.com/comity-net/comity"
)

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
	args := append(make([]Expr, 0, 2), first)
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

// block returns room for one more comparison; the more there are, the more is
// made at once.
func (p *parser) block() *block {
	if len(p.blocks) == 0 {
		p.blocks = make([]block, min(max(p.tests, 3), 32))
	}
	b := &p.blocks[0]
	p.blocks = p.blocks[1:]
	return b
}

// test reads one comparison. After an error it is incomplete.
func (p *parser) test() *Comparison {
	b := &p.pat.test
	if p.tests > 0 {
		b = p.block()
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
