package postgres

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
)

// versionColumns are what scanVersion reads, of object as o.
const versionColumns = `o.oid, o.id, o.type, o.created, o.modified, o.creator, o.name, o.country, o.revoked,
	o.tlp, o.handling, o.state, o.why, o.stateat, o.origin, o.door, o.conflict, o.latest, o.received, o.digest, o.size`

func versionFields(v *store.Version) []any {
	return []any{&v.OID, &v.ID, &v.Type, when{&v.Created}, when{&v.Modified}, &v.Creator, &v.Name, &v.Country, &v.Revoked,
		&v.TLP, &v.Handling, &v.State, &v.Why, when{&v.StateAt}, &v.Origin, &v.Door, &v.Conflict, &v.Latest,
		when{&v.Received}, sum{&v.Digest}, &v.Size}
}

func scanVersion(row pgx.Row) (v store.Version, err error) {
	err = row.Scan(versionFields(&v)...)
	return v, err
}

// scanWithRaw reads versionColumns, then content's codec and raw.
func (r *reader) scanWithRaw(row pgx.Row) (v store.Version, err error) {
	err = row.Scan(append(versionFields(&v), r.packed(&v.Raw)...)...)
	return v, err
}

// Object implements store.ObjectReader.
func (r *reader) Object(ctx context.Context, id comity.ObjectID) (store.Version, error) {
	return one(ctx, r, "store.no_object", id, r.scanWithRaw, `
		SELECT `+versionColumns+`, c.codec, c.raw
		FROM object o LEFT JOIN content c ON c.oid = o.oid
		WHERE o.idh = $1 AND o.id = $2 AND o.latest`, r.key.Text(string(id)), id)
}

// Versions implements store.ObjectReader.
func (r *reader) Versions(ctx context.Context, id comity.ObjectID) ([]store.Version, error) {
	return collect(ctx, r, r.scanWithRaw, `
		SELECT `+versionColumns+`, c.codec, c.raw
		FROM object o LEFT JOIN content c ON c.oid = o.oid
		WHERE o.idh = $1 AND o.id = $2
		ORDER BY o.conflict, o.modified DESC, o.oid DESC`, r.key.Text(string(id)), id)
}

// ByOID implements store.ObjectReader.
func (r *reader) ByOID(ctx context.Context, oids []store.OID, withRaw bool) ([]store.Version, error) {
	if withRaw {
		return collect(ctx, r, r.scanWithRaw, `
			SELECT `+versionColumns+`, c.codec, c.raw
			FROM unnest($1::bigint[]) WITH ORDINALITY AS a (oid, place)
			JOIN object o ON o.oid = a.oid LEFT JOIN content c ON c.oid = o.oid
			ORDER BY a.place`, oids)
	}
	return collect(ctx, r, scanVersion, `
		SELECT `+versionColumns+`
		FROM unnest($1::bigint[]) WITH ORDINALITY AS a (oid, place)
		JOIN object o ON o.oid = a.oid
		ORDER BY a.place`, oids)
}

func (r *reader) byOID(ctx context.Context, oid store.OID) (store.Version, error) {
	return one(ctx, r, "store.no_version", oid, scanVersion, `
		SELECT `+versionColumns+` FROM object o WHERE o.oid = $1`, oid)
}

// Current implements store.ObjectReader.
func (r *reader) Current(ctx context.Context, ids []comity.ObjectID) ([]store.Version, error) {
	hashes := make([]int64, len(ids))
	for i, id := range ids {
		hashes[i] = r.key.Text(string(id))
	}
	return collect(ctx, r, scanVersion, `
		SELECT `+versionColumns+` FROM object o
		WHERE o.idh = ANY($1) AND o.id = ANY($2) AND o.latest`, hashes, ids)
}

