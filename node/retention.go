package node

import (
	"context"
	"encoding/json"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

const (
	// WhyRetention is the reason code of what was erased because the retention
	// clause of the stream it came in was over.
	WhyRetention = "retention"

	retentionBatch = 256 // entries looked at in one transaction
	retentionEvery = time.Hour
)

// retained is how far the retention of one foreign channel has been applied.
type retained struct {
	Below int64     `json:"below"` // entries under this index were looked at
	At    time.Time `json:"at"`    // when
	Count int64     `json:"count"` // erased and not yet told in the audit
}

func settingRetained(ch comity.ChannelID) string { return "retention:" + string(ch) }

func retainedOf(ctx context.Context, r store.SettingReader, ch comity.ChannelID) (retained, error) {
	var out retained
	b, err := r.Setting(ctx, settingRetained(ch))
	if comity.Is(err, comity.NotFound) {
		return out, nil
	} else if err != nil {
		return out, err
	}
	err = json.Unmarshal(b, &out)
	return out, err
}

func (p retained) put(ctx context.Context, tx store.SettingWriter, ch comity.ChannelID) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, settingRetained(ch), b)
}

// ApplyRetention erases what came in a peer's channel longer ago than the
// stream's retention clause allows, also when the agreement has ended. What this
// node also has by another way stays. Run does it at the start and every hour;
// the first fault is returned after all channels were tried.
//
// INVARIANT: nothing is erased before its period is over, by this node's clock.
func (n *Node) ApplyRetention(ctx context.Context) error {
	list, err := view(ctx, n.store, func(r store.Reader) ([]comity.Channel, error) { return r.Channels(ctx) })
	if err != nil {
		return err
	}
	var first error
	for _, c := range list {
		if c.Own {
			continue
		}
		more, err := true, error(nil)
		for more && err == nil && ctx.Err() == nil {
			more, err = n.retain(ctx, c.ID)
		}
		if err != nil && first == nil {
			first = err
		}
	}
	if first == nil {
		first = ctx.Err()
	}
	return first
}

// retain does one batch of a channel and reports whether there may be more. The
// last batch writes the audit line; what a stop in between left untold is told
// by the next run.
func (n *Node) retain(ctx context.Context, ch comity.ChannelID) (more bool, err error) {
	due, err := view(ctx, n.store, func(r store.Reader) (bool, error) {
		b, err := n.overdue(ctx, r, ch)
		return len(b.entries) > 0 || b.progress.Count > 0, err
	})
	if err != nil || !due {
		return false, err
	}
	err = n.store.Update(ctx, func(tx store.Tx) error {
		more = false
		if err := turn(ctx, tx); err != nil {
			return err
		}
		b, err := n.overdue(ctx, tx, ch)
		if err != nil {
			return err
		}
		for _, e := range b.entries {
			gone, err := n.expire(ctx, tx, ch, e)
			if err != nil {
				return err
			}
			if gone {
				b.progress.Count++
			}
			b.progress.Below = e.Index + 1
		}
		b.progress.At = n.now()
		more = b.full
		if !more && b.progress.Count > 0 {
			line := comity.Audit{At: n.now(), Actor: "system", Action: "retention", Subject: string(ch),
				Msg: comity.Msg("node.retention", comity.A("n", b.progress.Count), comity.A("stream", b.stream))}
			if err := tx.AddAudit(ctx, line); err != nil {
				return err
			}
			b.progress.Count = 0
		}
		return b.progress.put(ctx, tx, ch)
	})
	return more, err
}

// overdueBatch is the next entries of a channel whose period is over.
type overdueBatch struct {
	progress retained
	stream   string
	entries  []store.Entry
	full     bool // the batch ended at its bound, not at an entry that stays
}

func (n *Node) overdue(ctx context.Context, r store.Reader, ch comity.ChannelID) (overdueBatch, error) {
	var b overdueBatch
	c, err := r.Channel(ctx, ch)
	if err != nil {
		return b, err
	}
	b.stream = c.Stream
	if b.progress, err = retainedOf(ctx, r, ch); err != nil {
		return b, err
	}
	keep, limited, err := n.retention(ctx, r, c)
	if err != nil || !limited || b.progress.Below >= c.Head.Size {
		return b, err
	}
	list, err := r.Entries(ctx, ch, b.progress.Below, retentionBatch, false, 0)
	if err != nil {
		return b, err
	}
	now := n.now()
	for _, e := range list {
		if keep.Add(e.At).After(now) {
			return b, nil
		}
		b.entries = append(b.entries, e)
	}
	b.full = len(list) > 0
	return b, nil
}

// retention is the clause of the version of the agreement that counts, which
// stays after its end. An empty period would erase what has only just come; it
// cannot be signed, and is taken as no limit.
func (n *Node) retention(ctx context.Context, r store.Reader, c comity.Channel) (keep policy.Span, limited bool, err error) {
	ags, err := n.agreements(ctx, r)
	if err != nil {
		return keep, false, err
	}
	a := ags.chain(c.Agreement)
	for _, s := range a.Streams {
		if s.Name == c.Stream {
			keep, err = policy.ParsePeriod(s.Retention)
			return keep, keep != policy.Span{}, err
		}
	}
	return keep, false, nil
}

// expire erases what an entry brought, unless a newer put of its handle came
// since: then that one decides, when its own time is over.
func (n *Node) expire(ctx context.Context, tx store.Tx, ch comity.ChannelID, e store.Entry) (bool, error) {
	if e.Kind != comity.EntryPut || e.Nonce == nil {
		return false, nil
	}
	place, err := tx.ByHandle(ctx, ch, e.Handle)
	if comity.Is(err, comity.NotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if place.Put > e.Index {
		return false, nil
	}
	changed, err := dropHandle(ctx, tx, ch, e.Handle, WhyRetention, n.now())
	if err != nil || !changed {
		return true, err
	}
	// Whoever got it from here got it under a clause that is no longer.
	_, err = n.announce(ctx, tx, place.Object, comity.EntryErase, comity.Unmarked, WhyRetention)
	return true, err
}

// dropHandle deletes what came under a handle and no other way still gives. It
// reports whether an object was erased.
func dropHandle(ctx context.Context, tx store.Tx, ch comity.ChannelID, h comity.Handle, why string, at time.Time) (changed bool, err error) {
	oids, err := tx.EraseHandle(ctx, ch, h)
	if err != nil {
		return false, err
	}
	for _, oid := range oids {
		left, err := tx.Sources(ctx, oid)
		if err != nil {
			return false, err
		}
		if len(left) > 0 {
			continue
		}
		if err := tx.SetState(ctx, oid, comity.StateErased, why, at); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// retentionLoop applies the retention clauses at the start and every hour.
func (n *Node) retentionLoop(ctx context.Context) {
	t := time.NewTicker(retentionEvery)
	defer t.Stop()
	for {
		if err := n.ApplyRetention(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("retention", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
