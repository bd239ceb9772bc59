package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

const importColumns = `k.id, i.source, i.format, i.mode, i.handling, i.actor, i.state, i.started, i.finished,
	i.bytes, i.accepted, i.warned, i.same, i.refused, i.fault`

func scanImport(row pgx.Row) (im comity.Import, err error) {
	err = row.Scan(&im.ID, &im.Source, &im.Format, &im.Mode, &im.Handling, &im.By, &im.State, when{&im.Started}, when{&im.Finished},
		&im.Bytes, &im.Accepted, &im.Warned, &im.Same, &im.Refused, message{&im.Fault})
	return im, err
}

// Import implements store.ImportReader.
func (r *reader) Import(ctx context.Context, id comity.ImportID) (comity.Import, error) {
	return one(ctx, r, "store.no_import", id, scanImport, `
		SELECT `+importColumns+` FROM importkey k JOIN import i ON i.n = k.n WHERE k.id = $1`+r.lock, id)
}

// Imports implements store.ImportReader.
func (r *reader) Imports(ctx context.Context, before comity.ImportID, limit int) ([]comity.Import, error) {
	limit = index.AtMost(limit, index.Page, index.MaxPage)
	if before == "" {
		return collect(ctx, r, scanImport, `
			SELECT `+importColumns+` FROM import i JOIN importkey k ON k.n = i.n
			ORDER BY i.started DESC, i.n DESC LIMIT $1`, limit)
	}
	if _, err := r.Import(ctx, before); err != nil {
		return nil, err
	}
	return collect(ctx, r, scanImport, `
		SELECT `+importColumns+` FROM import i JOIN importkey k ON k.n = i.n
		WHERE (i.started, i.n) < (SELECT b.started, b.n FROM import b JOIN importkey bk ON bk.n = b.n WHERE bk.id = $1)
		ORDER BY i.started DESC, i.n DESC LIMIT $2`, before, limit)
}

// Refusals implements store.ImportReader.
func (r *reader) Refusals(ctx context.Context, id comity.ImportID, after int64, limit int) ([]comity.Refusal, error) {
	return collect(ctx, r, func(row pgx.Row) (comity.Refusal, error) {
		f := comity.Refusal{Import: id}
		var findings string
		err := row.Scan(&f.N, &f.At, &f.ID, &f.Raw, &f.Cut, &findings)
		if err == nil {
			if err = json.Unmarshal([]byte(findings), &f.Findings); err != nil {
				err = fault.Damaged(err)
			}
		}
		return f, err
	}, `SELECT f.n, f.place, f.id, f.raw, f.cut, f.findings
		FROM importkey k JOIN refusal f ON f.import = k.n
		WHERE k.id = $1 AND f.n > $2 ORDER BY f.n LIMIT $3`, id, after, index.AtMost(limit, index.Page, index.MaxPage))
}

// Sources implements store.ImportReader.
func (r *reader) Sources(ctx context.Context, oid store.OID) ([]store.Source, error) {
	return collect(ctx, r, func(row pgx.Row) (s store.Source, err error) {
		err = row.Scan(&s.Door, &s.Origin, &s.Import, &s.Channel, &s.Index, &s.Agreement, when{&s.At})
		return s, err
	}, `SELECT s.door, s.origin, coalesce(k.id, ''), s.channel, s.idx, s.agreement, s.at
		FROM source s LEFT JOIN importkey k ON k.n = s.import
		WHERE s.oid = $1 ORDER BY s.at, s.channel, s.idx`, oid)
}

// importNumber returns the number that stands for an import in other tables.
func (t *tx) importNumber(ctx context.Context, id comity.ImportID) (int64, error) {
	n, err := t.number(ctx, "SELECT n FROM importkey WHERE id = $1", id)
	if err != nil || n != 0 {
		return n, err
	}
	if err := t.do(ctx, "INSERT INTO importkey (id) VALUES ($1) ON CONFLICT DO NOTHING", id); err != nil {
		return 0, err
	}
	return t.number(ctx, "SELECT n FROM importkey WHERE id = $1", id)
}

// PutImport implements store.ImportWriter.
func (t *tx) PutImport(ctx context.Context, im comity.Import) error {
	n, err := t.importNumber(ctx, im.ID)
	if err != nil {
		return err
	}
	return t.do(ctx, `
		INSERT INTO import (n, source, format, mode, handling, actor, state, started, finished,
			bytes, accepted, warned, same, refused, fault)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (n) DO UPDATE SET
			source = excluded.source, format = excluded.format, mode = excluded.mode, handling = excluded.handling,
			actor = excluded.actor, state = excluded.state, started = excluded.started, finished = excluded.finished,
			bytes = excluded.bytes, accepted = excluded.accepted, warned = excluded.warned, same = excluded.same,
			refused = excluded.refused, fault = excluded.fault`,
		n, clean(im.Source), im.Format, int64(im.Mode), int64(im.Handling), im.By, string(im.State), nanos(im.Started), nanos(im.Finished),
		im.Bytes, im.Accepted, im.Warned, im.Same, im.Refused, encodeMessage(im.Fault))
}

// AddRefusals implements store.ImportWriter. The import's row is the lock under
// which numbers are given.
func (t *tx) AddRefusals(ctx context.Context, id comity.ImportID, rs []comity.Refusal) error {
	n, err := t.importNumber(ctx, id)
	if err != nil {
		return err
	}
	if err := t.do(ctx, "SELECT n FROM importkey WHERE n = $1 FOR UPDATE", n); err != nil {
		return err
	}
	last, err := t.number(ctx, "SELECT coalesce(max(n), 0) FROM refusal WHERE import = $1", n)
	if err != nil {
		return err
	}
	_, err = t.reader.tx.CopyFrom(ctx, pgx.Identifier{"refusal"}, []string{"import", "n", "place", "id", "raw", "cut", "findings"},
		pgx.CopyFromSlice(len(rs), func(i int) ([]any, error) {
			f := &rs[i]
			findings, err := json.Marshal(f.Findings)
			return []any{n, last + int64(i) + 1, clean(f.At), clean(string(f.ID)), bytesOf(f.Raw), f.Cut, clean(string(findings))}, err
		}))
	return engine(err)
}