// Query implements store.ObjectReader: for each type one limited, ordered
// query on an index, merged.
func (r *reader) Query(ctx context.Context, q store.Query) ([]store.Version, error) {
	q.Limit = index.AtMost(q.Limit, index.Page, index.MaxPage)
	types := slices.Compact(slices.Sorted(slices.Values(q.Types)))
	if len(types) == 0 {
		types = []string{""}
	}
	var collection int64
	if q.Collection != "" {
		var err error
		if collection, err = r.collectionNumber(ctx, q.Collection, ""); err != nil {
			return nil, err
		}
	}
	scan := scanVersion
	if q.WithRaw {
		scan = r.scanWithRaw
	}
	var out []store.Version
	for _, typ := range types {
		sql, args := querySQL(q, typ, collection)
		vs, err := collect(ctx, r, scan, sql, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, vs...)
	}
	slices.SortFunc(out, func(a, b store.Version) int {
		if q.Newest {
			a, b = b, a
		}
		return cmp.Compare(a.OID, b.OID)
	})
	return out[:min(len(out), q.Limit)], nil
}

// querySQL writes the query for one type ("" for any), always in order of oid.
func querySQL(q store.Query, typ string, collection int64) (string, []any) {
	from, key := "object o", "o.oid"
	var where strings.Builder
	var args []any
	cond := func(before string, arg any, after string) {
		args = append(args, arg)
		where.WriteString(" AND " + before + "$" + strconv.Itoa(len(args)) + after)
	}
	switch {
	case q.Collection != "":
		from, key = "member m JOIN object o ON o.oid = m.oid", "m.oid"
		cond("m.collection = ", collection, "")
		if q.Import != "" {
			cond("EXISTS (SELECT 1 FROM source s JOIN importkey k ON k.n = s.import WHERE s.oid = o.oid AND k.id = ", q.Import, ")")
		}
	case q.Import != "":
		from, key = "source s JOIN object o ON o.oid = s.oid", "s.oid"
		cond("s.import <> 0 AND s.import = (SELECT n FROM importkey WHERE id = ", q.Import, ")")
	}
	states := []int64{int64(comity.StateActive)}
	if len(q.States) > 0 {
		states = states[:0]
		for _, s := range q.States {
			states = append(states, int64(s))
		}
	}
	cond("o.state = ANY(", states, ")")
	if !slices.Contains(states, int64(comity.StateActive)) {
		where.WriteString(" AND o.state <> 0")
	}
	if typ != "" {
		cond("o.type = ", typ, "")
	}
	if q.Creator != "" {
		cond("o.creator <> '' AND o.creator = ", q.Creator, "")
	}
	if q.Origin != nil {
		cond("o.origin = ", *q.Origin, "")
	}
	if q.MinTLP != comity.Unmarked {
		cond("o.handling >= ", int64(q.MinTLP), "")
	}
	if q.MaxTLP != comity.Unmarked {
		cond("o.handling <= ", int64(q.MaxTLP), "")
	}
	order := " ORDER BY " + key
	switch {
	case q.Newest && q.After > 0:
		cond(key+" < ", q.After, "")
	case q.After > 0:
		cond(key+" > ", q.After, "")
	}
	if q.Newest {
		order += " DESC"
	}
	columns := versionColumns
	if q.WithRaw {
		columns += ", c.codec, c.raw"
		from += " LEFT JOIN content c ON c.oid = o.oid"
	}
	args = append(args, q.Limit)
	return "SELECT " + columns + " FROM " + from + " WHERE o.latest" + where.String() + order + " LIMIT $" + strconv.Itoa(len(args)), args
}

// Rollups implements store.ObjectReader.
func (r *reader) Rollups(ctx context.Context, from, to time.Time) ([]store.Rollup, error) {
	first, last := int64(-1<<63), int64(1<<63-1)
	if !from.IsZero() {
		first = nanos(index.Day(from))
	}
	if !to.IsZero() {
		last = nanos(to)
	}
	return collect(ctx, r, func(row pgx.Row) (s store.Rollup, err error) {
		err = row.Scan(when{&s.Day}, &s.Type, &s.Country, &s.Creator, &s.N)
		return s, err
	}, `SELECT day, type, country, creator, n FROM rollup
		WHERE day BETWEEN $1 AND $2 ORDER BY day, type COLLATE "C", country COLLATE "C", creator COLLATE "C"`, first, last)
}
