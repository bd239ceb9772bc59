package sqlite

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

// backupPart is the only part of a backup of this keeper.
const backupPart = "comity.db"

// Backup implements store.Copier: SQLite writes a copy beside the file, as of
// the moment at which it begins. What was erased is not in it.
func (s *Store) Backup(ctx context.Context, give func(name string, size int64, body io.Reader) error) error {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".backup-*") // mode 0600
	if err != nil {
		return fault.Unavailable("backup", "store.no_copy", err, comity.A("folder", filepath.Dir(s.path)))
	}
	defer func() { _ = os.Remove(f.Name()) }()
	defer f.Close()
	if err := s.copyTo(ctx, f.Name()); err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return fault.Unavailable("backup", "store.no_copy", err, comity.A("folder", filepath.Dir(s.path)))
	}
	return give(backupPart, st.Size(), f)
}

func (s *Store) copyTo(ctx context.Context, path string) error {
	c, err := sqlite.OpenConn(s.path, sqlite.OpenReadOnly)
	if err != nil {
		return engine("backup", err)
	}
	defer c.Close()
	c.SetInterrupt(ctx.Done())
	r := &reader{c: c}
	if err := r.exec(s.busyPragma()); err != nil {
		return err
	}
	return errors.Join(r.exec("VACUUM INTO ?", path), ctx.Err())
}

// Restore makes the database file path, which must not exist, from a backup and
// puts these settings into it. An error leaves nothing behind.
func Restore(ctx context.Context, path string, next store.Parts, settings map[string][]byte) (err error) {
	name, body, err := next()
	if err != nil {
		return err
	}
	if name != backupPart {
		return comity.E(comity.Invalid, "restore", name, comity.Msg("store.not_this_keeper", comity.A("part", name)), nil)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return comity.E(comity.Conflict, "restore", path, comity.Msg("store.not_empty"), err)
	}
	if err != nil {
		return fault.Unavailable("restore", "store.no_folder", err, comity.A("folder", filepath.Dir(path)))
	}
	defer func() {
		if err != nil {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(path + suffix)
			}
		}
	}()
	_, err = io.Copy(f, body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if _, _, err = next(); err != io.EOF {
		if err == nil {
			err = comity.E(comity.Invalid, "restore", path, comity.Msg("store.not_this_keeper", comity.A("part", name)), nil)
		}
		return err
	}
	return mark(ctx, path, settings)
}

// mark opens what was restored, which also checks that it is such a database.
func mark(ctx context.Context, path string, settings map[string][]byte) error {
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	err = s.Update(ctx, func(tx store.Tx) error {
		for name, v := range settings {
			if err := tx.PutSetting(ctx, name, v); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, s.Close())
}
