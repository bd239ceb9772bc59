package sqlite

import (
	"context"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

// AppendEntries implements store.ChannelWriter. Entry.Index is given here.
func (t *tx) AppendEntries(ctx context.Context, id comity.ChannelID, old comity.Head, entries []store.Entry, tiles map[store.TileID][]byte, next comity.Head) error {
	c, err := t.channel(id)
	if err != nil {
		return err
	}
	if err := fault.Append(id, c.Head, old, next, len(entries)); err != nil {
		return err
	}
	for i := range entries {
		if err := alive(ctx); err != nil {
			return err
		}
		if err := t.appendEntry(&c, old.Size+int64(i), &entries[i]); err != nil {
			return err
		}
	}
	for tile, hashes := range tiles {
		err := t.exec("INSERT OR REPLACE INTO tile (channel, level, n, hashes) VALUES (?, ?, ?, ?)",
			c.n, tile.Level, tile.N, hashes)
		if err != nil {
			return err
		}
	}
	return t.exec("UPDATE channel SET size = ?, root = ? WHERE n = ?", next.Size, next.Root[:], c.n)
}

func (t *tx) appendEntry(c *channelRow, i int64, e *store.Entry) error {
	prev, err := t.lastEntry(c.n, e.Handle)
	if err != nil {
		return err
	}
	err = t.exec(`
		INSERT INTO entry (at, prev, bytes, kind, handle, rev, nonce, header, object, oid, stored, blob)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.n<<entryBits|i, prev, e.Bytes, string(e.Kind), string(e.Handle), e.Rev,
		nullable(e.Nonce), nullable(e.Header), string(e.Object), int64(e.OID), e.At, nullable(e.Blob))
	if err != nil {
		return err
	}
	if e.OID != 0 && !c.Own {
		if err := t.addChannelSource(c, i, e); err != nil {
			return err
		}
	}
	if e.Handle == "" {
		return nil
	}
	return t.place(c, i, e)
}

// lastEntry returns the index of the handle's last entry, -1 when it has none.
func (r *reader) lastEntry(channel int64, h comity.Handle) (int64, error) {
	last := int64(-1)
	if h == "" {
		return last, nil
	}
	err := r.query("SELECT idx FROM placement WHERE channel = ? AND handle = ?",
		func(s *sqlite.Stmt) error { last = s.ColumnInt64(0); return nil }, channel, string(h))
	return last, err
}

// addChannelSource completes the arrival that PutObjects recorded, or records
// that these bytes came by this channel too.
func (t *tx) addChannelSource(c *channelRow, i int64, e *store.Entry) error {
	err := t.exec(`
		UPDATE source SET channel = ?, idx = ?, agreement = ?
		WHERE oid = ? AND door = 'channel' AND origin = ? AND import = 0 AND channel = '' AND idx = 0`,
		string(c.ID), i, string(c.Agreement), int64(e.OID), string(c.Publisher))
	if err != nil || t.c.Changes() > 0 {
		return err
	}
	return t.exec(`
		INSERT OR IGNORE INTO source (oid, door, origin, import, channel, idx, agreement, at)
		VALUES (?, 'channel', ?, 0, ?, ?, ?, ?)`,
		int64(e.OID), string(c.Publisher), string(c.ID), i, string(c.Agreement), e.At)
}

// place keeps the placement of the entry's handle.
func (t *tx) place(c *channelRow, i int64, e *store.Entry) error {
	switch e.Kind {
	case comity.EntryPut:
		return t.exec(`
			INSERT INTO placement (channel, handle, objecth, object, rev, idx, kind, oid, put, at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6, ?9)
			ON CONFLICT (channel, handle) DO UPDATE SET
				objecth = iif(excluded.object = '', objecth, excluded.objecth),
				object = iif(excluded.object = '', object, excluded.object),
				rev = excluded.rev, idx = excluded.idx, kind = excluded.kind,
				oid = excluded.oid, put = excluded.put, at = excluded.at`,
			c.n, string(e.Handle), t.key.Text(string(e.Object)), string(e.Object), e.Rev, i, string(e.Kind),
			int64(e.OID), e.At)
	case comity.EntryErase:
		return t.exec(`
			UPDATE placement SET rev = ?, idx = ?, kind = ?, at = ?, oid = 0 WHERE channel = ? AND handle = ?`,
			e.Rev, i, string(e.Kind), e.At, c.n, string(e.Handle))
	}
	return t.exec(`
		UPDATE placement SET rev = ?, idx = ?, kind = ?, at = ? WHERE channel = ? AND handle = ?`,
		e.Rev, i, string(e.Kind), e.At, c.n, string(e.Handle))
}

// EraseHandle implements store.ChannelWriter. It walks the handle's entries
// back from the last one.
func (t *tx) EraseHandle(ctx context.Context, id comity.ChannelID, h comity.Handle) ([]store.OID, error) {
	c, err := t.channel(id)
	if err != nil {
		return nil, err
	}
	p, err := t.ByHandle(ctx, id, h)
	if err != nil {
		return nil, err
	}
	var linked []store.OID
	for i := p.Index; i >= 0; {
		at := c.n<<entryBits | i
		step, err := one(&t.reader, "store.no_entry", i, func(s *sqlite.Stmt) ([2]int64, error) {
			return [2]int64{s.ColumnInt64(0), s.ColumnInt64(1)}, nil
		}, "SELECT oid, prev FROM entry WHERE at = ?", at)
		if err != nil {
			return nil, err
		}
		if oid := store.OID(step[0]); oid != 0 {
			if !slices.Contains(linked, oid) {
				linked = append(linked, oid)
			}
			if err := t.exec("DELETE FROM source WHERE oid = ? AND door = 'channel' AND channel = ? AND idx = ?",
				int64(oid), string(id), i); err != nil {
				return nil, err
			}
		}
		if err := t.exec("UPDATE entry SET nonce = NULL, header = NULL, blob = NULL, oid = 0 WHERE at = ?", at); err != nil {
			return nil, err
		}
		i = step[1]
	}
	t.w.truncat = true
	return linked, t.exec("UPDATE placement SET oid = 0 WHERE channel = ? AND handle = ?", c.n, string(h))
}
