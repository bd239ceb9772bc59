package node

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// lifecycle carries out what an entry says of an object that came before. Only
// what changed something here is passed on to the channels that this node gave
// the object to: so a word about somebody else's object goes no further, and
// none goes round in circles.
func (a *applying) lifecycle(ctx context.Context, tx store.Tx, in *incoming) error {
	switch in.entry.K {
	case comity.EntryRevoke, comity.EntryErase, comity.EntryMark:
	default:
		return nil
	}
	place, err := tx.ByHandle(ctx, a.ch.ID, in.entry.H)
	if comity.Is(err, comity.NotFound) {
		return nil // said of something that never came: there is nothing to do
	} else if err != nil {
		return err
	}
	mark, changed := in.entry.M, false
	if in.entry.K == comity.EntryErase {
		changed, err = dropHandle(ctx, tx, a.ch.ID, in.entry.H, in.entry.Why, a.now)
	} else {
		mark, changed, err = a.change(ctx, tx, in, place.Object)
	}
	if err != nil {
		return err
	}
	if place.Object != "" {
		line := comity.Audit{At: a.now, Actor: "peer:" + string(a.ch.Publisher), Action: string(in.entry.K), Subject: string(place.Object)}
		if !changed {
			line.Msg = comity.Msg("node.lifecycle_not_ours", comity.A("id", place.Object))
		}
		if err := tx.AddAudit(ctx, line); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	_, err = a.n.announce(ctx, tx, place.Object, in.entry.K, mark, in.entry.Why)
	return err
}

// change revokes or marks the versions for which this publisher's word counts:
// those that its channels brought and this node does not have on its own. Of
// several publishers the first one revokes, each can narrow the label, and only
// a single one can widen it. The label returned is the strictest now in force.
func (a *applying) change(ctx context.Context, tx store.Tx, in *incoming, id comity.ObjectID) (mark comity.TLP, changed bool, err error) {
	vs, err := tx.Versions(ctx, id)
	if err != nil && !comity.Is(err, comity.NotFound) {
		return mark, false, err
	}
	for _, v := range vs {
		if v.State == comity.StateErased {
			continue
		}
		h, err := handsOf(ctx, tx, v)
		if err != nil {
			return mark, false, err
		}
		if h.own || !h.has(a.ch.Publisher) {
			continue
		}
		only := len(h.from) == 1
		switch label := max(in.entry.M, v.TLP); {
		case in.entry.K == comity.EntryRevoke && v.State == comity.StateActive && (only || v.Origin == a.ch.Publisher):
			err, changed = tx.SetState(ctx, v.OID, comity.StateRevoked, in.entry.Why, a.now), true
		case in.entry.K == comity.EntryMark && (label > v.Handling || label < v.Handling && only):
			err, changed = tx.SetHandling(ctx, v.OID, label, in.entry.Why, a.now), true
			mark = max(mark, label)
		}
		if err != nil {
			return mark, false, err
		}
	}
	return mark, changed, nil
}
