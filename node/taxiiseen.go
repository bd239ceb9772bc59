package node

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

const (
	seenEvery  = 10 * time.Second     // how often what was observed is written down
	seenLife   = 400 * 24 * time.Hour // a reader that has not come for so long is forgotten
	seenAtMost = 4096                 // readers not yet written down; more are not counted
	seenPrefix = "taxii.seen."
	seenRows   = 10_000 // readers that are listed
)

// TaxiiReader is one account's use of one collection by TAXII. Figures are
// written down every ten seconds; a crash loses the last of them.
type TaxiiReader struct {
	Collection comity.CollectionID `json:"collection"`
	Caller     string              `json:"caller"` // account name, or "anonymous"
	Role       Role                `json:"role"`
	First      time.Time           `json:"first"`
	Last       time.Time           `json:"last"`               // of any request
	LastPoll   time.Time           `json:"last_poll,omitzero"` // of a request for a page of everything, or of some types
	Position   int64               `json:"position"`           // all up to this member were offered
	Lag        int64               `json:"lag"`                // members behind Position, some of which it may not have
	Requests   int64               `json:"requests"`
	Records    int64               `json:"records"`
	Bytes      int64               `json:"bytes"` // of the answers, unpacked
	Posts      int64               `json:"posts"`
	Status     int                 `json:"status"` // HTTP, of the last answer
}

// seenKey is who reads what.
type seenKey struct {
	in     comity.CollectionID
	caller string // taxii.Caller.ID
}

// seenReaders gathers in memory what requests did, and writes it down now and
// then, so that a page costs its reader one lock and no write.
type seenReaders struct {
	begin sync.Once
	mu    sync.Mutex
	fresh map[seenKey]*seen
}

// seen is what was observed of one reader since it was last written down.
type seen struct {
	TaxiiReader
	ended time.Time // when it last read to the end
}

// observe takes note of a request. It is called after each.
func (s *seenReaders) observe(a *taxii.Access) {
	if a.Collection == "" || a.Caller.ID == "" {
		return
	}
	k := seenKey{a.Collection, a.Caller.ID}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.fresh[k]
	if r == nil {
		if len(s.fresh) >= seenAtMost {
			return
		}
		if s.fresh == nil {
			s.fresh = map[seenKey]*seen{}
		}
		r = &seen{TaxiiReader: TaxiiReader{Collection: k.in, Caller: a.Caller.Name, First: a.Started}}
		s.fresh[k] = r
	}
	r.Last, r.Status = a.Started, a.Status
	r.Requests++
	r.Bytes += a.Bytes
	if a.Status == http.StatusOK {
		r.Records += int64(a.Records)
	}
	if a.Method == http.MethodPost {
		r.Posts++
	}
	if !polls(a) {
		return
	}
	r.LastPoll = a.Started
	r.Position = max(r.Position, a.Last.Seq)
	if !a.More {
		r.ended = a.Started
	}
}

// polls reports whether a request read along the collection, and not single
// objects or versions of it.
func polls(a *taxii.Access) bool {
	return a.Method == http.MethodGet && !a.Picked && (a.Endpoint == "objects" || a.Endpoint == "manifest") &&
		(a.Status == http.StatusOK || a.Status == http.StatusNotModified)
}

// start writes down until the node closes, and then once more.
func (s *seenReaders) start(n *Node) {
	s.begin.Do(func() {
		n.behind.wg.Go(func() {
			t := time.NewTicker(seenEvery)
			defer t.Stop()
			for {
				select {
				case <-t.C:
				case <-n.behind.ctx.Done():
				}
				ctx := context.WithoutCancel(n.behind.ctx)
				if err := s.flush(ctx, n); err != nil {
					n.log.Warn("taxii readers", "err", err)
				}
				if n.behind.ctx.Err() != nil {
					return
				}
			}
		})
	})
}

