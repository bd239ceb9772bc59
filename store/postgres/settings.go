package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
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
