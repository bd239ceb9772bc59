package node

import (
	"context"

	"github.com/comity-net/comity"
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
	drafts := map[comity.ChannelID][]draft{}
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
		a := ags.chain(c.Agreement)
		d, err := n.decideAudience(ctx, tx, v, obj, a)
		if err != nil {
			return err
		}
		if !d.Allowed() {
			line := comity.Audit{At: n.now(), Actor: system.Name, Action: "forward", Subject: string(v.ID), Kind: comity.Forbidden.String(), Msg: lastReason(d)}
			if err := tx.AddAudit(ctx, line); err != nil {
				return err
			}
			continue
		}
		dr, err := n.putDraft(v, obj.Raw, d.Handling, &p)
		if err != nil {
			return err
		}
		drafts[p.Channel] = append(drafts[p.Channel], dr)
	}
	for ch, ds := range drafts {
		if _, err := n.appendTo(ctx, tx, ch, ds); err != nil {
			return err
		}
	}
	return nil
}

// decideAudience decides a version for every reader of an agreement: the first
// refusal, else the last permission.
func (n *Node) decideAudience(ctx context.Context, r store.Reader, v store.Version, obj comity.Object, a comity.Agreement) (comity.Decision, error) {
	var d comity.Decision
	for _, p := range a.Others(n.ID()) {
		var err error
		if d, err = n.decide(ctx, r, v, obj, p.ID, []comity.Agreement{a}); err != nil || !d.Allowed() {
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
