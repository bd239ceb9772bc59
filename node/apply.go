package node

import (
	"context"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/store"
)

// Apply implements federation.Sink: entries, objects, lifecycle, tree and
// checkpoint move in one transaction. Parsing is done before it begins.
func (s sink) Apply(ctx context.Context, ch comity.Channel, adv federation.Advance) error {
	items := s.n.readItems(adv)
	return s.n.store.Update(ctx, func(tx store.Tx) error {
		a := applying{n: s.n, ch: ch, items: slices.Clone(items), now: s.n.now()}
		return a.run(ctx, tx, adv)
	})
}

// incoming is one verified entry and its object, parsed.
type incoming struct {
	entry   ledger.Entry
	item    ledger.Item
	header  ledger.Header
	object  comity.Object
	refused comity.Message // why the payload is kept aside instead of being an object
	version store.OID
}

// readItems parses the payloads. A payload that is no acceptable object is kept
// aside with the reason: its bytes still count for the receipt.
func (n *Node) readItems(adv federation.Advance) []incoming {
	opt := stix.Options{Mode: comity.Lenient, Markings: n.markingLabels()}
	out := make([]incoming, len(adv.Entries))
	for i := range out {
		in := &out[i]
		in.entry, in.item, in.header = adv.Entries[i], adv.Items[i], adv.Headers[i]
		if in.entry.K != comity.EntryPut || in.item.Nonce == nil {
			continue
		}
		obj, rep := stix.Parse(in.item.Payload, opt)
		in.object = obj
		if rep.Outcome == comity.Refused {
			in.refused = comity.Msg("node.payload_refused")
			for _, f := range rep.Findings {
				if f.Refuses {
					in.refused = f.Msg
					break
				}
			}
		} else if obj.ID != in.header.O {
			in.refused = comity.Msg("node.payload_other_id", comity.A("said", in.header.O), comity.A("got", obj.ID))
		}
	}
	return out
}

// isObject reports whether the entry brings an object that nothing speaks
// against so far.
func (in *incoming) isObject() bool {
	return in.entry.K == comity.EntryPut && in.item.Nonce != nil && in.refused.IsZero()
}

// applying is one Apply under way, inside its transaction.
type applying struct {
	n       *Node
	ch      comity.Channel
	items   []incoming
	now     time.Time
	members map[comity.ObjectID]comity.MemberID // the peers by their STIX identity
}

func (a *applying) run(ctx context.Context, tx store.Tx, adv federation.Advance) error {
	if err := turn(ctx, tx); err != nil {
		return err
	}
	ag, err := a.terms(ctx, tx)
	if err != nil {
		return err
	}
	if err := a.admit(ctx, tx, ag); err != nil {
		return err
	}
	if err := a.objects(ctx, tx); err != nil {
		return err
	}
	if err := tx.AppendEntries(ctx, a.ch.ID, adv.Old, a.entries(adv.Old.Size), storeTiles(adv.Tiles), adv.Next); err != nil {
		return err
	}
	for i := range a.items {
		if err := a.lifecycle(ctx, tx, &a.items[i]); err != nil {
			return err
		}
	}
	if adv.Checkpoint == nil {
		return nil
	}
	return tx.SetCheckpoint(ctx, a.ch.ID, adv.Next.Size, adv.Checkpoint)
}

// terms asks once more whether the channel may be read: peer and agreement can
// have been stopped since reading began. What comes then is not taken in and
// refused, which would be for good, but left for when reading goes on.
func (a *applying) terms(ctx context.Context, tx store.Tx) (comity.Agreement, error) {
	ags, err := a.n.agreements(ctx, tx)
	if err != nil {
		return comity.Agreement{}, err
	}
	ag := ags.chain(a.ch.Agreement)
	if err := federation.MayFollow(&ag, a.now); err != nil {
		return ag, err
	}
	p, err := tx.Peer(ctx, a.ch.Publisher)
	if err == nil && !p.Verified() {
		err = comity.E(comity.Forbidden, "read", p.Name, comity.Msg("node.peer_state", comity.A("state", "msg:peer.state."+string(p.State))), nil)
	}
	return ag, err
}

// admit asks the policy at the entrance: what the agreement does not cover is
// kept aside, not stored as an object, and audited.
func (a *applying) admit(ctx context.Context, tx store.Tx, ag comity.Agreement) error {
	if err := a.creators(ctx, tx); err != nil {
		return err
	}
	for i := range a.items {
		in := &a.items[i]
		if in.entry.K != comity.EntryPut || in.item.Nonce == nil {
			continue
		}
		if in.refused.IsZero() {
			d := policy.Entrance(policy.Arrival{
				Kind: in.entry.K, Publisher: a.ch.Publisher, Object: &in.object, Handling: in.entry.M, Size: in.entry.S,
			}, ag, a.ch.Stream, a.n.ID(), a.now)
			if d.Allowed() {
				continue
			}
			in.refused = lastReason(d)
		}
		line := comity.Audit{At: a.now, Actor: "peer:" + string(a.ch.Publisher), Action: "entrance", Subject: string(in.header.O),
			Kind: comity.Forbidden.String(), Msg: in.refused}
		if err := tx.AddAudit(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// objects stores the accepted payloads in runs of equal handling, in order.
func (a *applying) objects(ctx context.Context, tx store.Tx) error {
	for start := 0; start < len(a.items); {
		end := start + 1
		for end < len(a.items) && a.items[end].entry.M == a.items[start].entry.M {
			end++
		}
		if err := a.putRun(ctx, tx, a.items[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

func (a *applying) putRun(ctx context.Context, tx store.Tx, run []incoming) error {
	mark := run[0].entry.M
	var objs []comity.Object
	var at []int
	for i := range run {
		if run[i].isObject() {
			objs, at = append(objs, run[i].object), append(at, i)
		}
	}
	if len(objs) == 0 {
		return nil
	}
	puts, err := tx.PutObjects(ctx, store.Arrival{Door: comity.DoorChannel, Origin: a.ch.Publisher, Handling: mark, At: a.now}, objs)
	if err != nil {
		return err
	}
	var again []store.OID
	for k, p := range puts {
		run[at[k]].version = p.OID
		switch {
		case p.OID == 0:
			run[at[k]].refused = fateRefusal(objs[k], p.Fate).Findings[0].Msg
		case p.Fate == store.FateSame:
			again = append(again, p.OID)
		case mark > objs[k].TLP && objs[k].TLP != comity.Unmarked:
			if err := tx.SetHandling(ctx, p.OID, mark, "", a.now); err != nil {
				return err
			}
		}
	}
	if err := a.stricter(ctx, tx, again, mark); err != nil {
		return err
	}
	if err := keepMarks(ctx, tx, objs, puts, a.now); err != nil {
		return err
	}
	return a.n.forward(ctx, tx, objs, puts)
}

// entries makes the records of this node's copy of the log.
func (a *applying) entries(first int64) []store.Entry {
	out := make([]store.Entry, len(a.items))
	for i, in := range a.items {
		e := store.Entry{
			Index: first + int64(i), Bytes: in.item.Entry, Kind: in.entry.K, Handle: in.entry.H, Rev: in.entry.R,
			Object: in.header.O, OID: in.version, At: a.now,
		}
		if in.item.Nonce != nil {
			e.Nonce, e.Header = in.item.Nonce, in.item.Header
			if in.version == 0 {
				e.Blob = in.item.Payload
			}
		}
		out[i] = e
	}
	return out
}
