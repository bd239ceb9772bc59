package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
)

// Setting implements store.SettingReader.
func (r *reader) Setting(ctx context.Context, name string) ([]byte, error) {
	return one(ctx, r, "store.no_setting", name, func(row pgx.Row) (v []byte, err error) {
		err = row.Scan(&v)
		return v, err
	}, "SELECT value FROM setting WHERE name = $1"+r.lock, name)
}

// PutSetting implements store.SettingWriter.
func (t *tx) PutSetting(ctx context.Context, name string, value []byte) error {
	return t.do(ctx, `
		INSERT INTO setting (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, bytesOf(value))
}

func scanStatus(row pgx.Row) (s store.Status, err error) {
	err = row.Scan(&s.ID, &s.Body, when{&s.Expires})
	return s, err
}

// Status implements store.StatusReader.
func (r *reader) Status(ctx context.Context, id string) (store.Status, error) {
	return one(ctx, r, "store.no_status", id, scanStatus, "SELECT id, body, expires FROM status WHERE id = $1"+r.lock, id)
}

// Statuses implements store.StatusReader.
func (r *reader) Statuses(ctx context.Context, prefix, after string, limit int) ([]store.Status, error) {
	return collect(ctx, r, scanStatus, `
		SELECT id, body, expires FROM status
		WHERE id >= $1 AND id > $2 AND starts_with(id, $1)
		ORDER BY id LIMIT $3`, prefix, after, index.AtMost(limit, index.Page, index.MaxPage))
}

// PutStatus implements store.StatusWriter.
func (t *tx) PutStatus(ctx context.Context, s store.Status) error {
	return t.do(ctx, `
		INSERT INTO status (id, body, expires) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET body = excluded.body, expires = excluded.expires`,
		s.ID, bytesOf(s.Body), nanos(s.Expires))
}
