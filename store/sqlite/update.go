package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

// unit is one Update on its way through the writer.
type unit struct {
	ctx  context.Context
	fn   func(store.Tx) error
	err  error
	pan  any // what fn panicked with; raised again in the caller
	done chan struct{}
}

// writer owns the writing connection; only its goroutine uses it.
type writer struct {
	reader
	s       *Store
	ballast *sqlite.Stmt
	truncat bool // something was erased: the log must be emptied
	quiet   int  // looks in a row that found nothing to do
	logged  bool // commits stand in the log since it was last copied back
}

const (
	maxUnits   = 256                   // Updates in one transaction
	gatherFor  = 20 * time.Millisecond // a transaction takes no further Update after this
	idleAfter  = 100 * time.Millisecond
	lookEvery  = time.Second // another process may have left texts to index
	quietLooks = 10          // after so many a node counts as idle and gives memory back
)

// errLost says that the engine rolled the whole transaction back.
var errLost = errors.New("sqlite: the transaction was rolled back")

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := alive(ctx); err != nil {
		return err
	}
	if s.readOnly {
		return engineReadOnly(s.path)
	}
	u := &unit{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := s.enqueue(u); err != nil {
		return err
	}
	// No way out on ctx from here: fn may be running, and whether it was kept
	// must be known.
	<-u.done
	if u.pan != nil {
		panic(u.pan)
	}
	return u.err
}

func (s *Store) enqueue(u *unit) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return fault.Closed()
	}
	select {
	case s.queue <- u:
		return nil
	case <-u.ctx.Done():
		return fault.Interrupted(u.ctx.Err())
	}
}

// write is the writer's goroutine: it serves the queue, and tends the text
// index and the log when nothing waits. Close ends it.
func (s *Store) write() {
	defer close(s.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case u, open := <-s.queue:
			if !open {
				s.w.end()
				return
			}
			s.w.quiet = 0
			s.w.batch(u)
			s.w.keepUp()
			timer.Reset(idleAfter)
			continue
		case <-timer.C:
		}
		if s.w.tend() {
			timer.Reset(0)
		} else {
			timer.Reset(lookEvery)
		}
	}
}

// batch runs first and what waits behind it in one transaction and answers
// all after its commit.
func (w *writer) batch(first *unit) {
	var kept []*unit
	start := time.Now()
	for u := first; u != nil; {
		err := w.step(u, len(kept) == 0)
		switch {
		case errors.Is(err, errLost):
			u.finish(errors.Unwrap(err))
			w.again(kept)
			return
		case err != nil || u.pan != nil:
			u.finish(err)
		default:
			kept = append(kept, u)
		}
		u = nil
		if len(kept) < maxUnits && time.Since(start) < gatherFor {
			select {
			case u = <-w.s.queue: // nil when closed: the loop ends
			default:
			}
		}
	}
	if len(kept) == 0 {
		return
	}
	err := w.commit()
	for _, u := range kept {
		u.finish(err)
	}
	if err == nil {
		w.s.announce()
	}
}

// step runs one unit of a batch. The first begins the transaction and needs no
// savepoint, which would copy every page that it changes: its failure ends the
// transaction with nothing in it.
func (w *writer) step(u *unit, first bool) error {
	if !first {
		return w.runInside(u)
	}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := w.run(u)
	if err != nil || u.pan != nil {
		w.rollback()
	}
	var lost *lostError
	if errors.As(err, &lost) {
		err = lost.cause
	}
	return err
}

// again carries out units that succeeded but were rolled back with another's
// failure, each in its own transaction.
func (w *writer) again(units []*unit) {
	for _, u := range units {
		err := w.step(u, true)
		if err == nil && u.pan == nil {
			err = w.commit()
		}
		u.finish(err)
	}
	w.s.announce()
}

// lostError is errLost with its cause, which Unwrap gives.
type lostError struct{ cause error }

func (e *lostError) Error() string        { return errLost.Error() + ": " + fmt.Sprint(e.cause) }
func (e *lostError) Unwrap() error        { return e.cause }
func (e *lostError) Is(target error) bool { return target == errLost }

// run runs one unit in the open transaction.
func (w *writer) run(u *unit) error {
	if err := alive(u.ctx); err != nil {
		return err
	}
	var broken error
	t := &tx{reader: w.reader, w: w}
	t.broken = &broken
	err := u.call(t)
	if err == nil && u.pan == nil {
		if err = t.settle(); err == nil {
			err = broken // fn passed over it, but a method may be half done
		}
	}
	if w.c.AutocommitEnabled() {
		if err == nil {
			err = errors.New("sqlite: transaction ended inside an update")
		}
		return &lostError{engine("update", err)}
	}
	return err
}

// runInside runs one unit in a savepoint, so that its failure leaves the others.
func (w *writer) runInside(u *unit) error {
	if err := alive(u.ctx); err != nil {
		return err
	}
	if err := w.exec("SAVEPOINT unit"); err != nil {
		return err
	}
	err := w.run(u)
	if errors.Is(err, errLost) {
		return err
	}
	if err == nil && u.pan == nil {
		return w.exec("RELEASE unit")
	}
	if undo := w.exec("ROLLBACK TO unit"); undo != nil {
		w.rollback()
		return &lostError{err}
	}
	if undo := w.exec("RELEASE unit"); undo != nil {
		w.rollback()
		return &lostError{err}
	}
	return err
}

func (u *unit) call(t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			u.pan = p
		}
	}()
	return u.fn(t)
}

func (u *unit) finish(err error) {
	u.err = err
	close(u.done)
}

func (w *writer) commit() error {
	err := w.exec("COMMIT")
	if err != nil {
		w.rollback()
	}
	w.logged = true
	return err
}

func (w *writer) rollback() {
	if !w.c.AutocommitEnabled() {
		_ = w.exec("ROLLBACK") // a failed rollback shows at the next BEGIN
	}
}

func (s *Store) announce() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// end finishes what erasure began before the connection closes.
func (w *writer) end() { w.truncate() }

// tend does one bounded piece of background work and reports whether there
// may be more.
func (w *writer) tend() bool {
	if w.truncat {
		w.truncate()
	}
	more, err := w.indexTexts(textStep)
	if w.quiet++; more || w.truncat {
		w.quiet = 0
	}
	if err == nil && !more && w.logged {
		// Copying back now spares the next large import from doing it.
		w.logged = w.exec("PRAGMA wal_checkpoint(PASSIVE)") != nil
	}
	if w.quiet == quietLooks {
		_ = w.exec("PRAGMA shrink_memory") // only gives the page cache back
	}
	return err == nil && more // an error is met again by the next Update, which tells it
}

// truncate empties the log, so that erased bytes do not stay in it. A reader
// on an old snapshot can stand in the way; then it is tried again.
func (w *writer) truncate() {
	if !w.truncat {
		return
	}
	if w.exec("PRAGMA busy_timeout = 50") != nil {
		return
	}
	busy, err := w.number("PRAGMA wal_checkpoint(TRUNCATE)")
	if err == nil && busy == 0 {
		w.truncat = false
	}
	_ = w.exec(w.s.busyPragma()) // Check tells if it did not hold
}
