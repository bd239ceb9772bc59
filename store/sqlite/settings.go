package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"
)

// Setting implements store.SettingReader.
func (r *reader) Setting(_ context.Context, name string) ([]byte, error) {
	return one(r, "store.no_setting", name, func(s *sqlite.Stmt) ([]byte, error) { return blob(s, 0), nil },
		"SELECT value FROM setting WHERE name = ?", name)
}

// PutSetting implements store.SettingWriter.
func (t *tx) PutSetting(_ context.Context, name string, value []byte) error {
	return t.exec("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, value)
}
