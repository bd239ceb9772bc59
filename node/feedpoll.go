package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// Bounds of one poll. What is left is read by the next, at once.
const (
	pollTime    = 15 * time.Minute
	pollPages   = 5000
	pollBytes   = 2 << 30
	pollObjects = 2_000_000

	feedLease   = 2 * time.Minute  // after which another process may take over from one that died
	faultFirst  = 30 * time.Second // until the next try; doubled at each failure
	faultMost   = 6 * time.Hour
	waitMost    = 24 * time.Hour   // longest Retry-After that is kept to
	feedRetry   = 10 * time.Second // longest wait within a poll
	feedProcess = 4                // polls at one time in this process
)

// PollFeed reads what is new in a feed, now. The import has no id when there was
// nothing new. A feed that is being polled, here or by another process, is
// Conflict.
func (n *Node) PollFeed(ctx context.Context, by Actor, name string) (comity.Import, error) {
	if err := mayPollFeeds(by, name); err != nil {
		return comity.Import{}, err
	}
	p, err := n.leasePoll(ctx, name, func(feedRecord, feedState) bool { return true })
	if err != nil {
		return comity.Import{}, err
	}
	return p.run(ctx, by)
}

// poll is one poll of a feed under way.
type poll struct {
	n     *Node
	f     feedRecord
	was   feedState // as it began
	lease string
}

// errNotDue says that a feed need not be polled.
var errNotDue = errors.New("not due")

// leasePoll takes the feed for this process, if it is due.
func (n *Node) leasePoll(ctx context.Context, name string, due func(feedRecord, feedState) bool) (*poll, error) {
	p := &poll{n: n, lease: uuid.NewString()}
	err := n.store.Update(ctx, func(tx store.Tx) error {
		var err error
		if p.f, err = feedIn(ctx, tx, name); err != nil {
			return err
		}
		return n.changeFeedState(ctx, tx, p.f, func(s *feedState) error {
			now := n.now()
			if !due(p.f, *s) {
				return errNotDue
			}
			if now.Before(s.Until) {
				return comity.E(comity.Conflict, "feed poll", name, comity.Msg("feed.polling", comity.A("name", name)), nil)
			}
			if err := n.closeCutOff(ctx, tx, s.Import); err != nil {
				return err
			}
			p.was = *s
			s.Lease, s.Until = p.lease, now.Add(feedLease)
			return nil
		})
	})
	return p, err
}

// closeCutOff ends the record of an import whose poll died.
func (n *Node) closeCutOff(ctx context.Context, tx store.Tx, id comity.ImportID) error {
	if id == "" {
		return nil
	}
	im, err := tx.Import(ctx, id)
	if comity.Is(err, comity.NotFound) || err == nil && im.State != comity.ImportRunning {
		return nil
	} else if err != nil {
		return err
	}
	im.State, im.Finished, im.Fault = comity.ImportFailed, n.now(), comity.Msg("error.interrupted")
	return tx.PutImport(ctx, im)
}

// hold changes the state while the lease is ours. It gives Interrupted when
// another process took over, or the feed was paused, removed or turned to
// something else meanwhile.
func (p *poll) hold(ctx context.Context, tx store.Tx, change func(*feedState)) error {
	f, err := feedIn(ctx, tx, p.f.Name)
	gone := comity.Is(err, comity.NotFound)
	if err != nil && !gone {
		return err
	}
	if gone || f.ID != p.f.ID || f.of() != p.f.of() || f.Paused && !p.f.Paused {
		return p.stopped()
	}
	return p.n.changeFeedState(ctx, tx, p.f, func(s *feedState) error {
		if s.Lease != p.lease {
			return p.stopped()
		}
		s.Until = p.n.now().Add(feedLease)
		change(s)
		return nil
	})
}

func (p *poll) stopped() error {
	return comity.E(comity.Interrupted, "feed poll", p.f.Name, comity.Msg("feed.stopped", comity.A("name", p.f.Name)), nil)
}

// run polls, keeping the lease, and notes the outcome.
func (p *poll) run(ctx context.Context, by Actor) (comity.Import, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, pollTime, errPollTime)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		p.keepLease(bounded, cancel)
	}()
	w, im, err := p.read(ctx, bounded, by)
	cancel()
	<-kept
	if werr := p.end(context.WithoutCancel(ctx), w, im, err); err == nil && !comity.Is(werr, comity.Interrupted) {
		err = werr
	}
	return im, err
}

var errPollTime = errors.New("the time of a poll is over")

// keepLease renews the lease until ctx ends, and ends the poll when it is lost.
func (p *poll) keepLease(ctx context.Context, cancel context.CancelFunc) {
	t := time.NewTicker(feedLease / 4)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		err := p.n.store.Update(ctx, func(tx store.Tx) error { return p.hold(ctx, tx, func(*feedState) {}) })
		if comity.Is(err, comity.Interrupted) {
			cancel()
			return
		}
	}
}

