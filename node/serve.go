package node

import (
	"context"
	"net/http"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// Federation returns the server for peers, with TLS and limits set; the caller
// gives it a listener (ServeTLS with empty file names).
func (n *Node) Federation(ctx context.Context) (*http.Server, error) {
	self, err := n.self(ctx)
	if err != nil {
		return nil, err
	}
	srv := federation.NewServer(source{n}, federation.ServerOptions{Self: self, Log: n.log, Now: n.now})
	return srv.HTTP(n.keys), nil
}

// source is what the federation server serves from.
type source struct{ n *Node }

// PeerByPin implements federation.Source.
func (s source) PeerByPin(ctx context.Context, pin comity.Hash) (comity.Peer, error) {
	peers, err := view(ctx, s.n.store, func(r store.Reader) ([]comity.Peer, error) { return r.Peers(ctx) })
	if err != nil {
		return comity.Peer{}, err
	}
	// An identity note can name anybody's TLS key: a verified peer comes before
	// one who only claims the same key.
	var found *comity.Peer
	for i, p := range peers {
		id, err := s.n.identity(p.Identity)
		if err == nil && id.AcceptsPin(pin, s.n.now()) == nil && (found == nil || !found.Verified() && p.Verified()) {
			found = &peers[i]
		}
	}
	if found != nil {
		return *found, nil
	}
	return comity.Peer{}, comity.E(comity.NotFound, "peer", "", comity.Msg("node.peer_unknown", comity.A("asked", "?")), nil)
}

// IdentityNote implements federation.Source.
func (s source) IdentityNote(ctx context.Context) ([]byte, error) { return s.n.IdentityNote(ctx) }

// Readable implements federation.Source.
func (s source) Readable(ctx context.Context, peer comity.MemberID) ([]comity.Channel, error) {
	return view(ctx, s.n.store, func(r store.Reader) ([]comity.Channel, error) {
		list, err := r.Channels(ctx)
		if err != nil {
			return nil, err
		}
		out := []comity.Channel{}
		for _, c := range list {
			ok, err := s.n.mayRead(ctx, r, peer, c)
			if err != nil && !comity.Is(err, comity.Forbidden) {
				return nil, err
			}
			if ok {
				out = append(out, c)
			}
		}
		return out, nil
	})
}

// ReadableChannel implements federation.Source.
func (s source) ReadableChannel(ctx context.Context, peer comity.MemberID, id comity.ChannelID) (comity.Channel, error) {
	return view(ctx, s.n.store, func(r store.Reader) (comity.Channel, error) {
		c, err := r.Channel(ctx, id)
		if err != nil {
			return c, err
		}
		ok, err := s.n.mayRead(ctx, r, peer, c)
		if err == nil && !ok {
			err = comity.E(comity.NotFound, "channel", id, comity.Msg("node.channel_unknown", comity.A("asked", id)), nil)
		}
		return c, err
	})
}

// mayRead asks the policy whether a peer may read one of this node's channels
// now: it is of its audience, verified, not suspended, and the agreement holds.
// What the channel holds was decided entry by entry when it was appended.
func (n *Node) mayRead(ctx context.Context, r store.Reader, peer comity.MemberID, c comity.Channel) (bool, error) {
	ags, err := n.agreements(ctx, r)
	if err != nil {
		return false, err
	}
	a := ags.chain(c.Agreement)
	if !c.Own || !a.Has(peer) {
		return false, nil
	}
	p, err := r.Peer(ctx, peer)
	if err != nil {
		return false, err
	}
	d := policy.MayRead(receiver(peer, p), a, c.Stream, n.ID(), n.now())
	if !d.Allowed() {
		return false, comity.E(comity.Forbidden, "read channel", c.ID, lastReason(d), nil)
	}
	return true, nil
}

// Items implements federation.Source.
func (s source) Items(ctx context.Context, ch comity.Channel, from int64, max int, maxBytes int64) ([]ledger.Item, error) {
	return view(ctx, s.n.store, func(r store.Reader) ([]ledger.Item, error) {
		list, err := r.Entries(ctx, ch.ID, from, max, true, maxBytes)
		if err != nil {
			return nil, err
		}
		out := make([]ledger.Item, len(list))
		for i, e := range list {
			out[i] = ledger.Item{Entry: e.Bytes}
			if e.Nonce != nil {
				out[i].Nonce, out[i].Header, out[i].Payload = e.Nonce, e.Header, e.Payload
			}
		}
		return out, nil
	})
}

// Log implements federation.Source.
func (s source) Log(ch comity.ChannelID) ledger.TileReader { return storeLog{s.n.store, ch} }

// Receipts implements federation.Source.
func (s source) Receipts(ctx context.Context, ch comity.ChannelID) ([]comity.Receipt, error) {
	return view(ctx, s.n.store, func(r store.Reader) ([]comity.Receipt, error) { return r.Receipts(ctx, ch) })
}

// AddReceipt implements federation.Source.
func (s source) AddReceipt(ctx context.Context, rc comity.Receipt) error {
	err := s.n.store.Update(ctx, func(tx store.Tx) error { return tx.PutReceipt(ctx, rc) })
	if err == nil {
		s.n.heard(ctx, rc.Member, nil)
	}
	return err
}

// Inbox implements federation.Source.
func (s source) Inbox(ctx context.Context, from comity.MemberID, d federation.InboxDocument) error {
	return s.n.receive(ctx, from, d)
}

// Wait implements federation.Source.
func (s source) Wait(ctx context.Context, ch comity.ChannelID, after int64) error {
	return s.n.sizes.wait(ctx, ch, after)
}
