package federation

import (
	"context"
	"errors"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Sink is where a reader's copy of a channel is kept; package node implements
// it on the store. Its errors end a Sync and are not put down to the peer.
type Sink interface {
	// Channel returns the reader's copy: Head is what Apply last committed.
	Channel(ctx context.Context, id comity.ChannelID) (comity.Channel, error)
	// Terms returns the publisher of a channel and the current version of the
	// agreement it hangs on. Forbidden when the peer may not be read now (not
	// verified, suspended, disputed).
	Terms(ctx context.Context, ch comity.Channel) (*Identity, comity.Agreement, error)
	// Log returns the hash tiles of the reader's copy.
	Log(id comity.ChannelID) ledger.TileReader
	// Apply stores an advance in ONE transaction: entries, payloads, lifecycle,
	// tiles, checkpoint, and the head by compare-and-swap on a.Old (Conflict when
	// it is not the stored one). Everything in it is verified. It may have zero
	// entries, when only the checkpoint is new. When it returns an error, either
	// nothing or all of it is kept; the next Sync goes on from what Channel says.
	Apply(ctx context.Context, ch comity.Channel, a Advance) error
	// Receipt returns this node's newest receipt that was delivered; NotFound
	// when there is none.
	Receipt(ctx context.Context, id comity.ChannelID) (comity.Receipt, error)
	// Receipted records that a receipt was delivered to the publisher.
	Receipted(ctx context.Context, r comity.Receipt) error
	// Fault records why reading failed. It is told after each Sync that failed
	// by the peer's doing or absence.
	Fault(ctx context.Context, id comity.ChannelID, msg comity.Message, at time.Time) error
	// Clear records that the publisher answered and all was well.
	Clear(ctx context.Context, id comity.ChannelID, at time.Time) error
}

// Advance is one verified step of a reader's copy: Items[i], Entries[i] and
// Headers[i] belong to index Old.Size+i. An item without a payload has the zero
// Header; if it is a put, an erase entry for its handle stands later in the
// signed log.
type Advance struct {
	Old, Next  comity.Head
	Items      []ledger.Item
	Entries    []ledger.Entry
	Headers    []ledger.Header
	Tiles      map[ledger.TileID][]byte // full content of the changed tiles
	Checkpoint []byte                   // the publisher's note; set when Next is its head
}

// Progress is what one Sync achieved, also when it ended with an error.
type Progress struct {
	From, To  int64 // entries stored before and after
	Target    int64 // size of the checkpoint read; 0 when none was
	Payload   int64 // bytes of payload stored
	Receipted bool  // a receipt was delivered
}

// ReaderOptions are the reader's injected parts and bounds. Zero fields mean the
// defaults given.
type ReaderOptions struct {
	Now       func() time.Time
	Items     int           // entries asked for at a time; 4096
	Ahead     int           // requests under way while one is stored; 3
	ReceiptIn time.Duration // a receipt is renewed after this even if nothing is new; 1 h
}

// Reader reads channels from peers into a Sink. It is safe for concurrent use,
// but only one Sync at a time per channel makes sense.
type Reader struct {
	client *Client
	keys   *Keys
	sink   Sink
	opts   ReaderOptions
}

// NewReader makes a reader that fetches with c, signs receipts with k and stores
// in sink.
func NewReader(c *Client, k *Keys, sink Sink, opts ReaderOptions) *Reader {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	setDefault(&opts.Items, 4096)
	setDefault(&opts.Ahead, 3)
	setDefault(&opts.ReceiptIn, time.Hour)
	return &Reader{client: c, keys: k, sink: sink, opts: opts}
}

// Sync brings one channel up to the publisher's newest checkpoint, waiting up to
// wait for one that is new (federation.md 4.9). Interrupted anywhere, the next
// call goes on from what is stored, with the same result: nothing is lost,
// nothing comes twice.
//
// INVARIANT: nothing reaches Sink.Apply that was not verified against a
// checkpoint signed by the publisher.
//
// A peer's misbehaviour is Unverified, Invalid or TooLarge and names what is
// wrong; its absence is Unreachable. What was verified before it stays stored.
func (r *Reader) Sync(ctx context.Context, id comity.ChannelID, wait time.Duration) (Progress, error) {
	ch, err := r.sink.Channel(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	s := &syncing{r: r, ch: ch, p: Progress{From: ch.Head.Size, To: ch.Head.Size}}
	err = s.run(ctx, wait)
	switch theirs := unowned(err); {
	case theirs != err:
		return s.p, theirs
	case err == nil:
		return s.p, r.sink.Clear(ctx, id, r.opts.Now())
	case ctx.Err() != nil:
		return s.p, err // stopped from here: no fault of the peer
	}
	return s.p, errors.Join(err, r.sink.Fault(ctx, id, comity.ErrorMessage(err), r.opts.Now()))
}

// ownError marks an error of this node's own storage.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

// unowned takes the mark off.
func unowned(err error) error {
	if own := (ownError{}); errors.As(err, &own) {
		return own.error
	}
	return err
}

// own marks err unless it is nil.
func own(err error) error {
	if err == nil {
		return nil
	}
	return ownError{err}
}

// syncing is one Sync under way.
type syncing struct {
	r         *Reader
	ch        comity.Channel // Head moves with each advance
	publisher *Identity
	mirror    *Identity // the member whose copy is read; nil for the publisher's own
	remote    *Remote
	note      []byte      // the checkpoint read
	target    comity.Head // what it says
	edge      ledger.Edge // of ch.Head
	erased    map[comity.Handle]int64
	p         Progress
}

func (s *syncing) run(ctx context.Context, wait time.Duration) error {
	publisher, agreement, err := s.r.sink.Terms(ctx, s.ch)
	if err != nil {
		return own(err)
	}
	if err := MayFollow(&agreement, s.r.opts.Now()); err != nil {
		return err
	}
	s.publisher, s.remote = publisher, s.r.client.For(publisher)
	if s.mirror != nil {
		s.remote = s.r.client.For(s.mirror).Mirror(publisher)
	}
	if err := s.checkpoint(ctx, wait); err != nil {
		return err
	}
	if s.target.Size == 0 || s.mirror != nil && s.target.Size < s.ch.Head.Size {
		return nil // nothing to hold, nothing to sign for
	}
	if s.target.Size > s.ch.Head.Size {
		if err := s.advance(ctx); err != nil {
			return err
		}
	} else if s.ch.SignedSize < s.target.Size {
		// A crash between two advances can leave the head at a size for which
		// the checkpoint came only now.
		a := Advance{Old: s.ch.Head, Next: s.ch.Head, Checkpoint: s.note}
		if err := s.r.sink.Apply(ctx, s.ch, a); err != nil {
			return own(err)
		}
	}
	if s.mirror != nil {
		return nil
	}
	return s.receipt(ctx)
}

// checkpoint reads the newest checkpoint and compares it with what is stored.
// note stays nil when nothing was ever signed.
func (s *syncing) checkpoint(ctx context.Context, wait time.Duration) error {
	const op = "read channel"
	note, _, err := s.remote.Checkpoint(ctx, s.ch.ID, s.ch.Head.Size, wait)
	if comity.Is(err, comity.NotFound) && comity.ErrorMessage(err).Key == "federation.no_checkpoint" {
		if s.ch.Head.Size == 0 || s.mirror != nil {
			return nil
		}
		return unverified(op, s.ch.ID, err, "federation.log_gone", comity.A("peer", s.publisher.Name), comity.A("channel", s.ch.ID), comity.A("size", s.ch.Head.Size))
	}
	if err != nil {
		return err
	}
	target, _, err := s.publisher.Keys.Checkpoint(note, ledger.Origin(s.publisher.ID, s.ch.ID))
	if err != nil {
		return peerError(op, err, s.publisher, s.ch.ID)
	}
	s.p.Target = target.Size
	if err := s.compare(ctx, note, target); err != nil {
		return err
	}
	s.note, s.target = note, target
	return nil
}

// compare refuses a checkpoint that does not continue what is stored. A larger
// one is proved entry by entry as they come.
func (s *syncing) compare(ctx context.Context, note []byte, target comity.Head) error {
	const op = "read channel"
	if target.Size > s.ch.Head.Size {
		return nil
	}
	mine, err := headAt(ctx, s.r.sink.Log(s.ch.ID), s.ch.Head, target.Size)
	if err != nil {
		return own(err)
	}
	peer, ch := comity.A("peer", s.publisher.Name), comity.A("channel", s.ch.ID)
	if mine.Root != target.Root {
		return unverified(op, s.ch.ID, s.forkFound(ctx, note), "federation.fork", peer, ch, comity.A("size", target.Size),
			comity.A("expected", shortHash(mine.Root)), comity.A("got", shortHash(target.Root)))
	}
	if target.Size < s.ch.Head.Size && s.mirror == nil {
		return unverified(op, s.ch.ID, nil, "federation.old_checkpoint", peer, ch, comity.A("size", s.ch.Head.Size), comity.A("got", target.Size))
	}
	return nil
}

// ForkFound is the cause of a fork error where two signed checkpoints are at hand
// that contradict each other: errors.As finds it.
type ForkFound struct{ Evidence Evidence }

// Error implements error.
func (f *ForkFound) Error() string { return "fork evidence " + f.Evidence.ID }

// forkFound makes evidence of the checkpoint just read and the one held, or gives
// nil where it cannot be made: nothing signed is held that is as large.
func (s *syncing) forkFound(ctx context.Context, note []byte) error {
	e, err := ForkEvidence(ctx, s.r.sink.Log(s.ch.ID), s.ch.Checkpoint, note, s.publisher)
	if err != nil {
		return nil
	}
	return &ForkFound{e}
}

// receipt signs the checkpoint once everything under it is stored, and delivers
// it, also again when the last one is old or was lost.
func (s *syncing) receipt(ctx context.Context) error {
	last, err := s.r.sink.Receipt(ctx, s.ch.ID)
	if err != nil && !comity.Is(err, comity.NotFound) {
		return own(err)
	}
	if err == nil && last.Size == s.target.Size && last.Root == s.target.Root && s.r.opts.Now().Sub(last.At) < s.r.opts.ReceiptIn {
		return nil
	}
	line, err := ledger.SignReceipt(s.r.keys.rcv, s.note)
	if err != nil {
		return own(err)
	}
	at, err := ledger.OpenReceipt(s.note, line, s.r.keys.pub.rcv)
	if err != nil {
		return own(err)
	}
	if err := s.remote.PostReceipt(ctx, s.ch.ID, s.note, line); err != nil {
		return err
	}
	s.p.Receipted = true
	return own(s.r.sink.Receipted(ctx, comity.Receipt{Channel: s.ch.ID, Member: s.r.keys.id, Size: s.target.Size, Root: s.target.Root, Line: line, At: at}))
}
