package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// entryBits is how much of entry.at is the index within the channel.
const entryBits = 40

const channelColumns = `id, agreement, publisher, stream, own, size, root, signed, checkpoint,
	fault, faultat, checkedat, created, n`

// channelRow is a channel and its number in other tables.
type channelRow struct {
	comity.Channel
	n int64
}

func scanChannel(s *sqlite.Stmt) (channelRow, error) {
	return channelRow{comity.Channel{
		ID:         comity.ChannelID(s.ColumnText(0)),
		Agreement:  comity.AgreementID(s.ColumnText(1)),
		Publisher:  comity.MemberID(s.ColumnText(2)),
		Stream:     s.ColumnText(3),
		Own:        s.ColumnBool(4),
		Head:       comity.Head{Size: s.ColumnInt64(5), Root: hash(s, 6)},
		SignedSize: s.ColumnInt64(7),
		Checkpoint: bytesOrNil(s, 8),
		Fault:      message(s, 9),
		FaultAt:    when(s, 10),
		CheckedAt:  when(s, 11),
		Created:    when(s, 12),
	}, s.ColumnInt64(13)}, nil
}

// Channels implements store.ChannelReader; oldest first.
func (r *reader) Channels(context.Context) ([]comity.Channel, error) {
	return collect(r, func(s *sqlite.Stmt) (comity.Channel, error) {
		c, err := scanChannel(s)
		return c.Channel, err
	}, "SELECT "+channelColumns+" FROM channel ORDER BY n")
}

// Channel implements store.ChannelReader.
func (r *reader) Channel(_ context.Context, id comity.ChannelID) (comity.Channel, error) {
	c, err := r.channel(id)
	return c.Channel, err
}

func (r *reader) channel(id comity.ChannelID) (channelRow, error) {
	return one(r, "store.no_channel", id, scanChannel, "SELECT "+channelColumns+" FROM channel WHERE id = ?", string(id))
}

const entryColumns = `e.at, e.bytes, e.kind, e.handle, e.rev, e.nonce, e.header, e.object, e.oid, e.stored, e.blob`

func scanEntry(s *sqlite.Stmt) (store.Entry, error) {
	return store.Entry{
		Index:  s.ColumnInt64(0) & (1<<entryBits - 1),
		Bytes:  blob(s, 1),
		Kind:   comity.EntryKind(s.ColumnText(2)),
		Handle: comity.Handle(s.ColumnText(3)),
		Rev:    s.ColumnInt64(4),
		Nonce:  blob(s, 5),
		Header: blob(s, 6),
		Object: comity.ObjectID(s.ColumnText(7)),
		OID:    store.OID(s.ColumnInt64(8)),
		At:     when(s, 9),
		Blob:   blob(s, 10),
	}, nil
}

// Entries implements store.ChannelReader.
func (r *reader) Entries(_ context.Context, id comity.ChannelID, from int64, max int, payloads bool, maxBytes int64) ([]store.Entry, error) {
	c, err := r.channel(id)
	if err != nil {
		return nil, err
	}
	first, end := c.n<<entryBits+from, (c.n+1)<<entryBits
	if from < 0 {
		first = c.n << entryBits
	}
	var out []store.Entry
	var bytes int64
	full := false
	err = r.query(`
		SELECT `+entryColumns+`, c.codec, CASE WHEN ? THEN c.raw END
		FROM entry e LEFT JOIN content c ON c.oid = e.oid AND e.oid <> 0
		WHERE e.at >= ? AND e.at < ? ORDER BY e.at LIMIT 0+?`,
		func(s *sqlite.Stmt) error {
			if full {
				return nil
			}
			e, err := scanEntry(s)
			if err != nil {
				return err
			}
			if payloads {
				e.Payload = e.Blob
				if !s.ColumnIsNull(12) {
					if e.Payload, err = r.raw(s, 11); err != nil {
						return err
					}
				}
			}
			bytes += int64(len(e.Payload))
			if full = len(out) > 0 && payloads && maxBytes > 0 && bytes > maxBytes; !full {
				out = append(out, e)
			}
			return nil
		}, payloads, first, end, index.AtMost(max, 100, 10000))
	return out, err
}

