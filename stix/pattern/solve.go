package pattern

// goal is an expression still to be satisfied, mult times, by observations that
// can have been before hi and not before lo. Of the plan's qualifiers the first
// quals still apply; of the operands of FOLLOWEDBY the first n (0 is all).
// Goals make a list that branches of the search share.
type goal struct {
	plan   *plan
	quals  int
	n      int
	mult   int64
	lo, hi moment
	next   *goal
}

// slot is a demand for so many observations that a leaf accepts, between lo and
// hi. Slots make a list too.
type slot struct {
	leaf   *plan
	demand int64
	lo, hi moment
	next   *slot
}

// solve works off the goals one by one. What is left in the end is slots alone:
// that is a flow problem, which flow decides exactly.
//
// INVARIANT: each step keeps all solutions. WITHIN w: the earliest "last" of a
// solution is one of the times tried, and then all of it lies in the window
// from there. FOLLOWEDBY: the latest "first" on the left is one of the times
// tried; all on the left begin by then, all on the right end no sooner.
func (m *matcher) solve(g *goal, slots *slot) bool {
	if m.depth++; m.depth > maxGoals {
		m.budget.left = -1
	}
	ok := m.budget.spend(1) && m.step(g, slots)
	m.depth--
	return ok
}

// maxGoals bounds the goals on the way to a solution, and so the stack.
const maxGoals = 50_000

func (m *matcher) step(g *goal, slots *slot) bool {
	if g == nil {
		return m.feasible(nil, slots)
	}
	if g.quals > 0 {
		return m.solveQualifier(g, slots)
	}
	switch g.plan.op {
	case opObserve:
		return m.solve(g.next, &slot{g.plan, g.mult, g.lo, g.hi, slots})
	case opAnd:
		next := g.next
		for i := len(g.plan.args) - 1; i >= 0; i-- {
			next = g.operand(g.plan.args[i], next)
		}
		return m.solve(next, slots)
	case opOr:
		for _, a := range g.plan.args {
			try := g.operand(a, g.next)
			if m.possible(try, slots) && m.solve(try, slots) {
				return true
			}
		}
		return false
	}
	return m.solveFollowed(g, slots)
}

// operand is the goal for an operand of g, before the goals of next.
func (g *goal) operand(p *plan, next *goal) *goal {
	return &goal{plan: p, quals: len(p.quals), mult: g.mult, lo: g.lo, hi: g.hi, next: next}
}

func (m *matcher) solveQualifier(g *goal, slots *slot) bool {
	inner := *g
	inner.quals--
	q := &g.plan.quals[inner.quals]
	switch q.op {
	case opStart:
		inner.restrict(q.lo, q.hi)
		return m.solve(&inner, slots)
	case opRepeats:
		if g.plan.flat[inner.quals] {
			if q.n > m.total/g.mult {
				return false
			}
			inner.mult *= q.n
			return m.solve(&inner, slots)
		}
		if q.n > m.total {
			return false
		}
		if q.n > maxGoals {
			m.budget.left = -1
			return false
		}
		next := g.next
		for range q.n {
			c := inner
			c.next = next
			next = &c
		}
		return m.solve(next, slots)
	}
	if g.plan.single[inner.quals] { // one observation is always within itself
		return m.solve(&inner, slots)
	}
	for _, t := range m.timesOf(g.plan).last {
		if t.compare(g.lo) < 0 {
			continue
		}
		try := inner
		try.restrict(t, t.add(q.window))
		if m.budget.left < 0 || m.possible(&try, slots) && m.solve(&try, slots) {
			return m.budget.left >= 0
		}
	}
	return false
}

func (m *matcher) solveFollowed(g *goal, slots *slot) bool {
	n := g.n
	if n == 0 {
		n = len(g.plan.args)
	}
	if n == 1 {
		return m.solve(g.operand(g.plan.args[0], g.next), slots)
	}
	for _, t := range m.timesOf(g.plan).first {
		if t.compare(g.hi) >= 0 {
			return false
		}
		right := g.operand(g.plan.args[n-1], g.next)
		right.restrict(t, forever)
		if m.budget.left < 0 || !m.possible(right, slots) {
			return false // a later time only leaves less for the right
		}
		left := *g
		left.n, left.next = n-1, right
		left.restrict(never, t.next())
		if m.possible(&left, slots) && m.solve(&left, slots) {
			return true
		}
	}
	return false
}

// restrict narrows the time of the goal.
func (g *goal) restrict(lo, hi moment) {
	if lo.compare(g.lo) > 0 {
		g.lo = lo
	}
	if hi.compare(g.hi) < 0 {
		g.hi = hi
	}
}

// possible reports whether the goals could be reached if windows and order did
// not matter. It prunes: false is certain, true is not.
func (m *matcher) possible(g *goal, slots *slot) bool { return m.feasible(g, slots) }

// demands adds what a goal needs whatever else is chosen.
func (m *matcher) demands(g goal, out []slot) []slot {
	for ; g.quals > 0; g.quals-- {
		switch q := &g.plan.quals[g.quals-1]; q.op {
		case opStart:
			g.restrict(q.lo, q.hi)
		case opRepeats:
			if q.n > m.total/g.mult {
				g.mult = m.total + 1 // more than there is
				continue
			}
			g.mult *= q.n
		}
	}
	if g.mult > m.total {
		g.mult = m.total + 1
	}
	switch g.plan.op {
	case opObserve:
		return m.demand(slot{leaf: g.plan, demand: g.mult, lo: g.lo, hi: g.hi}, out)
	case opOr:
		return out
	}
	args := g.plan.args
	if g.n > 0 {
		args = args[:g.n]
	}
	for _, a := range args {
		out = m.demands(*g.operand(a, nil), out)
	}
	return out
}

// demand adds a slot, to one that is the same if there is one.
func (m *matcher) demand(s slot, out []slot) []slot {
	m.budget.spend(1)
	const near = 8
	for i := len(out) - 1; i >= 0 && i >= len(out)-near; i-- {
		if o := &out[i]; o.leaf == s.leaf && o.lo == s.lo && o.hi == s.hi {
			o.demand = min(o.demand+s.demand, m.total+1)
			return out
		}
	}
	return append(out, s)
}

// feasible reports whether the slots, and what the goals surely need, can all
// be met by observations of their own.
func (m *matcher) feasible(g *goal, slots *slot) bool {
	list := m.flow.slots[:0]
	for ; slots != nil; slots = slots.next {
		list = m.demand(*slots, list)
	}
	for ; g != nil && m.budget.left >= 0; g = g.next {
		list = m.demands(*g, list)
	}
	m.flow.slots = list
	return m.budget.left >= 0 && m.flow.run(m)
}
