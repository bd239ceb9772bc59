package node

import (
	"context"
	"slices"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
	"golang.org/x/mod/sumdb/note"
)

// Channels lists every channel, own ones first.
func (n *Node) Channels(ctx context.Context) ([]ChannelView, error) {
	return view(ctx, n.store, func(r store.Reader) ([]ChannelView, error) { return n.channelViews(ctx, r) })
}

// Channel finds one by its id or a unique beginning of it.
func (n *Node) Channel(ctx context.Context, id string) (ChannelView, error) {
	all, err := n.Channels(ctx)
	if err != nil {
		return ChannelView{}, err
	}
	return unique(all, "channel", id, func(v ChannelView) []string { return []string{string(v.ID)} })
}

func (n *Node) channelViews(ctx context.Context, r store.Reader) ([]ChannelView, error) {
	list, err := r.Channels(ctx)
	if err != nil {
		return nil, err
	}
	ags, err := n.agreements(ctx, r)
	if err != nil {
		return nil, err
	}
	out := make([]ChannelView, 0, len(list))
	for _, c := range list {
		a := ags.chain(c.Agreement)
		v := ChannelView{Channel: c, Title: a.Title}
		for _, p := range a.Parties {
			if p.ID == c.Publisher {
				v.PublisherName = p.Name
			}
		}
		if c.Own {
			if err := addReaders(ctx, r, &v, a.Others(n.ID())); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b ChannelView) int {
		if a.Own != b.Own {
			if a.Own {
				return -1
			}
			return 1
		}
		return 0
	})
	return out, nil
}

// addReaders fills in who has confirmed how much of an own channel. With one
// reader its receipt confirms; with more, two thirds of them (federation.md 4.10).
func addReaders(ctx context.Context, r store.Reader, v *ChannelView, readers []comity.Party) error {
	receipts, err := r.Receipts(ctx, v.ID)
	if err != nil {
		return err
	}
	var sizes []int64
	for _, p := range readers {
		rv := ReaderView{Member: p.ID, Name: p.Name}
		for _, rc := range receipts {
			if rc.Member == p.ID {
				rv.Size, rv.At = rc.Size, rc.At
			}
		}
		if rv.Size >= v.SignedSize && !rv.At.IsZero() {
			v.Receipted++
		}
		sizes = append(sizes, rv.Size)
		v.Readers = append(v.Readers, rv)
	}
	slices.Sort(sizes)
	if k := len(sizes); k > 0 {
		need := min((2*k+1+2)/3, k) // ⌈(2n+1)/3⌉ of n
		v.Confirmed = sizes[k-need]
	}
	return nil
}

// Entries lists a channel's entries from a number on.
func (n *Node) Entries(ctx context.Context, ch comity.ChannelID, from int64, limit int) ([]EntryView, error) {
	return view(ctx, n.store, func(r store.Reader) ([]EntryView, error) {
		list, err := r.Entries(ctx, ch, from, limit, false, 0)
		if err != nil {
			return nil, err
		}
		var oids []store.OID
		for _, e := range list {
			if e.OID != 0 {
				oids = append(oids, e.OID)
			}
		}
		vs, err := r.ByOID(ctx, oids, false)
		if err != nil {
			return nil, err
		}
		byOID := make(map[store.OID]store.Version, len(vs))
		for _, v := range vs {
			byOID[v.OID] = v
		}
		out := make([]EntryView, len(list))
		for i, e := range list {
			v := byOID[e.OID]
			out[i] = EntryView{Entry: e, Name: v.Name, Type: e.Object.Type()}
			if le, err := ledger.ParseEntry(e.Bytes); err == nil {
				out[i].Mark, out[i].Why = le.M, le.Why
			}
		}
		return out, nil
	})
}

// logVerifier returns the key by which a member signs its channels.
func (n *Node) logVerifier(ctx context.Context, m comity.MemberID) (note.Verifier, error) {
	id, err := n.member(ctx, m)
	if err != nil {
		return nil, err
	}
	return id.Log, nil
}
