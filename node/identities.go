package node

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/store"
)

// memo keeps what is costly to read and never changes for its key. It is
// bounded: when full, all is forgotten.
type memo[K comparable, V any] struct {
	mu   sync.Mutex
	held map[K]V
}

const maxMemo = 4096

// get returns the value held for k, or what read returns; errors are not held.
func (m *memo[K, V]) get(k K, read func() (V, error)) (V, error) {
	m.mu.Lock()
	v, ok := m.held[k]
	m.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held == nil || len(m.held) >= maxMemo {
		m.held = map[K]V{}
	}
	m.held[k] = v
	return v, nil
}

// identity reads a note, once for each note: a page lists many peers, and each
// check costs several signatures.
func (n *Node) identity(note []byte) (*federation.Identity, error) {
	return n.ids.get(sha256.Sum256(note), func() (*federation.Identity, error) { return federation.ParseIdentity(note) })
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
