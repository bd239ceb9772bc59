package ledger

import (
	"context"
	"fmt"

	"github.com/comity-net/comity"
)

// Edge is the compact right edge of a tree: one hash for each complete subtree
// that its size is made of. It is all a reader needs to go on from where it
// stands. It is a value: a copy is independent. The zero value is the edge of
// the empty tree.
type Edge struct {
	size int64
	// sub[l] is the hash of the complete subtree of 2^l leaves, for every bit l
	// that is set in size; the others mean nothing.
	sub [maxLevels]comity.Hash
}

// maxLevels is the number of bits of a size up to MaxSize.
const maxLevels = 49

// Size returns the number of leaves so far.
func (e *Edge) Size() int64 { return e.size }

// Append adds one leaf hash. The edge must hold fewer than MaxSize leaves.
func (e *Edge) Append(leaf comity.Hash) {
	l := 0
	for e.size>>l&1 == 1 {
		leaf = nodeHash(&e.sub[l], &leaf)
		l++
	}
	e.sub[l] = leaf
	e.size++
}

// Head returns the size and the RFC 6962 tree hash. The empty tree has the hash
// of no bytes.
func (e *Edge) Head() comity.Head {
	root, have := emptyRoot(), false
	for l := range maxLevels {
		switch {
		case e.size>>l&1 == 0:
		case !have:
			root, have = e.sub[l], true
		default:
			root = nodeHash(&e.sub[l], &root)
		}
	}
	return comity.Head{Size: e.size, Root: root}
}

// EdgeOf reads the right edge of the tree with head h and checks that it gives
// h.Root; Unverified when it does not.
func EdgeOf(ctx context.Context, r TileReader, h comity.Head) (Edge, error) {
	const op = "read ledger edge"
	if err := checkSize(op, h.Size); err != nil {
		return Edge{}, err
	}
	tiles, err := readRight(ctx, op, r, h.Size)
	if err != nil {
		return Edge{}, err
	}
	e := edgeFrom(tiles, h.Size)
	return e, e.match(op, h)
}

// edgeFrom computes the edge from the unfinished tile of each level: eight bits
// of the size lie in each.
func edgeFrom(tiles [][]byte, size int64) Edge {
	e := Edge{size: size}
	for level, data := range tiles {
		rest := data
		for bit := tileHeight - 1; bit >= 0; bit-- {
			if n := hashSize << bit; len(data)/hashSize>>bit&1 == 1 {
				e.sub[level*tileHeight+bit] = subtree(rest[:n])
				rest = rest[n:]
			}
		}
	}
	return e
}

// match refuses an edge that does not give the head.
func (e *Edge) match(op string, h comity.Head) error {
	got := e.Head()
	if h.Size == 0 && h.Root == (comity.Hash{}) {
		return nil // the head of a log that nobody has written to yet
	}
	if got.Size != h.Size || got.Root != h.Root {
		return unverified(op, fmt.Sprintf("size %d", h.Size), nil, "ledger.wrong_root", comity.A("size", h.Size),
			comity.A("expected", short(h.Root)), comity.A("got", short(got.Root)))
	}
	return nil
}

// checkSize refuses a size that no log can have.
func checkSize(op string, n int64) error {
	if n < 0 || n > MaxSize {
		return invalid(op, n, nil, "ledger.bad_size", comity.A("size", n))
	}
	return nil
}
