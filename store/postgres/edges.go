package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
)

// RefsTo implements store.EdgeReader.
func (r *reader) RefsTo(ctx context.Context, id comity.ObjectID, limit int) ([]store.Edge, error) {
	limit = index.AtMost(limit, index.Page, index.MaxHits)
	all, err := collect(ctx, r, r.scanEdges, `
		SELECT o.oid, o.id, o.type, `+besideColumns+`
		FROM ref e JOIN object o ON o.oid = e.oid JOIN content c ON c.oid = e.oid
		WHERE e.h = $1 ORDER BY e.oid LIMIT $2`, r.key.Text(string(id)), limit+1)
	var out []store.Edge
	for _, edges := range all {
		for _, e := range edges {
			if e.To == id && len(out) < limit {
				out = append(out, e)
			}
		}
	}
	return out, err
}

// RefsFrom implements store.EdgeReader.
func (r *reader) RefsFrom(ctx context.Context, oid store.OID) ([]store.Edge, error) {
	return one(ctx, r, "store.no_version", oid, r.scanEdges, `
		SELECT o.oid, o.id, o.type, `+besideColumns+`
		FROM object o LEFT JOIN content c ON c.oid = o.oid AND o.latest
		WHERE o.oid = $1`, oid)
}

func (r *reader) scanEdges(row pgx.Row) ([]store.Edge, error) {
	var e store.Edge
	var b beside
	if err := row.Scan(append([]any{&e.From, &e.FromID, &e.FromType}, b.fields()...)...); err != nil {
		return nil, err
	}
	_, refs, _, err := b.open(r)
	if err != nil {
		return nil, err
	}
	out := make([]store.Edge, len(refs))
	for i, ref := range refs {
		out[i] = e
		out[i].Kind, out[i].To = ref.Kind, ref.Target
	}
	return out, nil
}
