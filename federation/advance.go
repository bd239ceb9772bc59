package federation

import (
	"context"
	"encoding/hex"
	"sync"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// maxErased bounds the erasures remembered while reading a channel.
const maxErased = 1 << 20

// advance fetches, verifies and stores everything up to the target.
func (s *syncing) advance(ctx context.Context) error {
	edge, err := ledger.EdgeOf(ctx, s.r.sink.Log(s.ch.ID), s.ch.Head)
	if err != nil {
		return own(err)
	}
	s.edge = edge
	return s.each(ctx, s.ch.Head.Size, true, func(c ledger.Chunk) error { return s.step(ctx, c) })
}

// step verifies one chunk and stores it up to the first entry that must not be
// passed: a kind that this node has to know and does not, or a payload that is
// missing without an erasure.
func (s *syncing) step(ctx context.Context, c ledger.Chunk) error {
	entries, headers, missing, err := ledger.VerifyChunk(s.edge, c, s.target)
	if err != nil {
		return peerError("read channel", err, s.publisher, s.ch.ID)
	}
	cut, stop := s.firstUnknown(c.From, entries)
	if len(missing) > 0 {
		at, err := s.firstWithheld(ctx, c, entries, missing)
		if err != nil && at < 0 {
			return err // the search for erasures failed
		}
		if err != nil && at < cut {
			cut, stop = at, err
		}
	}
	if cut > 0 {
		if err := s.apply(ctx, c.Items[:cut], entries[:cut], headers[:cut]); err != nil {
			return err
		}
	}
	return stop
}

// firstUnknown finds the first entry of an unknown kind that must be understood.
func (s *syncing) firstUnknown(from int64, entries []ledger.Entry) (int, error) {
	for i := range entries {
		switch entries[i].K {
		case comity.EntryPut, comity.EntryRevoke, comity.EntryErase, comity.EntryMark, comity.EntryCtl:
			continue
		}
		if entries[i].Must {
			return i, invalid("read channel", s.ch.ID, nil, "federation.unknown_kind", comity.A("peer", s.publisher.Name),
				comity.A("channel", s.ch.ID), comity.A("index", from+int64(i)), comity.A("kind", clip(string(entries[i].K))))
		}
	}
	return len(entries), nil
}

// firstWithheld finds the first put whose payload is missing although no later
// entry erases it. Position -1 means that the search itself failed.
func (s *syncing) firstWithheld(ctx context.Context, c ledger.Chunk, entries []ledger.Entry, missing []int64) (int, error) {
	here := map[comity.Handle]int64{}
	for i := range entries {
		if entries[i].K == comity.EntryErase {
			here[entries[i].H] = c.From + int64(i)
		}
	}
	for _, index := range missing {
		i := int(index - c.From)
		if at, ok := here[entries[i].H]; ok && at > index {
			continue
		}
		if s.erased == nil {
			if err := s.scanErased(ctx, c); err != nil {
				return -1, err
			}
		}
		if at, ok := s.erased[entries[i].H]; !ok || at <= index {
			return i, unverified("read channel", s.ch.ID, nil, "federation.payload_withheld", comity.A("peer", s.publisher.Name),
				comity.A("channel", s.ch.ID), comity.A("index", index))
		}
	}
	return 0, nil
}

// scanErased reads the entries after c to the target, without payloads, and
// notes the last erasure of each handle. They are verified like everything; so
// no publisher can claim an erasure that it has not signed for.
func (s *syncing) scanErased(ctx context.Context, c ledger.Chunk) error {
	edge := s.edge
	for i := range c.Items {
		edge.Append(ledger.LeafHash(c.Items[i].Entry))
	}
	found := map[comity.Handle]int64{}
	err := s.each(ctx, edge.Size(), false, func(c ledger.Chunk) error {
		entries, _, _, err := ledger.VerifyChunk(edge, c, s.target)
		if err != nil {
			return peerError("read channel", err, s.publisher, s.ch.ID)
		}
		for i := range entries {
			edge.Append(ledger.LeafHash(c.Items[i].Entry))
			if entries[i].K == comity.EntryErase {
				found[entries[i].H] = c.From + int64(i)
			}
		}
		if len(found) > maxErased {
			return tooLarge("read channel", s.ch.ID, nil, "erasures", maxErased)
		}
		return nil
	})
	if err == nil {
		s.erased = found
	}
	return err
}

// apply stores verified items and moves on.
func (s *syncing) apply(ctx context.Context, items []ledger.Item, entries []ledger.Entry, headers []ledger.Header) error {
	leaves := make([]comity.Hash, len(items))
	next := s.edge
	for i := range items {
		leaves[i] = ledger.LeafHash(items[i].Entry)
		next.Append(leaves[i])
	}
	tiles, head, err := ledger.Extend(ctx, s.r.sink.Log(s.ch.ID), s.ch.Head, leaves)
	if err != nil {
		return own(err)
	}
	if head != next.Head() {
		return own(comity.E(comity.Internal, "read channel", s.ch.ID, comity.Msg("federation.own_tree", comity.A("size", head.Size)), nil))
	}
	a := Advance{Old: s.ch.Head, Next: head, Items: items, Entries: entries, Headers: headers, Tiles: tiles}
	if head == s.target {
		a.Checkpoint = s.note
	}
	if err := s.r.sink.Apply(ctx, s.ch, a); err != nil {
		return own(err)
	}
	s.edge, s.ch.Head, s.p.To = next, head, head.Size
	if a.Checkpoint != nil {
		s.ch.SignedSize, s.ch.Checkpoint = head.Size, s.note
	}
	for i := range items {
		s.p.Payload += int64(len(items[i].Payload))
	}
	return nil
}

// fetched is one chunk or the end of a range's fetching.
type fetched struct {
	chunk ledger.Chunk
	err   error
}

// each fetches [from, target) and gives the chunks to use in order. Ranges are
// fetched ahead while one is in use, so that the distance to the peer costs
// little. All goroutines are over when it returns.
func (s *syncing) each(ctx context.Context, from int64, payloads bool, use func(ledger.Chunk) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	// A place in queue is a range under way; it is taken before the request is
	// made, so at most Ahead chunks wait in memory.
	queue := make(chan chan fetched, s.r.opts.Ahead)
	running.Go(func() {
		defer close(queue)
		for at := from; at < s.target.Size; at += int64(s.r.opts.Items) {
			out, end := make(chan fetched), min(at+int64(s.r.opts.Items), s.target.Size)
			select {
			case queue <- out:
			case <-ctx.Done():
				return
			}
			running.Go(func() { s.fetch(ctx, at, end, payloads, out) })
		}
	})
	for out := range queue {
		for f := range out {
			if ctx.Err() != nil {
				return interrupted(s.ch.ID, ctx.Err()) // a range before this one may be cut short
			}
			if f.err == nil {
				f.err = use(f.chunk)
			}
			if f.err != nil {
				return f.err
			}
		}
	}
	if ctx.Err() != nil {
		return interrupted(s.ch.ID, ctx.Err())
	}
	return nil
}

// interrupted says that reading was stopped from this side.
func interrupted(ch comity.ChannelID, cause error) error {
	return comity.E(comity.Interrupted, "read channel", ch, comity.Msg("federation.interrupted"), cause)
}

// fetch gets the chunks of one range in order; a peer may give less at a time
// than was asked for.
func (s *syncing) fetch(ctx context.Context, at, end int64, payloads bool, out chan<- fetched) {
	defer close(out)
	for at < end && ctx.Err() == nil {
		c, err := s.remote.since(ctx, s.ch.ID, at, int(end-at), s.target.Size, payloads)
		if err == nil && len(c.Items) == 0 {
			err = invalid("read channel", s.ch.ID, nil, "federation.empty_chunk", comity.A("peer", s.publisher.Name),
				comity.A("channel", s.ch.ID), comity.A("index", at))
		}
		select {
		case out <- fetched{c, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		at += int64(len(c.Items))
	}
}

// shortHash gives the first eight bytes for messages.
func shortHash(h comity.Hash) string { return hex.EncodeToString(h[:8]) }
