package pattern

// plan is an observation expression made ready to match. A leaf stands for one
// observation that satisfies any of some "[…]".
type plan struct {
	op     Op    // opObserve for a leaf, opAnd, opOr or opFollowed
	leaves []int // of a leaf: what it accepts; of others: all below
	args   []*plan
	quals  []bound // innermost first

	// flat[i] says that under the first i qualifiers the expression needs a
	// fixed number of observations of each leaf and leaves no other choice;
	// single[i] that it needs just one.
	flat, single []bool
}

// bound is a qualifier made ready: of WITHIN the window, of REPEATS the number,
// of START the span from lo to before hi.
type bound struct {
	op     Op
	window moment
	n      int64
	lo, hi moment
}

// plan compiles an observation expression.
func (c *compiler) plan(e *Expr) *plan {
	if e.Op == opGroup {
		p := c.plan(&e.Args[0])
		p.qualify(e.Qualifiers)
		return p
	}
	p := &plan{op: e.Op}
	if e.Op == opObserve {
		c.prog.leaves = append(c.prog.leaves, c.tree(&e.Args[0]))
		p.leaves = []int{len(c.prog.leaves) - 1}
	}
	flat, plainLeaves := true, true
	for i := 0; e.Op != opObserve && i < len(e.Args); i++ {
		a := c.plan(&e.Args[i])
		p.args = append(p.args, a)
		p.leaves = append(p.leaves, a.leaves...)
		flat = flat && a.flat[len(a.quals)]
		plainLeaves = plainLeaves && a.op == opObserve && len(a.quals) == 0
	}
	if e.Op == opOr && plainLeaves { // "[a] OR [b]" is one observation that is either
		p.op, p.args = opObserve, nil
	}
	p.flat = []bool{p.op == opObserve || p.op == opAnd && flat}
	p.single = []bool{p.op == opObserve}
	p.qualify(e.Qualifiers)
	return p
}

// qualify puts qualifiers around those that are there.
func (p *plan) qualify(list []Qualifier) {
	for _, q := range list {
		last := len(p.quals)
		flat, single := p.flat[last], p.single[last]
		b := bound{op: q.Op, lo: never, hi: forever}
		switch q.Op {
		case opWithin:
			b.window = seconds(q.A.Text)
			flat = flat && single
		case opRepeats:
			b.n = seconds(q.A.Text).sec
			single = single && b.n == 1
		case opStart:
			from, _ := parseInstant(q.A.Text)
			to, _ := parseInstant(q.B.Text)
			b.lo, b.hi = from.ceil(), to.ceil()
		}
		p.quals = append(p.quals, b)
		p.flat = append(p.flat, flat)
		p.single = append(p.single, single)
	}
}
