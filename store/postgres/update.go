package postgres

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity/store"
)

// Update implements store.Store. The server commits waiting transactions
// together; a unit that lost against another is run again.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.open.Done()
	for try := 1; ; try++ {
		err := s.updateOnce(ctx, fn)
		if err == nil {
			s.announce()
			return nil
		}
		if !again(err) || try == maxTries {
			return engine(err)
		}
		select {
		case <-ctx.Done():
			return engine(ctx.Err())
		case <-time.After(time.Duration(rand.IntN(try*5)) * time.Millisecond):
		}
	}
}

func (s *Store) updateOnce(ctx context.Context, fn func(store.Tx) error) error {
	t, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return engine(err)
	}
	ended := context.WithoutCancel(ctx)
	defer func() { _ = t.Rollback(ended) }() // after a commit it does nothing
	if err := fn(&tx{reader{tx: t, key: s.key, raws: s.raws, lock: " FOR UPDATE"}}); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, "NOTIFY comity"); err != nil {
		return engine(err)
	}
	// Whether the commit took place must be known, so ctx cannot cut it off.
	if err := t.Commit(ended); err != nil {
		return engine(err)
	}
	return nil
}
