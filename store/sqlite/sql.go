package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// reader is a store.Reader on one connection.
type reader struct {
	c      *sqlite.Conn
	key    index.Key
	raws   index.Raws
	broken *error // in a tx: the first failure of the engine
}

// tx is a store.Tx on the writing connection.
type tx struct {
	reader
	w     *writer
	waits map[waiting]time.Time // arrivals by channel whose entry comes later in the unit
}

// query runs sql and calls row for each row. row must not use the same sql.
func (r *reader) query(sql string, row func(*sqlite.Stmt) error, args ...any) error {
	return r.scan(sql, func(s *sqlite.Stmt) (bool, error) { return true, row(s) }, args...)
}

// scan is query for callers who stop before the last row: row says whether to
// go on.
func (r *reader) scan(sql string, row func(*sqlite.Stmt) (bool, error), args ...any) error {
	stmt, err := r.c.Prepare(sql)
	if err != nil {
		return engine("query", err)
	}
	if err := bind(stmt, args); err != nil {
		return err
	}
	defer stmt.Reset()
	for {
		more, err := stmt.Step()
		if err != nil {
			err = engine("query", err)
			if r.broken != nil && *r.broken == nil {
				*r.broken = err
			}
			return err
		}
		if !more {
			return nil
		}
		if on, err := row(stmt); err != nil || !on {
			return err
		}
	}
}

// exec runs sql that gives no rows.
func (r *reader) exec(sql string, args ...any) error {
	return r.query(sql, func(*sqlite.Stmt) error { return nil }, args...)
}

// collect returns what scan makes of each row.
func collect[T any](r *reader, scan func(*sqlite.Stmt) (T, error), sql string, args ...any) ([]T, error) {
	var out []T
	err := r.query(sql, func(s *sqlite.Stmt) error {
		v, err := scan(s)
		out = append(out, v)
		return err
	}, args...)
	return out, err
}

// first returns the first of all, the zero value when there is none.
func first[T any](all []T) (zero T) {
	if len(all) == 0 {
		return zero
	}
	return all[0]
}

// one returns what scan makes of the only row, or NotFound with key and id.
func one[T any](r *reader, key string, id any, scan func(*sqlite.Stmt) (T, error), sql string, args ...any) (T, error) {
	var zero T
	all, err := collect(r, scan, sql, args...)
	if err != nil {
		return zero, err
	}
	if len(all) == 0 {
		return zero, fault.Missing(key, id)
	}
	return all[0], nil
}

// number returns the integer of the first row, 0 when there is none.
func (r *reader) number(sql string, args ...any) (int64, error) {
	var n int64
	err := r.query(sql, func(s *sqlite.Stmt) error { n = s.ColumnInt64(0); return nil }, args...)
	return n, err
}

func bind(stmt *sqlite.Stmt, args []any) error {
	for i, a := range args {
		switch v := a.(type) {
		case int:
			stmt.BindInt64(i+1, int64(v))
		case int64:
			stmt.BindInt64(i+1, v)
		case string:
			stmt.BindText(i+1, v)
		case []byte:
			bindBytes(stmt, i+1, v)
		case bool:
			stmt.BindBool(i+1, v)
		case time.Time:
			stmt.BindInt64(i+1, comity.Nanos(v))
		case nil:
			stmt.BindNull(i + 1)
		default:
			return engine("bind", fmt.Errorf("sqlite: no binding for %T", a))
		}
	}
	return nil
}

// bindBytes binds nil as an empty blob; columns where NULL means something
// are bound with nullable.
func bindBytes(stmt *sqlite.Stmt, i int, b []byte) {
	if len(b) == 0 {
		stmt.BindZeroBlob(i, 0)
		return
	}
	stmt.BindBytes(i, b)
}

// nullable returns b, or an untyped nil (NULL) for a nil slice.
func nullable(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// blob copies a column; NULL gives nil.
func blob(s *sqlite.Stmt, col int) []byte {
	if s.ColumnIsNull(col) {
		return nil
	}
	b := make([]byte, s.ColumnLen(col))
	s.ColumnBytes(col, b)
	return b
}

// use calls fn with the bytes of a column where they lie: they are gone after
// the row. It copies nothing.
func use(s *sqlite.Stmt, col int, fn func([]byte) error) error {
	if s.ColumnLen(col) == 0 {
		return fn(nil)
	}
	_, err := s.ColumnReader(col).WriteTo(lent(fn))
	return err
}

// lent is an io.Writer that looks at what it is given.
type lent func([]byte) error

// Write implements io.Writer.
func (fn lent) Write(b []byte) (int, error) { return len(b), fn(b) }

// text is ColumnText, for columns that mostly say the same as in the row before.
func text(s *sqlite.Stmt, col int, before string) string {
	var b [64]byte
	if n := s.ColumnBytes(col, b[:]); n < len(b) && string(b[:n]) == before {
		return before
	}
	return s.ColumnText(col)
}

// bytesOrNil is blob for columns whose empty value means none.
func bytesOrNil(s *sqlite.Stmt, col int) []byte {
	if s.ColumnLen(col) == 0 {
		return nil
	}
	return blob(s, col)
}

func hash(s *sqlite.Stmt, col int) (h comity.Hash) {
	s.ColumnBytes(col, h[:])
	return h
}

func when(s *sqlite.Stmt, col int) time.Time { return comity.FromNanos(s.ColumnInt64(col)) }

// message reads a comity.Message; damaged text gives the zero message.
func message(s *sqlite.Stmt, col int) (m comity.Message) {
	if t := s.ColumnText(col); t != "" {
		_ = json.Unmarshal([]byte(t), &m)
	}
	return m
}

// encodeMessage writes a comity.Message; "" for the zero one.
func encodeMessage(m comity.Message) string {
	if m.IsZero() {
		return ""
	}
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return string(b)
}

func alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.Interrupted(err)
	}
	return nil
}
