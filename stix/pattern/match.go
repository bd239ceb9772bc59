package pattern

import (
	"math/bits"
	"slices"

	"github.com/comity-net/comity"
)

// Match evaluates the pattern over the observations. It takes at most about as
// many steps as the limit that Compile was given, and memory in proportion to
// the observations; when the steps run out, the error is of kind Limited and
// there is no verdict. See the package comment for what the operators mean
// where an observation lasts.
func (prog *Program) Match(observations []Observation) (Result, error) {
	m := matcher{prog: prog, budget: budget{prog.lim.Steps}}
	var res Result
	if prog.root.op == opObserve && len(prog.root.quals) == 0 {
		res = m.first(observations)
	} else {
		m.look(observations)
		res = m.run()
	}
	if m.budget.left < 0 {
		return Result{}, comity.E(comity.Limited, "match", "pattern",
			comity.Msg("pattern.steps", comity.A("limit", prog.lim.Steps)), nil)
	}
	return res, nil
}

// matcher is one evaluation. It keeps only observations that some leaf accepts.
type matcher struct {
	prog   *Program
	budget budget
	depth  int

	seen     []sighting
	total    int64      // observations, with their numbers
	accepted [][]uint64 // per leaf, a bit per sighting

	times map[*plan]*times
	flow  flow
}

// sighting is one Observation: number times between first and last.
type sighting struct {
	index       int // in what was given to Match
	first, last moment
	number      int64
}

// maxNumber is where numbers of observations stop counting: sums stay far from
// the end of int64.
const maxNumber = 1 << 40

// first answers for a pattern that is a single "[…]".
func (m *matcher) first(observations []Observation) Result {
	for i := range observations {
		for _, leaf := range m.prog.root.leaves {
			if m.accepts(leaf, &observations[i]) {
				return Result{Matched: true, Observations: []int{i}}
			}
		}
	}
	return Result{}
}

// accepts reports whether some object of the observation satisfies the leaf.
func (m *matcher) accepts(leaf int, o *Observation) bool {
	m.budget.spend(1)
	s := scene{objects: o.Objects, budget: &m.budget}
	for _, object := range o.Objects {
		typ, _ := object["type"].(string)
		if !m.budget.spend(2) {
			return false
		}
		if m.prog.leaves[leaf].satisfies(&s, typ, object) {
			return true
		}
	}
	return false
}

// look evaluates each leaf on each observation.
func (m *matcher) look(observations []Observation) {
	m.accepted = make([][]uint64, len(m.prog.leaves))
	for i := range observations {
		o := &observations[i]
		at, kept := len(m.seen), false
		for leaf := range m.prog.leaves {
			if !m.accepts(leaf, o) {
				continue
			}
			row := m.accepted[leaf]
			for len(row) <= at/64 {
				row = append(row, 0)
			}
			row[at/64] |= 1 << (at % 64)
			m.accepted[leaf], kept = row, true
		}
		if m.budget.left < 0 {
			return
		}
		if kept {
			s := sighting{i, momentOf(o.First), momentOf(o.Last), min(max(o.Number, 1), maxNumber)}
			if s.last.compare(s.first) < 0 {
				s.last = s.first
			}
			m.seen = append(m.seen, s)
			m.total += s.number
		}
	}
}

// acceptable reports whether the leaf plan takes the sighting.
func (m *matcher) acceptable(p *plan, at int) bool {
	for _, leaf := range p.leaves {
		if row := m.accepted[leaf]; at/64 < len(row) && row[at/64]&(1<<(at%64)) != 0 {
			return true
		}
	}
	return false
}

// times are the distinct times of the sightings that a plan can use, sorted.
type times struct{ first, last []moment }

func (m *matcher) timesOf(p *plan) *times {
	if t := m.times[p]; t != nil {
		return t
	}
	words := make([]uint64, (len(m.seen)+63)/64)
	for _, leaf := range p.leaves {
		for i, w := range m.accepted[leaf] {
			words[i] |= w
		}
	}
	t := new(times)
	for i, w := range words {
		for ; w != 0; w &= w - 1 {
			s := &m.seen[i*64+bits.TrailingZeros64(w)]
			t.first = append(t.first, s.first)
			t.last = append(t.last, s.last)
		}
	}
	slices.SortFunc(t.first, moment.compare)
	slices.SortFunc(t.last, moment.compare)
	t.first, t.last = slices.Compact(t.first), slices.Compact(t.last)
	m.budget.spend(int64(len(m.seen)) * 4)
	if m.times == nil {
		m.times = map[*plan]*times{}
	}
	m.times[p] = t
	return t
}

// run searches for a set of observations that makes the pattern true.
func (m *matcher) run() Result {
	if m.budget.left < 0 || m.total == 0 {
		return Result{}
	}
	root := &goal{plan: m.prog.root, quals: len(m.prog.root.quals), mult: 1, lo: never, hi: forever}
	if !m.possible(root, nil) || !m.solve(root, nil) {
		return Result{}
	}
	res := Result{Matched: true}
	for i, used := range m.flow.used(len(m.seen)) {
		if used {
			res.Observations = append(res.Observations, m.seen[i].index)
		}
	}
	return res
}
