package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
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

func scanStatus(s *sqlite.Stmt) (store.Status, error) {
	return store.Status{ID: s.ColumnText(0), Body: blob(s, 1), Expires: when(s, 2)}, nil
}

// Status implements store.StatusReader.
func (r *reader) Status(_ context.Context, id string) (store.Status, error) {
	return one(r, "store.no_status", id, scanStatus, "SELECT id, body, expires FROM status WHERE id = ?", id)
}

// Statuses implements store.StatusReader.
func (r *reader) Statuses(_ context.Context, prefix, after string, limit int) ([]store.Status, error) {
	return collect(r, scanStatus, `
		SELECT id, body, expires FROM status
		WHERE id >= ?1 AND id > ?2 AND substr(id, 1, length(?1)) = ?1
		ORDER BY id LIMIT 0+?3`, prefix, after, index.AtMost(limit, index.Page, index.MaxPage))
}

// PutStatus implements store.StatusWriter.
func (t *tx) PutStatus(_ context.Context, s store.Status) error {
	return t.exec("INSERT OR REPLACE INTO status (id, body, expires) VALUES (?, ?, ?)", s.ID, s.Body, s.Expires)
}
