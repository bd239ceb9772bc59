package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

// memTiles keeps tiles as a store would.
type memTiles map[TileID][]byte

func (m memTiles) Tiles(_ context.Context, ids []TileID) ([][]byte, error) {
	out := make([][]byte, len(ids))
	for i, id := range ids {
		out[i] = m[id]
	}
	return out, nil
}

// leafN is a leaf hash that differs for every n and seed.
func leafN(seed, n int) comity.Hash {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(seed))
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	return LeafHash(b[:])
}

func leaves(seed, n int) []comity.Hash {
	out := make([]comity.Hash, n)
	for i := range out {
		out[i] = leafN(seed, i)
	}
	return out
}

// oracle is the same tree by package tlog alone.
type oracle struct{ stored []tlog.Hash }

func (o *oracle) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ix))
	for i, x := range ix {
		out[i] = o.stored[x]
	}
	return out, nil
}

func oracleOf(t rapid.TB, ls []comity.Hash) *oracle {
	o := &oracle{}
	for i, l := range ls {
		hs, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(l), o)
		if err != nil {
			t.Fatal(err)
		}
		o.stored = append(o.stored, hs...)
	}
	return o
}

func (o *oracle) head(t rapid.TB, n int) comity.Head {
	h, err := tlog.TreeHash(int64(n), o)
	if err != nil {
		t.Fatal(err)
	}
	return comity.Head{Size: int64(n), Root: comity.Hash(h)}
}

// build makes a tree of these leaves in one go.
func build(t rapid.TB, ls []comity.Hash) (memTiles, comity.Head) {
	tiles, head, err := Extend(context.Background(), memTiles{}, comity.Head{}, ls)
	if err != nil {
		t.Fatal(err)
	}
	return tiles, head
}

// INVARIANT: however leaves are split into batches, root, tiles and edge are
// those of the RFC 6962 tree over all of them, tile for tile as C2SP
// tlog-tiles lays them out.
func TestExtendAnySplit(t *testing.T) {
	all := leaves(1, 3000)
	o := oracleOf(t, all)
	rapid.Check(t, func(t *rapid.T) {
		store, head, edge := memTiles{}, comity.Head{}, Edge{}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			n := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(200, 300), rapid.IntRange(0, 490)).Draw(t, "leaves")
			batch := all[head.Size : int(head.Size)+n]
			tiles, next, err := Extend(context.Background(), store, head, batch)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(store, tiles)
			for _, l := range batch {
				edge.Append(l)
			}
			head = next
			if want := o.head(t, int(head.Size)); head != want {
				t.Fatalf("head %v, tlog says %v", head, want)
			}
			if got := edge.Head(); got != head {
				t.Fatalf("Append gives %v, Extend %v", got, head)
			}
			read, err := EdgeOf(context.Background(), store, head)
			if err != nil {
				t.Fatal(err)
			}
			if read.Head() != head || read.Size() != edge.Size() {
				t.Fatalf("EdgeOf gives %v, want %v", read.Head(), head)
			}
		}
		sameTiles(t, store, o, head.Size)
	})
}

