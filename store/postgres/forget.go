package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

func scanOID(row pgx.Row) (oid store.OID, err error) {
	err = row.Scan(&oid)
	return oid, err
}

// ForgetImport implements store.ImportWriter. Versions that are in a channel
// keep this import among their sources, so that it stays true how they came
// and every call names them. Tombstones of erased versions stay too.
func (t *tx) ForgetImport(ctx context.Context, id comity.ImportID, limit int) (int64, []store.OID, error) {
	n, err := t.number(ctx, "SELECT n FROM importkey WHERE id = $1", id)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		return 0, nil, fault.Missing("store.no_import", id)
	}
	if _, err := t.latch(ctx); err != nil {
		return 0, nil, err
	}
	// A version that came another way too is then of the origin of the oldest
	// one: what only a peer still gives must not pass as this node's own.
	if err := t.do(ctx, `
		UPDATE object b SET (origin, door) = (SELECT o.origin, o.door FROM source o
			WHERE o.oid = b.oid AND o.import <> $1 ORDER BY o.at, o.channel, o.idx LIMIT 1)
		WHERE b.oid IN (SELECT s.oid FROM source s WHERE s.import = $1 AND s.import <> 0
			AND EXISTS (SELECT 1 FROM source o WHERE o.oid = s.oid AND o.import <> $1))`, n); err != nil {
		return 0, nil, err
	}
	if err := t.do(ctx, `
		DELETE FROM source s WHERE s.import = $1 AND s.import <> 0
			AND EXISTS (SELECT 1 FROM source o WHERE o.oid = s.oid AND o.import <> $1)`, n); err != nil {
		return 0, nil, err
	}
	shared, err := collect(ctx, &t.reader, scanOID, `
		SELECT s.oid FROM source s
		WHERE s.import = $1 AND s.import <> 0
			AND EXISTS (SELECT 1 FROM entry e WHERE e.oid = s.oid AND e.oid <> 0)
		ORDER BY s.oid`, n)
	if err != nil {
		return 0, nil, err
	}
	doomed, err := collect(ctx, &t.reader, scanVersion, `
		SELECT `+versionColumns+` FROM source s JOIN object o ON o.oid = s.oid
		WHERE s.import = $1 AND s.import <> 0 AND o.state <> 2
			AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.oid = s.oid AND e.oid <> 0)
		ORDER BY s.oid DESC LIMIT $2`, n, index.AtMost(limit, index.MaxBatch, index.MaxBatch))
	if err != nil {
		return 0, nil, err
	}
	if err := t.deleteVersions(ctx, doomed); err != nil {
		return 0, nil, err
	}
	return int64(len(doomed)), shared, nil
}

// deleteVersions removes every trace of versions, and lets the next newest of
// their ids be the current one.
func (t *tx) deleteVersions(ctx context.Context, vs []store.Version) error {
	var all, latest []int64
	for _, v := range vs {
		all = append(all, int64(v.OID))
		if v.Latest {
			latest = append(latest, int64(v.OID))
		}
	}
	if err := t.unindex(ctx, latest); err != nil {
		return err
	}
	for _, sql := range []string{
		`UPDATE rollup r SET n = r.n - d.n
			FROM (SELECT received - received % 86400000000000 AS day, type, country, creator, count(*) AS n
				FROM object WHERE oid = ANY($1) GROUP BY 1, 2, 3, 4) d
			WHERE r.day = d.day AND r.type = d.type AND r.country = d.country AND r.creator = d.creator`,
		"DELETE FROM member WHERE oid = ANY($1)",
		"DELETE FROM source WHERE oid = ANY($1)",
		"DELETE FROM content WHERE oid = ANY($1)",
		"DELETE FROM object WHERE oid = ANY($1)",
	} {
		if err := t.do(ctx, sql, all); err != nil {
			return err
		}
	}
	if err := t.do(ctx, "DELETE FROM rollup WHERE n <= 0"); err != nil {
		return err
	}
	return t.promote(ctx, vs)
}

// promote repairs the ids of deleted versions.
func (t *tx) promote(ctx context.Context, gone []store.Version) error {
	p := &put{tx: t, known: map[comity.ObjectID][]index.Held{}}
	hashes := make([]int64, len(gone))
	for i, v := range gone {
		hashes[i] = t.key.Text(string(v.ID))
	}
	if err := p.load(ctx, hashes); err != nil {
		return err
	}
	ids := make([]string, 0, len(gone))
	for _, v := range gone {
		rest := p.known[v.ID]
		if v.Conflict || len(rest) == 0 {
			continue
		}
		ids = append(ids, clean(string(v.ID)))
		unconflict, latest := index.Promote(rest, comity.Nanos(v.Modified))
		for i := range rest {
			rest[i].Conflict = rest[i].Conflict && rest[i].OID != unconflict
			rest[i].Latest = rest[i].Latest || rest[i].OID == latest
		}
		if err := t.do(ctx, "UPDATE object SET conflict = false WHERE oid = $1", unconflict); err != nil {
			return err
		}
		if latest == 0 {
			continue
		}
		if err := t.do(ctx, "UPDATE object SET latest = true WHERE oid = $1", latest); err != nil {
			return err
		}
		w, err := t.byOID(ctx, store.OID(latest))
		if err == nil && w.State != comity.StateErased {
			err = t.reindex(ctx, latest)
		}
		if err != nil {
			return err
		}
	}
	return t.replace(ctx, ids)
}
