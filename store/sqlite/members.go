package sqlite

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// Bits of member.place.
const (
	placeFirst = 1
	placeLast  = 2
)

const (
	memberColumns = versionColumns + `, m.seq, m.added, m.place`
	leanColumns   = `o.oid, o.id, o.type, o.created, o.modified, o.tlp, o.handling, o.state, o.origin, o.conflict, o.size,
		m.seq, m.added, m.place`
)

// Members implements store.CollectionReader: for each id or type one limited
// query on an index, merged.
func (r *reader) Members(ctx context.Context, q store.MemberQuery) ([]store.Member, error) {
	if len(q.IDs) > index.MaxLookup {
		return nil, fault.TooMany("members", "store.lookup_too_large", len(q.IDs), index.MaxLookup)
	}
	n, err := r.collectionNumber(q.Collection)
	if err != nil {
		return nil, err
	}
	q.Limit = index.AtMost(q.Limit, index.Page, index.MaxPage)
	if q.After, err = r.seqAfter(n, q.After, q.AddedAfter); err != nil {
		return nil, err
	}
	if len(q.IDs) == 0 && len(q.Types) == 0 {
		return r.members(n, q, "m.seq > ?", q.After)
	}
	var out []store.Member
	add := func(where string, args ...any) error {
		if err := alive(ctx); err != nil {
			return err
		}
		ms, err := r.members(n, q, where, args...)
		out = append(out, ms...)
		return err
	}
	if len(q.IDs) > 0 {
		for _, id := range slices.Compact(slices.Sorted(slices.Values(q.IDs))) {
			if len(q.Types) > 0 && !slices.Contains(q.Types, id.Type()) {
				continue
			}
			if err := add("o.idh = ? AND o.id = ? AND m.seq > ?", r.key.Text(string(id)), string(id), q.After); err != nil {
				return nil, err
			}
		}
	} else {
		for _, typ := range slices.Compact(slices.Sorted(slices.Values(q.Types))) {
			if err := add("m.typeh = ? AND o.type = ? AND m.seq > ?", r.key.Text(typ), typ, q.After); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(out, func(a, b store.Member) int { return cmp.Compare(a.Seq, b.Seq) })
	return index.Within(out[:min(len(out), q.Limit)], q.MaxBytes), nil
}

// members runs one subquery of Members, in order.
func (r *reader) members(n int64, q store.MemberQuery, where string, args ...any) ([]store.Member, error) {
	var sql strings.Builder
	columns, scan, size, content := memberColumns, scanMember, 20, 24
	if q.Lean {
		columns, scan, size, content = leanColumns, scanLean, 10, 14
	}
	sql.WriteString("SELECT " + columns)
	if q.WithRaw {
		sql.WriteString(", c.codec, c.raw")
	}
	if strings.HasPrefix(where, "o.idh") {
		sql.WriteString(" FROM object o CROSS JOIN member m ON m.collection = ? AND m.oid = o.oid")
	} else {
		sql.WriteString(" FROM member m CROSS JOIN object o ON m.collection = ? AND o.oid = m.oid")
	}
	if q.WithRaw {
		sql.WriteString(" LEFT JOIN content c ON c.oid = o.oid")
	}
	sql.WriteString(" WHERE " + where + " AND o.state <> 2")
	args = append([]any{n}, args...)
	if mask := placeMask(q); mask != 0 {
		sql.WriteString(" AND m.place & ? <> 0")
		args = append(args, mask)
	}
	if q.MaxLabel != comity.Unmarked {
		sql.WriteString(" AND o.handling <= ? AND o.tlp <= ?")
		args = append(args, int(q.MaxLabel), int(q.MaxLabel))
	}
	sql.WriteString(" ORDER BY m.seq LIMIT 0+?")
	args = append(args, q.Limit)
	var out []store.Member
	shelf := index.Shelf{Raws: r.raws}
	bytes := int64(0)
	before := &store.Version{}
	err := r.scan(sql.String(), func(s *sqlite.Stmt) (bool, error) {
		if q.WithRaw {
			bytes += s.ColumnInt64(size)
			if q.MaxBytes > 0 && bytes > q.MaxBytes && len(out) > 0 {
				return false, nil
			}
		}
		if len(out) == cap(out) {
			out = slices.Grow(out, min(q.Limit, max(16, 3*len(out))))
		}
		out = append(out, store.Member{})
		m := &out[len(out)-1]
		scan(s, before, m)
		before = &m.Version
		if !q.WithRaw || s.ColumnIsNull(content) {
			return true, nil
		}
		return true, use(s, content+1, func(b []byte) (err error) {
			if m.Version.Raw, err = shelf.Decode(s.ColumnInt64(content), b); err != nil {
				err = fault.Damaged(err)
			}
			return err
		})
	}, args...)
	return out, err
}

// scanMember reads memberColumns.
func scanMember(s *sqlite.Stmt, _ *store.Version, m *store.Member) {
	m.Version, _ = scanVersion(s) // it never fails
	seat(s, 21, m)
}

// scanLean reads leanColumns.
func scanLean(s *sqlite.Stmt, before *store.Version, m *store.Member) {
	v := &m.Version
	v.OID, v.ID, v.Type = store.OID(s.ColumnInt64(0)), comity.ObjectID(s.ColumnText(1)), text(s, 2, before.Type)
	v.Created, v.Modified = when(s, 3), when(s, 4)
	v.TLP, v.Handling, v.State = comity.TLP(s.ColumnInt64(5)), comity.TLP(s.ColumnInt64(6)), comity.State(s.ColumnInt64(7))
	v.Origin, v.Conflict, v.Size = comity.MemberID(text(s, 8, string(before.Origin))), s.ColumnBool(9), s.ColumnInt64(10)
	seat(s, 11, m)
}

// seat reads where a member stands.
func seat(s *sqlite.Stmt, col int, m *store.Member) {
	place := s.ColumnInt64(col + 2)
	m.Seq, m.Added, m.First, m.Last = s.ColumnInt64(col), when(s, col+1), place&placeFirst != 0, place&placeLast != 0
}

func placeMask(q store.MemberQuery) (mask int) {
	if q.First {
		mask |= placeFirst
	}
	if q.Last {
		mask |= placeLast
	}
	return mask
}

// seqAfter returns the larger of after and the last number added at or before
// at. INVARIANT: added rises with seq, so bisection finds it.
func (r *reader) seqAfter(n, after int64, at time.Time) (int64, error) {
	if at.IsZero() {
		return after, nil
	}
	end, err := r.number("SELECT seq FROM member WHERE collection = ? ORDER BY seq DESC LIMIT 1", n)
	if err != nil {
		return 0, err
	}
	limit := comity.Nanos(at)
	low, high := after, end // every number <= low is too early; every number > high is late enough
	probe := end            // the newest first: most callers ask for what is new
	for low < high {
		seq, late := int64(0), true
		err := r.query("SELECT seq, added > ? FROM member WHERE collection = ? AND seq >= ? ORDER BY seq LIMIT 1",
			func(s *sqlite.Stmt) error { seq, late = s.ColumnInt64(0), s.ColumnBool(1); return nil }, limit, n, probe)
		if err != nil {
			return 0, err
		}
		if late {
			high = probe - 1
		} else {
			low = seq
		}
		probe = low + (high-low+1)/2
	}
	return low, nil
}

// AddMembers implements store.CollectionWriter. The lock is the database's
// write lock, which this transaction holds.
func (t *tx) AddMembers(ctx context.Context, id comity.CollectionID, oids []store.OID, at time.Time) error {
	n, err := t.collectionNumber(id)
	if err != nil {
		return err
	}
	var size, last int64
	err = t.query("SELECT size, lastadded FROM collection WHERE n = ?", func(s *sqlite.Stmt) error {
		size, last = s.ColumnInt64(0), s.ColumnInt64(1)
		return nil
	}, n)
	if err != nil {
		return err
	}
	for _, oid := range oids {
		if err := alive(ctx); err != nil {
			return err
		}
		added := index.Added(at, last)
		held, err := t.addMember(n, size+1, added, oid)
		if err != nil {
			return err
		}
		if held {
			size, last = size+1, added
		}
	}
	return t.exec("UPDATE collection SET size = ?, lastadded = ? WHERE n = ?", size, last, n)
}

// addMember reports whether the version was added: it exists and was none.
func (t *tx) addMember(n, seq, added int64, oid store.OID) (bool, error) {
	var idh int64
	var id, typ string
	conflict := false
	err := t.query(`
		SELECT idh, id, type, conflict FROM object
		WHERE oid = ?1 AND NOT EXISTS (SELECT 1 FROM member WHERE collection = ?2 AND oid = ?1)`,
		func(s *sqlite.Stmt) error {
			idh, id, typ, conflict = s.ColumnInt64(0), s.ColumnText(1), s.ColumnText(2), s.ColumnBool(3)
			return nil
		}, int64(oid), n)
	if err != nil || id == "" {
		return false, err
	}
	place := placeFirst | placeLast
	if conflict {
		place = 0
	}
	err = t.exec("INSERT INTO member (collection, seq, oid, added, typeh, place) VALUES (?, ?, ?, ?, ?, ?)",
		n, seq, int64(oid), added, t.key.Text(typ), place)
	if err != nil {
		return false, err
	}
	versions, err := t.number("SELECT count(*) FROM object WHERE idh = ?", idh)
	if err != nil || versions < 2 {
		return true, err
	}
	return true, t.replace(comity.ObjectID(id))
}

// replace marks the first and the last version of an object anew, in every
// collection.
func (t *tx) replace(id comity.ObjectID) error {
	type member struct{ collection, seq, place int64 }
	ms, err := collect(&t.reader, func(s *sqlite.Stmt) (member, error) {
		return member{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)}, nil
	}, `SELECT m.collection, m.seq, m.place
		FROM object o CROSS JOIN collection c CROSS JOIN member m ON m.collection = c.n AND m.oid = o.oid
		WHERE o.idh = ? AND o.id = ? AND o.conflict = 0 AND o.state <> 2
		ORDER BY m.collection, o.modified`, t.key.Text(string(id)), string(id))
	if err != nil {
		return err
	}
	for i, m := range ms {
		place := int64(0)
		if i == 0 || ms[i-1].collection != m.collection {
			place |= placeFirst
		}
		if i == len(ms)-1 || ms[i+1].collection != m.collection {
			place |= placeLast
		}
		if place == m.place {
			continue
		}
		if err := t.exec("UPDATE member SET place = ? WHERE collection = ? AND seq = ?", place, m.collection, m.seq); err != nil {
			return err
		}
	}
	return nil
}

// RemoveMembers implements store.CollectionWriter.
func (t *tx) RemoveMembers(ctx context.Context, id comity.CollectionID, oids []store.OID) error {
	n, err := t.collectionNumber(id)
	if err != nil {
		return err
	}
	for _, oid := range oids {
		if err := alive(ctx); err != nil {
			return err
		}
		if err := t.exec("DELETE FROM member WHERE collection = ? AND oid = ?", n, int64(oid)); err != nil {
			return err
		}
		if t.c.Changes() == 0 {
			continue
		}
		v, err := t.byOID(oid, false)
		if err != nil {
			return err
		}
		if err := t.replace(v.ID); err != nil {
			return err
		}
	}
	return nil
}
