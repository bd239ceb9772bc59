package node

import (
	"context"
	"time"

	"github.com/comity-net/comity"
)

// StartPoll is PollFeed for a page: it returns when the poll has ended, or after
// a moment with ended false; the poll then goes on in the background, until it
// ends or the node closes. The feed's lease keeps it the only one.
func (n *Node) StartPoll(ctx context.Context, by Actor, name string) (im comity.Import, ended bool, err error) {
	type outcome struct {
		im  comity.Import
		err error
	}
	done := make(chan outcome, 1)
	n.behind.wg.Go(func() {
		im, err := n.PollFeed(n.behind.ctx, by, name)
		done <- outcome{im, err}
	})
	select {
	case o := <-done:
		return o.im, true, o.err
	case <-time.After(patience):
	case <-ctx.Done():
	}
	return comity.Import{}, false, nil
}
