package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// feedLoop polls the feeds that are due until ctx ends, a few at a time, and
// waits for those under way.
func (n *Node) feedLoop(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, feedProcess)
	var mu sync.Mutex
	running := map[string]bool{}
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		due, err := n.dueFeeds(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error("feeds", "err", err)
		}
		for _, name := range due {
			mu.Lock()
			busy := running[name]
			mu.Unlock()
			if busy {
				continue
			}
			select {
			case room <- struct{}{}:
			default:
				continue // the next look finds it again
			}
			mu.Lock()
			running[name] = true
			mu.Unlock()
			wg.Go(func() {
				n.pollDue(ctx, name)
				mu.Lock()
				delete(running, name)
				mu.Unlock()
				<-room
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// isDue reports whether a feed waits for a poll.
func (n *Node) isDue(f feedRecord, s feedState) bool {
	now := n.now()
	return !f.Paused && !now.Before(s.Next) && !now.Before(s.Until)
}

// dueFeeds names the feeds to poll now, the one that waits longest first.
func (n *Node) dueFeeds(ctx context.Context) ([]string, error) {
	return view(ctx, n.store, func(r store.Reader) ([]string, error) {
		all, err := feedsIn(ctx, r)
		if err != nil {
			return nil, err
		}
		var due []string
		next := map[string]time.Time{}
		for name, f := range all {
			s, err := feedStateIn(ctx, r, f)
			if err != nil {
				return nil, err
			}
			if n.isDue(f, s) {
				due, next[name] = append(due, name), s.Next
			}
		}
		slices.SortFunc(due, func(a, b string) int { return next[a].Compare(next[b]) })
		return due, nil
	})
}

func (n *Node) pollDue(ctx context.Context, name string) {
	p, err := n.leasePoll(ctx, name, n.isDue)
	if err == nil {
		_, err = p.run(ctx, Actor{Name: "feed:" + name, Role: RoleAnalyst})
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, errNotDue) || comity.Is(err, comity.Conflict) || comity.Is(err, comity.NotFound) {
		return
	}
	n.log.Warn("feed", "name", name, "err", err)
}
