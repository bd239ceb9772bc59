package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

const userColumns = `name, password, role, lang, created, lastseen, disabled`

func scanUser(row pgx.Row) (u store.User, err error) {
	err = row.Scan(&u.Name, &u.Password, &u.Role, &u.Lang, when{&u.Created}, when{&u.LastSeen}, &u.Disabled)
	return u, err
}

// User implements store.AccountReader.
func (r *reader) User(ctx context.Context, name string) (store.User, error) {
	return one(ctx, r, "store.no_user", name, scanUser, "SELECT "+userColumns+" FROM account WHERE name = $1"+r.lock, clean(name))
}

// Users implements store.AccountReader; ordered by name.
func (r *reader) Users(ctx context.Context) ([]store.User, error) {
	return collect(ctx, r, scanUser, "SELECT "+userColumns+` FROM account ORDER BY name COLLATE "C"`)
}

// PutUser implements store.AccountWriter.
func (t *tx) PutUser(ctx context.Context, u store.User) error {
	return t.do(ctx, `
		INSERT INTO account (name, password, role, lang, created, lastseen, disabled)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (name) DO UPDATE SET
			password = excluded.password, role = excluded.role, lang = excluded.lang,
			created = excluded.created, lastseen = excluded.lastseen, disabled = excluded.disabled`,
		u.Name, u.Password, u.Role, u.Lang, nanos(u.Created), nanos(u.LastSeen), u.Disabled)
}

const secretColumns = `hash, kind, account, label, data, created, expires, used`

func scanSecret(row pgx.Row) (s store.Secret, err error) {
	err = row.Scan(sum{&s.Hash}, &s.Kind, &s.User, &s.Label, &s.Data, when{&s.Created}, when{&s.Expires}, when{&s.Used})
	s.Data = orNil(s.Data)
	return s, err
}

// Secret implements store.AccountReader.
func (r *reader) Secret(ctx context.Context, h comity.Hash) (store.Secret, error) {
	return one(ctx, r, "store.no_secret", "", scanSecret, "SELECT "+secretColumns+" FROM secret WHERE hash = $1"+r.lock, h[:])
}

// Secrets implements store.AccountReader; oldest first.
func (r *reader) Secrets(ctx context.Context, kind string) ([]store.Secret, error) {
	return collect(ctx, r, scanSecret, "SELECT "+secretColumns+" FROM secret WHERE kind = $1 ORDER BY created, hash", kind)
}

// PutSecret implements store.AccountWriter.
func (t *tx) PutSecret(ctx context.Context, x store.Secret) error {
	return t.do(ctx, `
		INSERT INTO secret (hash, kind, account, label, data, created, expires, used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (hash) DO UPDATE SET
			kind = excluded.kind, account = excluded.account, label = excluded.label, data = excluded.data,
			created = excluded.created, expires = excluded.expires, used = excluded.used`,
		x.Hash[:], x.Kind, x.User, clean(x.Label), bytesOf(x.Data), nanos(x.Created), nanos(x.Expires), nanos(x.Used))
}

// DeleteSecret implements store.AccountWriter; one that is gone is no error.
func (t *tx) DeleteSecret(ctx context.Context, h comity.Hash) error {
	return t.do(ctx, "DELETE FROM secret WHERE hash = $1", h[:])
}

// DeleteExpired implements store.AccountWriter; a zero Expires never expires.
func (t *tx) DeleteExpired(ctx context.Context, now time.Time) error {
	if err := t.do(ctx, "DELETE FROM status WHERE expires <> 0 AND expires <= $1", nanos(now)); err != nil {
		return err
	}
	return t.do(ctx, "DELETE FROM secret WHERE expires <> 0 AND expires <= $1", nanos(now))
}
