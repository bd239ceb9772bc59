package node

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// MirrorChannel implements federation.Source: this node's verified copy, for
// members of the same channel and for the publisher that lost its own. Nothing
// beyond the publisher's checkpoint is served.
func (s source) MirrorChannel(ctx context.Context, peer, publisher comity.MemberID, id comity.ChannelID) (comity.Channel, error) {
	return view(ctx, s.n.store, func(r store.Reader) (comity.Channel, error) {
		missing := comity.E(comity.NotFound, "mirror", id, comity.Msg("node.channel_unknown", comity.A("asked", id)), nil)
		c, err := r.Channel(ctx, id)
		if comity.Is(err, comity.NotFound) || err == nil && (c.Own || c.Publisher != publisher || c.Checkpoint == nil) {
			return c, missing
		}
		if err != nil {
			return c, err
		}
		ags, err := s.n.agreements(ctx, r)
		if err != nil {
			return c, err
		}
		ok, err := s.n.mayMirror(ctx, r, ags, peer, c)
		if err == nil && !ok {
			err = missing
		}
		return c, err
	})
}

// mayMirror asks the policy whether the peer may read, from here, what another
// member published: only who may read it there.
func (n *Node) mayMirror(ctx context.Context, r store.PeerReader, ags agreementList, peer comity.MemberID, c comity.Channel) (bool, error) {
	a := ags.chain(c.Agreement)
	if !a.Has(peer) || !a.Has(n.ID()) {
		return false, nil
	}
	p, err := r.Peer(ctx, peer)
	if err != nil {
		return false, err
	}
	d := policy.MayRead(receiver(peer, p), a, c.Stream, c.Publisher, n.now())
	if !d.Allowed() {
		return false, comity.E(comity.Forbidden, "mirror", c.ID, lastReason(d), nil)
	}
	return true, nil
}

// Heads implements federation.Source: the checkpoints of this node's own
// channels that the peer may read, and of others' that both are members of.
func (s source) Heads(ctx context.Context, peer comity.MemberID) ([]federation.HeldHead, error) {
	return view(ctx, s.n.store, func(r store.Reader) ([]federation.HeldHead, error) {
		list, err := r.Channels(ctx)
		if err != nil {
			return nil, err
		}
		ags, err := s.n.agreements(ctx, r)
		if err != nil {
			return nil, err
		}
		out := []federation.HeldHead{}
		for _, c := range list {
			if c.Checkpoint == nil {
				continue
			}
			may := s.n.mayMirrorAny
			if c.Own {
				may = s.n.mayReadAny
			}
			ok, err := may(ctx, r, ags, peer, c)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, federation.HeldHead{Publisher: c.Publisher, Channel: c.ID, Note: c.Checkpoint})
			}
		}
		return out, nil
	})
}

// mayMirrorAny is mayMirror for a list, from which the forbidden is left out.
func (n *Node) mayMirrorAny(ctx context.Context, r store.Reader, ags agreementList, peer comity.MemberID, c comity.Channel) (bool, error) {
	ok, err := n.mayMirror(ctx, r, ags, peer, c)
	if comity.Is(err, comity.Forbidden) {
		return false, nil
	}
	return ok, err
}

// mayReadAny is mayRead likewise.
func (n *Node) mayReadAny(ctx context.Context, r store.Reader, _ agreementList, peer comity.MemberID, c comity.Channel) (bool, error) {
	ok, err := n.mayRead(ctx, r, peer, c)
	if comity.Is(err, comity.Forbidden) {
		return false, nil
	}
	return ok, err
}

// readElsewhere reads a channel from the copies of its other members, the
// publisher being away. The first that brings something new is enough; what one
// of them does wrong is told of it, and the next is asked.
func (n *Node) readElsewhere(ctx context.Context, c comity.Channel) error {
	members, err := view(ctx, n.store, func(r store.Reader) ([]*federation.Identity, error) { return n.mirrorsOf(ctx, r, c) })
	if err != nil {
		return err
	}
	for _, m := range members {
		p, err := n.reader.SyncFrom(ctx, c.ID, m)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch comity.ErrorKind(err) {
		case comity.Unverified, comity.Invalid, comity.TooLarge:
			n.heard(ctx, m.ID, err)
		}
		if err == nil && p.To > p.From {
			n.log.Info("read from a mirror", "channel", c.ID, "mirror", m.Name, "from", p.From, "to", p.To)
			return nil
		}
	}
	return nil
}

// mirrorsOf lists the other members of a channel that can be reached.
func (n *Node) mirrorsOf(ctx context.Context, r store.Reader, c comity.Channel) ([]*federation.Identity, error) {
	ags, err := n.agreements(ctx, r)
	if err != nil {
		return nil, err
	}
	a := ags.chain(c.Agreement)
	var out []*federation.Identity
	for _, m := range a.Others(n.ID()) {
		if m.ID == c.Publisher {
			continue
		}
		p, err := r.Peer(ctx, m.ID)
		if comity.Is(err, comity.NotFound) || err == nil && !p.Verified() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if id, err := n.reachable(p); err == nil {
			out = append(out, id)
		}
	}
	return out, nil
}
