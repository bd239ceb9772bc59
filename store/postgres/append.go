package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

// appendix is the state of one AppendEntries.
type appendix struct {
	*tx
	c      channelRow
	from   int64
	placed map[comity.Handle]*placed
}

// placed is where a handle stands while entries are added.
type placed struct {
	store.Placement
	last int64 // index of the last entry, -1 for none
}

// AppendEntries implements store.ChannelWriter. Entry.Index is given here.
func (t *tx) AppendEntries(ctx context.Context, id comity.ChannelID, old comity.Head, entries []store.Entry, tiles map[store.TileID][]byte, next comity.Head) error {
	c, err := t.channel(ctx, id)
	if err != nil {
		return err
	}
	if err := fault.Append(id, c.Head, old, next, len(entries)); err != nil {
		return err
	}
	a := &appendix{tx: t, c: c, from: old.Size, placed: map[comity.Handle]*placed{}}
	if err := a.loadPlaced(ctx, entries); err != nil {
		return err
	}
	if err := a.insert(ctx, entries); err != nil {
		return err
	}
	if err := a.savePlaced(ctx); err != nil {
		return err
	}
	if !c.Own {
		if err := a.addSources(ctx, entries); err != nil {
			return err
		}
	}
	if err := t.putTiles(ctx, c.n, tiles); err != nil {
		return err
	}
	return t.do(ctx, "UPDATE channel SET size = $1, root = $2 WHERE n = $3", next.Size, next.Root[:], c.n)
}

func (a *appendix) loadPlaced(ctx context.Context, entries []store.Entry) error {
	handles := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Handle != "" {
			handles = append(handles, string(e.Handle))
		}
	}
	rows, err := collect(ctx, &a.reader, scanPlacement, `
		SELECT `+placementColumns+` FROM placement p JOIN channel c ON c.n = p.channel
		WHERE p.channel = $1 AND p.handle = ANY($2)`, a.c.n, handles)
	for _, p := range rows {
		a.placed[p.Handle] = &placed{p, p.Index}
	}
	return err
}

// insert copies the entries, and follows their placements on the way.
func (a *appendix) insert(ctx context.Context, entries []store.Entry) error {
	_, err := a.reader.tx.CopyFrom(ctx, pgx.Identifier{"entry"},
		[]string{"channel", "idx", "prev", "bytes", "kind", "handle", "rev", "nonce", "header", "object", "oid", "stored", "blob"},
		pgx.CopyFromSlice(len(entries), func(i int) ([]any, error) {
			e, at := &entries[i], a.from+int64(i)
			prev := a.step(e, at)
			return []any{a.c.n, at, prev, bytesOf(e.Bytes), string(e.Kind), string(e.Handle), e.Rev, e.Nonce, e.Header,
				string(e.Object), int64(e.OID), nanos(e.At), e.Blob}, nil
		}))
	return engine(err)
}

// step moves the placement of the entry's handle and returns the entry before.
func (a *appendix) step(e *store.Entry, at int64) int64 {
	if e.Handle == "" {
		return -1
	}
	p := a.placed[e.Handle]
	if p == nil {
		if e.Kind != comity.EntryPut {
			return -1
		}
		p = &placed{store.Placement{Handle: e.Handle}, -1}
		a.placed[e.Handle] = p
	}
	prev := p.last
	p.last, p.Rev, p.Index, p.Kind, p.At = at, e.Rev, at, e.Kind, e.At
	switch e.Kind {
	case comity.EntryPut:
		p.OID, p.Put = e.OID, at
		if e.Object != "" {
			p.Object = e.Object
		}
	case comity.EntryErase:
		p.OID = 0
	}
	return prev
}

