package node

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/store"
)

// decide asks the policy whether a member may have a version. Every exit of
// the node to a member goes through here; what readers without a node may have,
// gate asks. Nothing else builds a policy.Item.
func (n *Node) decide(ctx context.Context, r store.Reader, v store.Version, obj comity.Object, to comity.MemberID, ags []comity.Agreement) (comity.Decision, error) {
	return n.decideAfter(ctx, r, v, obj, to, ags, nil)
}

// decideAfter is decide with more used of the quotas, by chain, than the store
// knows of yet.
func (n *Node) decideAfter(ctx context.Context, r store.Reader, v store.Version, obj comity.Object, to comity.MemberID, ags []comity.Agreement, more map[comity.AgreementID]policy.Usage) (comity.Decision, error) {
	item, err := n.item(ctx, r, v, obj)
	if err != nil {
		return comity.Decision{}, err
	}
	peer, err := r.Peer(ctx, to)
	if err != nil && !comity.Is(err, comity.NotFound) {
		return comity.Decision{}, err
	}
	item.Used = make(map[comity.AgreementID]policy.Usage, len(ags))
	for _, a := range ags {
		u, err := n.used(ctx, r, a.Chain)
		if err != nil {
			return comity.Decision{}, err
		}
		u.ObjectsToday += more[a.Chain].ObjectsToday
		u.BytesToday += more[a.Chain].BytesToday
		item.Used[a.ID] = u
	}
	d := policy.Decide(item, receiver(to, peer), ags, n.ID(), n.now())
	named(ctx, r, d, item.Origin)
	return d, nil
}

// named puts the name of an object's origin in place of its id in the reasons,
// which people read.
func named(ctx context.Context, r store.PeerReader, d comity.Decision, origin comity.MemberID) {
	if origin == "" {
		return
	}
	name := nameOf(ctx, r, origin)
	for i := range d.Reasons {
		args := d.Reasons[i].Msg.Args
		for j := range args {
			if args[j].Value == string(origin) || args[j].Value == origin.Short() {
				args[j].Value = name
			}
		}
	}
}

// receiver is a peer as the policy sees it. A peer that is not known here is
// an unverified one.
func receiver(id comity.MemberID, p comity.Peer) policy.Receiver {
	return policy.Receiver{Member: id, State: p.State}
}

// item is a version as the policy sees it, with the clauses that it came under.
func (n *Node) item(ctx context.Context, r store.Reader, v store.Version, obj comity.Object) (policy.Item, error) {
	it := policy.Item{Object: &obj, Handling: v.Handling, State: v.State, Origin: v.Origin}
	if v.Origin == "" {
		return it, nil
	}
	ags, err := n.agreements(ctx, r)
	if err != nil {
		return it, err
	}
	return itemUnder(ctx, r, v, obj, func(s store.Source) policy.Grant { return grant(ctx, r, ags, s) })
}

// itemUnder is item for a version that a peer sent, with its clauses as under
// finds them.
func itemUnder(ctx context.Context, r store.ImportReader, v store.Version, obj comity.Object, under func(store.Source) policy.Grant) (policy.Item, error) {
	it := policy.Item{Object: &obj, Handling: v.Handling, State: v.State, Origin: v.Origin}
	sources, err := r.Sources(ctx, v.OID)
	if err != nil {
		return it, err
	}
	for _, s := range sources {
		if s.Door != comity.DoorChannel {
			it.Origin = "" // it also came by this node's own hand
			it.Under = nil
			return it, nil
		}
		it.Under = append(it.Under, under(s))
	}
	return it, nil
}

// grant is the stream that a version came by. A stream that the agreement no
// longer has grants nothing: the zero clauses forbid passing on.
func grant(ctx context.Context, r store.Reader, ags agreementList, s store.Source) policy.Grant {
	g := policy.Grant{Agreement: s.Agreement}
	c, err := r.Channel(ctx, s.Channel)
	if err != nil {
		return g
	}
	for _, st := range ags.chain(s.Agreement).Streams {
		if st.Name == c.Stream {
			g.Stream, g.Onward, g.Purpose, g.Retention = st.Name, st.Onward, st.Purpose, st.Retention
		}
	}
	return g
}

// parsed reads a version's index fields from its bytes. labels resolves the
// marking definitions held here: what they mean may have become known only after
// the object came.
func parsed(v store.Version, labels func(comity.ObjectID) (comity.TLP, bool)) comity.Object {
	if v.Raw == nil {
		return comity.Object{ID: v.ID, Type: v.Type}
	}
	obj, _ := stix.Parse(v.Raw, stix.Options{Mode: comity.Lenient, Markings: labels})
	return obj
}

// labelsIn resolves marking definitions on the snapshot of r.
func labelsIn(ctx context.Context, r store.ObjectReader) func(comity.ObjectID) (comity.TLP, bool) {
	known := map[comity.ObjectID]comity.TLP{}
	return func(id comity.ObjectID) (comity.TLP, bool) {
		t, ok := known[id]
		if !ok {
			if v, err := r.Object(ctx, id); err == nil {
				t, _ = stix.DefinedTLP(&comity.Object{ID: v.ID, Type: v.Type, Raw: v.Raw})
			}
			known[id] = t
		}
		return t, t != comity.Unmarked
	}
}

// Explain decides for every peer (or the one named) whether it may have the
// object, and why: the rows of the share dialog.
func (n *Node) Explain(ctx context.Context, id comity.ObjectID, member string) ([]MemberDecision, error) {
	only := comity.MemberID("")
	if member != "" {
		p, err := n.Peer(ctx, member)
		if err != nil {
			return nil, err
		}
		only = p.ID
	}
	return view(ctx, n.store, func(r store.Reader) ([]MemberDecision, error) {
		v, err := r.Object(ctx, id)
		if err != nil {
			return nil, err
		}
		peers, err := r.Peers(ctx)
		if err != nil {
			return nil, err
		}
		ags, err := n.agreements(ctx, r)
		if err != nil {
			return nil, err
		}
		given, err := n.given(ctx, r, v, ags)
		if err != nil {
			return nil, err
		}
		obj := parsed(v, labelsIn(ctx, r))
		out := []MemberDecision{}
		for _, p := range peers {
			if only != "" && p.ID != only {
				continue
			}
			d, err := n.decide(ctx, r, v, obj, p.ID, ags)
			if err != nil {
				return nil, err
			}
			out = append(out, MemberDecision{Member: p.ID, Name: p.Name, State: p.State, Decision: d, Already: given[p.ID]})
		}
		return out, nil
	})
}

// given says which members were given this very version.
func (n *Node) given(ctx context.Context, r store.Reader, v store.Version, ags agreementList) (map[comity.MemberID]bool, error) {
	places, err := r.Placements(ctx, []comity.ObjectID{v.ID})
	if err != nil {
		return nil, err
	}
	out := map[comity.MemberID]bool{}
	for _, p := range places {
		if !p.Own || p.OID != v.OID {
			continue
		}
		c, err := r.Channel(ctx, p.Channel)
		if err != nil {
			return nil, err
		}
		a := ags.chain(c.Agreement)
		for _, m := range a.Others(n.ID()) {
			out[m.ID] = true
		}
	}
	return out, nil
}
