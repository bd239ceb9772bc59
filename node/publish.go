package node

import (
	"context"
	"slices"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// maxAppend bounds the entries of one transaction.
const maxAppend = 4096

// draft is one entry on its way into an own channel.
type draft struct {
	entry   ledger.Entry
	nonce   []byte
	header  []byte
	object  comity.ObjectID
	version store.OID
}

// putDraft makes the entry that gives a version to a channel. at is where the
// object stands there already; nil when it is new to the channel.
func (n *Node) putDraft(v store.Version, raw []byte, handling comity.TLP, at *store.Placement) (draft, error) {
	nonce, err := ledger.NewNonce(n.rand)
	if err != nil {
		return draft{}, err
	}
	h, rev := comity.Handle(""), int64(1)
	if at != nil {
		h, rev = at.Handle, at.Rev+1
	} else if h, err = ledger.NewHandle(n.rand); err != nil {
		return draft{}, err
	}
	header := ledger.Header{O: v.ID, F: ledger.MediaSTIX}.Encode()
	return draft{
		entry: ledger.Entry{
			K: comity.EntryPut, H: h, R: rev, M: handling,
			C: ledger.Commitment(nonce, header, raw), S: int64(len(raw)),
		},
		nonce: nonce, header: header, object: v.ID, version: v.OID,
	}, nil
}

// appendTo appends drafts to an own channel inside tx: entries, tree and head
// move together or not at all. Signing comes after the commit (sign.go).
func (n *Node) appendTo(ctx context.Context, tx store.Tx, ch comity.ChannelID, drafts []draft) (first int64, err error) {
	c, err := tx.Channel(ctx, ch)
	if err != nil {
		return 0, err
	}
	if !c.Own {
		return 0, comity.E(comity.Internal, "append", ch, comity.Msg("node.channel_not_own", comity.A("channel", ch)), nil)
	}
	if err := sure(ctx, tx, ch); err != nil {
		return 0, err
	}
	if err := n.use(ctx, tx, c.Agreement, drafts); err != nil {
		return 0, err
	}
	first = c.Head.Size
	head := c.Head
	for part := range slices.Chunk(drafts, maxAppend) {
		if head, err = n.appendPart(ctx, tx, ch, head, part); err != nil {
			return 0, err
		}
	}
	return first, nil
}

func (n *Node) appendPart(ctx context.Context, tx store.Tx, ch comity.ChannelID, head comity.Head, part []draft) (comity.Head, error) {
	now := n.now()
	entries := make([]store.Entry, len(part))
	leaves := make([]comity.Hash, len(part))
	for i, d := range part {
		b, err := d.entry.Encode()
		if err != nil {
			return head, err
		}
		leaves[i] = ledger.LeafHash(b)
		entries[i] = store.Entry{
			Index: head.Size + int64(i), Bytes: b, Kind: d.entry.K, Handle: d.entry.H, Rev: d.entry.R,
			Nonce: d.nonce, Header: d.header, Object: d.object, OID: d.version, At: now,
		}
	}
	tiles, next, err := ledger.Extend(ctx, txLog{tx, ch}, head, leaves)
	if err != nil {
		return head, err
	}
	return next, tx.AppendEntries(ctx, ch, head, entries, storeTiles(tiles), next)
}

// announce appends a lifecycle entry to every own channel that the object went
// to, in one transaction with whatever else tx does.
//
// INVARIANT: a withdrawal reaches every channel that the object reached.
func (n *Node) announce(ctx context.Context, tx store.Tx, id comity.ObjectID, kind comity.EntryKind, mark comity.TLP, why string) ([]store.Placement, error) {
	places, err := tx.Placements(ctx, []comity.ObjectID{id})
	if err != nil {
		return nil, err
	}
	var told []store.Placement
	for _, p := range places {
		if !p.Own || p.Kind == comity.EntryErase || p.Kind == kind && kind == comity.EntryRevoke {
			continue
		}
		d := draft{
			entry:  ledger.Entry{K: kind, H: p.Handle, R: p.Rev + 1, M: mark, Why: why, Must: kind != comity.EntryRevoke},
			object: id,
		}
		if p.Index, err = n.appendTo(ctx, tx, p.Channel, []draft{d}); err != nil {
			return nil, err
		}
		if kind == comity.EntryErase {
			if _, err := tx.EraseHandle(ctx, p.Channel, p.Handle); err != nil {
				return nil, err
			}
		}
		told = append(told, p)
	}
	return told, nil
}
