package node

import (
	"context"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// collectTx notes which objects a transaction touches.
type collectTx struct {
	store.Tx
	s       *collecting
	loaded  bool
	qs      []collector
	touched map[comity.ObjectID]touched
	order   []comity.ObjectID // as they came
}

// touched is one object that a transaction touches.
type touched struct {
	oid    store.OID
	object *comity.Object // its only version, put here; nil when the store must be asked
	label  comity.TLP     // in force for it
}

// begin reports whether there are query collections. The queries are read under
// the lock that everything which changes objects takes, so that none changes
// meanwhile.
func (t *collectTx) begin(ctx context.Context, locked bool) (bool, error) {
	if !t.loaded {
		if !locked {
			if err := turn(ctx, t.Tx); err != nil {
				return false, err
			}
		}
		qs, err := t.s.collectors(ctx, t.Tx)
		if err != nil {
			return false, err
		}
		t.qs, t.loaded, t.touched = qs, true, map[comity.ObjectID]touched{}
	}
	return len(t.qs) > 0, nil
}

// touch notes that the store must be asked about an object.
func (t *collectTx) touch(id comity.ObjectID) {
	if _, known := t.touched[id]; !known {
		t.order = append(t.order, id)
	}
	t.touched[id] = touched{}
}

// PutObjects implements store.ObjectWriter.
func (t *collectTx) PutObjects(ctx context.Context, a store.Arrival, objs []comity.Object) ([]store.Put, error) {
	puts, err := t.Tx.PutObjects(ctx, a, objs)
	if err != nil || len(objs) == 0 {
		return puts, err
	}
	if some, err := t.begin(ctx, true); err != nil || !some {
		return puts, err
	}
	for i := range puts {
		o := &objs[i]
		_, known := t.touched[o.ID]
		switch fate := puts[i].Fate; {
		case fate == store.FateNew && !known:
			label := o.TLP
			if label == comity.Unmarked {
				label = a.Handling
			}
			t.order = append(t.order, o.ID)
			t.touched[o.ID] = touched{puts[i].OID, o, label}
		case fate == store.FateNew, fate == store.FateNewer, fate == store.FateOlder:
			t.touch(o.ID)
		}
	}
	return puts, nil
}

// SetState implements store.ObjectWriter.
func (t *collectTx) SetState(ctx context.Context, oid store.OID, s comity.State, why string, at time.Time) error {
	if err := t.changing(ctx, oid); err != nil {
		return err
	}
	return t.Tx.SetState(ctx, oid, s, why, at)
}

// SetHandling implements store.ObjectWriter.
func (t *collectTx) SetHandling(ctx context.Context, oid store.OID, l comity.TLP, why string, at time.Time) error {
	if err := t.changing(ctx, oid); err != nil {
		return err
	}
	return t.Tx.SetHandling(ctx, oid, l, why, at)
}

// AddMembers implements store.CollectionWriter, for collections filled by hand.
func (t *collectTx) AddMembers(ctx context.Context, id comity.CollectionID, oids []store.OID, at time.Time) error {
	if err := t.byHand(ctx, id); err != nil {
		return err
	}
	return t.Tx.AddMembers(ctx, id, oids, at)
}

// RemoveMembers implements store.CollectionWriter, for collections filled by hand.
func (t *collectTx) RemoveMembers(ctx context.Context, id comity.CollectionID, oids []store.OID) error {
	if err := t.byHand(ctx, id); err != nil {
		return err
	}
	return t.Tx.RemoveMembers(ctx, id, oids)
}

// byHand refuses what only a query may do.
func (t *collectTx) byHand(ctx context.Context, id comity.CollectionID) error {
	if some, err := t.begin(ctx, false); err != nil || !some {
		return err
	}
	i := slices.IndexFunc(t.qs, func(q collector) bool { return q.id == id })
	if i < 0 {
		return nil
	}
	c, err := t.Tx.Collection(ctx, string(id))
	if err != nil {
		return err
	}
	return byQuery(c.Alias, t.qs[i].filter.String())
}

// changing notes the object of a version.
func (t *collectTx) changing(ctx context.Context, oid store.OID) error {
	if some, err := t.begin(ctx, false); err != nil || !some {
		return err
	}
	vs, err := t.Tx.ByOID(ctx, []store.OID{oid}, false)
	for i := range vs {
		t.touch(vs[i].ID)
	}
	return err
}

// end brings the collections up to date with what was touched.
func (t *collectTx) end(ctx context.Context) error {
	if len(t.order) == 0 {
		return nil
	}
	m := newMoving(t.Tx, t.qs, t.s.now())
	for _, id := range t.order {
		if now := t.touched[id]; now.object != nil {
			m.fresh(now)
		} else if err := m.held(ctx, id); err != nil {
			return err
		}
	}
	return m.end(ctx)
}

// moving gathers what goes into collections and out of them.
type moving struct {
	tx  store.Tx
	qs  []collector
	now time.Time
	in  [][]store.OID // by query
	out [][]store.OID
}

func newMoving(tx store.Tx, qs []collector, now time.Time) *moving {
	return &moving{tx: tx, qs: qs, now: now, in: make([][]store.OID, len(qs)), out: make([][]store.OID, len(qs))}
}

// fresh places an object that nobody held before.
func (m *moving) fresh(t touched) {
	for i := range m.qs {
		if m.qs[i].filter.Match(t.object) {
			m.in[i] = append(m.in[i], t.oid)
		}
	}
}

// held places every version of an object by what its current version says.
func (m *moving) held(ctx context.Context, id comity.ObjectID) error {
	vs, err := m.tx.Versions(ctx, id) // newest first, conflicts last
	if err != nil && !comity.Is(err, comity.NotFound) {
		return err
	}
	slices.Reverse(vs)
	var oids []store.OID
	var current *store.Version
	for i := range vs {
		if vs[i].Latest && !vs[i].Conflict {
			current = &vs[i]
		}
		if !vs[i].Conflict && vs[i].State != comity.StateErased {
			oids = append(oids, vs[i].OID)
		}
	}
	m.place(current, oids)
	return nil
}

// place puts versions of one object, the oldest first, into the collections
// that its current version matches, and takes them out of the others. Without
// a current version, which is nil, they match none.
func (m *moving) place(current *store.Version, oids []store.OID) {
	for i := range m.qs {
		if current != nil && m.qs[i].takes(current) {
			m.in[i] = append(m.in[i], oids...)
		} else {
			m.out[i] = append(m.out[i], oids...)
		}
	}
}

// takes reports whether an object belongs into the collection, by its current
// version, given with its bytes. What was withdrawn does not, though it is held.
func (q *collector) takes(current *store.Version) bool {
	if current.State != comity.StateActive || current.Raw == nil {
		return false
	}
	o := parsed(*current, nil)
	return q.filter.Match(&o)
}

func (m *moving) end(ctx context.Context) error {
	for i := range m.qs {
		if len(m.out[i]) > 0 {
			if err := m.tx.RemoveMembers(ctx, m.qs[i].id, m.out[i]); err != nil {
				return err
			}
		}
		if len(m.in[i]) > 0 {
			if err := m.tx.AddMembers(ctx, m.qs[i].id, m.in[i], m.now); err != nil {
				return err
			}
		}
	}
	return nil
}
