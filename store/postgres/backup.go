package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// backupChunk is the size of one part: a table is copied in as many as it needs.
const backupChunk = 4 << 20

// Backup implements store.Copier: every table in PostgreSQL's binary COPY form,
// read in one repeatable-read snapshot.
func (s *Store) Backup(ctx context.Context, give func(name string, size int64, body io.Reader) error) error {
	opt := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, s.pool, opt, func(t pgx.Tx) error {
		version, err := schemaVersion(ctx, t)
		if err != nil {
			return engine(err)
		}
		if err := give(schemaPart(version), 0, bytes.NewReader(nil)); err != nil {
			return err
		}
		tables, err := tablesOf(ctx, t)
		if err != nil {
			return err
		}
		for _, tab := range tables {
			if err := copyOut(ctx, t, tab, give); err != nil {
				return err
			}
		}
		return nil
	})
}

func schemaPart(version int) string { return fmt.Sprintf("schema%d", version) }

// table is a table and its columns by name: their order in the database depends
// on how it was upgraded.
type table struct {
	name    string
	columns []string
	counter string // column that the server numbers; "" for none
}

func (t table) sql() string {
	quoted := make([]string, len(t.columns))
	for i, c := range t.columns {
		quoted[i] = pgx.Identifier{c}.Sanitize()
	}
	return pgx.Identifier{t.name}.Sanitize() + " (" + strings.Join(quoted, ", ") + ")"
}

// tablesOf lists what a backup holds: all of the keeper's tables in its schema.
func tablesOf(ctx context.Context, t pgx.Tx) ([]table, error) {
	rows, err := t.Query(ctx, `
		SELECT table_name, array_agg(column_name::text ORDER BY column_name),
		       coalesce(max(column_name::text) FILTER (WHERE is_identity = 'YES'), '')
		FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name <> 'comity_schema' AND is_generated = 'NEVER'
		GROUP BY table_name ORDER BY table_name`)
	if err != nil {
		return nil, engine(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x table, err error) {
		return x, row.Scan(&x.name, &x.columns, &x.counter)
	})
	return out, engine(err)
}

// copyOut gives one table in parts "name/000000" and on.
func copyOut(ctx context.Context, t pgx.Tx, tab table, give func(string, int64, io.Reader) error) error {
	w := &chunks{give: give, name: tab.name, buf: make([]byte, 0, backupChunk)}
	_, err := t.Conn().PgConn().CopyTo(ctx, w, "COPY "+tab.sql()+" TO STDOUT (FORMAT binary)")
	if w.err != nil {
		return w.err
	}
	if err != nil {
		return engine(err)
	}
	return w.flush()
}

// chunks cuts a stream into parts.
type chunks struct {
	give func(string, int64, io.Reader) error
	name string
	n    int
	buf  []byte
	err  error // of give
}

func (c *chunks) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), cap(c.buf)-len(c.buf))
		c.buf = append(c.buf, p[:k]...)
		p = p[k:]
		if len(c.buf) == cap(c.buf) {
			if err := c.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (c *chunks) flush() error {
	if c.err = c.give(fmt.Sprintf("%s/%06d", c.name, c.n), int64(len(c.buf)), bytes.NewReader(c.buf)); c.err != nil {
		return c.err
	}
	c.n, c.buf = c.n+1, c.buf[:0]
	return nil
}

// Restore fills an empty database from a backup, in one transaction, and puts
// these settings into it. A database that holds anything is refused (Conflict).
func Restore(ctx context.Context, url string, next store.Parts, settings map[string][]byte) error {
	s, err := Open(ctx, url)
	if err != nil {
		return err
	}
	defer s.Close()
	return pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		if err := ready(ctx, t, next); err != nil {
			return err
		}
		if err := copyIn(ctx, t, next); err != nil {
			return err
		}
		for name, v := range settings {
			_, err := t.Exec(ctx, "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, v)
			if err != nil {
				return engine(err)
			}
		}
		return nil
	})
}

// ready checks that the backup fits this program and the database is empty.
func ready(ctx context.Context, t pgx.Tx, next store.Parts) error {
	name, _, err := next()
	if err != nil {
		return err
	}
	if want := schemaPart(len(schemas())); name != want {
		return comity.E(comity.Invalid, "restore", name, comity.Msg("store.backup_schema", comity.A("held", name), comity.A("needed", want)), nil)
	}
	if _, err := t.Exec(ctx, "LOCK TABLE setting, keeper IN ACCESS EXCLUSIVE MODE"); err != nil {
		return engine(err)
	}
	var held int
	if err := t.QueryRow(ctx, "SELECT (SELECT count(*) FROM setting) + (SELECT count(*) FROM object)").Scan(&held); err != nil {
		return engine(err)
	}
	if held > 0 {
		return comity.E(comity.Conflict, "restore", "", comity.Msg("store.not_empty"), nil)
	}
	_, err = t.Exec(ctx, "DELETE FROM keeper")
	return engine(err)
}

// copyIn feeds each table from its parts.
func copyIn(ctx context.Context, t pgx.Tx, next store.Parts) error {
	tables, err := tablesOf(ctx, t)
	if err != nil {
		return err
	}
	known := map[string]table{}
	for _, tab := range tables {
		known[tab.name] = tab
	}
	name, body, err := next()
	for err == nil {
		of, _, _ := strings.Cut(name, "/")
		tab, ok := known[of]
		if !ok {
			return comity.E(comity.Invalid, "restore", name, comity.Msg("store.not_this_keeper", comity.A("part", name)), nil)
		}
		delete(known, of)
		in := &joined{table: of, body: body, next: next}
		if _, err := t.Conn().PgConn().CopyFrom(ctx, in, "COPY "+tab.sql()+" FROM STDIN (FORMAT binary)"); err != nil {
			if in.err != nil && in.err != io.EOF {
				return in.err
			}
			return engine(err)
		}
		if tab.counter != "" {
			sql := fmt.Sprintf("SELECT setval(pg_get_serial_sequence($1, $2), max(%s)) FROM %s HAVING max(%[1]s) IS NOT NULL",
				pgx.Identifier{tab.counter}.Sanitize(), pgx.Identifier{of}.Sanitize())
			if _, err := t.Exec(ctx, sql, of, tab.counter); err != nil {
				return engine(err)
			}
		}
		name, body, err = in.name, in.body, in.err
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	for of := range known {
		return comity.E(comity.Invalid, "restore", of, comity.Msg("store.backup_lacks", comity.A("part", of)), nil)
	}
	return nil
}

// joined reads the parts of one table as one stream. At its end name, body and
// err say what comes next.
type joined struct {
	table string
	name  string
	body  io.Reader
	next  store.Parts
	err   error
	over  bool
}

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.over {
			return 0, io.EOF
		}
		n, err := j.body.Read(p)
		if err != nil && err != io.EOF {
			j.err = err
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		if j.name, j.body, j.err = j.next(); j.err == io.EOF {
			j.over = true
		} else if j.err != nil {
			return 0, j.err
		} else if of, _, _ := strings.Cut(j.name, "/"); of != j.table {
			j.over = true
		}
	}
}
