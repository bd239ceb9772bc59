package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/sqlite"
	"github.com/comity-net/comity/store/storetest"
)

func open(t testing.TB) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "comity.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
}

func TestKill(t *testing.T) {
	storetest.Kill(t, "TestKill", 12,
		func() string { return filepath.Join(t.TempDir(), "comity.db") },
		openPath)
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b) })
}

func openPath(ctx context.Context, path string) (store.Store, error) {
	return sqlite.Open(ctx, path, sqlite.Options{})
}

func TestReopen(t *testing.T) {
	storetest.Reopen(t, filepath.Join(t.TempDir(), "comity.db"), openPath)
}

func TestBackup(t *testing.T) {
	storetest.Backup(t, func(t *testing.T) store.Store { return open(t) },
		func(t *testing.T, next store.Parts, settings map[string][]byte) (store.Store, error) {
			path := filepath.Join(t.TempDir(), "comity.db")
			if err := sqlite.Restore(t.Context(), path, next, settings); err != nil {
				if _, left := os.Stat(path); left == nil {
					t.Error("a refused backup left a file")
				}
				return nil, err
			}
			s, err := openPath(t.Context(), path)
			if err == nil {
				t.Cleanup(func() { _ = s.Close() })
			}
			return s, err
		})
}

func BenchmarkGrow(b *testing.B) {
	path := filepath.Join(b.TempDir(), "comity.db")
	s, err := openPath(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	storetest.Grow(b, s, func() int64 {
		st, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		return st.Size()
	})
}
