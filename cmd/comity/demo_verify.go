package main

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// share gives everything to the other side of every agreement that the policy
// lets through, and keeps what it refused with the reasons.
func (d *demo) share(ctx context.Context) error {
	for _, dn := range d.nodes {
		ags, err := dn.n.Agreements(ctx)
		if err != nil {
			return err
		}
		for _, ag := range ags {
			m := d.a.meter("cmd.share.running")
			res, err := dn.n.Share(ctx, d.a.actor(), node.ShareRequest{Query: &node.ShareQuery{All: true}, With: string(ag.ID), Progress: m.update})
			m.end()
			if err != nil {
				return err
			}
			d.refusals(dn, ag, res)
		}
	}
	return nil
}

// refusals keeps a few, so that the output stays readable with --with.
func (d *demo) refusals(dn *demoNode, ag node.AgreementView, res node.ShareResult) {
	const most = 4
	member := partyNames(ag.Others(dn.out.ID))
	n := 0
	for _, it := range res.Items {
		if it.Decision.Allowed() || n == most || it.ID.Type() == "relationship" || hasAlready(it.Decision) {
			continue
		}
		n++
		d.res.Refusals = append(d.res.Refusals, demoRefusal{it.ID, firstOf(it.Name, it.Type), dn.out.Name, member, it.Decision.Reasons})
	}
}

// hasAlready tells the refusal of what the receiver made itself from the others.
func hasAlready(d comity.Decision) bool {
	for _, r := range d.Reasons {
		if r.Msg.Key == "policy.origin_has_it" {
			return true
		}
	}
	return false
}

// arrive waits until every reader holds all that is published to it, verified,
// and the publisher holds its receipt; then it compares bytes.
func (d *demo) arrive(ctx context.Context) error {
	for _, pub := range d.nodes {
		for _, rd := range d.nodes {
			if pub == rd {
				continue
			}
			if err := until(ctx, pub.out.Name+" → "+rd.out.Name, func() (bool, error) { return d.level(ctx, pub, rd) }); err != nil {
				return err
			}
		}
	}
	for _, rd := range d.nodes {
		if err := d.compare(ctx, rd); err != nil {
			return err
		}
	}
	return nil
}

// level reports whether the reader has all entries of the publisher's channels
// and the publisher its receipts for them.
func (d *demo) level(ctx context.Context, pub, rd *demoNode) (bool, error) {
	theirs, err := pub.n.Channels(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range theirs {
		if !c.Own || !hasReader(c, rd.out.ID) || c.Head.Size == 0 {
			continue
		}
		mine, err := rd.n.Channel(ctx, string(c.ID))
		if err != nil {
			return false, err
		}
		if mine.Head != c.Head || c.SignedSize != c.Head.Size || c.Receipted < len(c.Readers) {
			return false, nil
		}
	}
	return true, nil
}

func hasReader(c node.ChannelView, m comity.MemberID) bool {
	for _, r := range c.Readers {
		if r.Member == m {
			return true
		}
	}
	return false
}

// compare checks that what came from each other node has the very bytes that
// node holds, by their digests.
func (d *demo) compare(ctx context.Context, rd *demoNode) error {
	for _, pub := range d.nodes {
		if pub == rd {
			continue
		}
		theirs := map[comity.ObjectID]comity.Hash{}
		if err := eachVersion(ctx, pub, store.Query{}, func(v store.Version) error {
			theirs[v.ID] = v.Digest
			return nil
		}); err != nil {
			return err
		}
		err := eachVersion(ctx, rd, store.Query{Origin: &pub.out.ID}, func(v store.Version) error {
			if theirs[v.ID] != v.Digest {
				return comity.E(comity.Unverified, "demo", v.ID, comity.Msg("cmd.demo.bytes_differ", comity.A("id", v.ID)), nil)
			}
			d.res.Identical++
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachVersion walks what a query selects at a node, page by page.
func eachVersion(ctx context.Context, dn *demoNode, q store.Query, fn func(store.Version) error) error {
	q.Limit = 1000
	for {
		page, err := dn.n.List(ctx, q)
		if err != nil {
			return err
		}
		for _, v := range page {
			if err := fn(v); err != nil {
				return err
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		q.After = page[len(page)-1].OID
	}
}

// withdraw revokes one object and erases another, and waits until both other
// nodes show it.
func (d *demo) withdraw(ctx context.Context) error {
	one := d.nodes[0]
	if _, err := one.n.Revoke(ctx, d.a.actor(), demoRevoked, "false-positive"); err != nil {
		return err
	}
	if _, err := one.n.Erase(ctx, d.a.actor(), demoErased, "wrong"); err != nil {
		return err
	}
	for _, w := range []struct {
		id   comity.ObjectID
		name string
		kind comity.EntryKind
		want comity.State
	}{
		{demoRevoked, "Scanner that turned out to be a researcher", comity.EntryRevoke, comity.StateRevoked},
		{demoErased, "Draft with a wrong date", comity.EntryErase, comity.StateErased},
	} {
		out := demoWithdrawal{Object: w.id, Name: w.name, Kind: w.kind}
		for _, rd := range d.nodes[1:] {
			if err := until(ctx, string(w.id), func() (bool, error) {
				v, err := rd.n.Show(ctx, w.id)
				return v.Version.State == w.want, err
			}); err != nil {
				return err
			}
			out.SeenBy = append(out.SeenBy, rd.out.Name)
		}
		d.res.Withdrawals = append(d.res.Withdrawals, out)
	}
	return d.arriveAgain(ctx)
}

// arriveAgain waits for the receipts over the withdrawals.
func (d *demo) arriveAgain(ctx context.Context) error {
	for _, rd := range d.nodes[1:] {
		if err := until(ctx, rd.out.Name, func() (bool, error) { return d.level(ctx, d.nodes[0], rd) }); err != nil {
			return err
		}
	}
	return nil
}

// verify re-reads every channel on every node from its store.
func (d *demo) verify(ctx context.Context) error {
	for _, dn := range d.nodes {
		m := d.a.meter("cmd.ledger.verifying")
		rs, err := dn.n.Verify(ctx, d.a.actor(), "", m.update)
		m.end()
		if err != nil {
			return err
		}
		if err := verifyOutcome(rs); err != nil {
			return err
		}
	}
	return nil
}

// sum collects the result.
func (d *demo) sum(ctx context.Context) error {
	for _, dn := range d.nodes {
		s, err := dn.n.Status(ctx)
		if err != nil {
			return err
		}
		dn.out.Objects = s.Objects
		d.res.Nodes = append(d.res.Nodes, dn.out)
		chs, err := dn.n.Channels(ctx)
		if err != nil {
			return err
		}
		for _, c := range chs {
			if c.Own && c.Head.Size > 0 {
				if err := d.sumChannel(ctx, dn, c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (d *demo) sumChannel(ctx context.Context, pub *demoNode, c node.ChannelView) error {
	for _, rd := range d.nodes {
		if rd == pub || !hasReader(c, rd.out.ID) {
			continue
		}
		mine, err := rd.n.Channel(ctx, string(c.ID))
		if err != nil {
			return err
		}
		d.res.Channels = append(d.res.Channels, demoChannel{
			ID: c.ID, Agreement: c.Title, Publisher: pub.out.Name, Stream: c.Stream, Reader: rd.out.Name,
			Entries: c.Head.Size, Verified: mine.Head.Size, Receipts: c.Receipted,
		})
	}
	return nil
}
