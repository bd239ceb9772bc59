package pattern

// flow gives sightings to slots: each slot gets what it demands, and no sighting
// is used more often than its number. It is a maximum flow by augmenting paths;
// its memory is kept from one run to the next.
type flow struct {
	slots []slot
	open  []bool  // slot × sighting: the slot takes it
	use   []int64 // slot × sighting: how often it does
	free  []int64 // per sighting

	// The search for one path.
	queue  []int
	via    []int // per slot: the sighting through which it was reached
	parent []int // per sighting: the slot from which it was reached; -1 for none
}

// maxCells bounds slots × sightings, and so memory (about 40 MB).
const maxCells = 4 << 20

// run reports whether all slots can be met. The result is in use.
func (f *flow) run(m *matcher) bool {
	n, cells := len(m.seen), len(f.slots)*len(m.seen)
	if len(f.slots) > 0 && n > maxCells/len(f.slots) {
		m.budget.left = -1
		return false
	}
	if !m.budget.spend(int64(cells)) {
		return false
	}
	f.open, f.use = fit(f.open, cells), fit(f.use, cells)
	f.free = fit(f.free, n)
	for i := range m.seen {
		f.free[i] = m.seen[i].number
	}
	for s := range f.slots {
		slot, have := &f.slots[s], int64(0)
		for i := range m.seen {
			o := &m.seen[i]
			if o.first.compare(slot.hi) < 0 && o.last.compare(slot.lo) >= 0 && m.acceptable(slot.leaf, i) {
				f.open[s*n+i] = true
				have += o.number
			}
		}
		if have < slot.demand {
			return false
		}
	}
	for s := range f.slots {
		if !f.fill(m, s) {
			return false
		}
	}
	return true
}

// fit returns a zeroed slice of the length, reusing memory.
func fit[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// fill gives slot s what it demands.
func (f *flow) fill(m *matcher, s int) bool {
	n, need := len(f.free), f.slots[s].demand
	for i := 0; i < n && need > 0; i++ {
		if f.open[s*n+i] && f.free[i] > 0 {
			take := min(need, f.free[i])
			f.use[s*n+i] += take
			f.free[i] -= take
			need -= take
		}
	}
	for need > 0 {
		if !m.budget.spend(int64(n)) {
			return false
		}
		end := f.path(s, m)
		if end < 0 {
			return false
		}
		need -= f.augment(s, end, need)
	}
	return true
}

// path searches from slot s over sightings that are used up, and the slots that
// use them, for a sighting that is free. It returns -1 when there is none.
func (f *flow) path(s int, m *matcher) int {
	n := len(f.free)
	f.via, f.parent = fit(f.via, len(f.slots)), fit(f.parent, n)
	for i := range f.parent {
		f.parent[i] = -1
	}
	for i := range f.via {
		f.via[i] = -1
	}
	f.queue = append(f.queue[:0], s)
	for len(f.queue) > 0 {
		u := f.queue[0]
		f.queue = f.queue[1:]
		if !m.budget.spend(int64(n)) {
			return -1
		}
		for i := range n {
			if !f.open[u*n+i] || f.parent[i] >= 0 {
				continue
			}
			f.parent[i] = u
			if f.free[i] > 0 {
				return i
			}
			for t := range f.slots {
				if t != s && f.via[t] < 0 && f.use[t*n+i] > 0 {
					f.via[t] = i
					f.queue = append(f.queue, t)
				}
			}
		}
	}
	return -1
}

// augment moves as much as it can along the path that ends at sighting end, at
// most need, and returns how much.
func (f *flow) augment(s, end int, need int64) int64 {
	n := len(f.free)
	amount := min(need, f.free[end])
	for i, u := end, f.parent[end]; u != s; u = f.parent[i] {
		i = f.via[u]
		amount = min(amount, f.use[u*n+i])
	}
	f.free[end] -= amount
	i := end
	for {
		u := f.parent[i]
		f.use[u*n+i] += amount
		if u == s {
			return amount
		}
		i = f.via[u]
		f.use[u*n+i] -= amount
	}
}

// used reports which of n sightings the last run used.
func (f *flow) used(n int) []bool {
	out := make([]bool, n)
	for s := range f.slots {
		for i := range n {
			out[i] = out[i] || f.use[s*n+i] > 0
		}
	}
	return out
}
