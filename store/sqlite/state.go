package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// SetState implements store.ObjectWriter.
func (t *tx) SetState(_ context.Context, oid store.OID, s comity.State, why string, at time.Time) error {
	v, err := t.byOID(oid, false)
	if err != nil {
		return err
	}
	if v.State == comity.StateErased {
		if s == comity.StateErased {
			return nil
		}
		return fault.Conflict("set state", oid, "store.erased", comity.A("id", v.ID))
	}
	if s == comity.StateErased {
		if err := t.erase(v); err != nil {
			return err
		}
	}
	err = t.exec("UPDATE object SET state = ?, why = ?, stateat = ? WHERE oid = ?", int(s), why, at, int64(oid))
	if err == nil && s == comity.StateErased {
		err = t.replace(v.ID)
	}
	return err
}

// erase deletes the content of a version for good. secure_delete overwrites it
// in the file; the writer empties the log afterwards.
func (t *tx) erase(v store.Version) error {
	if err := t.unindex(v); err != nil {
		return err
	}
	if err := t.exec("DELETE FROM content WHERE oid = ?", int64(v.OID)); err != nil {
		return err
	}
	t.w.truncat = true
	return t.exec("UPDATE object SET name = '' WHERE oid = ?", int64(v.OID))
}

// SetHandling implements store.ObjectWriter.
func (t *tx) SetHandling(_ context.Context, oid store.OID, l comity.TLP, why string, at time.Time) error {
	if l == comity.Unmarked {
		return fault.Invalid("mark", oid, "store.no_handling")
	}
	if _, err := t.byOID(oid, false); err != nil {
		return err
	}
	return t.exec("UPDATE object SET handling = ?, why = ?, stateat = ? WHERE oid = ?", int(l), why, at, int64(oid))
}

// indexed is what the indexes were made from.
type indexed struct {
	name, text string
	values     []comity.Value
	refs       []comity.Ref
}

func (r *reader) indexed(oid int64) (indexed, error) {
	return one(r, "store.no_version", oid, func(s *sqlite.Stmt) (in indexed, err error) {
		in.name = s.ColumnText(0)
		in.values, in.refs, in.text, err = r.beside(s, 1)
		return in, err
	}, `SELECT o.name, `+besideColumns+` FROM object o JOIN content c ON c.oid = o.oid WHERE o.oid = ?`, oid)
}

// unindex takes a version out of the indexes for good.
func (t *tx) unindex(v store.Version) error {
	in, err := t.indexed(int64(v.OID))
	if err != nil {
		return err
	}
	p := &put{tx: t, prefixes: map[index.Prefix]bool{}}
	p.addIndex(int64(v.OID), in.values, in.refs)
	if err := t.removePairs(p.pairs); err != nil || !v.Latest {
		return err
	}
	return t.unindexText(int64(v.OID), in)
}

// retire takes a version out of the text index, since a newer one is current.
// Its pairs stay until a merge leaves them out.
func (t *tx) retire(v index.Held) error {
	mark, err := t.mark("text")
	if err != nil || v.OID > mark || v.State == comity.StateErased {
		return err
	}
	in, err := t.indexed(v.OID)
	if err != nil {
		return err
	}
	return t.unindexText(v.OID, in)
}

// reindex puts a version that became current again back into the indexes.
func (t *tx) reindex(oid int64) error {
	in, err := t.indexed(oid)
	if err != nil {
		return err
	}
	p := &put{tx: t, prefixes: map[index.Prefix]bool{}}
	p.addIndex(oid, in.values, in.refs)
	if err := p.flushIndex(); err != nil {
		return err
	}
	return t.reindexText(oid, in)
}
