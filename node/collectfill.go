package node

import (
	"context"
	"encoding/json"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

const (
	fillStep  = 500 // objects of one transaction of a filling
	fillBytes = 4 << 20
	fillEvery = time.Second
)

// walk is how far the filling of a collection is. First its members are looked
// at, for the query may be another than the one that brought them; then all that
// the store holds.
type walk struct {
	Stored bool  `json:"stored"` // the second part
	After  int64 `json:"after"`  // the last place looked at
}

func walkName(id comity.CollectionID) string { return "collection.fill." + string(id) }

func walkOf(ctx context.Context, r store.SettingReader, id comity.CollectionID) (walk, error) {
	var w walk
	b, err := r.Setting(ctx, walkName(id))
	if comity.Is(err, comity.NotFound) {
		return w, nil
	} else if err != nil {
		return w, err
	}
	return w, json.Unmarshal(b, &w)
}

func putWalk(ctx context.Context, tx store.SettingWriter, id comity.CollectionID, w walk) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, walkName(id), b)
}

// fillingOf says how far a filling is.
func fillingOf(ctx context.Context, r store.Reader, id comity.CollectionID) (*Filling, error) {
	w, err := walkOf(ctx, r, id)
	if err != nil {
		return nil, err
	}
	c, err := r.Collection(ctx, string(id))
	if err != nil {
		return nil, err
	}
	last, err := r.Query(ctx, store.Query{States: []comity.State{comity.StateActive, comity.StateRevoked, comity.StateErased}, Newest: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	f := &Filling{Done: w.After, Total: c.Size}
	if len(last) > 0 {
		f.Total += int64(last[0].OID)
	}
	if w.Stored {
		f.Done += c.Size
	}
	f.Done = min(f.Done, f.Total)
	return f, nil
}

// FillCollections carries the fillings of all query collections to their end, in
// transactions of 500 objects; what a stop interrupts goes on from there. Several
// processes may do so at once. progress, if not nil, is told after each.
func (n *Node) FillCollections(ctx context.Context, progress func(comity.CollectionID, Filling)) error {
	for {
		id, err := n.fillOne(ctx)
		if err != nil || id == "" {
			return err
		}
		if progress == nil {
			continue
		}
		f, err := view(ctx, n.store, func(r store.Reader) (*Filling, error) { return fillingOf(ctx, r, id) })
		if err != nil {
			return err
		}
		progress(id, *f)
	}
}

// fillOne does one step of the first collection that is filling and says which
// one; "" when none is.
func (n *Node) fillOne(ctx context.Context) (comity.CollectionID, error) {
	next := func(r store.SettingReader) (comity.CollectionID, error) {
		qs, err := queriesOf(ctx, r)
		var first comity.CollectionID
		for id, q := range qs {
			if q.Filling && (first == "" || id < first) {
				first = id
			}
		}
		return first, err
	}
	id, err := view(ctx, n.store, func(r store.Reader) (comity.CollectionID, error) { return next(r) })
	if err != nil || id == "" {
		return id, err
	}
	err = n.store.Update(ctx, func(tx store.Tx) error {
		if err := turn(ctx, tx); err != nil {
			return err
		}
		if id, err = next(tx); err != nil || id == "" {
			return err
		}
		return n.fillStep(ctx, tx, id)
	})
	return id, err
}

// fillStep looks at the next objects of one collection's walk.
//
// INVARIANT: an object that changes during the walk is placed by the
// transaction that changes it; its new version has a place behind the walk or
// was placed already, so none is missed.
func (n *Node) fillStep(ctx context.Context, tx store.Tx, id comity.CollectionID) error {
	w, err := walkOf(ctx, tx, id)
	if err != nil {
		return err
	}
	qs, err := queriesOf(ctx, tx)
	if err != nil {
		return err
	}
	f, err := policy.ParseFilter(qs[id].Query)
	if err != nil {
		return err
	}
	m := newMoving(tx, []collector{{id, f, true}}, n.now())
	step := w.members
	if w.Stored {
		step = w.stored
	}
	more, err := step(ctx, m)
	if err == nil {
		err = m.end(ctx)
	}
	switch {
	case err != nil:
		return err
	case !more && w.Stored:
		qs[id] = collectionQuery{Query: qs[id].Query}
		if err := putQueries(ctx, tx, qs); err != nil {
			return err
		}
	case !more:
		w = walk{Stored: true}
	}
	return putWalk(ctx, tx, id, w)
}

// members looks at the next members.
func (w *walk) members(ctx context.Context, m *moving) (more bool, err error) {
	ms, err := m.tx.Members(ctx, store.MemberQuery{Collection: m.qs[0].id, After: w.After, Limit: fillStep})
	seen := make(map[comity.ObjectID]bool, len(ms))
	for i := range ms {
		w.After = ms[i].Seq
		if id := ms[i].Version.ID; !seen[id] {
			seen[id] = true
			if err := m.held(ctx, id, nil); err != nil {
				return false, err
			}
		}
	}
	return len(ms) > 0, err
}

// stored looks at the next objects of the store. Those that do not match are no
// members: the first part has seen to that, and what changed since was placed.
func (w *walk) stored(ctx context.Context, m *moving) (more bool, err error) {
	vs, err := m.tx.Query(ctx, store.Query{After: store.OID(w.After), Limit: fillStep})
	if err != nil || len(vs) == 0 {
		return false, err
	}
	w.After = int64(vs[len(vs)-1].OID)
	return true, fitting(ctx, m.tx, &m.qs[0].filter, vs, func(v *store.Version) (bool, error) {
		return true, m.held(ctx, v.ID, nil)
	})
}

// fitting calls fn for those current versions that fit a filter, with Raw or
// without, until it says no. The bytes are read where the filter needs them, some
// mebibytes at a time.
func fitting(ctx context.Context, r store.Reader, f *policy.Filter, vs []store.Version, fn func(*store.Version) (bool, error)) error {
	for len(vs) > 0 {
		var need []store.OID
		size, n := int64(0), 0
		for ; n < len(vs) && size < fillBytes; n++ {
			if _, sure := f.MatchIndexed(indexOf(&vs[n]), vs[n].Handling); !sure {
				need, size = append(need, vs[n].OID), size+vs[n].Size
			}
		}
		read, err := r.ByOID(ctx, need, true)
		if err != nil {
			return err
		}
		for i := range vs[:n] {
			v := &vs[i]
			if len(read) > 0 && read[0].OID == v.OID {
				v, read = &read[0], read[1:]
			}
			if now := (current{v: v}); !now.fits(f) {
				continue
			}
			if on, err := fn(v); err != nil || !on {
				return err
			}
		}
		vs = vs[n:]
	}
	return nil
}

// fillLoop fills what another process, or one that was stopped, left to fill.
func (n *Node) fillLoop(ctx context.Context) {
	t := time.NewTicker(fillEvery)
	defer t.Stop()
	for {
		if err := n.FillCollections(ctx, nil); err != nil && ctx.Err() == nil {
			n.log.Error("fill collections", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
