package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

const channelColumns = `id, agreement, publisher, stream, own, size, root, signed, checkpoint,
	fault, faultat, checkedat, created, n`

// channelRow is a channel and its number in other tables.
type channelRow struct {
	comity.Channel
	n int64
}

func scanChannel(row pgx.Row) (c channelRow, err error) {
	err = row.Scan(&c.ID, &c.Agreement, &c.Publisher, &c.Stream, &c.Own, &c.Head.Size, sum{&c.Head.Root}, &c.SignedSize, &c.Checkpoint,
		message{&c.Fault}, when{&c.FaultAt}, when{&c.CheckedAt}, when{&c.Created}, &c.n)
	c.Checkpoint = orNil(c.Checkpoint)
	return c, err
}

// Channels implements store.ChannelReader; oldest first.
func (r *reader) Channels(ctx context.Context) ([]comity.Channel, error) {
	return collect(ctx, r, func(row pgx.Row) (comity.Channel, error) {
		c, err := scanChannel(row)
		return c.Channel, err
	}, "SELECT "+channelColumns+" FROM channel ORDER BY n")
}

// Channel implements store.ChannelReader.
func (r *reader) Channel(ctx context.Context, id comity.ChannelID) (comity.Channel, error) {
	c, err := r.channel(ctx, id)
	return c.Channel, err
}

// channel reads a channel; in a Tx its row stays locked until the commit.
func (r *reader) channel(ctx context.Context, id comity.ChannelID) (channelRow, error) {
	return one(ctx, r, "store.no_channel", id, scanChannel, "SELECT "+channelColumns+" FROM channel WHERE id = $1"+r.lock, id)
}

// Entries implements store.ChannelReader.
func (r *reader) Entries(ctx context.Context, id comity.ChannelID, from int64, max int, payloads bool, maxBytes int64) ([]store.Entry, error) {
	c, err := r.channel(ctx, id)
	if err != nil {
		return nil, err
	}
	if !payloads {
		maxBytes = 0
	}
	// The running sum of payload sizes cuts the answer in the server; the first
	// entry always comes.
	return collect(ctx, r, func(row pgx.Row) (store.Entry, error) {
		var e store.Entry
		var raw []byte
		fields := r.packed(&raw)
		err := row.Scan(&e.Index, &e.Bytes, &e.Kind, &e.Handle, &e.Rev, &e.Nonce, &e.Header, &e.Object, &e.OID, when{&e.At}, &e.Blob, fields[0], fields[1])
		if payloads {
			e.Payload = e.Blob
			if raw != nil {
				e.Payload = raw
			}
		}
		return e, err
	}, `SELECT e.idx, e.bytes, e.kind, e.handle, e.rev, e.nonce, e.header, e.object, e.oid, e.stored, e.blob,
			c.codec, CASE WHEN $4 THEN c.raw END
		FROM (
			SELECT e.*, sum(coalesce(o.size, length(e.blob), 0)) OVER (ORDER BY e.idx) AS upto
			FROM entry e LEFT JOIN object o ON o.oid = e.oid AND e.oid <> 0 AND o.state <> 2
			WHERE e.channel = $1 AND e.idx >= $2 AND e.idx < $2 + $3
		) e LEFT JOIN content c ON c.oid = e.oid AND e.oid <> 0
		WHERE e.idx = $2 OR $5 <= 0 OR e.upto <= $5
		ORDER BY e.idx`, c.n, from, int64(index.AtMost(max, index.Page, index.MaxHits)), payloads, maxBytes)
}

// Tiles implements store.ChannelReader.
func (r *reader) Tiles(ctx context.Context, id comity.ChannelID, ids []store.TileID) ([][]byte, error) {
	c, err := r.channel(ctx, id)
	if err != nil {
		return nil, err
	}
	levels, ns := make([]int64, len(ids)), make([]int64, len(ids))
	for i, t := range ids {
		levels[i], ns[i] = int64(t.Level), t.N
	}
	return collect(ctx, r, func(row pgx.Row) (b []byte, err error) {
		err = row.Scan(&b)
		return b, err
	}, `SELECT t.hashes
		FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS a (level, n, place)
		LEFT JOIN tile t ON t.channel = $1 AND t.level = a.level AND t.n = a.n
		ORDER BY a.place`, c.n, levels, ns)
}

const placementColumns = `c.id, c.own, p.object, p.handle, p.rev, p.idx, p.kind, p.oid, p.put, p.at`

func scanPlacement(row pgx.Row) (p store.Placement, err error) {
	err = row.Scan(&p.Channel, &p.Own, &p.Object, &p.Handle, &p.Rev, &p.Index, &p.Kind, &p.OID, &p.Put, when{&p.At})
	return p, err
}

