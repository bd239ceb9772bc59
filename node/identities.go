package node

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/store"
)

// identities keeps identity notes that were checked, by the hash of their
// bytes: a page lists many peers, and each check costs several signatures.
type identities struct {
	mu   sync.Mutex
	held map[comity.Hash]*federation.Identity
}

const maxIdentities = 4096 // then all are forgotten

// identity reads a note, once for each note.
func (n *Node) identity(note []byte) (*federation.Identity, error) {
	sum := comity.Hash(sha256.Sum256(note))
	n.ids.mu.Lock()
	id, ok := n.ids.held[sum]
	n.ids.mu.Unlock()
	if ok {
		return id, nil
	}
	id, err := federation.ParseIdentity(note)
	if err != nil {
		return nil, err
	}
	n.ids.mu.Lock()
	defer n.ids.mu.Unlock()
	if n.ids.held == nil || len(n.ids.held) >= maxIdentities {
		n.ids.held = map[comity.Hash]*federation.Identity{}
	}
	n.ids.held[sum] = id
	return id, nil
}

// member returns the identity of this node or of a peer.
func (n *Node) member(ctx context.Context, m comity.MemberID) (*federation.Identity, error) {
	if m == n.ID() {
		return n.self(ctx)
	}
	p, err := view(ctx, n.store, func(r store.Reader) (comity.Peer, error) { return r.Peer(ctx, m) })
	if err != nil {
		return nil, err
	}
	return n.identity(p.Identity)
}