// read asks the server and imports.
func (p *poll) read(ctx, bounded context.Context, by Actor) (*pulling, comity.Import, error) {
	c, root, err := p.n.feedClient(bounded, p.f)
	if err != nil {
		return nil, comity.Import{}, err
	}
	defer c.CloseIdle()
	how := TaxiiPull{Client: c, Root: root, Collection: p.f.Collection, Types: p.f.Types,
		Upgrade: p.f.Upgrade, Into: p.f.Into, TLP: p.f.Handling.String()}
	w, err := p.n.pulling(ctx, by, how)
	if err != nil {
		return nil, comity.Import{}, err
	}
	w.keep = func(ctx context.Context, tx store.Tx, b taxii.Batch) error {
		return p.hold(ctx, tx, func(s *feedState) {
			s.At, s.Behind = b.Resume, b.More
			p.count(s, w, w.now)
		})
	}
	w.begins = func(ctx context.Context, id comity.ImportID) error {
		return p.n.store.Update(ctx, func(tx store.Tx) error {
			return p.hold(ctx, tx, func(s *feedState) { s.Import = id })
		})
	}
	w.enough = func(bytes, objects int64, pages int) bool {
		return bytes >= pollBytes || objects >= pollObjects || pages >= pollPages
	}
	at := how.at()
	at.Resume, at.Overlap = p.was.At, p.f.Overlap
	im, err := w.all(ctx, bounded, at)
	return w, im, err
}

// count adds what this poll has brought so far.
func (p *poll) count(s *feedState, w *pulling, im comity.Import) {
	s.Accepted = p.was.Accepted + im.Accepted
	s.Same = p.was.Same + im.Same + int64(w.known)
	s.Refused = p.was.Refused + im.Refused
	if im.Accepted > 0 {
		s.New = p.n.now()
	}
}

// end notes the outcome, says when the next poll is, and gives the feed back.
func (p *poll) end(ctx context.Context, w *pulling, im comity.Import, err error) error {
	if err != nil {
		p.n.audit(ctx, Actor{Name: "feed:" + p.f.Name}, "feed.poll", p.f.Name, err)
	}
	return p.n.store.Update(ctx, func(tx store.Tx) error {
		f, ferr := feedIn(ctx, tx, p.f.Name)
		if ferr != nil || f.ID != p.f.ID {
			return p.stopped()
		}
		return p.n.changeFeedState(ctx, tx, f, func(s *feedState) error {
			if s.Lease != p.lease {
				return p.stopped()
			}
			now := p.n.now()
			s.Lease, s.Until = "", time.Time{}
			if f.of() != p.f.of() {
				s.Next = now // it was turned to something else meanwhile
				return nil
			}
			s.Polls, s.Last = p.was.Polls+1, now
			if w != nil {
				p.count(s, w, im)
				s.Behind = w.behind
			}
			if comity.Is(err, comity.Partial) {
				s.At.Next, s.At.Offset = "", 0 // the cursor led nowhere: the date goes on
			}
			p.next(s, f, now, err)
			return nil
		})
	})
}

// next says when to poll again, by the outcome.
func (p *poll) next(s *feedState, f feedRecord, now time.Time, err error) {
	kind := comity.ErrorKind(err)
	s.ToldToWait = false
	switch {
	case err == nil:
		s.Fails, s.Fault = 0, nil
		s.Next = now.Add(jitter(f.Every, 10))
		if s.Behind {
			s.Next = now
		}
	case kind == comity.Interrupted:
		s.Next = now
	default:
		m := faultOf(f, err)
		s.Fault = &m
		wait := jitter(min(faultFirst<<min(s.Fails, 12), faultMost), 25)
		if told, ok := taxii.RetryAfter(err); ok {
			s.ToldToWait = true
			wait = max(wait, min(told, waitMost))
		}
		s.Fails++
		s.Next = now.Add(wait)
	}
}

// faultOf says why a poll failed and what to do.
func faultOf(f feedRecord, err error) comity.Message {
	m := comity.ErrorMessage(err)
	if m.Key != "taxii.client.answered" {
		return m
	}
	switch comity.ErrorKind(err) {
	case comity.Unauthenticated, comity.Forbidden:
		return comity.Msg("feed.denied", comity.A("name", f.Name), comity.A("cause", m))
	case comity.NotFound:
		return comity.Msg("feed.gone", comity.A("name", f.Name), comity.A("cause", m))
	case comity.Limited, comity.Unreachable:
		return comity.Msg("feed.later", comity.A("cause", m))
	}
	return m
}

// jitter adds up to that many percent, so that not all nodes ask at one moment.
func jitter(d time.Duration, percent int64) time.Duration {
	return d + time.Duration(rand.Int64N(1+int64(d)/100*percent))
}