// flush writes down what is new. Several processes may serve one node, so it is
// added to what stands there. What cannot be written is kept for the next time.
func (s *seenReaders) flush(ctx context.Context, n *Node) error {
	s.mu.Lock()
	fresh := s.fresh
	s.fresh = nil
	s.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	err := n.store.Update(ctx, func(tx store.Tx) error {
		for k, r := range fresh {
			if err := r.keep(ctx, tx, k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.restore(fresh)
	}
	return err
}

// restore puts back what could not be written, before what came since.
func (s *seenReaders) restore(old map[seenKey]*seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, r := range s.fresh {
		if was := old[k]; was != nil {
			was.add(r)
			was.ended = later(was.ended, r.ended)
		} else if len(old) < seenAtMost {
			old[k] = r
		}
	}
	s.fresh = old
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// add counts what came after r.
func (r *TaxiiReader) add(x *seen) {
	if r.First.IsZero() {
		r.First = x.First
	}
	if !x.Last.Before(r.Last) {
		r.Last, r.Status = x.Last, x.Status
	}
	r.Collection, r.Caller = x.Collection, x.Caller
	r.LastPoll, r.Position = later(r.LastPoll, x.LastPoll), max(r.Position, x.Position)
	r.Requests += x.Requests
	r.Records += x.Records
	r.Bytes += x.Bytes
	r.Posts += x.Posts
}

func (k seenKey) status() string { return seenPrefix + string(k.in) + "." + k.caller }

// keep adds what was observed to the stored row. Who has read to the end has
// been offered all that was added before its request began, the hidden too.
func (x *seen) keep(ctx context.Context, tx store.Tx, k seenKey) error {
	if !isText(k.caller) {
		return nil
	}
	if !x.ended.IsZero() {
		at, err := positionAt(ctx, tx, k.in, x.ended)
		if comity.Is(err, comity.NotFound) {
			return nil // the collection is gone
		}
		if err != nil {
			return err
		}
		x.Position = max(x.Position, at)
	}
	var r TaxiiReader
	st, err := tx.Status(ctx, k.status())
	if err == nil {
		err = json.Unmarshal(st.Body, &r)
	}
	if err != nil && !comity.Is(err, comity.NotFound) {
		return err
	}
	r.add(x)
	role, _, _ := strings.Cut(k.caller, ":")
	r.Role, r.Lag = Role(role), 0
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return tx.PutStatus(ctx, store.Status{ID: k.status(), Body: body, Expires: r.Last.Add(seenLife)})
}

// positionAt is the place of the last member that was added before an instant.
func positionAt(ctx context.Context, r store.Reader, in comity.CollectionID, at time.Time) (int64, error) {
	c, err := r.Collection(ctx, string(in))
	if err != nil {
		return 0, err
	}
	next, err := r.Members(ctx, store.MemberQuery{Collection: in, AddedAfter: at.Add(-time.Microsecond), Limit: 1})
	if err != nil || len(next) == 0 {
		return c.Size, err
	}
	return next[0].Seq - 1, nil
}

// TaxiiReaders lists who reads which collection by TAXII and how far it is, by
// collection and then the latest first; at most 10,000. Collections that are
// gone are left out.
func (n *Node) TaxiiReaders(ctx context.Context, by Actor) ([]TaxiiReader, error) {
	if err := ownPeople(by, "taxii readers", ""); err != nil {
		return nil, err
	}
	if err := n.readers.flush(ctx, n); err != nil {
		return nil, err
	}
	return view(ctx, n.store, func(r store.Reader) ([]TaxiiReader, error) {
		cols, err := r.Collections(ctx)
		if err != nil {
			return nil, err
		}
		out := []TaxiiReader{}
		for _, c := range cols {
			list, err := readersOf(ctx, r, c, seenRows-len(out))
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
		return out, nil
	})
}

// readersOf lists those of one collection, the latest first.
func readersOf(ctx context.Context, r store.Reader, c store.Collection, most int) ([]TaxiiReader, error) {
	var out []TaxiiReader
	prefix := seenPrefix + string(c.ID) + "."
	for after := ""; len(out) < most; {
		page, err := r.Statuses(ctx, prefix, after, min(1000, most-len(out)))
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
		for _, st := range page {
			var x TaxiiReader
			if err := json.Unmarshal(st.Body, &x); err != nil {
				return nil, err
			}
			x.Lag = max(0, c.Size-x.Position)
			out = append(out, x)
			after = st.ID
		}
	}
	slices.SortFunc(out, func(a, b TaxiiReader) int { return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Caller, b.Caller)) })
	return out, nil
}

// ownPeople refuses who is none of this node's readers, analysts and
// administrators.
func ownPeople(by Actor, op, subject string) error {
	switch by.Role {
	case RoleReader, RoleAnalyst, RoleAdmin:
		return nil
	}
	return comity.E(comity.Forbidden, op, subject, comity.Msg("node.taxii_own_people"), nil)
}
