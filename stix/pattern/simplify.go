package pattern

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// comparison brings a comparison expression to its canonical form.
func comparison(e Expr) Expr {
	if e.Test != nil {
		t := condition(*e.Test)
		return Expr{Test: &t}
	}
	for i := range e.Args {
		e.Args[i] = comparison(e.Args[i])
	}
	list := unique(operands(e.Op, e.Args))
	list = absorb(e.Op, list)
	list = mergeSets(e.Op, list)
	return join(e.Op, list)
}

// condition brings one comparison to its canonical form.
func condition(c Comparison) Comparison {
	c.Pos = 0
	for i := range c.Values {
		c.Values[i] = plain(c.Values[i])
	}
	switch c.Op {
	case opIn, opEqual:
		return spell(c)
	case opNotEqual:
		if c.Path.single() {
			c.Op, c.Not = opEqual, !c.Not
			return spell(c)
		}
	case opSubset, opSuperset:
		if n, ok := network(c.Values[0].Text); ok {
			c.Values[0].Text = n.String()
			if n.IsSingleIP() {
				c.Values[0].Text = n.Addr().String()
			}
		}
	case opLike:
		c.Values[0].Text = wildcards(norm.NFC.String(c.Values[0].Text))
	case opMatches:
		c.Values[0].Text = norm.NFC.String(c.Values[0].Text)
	}
	return c
}

// spell writes a test for one of some values: = or IN, and != for NOT =
// where that is the same, which is where the path leads to one value.
func spell(c Comparison) Comparison {
	slices.SortFunc(c.Values, func(a, b Literal) int {
		if n := strings.Compare(string(a.Kind), string(b.Kind)); n != 0 {
			return n
		}
		return strings.Compare(a.Text, b.Text)
	})
	c.Values = slices.Compact(c.Values)
	c.Op = opIn
	if len(c.Values) == 1 {
		c.Op = opEqual
		if c.Not && c.Path.single() {
			c.Op, c.Not = opNotEqual, false
		}
	}
	return c
}

// asSet reads a test as "one of" or, negated, "none of" its values. ok is false
// for all other tests.
func asSet(e *Expr) (not, ok bool) {
	if e.Test == nil {
		return false, false
	}
	switch t := e.Test; t.Op {
	case opEqual, opIn:
		return t.Not, true
	case opNotEqual:
		return true, t.Path.single() && !t.Not
	}
	return false, false
}

// single reports whether the path leads to one value at most.
func (p Path) single() bool {
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Name == "" && s.Index < 0 })
}

// plain writes a literal in the one way that its value has.
func plain(l Literal) Literal {
	switch l.Kind {
	case kindBinary:
		l.Kind = kindHex
	case kindInteger, kindFloat:
		d, _ := parseDecimal(l.Text)
		if s, ok := d.text(); ok {
			l = Literal{kindInteger, s}
			if strings.Contains(s, ".") {
				l.Kind = kindFloat
			}
		}
	case kindTimestamp:
		t, _ := parseInstant(l.Text)
		if s, ok := t.text(); ok {
			l.Text = s
		}
	}
	return l
}

// wildcards writes each run of wildcards with its % last and once.
func wildcards(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	many := false
	for _, r := range s {
		switch {
		case r == '%':
			many = true
			continue
		case r != '_' && many:
			b.WriteByte('%')
			many = false
		}
		b.WriteRune(r)
	}
	if many {
		b.WriteByte('%')
	}
	return b.String()
}

// mergeSets joins, under OR, tests of one path for one of several values, and
// under AND, tests for none of several values.
func mergeSets(op Op, list []keyed) []keyed {
	at := map[string]int{}
	var out []keyed
	for _, k := range list {
		not, ok := asSet(&k.Expr)
		if !ok || not != (op == opAnd) || len(k.Test.Values) == 0 || !oneClass(k.Test.Values) {
			out = append(out, k)
			continue
		}
		key := string(class(k.Test.Values[0].Kind)) + " " + k.Test.Path.String()
		i, seen := at[key]
		if !seen {
			at[key] = len(out)
			out = append(out, k)
			continue
		}
		t := *out[i].Test
		t.Not = not
		t.Values = slices.Concat(t.Values, k.Test.Values)
		t = spell(t)
		out[i].Expr = Expr{Test: &t}
	}
	for i := range out {
		out[i].key = out[i].String()
	}
	slices.SortStableFunc(out, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	return out
}

func oneClass(list []Literal) bool {
	return !slices.ContainsFunc(list, func(l Literal) bool { return class(l.Kind) != class(list[0].Kind) })
}

// absorb drops, under OR, what implies another operand, and under AND, what
// another operand implies. It is left out where it would take long.
func absorb(op Op, list []keyed) []keyed {
	const most = 64
	size := 0
	for i := range list {
		size += nodes(&list[i].Expr)
	}
	if size > most {
		return list
	}
	w := weigher{left: 1 << 14}
	for i := 0; i < len(list); i++ {
		drop := false
		for j := range list {
			if i == j {
				continue
			}
			a, b := &list[i].Expr, &list[j].Expr
			if op == opOr && w.implies(a, b) || op == opAnd && w.implies(b, a) {
				drop = true
				break
			}
		}
		if drop {
			list = slices.Delete(list, i, i+1)
			i--
		}
	}
	return list
}

func nodes(e *Expr) int {
	n := 1
	if e.Test != nil {
		n += len(e.Test.Values)
	}
	for i := range e.Args {
		n += nodes(&e.Args[i])
	}
	return n
}

// weigher compares expressions within a bound of steps.
type weigher struct{ left int }

// implies reports whether every object that satisfies a satisfies b; false
// also means that it is not known.
func (w *weigher) implies(a, b *Expr) bool {
	if w.left--; w.left < 0 {
		return false
	}
	all := func(list []Expr, f func(*Expr) bool) bool {
		return !slices.ContainsFunc(list, func(e Expr) bool { return !f(&e) })
	}
	some := func(list []Expr, f func(*Expr) bool) bool {
		return slices.ContainsFunc(list, func(e Expr) bool { return f(&e) })
	}
	switch {
	case a.Op == opOr:
		return all(a.Args, func(e *Expr) bool { return w.implies(e, b) })
	case b.Op == opAnd:
		return all(b.Args, func(e *Expr) bool { return w.implies(a, e) })
	case a.Op == opAnd && some(a.Args, func(e *Expr) bool { return w.implies(e, b) }):
		return true
	case b.Op == opOr:
		return some(b.Args, func(e *Expr) bool { return w.implies(a, e) })
	case a.Test == nil || b.Test == nil:
		return false
	}
	if a.String() == b.String() {
		return true
	}
	notA, okA := asSet(a)
	notB, okB := asSet(b)
	if !okA || !okB || notA != notB || a.Test.Path.String() != b.Test.Path.String() {
		return false
	}
	inner, outer := a.Test.Values, b.Test.Values
	if notA {
		inner, outer = outer, inner
	}
	return within(inner, outer)
}

// within reports whether every literal of inner is in outer.
func within(inner, outer []Literal) bool {
	return !slices.ContainsFunc(inner, func(l Literal) bool { return !slices.Contains(outer, l) })
}
