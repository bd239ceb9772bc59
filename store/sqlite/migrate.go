package sqlite

import (
	_ "embed"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store/internal/index"
)

//go:embed schema1.sql
var schema1 string

//go:embed schema2.sql
var schema2 string

// schemas returns the steps from an empty file to the newest schema, forward
// only. A released step never changes; add at the end.
func schemas() []string { return []string{schema1, schema2} }

func (r *reader) schemaVersion() (int, error) {
	n, err := r.number("PRAGMA user_version")
	return int(n), err
}

// recognise refuses a file that is some other program's database.
func (r *reader) recognise() error {
	id, err := r.number("PRAGMA application_id")
	if err != nil {
		return err
	}
	if id == applicationID {
		return nil
	}
	tables, err := r.number("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	if id != 0 || tables != 0 {
		return comity.E(comity.Invalid, "open", "", comity.Msg("store.not_ours"), nil)
	}
	return nil
}

// migrate brings the schema up to date, in one transaction that other
// processes wait for.
func (r *reader) migrate() error {
	version, err := r.schemaVersion()
	if err != nil {
		return err
	}
	if version == len(schemas()) {
		return nil
	}
	if err := r.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := r.migrateLocked(); err != nil {
		_ = r.exec("ROLLBACK") // the first error says more
		return err
	}
	return r.exec("COMMIT")
}

func (r *reader) migrateLocked() error {
	version, err := r.schemaVersion()
	if err != nil {
		return err
	}
	if version > len(schemas()) {
		return comity.E(comity.Unavailable, "open", "", comity.Msg("store.newer_schema",
			comity.A("held", version), comity.A("known", len(schemas()))), nil)
	}
	for _, step := range schemas()[version:] {
		if err := sqlitex.ExecuteScript(r.c, step, nil); err != nil {
			return engine("migrate", err)
		}
	}
	if version == 0 {
		if err := r.exec(`INSERT INTO meta (name, value) VALUES ('key', ?), ('oid', 0), ('text', 0), ('fresh', 0), ('words', ?)`,
			index.NewKey(), index.WordsVersion); err != nil {
			return err
		}
	}
	if err := r.exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	return r.exec(fmt.Sprintf("PRAGMA user_version = %d", len(schemas())))
}

func (r *reader) loadKey() (index.Key, error) {
	b, err := one(r, "store.damaged", "key", func(s *sqlite.Stmt) ([]byte, error) { return blob(s, 0), nil },
		"SELECT value FROM meta WHERE name = 'key'")
	if err != nil {
		return index.Key{}, err
	}
	key, ok := index.ReadKey(b)
	if !ok {
		return index.Key{}, comity.E(comity.Unavailable, "open", "", comity.Msg("store.damaged"), nil)
	}
	return key, nil
}

// mark reads one of the numbers in meta.
func (r *reader) mark(name string) (int64, error) {
	return r.number("SELECT value FROM meta WHERE name = ?", name)
}

func (r *reader) setMark(name string, n int64) error {
	return r.exec("UPDATE meta SET value = ? WHERE name = ?", n, name)
}