func (a *appendix) savePlaced(ctx context.Context) error {
	n := len(a.placed)
	handles, objects, kinds := make([]string, 0, n), make([]string, 0, n), make([]string, 0, n)
	hashes, revs, idxs := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	oids, puts, ats := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	for _, p := range a.placed {
		handles, objects, kinds = append(handles, string(p.Handle)), append(objects, string(p.Object)), append(kinds, string(p.Kind))
		hashes, revs, idxs = append(hashes, a.key.Text(string(p.Object))), append(revs, p.Rev), append(idxs, p.Index)
		oids, puts, ats = append(oids, int64(p.OID)), append(puts, p.Put), append(ats, nanos(p.At))
	}
	return a.do(ctx, `
		INSERT INTO placement (channel, handle, objecth, object, rev, idx, kind, oid, put, at)
		SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
			$8::bigint[], $9::bigint[], $10::bigint[])
		ON CONFLICT (channel, handle) DO UPDATE SET
			objecth = excluded.objecth, object = excluded.object, rev = excluded.rev, idx = excluded.idx,
			kind = excluded.kind, oid = excluded.oid, put = excluded.put, at = excluded.at`,
		a.c.n, handles, hashes, objects, revs, idxs, kinds, oids, puts, ats)
}

// addSources completes the arrivals that PutObjects recorded, or records that
// these bytes came by this channel too.
func (a *appendix) addSources(ctx context.Context, entries []store.Entry) error {
	var oids, idxs, ats []int64
	for i, e := range entries {
		if e.OID != 0 {
			oids, idxs, ats = append(oids, int64(e.OID)), append(idxs, a.from+int64(i)), append(ats, nanos(e.At))
		}
	}
	if len(oids) == 0 {
		return nil
	}
	if err := a.do(ctx, `
		UPDATE source s SET channel = $1, idx = b.idx, agreement = $2
		FROM (SELECT oid, min(idx) AS idx FROM unnest($4::bigint[], $5::bigint[]) AS x (oid, idx) GROUP BY oid) b
		WHERE s.oid = b.oid AND s.door = 'channel' AND s.origin = $3 AND s.import = 0 AND s.channel = '' AND s.idx = 0`,
		string(a.c.ID), string(a.c.Agreement), string(a.c.Publisher), oids, idxs); err != nil {
		return err
	}
	return a.do(ctx, `
		INSERT INTO source (oid, door, origin, import, channel, idx, agreement, at)
		SELECT b.oid, 'channel', $3, 0, $1, b.idx, $2, b.at FROM unnest($4::bigint[], $5::bigint[], $6::bigint[]) AS b (oid, idx, at)
		ON CONFLICT DO NOTHING`,
		string(a.c.ID), string(a.c.Agreement), string(a.c.Publisher), oids, idxs, ats)
}

func (t *tx) putTiles(ctx context.Context, channel int64, tiles map[store.TileID][]byte) error {
	for tile, hashes := range tiles {
		err := t.do(ctx, `
			INSERT INTO tile (channel, level, n, hashes) VALUES ($1, $2, $3, $4)
			ON CONFLICT (channel, level, n) DO UPDATE SET hashes = excluded.hashes`,
			channel, int64(tile.Level), tile.N, bytesOf(hashes))
		if err != nil {
			return err
		}
	}
	return nil
}

// EraseHandle implements store.ChannelWriter. It walks the handle's entries
// back from the last one.
func (t *tx) EraseHandle(ctx context.Context, id comity.ChannelID, h comity.Handle) ([]store.OID, error) {
	c, err := t.channel(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := t.ByHandle(ctx, id, h)
	if err != nil {
		return nil, err
	}
	type step struct{ oid, prev int64 }
	var linked []store.OID
	for i := p.Index; i >= 0; {
		s, err := one(ctx, &t.reader, "store.no_entry", i, func(row pgx.Row) (s step, err error) {
			err = row.Scan(&s.oid, &s.prev)
			return s, err
		}, "SELECT oid, prev FROM entry WHERE channel = $1 AND idx = $2", c.n, i)
		if err != nil {
			return nil, err
		}
		if oid := store.OID(s.oid); oid != 0 {
			if !slices.Contains(linked, oid) {
				linked = append(linked, oid)
			}
			if err := t.do(ctx, "DELETE FROM source WHERE oid = $1 AND door = 'channel' AND channel = $2 AND idx = $3",
				s.oid, string(id), i); err != nil {
				return nil, err
			}
		}
		if err := t.do(ctx, "UPDATE entry SET nonce = NULL, header = NULL, blob = NULL, oid = 0 WHERE channel = $1 AND idx = $2", c.n, i); err != nil {
			return nil, err
		}
		i = s.prev
	}
	return linked, t.do(ctx, "UPDATE placement SET oid = 0 WHERE channel = $1 AND handle = $2", c.n, h)
}
