package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

const userColumns = `name, password, role, lang, created, lastseen, disabled`

func scanUser(s *sqlite.Stmt) (store.User, error) {
	return store.User{
		Name:     s.ColumnText(0),
		Password: s.ColumnText(1),
		Role:     s.ColumnText(2),
		Lang:     s.ColumnText(3),
		Created:  when(s, 4),
		LastSeen: when(s, 5),
		Disabled: s.ColumnBool(6),
	}, nil
}

// User implements store.AccountReader.
func (r *reader) User(_ context.Context, name string) (store.User, error) {
	return one(r, "store.no_user", name, scanUser, "SELECT "+userColumns+" FROM account WHERE name = ?", name)
}

// Users implements store.AccountReader; ordered by name.
func (r *reader) Users(context.Context) ([]store.User, error) {
	return collect(r, scanUser, "SELECT "+userColumns+" FROM account ORDER BY name")
}

// PutUser implements store.AccountWriter.
func (t *tx) PutUser(_ context.Context, u store.User) error {
	return t.exec(`
		INSERT OR REPLACE INTO account (name, password, role, lang, created, lastseen, disabled)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		u.Name, u.Password, u.Role, u.Lang, u.Created, u.LastSeen, u.Disabled)
}

const secretColumns = `hash, kind, account, label, data, created, expires, used`

func scanSecret(s *sqlite.Stmt) (store.Secret, error) {
	return store.Secret{
		Hash:    hash(s, 0),
		Kind:    s.ColumnText(1),
		User:    s.ColumnText(2),
		Label:   s.ColumnText(3),
		Data:    bytesOrNil(s, 4),
		Created: when(s, 5),
		Expires: when(s, 6),
		Used:    when(s, 7),
	}, nil
}

// Secret implements store.AccountReader.
func (r *reader) Secret(_ context.Context, h comity.Hash) (store.Secret, error) {
	return one(r, "store.no_secret", "", scanSecret, "SELECT "+secretColumns+" FROM secret WHERE hash = ?", h[:])
}

// Secrets implements store.AccountReader; oldest first.
func (r *reader) Secrets(_ context.Context, kind string) ([]store.Secret, error) {
	return collect(r, scanSecret, "SELECT "+secretColumns+" FROM secret WHERE kind = ? ORDER BY created, hash", kind)
}

// PutSecret implements store.AccountWriter.
func (t *tx) PutSecret(_ context.Context, x store.Secret) error {
	return t.exec(`
		INSERT OR REPLACE INTO secret (hash, kind, account, label, data, created, expires, used)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		x.Hash[:], x.Kind, x.User, x.Label, x.Data, x.Created, x.Expires, x.Used)
}

// DeleteSecret implements store.AccountWriter; one that is gone is no error.
func (t *tx) DeleteSecret(_ context.Context, h comity.Hash) error {
	return t.exec("DELETE FROM secret WHERE hash = ?", h[:])
}

// DeleteExpired implements store.AccountWriter; a zero Expires never expires.
func (t *tx) DeleteExpired(_ context.Context, now time.Time) error {
	if err := t.exec("DELETE FROM status WHERE expires <> 0 AND expires <= ?", now); err != nil {
		return err
	}
	return t.exec("DELETE FROM secret WHERE expires <> 0 AND expires <= ?", now)
}
