package node

import (
	"context"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/store"
)

// How often the background looks for what other processes did to the store, and
// how long a reader's long poll lasts.
const (
	tick     = 300 * time.Millisecond
	settle   = 30 * time.Millisecond // so that a burst of commits is one round
	sayAgain = time.Minute           // how often the same failure is logged
	pollWait = 25 * time.Second
	retryMin = time.Second
	retryMax = time.Minute
)

// Run does the background work until ctx ends, and waits for all of it: signing
// own channels, moving agreements along, delivering documents, reading peers.
func (n *Node) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	readers := map[comity.ChannelID]context.CancelFunc{}
	t := time.NewTicker(tick)
	defer t.Stop()
	wg.Go(func() { n.outboxLoop(ctx) })
	wg.Go(func() { n.expireLoop(ctx) })
	wg.Go(func() { n.recoverLoop(ctx) })
	wg.Go(func() { n.retentionLoop(ctx) })
	wg.Go(func() { n.fillLoop(ctx) })
	wg.Go(func() { n.feedLoop(ctx) })
	said := map[string]time.Time{}
	step := func(name string, fn func(context.Context) error) {
		if err := fn(ctx); err != nil && ctx.Err() == nil && n.now().Sub(said[name]) > sayAgain {
			said[name] = n.now()
			n.log.Error(name, "err", err)
		}
	}
	for {
		step("sign", n.signAll)
		step("agreements", n.ripenAll)
		step("readers", func(ctx context.Context) error {
			wanted, err := n.toRead(ctx)
			if err == nil {
				n.setReaders(ctx, &wg, readers, wanted)
			}
			return err
		})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.store.Changed():
			time.Sleep(settle)
		case <-t.C:
		}
	}
}

func (n *Node) outboxLoop(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		n.flushOutbox(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// expireLoop throws away sessions, links and tokens that are over.
func (n *Node) expireLoop(ctx context.Context) {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		err := n.store.Update(ctx, func(tx store.Tx) error { return tx.DeleteExpired(ctx, n.now()) })
		if err != nil && ctx.Err() == nil {
			n.log.Warn("expire", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// ripenAll moves agreements whose time has come.
func (n *Node) ripenAll(ctx context.Context) error {
	recs, err := view(ctx, n.store, func(r store.Reader) ([]store.AgreementRecord, error) { return n.ripeNow(ctx, r) })
	if err != nil {
		return err
	}
	for _, rec := range recs {
		err := n.store.Update(ctx, func(tx store.Tx) error {
			now, err := tx.Agreement(ctx, rec.ID)
			if err != nil {
				return err
			}
			return n.ripen(ctx, tx, now)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ripeNow lists the agreements that ripen would change.
func (n *Node) ripeNow(ctx context.Context, r store.Reader) ([]store.AgreementRecord, error) {
	recs, err := r.Agreements(ctx)
	if err != nil {
		return nil, err
	}
	var out []store.AgreementRecord
	for _, rec := range recs {
		a, err := n.readAgreement(rec)
		if err != nil {
			continue // one that cannot be read must not hold up the others
		}
		over, _, err := n.over(ctx, r, a, rec)
		if err != nil {
			return nil, err
		}
		if over || rec.State == comity.AgreementComplete && !n.now().Before(a.ValidFrom) {
			out = append(out, rec)
		}
	}
	return out, nil
}

// toRead lists the foreign channels that this node may read now.
func (n *Node) toRead(ctx context.Context) ([]comity.Channel, error) {
	return view(ctx, n.store, func(r store.Reader) ([]comity.Channel, error) {
		list, err := r.Channels(ctx)
		if err != nil {
			return nil, err
		}
		ags, err := n.agreements(ctx, r)
		if err != nil {
			return nil, err
		}
		var out []comity.Channel
		for _, c := range list {
			if c.Own {
				continue
			}
			p, err := r.Peer(ctx, c.Publisher)
			a := ags.chain(c.Agreement)
			if err == nil && p.Verified() && federation.MayFollow(&a, n.now()) == nil {
				out = append(out, c)
			}
		}
		return out, nil
	})
}

// setReaders starts a reader for each wanted channel that has none and stops
// those no longer wanted.
func (n *Node) setReaders(ctx context.Context, wg *sync.WaitGroup, running map[comity.ChannelID]context.CancelFunc, wanted []comity.Channel) {
	keep := map[comity.ChannelID]bool{}
	for _, c := range wanted {
		keep[c.ID] = true
		if running[c.ID] != nil {
			continue
		}
		rctx, cancel := context.WithCancel(ctx)
		running[c.ID] = cancel
		wg.Go(func() { n.readLoop(rctx, c) })
	}
	for id, stop := range running {
		if !keep[id] {
			stop()
			delete(running, id)
		}
	}
}

// readLoop follows one channel: long poll, verify, store, receipt; after a
// fault it waits longer each time.
func (n *Node) readLoop(ctx context.Context, c comity.Channel) {
	wait := retryMin
	for ctx.Err() == nil {
		if err := n.read(ctx, c, pollWait); err == nil {
			wait = retryMin
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, retryMax)
	}
}

// SyncNow reads every readable channel once; what Run does continuously. The
// first fault is returned after all were tried.
func (n *Node) SyncNow(ctx context.Context) error {
	n.flushOutbox(ctx)
	if err := n.ripenAll(ctx); err != nil {
		return err
	}
	list, err := n.toRead(ctx)
	if err != nil {
		return err
	}
	var first error
	for _, c := range list {
		if err := n.read(ctx, c, 0); err != nil && first == nil {
			first = err
		}
	}
	return first
}
