package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// signAll signs every own channel that has unsigned entries. Another process
// may do the same at the same time: the store keeps the larger checkpoint, and
// both have signed the same tree.
func (n *Node) signAll(ctx context.Context) error {
	n.signing.Lock()
	defer n.signing.Unlock()
	var mark restored
	var back bool
	channels, err := view(ctx, n.store, func(r store.Reader) (list []comity.Channel, err error) {
		if mark, back, err = doubt(ctx, r); err != nil {
			return nil, err
		}
		return r.Channels(ctx)
	})
	if err != nil {
		return err
	}
	var failed error
	for i, c := range channels {
		if back && !mark.Settled[c.ID] {
			continue // it is not yet known what was signed before (recover.go)
		}
		if c.Own && (c.SignedSize < c.Head.Size || c.Checkpoint == nil) {
			if err := n.sign(ctx, c); err != nil {
				failed = errors.Join(failed, err) // the other channels go on
				continue
			}
			channels[i].SignedSize = c.Head.Size
		}
	}
	n.sizes.set(channels)
	return failed
}

// sign signs one channel's head, after reading back what it is about to stand
// by: every entry since the last checkpoint must give the stored root, for a
// signature over a tree that differs from the entries served is a fork.
func (n *Node) sign(ctx context.Context, c comity.Channel) error {
	if err := n.reread(ctx, c); err != nil {
		return errors.Join(err, n.fault(ctx, c.ID, comity.ErrorKind(err), comity.ErrorMessage(err), n.now()))
	}
	note, err := ledger.SignCheckpoint(n.keys.Log(), ledger.Origin(n.ID(), c.ID), c.Head)
	if err != nil {
		return err
	}
	err = n.store.Update(ctx, func(tx store.Tx) error { return tx.SetCheckpoint(ctx, c.ID, c.Head.Size, note) })
	if comity.Is(err, comity.Conflict) {
		return nil // another process signed a larger tree meanwhile
	}
	return err
}

func (n *Node) reread(ctx context.Context, c comity.Channel) error {
	edge, err := n.signedEdge(ctx, c)
	if err != nil {
		return err
	}
	for edge.Size() < c.Head.Size {
		from := edge.Size()
		list, err := view(ctx, n.store, func(r store.Reader) ([]store.Entry, error) {
			return r.Entries(ctx, c.ID, from, int(min(maxAppend, c.Head.Size-from)), false, 0)
		})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return comity.E(comity.Unverified, "sign", c.ID, comity.Msg("node.entry_missing", comity.A("index", from)), nil)
		}
		for _, e := range list {
			edge.Append(ledger.LeafHash(e.Bytes))
		}
	}
	if edge.Head() != c.Head {
		return comity.E(comity.Unverified, "sign", c.ID, comity.Msg("node.root_differs", comity.A("size", c.Head.Size)), nil)
	}
	return nil
}

// signedEdge is the tree's right edge at the last signed size.
func (n *Node) signedEdge(ctx context.Context, c comity.Channel) (ledger.Edge, error) {
	if c.SignedSize == 0 || c.Checkpoint == nil {
		return ledger.Edge{}, nil
	}
	verifier, err := n.logVerifier(ctx, n.ID())
	if err != nil {
		return ledger.Edge{}, err
	}
	head, err := ledger.OpenCheckpoint(c.Checkpoint, verifier, ledger.Origin(n.ID(), c.ID))
	if err != nil {
		return ledger.Edge{}, err
	}
	return ledger.EdgeOf(ctx, storeLog{n.store, c.ID}, head)
}

// fault records why a channel stopped; it is shown until it goes on. The audit
// tells of it once, not at every try.
func (n *Node) fault(ctx context.Context, ch comity.ChannelID, kind comity.Kind, msg comity.Message, at time.Time) error {
	ctx = context.WithoutCancel(ctx)
	return n.store.Update(ctx, func(tx store.Tx) error {
		c, err := tx.Channel(ctx, ch)
		if err != nil {
			return err
		}
		if c.Fault.String() == msg.String() {
			return nil
		}
		if err := tx.AddAudit(ctx, comity.Audit{At: at, Actor: "peer:" + string(c.Publisher), Action: "channel.fault",
			Subject: string(ch), Kind: kind.String(), Msg: msg}); err != nil {
			return err
		}
		return tx.SetChannelStatus(ctx, ch, msg, at, time.Time{})
	})
}

// signedSizes lets long polls wait for a channel to grow.
type signedSizes struct {
	mu    sync.Mutex
	size  map[comity.ChannelID]int64
	grown chan struct{} // closed and replaced when any size grew
}

func (s *signedSizes) set(channels []comity.Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == nil {
		s.size = map[comity.ChannelID]int64{}
	}
	grew := false
	for _, c := range channels {
		if c.Own && c.SignedSize > s.size[c.ID] {
			s.size[c.ID], grew = c.SignedSize, true
		}
	}
	if grew && s.grown != nil {
		close(s.grown)
		s.grown = nil
	}
}

// wait returns when the channel's signed size is beyond after.
func (s *signedSizes) wait(ctx context.Context, ch comity.ChannelID, after int64) error {
	for {
		s.mu.Lock()
		if s.size[ch] > after {
			s.mu.Unlock()
			return nil
		}
		if s.grown == nil {
			s.grown = make(chan struct{})
		}
		grown := s.grown
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}
