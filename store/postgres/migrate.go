package postgres

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

//go:embed schema1.sql
var schema1 string

//go:embed schema2.sql
var schema2 string

// schemas returns the steps from an empty database to the newest schema,
// forward only. A released step never changes; add at the end.
func schemas() []string { return []string{schema1, schema2} }

const migrationLock = 0x436d7479 // "Cmty"

// migrate brings the schema up to date; other processes wait for it.
func (s *Store) migrate(ctx context.Context) error {
	return engine(pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "CREATE TABLE IF NOT EXISTS comity_schema (version bigint NOT NULL)"); err != nil {
			return err
		}
		version, err := schemaVersion(ctx, t)
		if err != nil {
			return err
		}
		known := len(schemas())
		if version > known {
			return fault.Unavailable("open", "store.newer_schema", nil, comity.A("held", version), comity.A("known", known))
		}
		for _, step := range schemas()[version:] {
			if _, err := t.Exec(ctx, step); err != nil {
				return err
			}
		}
		if version == known {
			return nil
		}
		if version == 0 {
			if _, err := t.Exec(ctx, "INSERT INTO keeper (hashkey, oid, words) VALUES ($1, 0, $2)", index.NewKey(), index.WordsVersion); err != nil {
				return err
			}
		}
		_, err = t.Exec(ctx, "INSERT INTO comity_schema (version) VALUES ($1)", known)
		return err
	}))
}

func schemaVersion(ctx context.Context, t pgx.Tx) (int, error) {
	var version int
	err := t.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM comity_schema").Scan(&version)
	return version, err
}

// Check implements store.Store: the server's settings, the schema, and that
// tables agree with each other.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var out []string
	broken, err := s.promises(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range broken {
		out = append(out, fmt.Sprintf("%s is %s, must be %s", p.name, p.got, p.want))
	}
	err = s.View(ctx, func(sr store.Reader) error {
		r := sr.(*reader)
		version, err := schemaVersion(ctx, r.tx)
		if err != nil {
			return engine(err)
		}
		if version != len(schemas()) {
			out = append(out, fmt.Sprintf("schema is version %d, this program needs %d", version, len(schemas())))
		}
		return r.checkCounts(ctx, &out)
	})
	return out, err
}

func (r *reader) checkCounts(ctx context.Context, out *[]string) error {
	checks := []struct{ finding, sql string }{
		{"objects whose newest version is not marked", `
			SELECT count(*) FROM (SELECT 1 FROM object GROUP BY id HAVING count(*) FILTER (WHERE latest) <> 1) x`},
		{"versions without content that are not erased", `
			SELECT count(*) FROM object o LEFT JOIN content c ON c.oid = o.oid WHERE (c.oid IS NULL) <> (o.state = 2)`},
		{"index rows of versions that are not current", `
			SELECT (SELECT count(*) FROM value v LEFT JOIN object o ON o.oid = v.oid WHERE o.oid IS NULL OR NOT o.latest OR o.state = 2)
			     + (SELECT count(*) FROM ref v LEFT JOIN object o ON o.oid = v.oid WHERE o.oid IS NULL OR NOT o.latest OR o.state = 2)
			     + (SELECT count(*) FROM words v LEFT JOIN object o ON o.oid = v.oid WHERE o.oid IS NULL OR NOT o.latest OR o.state = 2)`},
		{"difference between roll-ups and objects", `
			SELECT abs((SELECT coalesce(sum(n), 0) FROM rollup) - (SELECT count(*) FROM object))::bigint`},
		{"collections whose entries go past their size", `
			SELECT count(*) FROM collection c WHERE c.size < (SELECT coalesce(max(seq), 0) FROM member m WHERE m.collection = c.n)`},
		{"channels whose entries do not match their size", `
			SELECT count(*) FROM channel c WHERE c.size <> (SELECT count(*) FROM entry e WHERE e.channel = c.n)`},
	}
	for _, c := range checks {
		n, err := r.number(ctx, c.sql)
		if err != nil {
			return err
		}
		if n != 0 {
			*out = append(*out, fmt.Sprintf("%s: %d", c.finding, n))
		}
	}
	return nil
}
