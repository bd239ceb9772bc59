package node

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// forward gives new versions of objects to the own channels that have an older
// one, if the policy still allows it; a version that may no longer go is told
// of in the audit.
func (n *Node) forward(ctx context.Context, tx store.Tx, objs []comity.Object, puts []store.Put) error {
	var newer []comity.ObjectID
	for i, p := range puts {
		if p.Fate == store.FateNewer {
			newer = append(newer, objs[i].ID)
		}
	}
	if len(newer) == 0 {
		return nil
	}
	places, err := tx.Placements(ctx, newer)
	if err != nil || len(places) == 0 {
		return err
	}
	current, err := tx.Current(ctx, newer)
	if err != nil {
		return err
	}
	byID := make(map[comity.ObjectID]store.Version, len(current))
	for _, v := range current {
		byID[v.ID] = v
	}
	byRaw := make(map[store.OID]comity.Object, len(objs))
	for i, p := range puts {
		byRaw[p.OID] = objs[i]
	}
	return n.forwardTo(ctx, tx, places, byID, byRaw)
}

func (n *Node) forwardTo(ctx context.Context, tx store.Tx, places []store.Placement, byID map[comity.ObjectID]store.Version, byRaw map[store.OID]comity.Object) error {
	ags, err := n.agreements(ctx, tx)
	if err != nil {
		return err
	}
	stands := make(map[placeKey]*store.Placement, len(places))
	for i := range places {
		stands[placeKey{places[i].Channel, places[i].Object}] = &places[i]
	}
	f := forwarding{n: n, tx: tx, stands: stands, labels: labelsIn(ctx, tx), drafts: map[comity.ChannelID][]draft{},
		sent: map[placeKey]bool{}, more: map[comity.AgreementID]policy.Usage{}}
	for _, p := range places {
		v := byID[p.Object]
		obj, fresh := byRaw[v.OID]
		if !p.Own || !fresh || p.Kind == comity.EntryErase || p.OID == v.OID {
			continue
		}
		c, err := tx.Channel(ctx, p.Channel)
		if err != nil {
			return err
		}
		v.Raw = obj.Raw
		if err := f.version(ctx, v, ags.chain(c.Agreement)); err != nil {
			return err
		}
	}
	for ch, ds := range f.drafts {
		if _, err := n.appendTo(ctx, tx, ch, ds); err != nil {
			return err
		}
	}
	return nil
}

// forwarding is one forward under way.
type forwarding struct {
	n      *Node
	tx     store.Tx
	stands map[placeKey]*store.Placement
	labels func(comity.ObjectID) (comity.TLP, bool)
	drafts map[comity.ChannelID][]draft
	sent   map[placeKey]bool
	more   map[comity.AgreementID]policy.Usage // by chain: what the drafts will use
}

// version decides a new version for an agreement and drafts it for the channel
// of the stream that allows it. That may be another one than the last version
// went to, when its label or what a filter asks for changed.
func (f *forwarding) version(ctx context.Context, v store.Version, a comity.Agreement) error {
	d, err := f.n.decideAudience(ctx, f.tx, v, parsed(v, f.labels), a, f.more)
	if err != nil {
		return err
	}
	if !d.Allowed() {
		return f.tx.AddAudit(ctx, comity.Audit{At: f.n.now(), Actor: system.Name, Action: "forward", Subject: string(v.ID),
			Kind: comity.Forbidden.String(), Msg: lastReason(d)})
	}
	key := placeKey{ledger.ChannelIDOf(a.Chain, f.n.ID(), d.Stream), v.ID}
	if f.sent[key] {
		return nil
	}
	dr, err := f.n.putDraft(v, v.Raw, d.Handling, f.stands[key])
	if err != nil {
		return err
	}
	f.sent[key] = true
	f.drafts[key.channel] = append(f.drafts[key.channel], dr)
	u := f.more[a.Chain]
	f.more[a.Chain] = policy.Usage{ObjectsToday: u.ObjectsToday + 1, BytesToday: u.BytesToday + dr.entry.S}
	return nil
}

// decideAudience decides a version for every reader of an agreement: the first
// refusal, else the last permission. more is what is on its way already.
func (n *Node) decideAudience(ctx context.Context, r store.Reader, v store.Version, obj comity.Object, a comity.Agreement, more map[comity.AgreementID]policy.Usage) (comity.Decision, error) {
	var d comity.Decision
	for _, p := range a.Others(n.ID()) {
		var err error
		if d, err = n.decideAfter(ctx, r, v, obj, p.ID, []comity.Agreement{a}, more); err != nil || !d.Allowed() {
			return d, err
		}
	}
	return d, nil
}

func lastReason(d comity.Decision) comity.Message {
	for i := len(d.Reasons) - 1; i >= 0; i-- {
		if d.Reasons[i].Effect != comity.Allow {
			return d.Reasons[i].Msg
		}
	}
	return comity.Msg("node.no_readers")
}
