package node

import (
	"context"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// collectTx notes which objects a transaction touches.
type collectTx struct {
	store.Tx
	s       *collecting
	loaded  bool
	qs      []collector
	touched map[comity.ObjectID]*touched
	order   []comity.ObjectID // as they came
}

// touched is one object that a transaction touches.
type touched struct {
	only   bool           // the version put is the only one
	more   bool           // not only puts touched it
	oids   []store.OID    // of the versions put here
	object *comity.Object // the last of them that became current
	label  comity.TLP     // with only: the one in force
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
		t.qs, t.loaded, t.touched = qs, true, map[comity.ObjectID]*touched{}
	}
	return len(t.qs) > 0, nil
}

// touch gives what is noted of an object.
func (t *collectTx) touch(id comity.ObjectID) *touched {
	c := t.touched[id]
	if c == nil {
		c = &touched{}
		t.order, t.touched[id] = append(t.order, id), c
	}
	return c
}

// changed notes that the store must be asked about all of an object.
func (t *collectTx) changed(id comity.ObjectID) {
	c := t.touch(id)
	c.more, c.only = true, false
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
		if puts[i].OID != 0 && puts[i].Fate != store.FateSame {
			t.put(a, &objs[i], puts[i])
		}
	}
	return puts, nil
}

// put notes a version put here.
func (t *collectTx) put(a store.Arrival, o *comity.Object, p store.Put) {
	c := t.touch(o.ID)
	c.only = p.Fate == store.FateNew && len(c.oids) == 0 && !c.more
	c.oids = append(c.oids, p.OID)
	if p.Fate == store.FateNew || p.Fate == store.FateNewer {
		c.object, c.label = o, o.TLP
		if c.label == comity.Unmarked {
			c.label = a.Handling
		}
	}
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
		t.changed(vs[i].ID)
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
		c := t.touched[id]
		if c.only {
			m.fresh(c)
		} else if err := m.held(ctx, id, c); err != nil {
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

// newMoving works beneath what refuses changes by hand.
func newMoving(tx store.Tx, qs []collector, now time.Time) *moving {
	if c, ok := tx.(*collectTx); ok {
		tx = c.Tx
	}
	return &moving{tx: tx, qs: qs, now: now, in: make([][]store.OID, len(qs)), out: make([][]store.OID, len(qs))}
}

// fresh places an object that nobody held before.
func (m *moving) fresh(c *touched) {
	for i := range m.qs {
		if m.qs[i].filter.MatchUnder(c.object, c.label) {
			m.in[i] = append(m.in[i], c.oids...)
		}
	}
}

// held places every version of an object by what its current version says. c is
// what a transaction did to it; nil when that is not known.
func (m *moving) held(ctx context.Context, id comity.ObjectID, c *touched) error {
	vs, err := m.tx.Versions(ctx, id) // newest first, conflicts last
	if err != nil && !comity.Is(err, comity.NotFound) {
		return err
	}
	var oids []store.OID
	var now, was current
	for i := range vs {
		v := &vs[i]
		if v.State != comity.StateErased {
			oids = append(oids, v.OID)
		}
		if v.Latest && !v.Conflict {
			now.v = v
		}
		if was.v == nil && !v.Conflict && c != nil && !slices.Contains(c.oids, v.OID) {
			was.v = v
		}
	}
	slices.Reverse(oids)
	if c != nil && now.v != nil && len(c.oids) > 0 && c.oids[len(c.oids)-1] == now.v.OID {
		now.read = c.object
	}
	for i := range m.qs {
		fits, known := now.fits(&m.qs[i].filter), c != nil && !c.more && !m.qs[i].filling
		switch before := known && was.fits(&m.qs[i].filter); {
		case fits && before:
			m.in[i] = append(m.in[i], c.oids...)
		case fits:
			m.in[i] = append(m.in[i], oids...)
		case !known || before:
			m.out[i] = append(m.out[i], oids...)
		}
	}
	return nil
}

// current is an object's current version; nil when there is none.
type current struct {
	v    *store.Version // with Raw, or it is not there to be read
	read *comity.Object // its fields, once they were needed
}

// fits reports whether the object belongs into what a query fills. What was
// withdrawn does not, though it is held.
func (c *current) fits(f *policy.Filter) bool {
	if c.v == nil || c.v.State != comity.StateActive {
		return false
	}
	match, sure := f.MatchIndexed(indexOf(c.v), c.v.Handling)
	if sure || c.v.Raw == nil {
		return match
	}
	if c.read == nil {
		o := parsed(*c.v, nil)
		c.read = &o
	}
	return f.MatchUnder(c.read, c.v.Handling)
}

// indexOf is what is known of an object without reading it.
func indexOf(v *store.Version) *comity.Object {
	return &comity.Object{ID: v.ID, Type: v.Type, Creator: v.Creator, Country: v.Country}
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

// ForgetImport implements store.ImportWriter.
func (t *collectTx) ForgetImport(ctx context.Context, id comity.ImportID, limit int) (int64, []store.OID, error) {
	some, err := t.begin(ctx, false)
	if err != nil {
		return 0, nil, err
	}
	var doomed []comity.ObjectID
	if some {
		if doomed, err = t.doomed(ctx, id, limit); err != nil {
			return 0, nil, err
		}
	}
	deleted, shared, err := t.Tx.ForgetImport(ctx, id, limit)
	for _, id := range doomed {
		t.changed(id)
	}
	return deleted, shared, err
}

// doomed finds the objects whose current version ForgetImport may delete, the
// newest first as it does: at least limit of those that it surely deletes. With
// one of them gone, an older version is current.
func (t *collectTx) doomed(ctx context.Context, id comity.ImportID, limit int) (out []comity.ObjectID, err error) {
	states := []comity.State{comity.StateActive, comity.StateRevoked}
	for sure, after := 0, store.OID(0); sure < limit; {
		vs, err := t.Tx.Query(ctx, store.Query{Import: id, States: states, Newest: true, After: after, Limit: 1000})
		if err != nil || len(vs) == 0 {
			return out, err
		}
		ids := make([]comity.ObjectID, len(vs))
		for i := range vs {
			ids[i], after = vs[i].ID, vs[i].OID
		}
		out = append(out, ids...)
		places, err := t.Tx.Placements(ctx, ids)
		if err != nil {
			return out, err
		}
		sure += len(vs) - len(places) // an object that stands in a channel may stay
	}
	return out, nil
}
