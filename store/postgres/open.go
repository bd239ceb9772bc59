// Package postgres keeps a node's data in PostgreSQL 15 or newer, for members
// that outgrow one file or run several processes; package store says what it
// owes.
//
// Writers lock rows: the keeper's own row for objects, a collection's for its
// numbers, a channel's for its head. The server's NOTIFY only wakes; nothing
// depends on it. Erased content is gone for every query at once; the server
// itself reuses its space after its next vacuum.
package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// Store is a store.Store in one PostgreSQL database.
type Store struct {
	pool    *pgxpool.Pool
	key     index.Key
	raws    index.Raws
	changed chan struct{}

	mu     sync.Mutex // guards closed and the count of open
	closed bool
	open   sync.WaitGroup // Views and Updates under way

	stop context.CancelFunc // ends the listener
	done chan struct{}      // closed when it has ended
}

var _ store.Store = (*Store)(nil)

const (
	maxConns   = 16
	maxTries   = 20
	oldest     = 15
	statements = 512 // prepared statements kept by each connection
)

// Open connects to the database at url ("postgres://…" or key=value words),
// brings its schema up to date and refuses a server whose commits are not
// durable. The user needs the right to create tables in the database.
func Open(ctx context.Context, url string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The cause would repeat the address with its password.
		return nil, comity.E(comity.Usage, "open", "", comity.Msg("store.bad_address"), nil)
	}
	cfg.MaxConns = maxConns
	cfg.ConnConfig.StatementCacheCapacity = statements
	cfg.ConnConfig.RuntimeParams["application_name"] = "comity"
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	subject := cfg.ConnConfig.Host + "/" + cfg.ConnConfig.Database
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fault.At(engine(err), subject)
	}
	s := &Store{pool: pool, raws: index.NewRaws(), changed: make(chan struct{}, 1), done: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		pool.Close()
		return nil, fault.At(err, subject)
	}
	listen, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.listen(listen, cfg.ConnConfig.Copy())
	return s, nil
}

func (s *Store) start(ctx context.Context) error {
	findings, err := s.promises(ctx)
	if err != nil {
		return err
	}
	for _, f := range findings {
		return fault.Unavailable("open", "store.setting_refused", nil,
			comity.A("name", f.name), comity.A("want", f.want), comity.A("got", f.got))
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	var key []byte
	var words int64
	if err := s.pool.QueryRow(ctx, "SELECT hashkey, words FROM keeper").Scan(&key, &words); err != nil {
		return engine(err)
	}
	var ok bool
	if s.key, ok = index.ReadKey(key); !ok {
		return fault.Damaged(nil)
	}
	if words != index.WordsVersion {
		return s.rebuildWords(ctx)
	}
	return nil
}

// promise is a server setting that durability needs.
type promise struct{ name, want, got string }

// promises returns the settings that do not hold.
func (s *Store) promises(ctx context.Context) ([]promise, error) {
	var version int
	if err := s.pool.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return nil, engine(err)
	}
	if version/10000 < oldest {
		return nil, fault.Unavailable("open", "store.old_server", nil,
			comity.A("held", version/10000), comity.A("needed", oldest))
	}
	var out []promise
	for _, p := range []promise{{name: "fsync", want: "on"}, {name: "full_page_writes", want: "on"}, {name: "synchronous_commit", want: "on"}} {
		if err := s.pool.QueryRow(ctx, "SELECT current_setting($1)", p.name).Scan(&p.got); err != nil {
			return nil, engine(err)
		}
		stricter := p.name == "synchronous_commit" && p.got == "remote_apply"
		if p.got != p.want && !stricter {
			out = append(out, p)
		}
	}
	return out, nil
}

// enter counts a View or an Update in, unless the store is closed.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fault.Closed()
	}
	s.open.Add(1)
	return nil
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.open.Done()
	t, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return engine(err)
	}
	defer func() { _ = t.Rollback(context.WithoutCancel(ctx)) }() // nothing was written
	return fn(&reader{tx: t, key: s.key, raws: s.raws})
}

// Changed implements store.Store. All calls return the same channel: one
// receiver listens and tells the others.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		<-s.done
		return nil
	}
	s.stop()
	s.open.Wait()
	<-s.done
	s.pool.Close()
	return nil
}

func (s *Store) announce() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// listen passes other processes' commits on. Close ends it.
func (s *Store) listen(ctx context.Context, cfg *pgx.ConnConfig) {
	defer close(s.done)
	for ctx.Err() == nil {
		s.listenOnce(ctx, cfg)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// listenOnce listens until the connection fails; callers poll beneath.
func (s *Store) listenOnce(ctx context.Context, cfg *pgx.ConnConfig) {
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	if _, err := c.Exec(ctx, "LISTEN comity"); err != nil {
		return
	}
	for {
		if _, err := c.WaitForNotification(ctx); err != nil {
			return
		}
		s.announce()
	}
}
