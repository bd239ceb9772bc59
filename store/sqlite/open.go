// Package sqlite keeps a node's data in one SQLite file. It is the keeper that
// every node starts with; package store says what it owes.
//
// One connection writes, a few read. Updates that arrive while a commit is
// under way share the next one (group commit). Several processes may open the
// same file: each takes the write lock for its own transactions.
package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// Options says how much the keeper may use; the zero value suits a node.
type Options struct {
	CacheMiB int           // page cache of the writing connection; 0 means 64. It grows only with use
	Readers  int           // reading connections, opened when needed; 0 means 6
	MaxMiB   int64         // bound of the file's size; 0 means none
	Busy     time.Duration // how long to wait for another process's lock; 0 means 10 s
}

// Store is a store.Store in one SQLite file.
type Store struct {
	path    string
	opts    Options
	key     index.Key
	raws    index.Raws
	changed chan struct{}

	readers  chan struct{} // Readers places
	idle     []*reader     // open and not in use, guarded by idleMu; the last used is used next, its cache knows most
	idleMu   sync.Mutex
	readOnly bool
	frozen   bool // opened as immutable, since the folder lets nobody write

	mu     sync.RWMutex // held for reading while a unit is handed to the writer
	closed bool
	queue  chan *unit
	done   chan struct{} // closed when the writer has ended
	w      *writer
}

var _ store.Store = (*Store)(nil)

const (
	defaultCacheMiB = 64
	readerCacheMiB  = 8
	defaultReaders  = 6
	defaultBusy     = 10 * time.Second
	queued          = 256 // Updates that may wait; the next caller blocks
)

// Open opens or creates the database file path and brings its schema up to date. A
// database whose folder cannot be written opens for reading only; Update then
// gives kind Unavailable. A file that is no Comity database, one of a newer
// schema and one whose durability settings do not hold are refused.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	o.CacheMiB = index.AtMost(o.CacheMiB, defaultCacheMiB, 1<<14)
	o.Readers = index.AtMost(o.Readers, defaultReaders, 64)
	if o.Busy <= 0 {
		o.Busy = defaultBusy
	}
	s := &Store{
		path:    path,
		raws:    index.NewRaws(),
		opts:    o,
		changed: make(chan struct{}, 1),
		readers: make(chan struct{}, o.Readers),
		queue:   make(chan *unit, queued),
		done:    make(chan struct{}),
	}
	for range o.Readers {
		s.readers <- struct{}{}
	}
	if err := s.start(); err != nil {
		return nil, fault.At(err, path)
	}
	return s, nil
}

// start opens the writing connection, or falls back to reading only.
func (s *Store) start() error {
	c, err := s.openWriter()
	if err != nil {
		if !cannotWrite(err) || !exists(s.path) {
			return err
		}
		return s.startReadOnly()
	}
	r := reader{c: c, raws: s.raws}
	if s.key, err = r.loadKey(); err != nil {
		c.Close()
		return err
	}
	r.key = s.key
	s.w = &writer{reader: r, s: s}
	if s.w.ballast, err = holdBallast(c); err == nil {
		err = s.w.checkWords()
	}
	if err != nil {
		c.Close() // with its statements
		return err
	}
	go s.write()
	return nil
}

func (s *Store) startReadOnly() error {
	s.readOnly = true
	close(s.done)
	r, err := s.openReader()
	if err != nil && !exists(s.path+"-wal") {
		// Nobody can write here and no log waits: the file stands still.
		s.frozen = true
		r, err = s.openReader()
	}
	if err != nil {
		return err
	}
	version, err := r.schemaVersion()
	if err == nil && version != len(schemas()) {
		err = comity.E(comity.Unavailable, "open", "", comity.Msg("store.needs_migration",
			comity.A("held", version), comity.A("needed", len(schemas()))), nil)
	}
	if err == nil {
		s.key, err = r.loadKey()
	}
	if err != nil {
		r.c.Close()
		return err
	}
	r.key = s.key
	s.idle = append(s.idle, r)
	return nil
}

func (s *Store) openWriter() (*sqlite.Conn, error) {
	if st, err := os.Stat(filepath.Dir(s.path)); err != nil || !st.IsDir() {
		return nil, comity.E(comity.Unavailable, "open", "", comity.Msg("store.no_folder",
			comity.A("folder", filepath.Dir(s.path))), err)
	}
	// Made here so that nobody else can read it; SQLite gives its log the same mode.
	if f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		_ = f.Close()
	}
	c, err := sqlite.OpenConn(s.path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, engine("open", err)
	}
	r := reader{c: c, raws: s.raws}
	if err := s.prepareWriter(&r); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (s *Store) prepareWriter(r *reader) error {
	if err := r.exec(s.busyPragma()); err != nil {
		return err
	}
	if err := r.recognise(); err != nil {
		return err
	}
	if err := s.setPragmas(r, s.opts.CacheMiB, true); err != nil {
		return err
	}
	return r.migrate()
}

func (s *Store) openReader() (*reader, error) {
	path, flags := s.path, sqlite.OpenReadOnly
	if s.frozen {
		path, flags = immutable(path), sqlite.OpenReadOnly|sqlite.OpenURI
	}
	c, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return nil, engine("open", err)
	}
	r := &reader{c: c, key: s.key, raws: s.raws}
	err = r.exec(s.busyPragma())
	if err == nil {
		err = r.recognise()
	}
	if err == nil {
		err = s.setPragmas(r, min(readerCacheMiB, s.opts.CacheMiB), false)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return r, nil
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	r, err := s.takeReader(ctx)
	if err != nil {
		return err
	}
	defer s.giveReader(r)
	r.c.SetInterrupt(ctx.Done())
	defer r.c.SetInterrupt(nil)
	if err := r.exec("BEGIN"); err != nil {
		return err
	}
	defer func() {
		r.c.SetInterrupt(nil)
		_ = r.exec("ROLLBACK") // nothing was written; a failure shows at the next BEGIN
	}()
	return fn(r)
}

func (s *Store) takeReader(ctx context.Context) (*reader, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fault.Closed()
	}
	select {
	case <-s.readers:
	case <-ctx.Done():
		return nil, fault.Interrupted(ctx.Err())
	}
	if r := s.popReader(); r != nil {
		return r, nil
	}
	r, err := s.openReader()
	if err != nil {
		s.readers <- struct{}{}
		return nil, fault.At(err, s.path)
	}
	return r, nil
}

func (s *Store) giveReader(r *reader) {
	s.idleMu.Lock()
	s.idle = append(s.idle, r)
	s.idleMu.Unlock()
	s.readers <- struct{}{}
}

// popReader returns the last used of the idle readers, nil when there is none.
func (s *Store) popReader() *reader {
	s.idleMu.Lock()
	defer s.idleMu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return nil
	}
	r := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return r
}

// Changed implements store.Store. All calls return the same channel: one
// receiver listens and tells the others.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.done
		return nil
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	<-s.done
	var first error
	for range s.opts.Readers {
		<-s.readers
	}
	for r := s.popReader(); r != nil; r = s.popReader() {
		if err := r.c.Close(); err != nil && first == nil {
			first = engine("close", err)
		}
	}
	if s.w != nil {
		_ = s.w.ballast.Finalize() // it never ran
		if err := s.w.c.Close(); err != nil && first == nil {
			first = engine("close", err)
		}
	}
	return first
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
