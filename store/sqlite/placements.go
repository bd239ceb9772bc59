package sqlite

import (
	"cmp"
	"context"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

// step is what counts of an entry for the placement of its handle.
type step struct {
	at, rev, oid int64
	kind         comity.EntryKind
	object       comity.ObjectID
	stored       int64
}

// steps returns the entries of a handle in a channel, in order.
func (r *reader) steps(channel int64, h comity.Handle) ([]step, error) {
	if h == "" {
		return nil, nil
	}
	return collect(r, func(s *sqlite.Stmt) (step, error) {
		return step{
			at:     s.ColumnInt64(0),
			rev:    s.ColumnInt64(1),
			oid:    s.ColumnInt64(2),
			kind:   comity.EntryKind(s.ColumnText(3)),
			object: comity.ObjectID(s.ColumnText(4)),
			stored: s.ColumnInt64(5),
		}, nil
	}, `SELECT at, rev, oid, kind, object, stored FROM entry
		WHERE handleh = ? AND handleh <> 0 AND at >= ? AND at < ? AND handle = ? ORDER BY at`,
		r.key.Text(string(h)), channel<<entryBits, (channel+1)<<entryBits, string(h))
}

// placed folds the entries of a handle; false when there is no put among them.
func placed(steps []step) (p store.Placement, ok bool) {
	for _, e := range steps {
		if e.kind == comity.EntryPut {
			ok = true
			p.OID, p.Put = store.OID(e.oid), e.at&(1<<entryBits-1)
			if e.object != "" {
				p.Object = e.object
			}
		}
		if !ok {
			continue
		}
		p.Rev, p.Index, p.Kind, p.At = e.rev, e.at&(1<<entryBits-1), e.kind, comity.FromNanos(e.stored)
		if e.kind == comity.EntryErase {
			p.OID = 0
		}
	}
	return p, ok
}

// Placements implements store.ChannelReader.
func (r *reader) Placements(ctx context.Context, objects []comity.ObjectID) ([]store.Placement, error) {
	var out []store.Placement
	seen := make(map[comity.ObjectID]bool, len(objects))
	for _, id := range objects {
		if seen[id] || id == "" {
			continue
		}
		seen[id] = true
		ps, err := r.placements(id)
		if err != nil {
			return nil, err
		}
		out = append(out, ps...)
	}
	return out, alive(ctx)
}

// placements returns where one object stands, by channel and entry.
func (r *reader) placements(id comity.ObjectID) ([]store.Placement, error) {
	type handle struct {
		n       int64
		handle  comity.Handle
		channel comity.ChannelID
		own     bool
	}
	handles, err := collect(r, func(s *sqlite.Stmt) (handle, error) {
		return handle{s.ColumnInt64(0), comity.Handle(s.ColumnText(1)), comity.ChannelID(s.ColumnText(2)), s.ColumnBool(3)}, nil
	}, `SELECT DISTINCT c.n, e.handle, c.id, c.own
		FROM entry e CROSS JOIN channel c ON c.n = e.at >> 40
		WHERE e.objecth = ? AND e.objecth <> 0 AND e.object = ?`, r.key.Text(string(id)), string(id))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(handles, func(a, b handle) int { return cmp.Compare(a.n, b.n) })
	var out []store.Placement
	for _, h := range handles {
		steps, err := r.steps(h.n, h.handle)
		if err != nil {
			return nil, err
		}
		if p, ok := placed(steps); ok && p.Object == id {
			p.Channel, p.Own, p.Handle = h.channel, h.own, h.handle
			out = append(out, p)
		}
	}
	return out, nil
}

// ByHandle implements store.ChannelReader.
func (r *reader) ByHandle(_ context.Context, id comity.ChannelID, h comity.Handle) (store.Placement, error) {
	c, err := r.channel(id)
	if err != nil {
		return store.Placement{}, fault.Missing("store.no_handle", h)
	}
	steps, err := r.steps(c.n, h)
	if err != nil {
		return store.Placement{}, err
	}
	p, ok := placed(steps)
	if !ok {
		return p, fault.Missing("store.no_handle", h)
	}
	p.Channel, p.Own, p.Handle = c.ID, c.Own, h
	return p, nil
}
