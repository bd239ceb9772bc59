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
