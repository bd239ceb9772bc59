package node

import (
	"context"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Revoke says that an object is no longer true. It stays readable, marked as
// revoked, here and at every member it went to.
func (n *Node) Revoke(ctx context.Context, by Actor, id comity.ObjectID, why string) (LifecycleResult, error) {
	return n.withdraw(ctx, by, id, comity.EntryRevoke, why)
}

// Erase deletes an object's content here and asks every member it went to to
// do the same. The log entries stay; what they committed to is gone.
func (n *Node) Erase(ctx context.Context, by Actor, id comity.ObjectID, why string) (LifecycleResult, error) {
	return n.withdraw(ctx, by, id, comity.EntryErase, why)
}

func (n *Node) withdraw(ctx context.Context, by Actor, id comity.ObjectID, kind comity.EntryKind, why string) (LifecycleResult, error) {
	op := string(kind)
	why, err := reasonCode(op, why)
	if err != nil {
		return LifecycleResult{}, err
	}
	var told []store.Placement
	err = n.act(ctx, by, op, string(id), func(tx store.Tx) error {
		if err := turn(ctx, tx); err != nil {
			return err
		}
		versions, err := ownVersions(ctx, tx, op, id)
		if err != nil {
			return err
		}
		state := comity.StateRevoked
		if kind == comity.EntryErase {
			state = comity.StateErased
		}
		changed := false
		for _, v := range versions {
			if v.State < state {
				changed = true
				if err := tx.SetState(ctx, v.OID, state, why, n.now()); err != nil {
					return err
				}
			}
		}
		if !changed {
			return comity.E(comity.Conflict, op, id, comity.Msg("node.already_withdrawn", comity.A("id", id), comity.A("state", "msg:state."+state.String())), nil)
		}
		told, err = n.announce(ctx, tx, id, kind, versions[0].Handling, why)
		return err
	})
	return n.lifecycle(ctx, id, kind, told, err)
}

// Mark changes the handling of an object and tells every member that has it.
// For an object that came from a peer only a narrower label is possible.
func (n *Node) Mark(ctx context.Context, by Actor, id comity.ObjectID, tlp comity.TLP, why string) (LifecycleResult, error) {
	why, err := reasonCode("mark", why)
	if err == nil && tlp == comity.Unmarked {
		err = comity.E(comity.Usage, "mark", id, comity.Msg("marking.unknown_tlp", comity.A("label", "")), nil)
	}
	if err != nil {
		return LifecycleResult{}, err
	}
	var told []store.Placement
	err = n.act(ctx, by, "mark", string(id), func(tx store.Tx) error {
		if err := turn(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Object(ctx, id); err != nil {
			return err
		}
		if err := setLabel(ctx, tx, id, tlp, why, n.now()); err != nil {
			return err
		}
		var err error
		told, err = n.announce(ctx, tx, id, comity.EntryMark, tlp, why)
		return err
	})
	return n.lifecycle(ctx, id, comity.EntryMark, told, err)
}

// setLabel sets the label of every version of an object. One that this node
// has on its own can be marked as widely as it marks itself; one that only peers
// brought can be narrowed.
func setLabel(ctx context.Context, tx store.Tx, id comity.ObjectID, tlp comity.TLP, why string, at time.Time) error {
	versions, err := tx.Versions(ctx, id)
	if err != nil {
		return err
	}
	own, err := ownAmong(ctx, tx, versions)
	if err != nil {
		return err
	}
	for i, v := range versions {
		label := tlp
		switch {
		case !own[i] && tlp < v.Handling && slices.Contains(own, true):
			label = v.Handling // beside this node's own it stays as it came
		case tlp < v.TLP:
			return comity.E(comity.Forbidden, "mark", id, comity.Msg("node.mark_wider_than_object",
				comity.A("label", tlp.Label()), comity.A("carried", v.TLP.Label())), nil)
		case !own[i] && tlp < v.Handling:
			return comity.E(comity.Forbidden, "mark", id, comity.Msg("node.mark_wider_foreign",
				comity.A("label", tlp.Label()), comity.A("current", v.Handling.Label())), nil)
		}
		if err := tx.SetHandling(ctx, v.OID, label, why, at); err != nil {
			return err
		}
	}
	return nil
}

// ownVersions returns the versions of an object that this node has on its own;
// only who is a source may withdraw.
func ownVersions(ctx context.Context, r store.Reader, op string, id comity.ObjectID) ([]store.Version, error) {
	if _, err := r.Object(ctx, id); err != nil {
		return nil, err
	}
	versions, err := r.Versions(ctx, id)
	if err != nil {
		return nil, err
	}
	own, err := ownAmong(ctx, r, versions)
	if err != nil {
		return nil, err
	}
	var out []store.Version
	for i, v := range versions {
		if own[i] {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return nil, comity.E(comity.Forbidden, op, id, comity.Msg("node.withdraw_foreign",
			comity.A("id", id), comity.A("member", nameOf(ctx, r, versions[0].Origin))), nil)
	}
	return out, nil
}

// ownAmong says of each version whether this node has it by its own hand.
func ownAmong(ctx context.Context, r store.Reader, versions []store.Version) ([]bool, error) {
	own := make([]bool, len(versions))
	for i, v := range versions {
		h, err := handsOf(ctx, r, v)
		if err != nil {
			return nil, err
		}
		own[i] = h.own
	}
	return own, nil
}

// reasonCode bounds the short reason that travels in a lifecycle entry.
func reasonCode(op, why string) (string, error) {
	if len(why) > 200 {
		return "", comity.E(comity.TooLarge, op, "", comity.Msg("node.why_long", comity.A("n", 200)), nil)
	}
	return why, nil
}

func (n *Node) lifecycle(ctx context.Context, id comity.ObjectID, kind comity.EntryKind, told []store.Placement, err error) (LifecycleResult, error) {
	if err != nil {
		return LifecycleResult{}, err
	}
	res := LifecycleResult{Object: id, Kind: kind}
	for _, p := range told {
		cv, err := n.Channel(ctx, string(p.Channel))
		if err != nil {
			return res, err
		}
		t := Told{Channel: p.Channel, Index: p.Index}
		for _, r := range cv.Readers {
			t.Members = append(t.Members, r.Name)
		}
		res.Channels = append(res.Channels, t)
	}
	return res, n.signAll(ctx)
}

// nameOf returns a member's name, or the beginning of its id when it is unknown.
func nameOf(ctx context.Context, r store.PeerReader, id comity.MemberID) string {
	if p, err := r.Peer(ctx, id); err == nil {
		return p.Name
	}
	return id.Short()
}
