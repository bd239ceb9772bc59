package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

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

// leanColumns are what a lean query reads.
const leanColumns = "o.oid, o.id, o.type, o.created, o.modified, o.tlp, o.handling, o.state, o.origin, o.conflict, o.size"

// Members implements store.CollectionReader.
func (r *reader) Members(ctx context.Context, q store.MemberQuery) ([]store.Member, error) {
	if len(q.IDs) > index.MaxLookup {
		return nil, fault.TooMany("members", "store.lookup_too_large", len(q.IDs), index.MaxLookup)
	}
	n, err := r.collectionNumber(ctx, q.Collection, "")
	if err != nil {
		return nil, err
	}
	if q.After, err = r.seqAfter(ctx, n, q.After, q.AddedAfter); err != nil {
		return nil, err
	}
	sql, args := r.membersSQL(n, q)
	ms, err := collect(ctx, r, func(row pgx.Row) (m store.Member, err error) {
		var place int64
		v := &m.Version
		fields := []any{&v.OID, &v.ID, &v.Type, when{&v.Created}, when{&v.Modified}, &v.TLP, &v.Handling, &v.State, &v.Origin, &v.Conflict, &v.Size}
		if !q.Lean {
			fields = versionFields(v)
		}
		fields = append(fields, &m.Seq, when{&m.Added}, &place)
		if q.WithRaw {
			fields = append(fields, r.packed(&v.Raw)...)
		}
		err = row.Scan(fields...)
		m.First, m.Last = place&placeFirst != 0, place&placeLast != 0
		return m, err
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	return index.Within(ms, q.MaxBytes), nil
}

// seqAfter returns the larger of after and the last number added at or before at.
func (r *reader) seqAfter(ctx context.Context, n, after int64, at time.Time) (int64, error) {
	if at.IsZero() {
		return after, nil
	}
	last, err := r.number(ctx, `
		SELECT seq FROM member WHERE collection = $1 AND added <= $2 ORDER BY added DESC LIMIT 1`, n, nanos(at))
	return max(after, last), err
}

// membersSQL writes the one query of Members. Types are taken in one ordered,
// limited walk each.
func (r *reader) membersSQL(n int64, q store.MemberQuery) (string, []any) {
	args := []any{n, q.After, index.AtMost(q.Limit, index.Page, index.MaxPage)}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	rest := " AND o.state <> 2"
	mask := int64(0)
	if q.First {
		mask |= placeFirst
	}
	if q.Last {
		mask |= placeLast
	}
	if mask != 0 {
		rest += " AND m.place & " + arg(mask) + "::bigint <> 0"
	}
	if q.MaxLabel != comity.Unmarked {
		most := arg(int64(q.MaxLabel)) + "::bigint"
		rest += " AND o.handling <= " + most + " AND o.tlp <= " + most
	}
	if len(q.IDs) > 0 {
		hashes := make([]int64, len(q.IDs))
		for i, id := range q.IDs {
			hashes[i] = r.key.Text(string(id))
		}
		rest += " AND o.idh = ANY(" + arg(hashes) + "::bigint[]) AND o.id = ANY(" + arg(q.IDs) + "::text[])"
	}
	if len(q.Types) > 0 {
		rest += " AND o.type = ANY(" + arg(q.Types) + "::text[])"
	}
	columns, content := leanColumns, ""
	if !q.Lean {
		columns = versionColumns
	}
	columns += ", m.seq, m.added, m.place"
	if q.WithRaw {
		columns += ", c.codec, c.raw"
		content = " LEFT JOIN content c ON c.oid = o.oid"
	}
	from := "member m"
	if len(q.Types) > 0 && len(q.IDs) == 0 {
		hashes := make([]int64, len(q.Types))
		for i, typ := range q.Types {
			hashes[i] = r.key.Text(typ)
		}
		from = `(SELECT DISTINCT h FROM unnest(` + arg(hashes) + `::bigint[]) u (h)) t CROSS JOIN LATERAL (
			SELECT m.* FROM member m JOIN object o ON o.oid = m.oid
			WHERE m.collection = $1 AND m.typeh = t.h AND m.seq > $2` + rest + `
			ORDER BY m.seq LIMIT $3) m`
	}
	return "SELECT " + columns + " FROM " + from + " JOIN object o ON o.oid = m.oid" + content +
		" WHERE m.collection = $1 AND m.seq > $2" + rest + " ORDER BY m.seq LIMIT $3", args
}

type newMember struct {
	oid      int64
	id, typ  string
	conflict bool
	others   bool // other versions of the object are held
}

// AddMembers implements store.CollectionWriter. INVARIANT: the collection's row
// stays locked until the commit, so commit order is sequence order.
func (t *tx) AddMembers(ctx context.Context, id comity.CollectionID, oids []store.OID, at time.Time) error {
	var n, size, last int64
	if _, err := one(ctx, &t.reader, "store.no_collection", id, func(row pgx.Row) (struct{}, error) {
		return struct{}{}, row.Scan(&n, &size, &last)
	}, "SELECT n, size, lastadded FROM collection WHERE id = $1 FOR UPDATE", id); err != nil {
		return err
	}
	fresh, err := collect(ctx, &t.reader, func(row pgx.Row) (m newMember, err error) {
		err = row.Scan(&m.oid, &m.id, &m.typ, &m.conflict, &m.others)
		return m, err
	}, `SELECT o.oid, o.id, o.type, o.conflict, EXISTS (SELECT 1 FROM object p WHERE p.idh = o.idh AND p.oid <> o.oid)
		FROM (SELECT oid, min(place) AS place FROM unnest($2::bigint[]) WITH ORDINALITY AS x (oid, place) GROUP BY oid) a
		JOIN object o ON o.oid = a.oid
		WHERE NOT EXISTS (SELECT 1 FROM member m WHERE m.oid = a.oid AND m.collection = $1)
		ORDER BY a.place`, n, oids)
	if err != nil || len(fresh) == 0 {
		return err
	}
	columns := [5][]int64{}
	var shared []string
	for _, m := range fresh {
		place := int64(placeFirst | placeLast)
		if m.conflict {
			place = 0
		}
		if m.others {
			shared = append(shared, m.id)
		}
		size, last = size+1, index.Added(at, last)
		for i, v := range []int64{size, m.oid, last, t.key.Text(m.typ), place} {
			columns[i] = append(columns[i], v)
		}
	}
	if err := t.do(ctx, `
		INSERT INTO member (collection, seq, oid, added, typeh, place)
		SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])`,
		n, columns[0], columns[1], columns[2], columns[3], columns[4]); err != nil {
		return err
	}
	if err := t.do(ctx, "UPDATE collection SET size = $1, lastadded = $2 WHERE n = $3", size, last, n); err != nil {
		return err
	}
	return t.replace(ctx, shared)
}

// replace marks the first and the last version of these objects anew, in every
// collection.
func (t *tx) replace(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	hashes := make([]int64, len(ids))
	for i, id := range ids {
		hashes[i] = t.key.Text(id)
	}
	return t.do(ctx, `
		UPDATE member m SET place = x.place
		FROM (SELECT m.collection, m.seq,
				CASE WHEN row_number() OVER (w ORDER BY o.modified) = 1 THEN 1 ELSE 0 END
				+ CASE WHEN row_number() OVER (w ORDER BY o.modified DESC) = 1 THEN 2 ELSE 0 END AS place
			FROM object o JOIN member m ON m.oid = o.oid
			WHERE o.idh = ANY($1) AND o.id = ANY($2) AND NOT o.conflict AND o.state <> 2
			WINDOW w AS (PARTITION BY m.collection, o.id)) x
		WHERE m.collection = x.collection AND m.seq = x.seq AND m.place <> x.place`, hashes, ids)
}

// RemoveMembers implements store.CollectionWriter.
func (t *tx) RemoveMembers(ctx context.Context, id comity.CollectionID, oids []store.OID) error {
	n, err := t.collectionNumber(ctx, id, " FOR UPDATE")
	if err != nil {
		return err
	}
	ids, err := collect(ctx, &t.reader, func(row pgx.Row) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	}, `WITH gone AS (DELETE FROM member WHERE collection = $1 AND oid = ANY($2) RETURNING oid)
		SELECT o.id FROM gone g JOIN object o ON o.oid = g.oid`, n, oids)
	if err != nil {
		return err
	}
	return t.replace(ctx, ids)
}
