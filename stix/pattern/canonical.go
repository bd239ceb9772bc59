package pattern

import (
	"slices"
	"strconv"
	"strings"
)

// Canonical returns the one form of the pattern that all patterns share which
// differ only in ways that cannot change a match: order and repetition under
// AND and OR, parentheses, alternatives that another one contains, "a OR b" of
// one path against IN, NOT = against !=, the spelling of numbers, timestamps,
// byte constants, networks and wildcards, an expression given n times against
// REPEATS n, and the order of qualifiers where it does not matter. Text is left
// as it is: = compares code points (STIX 2.1, section 9.6.2), so letter case
// and the spelling of an address count.
//
// Patterns of one canonical form match the same observations. The reverse does
// not hold: to decide it in general would take exponential time.
func (p *Pattern) Canonical() string {
	e := clone(&p.root)
	s := e.String()
	// Each turn can lay open a step for the next; patterns settle in one or two.
	const most = 8
	for range most {
		e = observation(e)
		next := e.String()
		if next == s {
			break
		}
		s = next
	}
	return s
}

// Equivalent reports whether two patterns have the same canonical form.
func Equivalent(a, b *Pattern) bool { return a.Canonical() == b.Canonical() }

func clone(e *Expr) Expr {
	c := *e
	c.Qualifiers = slices.Clone(e.Qualifiers)
	c.Args = make([]Expr, len(e.Args))
	for i := range e.Args {
		c.Args[i] = clone(&e.Args[i])
	}
	if e.Test != nil {
		t := *e.Test
		t.Values = slices.Clone(t.Values)
		c.Test = &t
	}
	return c
}

// keyed is an expression with its text, by which it is sorted and compared.
type keyed struct {
	Expr
	key string
}

