package node

import (
	"context"
	"encoding/hex"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// verifyBatch and verifyBytes bound what Verify holds at once.
const (
	verifyBatch = 4096
	verifyBytes = 16 << 20
)

// Verify reads channels back from the store ("" for all) and recomputes
// everything: each entry's leaf hash, the tree, the publisher's signature, each
// payload's commitment, each receipt. A fault found is in the report, not an
// error.
func (n *Node) Verify(ctx context.Context, by Actor, ch string, progress func(Progress)) ([]VerifyReport, error) {
	channels, err := n.Channels(ctx)
	if err != nil {
		return nil, err
	}
	if ch != "" {
		c, err := n.Channel(ctx, ch)
		if err != nil {
			return nil, err
		}
		channels = []ChannelView{c}
	}
	var out []VerifyReport
	for _, c := range channels {
		v := verifying{n: n, c: c, progress: progress, puts: map[comity.Handle]int64{}}
		rep, err := v.run(ctx)
		if err != nil {
			n.audit(ctx, by, "ledger.verify", string(c.ID), err)
			return out, err
		}
		out = append(out, rep)
	}
	n.auditVerify(ctx, by, ch, out)
	return out, nil
}

// auditVerify writes one line for the run, and one for each channel at fault.
func (n *Node) auditVerify(ctx context.Context, by Actor, ch string, reports []VerifyReport) {
	var entries, faults int64
	for _, rep := range reports {
		entries += rep.Entries
		if !rep.OK {
			faults++
			n.audit(ctx, by, "ledger.verify", string(rep.Channel), comity.E(comity.Unverified, "verify", rep.Channel, rep.Problems[0], nil))
		}
	}
	line := comity.Audit{At: n.now(), Actor: by.Name, Action: "ledger.verify", Subject: ch, Msg: comity.Msg("node.verified",
		comity.A("channels", len(reports)), comity.A("entries", entries), comity.A("faults", faults))}
	ctx = context.WithoutCancel(ctx)
	if err := n.store.Update(ctx, func(tx store.Tx) error { return tx.AddAudit(ctx, line) }); err != nil {
		n.log.Error("audit", "action", line.Action, "err", err)
	}
}

// verifying is one channel being verified.
type verifying struct {
	n        *Node
	c        ChannelView
	rep      VerifyReport
	progress func(Progress)
	edge     ledger.Edge
	signed   comity.Head             // the tree at the signed size, as recomputed
	puts     map[comity.Handle]int64 // put without payload, until its erase entry is found
}

const maxProblems = 100

func (v *verifying) run(ctx context.Context) (VerifyReport, error) {
	start := v.n.now()
	kept, err := view(ctx, v.n.store, func(r store.Reader) (retained, error) { return retainedOf(ctx, r, v.c.ID) })
	if err != nil {
		return v.rep, err
	}
	v.rep = VerifyReport{Channel: v.c.ID, Title: v.c.Title, Publisher: v.c.PublisherName, Stream: v.c.Stream, Own: v.c.Own, Problems: []comity.Message{}}
	for v.edge.Size() < v.c.Head.Size && ctx.Err() == nil {
		from := v.edge.Size()
		list, err := view(ctx, v.n.store, func(r store.Reader) ([]store.Entry, error) {
			return r.Entries(ctx, v.c.ID, from, int(min(verifyBatch, v.c.Head.Size-from)), true, verifyBytes)
		})
		if err != nil {
			return v.rep, err
		}
		if len(list) == 0 {
			v.problem("node.entry_missing", comity.A("index", from))
			break
		}
		for _, e := range list {
			v.entry(e)
		}
		if v.progress != nil {
			v.progress(Progress{Done: v.edge.Size(), Total: v.c.Head.Size})
		}
	}
	if err := ctx.Err(); err != nil {
		return v.rep, err
	}
	for h, i := range v.puts {
		if i < kept.Below && !v.c.Own {
			continue // its retention is over
		}
		v.problem("node.payload_missing", comity.A("index", i), comity.A("handle", h))
	}
	v.tree(ctx)
	err = v.receipts(ctx)
	v.rep.OK, v.rep.Took = len(v.rep.Problems) == 0, v.n.now().Sub(start)
	return v.rep, err
}

func (v *verifying) problem(key string, args ...comity.Arg) {
	if len(v.rep.Problems) < maxProblems {
		v.rep.Problems = append(v.rep.Problems, comity.Msg(key, args...))
	}
}

func (v *verifying) entry(e store.Entry) {
	if e.Index != v.edge.Size() {
		v.problem("node.entry_missing", comity.A("index", v.edge.Size()))
	}
	if v.c.SignedSize == v.edge.Size() {
		v.signed = v.edge.Head()
	}
	v.edge.Append(ledger.LeafHash(e.Bytes))
	v.rep.Entries++
	le, err := ledger.ParseEntry(e.Bytes)
	if err != nil {
		v.problem("node.entry_unreadable", comity.A("index", e.Index))
		return
	}
	switch {
	case le.K == comity.EntryErase:
		delete(v.puts, le.H)
	case le.K != comity.EntryPut:
	case e.Nonce == nil:
		v.rep.Erased++
		v.puts[le.H] = e.Index
	case ledger.Commitment(e.Nonce, e.Header, e.Payload) != le.C:
		v.problem("node.commitment_differs", comity.A("index", e.Index), comity.A("object", e.Object))
	default:
		v.rep.Payloads++
	}
}

// tree compares the recomputed tree with the stored head and the signature.
func (v *verifying) tree(ctx context.Context) {
	head := v.edge.Head()
	v.rep.Root = hex.EncodeToString(head.Root[:])
	if head != v.c.Head {
		v.problem("node.root_differs", comity.A("size", v.c.Head.Size))
	}
	if v.c.SignedSize == head.Size {
		v.signed = head
	}
	if v.c.Checkpoint == nil {
		if head.Size > 0 {
			v.problem("node.unsigned", comity.A("size", head.Size))
		}
		return
	}
	verifier, err := v.n.logVerifier(ctx, v.c.Publisher)
	if err != nil {
		v.problem("node.publisher_unknown", comity.A("member", v.c.Publisher.Short()))
		return
	}
	signed, err := ledger.OpenCheckpoint(v.c.Checkpoint, verifier, ledger.Origin(v.c.Publisher, v.c.ID))
	if err != nil {
		v.rep.Problems = append(v.rep.Problems, comity.ErrorMessage(err))
		return
	}
	if signed != v.signed {
		v.problem("node.checkpoint_differs", comity.A("size", signed.Size))
	}
}

// receipts checks that each reader's receipt, this node's own in a channel that it
// reads, is its reader's signature. The store
// keeps a receipt's line; what it signed is rebuilt from the channel's tree.
func (v *verifying) receipts(ctx context.Context) error {
	list, err := view(ctx, v.n.store, func(r store.Reader) ([]comity.Receipt, error) { return r.Receipts(ctx, v.c.ID) })
	if err != nil {
		return err
	}
	for _, rc := range list {
		v.rep.Receipts++
		if rc.Size != v.c.SignedSize {
			continue // on an earlier checkpoint: it was verified when it came
		}
		id, err := v.n.member(ctx, rc.Member)
		if err == nil {
			_, err = ledger.OpenReceipt(v.c.Checkpoint, rc.Line, id.Rcv)
		}
		if err != nil {
			v.problem("node.receipt_wrong", comity.A("member", rc.Member.Short()))
		}
	}
	return nil
}
