package postgres

import (
	"context"

	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
)

// SearchText implements store.TextReader: first those whose name has all the
// words, then the others, each the newest first.
func (r *reader) SearchText(ctx context.Context, words string, limit int) ([]store.Version, error) {
	terms := index.Query(words)
	if len(terms) == 0 {
		return nil, nil
	}
	limit = index.AtMost(limit, 50, index.MaxPage)
	var oids []store.OID
	seen := map[store.OID]bool{}
	for _, mark := range []string{index.NameMark, ""} {
		found, err := collect(ctx, r, scanNumber, `
			SELECT oid FROM words WHERE body @@ $1::text::tsquery ORDER BY oid DESC LIMIT $2`, tsquery(terms, mark), limit)
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			if oid := store.OID(n); !seen[oid] && len(oids) < limit {
				seen[oid] = true
				oids = append(oids, oid)
			}
		}
		if len(oids) >= limit {
			break
		}
	}
	return r.ByOID(ctx, oids, false)
}
