package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/internal/testkit/pg"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/postgres"
	"github.com/comity-net/comity/store/storetest"
)

var server pg.Lazy

func TestMain(m *testing.M) { pg.Main(m, &server) }

func open(t testing.TB) store.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), server.Database(t))
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
	storetest.Kill(t, "TestKill", 10,
		func() string { return server.Database(t) },
		openURL)
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b) })
}

func openURL(ctx context.Context, url string) (store.Store, error) { return postgres.Open(ctx, url) }

func TestReopen(t *testing.T) { storetest.Reopen(t, server.Database(t), openURL) }

func TestBackup(t *testing.T) {
	storetest.Backup(t, func(t *testing.T) store.Store { return open(t) },
		func(t *testing.T, next store.Parts, settings map[string][]byte) (store.Store, error) {
			url := server.Database(t)
			if err := postgres.Restore(t.Context(), url, next, settings); err != nil {
				s, openErr := postgres.Open(t.Context(), url)
				if openErr != nil {
					t.Fatal(openErr)
				}
				defer s.Close()
				viewErr := s.View(t.Context(), func(r store.Reader) error {
					vs, err := r.Query(t.Context(), store.Query{})
					if len(vs) > 0 {
						t.Errorf("a refused backup left %d objects", len(vs))
					}
					return err
				})
				return nil, errors.Join(err, viewErr)
			}
			s, err := postgres.Open(t.Context(), url)
			if err == nil {
				t.Cleanup(func() { _ = s.Close() })
			}
			return s, err
		})
}

func TestRefusals(t *testing.T) {
	ctx := t.Context()
	url := server.Database(t)
	s, err := postgres.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "INSERT INTO comity_schema (version) VALUES (99)"); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		url:                          "store.newer_schema",
		"postgres://%zz":             "store.bad_address",
		"postgres://x@127.0.0.1:1/x": "store.database_away",
	} {
		s, err := postgres.Open(ctx, url)
		if err == nil {
			s.Close()
		}
		if key := comity.ErrorMessage(err).Key; err == nil || key != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}
