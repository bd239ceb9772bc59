package node

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// A node that was restored from a backup may have signed more than it remembers.
// If it signed on from there, its readers would hold another history than the
// one it goes on with: a fork, by accident. So each of its channels is in doubt
// until every reader has said what it holds of it. What they hold beyond the
// backup is read back from them, verified against this node's own signature
// (federation.md 4.11).
//
// INVARIANT: nothing is appended to or signed in a channel that is in doubt.

// settingRestored stands in the database from a restore on.
const settingRestored = "restored"

// restored is what it holds.
type restored struct {
	At      time.Time                              `json:"at"`
	Backup  time.Time                              `json:"backup"`            // when the backup was made
	Settled map[comity.ChannelID]bool              `json:"settled,omitempty"` // own channels that are whole again
	Heard   map[comity.ChannelID][]comity.MemberID `json:"heard,omitempty"`   // readers that have said what they hold
}

// doubt is the state of recovery; ok is false for a node that was never restored.
func doubt(ctx context.Context, r store.SettingReader) (m restored, ok bool, err error) {
	b, err := r.Setting(ctx, settingRestored)
	if comity.Is(err, comity.NotFound) {
		return m, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	return m, err == nil, err
}

// sure refuses to go on with a channel that is in doubt.
func sure(ctx context.Context, r store.SettingReader, ch comity.ChannelID) error {
	m, ok, err := doubt(ctx, r)
	if err != nil || !ok || m.Settled[ch] {
		return err
	}
	return comity.E(comity.Unavailable, "append", ch, comity.Msg("node.recovering"), nil).WithHint(comity.Msg("node.recovering_hint"))
}

// Recovery is how far a restored node has come.
type Recovery struct {
	Restored bool              `json:"restored"` // from a backup, ever
	At       time.Time         `json:"at,omitzero"`
	Backup   time.Time         `json:"backup,omitzero"`
	Channels []RecoveryChannel `json:"channels"` // own ones
}

// RecoveryChannel is one own channel.
type RecoveryChannel struct {
	ID      comity.ChannelID `json:"id"`
	Title   string           `json:"title"` // of the agreement
	Stream  string           `json:"stream"`
	Size    int64            `json:"size"`
	Settled bool             `json:"settled"` // it may sign again
	Waiting []comity.Party   `json:"waiting"` // readers that have not said yet what they hold
}

// Recovery tells what a restored node still waits for.
func (n *Node) Recovery(ctx context.Context) (Recovery, error) {
	return view(ctx, n.store, func(r store.Reader) (Recovery, error) { return n.recovery(ctx, r) })
}

func (n *Node) recovery(ctx context.Context, r store.Reader) (Recovery, error) {
	out := Recovery{Channels: []RecoveryChannel{}}
	m, ok, err := doubt(ctx, r)
	if err != nil || !ok {
		return out, err
	}
	out.Restored, out.At, out.Backup = true, m.At, m.Backup
	list, err := r.Channels(ctx)
	if err != nil {
		return out, err
	}
	ags, err := n.agreements(ctx, r)
	if err != nil {
		return out, err
	}
	for _, c := range list {
		if !c.Own {
			continue
		}
		v := RecoveryChannel{ID: c.ID, Title: ags.chain(c.Agreement).Title, Stream: c.Stream, Size: c.Head.Size, Settled: m.Settled[c.ID], Waiting: []comity.Party{}}
		if !v.Settled {
			readers, err := n.readersEver(ctx, r, ags, c)
			if err != nil {
				return out, err
			}
			for _, p := range readers {
				if !slices.Contains(m.Heard[c.ID], p.ID) {
					v.Waiting = append(v.Waiting, p)
				}
			}
		}
		out.Channels = append(out.Channels, v)
	}
	return out, nil
}

// readersEver lists who may hold a copy of an own channel: every party of every
// version of its agreement that was verified and has not left.
func (n *Node) readersEver(ctx context.Context, r store.PeerReader, ags agreementList, c comity.Channel) ([]comity.Party, error) {
	var out []comity.Party
	for _, a := range ags {
		if a.Chain != c.Agreement {
			continue
		}
		for _, p := range a.Others(n.ID()) {
			if slices.ContainsFunc(out, func(o comity.Party) bool { return o.ID == p.ID }) {
				continue
			}
			peer, err := r.Peer(ctx, p.ID)
			if err != nil && !comity.Is(err, comity.NotFound) {
				return nil, err
			}
			if err == nil && peer.State != comity.PeerIntroduced && peer.State != comity.PeerEnded {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// recoverLoop asks the readers until nothing is in doubt, then looks from time
// to time whether a channel came that is.
func (n *Node) recoverLoop(ctx context.Context) {
	wait := retryMin
	for ctx.Err() == nil {
		open, err := n.Recover(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Warn("recover", "err", err)
		}
		if wait = min(2*wait, retryMax); open {
			wait = min(wait, 15*time.Second)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// Recover asks every reader of every channel in doubt what it holds, and reads
// back what this node has lost. It reports whether something is still in doubt.
func (n *Node) Recover(ctx context.Context) (open bool, err error) {
	rec, err := n.Recovery(ctx)
	if err != nil || !rec.Restored {
		return false, err
	}
	asked := map[comity.MemberID][]comity.ChannelID{}
	for _, c := range rec.Channels {
		if c.Settled {
			continue
		}
		open = true
		for _, p := range c.Waiting {
			asked[p.ID] = append(asked[p.ID], c.ID)
		}
		if len(c.Waiting) == 0 {
			if err := n.settleChannel(ctx, c.ID, ""); err != nil {
				return open, err
			}
		}
	}
	for m, channels := range asked {
		err := n.recoverFrom(ctx, m, channels)
		if err != nil && ctx.Err() == nil && !comity.Is(err, comity.Conflict) { // another process does the same
			n.heard(ctx, m, err)
		}
	}
	return open, ctx.Err()
}

// recoverFrom asks one reader.
func (n *Node) recoverFrom(ctx context.Context, m comity.MemberID, channels []comity.ChannelID) error {
	p, err := view(ctx, n.store, func(r store.Reader) (comity.Peer, error) { return r.Peer(ctx, m) })
	if err != nil {
		return err
	}
	id, err := n.reachable(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	heads, err := n.client.For(id).Heads(ctx)
	if err != nil {
		return err
	}
	for _, ch := range channels {
		for _, h := range heads {
			if h.Publisher != n.ID() || h.Channel != ch {
				continue
			}
			if err := n.readBack(ctx, ch, id, h.Note); err != nil {
				return err
			}
		}
		if err := n.settleChannel(ctx, ch, m); err != nil {
			return err
		}
	}
	return nil
}

// readBack reads from a member's copy what this node's own lacks. A checkpoint
// that this node did not sign counts for nothing.
func (n *Node) readBack(ctx context.Context, ch comity.ChannelID, from *federation.Identity, note []byte) error {
	self, err := n.self(ctx)
	if err != nil {
		return err
	}
	held, _, err := self.Keys.Checkpoint(note, ledger.Origin(n.ID(), ch))
	if err != nil {
		return err
	}
	own := ownCopy{sink{n}, self}
	reader := federation.NewReader(n.client, n.keys, own, federation.ReaderOptions{Now: n.now})
	p, err := reader.SyncFrom(ctx, ch, from)
	if err != nil {
		if comity.ErrorMessage(err).Key == "federation.fork" {
			err = comity.E(comity.Unverified, "recover", ch, comity.Msg("node.recover_fork", comity.A("name", from.Name), comity.A("size", held.Size)), err)
			_ = n.fault(ctx, ch, comity.Unverified, comity.ErrorMessage(err), n.now()) // it is also returned
		}
		return err
	}
	if p.To > p.From {
		n.audit(ctx, system, "recover", string(ch), nil)
		n.log.Info("read back what the backup did not hold", "channel", ch, "from", p.From, "to", p.To, "member", from.Name)
	}
	if p.To < held.Size {
		return comity.E(comity.Unverified, "recover", ch, comity.Msg("node.recover_short", comity.A("name", from.Name), comity.A("size", p.To), comity.A("held", held.Size)), nil)
	}
	return nil
}

// settleChannel notes that a reader has been heard ("" for none), and settles
// the channel when it was the last.
func (n *Node) settleChannel(ctx context.Context, ch comity.ChannelID, by comity.MemberID) error {
	return n.store.Update(ctx, func(tx store.Tx) error {
		m, ok, err := doubt(ctx, tx)
		if err != nil || !ok {
			return err
		}
		if m.Heard == nil {
			m.Heard = map[comity.ChannelID][]comity.MemberID{}
		}
		if m.Settled == nil {
			m.Settled = map[comity.ChannelID]bool{}
		}
		if by != "" && !slices.Contains(m.Heard[ch], by) {
			m.Heard[ch] = append(m.Heard[ch], by)
		}
		c, err := tx.Channel(ctx, ch)
		if err != nil {
			return err
		}
		ags, err := n.agreements(ctx, tx)
		if err != nil {
			return err
		}
		readers, err := n.readersEver(ctx, tx, ags, c)
		if err != nil {
			return err
		}
		missing := slices.ContainsFunc(readers, func(p comity.Party) bool { return !slices.Contains(m.Heard[ch], p.ID) })
		if !missing {
			m.Settled[ch] = true
			delete(m.Heard, ch)
			line := comity.Audit{At: n.now(), Actor: system.Name, Action: "recover", Subject: string(ch), Msg: comity.Msg("node.recovered", comity.A("size", c.Head.Size))}
			if err := tx.AddAudit(ctx, line); err != nil {
				return err
			}
		}
		b, err := json.Marshal(m)
		if err != nil {
			return err
		}
		return tx.PutSetting(ctx, settingRestored, b)
	})
}

// ownCopy is a sink for this node's own channel, read back from a member.
type ownCopy struct {
	sink
	self *federation.Identity
}

// Terms implements federation.Sink.
func (o ownCopy) Terms(ctx context.Context, ch comity.Channel) (*federation.Identity, comity.Agreement, error) {
	a, err := view(ctx, o.n.store, func(r store.Reader) (comity.Agreement, error) {
		ags, err := o.n.agreements(ctx, r)
		return ags.chain(ch.Agreement), err
	})
	return o.self, a, err
}

// Apply implements federation.Sink: the entries and their objects come back as
// this node's own, and with them what was said of them later.
func (o ownCopy) Apply(ctx context.Context, ch comity.Channel, adv federation.Advance) error {
	items := o.n.readItems(adv)
	return o.n.store.Update(ctx, func(tx store.Tx) error {
		if err := turn(ctx, tx); err != nil {
			return err
		}
		a := applying{n: o.n, ch: ch, items: slices.Clone(items), now: o.n.now()}
		if err := a.ownObjects(ctx, tx); err != nil {
			return err
		}
		if err := tx.AppendEntries(ctx, ch.ID, adv.Old, a.entries(adv.Old.Size), storeTiles(adv.Tiles), adv.Next); err != nil {
			return err
		}
		for i := range a.items {
			if err := a.ownLifecycle(ctx, tx, &a.items[i]); err != nil {
				return err
			}
		}
		if adv.Checkpoint == nil {
			return nil
		}
		return tx.SetCheckpoint(ctx, ch.ID, adv.Next.Size, adv.Checkpoint)
	})
}

// ownObjects stores what this node had published.
func (a *applying) ownObjects(ctx context.Context, tx store.Tx) error {
	for i := range a.items {
		in := &a.items[i]
		if !in.isObject() {
			continue
		}
		arrival := store.Arrival{Door: comity.DoorLocal, Handling: in.entry.M, At: a.now}
		puts, err := tx.PutObjects(ctx, arrival, []comity.Object{in.object})
		if err != nil {
			return err
		}
		in.version = puts[0].OID
	}
	return nil
}

// ownLifecycle carries out what this node had said of an object of its own.
func (a *applying) ownLifecycle(ctx context.Context, tx store.Tx, in *incoming) error {
	switch in.entry.K {
	case comity.EntryRevoke, comity.EntryErase, comity.EntryMark:
	default:
		return nil
	}
	place, err := tx.ByHandle(ctx, a.ch.ID, in.entry.H)
	if comity.Is(err, comity.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	vs, err := tx.Versions(ctx, place.Object)
	if err != nil && !comity.Is(err, comity.NotFound) {
		return err
	}
	for _, v := range vs {
		switch {
		case v.State == comity.StateErased || v.Origin != "":
		case in.entry.K == comity.EntryMark:
			err = tx.SetHandling(ctx, v.OID, max(in.entry.M, v.TLP), in.entry.Why, a.now)
		case in.entry.K == comity.EntryErase:
			err = tx.SetState(ctx, v.OID, comity.StateErased, in.entry.Why, a.now)
		case v.State == comity.StateActive:
			err = tx.SetState(ctx, v.OID, comity.StateRevoked, in.entry.Why, a.now)
		}
		if err != nil {
			return err
		}
	}
	if in.entry.K == comity.EntryErase {
		_, err = tx.EraseHandle(ctx, a.ch.ID, in.entry.H)
	}
	return err
}