// operands flattens operands of the same operator into one list and sorts it.
func operands(op Op, args []Expr) []keyed {
	var out []keyed
	for _, a := range flatten(op, args) {
		out = append(out, keyed{a, a.String()})
	}
	slices.SortStableFunc(out, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	return out
}

func flatten(op Op, args []Expr) []Expr {
	var out []Expr
	for _, a := range args {
		if a.Op == op && len(a.Qualifiers) == 0 {
			out = append(out, flatten(op, a.Args)...)
			continue
		}
		out = append(out, a)
	}
	return out
}

func unique(list []keyed) []keyed {
	return slices.CompactFunc(list, func(a, b keyed) bool { return a.key == b.key })
}

// join makes one expression of operands; one operand is itself.
func join(op Op, list []keyed) Expr {
	if len(list) == 1 {
		return list[0].Expr
	}
	e := Expr{Op: op}
	for _, k := range list {
		e.Args = append(e.Args, k.Expr)
	}
	return e
}

// observation brings an observation expression to its canonical form.
func observation(e Expr) Expr {
	quals := e.Qualifiers
	e.Qualifiers = nil
	if e.Op != opObserve {
		for i := range e.Args {
			e.Args[i] = observation(e.Args[i])
		}
	}
	switch e.Op {
	case opObserve:
		e.Args[0] = comparison(e.Args[0])
	case opGroup:
		e = e.Args[0]
	case opAnd:
		e = together(operands(opAnd, e.Args))
	case opOr:
		e = alternatives(e.Args)
	case opFollowed: // associative: each pair of operands must be in order
		e.Args = flatten(opFollowed, e.Args)
	}
	return qualify(e, quals)
}

// together joins the operands of an AND. What stands there n times is REPEATS n:
// each match takes an observation of its own.
func together(list []keyed) Expr {
	type counted struct {
		base Expr
		n    int64
	}
	var order []string
	groups := map[string]*counted{}
	for _, k := range list {
		base, n := unrepeat(k.Expr)
		key := base.String()
		g := groups[key]
		if g == nil {
			g = &counted{base: base}
			groups[key], order = g, append(order, key)
		}
		g.n += n
	}
	var out []Expr
	for _, key := range order {
		g := groups[key]
		e := g.base
		if g.n > 1 {
			e = qualify(e, []Qualifier{{Op: opRepeats, A: Literal{kindInteger, strconv.FormatInt(g.n, 10)}}})
		}
		out = append(out, e)
	}
	return join(opAnd, operands(opAnd, out))
}

// unrepeat takes the outermost REPEATS off.
func unrepeat(e Expr) (Expr, int64) {
	last := len(e.Qualifiers) - 1
	if last < 0 || e.Qualifiers[last].Op != opRepeats {
		return e, 1
	}
	n, ok := count(e.Qualifiers[last])
	if !ok {
		return e, 1
	}
	e.Qualifiers = e.Qualifiers[:last:last]
	if e.Op == opGroup && last == 0 {
		e = e.Args[0]
	}
	return e, n
}

// maxCount is the greatest REPEATS that is calculated with.
const maxCount = 1 << 31

func count(q Qualifier) (int64, bool) {
	n, err := strconv.ParseInt(q.A.Text, 10, 64)
	return n, err == nil && n <= maxCount
}

// alternatives joins the operands of an OR: "[a] OR [b]" is "[a OR b]", and
// "x OR (x AND y)" is x.
func alternatives(args []Expr) Expr {
	var plain, rest []Expr
	for _, a := range flatten(opOr, args) {
		if a.Op == opObserve && len(a.Qualifiers) == 0 {
			plain = append(plain, a.Args[0])
			continue
		}
		rest = append(rest, a)
	}
	if len(plain) > 0 {
		one := plain[0]
		if len(plain) > 1 {
			one = comparison(Expr{Op: opOr, Args: plain})
		}
		rest = append(rest, Expr{Op: opObserve, Args: []Expr{one}})
	}
	list := unique(operands(opOr, rest))
	alone := map[string]bool{}
	for _, k := range list {
		alone[k.key] = true
	}
	list = slices.DeleteFunc(list, func(k keyed) bool {
		return k.Op == opAnd && len(k.Qualifiers) == 0 && slices.ContainsFunc(k.Args, func(a Expr) bool { return alone[a.String()] })
	})
	return join(opOr, list)
}

// qualify puts qualifiers around an expression that may have some already.
func qualify(e Expr, more []Qualifier) Expr {
	list := more
	for {
		list = append(slices.Clone(e.Qualifiers), list...)
		e.Qualifiers = nil
		if e.Op != opGroup {
			break
		}
		e = e.Args[0]
	}
	list = simplify(list, e.Op == opObserve)
	for _, q := range list {
		if slices.ContainsFunc(e.Qualifiers, func(have Qualifier) bool { return have.Op == q.Op }) {
			e = Expr{Op: opGroup, Args: []Expr{e}}
		}
		e.Qualifiers = append(e.Qualifiers, q)
	}
	return e
}

// simplify orders a list of qualifiers, innermost first, and drops what does
// nothing. START holds for each observation alone, so it may go first; REPEATS
// and WITHIN do not change places.
func simplify(list []Qualifier, single bool) []Qualifier {
	var starts, out []Qualifier
	for _, q := range list {
		q.A, q.B = plain(q.A), plain(q.B)
		if q.Op == opStart {
			starts = append(starts, q)
			continue
		}
		last := len(out) - 1
		switch {
		case q.Op == opWithin && last < 0 && single:
			// One observation is always within itself.
		case q.Op == opRepeats && q.A.Text == "1":
		case last >= 0 && out[last].Op == q.Op && q.Op == opWithin:
			a, _ := parseDecimal(out[last].A.Text)
			if b, _ := parseDecimal(q.A.Text); b.compare(a) < 0 {
				out[last] = q
			}
		case last >= 0 && out[last].Op == q.Op:
			out = multiply(out, q)
		default:
			out = append(out, q)
		}
	}
	order := func(a, b Qualifier) int {
		return strings.Compare(a.A.Text+" "+a.B.Text, b.A.Text+" "+b.B.Text)
	}
	slices.SortFunc(starts, order)
	return append(slices.Compact(starts), out...)
}

// multiply multiplies a REPEATS with the one before it.
func multiply(out []Qualifier, q Qualifier) []Qualifier {
	last := len(out) - 1
	a, okA := count(out[last])
	b, okB := count(q)
	if !okA || !okB || a*b > maxCount {
		return append(out, q)
	}
	q.A.Text = strconv.FormatInt(a*b, 10)
	out[last] = q
	return out
}
