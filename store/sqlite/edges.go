package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
)

// RefsTo implements store.EdgeReader.
func (r *reader) RefsTo(ctx context.Context, id comity.ObjectID, limit int) ([]store.Edge, error) {
	limit = index.AtMost(limit, 100, index.MaxHits)
	runs, err := r.runs()
	if err != nil {
		return nil, err
	}
	var out []store.Edge
	for after := int64(0); ; {
		if err := alive(ctx); err != nil {
			return nil, err
		}
		oids, more, err := r.carriers(runs, uint64(r.key.Text(string(id))), false, after, limit-len(out)+1)
		if err != nil {
			return nil, err
		}
		for _, oid := range oids {
			after = oid
			err := r.query(`
				SELECT o.oid, o.id, o.type, `+besideColumns+`
				FROM object o CROSS JOIN content c ON c.oid = o.oid
				WHERE o.oid = ? AND o.latest = 1 AND o.state <> 2`,
				func(s *sqlite.Stmt) error {
					edges, err := r.scanEdges(s)
					for _, e := range edges {
						if e.To == id && len(out) < limit {
							out = append(out, e)
						}
					}
					return err
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

// RefsFrom implements store.EdgeReader.
func (r *reader) RefsFrom(_ context.Context, oid store.OID) ([]store.Edge, error) {
	return one(r, "store.no_version", oid, r.scanEdges, `
		SELECT o.oid, o.id, o.type, `+besideColumns+`
		FROM object o LEFT JOIN content c ON c.oid = o.oid AND o.latest = 1
		WHERE o.oid = ?`, int64(oid))
}

func (r *reader) scanEdges(s *sqlite.Stmt) ([]store.Edge, error) {
	_, refs, _, err := r.beside(s, 3)
	if err != nil {
		return nil, err
	}
	out := make([]store.Edge, len(refs))
	for i, ref := range refs {
		out[i] = store.Edge{
			From:     store.OID(s.ColumnInt64(0)),
			FromID:   comity.ObjectID(s.ColumnText(1)),
			FromType: s.ColumnText(2),
			Kind:     ref.Kind,
			To:       ref.Target,
		}
	}
	return out, nil
}