// sameTiles compares every tile with what tlog makes of its own hashes.
func sameTiles(t rapid.TB, store memTiles, o *oracle, size int64) {
	want := tlog.NewTiles(tileHeight, 0, size)
	for _, tile := range want {
		data, err := tlog.ReadTileData(tile, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := store[TileID{tile.L, tile.N}]; !bytes.Equal(got, data) {
			t.Fatalf("tile %s: %d bytes, tlog has %d", tile.Path(), len(got), len(data))
		}
	}
	if len(store) != len(want) {
		t.Fatalf("%d tiles, tlog has %d", len(store), len(want))
	}
}

func TestExtendThreeLevels(t *testing.T) {
	all := leaves(2, 1<<16+777)
	o := oracleOf(t, all)
	store, head := build(t, all[:1<<16-1])
	for _, n := range []int{1, 1, 255, 520} {
		tiles, next, err := Extend(context.Background(), store, head, all[head.Size:int(head.Size)+n])
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(store, tiles)
		head = next
		if want := o.head(t, int(head.Size)); head != want {
			t.Fatalf("size %d: head differs from tlog's", head.Size)
		}
	}
	sameTiles(t, store, o, head.Size)
}

// Extending must leave the bytes that the store handed out alone.
func TestExtendLeavesStoredTilesAlone(t *testing.T) {
	store, head := build(t, leaves(1, 10))
	wide := make([]byte, tileWidth*hashSize)
	copy(wide, store[TileID{0, 0}])
	store[TileID{0, 0}] = wide[:10*hashSize]
	if _, _, err := Extend(context.Background(), store, head, leaves(2, 5)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(wide[10*hashSize:], make([]byte, len(wide)-10*hashSize)) {
		t.Fatal("Extend wrote behind a stored tile")
	}
}

func TestExtendRefusesWrongTiles(t *testing.T) {
	store, head := build(t, leaves(1, 700))
	rapid.Check(t, func(t *rapid.T) {
		bad := maps.Clone(store)
		id := rapid.SampledFrom([]TileID{{0, 2}, {1, 0}}).Draw(t, "tile")
		bad[id] = bytes.Clone(bad[id])
		bit := rapid.IntRange(0, len(bad[id])*8-1).Draw(t, "bit")
		bad[id][bit/8] ^= 1 << (bit % 8)
		if _, _, err := Extend(context.Background(), bad, head, leaves(3, 1)); !comity.Is(err, comity.Unverified) {
			t.Fatalf("extend on a damaged tile: %v", err)
		}
		if _, err := EdgeOf(context.Background(), bad, head); !comity.Is(err, comity.Unverified) {
			t.Fatalf("edge of a damaged tile: %v", err)
		}
	})
	for name, tile := range map[string][]byte{"missing": nil, "short": make([]byte, 32), "odd": make([]byte, 6001), "wide": make([]byte, 257*32)} {
		bad := maps.Clone(store)
		bad[TileID{0, 2}] = tile
		if _, _, err := Extend(context.Background(), bad, head, nil); !comity.Is(err, comity.Unverified) {
			t.Errorf("%s tile: %v", name, err)
		}
	}
}

// failing is a store that is away.
type failing struct{ err error }

func (f failing) Tiles(context.Context, []TileID) ([][]byte, error) { return nil, f.err }

func TestStoreErrorsPassThrough(t *testing.T) {
	away := errors.New("disk away")
	_, head := build(t, leaves(1, 700))
	_, _, err := Extend(context.Background(), failing{away}, head, nil)
	if !errors.Is(err, away) {
		t.Errorf("Extend: %v", err)
	}
	if _, err = ProveConsistency(context.Background(), failing{away}, head, 5); !errors.Is(err, away) {
		t.Errorf("ProveConsistency: %v", err)
	}
	if _, err = ProveInclusion(context.Background(), failing{away}, head, 5); !errors.Is(err, away) {
		t.Errorf("ProveInclusion: %v", err)
	}
}

func TestConsistency(t *testing.T) {
	const n = 1300
	all := leaves(1, n)
	o := oracleOf(t, all)
	store, _ := build(t, all)
	_, other := build(t, leaves(9, n))
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, n).Draw(t, "new")
		before := rapid.IntRange(0, size).Draw(t, "old")
		old, next := o.head(t, before), o.head(t, size)
		proof, err := ProveConsistency(context.Background(), store, next, old.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckConsistency(old, next, proof); err != nil {
			t.Fatal(err)
		}
		if old.Size > 0 && old.Size < next.Size {
			flips(t, proof, func(p []comity.Hash) error { return CheckConsistency(old, next, p) })
			wrong := next
			wrong.Root = other.Root
			mustFail(t, CheckConsistency(old, wrong, proof))
			mustFail(t, CheckConsistency(comity.Head{Size: old.Size, Root: other.Root}, next, proof))
			mustFail(t, CheckConsistency(next, old, proof))
		}
		mustFail(t, CheckConsistency(old, next, append(proof, other.Root)))
	})
}

