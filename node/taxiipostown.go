package node

import (
	"context"
	"slices"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ingest"
	"github.com/comity-net/comity/store"
)

// outsider judges what an account outside may say of objects that are held: the
// same as a peer in its channel, see creators.
//
// INVARIANT: nothing that somebody outside posts replaces what came from others,
// and the answer does not tell of what the account may not see
// (TestTaxiiPostTellsNothingOfTheHidden).
type outsider struct {
	n  *Node
	by Actor
}

// screened is a batch of which some objects were taken out.
type screened struct {
	ingest.Batch
	at     []int                    // where each object stood in the batch
	hushed map[int]comity.Refusal   // refused, by place, and told as if they were stored
	unseen map[comity.ObjectID]bool // held, and not for the account to know
}

// screen takes out of a batch what the account may not say. It is called within
// the transaction that stores the rest.
func (o *outsider) screen(ctx context.Context, tx store.Tx, b ingest.Batch) (screened, error) {
	out := screened{Batch: b, hushed: map[int]comity.Refusal{}, unseen: map[comity.ObjectID]bool{}}
	held, err := o.held(ctx, tx, b.Objects, out.unseen)
	if err != nil {
		return out, err
	}
	out.Objects, out.Findings, out.Refusals = nil, nil, slices.Clone(b.Refusals)
	members := memberIdentities{}
	for i := range b.Objects {
		obj := &b.Objects[i]
		v, known := held[obj.ID]
		ok := !known
		if known {
			if ok, err = o.mayVersion(ctx, tx, obj, v, &members); err != nil {
				return out, err
			}
		}
		switch r := notCreator(obj); {
		case ok:
			out.Objects, out.at = append(out.Objects, *obj), append(out.at, i)
			if i < len(b.Findings) {
				out.Findings = append(out.Findings, b.Findings[i])
			}
		case out.unseen[obj.ID]:
			out.hushed[i] = r
		default:
			out.Refusals = append(out.Refusals, r)
		}
	}
	return out, nil
}

func notCreator(o *comity.Object) comity.Refusal {
	const kept = 64 << 10
	return comity.Refusal{ID: o.ID, Raw: o.Raw[:min(len(o.Raw), kept)], Cut: len(o.Raw) > kept, Findings: []comity.Finding{{
		Rule: "creator", Path: "created_by_ref", Section: "3.2", Refuses: true, Msg: comity.Msg("node.not_creator", comity.A("id", o.ID))}}}
}

// held returns the current versions of what is held of these objects, and notes
// which of them the account may not see anywhere.
func (o *outsider) held(ctx context.Context, tx store.Tx, objs []comity.Object, unseen map[comity.ObjectID]bool) (map[comity.ObjectID]store.Version, error) {
	ids := make([]comity.ObjectID, len(objs))
	for i := range objs {
		ids[i] = objs[i].ID
	}
	slices.Sort(ids)
	list, err := tx.Current(ctx, slices.Compact(ids))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	held := make(map[comity.ObjectID]store.Version, len(list))
	for _, v := range list {
		held[v.ID], unseen[v.ID] = v, true
	}
	cs, err := tx.Collections(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range cs {
		open, err := openingOf(ctx, tx, c.ID)
		if err != nil {
			return nil, err
		}
		if read, _ := open.rights(o.by); read && len(unseen) > 0 {
			g := o.n.gate(ctx, tx, open.audience(o.by.Role)).unremembered()
			if err := g.strike(ctx, c.ID, unseen); err != nil {
				return nil, err
			}
		}
	}
	return held, nil
}

// strike deletes the ids of which the audience may read a version in a collection.
func (g *gate) strike(ctx context.Context, in comity.CollectionID, ids map[comity.ObjectID]bool) error {
	var all []comity.ObjectID
	for id := range ids {
		all = append(all, id)
	}
	slices.Sort(all)
	for part := range slices.Chunk(all, taxiiStep) {
		for after := int64(0); ; {
			ms, err := g.r.Members(ctx, store.MemberQuery{Collection: in, IDs: part, After: after, Limit: taxiiStep, WithRaw: true, Lean: true,
				MaxLabel: g.to.Circle.Ceiling(), MaxBytes: taxiiChunk})
			if err != nil {
				return err
			}
			if len(ms) == 0 {
				break
			}
			for i := range ms {
				after = ms[i].Seq
				ok, err := g.admits(ctx, &ms[i].Version)
				if err != nil {
					return err
				}
				if ok {
					delete(ids, ms[i].Version.ID)
				}
			}
		}
	}
	return nil
}

// memberIdentities are the STIX identities of the peers, read when first asked.
type memberIdentities struct {
	read bool
	ids  map[comity.ObjectID]bool
}

func (m *memberIdentities) has(ctx context.Context, r store.PeerReader, id comity.ObjectID) (bool, error) {
	if !m.read {
		peers, err := r.Peers(ctx)
		if err != nil {
			return false, err
		}
		m.read, m.ids = true, make(map[comity.ObjectID]bool, len(peers))
		for _, p := range peers {
			m.ids[identityOf(p.ID)] = true
		}
	}
	return m.ids[id], nil
}

// mayVersion is applying.mayVersion for an account: it versions what came by a
// post of its own and names the same creator.
func (o *outsider) mayVersion(ctx context.Context, tx store.Tx, obj *comity.Object, v store.Version, members *memberIdentities) (bool, error) {
	if obj.Modified.IsZero() && v.Modified.IsZero() {
		return true, nil // unversioned: it can only stand beside what is held
	}
	same, err := heldBytes(ctx, tx, obj, v)
	if err != nil || same {
		return same, err
	}
	if v.Creator != obj.Creator {
		return false, nil
	}
	if member, err := members.has(ctx, tx, obj.Creator); err != nil || member {
		return false, err
	}
	list, err := tx.Sources(ctx, v.OID)
	if err != nil {
		return false, err
	}
	for _, s := range list {
		if s.Door != comity.DoorImport {
			continue
		}
		im, err := tx.Import(ctx, s.Import)
		if err != nil && !comity.Is(err, comity.NotFound) {
			return false, err
		}
		if err == nil && im.By == o.by.Name && im.Source == postSource(o.by) {
			return true, nil
		}
	}
	return false, nil
}

// postSource is what the import of a post says of where it is from.
func postSource(by Actor) string { return "taxii:" + by.Name }
