package postgres_test

import (
	"context"
	"testing"

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
		func(ctx context.Context, name string) (store.Store, error) { return postgres.Open(ctx, name) })
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b) })
}
