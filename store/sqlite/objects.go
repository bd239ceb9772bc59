package sqlite

import (
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

// versionColumns are what scanVersion reads, of object as o.
const versionColumns = `o.oid, o.id, o.type, o.created, o.modified, o.creator, o.name, o.country, o.revoked,
	o.tlp, o.handling, o.state, o.why, o.stateat, o.origin, o.door, o.conflict, o.latest, o.received, o.digest, o.size`

func scanVersion(s *sqlite.Stmt) (store.Version, error) {
	return store.Version{
		OID:      store.OID(s.ColumnInt64(0)),
		ID:       comity.ObjectID(s.ColumnText(1)),
		Type:     s.ColumnText(2),
		Created:  when(s, 3),
		Modified: when(s, 4),
		Creator:  comity.ObjectID(s.ColumnText(5)),
		Name:     s.ColumnText(6),
		Country:  s.ColumnText(7),
		Revoked:  s.ColumnBool(8),
		TLP:      comity.TLP(s.ColumnInt64(9)),
		Handling: comity.TLP(s.ColumnInt64(10)),
		State:    comity.State(s.ColumnInt64(11)),
		Why:      s.ColumnText(12),
		StateAt:  when(s, 13),
		Origin:   comity.MemberID(s.ColumnText(14)),
		Door:     comity.Door(s.ColumnText(15)),
		Conflict: s.ColumnBool(16),
		Latest:   s.ColumnBool(17),
		Received: when(s, 18),
		Digest:   hash(s, 19),
		Size:     s.ColumnInt64(20),
	}, nil
}

// scanWithRaw reads versionColumns, then content's codec and raw.
func (r *reader) scanWithRaw(s *sqlite.Stmt) (store.Version, error) {
	v, err := scanVersion(s)
	if err == nil && !s.ColumnIsNull(21) {
		v.Raw, err = r.raw(s, 21)
	}
	return v, err
}

// raw reads codec and raw of content.
func (r *reader) raw(s *sqlite.Stmt, col int) (raw []byte, err error) {
	return raw, use(s, col+1, func(b []byte) error {
		if raw, err = r.raws.Decode(s.ColumnInt64(col), b); err != nil {
			return fault.Damaged(err)
		}
		return nil
	})
}

// besideColumns are what beside reads, of content as c.
const besideColumns = "c.codec, c.raw, c.pack, c.text"

// beside reads what is indexed of a version from besideColumns; nothing when
// they are NULL.
func (r *reader) beside(s *sqlite.Stmt, col int) (values []comity.Value, refs []comity.Ref, text string, err error) {
	return values, refs, text, use(s, col+1, func(b []byte) error {
		if values, refs, text, err = r.raws.Beside(s.ColumnInt64(col), b, blob(s, col+2), s.ColumnText(col+3)); err != nil {
			return fault.Damaged(err)
		}
		return nil
	})
}

// Object implements store.ObjectReader.
func (r *reader) Object(_ context.Context, id comity.ObjectID) (store.Version, error) {
	return one(r, "store.no_object", id, r.scanWithRaw, `
		SELECT `+versionColumns+`, c.codec, c.raw
		FROM object o LEFT JOIN content c ON c.oid = o.oid
		WHERE o.idh = ? AND o.id = ? AND o.latest = 1`, r.key.Text(string(id)), string(id))
}

// Versions implements store.ObjectReader.
func (r *reader) Versions(_ context.Context, id comity.ObjectID) ([]store.Version, error) {
	return collect(r, r.scanWithRaw, `
		SELECT `+versionColumns+`, c.codec, c.raw
		FROM object o LEFT JOIN content c ON c.oid = o.oid
		WHERE o.idh = ? AND o.id = ?
		ORDER BY o.conflict, o.modified DESC, o.oid DESC`, r.key.Text(string(id)), string(id))
}

// ByOID implements store.ObjectReader.
func (r *reader) ByOID(_ context.Context, oids []store.OID, withRaw bool) ([]store.Version, error) {
	out := make([]store.Version, 0, len(oids))
	for _, oid := range oids {
		v, err := r.byOID(oid, withRaw)
		if comity.Is(err, comity.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *reader) byOID(oid store.OID, withRaw bool) (store.Version, error) {
	if withRaw {
		return one(r, "store.no_version", oid, r.scanWithRaw, `
			SELECT `+versionColumns+`, c.codec, c.raw
			FROM object o LEFT JOIN content c ON c.oid = o.oid
			WHERE o.oid = ?`, int64(oid))
	}
	return one(r, "store.no_version", oid, scanVersion, `
		SELECT `+versionColumns+` FROM object o WHERE o.oid = ?`, int64(oid))
}

// Current implements store.ObjectReader.
func (r *reader) Current(_ context.Context, ids []comity.ObjectID) ([]store.Version, error) {
	var out []store.Version
	seen := make(map[comity.ObjectID]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		vs, err := collect(r, scanVersion, `
			SELECT `+versionColumns+` FROM object o
			WHERE o.idh = ? AND o.id = ? AND o.latest = 1`, r.key.Text(string(id)), string(id))
		if err != nil {
			return nil, err
		}
		out = append(out, vs...)
	}
	return out, nil
}

// Query implements store.ObjectReader: for each type one limited, ordered
// query on an index, merged.
func (r *reader) Query(ctx context.Context, q store.Query) ([]store.Version, error) {
	q.Limit = index.AtMost(q.Limit, index.Page, index.MaxPage)
	types := slices.Compact(slices.Sorted(slices.Values(q.Types)))
	if len(types) == 0 {
		types = []string{""}
	}
	var out []store.Version
	for _, typ := range types {
		if err := alive(ctx); err != nil {
			return nil, err
		}
		sql, args, err := r.querySQL(q, typ)
		if err != nil {
			return nil, err
		}
		scan := scanVersion
		if q.WithRaw {
			scan = r.scanWithRaw
		}
		vs, err := collect(r, scan, sql, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, vs...)
	}
	slices.SortFunc(out, func(a, b store.Version) int {
		if q.Newest {
			return int(b.OID - a.OID)
		}
		return int(a.OID - b.OID)
	})
	return out[:min(len(out), q.Limit)], nil
}

// querySQL writes the query for one type ("" for any). The first condition
// that has an index drives it, always in order of oid; the others (with a
// unary plus) only filter.
func (r *reader) querySQL(q store.Query, typ string) (string, []any, error) {
	var from, where strings.Builder
	var args []any
	driven := false
	cond := func(sql string, vs ...any) {
		where.WriteString(" AND ")
		where.WriteString(sql)
		args = append(args, vs...)
	}
	column := func(name string) string {
		if driven {
			return "+" + name
		}
		driven = true
		return name
	}
	key := "o.oid"
	from.WriteString("object o")
	switch {
	case q.Collection != "":
		n, err := r.collectionNumber(q.Collection)
		if err != nil {
			return "", nil, err
		}
		driven, key = true, "m.oid"
		from.Reset()
		from.WriteString("member m INDEXED BY member_page CROSS JOIN object o ON o.oid = m.oid")
		cond("m.collection = ?", n)
		if q.Import != "" {
			cond("EXISTS (SELECT 1 FROM source s JOIN importkey k ON k.n = s.import WHERE s.oid = o.oid AND k.id = ?)", string(q.Import))
		}
	case q.Import != "":
		n, err := r.number("SELECT n FROM importkey WHERE id = ?", string(q.Import))
		if err != nil {
			return "", nil, err
		}
		driven, key = true, "s.oid"
		from.Reset()
		from.WriteString("source s INDEXED BY source_import CROSS JOIN object o ON o.oid = s.oid")
		cond("s.import = ? AND s.import <> 0", n)
	}
	states := q.States
	if len(states) == 0 {
		states = []comity.State{comity.StateActive}
	}
	if !slices.Contains(states, comity.StateActive) && len(states) == 1 {
		cond(column("o.state")+" = ? AND o.state <> 0", int(states[0]))
	} else {
		marks := strings.TrimSuffix(strings.Repeat("?,", len(states)), ",")
		vs := make([]any, len(states))
		for i, s := range states {
			vs[i] = int(s)
		}
		cond("+o.state IN ("+marks+")", vs...)
	}
	if q.Creator != "" {
		cond(column("o.creator")+" = ? AND o.creator <> ''", string(q.Creator))
	}
	if typ != "" {
		cond(column("o.type")+" = ?", typ)
	}
	if q.Origin != nil {
		cond(column("o.origin")+" = ?", string(*q.Origin))
	}
	if q.MinTLP != comity.Unmarked {
		cond("o.handling >= ?", int(q.MinTLP))
	}
	if q.MaxTLP != comity.Unmarked {
		cond("o.handling <= ?", int(q.MaxTLP))
	}
	order := " ORDER BY " + key
	if q.Newest {
		order += " DESC"
	}
	if q.After > 0 && q.Newest {
		cond(key+" < ?", int64(q.After))
	} else if q.After > 0 {
		cond(key+" > ?", int64(q.After))
	}
	columns := versionColumns
	if q.WithRaw {
		columns += ", c.codec, c.raw"
		from.WriteString(" LEFT JOIN content c ON c.oid = o.oid")
	}
	args = append(args, q.Limit)
	return "SELECT " + columns + " FROM " + from.String() + " WHERE o.latest = 1" + where.String() + order + " LIMIT 0+?", args, nil
}

// Rollups implements store.ObjectReader.
func (r *reader) Rollups(_ context.Context, from, to time.Time) ([]store.Rollup, error) {
	last := int64(1<<63 - 1)
	if !to.IsZero() {
		last = comity.Nanos(to)
	}
	first := int64(-1 << 63)
	if !from.IsZero() {
		first = comity.Nanos(index.Day(from))
	}
	return collect(r, func(s *sqlite.Stmt) (store.Rollup, error) {
		return store.Rollup{
			Day:     time.Unix(0, s.ColumnInt64(0)).UTC(),
			Type:    s.ColumnText(1),
			Country: s.ColumnText(2),
			Creator: comity.ObjectID(s.ColumnText(3)),
			N:       s.ColumnInt64(4),
		}, nil
	}, `SELECT day, type, country, creator, n FROM rollup
		WHERE day BETWEEN ? AND ? ORDER BY day, type, country, creator`, first, last)
}
