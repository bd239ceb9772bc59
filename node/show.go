package node

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/store"
)

// maxNeighbours bounds the relations of an object page.
const maxNeighbours = 150

// Show gathers everything the node can say of one object. What it returns is
// for this node's own people; what leaves the node goes through Share.
func (n *Node) Show(ctx context.Context, id comity.ObjectID) (ObjectView, error) {
	return view(ctx, n.store, func(r store.Reader) (ObjectView, error) {
		v, err := r.Object(ctx, id)
		if err != nil {
			return ObjectView{}, err
		}
		out := ObjectView{Version: v}
		if v.Raw != nil {
			var rep stix.Report
			out.Object, rep = stix.Parse(v.Raw, stix.Options{Mode: comity.Strict, Markings: labelsIn(ctx, r)})
			out.Findings = rep.Findings
		}
		if out.Versions, err = r.Versions(ctx, id); err != nil {
			return out, err
		}
		if out.Sources, err = n.sources(ctx, r, v.OID); err != nil {
			return out, err
		}
		if out.Neighbours, out.More, err = neighbours(ctx, r, v, out.Object); err != nil {
			return out, err
		}
		out.Holders, err = n.holders(ctx, r, v, out.Object)
		return out, err
	})
}

// List returns objects page by page.
func (n *Node) List(ctx context.Context, q store.Query) ([]store.Version, error) {
	return view(ctx, n.store, func(r store.Reader) ([]store.Version, error) { return r.Query(ctx, q) })
}

func (n *Node) sources(ctx context.Context, r store.Reader, oid store.OID) ([]SourceView, error) {
	list, err := r.Sources(ctx, oid)
	if err != nil {
		return nil, err
	}
	out := make([]SourceView, len(list))
	for i, s := range list {
		out[i] = SourceView{Source: s}
		if s.Origin != "" {
			out[i].OriginName = nameOf(ctx, r, s.Origin)
		}
		switch s.Door {
		case comity.DoorImport:
			if im, err := r.Import(ctx, s.Import); err == nil {
				out[i].Title = im.Source
			}
		case comity.DoorChannel:
			out[i].Title = n.agreementTitle(ctx, r, s.Agreement)
		}
	}
	return out, nil
}

// neighbours lists direct references and, through relationship objects, the
// things related. A relationship itself shows its two ends.
func neighbours(ctx context.Context, r store.Reader, v store.Version, obj comity.Object) ([]Neighbour, bool, error) {
	var out []Neighbour
	for _, ref := range obj.Refs {
		out = append(out, Neighbour{Kind: ref.Kind, Outgoing: true, ID: ref.Target})
	}
	if obj.Creator != "" {
		out = append(out, Neighbour{Kind: "created_by_ref", Outgoing: true, ID: obj.Creator})
	}
	edges, err := r.RefsTo(ctx, v.ID, maxNeighbours)
	if err != nil {
		return nil, false, err
	}
	more := len(edges) == maxNeighbours
	for _, e := range edges {
		if e.FromType != "relationship" {
			out = append(out, Neighbour{Kind: e.Kind, ID: e.FromID})
			continue
		}
		nb, ok, err := across(ctx, r, e)
		if err != nil {
			return nil, false, err
		}
		if ok {
			out = append(out, nb)
		}
	}
	if len(out) > maxNeighbours {
		out, more = out[:maxNeighbours], true
	}
	return out, more, nameNeighbours(ctx, r, out)
}

// across follows a relationship to its other end. Its name is the
// relationship_type, which stands in the relationship's bytes.
func across(ctx context.Context, r store.Reader, e store.Edge) (Neighbour, bool, error) {
	vs, err := r.ByOID(ctx, []store.OID{e.From}, true)
	if err != nil || len(vs) == 0 {
		return Neighbour{}, false, err
	}
	rel, _ := stix.Parse(vs[0].Raw, stix.Options{Mode: comity.Lenient})
	nb := Neighbour{Via: e.FromID, Kind: rel.Name, Outgoing: e.Kind == "source_ref"}
	for _, ref := range rel.Refs {
		if (ref.Kind == "source_ref" || ref.Kind == "target_ref") && ref.Kind != e.Kind {
			nb.ID = ref.Target
		}
	}
	return nb, nb.ID != "", nil
}

func nameNeighbours(ctx context.Context, r store.Reader, list []Neighbour) error {
	ids := make([]comity.ObjectID, len(list))
	for i, nb := range list {
		ids[i] = nb.ID
	}
	found, err := r.Current(ctx, ids)
	if err != nil {
		return err
	}
	byID := make(map[comity.ObjectID]store.Version, len(found))
	for _, v := range found {
		byID[v.ID] = v
	}
	for i := range list {
		v, ok := byID[list[i].ID]
		list[i].Known, list[i].Name, list[i].Type = ok, v.Name, list[i].ID.Type()
	}
	return nil
}

// holders lists the members that this node gave the object to, and why they
// may have it as decided now.
func (n *Node) holders(ctx context.Context, r store.Reader, v store.Version, obj comity.Object) ([]Holder, error) {
	places, err := r.Placements(ctx, []comity.ObjectID{v.ID})
	if err != nil {
		return nil, err
	}
	ags, err := n.agreements(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []Holder
	for _, p := range places {
		if !p.Own {
			continue
		}
		c, err := r.Channel(ctx, p.Channel)
		if err != nil {
			return nil, err
		}
		receipts, err := r.Receipts(ctx, p.Channel)
		if err != nil {
			return nil, err
		}
		a := ags.chain(c.Agreement)
		for _, m := range a.Others(n.ID()) {
			h := Holder{Member: m.ID, Name: m.Name, Agreement: a.ID, Title: a.Title, Channel: c.ID, Stream: c.Stream, Index: p.Index, Kind: p.Kind, At: p.At}
			for _, rc := range receipts {
				if rc.Member == m.ID && rc.Size > p.Index {
					h.Receipted, h.ReceiptAt = true, rc.At
				}
			}
			d, err := n.decide(ctx, r, v, obj, m.ID, []comity.Agreement{a})
			if err != nil {
				return nil, err
			}
			h.Reasons = d.Reasons
			out = append(out, h)
		}
	}
	return out, nil
}
