package sqlite

import (
	"context"
	"slices"

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
	var handleh, objecth int64
	if e.Handle != "" {
		handleh = t.key.Text(string(e.Handle))
		if e.Kind == comity.EntryPut && e.Object != "" {
			objecth = t.key.Text(string(e.Object))
		}
	}
	err := t.exec(`
		INSERT INTO entry (at, handleh, objecth, bytes, kind, handle, rev, nonce, header, object, oid, stored, blob)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.n<<entryBits|i, handleh, objecth, e.Bytes, string(e.Kind), string(e.Handle), e.Rev,
		nullable(e.Nonce), nullable(e.Header), string(e.Object), int64(e.OID), e.At, nullable(e.Blob))
	if err != nil || e.OID == 0 || c.Own {
		return err
	}
	return t.addChannelSource(c, i, e)
}

// addChannelSource completes the arrival that PutObjects recorded, or records
// that these bytes came by this channel too.
func (t *tx) addChannelSource(c *channelRow, i int64, e *store.Entry) error {
	key := waiting{int64(e.OID), c.Publisher}
	at, here := t.waits[key]
	if here {
		delete(t.waits, key)
	} else {
		err := t.exec(`
			UPDATE source SET channel = ?, idx = ?, agreement = ?
			WHERE oid = ? AND door = 'channel' AND origin = ? AND import = 0 AND channel = '' AND idx = 0`,
			string(c.ID), i, string(c.Agreement), int64(e.OID), string(c.Publisher))
		if err != nil || t.c.Changes() > 0 {
			return err
		}
		at = e.At
	}
	return t.exec(`
		INSERT OR IGNORE INTO source (oid, door, origin, import, channel, idx, agreement, at)
		VALUES (?, 'channel', ?, 0, ?, ?, ?, ?)`,
		int64(e.OID), string(c.Publisher), string(c.ID), i, string(c.Agreement), at)
}

// waiting is an arrival by channel whose entry was not appended yet. Kept in
// memory until then, it is written once instead of twice.
type waiting struct {
	oid    int64
	origin comity.MemberID
}

// settle writes the arrivals that still wait for their entry.
func (t *tx) settle() error {
	for k, at := range t.waits {
		err := t.exec(`
			INSERT OR IGNORE INTO source (oid, door, origin, import, channel, idx, agreement, at)
			VALUES (?, 'channel', ?, 0, '', 0, '', ?)`, k.oid, string(k.origin), at)
		if err != nil {
			return err
		}
	}
	clear(t.waits)
	return nil
}

// EraseHandle implements store.ChannelWriter.
func (t *tx) EraseHandle(ctx context.Context, id comity.ChannelID, h comity.Handle) ([]store.OID, error) {
	if err := t.settle(); err != nil {
		return nil, err
	}
	c, err := t.channel(id)
	if err != nil {
		return nil, err
	}
	if _, err := t.ByHandle(ctx, id, h); err != nil {
		return nil, err
	}
	steps, err := t.steps(c.n, h)
	if err != nil {
		return nil, err
	}
	var linked []store.OID
	for _, e := range steps {
		if e.oid != 0 {
			if oid := store.OID(e.oid); !slices.Contains(linked, oid) {
				linked = append(linked, oid)
			}
			if err := t.exec("DELETE FROM source WHERE oid = ? AND door = 'channel' AND channel = ? AND idx = ?",
				e.oid, string(id), e.at&(1<<entryBits-1)); err != nil {
				return nil, err
			}
		}
		if err := t.exec("UPDATE entry SET nonce = NULL, header = NULL, blob = NULL, oid = 0 WHERE at = ?", e.at); err != nil {
			return nil, err
		}
	}
	t.w.truncat = true
	return linked, nil
}
