package sqlite

import (
	"context"
	"slices"

	"zombiezen.com/go/sqlite"

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
	limit = index.AtMost(limit, 100, index.MaxHits)
	lengths, err := r.prefixes()
	if err != nil {
		return nil, err
	}
	runs, err := r.runs()
	if err != nil {
		return nil, err
	}
	var out []store.Hit
	for _, v := range values {
		if err := alive(ctx); err != nil {
			return nil, err
		}
		for _, probe := range append([]comity.Value{v}, index.Blocks(v, lengths)...) {
			if out, err = r.probe(out, runs, probe, limit); err != nil || len(out) >= limit {
				return out, err
			}
		}
	}
	return out, nil
}

// probe appends the hits of one value, newest first.
func (r *reader) probe(out []store.Hit, runs []run, v comity.Value, limit int) ([]store.Hit, error) {
	for before := int64(0); ; {
		most := limit - len(out) + 1 // one more: a stranger under the same hash
		oids, more, err := r.carriers(runs, uint64(r.key.Value(v)), true, before, most)
		if err != nil {
			return nil, err
		}
		for _, oid := range oids {
			before = oid
			err := r.query(`
				SELECT `+versionColumns+`, `+besideColumns+`
				FROM object o CROSS JOIN content c ON c.oid = o.oid
				WHERE o.oid = ? AND o.latest = 1 AND o.state <> 2`,
				func(s *sqlite.Stmt) error {
					values, _, _, err := r.beside(s, 21)
					if err != nil {
						return err
					}
					if len(out) < limit && slices.Contains(values, v) {
						o, _ := scanVersion(s)
						out = append(out, store.Hit{Value: v, Version: o})
					}
					return nil
				}, oid)
			if err != nil {
				return nil, err
			}
		}
		if !more || len(out) >= limit {
			return out, nil
		}
	}
}

// prefixes returns the lengths of stored blocks, the narrowest first.
func (r *reader) prefixes() ([]index.Prefix, error) {
	return collect(r, func(s *sqlite.Stmt) (index.Prefix, error) {
		return index.Prefix{Kind: comity.ValueKind(s.ColumnInt64(0)), Bits: s.ColumnInt(1)}, nil
	}, "SELECT kind, bits FROM prefix ORDER BY bits DESC")
}
