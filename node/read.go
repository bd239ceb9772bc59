package node

import (
	"context"
	"errors"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// read brings one foreign channel up to date, waiting up to wait for news. The
// reader records a fault at the channel, and clears it when reading goes on;
// that a peer cannot be reached is recorded at the peer as well.
func (n *Node) read(ctx context.Context, c comity.Channel, wait time.Duration) error {
	_, err := n.reader.Sync(ctx, c.ID, wait)
	for try := 0; comity.Is(err, comity.Conflict) && try < 3 && ctx.Err() == nil; try++ {
		// Another process reads the same channel and was faster: go on from there.
		_, err = n.reader.Sync(ctx, c.ID, 0)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil || comity.Is(err, comity.Unreachable):
		n.heard(ctx, c.Publisher, err)
	}
	if comity.Is(err, comity.Unreachable) {
		return errors.Join(err, n.readElsewhere(ctx, c))
	}
	return err
}

// sink is where a federation.Reader puts what it has verified.
type sink struct{ n *Node }

// Channel implements federation.Sink.
func (s sink) Channel(ctx context.Context, id comity.ChannelID) (comity.Channel, error) {
	return view(ctx, s.n.store, func(r store.Reader) (comity.Channel, error) { return r.Channel(ctx, id) })
}

// Terms implements federation.Sink.
func (s sink) Terms(ctx context.Context, ch comity.Channel) (*federation.Identity, comity.Agreement, error) {
	var p comity.Peer
	a, err := view(ctx, s.n.store, func(r store.Reader) (comity.Agreement, error) {
		var err error
		if p, err = r.Peer(ctx, ch.Publisher); err != nil {
			return comity.Agreement{}, err
		}
		ags, err := s.n.agreements(ctx, r)
		return ags.chain(ch.Agreement), err
	})
	if err != nil {
		return nil, a, err
	}
	if !p.Verified() {
		return nil, a, comity.E(comity.Forbidden, "read", p.Name, comity.Msg("node.peer_state", comity.A("state", "msg:peer.state."+string(p.State))), nil)
	}
	id, err := s.n.reachable(p)
	return id, a, err
}

// Receipt implements federation.Sink.
func (s sink) Receipt(ctx context.Context, id comity.ChannelID) (comity.Receipt, error) {
	list, err := view(ctx, s.n.store, func(r store.Reader) ([]comity.Receipt, error) { return r.Receipts(ctx, id) })
	if err != nil {
		return comity.Receipt{}, err
	}
	for _, rc := range list {
		if rc.Member == s.n.ID() {
			return rc, nil
		}
	}
	return comity.Receipt{}, comity.E(comity.NotFound, "receipt", id, comity.Msg("node.no_receipt"), nil)
}

// Receipted implements federation.Sink.
func (s sink) Receipted(ctx context.Context, rc comity.Receipt) error {
	return s.n.store.Update(ctx, func(tx store.Tx) error { return tx.PutReceipt(ctx, rc) })
}

// Fault implements federation.Sink. That the peer is away is shown at the peer:
// nothing is wrong with the stream then.
func (s sink) Fault(ctx context.Context, id comity.ChannelID, msg comity.Message, at time.Time) error {
	if msg.Key == "federation.unreachable" || msg.Key == "federation.bad_status" {
		return nil
	}
	return s.n.fault(ctx, id, comity.Unverified, msg, at)
}

// Clear implements federation.Sink: at most one write a minute when there was
// no fault.
func (s sink) Clear(ctx context.Context, id comity.ChannelID, at time.Time) error {
	c, err := s.Channel(ctx, id)
	if err != nil || c.Fault.IsZero() && at.Sub(c.CheckedAt) < time.Minute {
		return err
	}
	return s.n.store.Update(ctx, func(tx store.Tx) error {
		return tx.SetChannelStatus(ctx, id, comity.Message{}, time.Time{}, at)
	})
}

// Log implements federation.Sink.
func (s sink) Log(id comity.ChannelID) ledger.TileReader { return storeLog{s.n.store, id} }
