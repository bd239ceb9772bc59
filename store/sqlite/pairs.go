package sqlite

import (
	"math/bits"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// The index of values and references is a set of sorted runs. Hashes are random,
// so a tree of rows would change one page for each pair once it is larger than a
// batch: 24 kB written for an object of 1 kB. A run is written once, in order;
// runs of like size are merged, so there are few, and each pair is written again
// only as often as its run grows runFan times.
//
// INVARIANT: a current, non-erased version stands in the index under each of its
// values and references; readers skip what else they find.
const (
	runLeast   = 1024  // pairs of a batch from which it is a run of its own
	freshMost  = 16384 // pairs that wait in fresh
	runFan     = 8     // runs of like size that are merged
	mergeChunk = 64    // chunks read at once from a run that is merged
)

// addPairs writes pairs of current versions.
func (t *tx) addPairs(ps []index.Pair) error {
	ps = index.SortPairs(ps)
	if len(ps) >= runLeast {
		if err := t.writeRun(ps); err != nil {
			return err
		}
		return t.mergeRuns()
	}
	for _, p := range ps {
		if err := t.exec("INSERT OR IGNORE INTO fresh (h, oid) VALUES (?, ?)", int64(p.H), p.OID); err != nil {
			return err
		}
	}
	return t.emptyFresh(len(ps))
}

// emptyFresh makes a run of fresh when it is full; n more are in it now. The
// count is kept in meta and may be too high.
func (t *tx) emptyFresh(n int) error {
	if n == 0 {
		return nil
	}
	count, err := t.mark("fresh")
	if err != nil {
		return err
	}
	if count += int64(n); count < freshMost {
		return t.setMark("fresh", count)
	}
	ps, err := collect(&t.reader, func(s *sqlite.Stmt) (index.Pair, error) {
		return index.Pair{H: uint64(s.ColumnInt64(0)), OID: s.ColumnInt64(1)}, nil
	}, "SELECT h, oid FROM fresh")
	if err != nil {
		return err
	}
	if err := t.exec("DELETE FROM fresh"); err != nil {
		return err
	}
	if err := t.setMark("fresh", 0); err != nil {
		return err
	}
	if len(ps) > 0 {
		if err := t.writeRun(index.SortPairs(ps)); err != nil {
			return err
		}
	}
	return t.mergeRuns()
}

// runWriter writes sorted pairs as a run.
type runWriter struct {
	*tx
	n, count int64
	wait     []index.Pair
	buf      []byte
}

func (t *tx) newRun() (*runWriter, error) {
	err := t.exec("INSERT INTO run (pairs) VALUES (0)")
	return &runWriter{tx: t, n: t.c.LastInsertRowID()}, err
}

func (t *tx) writeRun(ps []index.Pair) error {
	w, err := t.newRun()
	if err != nil {
		return err
	}
	w.wait = ps
	return w.end()
}

// add takes the next pair, in order.
func (w *runWriter) add(p index.Pair) error {
	w.wait = append(w.wait, p)
	if len(w.wait) < 4096 {
		return nil
	}
	return w.flush(index.ChunkMost)
}

// flush writes chunks until fewer than keep pairs wait.
func (w *runWriter) flush(keep int) error {
	ps := w.wait
	for len(ps) > keep {
		var n int
		w.buf, n = index.AppendChunk(w.buf[:0], ps)
		err := w.exec("INSERT INTO chunk (run, first, rest) VALUES (?, ?, ?)", w.n, index.PairKey(ps[0]), w.buf)
		if err != nil {
			return err
		}
		w.count += int64(n)
		ps = ps[n:]
	}
	w.wait = append(w.wait[:0], ps...)
	return nil
}

func (w *runWriter) end() error {
	if err := w.flush(0); err != nil {
		return err
	}
	return w.exec("UPDATE run SET pairs = ? WHERE n = ?", w.count, w.n)
}

type run struct{ n, pairs int64 }

// level groups runs of like size.
func (r run) level() int { return bits.Len64(uint64(r.pairs/runLeast)) / (bits.Len(runFan) - 1) }

func (r *reader) runs() ([]run, error) {
	return collect(r, func(s *sqlite.Stmt) (run, error) {
		return run{s.ColumnInt64(0), s.ColumnInt64(1)}, nil
	}, "SELECT n, pairs FROM run ORDER BY n")
}

// mergeRuns merges the runs of a level when there are runFan of them.
func (t *tx) mergeRuns() error {
	for {
		runs, err := t.runs()
		if err != nil {
			return err
		}
		levels := map[int][]run{}
		var full []run
		for _, r := range runs {
			l := r.level()
			if levels[l] = append(levels[l], r); len(levels[l]) == runFan {
				full = levels[l]
				break
			}
		}
		if full == nil {
			return nil
		}
		if err := t.merge(full); err != nil {
			return err
		}
	}
}

// merge makes one run of several, without the versions that are past.
func (t *tx) merge(runs []run) error {
	past, err := t.past()
	if err != nil {
		return err
	}
	cursors := make([]*runCursor, len(runs))
	for i, r := range runs {
		cursors[i] = &runCursor{reader: &t.reader, run: r.n}
		if err := cursors[i].fill(); err != nil {
			return err
		}
	}
	w, err := t.newRun()
	if err != nil {
		return err
	}
	var last index.Pair
	for {
		least := -1
		for i, c := range cursors {
			if len(c.pairs) > 0 && (least < 0 || c.pairs[0].Compare(cursors[least].pairs[0]) < 0) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		p, err := cursors[least].next()
		if err != nil {
			return err
		}
		if _, gone := past[p.OID]; gone || p == last {
			continue
		}
		last = p
		if err := w.add(p); err != nil {
			return err
		}
	}
	for _, r := range runs {
		if err := t.dropRun(r.n); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil || w.count > 0 {
		return err
	}
	return t.dropRun(w.n)
}

// past returns the versions that are not current.
func (t *tx) past() (map[int64]struct{}, error) {
	out := map[int64]struct{}{}
	err := t.query("SELECT oid FROM object WHERE latest = 0", func(s *sqlite.Stmt) error {
		out[s.ColumnInt64(0)] = struct{}{}
		return nil
	})
	return out, err
}

func (t *tx) dropRun(n int64) error {
	if err := t.exec("DELETE FROM chunk WHERE run = ?", n); err != nil {
		return err
	}
	return t.exec("DELETE FROM run WHERE n = ?", n)
}

// runCursor walks a run in order.
type runCursor struct {
	*reader
	run   int64
	pairs []index.Pair // read and not yet given
	after []byte       // key of the last chunk that was read
	ended bool
	buf   []index.Pair
}

func (c *runCursor) fill() error {
	if c.ended {
		return nil
	}
	c.buf = c.buf[:0]
	n := 0
	after := c.after
	if after == nil {
		after = []byte{}
	}
	err := c.query("SELECT first, rest FROM chunk WHERE run = ? AND first > ? ORDER BY first LIMIT 0+?", func(s *sqlite.Stmt) (err error) {
		n++
		c.after = blob(s, 0)
		c.buf, err = readChunk(c.buf, s)
		return err
	}, c.run, after, mergeChunk)
	c.pairs, c.ended = c.buf, n < mergeChunk
	return err
}

func (c *runCursor) next() (index.Pair, error) {
	p := c.pairs[0]
	if c.pairs = c.pairs[1:]; len(c.pairs) == 0 {
		return p, c.fill()
	}
	return p, nil
}

func readChunk(ps []index.Pair, s *sqlite.Stmt) ([]index.Pair, error) {
	ps, err := index.ReadChunk(ps, blob(s, 0), blob(s, 1))
	if err != nil {
		err = fault.Damaged(err)
	}
	return ps, err
}

// carriers returns versions that may carry what hashes to h, rising or (newest)
// falling, after the number given (0 from the start); at most most of them.
// more says that there may be others.
func (r *reader) carriers(runs []run, h uint64, newest bool, after int64, most int) (oids []int64, more bool, err error) {
	low, high := index.Pair{H: h, OID: after + 1}, index.Pair{H: h, OID: 1<<63 - 1}
	order := ""
	if newest {
		low, order = index.Pair{H: h}, " DESC"
		if after > 0 {
			high.OID = after - 1
		}
	}
	oids, err = collect(r, firstInt, "SELECT oid FROM fresh WHERE h = ? AND oid BETWEEN ? AND ? ORDER BY oid"+order+" LIMIT 0+?",
		int64(h), low.OID, high.OID, most)
	if err != nil {
		return nil, false, err
	}
	more = len(oids) == most
	for _, run := range runs {
		var cut bool
		if oids, cut, err = r.carriersIn(oids, run.n, low, high, newest, most); err != nil {
			return nil, false, err
		}
		more = more || cut
	}
	slices.Sort(oids)
	if newest {
		slices.Reverse(oids)
	}
	oids = slices.Compact(oids)
	if len(oids) > most {
		return oids[:most], true, nil
	}
	return oids, more, nil
}

const (
	chunksUp   = "SELECT first, rest FROM chunk WHERE run = ?1 AND first >= coalesce((SELECT max(first) FROM chunk WHERE run = ?1 AND first <= ?2), ?2) AND first <= ?3 ORDER BY first"
	chunksDown = "SELECT first, rest FROM chunk WHERE run = ?1 AND first >= coalesce((SELECT max(first) FROM chunk WHERE run = ?1 AND first <= ?2), ?2) AND first <= ?3 ORDER BY first DESC"
)

// carriersIn appends at least the first most versions between low and high.
func (r *reader) carriersIn(oids []int64, run int64, low, high index.Pair, newest bool, most int) ([]int64, bool, error) {
	sql, found := chunksUp, 0
	if newest {
		sql = chunksDown
	}
	var buf []index.Pair
	err := r.scan(sql, func(s *sqlite.Stmt) (_ bool, err error) {
		buf, err = readChunk(buf[:0], s)
		for _, p := range buf {
			if p.Compare(low) >= 0 && p.Compare(high) <= 0 {
				oids = append(oids, p.OID)
				found++
			}
		}
		return found < most, err
	}, run, index.PairKey(low), index.PairKey(high))
	return oids, found >= most, err
}

// removePairs deletes every trace of pairs.
func (t *tx) removePairs(ps []index.Pair) error {
	runs, err := t.runs()
	if err != nil {
		return err
	}
	for _, p := range index.SortPairs(ps) {
		if err := t.exec("DELETE FROM fresh WHERE h = ? AND oid = ?", int64(p.H), p.OID); err != nil {
			return err
		}
		for _, r := range runs {
			if err := t.removePair(r.n, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) removePair(run int64, p index.Pair) error {
	var key []byte
	var ps []index.Pair
	err := t.query("SELECT first, rest FROM chunk WHERE run = ? AND first <= ? ORDER BY first DESC LIMIT 1",
		func(s *sqlite.Stmt) (err error) {
			key = blob(s, 0)
			ps, err = readChunk(nil, s)
			return err
		}, run, index.PairKey(p))
	at, found := slices.BinarySearchFunc(ps, p, index.Pair.Compare)
	if err != nil || !found {
		return err
	}
	if err := t.exec("DELETE FROM chunk WHERE run = ? AND first = ?", run, key); err != nil {
		return err
	}
	for ps = slices.Delete(ps, at, at+1); len(ps) > 0; {
		rest, n := index.AppendChunk(nil, ps)
		if err := t.exec("INSERT INTO chunk (run, first, rest) VALUES (?, ?, ?)", run, index.PairKey(ps[0]), rest); err != nil {
			return err
		}
		ps = ps[n:]
	}
	return nil
}
