package node

import (
	"context"
	"sync"
	"time"

	"github.com/comity-net/comity"
)

// patience is how long StartImport waits for an import to end before it goes on
// without: a small one is then simply done.
const patience = 1500 * time.Millisecond

// background is the imports that run on after the request that began them.
type background struct {
	ctx    context.Context // ends when the node closes
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	seen map[comity.ImportID]Progress // of those that run
}

func newBackground() *background {
	b := &background{seen: map[comity.ImportID]Progress{}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// stop ends what runs and waits for it: an import cut off says so in its record.
func (b *background) stop() {
	b.cancel()
	b.wg.Wait()
}

func (b *background) set(id comity.ImportID, p Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[id] = p
}

// StartImport is Import for a page: it returns when the import has ended, or
// after a moment with the state running; the rest goes on in the background
// until Close. The input belongs to the import from then on.
func (n *Node) StartImport(ctx context.Context, by Actor, req ImportRequest) (comity.Import, error) {
	var id comity.ImportID
	req.Progress = func(p Progress) { n.behind.set(id, p) }
	// The download of a URL must outlive the request, too.
	w, err := n.beginImport(n.behind.ctx, by, req)
	if err != nil {
		return comity.Import{}, err
	}
	id = w.im.ID
	begun := w.im
	type outcome struct {
		im  comity.Import
		err error
	}
	done := make(chan outcome, 1)
	n.behind.wg.Go(func() {
		im, err := w.run(n.behind.ctx)
		n.behind.mu.Lock()
		delete(n.behind.seen, id)
		n.behind.mu.Unlock()
		done <- outcome{im, err}
	})
	select {
	case o := <-done:
		return o.im, o.err
	case <-time.After(patience):
	case <-ctx.Done():
	}
	return begun, nil
}

// ImportProgress says how far an import is that runs in this process.
func (n *Node) ImportProgress(id comity.ImportID) (Progress, bool) {
	n.behind.mu.Lock()
	defer n.behind.mu.Unlock()
	p, ok := n.behind.seen[id]
	return p, ok
}
