package ledger

import (
	"context"
	"fmt"
	"maps"

	"github.com/comity-net/comity"
)

// TileID names a tile of C2SP tlog-tiles, height 8: tile (Level, N) holds the
// hashes of the complete subtrees with 2^(8·Level) leaves, numbers 256·N to
// 256·N+255, 32 bytes each.
type TileID struct {
	Level int
	N     int64
}

// TileReader reads stored tiles.
type TileReader interface {
	// Tiles returns the hashes of these tiles in the order asked; nil for a tile
	// that does not exist. A tile may hold more hashes than a smaller tree had;
	// the caller uses the first ones. What comes is checked, not trusted.
	Tiles(ctx context.Context, ids []TileID) ([][]byte, error)
}

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	hashSize   = 32
	tileLevels = (maxLevels + tileHeight - 1) / tileHeight
)

// Extend computes the tree after appending leaves to the tree with head old: the
// full content of every tile that is new or changed, and the new head. It
// refuses (Unverified) when the stored tiles do not give old.Root.
func Extend(ctx context.Context, r TileReader, old comity.Head, leaves []comity.Hash) (tiles map[TileID][]byte, next comity.Head, err error) {
	const op = "extend ledger"
	if err := checkSize(op, old.Size); err != nil {
		return nil, comity.Head{}, err
	}
	if err := checkSize(op, old.Size+int64(len(leaves))); err != nil {
		return nil, comity.Head{}, err
	}
	right, err := readRight(ctx, op, r, old.Size)
	if err != nil {
		return nil, comity.Head{}, err
	}
	edge := edgeFrom(right, old.Size)
	if err := edge.match(op, old); err != nil {
		return nil, comity.Head{}, err
	}
	g := grower{size: old.Size, done: make(map[TileID][]byte, len(leaves)/tileWidth+tileLevels)}
	copy(g.open[:], right)
	for i := range leaves {
		g.push(0, leaves[i][:])
	}
	maps.Copy(g.done, g.changed())
	if len(leaves) > tileWidth { // cheaper than appending each again
		edge = edgeFrom(g.open[:], old.Size+int64(len(leaves)))
	} else {
		for i := range leaves {
			edge.Append(leaves[i])
		}
	}
	return g.done, edge.Head(), nil
}

// grower adds leaves to the unfinished tile of each level.
type grower struct {
	size int64 // before
	open [tileLevels][]byte
	grew [tileLevels]bool
	nth  [tileLevels]int64 // tiles finished at the level since
	done map[TileID][]byte
}

// push adds one hash to a level; a full tile is finished and its own hash goes
// one level up.
func (g *grower) push(level int, h []byte) {
	if cap(g.open[level])-len(g.open[level]) < hashSize {
		g.open[level] = append(make([]byte, 0, tileWidth*hashSize), g.open[level]...)
	}
	g.open[level] = append(g.open[level], h...)
	g.grew[level] = true
	if len(g.open[level]) < tileWidth*hashSize {
		return
	}
	full := g.open[level]
	g.done[TileID{level, g.index(level)}] = full
	g.nth[level]++
	g.open[level], g.grew[level] = nil, false
	if level+1 < tileLevels {
		up := subtree(full)
		g.push(level+1, up[:])
	}
}

// index is the number of the tile that is open at the level.
func (g *grower) index(level int) int64 {
	return g.size>>(tileHeight*(level+1)) + g.nth[level]
}

// changed returns the open tiles that got hashes.
func (g *grower) changed() map[TileID][]byte {
	m := make(map[TileID][]byte, tileLevels)
	for level := range g.open {
		if g.grew[level] {
			m[TileID{level, g.index(level)}] = g.open[level]
		}
	}
	return m
}

// readRight reads the unfinished tile of each level of a tree of the given size,
// cut to what that size has; nil where a level has none.
func readRight(ctx context.Context, op string, r TileReader, size int64) ([][]byte, error) {
	var ids []TileID
	var widths []int
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		n := size >> (tileHeight * level)
		if w := int(n % tileWidth); w > 0 {
			ids, widths = append(ids, TileID{level, n / tileWidth}), append(widths, w)
		}
	}
	out := make([][]byte, tileLevels)
	if len(ids) == 0 {
		return out, nil
	}
	data, err := readTiles(ctx, op, r, ids, widths)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		out[id.Level] = data[i]
	}
	return out, nil
}

// readTiles reads tiles and cuts each to the width that is wanted of it.
func readTiles(ctx context.Context, op string, r TileReader, ids []TileID, widths []int) ([][]byte, error) {
	data, err := r.Tiles(ctx, ids)
	if err != nil {
		return nil, err
	}
	if len(data) != len(ids) {
		return nil, comity.E(comity.Internal, op, "", comity.Msg("ledger.tiles_count",
			comity.A("expected", len(ids)), comity.A("got", len(data))), nil)
	}
	out := make([][]byte, len(data))
	for i, d := range data {
		n := widths[i] * hashSize
		if len(d) < n || len(d)%hashSize != 0 || len(d) > tileWidth*hashSize {
			return nil, unverified(op, fmt.Sprintf("tile %d/%d", ids[i].Level, ids[i].N), nil, "ledger.bad_tile",
				comity.A("level", ids[i].Level), comity.A("tile", ids[i].N),
				comity.A("expected", n), comity.A("got", len(d)))
		}
		out[i] = d[:n:n] // appending must not write into the store's memory
	}
	return out, nil
}

// subtree computes the hash of a complete subtree from its hashes in a row.
// len(data) is a power of two times 32, at most a tile.
func subtree(data []byte) comity.Hash {
	if len(data) == hashSize {
		return comity.Hash(data)
	}
	var buf [tileWidth / 2]comity.Hash
	n := len(data) / (2 * hashSize)
	for i := range n {
		buf[i] = nodeHash((*comity.Hash)(data[2*i*hashSize:]), (*comity.Hash)(data[(2*i+1)*hashSize:]))
	}
	for ; n > 1; n /= 2 {
		for i := range n / 2 {
			buf[i] = nodeHash(&buf[2*i], &buf[2*i+1])
		}
	}
	return buf[0]
}
