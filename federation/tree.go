package federation

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// headAt computes the head that the tree had when it was size entries long. The
// tiles are checked against head.Root on the way.
func headAt(ctx context.Context, r ledger.TileReader, head comity.Head, size int64) (comity.Head, error) {
	const op = "read ledger head"
	switch {
	case size < 0 || size > head.Size:
		return comity.Head{}, invalid(op, size, nil, "federation.beyond_end", comity.A("index", size), comity.A("size", head.Size))
	case size == 0: // the stored head of a log nobody wrote to has no root
		var empty ledger.Edge
		return empty.Head(), nil
	case size == head.Size:
		return head, nil
	}
	t := tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: tlog.Hash(head.Root)}, tiles{ctx, r})
	root, err := tlog.TreeHash(size, t)
	if e := (*comity.Error)(nil); err != nil && !errors.As(err, &e) {
		return comity.Head{}, unverified(op, fmt.Sprintf("size %d", head.Size), err, "federation.own_tree", comity.A("size", head.Size))
	}
	return comity.Head{Size: size, Root: comity.Hash(root)}, err
}

// tiles lends a ledger.TileReader to package tlog for one reading.
type tiles struct {
	ctx context.Context
	r   ledger.TileReader
}

func (t tiles) Height() int                     { return 8 }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	ids := make([]ledger.TileID, len(want))
	for i, w := range want {
		ids[i] = ledger.TileID{Level: w.L, N: w.N}
	}
	data, err := t.r.Tiles(t.ctx, ids)
	if err != nil {
		return nil, err
	}
	if len(data) != len(want) {
		return nil, fmt.Errorf("got %d tiles, asked for %d", len(data), len(want))
	}
	for i, w := range want {
		if len(data[i]) < w.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d is %d bytes long, not %d", w.L, w.N, len(data[i]), w.W*tlog.HashSize)
		}
		data[i] = data[i][:w.W*tlog.HashSize]
	}
	return data, nil
}
