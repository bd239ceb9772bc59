package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// Lookup implements store.ValueReader. Hit.Value is the value that the object
// carries: for an address also the block that contains it.
func (r *reader) Lookup(ctx context.Context, values []comity.Value, limit int) ([]store.Hit, error) {
	if len(values) > index.MaxLookup {
		return nil, fault.TooMany("look up", "store.lookup_too_large", len(values), index.MaxLookup)
	}
	limit = index.AtMost(limit, index.Page, index.MaxHits)
	lengths, err := r.prefixes(ctx)
	if err != nil {
		return nil, err
	}
	var probes []comity.Value
	var hashes []int64
	for _, v := range values {
		for _, probe := range append([]comity.Value{v}, index.Blocks(v, lengths)...) {
			probes, hashes = append(probes, probe), append(hashes, r.key.Value(probe))
		}
	}
	found, err := r.candidates(ctx, hashes, limit)
	if err != nil {
		return nil, err
	}
	out := make([]store.Hit, 0, min(len(found), limit))
	for _, c := range found {
		if len(out) < limit && slices.Contains(c.values, probes[c.place-1]) {
			out = append(out, store.Hit{Value: probes[c.place-1], Version: c.version})
		}
	}
	return out, nil
}

// candidate is a version under the hash of the probe at place, from 1.
type candidate struct {
	place   int
	version store.Version
	values  []comity.Value
}

// candidates returns, for each hash, the newest versions under it; one more
// than the limit, for a stranger under the same hash.
func (r *reader) candidates(ctx context.Context, hashes []int64, limit int) ([]candidate, error) {
	return collect(ctx, r, func(row pgx.Row) (c candidate, err error) {
		var b beside
		if err = row.Scan(append(append(versionFields(&c.version), b.fields()...), &c.place)...); err != nil {
			return c, err
		}
		c.values, _, _, err = b.open(r)
		return c, err
	}, `SELECT `+versionColumns+`, `+besideColumns+`, p.place
		FROM unnest($1::bigint[]) WITH ORDINALITY AS p (h, place)
		CROSS JOIN LATERAL (SELECT oid FROM value v WHERE v.h = p.h ORDER BY v.oid DESC LIMIT $2) v
		JOIN object o ON o.oid = v.oid
		JOIN content c ON c.oid = v.oid
		ORDER BY p.place, v.oid DESC LIMIT $3`, hashes, limit+1, limit+len(hashes))
}

// prefixes returns the lengths of stored blocks, the narrowest first.
func (r *reader) prefixes(ctx context.Context) ([]index.Prefix, error) {
	return collect(ctx, r, func(row pgx.Row) (l index.Prefix, err error) {
		err = row.Scan(&l.Kind, &l.Bits)
		return l, err
	}, "SELECT kind, bits FROM prefix ORDER BY bits DESC")
}