func TestInclusion(t *testing.T) {
	const n = 1300
	all := leaves(1, n)
	o := oracleOf(t, all)
	store, _ := build(t, all)
	rapid.Check(t, func(t *rapid.T) {
		head := o.head(t, rapid.IntRange(1, n).Draw(t, "size"))
		index := rapid.Int64Range(0, head.Size-1).Draw(t, "index")
		proof, err := ProveInclusion(context.Background(), store, head, index)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckInclusion(all[index], index, head, proof); err != nil {
			t.Fatal(err)
		}
		flips(t, proof, func(p []comity.Hash) error { return CheckInclusion(all[index], index, head, p) })
		mustFail(t, CheckInclusion(leafN(9, 9), index, head, proof))
		mustFail(t, CheckInclusion(all[index], index, head, append(proof, comity.Hash{})))
		if index > 0 {
			mustFail(t, CheckInclusion(all[index], index-1, head, proof))
		}
	})
}

// flips changes one bit of one hash of a proof and leaves one hash out; both
// must fail.
func flips(t *rapid.T, proof []comity.Hash, check func([]comity.Hash) error) {
	if len(proof) == 0 {
		return
	}
	bit := rapid.IntRange(0, len(proof)*256-1).Draw(t, "bit")
	bad := append([]comity.Hash(nil), proof...)
	bad[bit/256][bit%256/8] ^= 1 << (bit % 8)
	mustFail(t, check(bad))
	mustFail(t, check(proof[:len(proof)-1]))
}

func mustFail(t rapid.TB, err error) {
	t.Helper()
	if !comity.Is(err, comity.Unverified) {
		t.Fatalf("got %v, want Unverified", err)
	}
	fits(t, err)
}

func TestSizesOutOfBounds(t *testing.T) {
	store, head := build(t, leaves(1, 5))
	ctx := context.Background()
	for _, n := range []int64{-1, MaxSize + 1, 1<<63 - 1, -1 << 63} {
		h := comity.Head{Size: n, Root: head.Root}
		if _, _, err := Extend(ctx, store, h, nil); err == nil {
			t.Errorf("Extend accepts size %d", n)
		}
		if _, err := EdgeOf(ctx, store, h); err == nil {
			t.Errorf("EdgeOf accepts size %d", n)
		}
		if err := CheckConsistency(h, h, nil); err == nil {
			t.Errorf("CheckConsistency accepts size %d", n)
		}
		if err := CheckInclusion(head.Root, 0, h, nil); err == nil {
			t.Errorf("CheckInclusion accepts size %d", n)
		}
		if _, err := ProveInclusion(ctx, store, head, n); err == nil {
			t.Errorf("ProveInclusion accepts index %d", n)
		}
		if _, err := ProveConsistency(ctx, store, head, n); err == nil {
			t.Errorf("ProveConsistency accepts old size %d", n)
		}
	}
	if err := CheckConsistency(comity.Head{Size: 1}, comity.Head{Size: 1 << 40}, make([]comity.Hash, 10000)); !comity.Is(err, comity.TooLarge) {
		t.Errorf("huge proof: %v", err)
	}
}

func TestEmptyTree(t *testing.T) {
	var e Edge
	empty := e.Head()
	if want := (comity.Head{Root: comity.Hash(tlogEmpty())}); empty != want {
		t.Fatalf("empty head %v, want %v", empty, want)
	}
	for _, h := range []comity.Head{{}, empty} {
		if _, err := EdgeOf(context.Background(), memTiles{}, h); err != nil {
			t.Errorf("EdgeOf(%v): %v", h, err)
		}
		if _, next, err := Extend(context.Background(), memTiles{}, h, nil); err != nil || next != empty {
			t.Errorf("Extend(%v): %v %v", h, next, err)
		}
	}
	mustFail(t, CheckConsistency(comity.Head{Root: leafN(1, 1)}, comity.Head{Size: 1}, nil))
	if _, err := EdgeOf(context.Background(), memTiles{}, comity.Head{Root: leafN(1, 1)}); err == nil {
		t.Error("a root for no entries is accepted")
	}
}

func tlogEmpty() tlog.Hash {
	h, err := tlog.TreeHash(0, &oracle{})
	if err != nil {
		panic(err)
	}
	return h
}
