package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// reader is a store.Reader in one transaction.
type reader struct {
	tx   pgx.Tx
	key  index.Key
	raws index.Raws
	lock string // " FOR UPDATE" in a Tx: what is read there is not changed by others meanwhile
}

// tx is a store.Tx.
type tx struct{ reader }

// exec runs sql and returns the number of rows it changed.
func (r *reader) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := r.tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), engine(err)
}

// do is exec for callers who do not count.
func (r *reader) do(ctx context.Context, sql string, args ...any) error {
	_, err := r.exec(ctx, sql, args...)
	return err
}

// collect returns what scan makes of each row.
func collect[T any](ctx context.Context, r *reader, scan func(pgx.Row) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := r.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, engine(err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, engine(err)
		}
		out = append(out, v)
	}
	return out, engine(rows.Err())
}

// one returns what scan makes of the first row, or NotFound with key and id.
func one[T any](ctx context.Context, r *reader, key string, id any, scan func(pgx.Row) (T, error), sql string, args ...any) (T, error) {
	v, err := scan(r.tx.QueryRow(ctx, sql, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		var zero T
		return zero, fault.Missing(key, id)
	}
	return v, engine(err)
}

// number returns the integer of the first row, 0 when there is none.
func (r *reader) number(ctx context.Context, sql string, args ...any) (int64, error) {
	n, err := scanNumber(r.tx.QueryRow(ctx, sql, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return n, engine(err)
}

func scanNumber(row pgx.Row) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}

// engine turns an error of the server into a comity error. INVARIANT: a server
// that is away, full or read-only is Unavailable.
func engine(err error) error {
	if err == nil || fault.As(err) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Interrupted(err)
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return fault.Unavailable("query", "store.database_away", err)
	}
	switch {
	case pe.Code == "53100":
		return fault.Unavailable("query", "store.disk_full", err)
	case pe.Code == "25006":
		return fault.Unavailable("query", "store.read_only", err)
	case pe.Code == "54000":
		return comity.E(comity.TooLarge, "query", "", comity.Msg("store.too_big"), err)
	case strings.HasPrefix(pe.Code, "XX"):
		return fault.Damaged(err)
	case strings.HasPrefix(pe.Code, "40"), pe.Code == "55P03":
		return fault.Unavailable("query", "store.busy", err)
	case strings.HasPrefix(pe.Code, "57"), strings.HasPrefix(pe.Code, "53"), strings.HasPrefix(pe.Code, "08"), strings.HasPrefix(pe.Code, "28"), pe.Code == "3D000":
		return fault.Unavailable("query", "store.database_away", err)
	}
	return comity.E(comity.Internal, "query", "", comity.Msg("store.failed"), err)
}

// again reports whether an error means "run the unit once more".
func again(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01")
}

// when scans a bigint of nanoseconds.
type when struct{ t *time.Time }

// ScanInt64 implements pgtype.Int64Scanner.
func (w when) ScanInt64(v pgtype.Int8) error {
	*w.t = comity.FromNanos(v.Int64)
	return nil
}

// sum scans a bytea of 32 bytes.
type sum struct{ h *comity.Hash }

// ScanBytes implements pgtype.BytesScanner.
func (s sum) ScanBytes(b []byte) error {
	copy(s.h[:], b)
	return nil
}

// packed scans codec and raw of content into raw; nil where there is none.
func (r *reader) packed(raw *[]byte) []any {
	p := &packedRaw{raws: r.raws, raw: raw}
	return []any{&p.codec, p}
}

type packedRaw struct {
	raws  index.Raws
	codec *int64
	raw   *[]byte
}

// ScanBytes implements pgtype.BytesScanner. The codec was scanned before.
func (p *packedRaw) ScanBytes(b []byte) (err error) {
	*p.raw = nil
	if b == nil || p.codec == nil {
		return nil
	}
	if *p.raw, err = p.raws.Decode(*p.codec, b); err != nil {
		return fault.Damaged(err)
	}
	return nil
}

// besideColumns are what beside scans, of content as c.
const besideColumns = "c.codec, c.raw, c.pack, c.text"

// beside scans what is indexed of a version.
type beside struct {
	codec     *int64
	raw, pack []byte
	text      *string
}

func (b *beside) fields() []any { return []any{&b.codec, &b.raw, &b.pack, &b.text} }

// open unpacks what was scanned; nothing where there was no content.
func (b *beside) open(r *reader) (values []comity.Value, refs []comity.Ref, text string, err error) {
	if b.codec == nil || b.text == nil {
		return nil, nil, "", nil
	}
	if values, refs, text, err = r.raws.Beside(*b.codec, b.raw, b.pack, *b.text); err != nil {
		err = fault.Damaged(err)
	}
	return values, refs, text, err
}

// message scans the JSON of a comity.Message.
type message struct{ m *comity.Message }

// ScanText implements pgtype.TextScanner; damaged text gives the zero message.
func (m message) ScanText(v pgtype.Text) error {
	*m.m = comity.Message{}
	if v.String != "" {
		_ = json.Unmarshal([]byte(v.String), m.m)
	}
	return nil
}

func encodeMessage(m comity.Message) string {
	if m.IsZero() {
		return ""
	}
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return clean(string(b))
}

// bytesOf is b, or an empty value for nil, for columns that are never NULL.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// orNil gives nil for an empty value, its inverse where empty means none.
func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// clean removes what a text column cannot hold.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

func nanos(t time.Time) int64 { return comity.Nanos(t) }
