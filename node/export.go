package node

import (
	"context"
	"io"
	"iter"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/formats"
	"github.com/comity-net/comity/store"
	"github.com/google/uuid"
)

// Export writes the current versions that q selects, for this node's own
// operator: a STIX bundle of the bytes as they came ("stix") or a table of
// indicators ("csv"). It is audited, for a file can leave the node by hand; for
// a peer, Share is the way.
func (n *Node) Export(ctx context.Context, by Actor, w io.Writer, format string, q store.Query) (int64, error) {
	var count int64
	var err error
	switch format {
	case "stix", "":
		id := comity.ObjectID("bundle--" + uuid.NewString())
		err = formats.WriteSTIX(w, id, func(yield func([]byte, error) bool) {
			for v, err := range n.all(ctx, q) {
				count++
				if !yield(v.Raw, err) {
					return
				}
			}
		})
	case "csv":
		err = n.exportCSV(ctx, w, q, &count)
	default:
		err = comity.E(comity.Usage, "export", format, comity.Msg("node.export_format", comity.A("format", format)), nil)
	}
	n.audit(ctx, by, "export", format, err)
	return count, err
}

func (n *Node) exportCSV(ctx context.Context, w io.Writer, q store.Query, count *int64) error {
	handling := map[comity.ObjectID]comity.TLP{} // of the object under way only
	objs := func(yield func(comity.Object, error) bool) {
		for v, err := range n.all(ctx, q) {
			*count++
			clear(handling)
			handling[v.ID] = v.Handling
			if !yield(parsed(v, nil), err) {
				return
			}
		}
	}
	return formats.WriteCSV(w, objs, func(o *comity.Object) comity.TLP { return handling[o.ID] })
}

// all walks every version that q selects, page by page, with bytes.
func (n *Node) all(ctx context.Context, q store.Query) iter.Seq2[store.Version, error] {
	q.WithRaw, q.Limit = true, 500
	return func(yield func(store.Version, error) bool) {
		for {
			page, err := n.List(ctx, q)
			if err != nil {
				yield(store.Version{}, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if len(page) < q.Limit {
				return
			}
			q.After = page[len(page)-1].OID
		}
	}
}

// ExportQuery turns the words of a query into what Export and List take.
func (n *Node) ExportQuery(ctx context.Context, q ShareQuery) (store.Query, error) {
	return n.query(ctx, q)
}
