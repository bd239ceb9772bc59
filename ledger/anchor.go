package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/comity-net/comity"
)

// maxAnchored bounds the channels under one anchor.
const maxAnchored = 1 << 20

// anchorTag separates the leaves of anchors from every other hash.
const anchorTag = "comity/anchor/v1\n"

// Anchored is the head of one channel, with the 32-byte salt that keeps it from
// being guessed, as an anchor holds it.
type Anchored struct {
	Channel comity.ChannelID
	Head    comity.Head
	Salt    []byte
}

// leaf is what hangs in the anchor's tree: RFC 6962 over tag, salt and the three
// lines channel, size, root.
func (a *Anchored) leaf() (comity.Hash, error) {
	const op = "anchor"
	if len(a.Salt) != nonceSize {
		return comity.Hash{}, invalid(op, a.Channel, nil, "proof.salt", comity.A("expected", nonceSize), comity.A("got", len(a.Salt)))
	}
	if len(a.Channel) != 26 || bytes.ContainsAny([]byte(a.Channel), "\n") {
		return comity.Hash{}, invalid(op, a.Channel, nil, "ledger.bad_origin", comity.A("origin", a.Channel))
	}
	if err := checkSize(op, a.Head.Size); err != nil {
		return comity.Hash{}, err
	}
	root := a.Head.Root
	if a.Head.Size == 0 {
		root = emptyRoot()
	}
	text := fmt.Appendf([]byte(anchorTag+string(a.Salt)), "%s\n%d\n%s\n", a.Channel, a.Head.Size, strictStd64.EncodeToString(root[:]))
	return LeafHash(text), nil
}

// AnchorProof shows that one channel head is under an anchor.
type AnchorProof struct {
	Anchored
	Index int64         // of the leaf; it says nothing about the channel
	Proof []comity.Hash // RFC 6962 inclusion
}

// Anchor is the tree over salted channel heads, kept by who made it for as long
// as heads may have to be proved.
type Anchor struct {
	Root   comity.Hash
	Heads  []Anchored // in the order of their leaves
	leaves []comity.Hash
}

// NewAnchor hangs the salted heads in a tree; at least one, each channel once.
// Leaves are ordered by their hash, so that a place tells nothing.
func NewAnchor(heads []Anchored) (*Anchor, error) {
	const op = "anchor"
	if len(heads) == 0 || len(heads) > maxAnchored {
		return nil, tooLarge(op, "anchor", int64(len(heads)), maxAnchored)
	}
	a := &Anchor{Heads: slices.Clone(heads)}
	seen, leafOf := make(map[comity.ChannelID]bool, len(heads)), make(map[comity.ChannelID]comity.Hash, len(heads))
	for i := range heads {
		ch := heads[i].Channel
		if seen[ch] {
			return nil, invalid(op, ch, nil, "proof.anchored_twice", comity.A("channel", ch))
		}
		leaf, err := heads[i].leaf()
		if err != nil {
			return nil, err
		}
		seen[ch], leafOf[ch] = true, leaf
	}
	slices.SortFunc(a.Heads, func(x, y Anchored) int {
		lx, ly := leafOf[x.Channel], leafOf[y.Channel]
		return bytes.Compare(lx[:], ly[:])
	})
	for i := range a.Heads {
		a.leaves = append(a.leaves, leafOf[a.Heads[i].Channel])
	}
	a.Root = memoryRoot(a.leaves)
	return a, nil
}

// Entry is the node log entry of this anchor.
func (a *Anchor) Entry(at time.Time) NodeEntry {
	return NodeEntry{K: NodeAnchor, At: at, Anchor: a.Root, Count: int64(len(a.leaves))}
}

// Prove shows that a channel's head is under the anchor; NotFound when it has none.
func (a *Anchor) Prove(ch comity.ChannelID) (AnchorProof, error) {
	i := slices.IndexFunc(a.Heads, func(h Anchored) bool { return h.Channel == ch })
	if i < 0 {
		return AnchorProof{}, comity.E(comity.NotFound, "prove anchor", ch, comity.Msg("proof.no_anchor", comity.A("channel", ch)), nil)
	}
	return AnchorProof{Anchored: a.Heads[i], Index: int64(i), Proof: memoryPath(a.leaves, i)}, nil
}

// CheckAnchor checks that a channel head is under the anchor of an entry.
func CheckAnchor(e NodeEntry, p AnchorProof) error {
	const op = "check anchor"
	if e.K != NodeAnchor {
		return nodeField(op, string(e.K), "k")
	}
	leaf, err := p.leaf()
	if err != nil {
		return err
	}
	if err := CheckInclusion(leaf, p.Index, comity.Head{Size: e.Count, Root: e.Anchor}, p.Proof); err != nil {
		return unverified(op, p.Channel, err, "proof.not_anchored", comity.A("channel", p.Channel), comity.A("size", p.Head.Size))
	}
	return nil
}

// memoryRoot is the RFC 6962 tree hash of leaves in memory; at least one.
func memoryRoot(leaves []comity.Hash) comity.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := largestPower(len(leaves))
	l, r := memoryRoot(leaves[:k]), memoryRoot(leaves[k:])
	return nodeHash(&l, &r)
}

// memoryPath is the RFC 6962 audit path of leaf i.
func memoryPath(leaves []comity.Hash, i int) []comity.Hash {
	if len(leaves) == 1 {
		return []comity.Hash{}
	}
	k := largestPower(len(leaves))
	if i < k {
		return append(memoryPath(leaves[:k], i), memoryRoot(leaves[k:]))
	}
	return append(memoryPath(leaves[k:], i-k), memoryRoot(leaves[:k]))
}

// largestPower is the largest power of two below n, which is at least 2.
func largestPower(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// sum256 hashes parts one behind the other.
func sum256(parts ...[]byte) (h comity.Hash) {
	s := sha256.New()
	for _, p := range parts {
		s.Write(p)
	}
	s.Sum(h[:0])
	return h
}