// Tiles implements store.ChannelReader.
func (r *reader) Tiles(_ context.Context, id comity.ChannelID, ids []store.TileID) ([][]byte, error) {
	c, err := r.channel(id)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(ids))
	for i, t := range ids {
		err := r.query("SELECT hashes FROM tile WHERE channel = ? AND level = ? AND n = ?",
			func(s *sqlite.Stmt) error { out[i] = blob(s, 0); return nil }, c.n, t.Level, t.N)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Receipts implements store.ChannelReader.
func (r *reader) Receipts(_ context.Context, id comity.ChannelID) ([]comity.Receipt, error) {
	c, err := r.channel(id)
	if err != nil {
		return nil, err
	}
	return collect(r, func(s *sqlite.Stmt) (comity.Receipt, error) {
		return comity.Receipt{
			Channel: id,
			Member:  comity.MemberID(s.ColumnText(0)),
			Size:    s.ColumnInt64(1),
			Root:    hash(s, 2),
			Line:    blob(s, 3),
			At:      when(s, 4),
		}, nil
	}, "SELECT member, size, root, line, at FROM receipt WHERE channel = ? ORDER BY member", c.n)
}

// CreateChannel implements store.ChannelWriter.
func (t *tx) CreateChannel(_ context.Context, c comity.Channel) error {
	held, err := t.number("SELECT count(*) FROM channel WHERE id = ?", string(c.ID))
	if err != nil {
		return err
	}
	if held != 0 {
		return fault.Conflict("create channel", c.ID, "store.channel_exists", comity.A("id", c.ID))
	}
	return t.exec(`
		INSERT INTO channel (id, agreement, publisher, stream, own, size, root, signed, checkpoint,
			fault, faultat, checkedat, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(c.ID), string(c.Agreement), string(c.Publisher), c.Stream, c.Own, c.Head.Size, c.Head.Root[:],
		c.SignedSize, c.Checkpoint, encodeMessage(c.Fault), c.FaultAt, c.CheckedAt, c.Created)
}

// SetCheckpoint implements store.ChannelWriter.
func (t *tx) SetCheckpoint(_ context.Context, id comity.ChannelID, size int64, note []byte) error {
	c, err := t.channel(id)
	if err != nil {
		return err
	}
	if size < c.SignedSize {
		return fault.Conflict("set checkpoint", id, "store.smaller_checkpoint",
			comity.A("size", size), comity.A("held", c.SignedSize))
	}
	return t.exec("UPDATE channel SET signed = ?, checkpoint = ? WHERE n = ?", size, note, c.n)
}

// SetChannelStatus implements store.ChannelWriter.
func (t *tx) SetChannelStatus(_ context.Context, id comity.ChannelID, f comity.Message, at, checked time.Time) error {
	c, err := t.channel(id)
	if err != nil {
		return err
	}
	if f.IsZero() {
		at = time.Time{}
	}
	if checked.IsZero() {
		checked = c.CheckedAt
	}
	return t.exec("UPDATE channel SET fault = ?, faultat = ?, checkedat = ? WHERE n = ?",
		encodeMessage(f), at, checked, c.n)
}

// PutReceipt implements store.ChannelWriter.
func (t *tx) PutReceipt(_ context.Context, rc comity.Receipt) error {
	c, err := t.channel(rc.Channel)
	if err != nil {
		return err
	}
	return t.exec(`
		INSERT INTO receipt (channel, member, size, root, line, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (channel, member) DO UPDATE SET
			size = excluded.size, root = excluded.root, line = excluded.line, at = excluded.at
		WHERE excluded.size > receipt.size OR (excluded.size = receipt.size AND excluded.at >= receipt.at)`,
		c.n, string(rc.Member), rc.Size, rc.Root[:], rc.Line, rc.At)
}
