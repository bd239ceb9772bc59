package node

import (
	"context"
	"crypto/sha256"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// hands says by whose hand a version came: this node's own (an import, or made
// here), and the peers whose channels brought it. Whoever's word counts for an
// object is decided by this, not by who was first.
type hands struct {
	own  bool
	from []comity.MemberID // each once
}

func handsOf(ctx context.Context, r store.Reader, v store.Version) (hands, error) {
	if v.Origin == "" {
		return hands{own: true}, nil
	}
	list, err := r.Sources(ctx, v.OID)
	if err != nil {
		return hands{}, err
	}
	var h hands
	for _, s := range list {
		if s.Door != comity.DoorChannel {
			h.own = true
		} else if !h.has(s.Origin) {
			h.from = append(h.from, s.Origin)
		}
	}
	return h, nil
}

func (h hands) has(m comity.MemberID) bool {
	for _, f := range h.from {
		if f == m {
			return true
		}
	}
	return false
}

// creators refuses what a publisher may not say: only the creator of an object
// versions it. What names this node as its creator comes from here alone. A
// version of an object that is held must name the same creator; where that is
// nobody, or a member, it must come from that member or from where the held
// version came. The very bytes that are held are always welcome.
//
// INVARIANT: nothing that a peer sends replaces an object of this node's own.
func (a *applying) creators(ctx context.Context, tx store.Tx) error {
	var ids []comity.ObjectID
	for i := range a.items {
		if a.items[i].isObject() {
			ids = append(ids, a.items[i].object.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	list, err := tx.Current(ctx, ids)
	if err != nil {
		return err
	}
	held := make(map[comity.ObjectID]store.Version, len(list))
	for _, v := range list {
		held[v.ID] = v
	}
	for i := range a.items {
		in := &a.items[i]
		if !in.isObject() {
			continue
		}
		v, known := held[in.object.ID]
		ok, err := a.mayVersion(ctx, tx, &in.object, v, known)
		if err != nil {
			return err
		}
		if !ok {
			in.refused = comity.Msg("node.not_creator", comity.A("id", in.object.ID))
		}
	}
	return nil
}

func (a *applying) mayVersion(ctx context.Context, tx store.Tx, o *comity.Object, v store.Version, known bool) (bool, error) {
	ours := a.n.identityID()
	claimed := o.ID == ours || o.Creator == ours
	switch {
	case !known:
		return !claimed, nil
	case v.Origin == a.ch.Publisher && !claimed && v.Creator == o.Creator:
		return true, nil
	case o.Modified.IsZero() && v.Modified.IsZero() && !claimed:
		return true, nil // unversioned: it can only stand beside what is held
	}
	same, err := heldBytes(ctx, tx, o, v)
	if err != nil || same {
		return same, err
	}
	if claimed || v.Creator != o.Creator {
		return false, nil
	}
	if o.Creator != "" {
		member, err := a.memberBehind(ctx, tx, o.Creator)
		if err != nil || member == "" || member == a.ch.Publisher {
			return err == nil, err
		}
	}
	h, err := handsOf(ctx, tx, v)
	return h.has(a.ch.Publisher), err
}

// heldBytes reports whether exactly these bytes are held under the id.
func heldBytes(ctx context.Context, r store.Reader, o *comity.Object, v store.Version) (bool, error) {
	sum := comity.Hash(sha256.Sum256(o.Raw))
	if sum == v.Digest {
		return true, nil
	}
	all, err := r.Versions(ctx, o.ID)
	for _, v := range all {
		if v.Digest == sum {
			return true, err
		}
	}
	return false, err
}

// memberBehind returns the peer whose own STIX identity this is; "" for none.
func (a *applying) memberBehind(ctx context.Context, r store.PeerReader, creator comity.ObjectID) (comity.MemberID, error) {
	if a.members == nil {
		peers, err := r.Peers(ctx)
		if err != nil {
			return "", err
		}
		a.members = make(map[comity.ObjectID]comity.MemberID, len(peers))
		for _, p := range peers {
			a.members[identityOf(p.ID)] = p.ID
		}
	}
	return a.members[creator], nil
}
