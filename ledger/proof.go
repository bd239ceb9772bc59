package ledger

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-net/comity"
)

// ProveConsistency proves that the tree with this head begins with the entries
// of the tree that had oldSize of them. The proof is empty when oldSize is 0 or
// the size of the head. The tiles are checked against head.Root on the way.
func ProveConsistency(ctx context.Context, r TileReader, head comity.Head, oldSize int64) ([]comity.Hash, error) {
	const op = "prove consistency"
	if err := checkSize(op, head.Size); err != nil {
		return nil, err
	}
	if oldSize < 0 || oldSize > head.Size {
		return nil, invalid(op, oldSize, nil, "ledger.beyond_end", comity.A("index", oldSize), comity.A("size", head.Size))
	}
	if oldSize == 0 || oldSize == head.Size {
		return []comity.Hash{}, nil
	}
	src := &tileSource{ctx: ctx, op: op, r: r}
	p, err := tlog.ProveTree(head.Size, oldSize, src.under(head))
	if err != nil {
		return nil, src.explain(head, err)
	}
	return fromTlog(p), nil
}

// CheckConsistency checks such a proof: next begins with what old had. Every
// other history is Unverified; a next that is smaller is named as such. Any
// tree continues the empty one.
func CheckConsistency(old, next comity.Head, proof []comity.Hash) error {
	const op = "check consistency"
	subject := fmt.Sprintf("size %d to %d", old.Size, next.Size)
	for _, n := range []int64{old.Size, next.Size} {
		if err := checkSize(op, n); err != nil {
			return err
		}
	}
	fail := func(cause error) error {
		return unverified(op, subject, cause, "ledger.not_consistent", comity.A("old", old.Size), comity.A("new", next.Size),
			comity.A("oldroot", short(old.Root)), comity.A("newroot", short(next.Root)))
	}
	switch {
	case next.Size < old.Size:
		return unverified(op, subject, nil, "ledger.smaller_tree", comity.A("old", old.Size), comity.A("new", next.Size))
	case len(proof) > maxProof:
		return tooLarge(op, "proof", int64(len(proof)), maxProof)
	case old.Size == 0:
		if len(proof) != 0 || !isEmptyRoot(old.Root) || (next.Size == 0 && !isEmptyRoot(next.Root)) {
			return fail(nil)
		}
		return nil
	case old.Size == next.Size:
		if old.Root != next.Root {
			return unverified(op, subject, nil, "ledger.wrong_root", comity.A("size", next.Size),
				comity.A("expected", short(old.Root)), comity.A("got", short(next.Root)))
		}
		if len(proof) != 0 {
			return fail(nil)
		}
		return nil
	}
	if err := tlog.CheckTree(toTlog(proof), next.Size, tlog.Hash(next.Root), old.Size, tlog.Hash(old.Root)); err != nil {
		return fail(err)
	}
	return nil
}

// ProvePrefix gives the root that the tree with this head had when it was size
// entries long, and the proof that leads from there to the head: what fork
// evidence needs of the larger tree.
func ProvePrefix(ctx context.Context, r TileReader, head comity.Head, size int64) (root comity.Hash, proof []comity.Hash, err error) {
	proof, err = ProveConsistency(ctx, r, head, size)
	if err != nil {
		return comity.Hash{}, nil, err
	}
	if size == 0 {
		return emptyRoot(), proof, nil
	}
	src := &tileSource{ctx: ctx, op: "prove consistency", r: r}
	h, err := tlog.TreeHash(size, src.under(head))
	if err != nil {
		return comity.Hash{}, nil, src.explain(head, err)
	}
	return comity.Hash(h), proof, nil
}

// ProveInclusion proves that the entry at index is in the tree with this head.
func ProveInclusion(ctx context.Context, r TileReader, head comity.Head, index int64) ([]comity.Hash, error) {
	const op = "prove inclusion"
	if err := checkSize(op, head.Size); err != nil {
		return nil, err
	}
	if index < 0 || index >= head.Size {
		return nil, invalid(op, index, nil, "ledger.beyond_end", comity.A("index", index), comity.A("size", head.Size))
	}
	src := &tileSource{ctx: ctx, op: op, r: r}
	p, err := tlog.ProveRecord(head.Size, index, src.under(head))
	if err != nil {
		return nil, src.explain(head, err)
	}
	return fromTlog(p), nil
}

// CheckInclusion checks that the leaf stands at index in the tree with this head.
func CheckInclusion(leaf comity.Hash, index int64, head comity.Head, proof []comity.Hash) error {
	const op = "check inclusion"
	if err := checkSize(op, head.Size); err != nil {
		return err
	}
	if index < 0 || index >= head.Size {
		return invalid(op, index, nil, "ledger.beyond_end", comity.A("index", index), comity.A("size", head.Size))
	}
	if len(proof) > maxProof {
		return tooLarge(op, "proof", int64(len(proof)), maxProof)
	}
	if err := tlog.CheckRecord(toTlog(proof), head.Size, tlog.Hash(head.Root), index, tlog.Hash(leaf)); err != nil {
		return unverified(op, fmt.Sprintf("index %d", index), err, "ledger.not_included", comity.A("index", index),
			comity.A("size", head.Size), comity.A("leaf", short(leaf)), comity.A("root", short(head.Root)))
	}
	return nil
}

// isEmptyRoot reports whether h stands for no entries: the RFC 6962 hash of the
// empty tree, or the zero value of a log that nobody has written to.
func isEmptyRoot(h comity.Hash) bool { return h == emptyRoot() || h == comity.Hash{} }

// tileSource lends a TileReader to package tlog for the time of one proof.
type tileSource struct {
	ctx    context.Context
	op     string
	r      TileReader
	failed error // what reading a tile said
}

// under reads single hashes through tiles that are checked against the head.
func (s *tileSource) under(h comity.Head) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: h.Size, Hash: tlog.Hash(h.Root)}, s)
}

// Height implements tlog.TileReader.
func (s *tileSource) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader; there is nothing to save.
func (s *tileSource) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (s *tileSource) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	ids, widths := make([]TileID, len(tiles)), make([]int, len(tiles))
	for i, t := range tiles {
		ids[i], widths[i] = TileID{t.L, t.N}, t.W
	}
	data, err := readTiles(s.ctx, s.op, s.r, ids, widths)
	s.failed = err
	return data, err
}

// explain gives the error of reading if there was one; what tlog says otherwise
// means that the tiles do not give the head's root.
func (s *tileSource) explain(h comity.Head, err error) error {
	if s.failed != nil {
		return s.failed
	}
	return unverified(s.op, fmt.Sprintf("size %d", h.Size), err, "ledger.tiles_wrong",
		comity.A("size", h.Size), comity.A("root", short(h.Root)))
}

func toTlog(p []comity.Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(p))
	for i := range p {
		out[i] = tlog.Hash(p[i])
	}
	return out
}

func fromTlog[P ~[]tlog.Hash](p P) []comity.Hash {
	out := make([]comity.Hash, len(p))
	for i := range p {
		out[i] = comity.Hash(p[i])
	}
	return out
}