// Placements implements store.ChannelReader.
func (r *reader) Placements(ctx context.Context, objects []comity.ObjectID) ([]store.Placement, error) {
	hashes := make([]int64, len(objects))
	for i, id := range objects {
		hashes[i] = r.key.Text(string(id))
	}
	return collect(ctx, r, scanPlacement, `
		SELECT `+placementColumns+`
		FROM placement p JOIN channel c ON c.n = p.channel
		WHERE p.objecth = ANY($1) AND p.object = ANY($2) AND p.object <> ''
		ORDER BY p.channel, p.idx`, hashes, objects)
}

// ByHandle implements store.ChannelReader.
func (r *reader) ByHandle(ctx context.Context, id comity.ChannelID, h comity.Handle) (store.Placement, error) {
	return one(ctx, r, "store.no_handle", h, scanPlacement, `
		SELECT `+placementColumns+`
		FROM channel c JOIN placement p ON p.channel = c.n
		WHERE c.id = $1 AND p.handle = $2`, id, h)
}

// Receipts implements store.ChannelReader.
func (r *reader) Receipts(ctx context.Context, id comity.ChannelID) ([]comity.Receipt, error) {
	c, err := r.channel(ctx, id)
	if err != nil {
		return nil, err
	}
	return collect(ctx, r, func(row pgx.Row) (comity.Receipt, error) {
		rc := comity.Receipt{Channel: id}
		err := row.Scan(&rc.Member, &rc.Size, sum{&rc.Root}, &rc.Line, when{&rc.At})
		return rc, err
	}, `SELECT member, size, root, line, at FROM receipt WHERE channel = $1 ORDER BY member COLLATE "C"`, c.n)
}

// CreateChannel implements store.ChannelWriter.
func (t *tx) CreateChannel(ctx context.Context, c comity.Channel) error {
	n, err := t.exec(ctx, `
		INSERT INTO channel (id, agreement, publisher, stream, own, size, root, signed, checkpoint,
			fault, faultat, checkedat, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (id) DO NOTHING`,
		c.ID, c.Agreement, c.Publisher, c.Stream, c.Own, c.Head.Size, c.Head.Root[:],
		c.SignedSize, bytesOf(c.Checkpoint), encodeMessage(c.Fault), nanos(c.FaultAt), nanos(c.CheckedAt), nanos(c.Created))
	if err == nil && n == 0 {
		err = fault.Conflict("create channel", c.ID, "store.channel_exists", comity.A("id", c.ID))
	}
	return err
}

// SetCheckpoint implements store.ChannelWriter.
func (t *tx) SetCheckpoint(ctx context.Context, id comity.ChannelID, size int64, note []byte) error {
	c, err := t.channel(ctx, id)
	if err != nil {
		return err
	}
	if size < c.SignedSize {
		return fault.Conflict("set checkpoint", id, "store.smaller_checkpoint",
			comity.A("size", size), comity.A("held", c.SignedSize))
	}
	return t.do(ctx, "UPDATE channel SET signed = $1, checkpoint = $2 WHERE n = $3", size, bytesOf(note), c.n)
}

// SetChannelStatus implements store.ChannelWriter.
func (t *tx) SetChannelStatus(ctx context.Context, id comity.ChannelID, f comity.Message, at, checked time.Time) error {
	c, err := t.channel(ctx, id)
	if err != nil {
		return err
	}
	if f.IsZero() {
		at = time.Time{}
	}
	if checked.IsZero() {
		checked = c.CheckedAt
	}
	return t.do(ctx, "UPDATE channel SET fault = $1, faultat = $2, checkedat = $3 WHERE n = $4",
		encodeMessage(f), nanos(at), nanos(checked), c.n)
}

// PutReceipt implements store.ChannelWriter.
func (t *tx) PutReceipt(ctx context.Context, rc comity.Receipt) error {
	n, err := one(ctx, &t.reader, "store.no_channel", rc.Channel, scanNumber, "SELECT n FROM channel WHERE id = $1", rc.Channel)
	if err != nil {
		return err
	}
	return t.do(ctx, `
		INSERT INTO receipt (channel, member, size, root, line, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (channel, member) DO UPDATE SET
			size = excluded.size, root = excluded.root, line = excluded.line, at = excluded.at
		WHERE excluded.size > receipt.size OR (excluded.size = receipt.size AND excluded.at >= receipt.at)`,
		n, rc.Member, rc.Size, rc.Root[:], bytesOf(rc.Line), nanos(rc.At))
}
