package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// ForgetImport implements store.ImportWriter. Versions that are in a channel
// keep this import among their sources, so that it stays true how they came
// and every call names them. Tombstones of erased versions stay too.
func (t *tx) ForgetImport(ctx context.Context, id comity.ImportID, limit int) (int64, []store.OID, error) {
	if err := t.settle(); err != nil {
		return 0, nil, err
	}
	n, err := t.number("SELECT n FROM importkey WHERE id = ?", string(id))
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		return 0, nil, fault.Missing("store.no_import", id)
	}
	if err := t.forgetOtherWays(n); err != nil {
		return 0, nil, err
	}
	shared, err := collect(&t.reader, scanOID, `
		SELECT s.oid FROM source s
		WHERE s.import = ? AND s.import <> 0
			AND EXISTS (SELECT 1 FROM entry e WHERE e.oid = s.oid AND e.oid <> 0)
		ORDER BY s.oid`, n)
	if err != nil {
		return 0, nil, err
	}
	doomed, err := collect(&t.reader, scanOID, `
		SELECT s.oid FROM source s CROSS JOIN object o ON o.oid = s.oid
		WHERE s.import = ? AND s.import <> 0 AND o.state <> 2
			AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.oid = s.oid AND e.oid <> 0)
		ORDER BY s.oid DESC LIMIT 0+?`, n, index.AtMost(limit, index.MaxBatch, index.MaxBatch))
	if err != nil {
		return 0, nil, err
	}
	for _, oid := range doomed {
		if err := alive(ctx); err != nil {
			return 0, nil, err
		}
		if err := t.deleteVersion(oid); err != nil {
			return 0, nil, err
		}
	}
	return int64(len(doomed)), shared, nil
}

func scanOID(s *sqlite.Stmt) (store.OID, error) { return store.OID(s.ColumnInt64(0)), nil }

// forgetOtherWays removes the arrivals of versions that came another way too.
// Such a version is then of the origin of the oldest other way: what only a peer
// still gives must not pass as this node's own.
func (t *tx) forgetOtherWays(n int64) error {
	err := t.exec(`
		UPDATE object SET (origin, door) = (SELECT o.origin, o.door FROM source o
			WHERE o.oid = object.oid AND o.import <> ?1 ORDER BY o.at, o.channel, o.idx LIMIT 1)
		WHERE oid IN (SELECT s.oid FROM source s WHERE s.import = ?1 AND s.import <> 0
			AND EXISTS (SELECT 1 FROM source o WHERE o.oid = s.oid AND o.import <> ?1))`, n)
	if err != nil {
		return err
	}
	return t.exec(`
		DELETE FROM source WHERE import = ?1 AND import <> 0
			AND EXISTS (SELECT 1 FROM source o WHERE o.oid = source.oid AND o.import <> ?1)`, n)
}

// deleteVersion removes every trace of a version and lets the next newest be
// the current one.
func (t *tx) deleteVersion(oid store.OID) error {
	v, err := t.byOID(oid, false)
	if err != nil {
		return err
	}
	if err := t.unindex(v); err != nil {
		return err
	}
	for _, sql := range []string{
		"DELETE FROM member WHERE oid = ?1 AND collection IN (SELECT n FROM collection)",
		"DELETE FROM source WHERE oid = ?",
		"DELETE FROM content WHERE oid = ?",
		"DELETE FROM object WHERE oid = ?",
	} {
		if err := t.exec(sql, int64(oid)); err != nil {
			return err
		}
	}
	if err := t.exec(`
		UPDATE rollup SET n = n - 1 WHERE day = ? AND type = ? AND country = ? AND creator = ?`,
		index.Day(v.Received), v.Type, v.Country, string(v.Creator)); err != nil {
		return err
	}
	if err := t.exec("DELETE FROM rollup WHERE day = ? AND n <= 0", index.Day(v.Received)); err != nil {
		return err
	}
	t.w.truncat = true
	if v.Conflict {
		return nil
	}
	return t.promote(v)
}

// promote repairs an id after one of its non-conflicting versions is gone: the
// first conflict under the same version stands in for it, and the newest
// version becomes current.
func (t *tx) promote(gone store.Version) (err error) {
	rest, err := t.held(t.key.Text(string(gone.ID)), gone.ID)
	if err != nil || len(rest) == 0 {
		return err
	}
	defer func() {
		if err == nil {
			err = t.replace(gone.ID)
		}
	}()
	unconflict, latest := index.Promote(rest, comity.Nanos(gone.Modified))
	if unconflict != 0 {
		if err := t.exec("UPDATE object SET conflict = 0 WHERE oid = ?", unconflict); err != nil {
			return err
		}
	}
	if latest == 0 {
		return nil
	}
	if err := t.exec("UPDATE object SET latest = 1 WHERE oid = ?", latest); err != nil {
		return err
	}
	if v, err := t.byOID(store.OID(latest), false); err != nil || v.State == comity.StateErased {
		return err
	}
	return t.reindex(latest)
}
