package node

import (
	"context"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// SignAgreement adds this node's signature and tells the other parties.
func (n *Node) SignAgreement(ctx context.Context, by Actor, id string) (AgreementView, error) {
	v, err := n.Agreement(ctx, id)
	if err != nil {
		return v, err
	}
	if len(v.Findings) > 0 {
		return v, comity.E(comity.Invalid, "agreement sign", v.ID.Short(), v.Findings[0], nil)
	}
	line, err := n.keys.SignAgreement(v.Record.Body)
	if err != nil {
		return v, err
	}
	err = n.act(ctx, by, "agreement.sign", string(v.ID), func(tx store.Tx) error {
		if err := partiesVerified(ctx, tx, v.Agreement, n.ID()); err != nil {
			return err
		}
		rec, err := tx.Agreement(ctx, v.ID)
		if err != nil {
			return err
		}
		if hasSigned(rec, n.ID()) {
			return comity.E(comity.Conflict, "agreement sign", v.ID.Short(), comity.Msg("node.agreement_signed_already"), nil)
		}
		if rec.State != comity.AgreementProposed {
			return comity.E(comity.Conflict, "agreement sign", v.ID.Short(),
				comity.Msg("node.agreement_state", comity.A("state", "msg:agreement.state."+string(rec.State))), nil)
		}
		if err := replaces(ctx, tx, v.Agreement); err != nil {
			return err
		}
		rec.Signed = append(rec.Signed, store.Signature{Member: n.ID(), Line: line, At: n.now()})
		if err := n.putSigned(ctx, tx, v.Agreement, rec); err != nil {
			return err
		}
		return n.sendAgreement(ctx, tx, v.Agreement, rec)
	})
	if err != nil {
		return v, err
	}
	n.flushOutbox(ctx)
	return n.Agreement(ctx, string(v.ID))
}

func hasSigned(rec store.AgreementRecord, m comity.MemberID) bool {
	return slices.ContainsFunc(rec.Signed, func(s store.Signature) bool { return s.Member == m })
}

func signedByAll(a comity.Agreement, rec store.AgreementRecord) bool {
	return !slices.ContainsFunc(a.Parties, func(p comity.Party) bool { return !hasSigned(rec, p.ID) })
}

// putSigned stores a record with a new signature and moves it on: complete when
// all have signed, active when its time has come.
func (n *Node) putSigned(ctx context.Context, tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error {
	if rec.State == comity.AgreementProposed || rec.State == comity.AgreementDraft {
		rec.State = comity.AgreementProposed
		if signedByAll(a, rec) {
			rec.State, rec.StateAt = comity.AgreementComplete, n.now()
		}
	}
	if err := tx.PutAgreement(ctx, rec); err != nil {
		return err
	}
	return n.ripen(ctx, tx, rec)
}

// ripen moves agreements along with time: complete to active, active to ended,
// a replaced version to superseded; and opens the channels of an active one.
func (n *Node) ripen(ctx context.Context, tx store.Tx, rec store.AgreementRecord) error {
	a, err := n.readAgreement(rec)
	if err != nil {
		return err
	}
	now := n.now()
	over, by, err := n.over(ctx, tx, a, rec)
	switch {
	case err != nil:
		return err
	case over:
		rec.State, rec.StateAt, rec.EndedBy = comity.AgreementEnded, now, by
		return tx.PutAgreement(ctx, rec)
	case rec.State != comity.AgreementComplete || now.Before(a.ValidFrom):
		return nil
	}
	rec.State, rec.StateAt = comity.AgreementActive, now
	if err := tx.PutAgreement(ctx, rec); err != nil {
		return err
	}
	if a.Prev != "" {
		if old, err := tx.Agreement(ctx, a.Prev); err == nil {
			old.State, old.StateAt = comity.AgreementSuperseded, now
			if err := tx.PutAgreement(ctx, old); err != nil {
				return err
			}
		}
	}
	for _, p := range a.Others(n.ID()) {
		if peer, err := tx.Peer(ctx, p.ID); err == nil && peer.State == comity.PeerVerified {
			peer.State = comity.PeerActive
			if err := tx.PutPeer(ctx, peer); err != nil {
				return err
			}
		}
	}
	return n.openChannels(ctx, tx, a)
}

// openChannels makes the channel of each publisher and stream of an agreement,
// own and foreign alike; those that exist go on across versions.
func (n *Node) openChannels(ctx context.Context, tx store.Tx, a comity.Agreement) error {
	for _, s := range a.Streams {
		for _, p := range a.Parties {
			if !s.Publishes(p.ID) {
				continue
			}
			c := comity.Channel{
				ID:        ledger.ChannelIDOf(a.Chain, p.ID, s.Name),
				Agreement: a.Chain, Publisher: p.ID, Stream: s.Name, Own: p.ID == n.ID(), Created: n.now(),
			}
			if _, err := tx.Channel(ctx, c.ID); err == nil {
				continue
			}
			var edge ledger.Edge
			c.Head = edge.Head()
			if err := tx.CreateChannel(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// SuspendAgreement stops or resumes an agreement at this node, at once and
// without a reason; the others are told. Only who suspended it can resume it.
func (n *Node) SuspendAgreement(ctx context.Context, by Actor, id string, suspend bool) (AgreementView, error) {
	if suspend {
		return n.moveAgreement(ctx, by, id, "agreement.suspend", func(tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error {
			if rec.State != comity.AgreementActive {
				return wrongState("agreement suspend", rec)
			}
			rec.State, rec.StateAt, rec.EndedBy = comity.AgreementSuspended, n.now(), n.ID()
			if err := tx.PutAgreement(ctx, rec); err != nil {
				return err
			}
			return n.tell(ctx, tx, a, federation.TypeSuspend, "agreement:"+string(a.ID), n.now())
		})
	}
	return n.moveAgreement(ctx, by, id, "agreement.resume", func(tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error {
		switch {
		case rec.State != comity.AgreementSuspended:
			return wrongState("agreement resume", rec)
		case rec.EndedBy != n.ID():
			return comity.E(comity.Conflict, "agreement resume", rec.ID.Short(),
				comity.Msg("node.resume_theirs", comity.A("name", partyName(a, rec.EndedBy))), nil)
		}
		rec.State, rec.StateAt, rec.EndedBy = comity.AgreementActive, n.now(), ""
		if err := tx.PutAgreement(ctx, rec); err != nil {
			return err
		}
		return n.sendAgreement(ctx, tx, a, rec) // that it goes on is told by itself
	})
}

func wrongState(op string, rec store.AgreementRecord) error {
	return comity.E(comity.Conflict, op, rec.ID.Short(), comity.Msg("node.agreement_state", comity.A("state", "msg:agreement.state."+string(rec.State))), nil)
}

// partyName is the name of a party in the agreement, or its short id.
func partyName(a comity.Agreement, m comity.MemberID) string {
	for _, p := range a.Parties {
		if p.ID == m && p.Name != "" {
			return p.Name
		}
	}
	return m.Short()
}

type agreementMove func(tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error

// moveAgreement does one audited step of an agreement's life and tells it.
func (n *Node) moveAgreement(ctx context.Context, by Actor, id, action string, move agreementMove) (AgreementView, error) {
	v, err := n.Agreement(ctx, id)
	if err != nil {
		return v, err
	}
	err = n.act(ctx, by, action, string(v.ID), func(tx store.Tx) error {
		rec, err := tx.Agreement(ctx, v.ID)
		if err != nil {
			return err
		}
		return move(tx, v.Agreement, rec)
	})
	if err != nil {
		return v, err
	}
	n.flushOutbox(ctx)
	return n.Agreement(ctx, string(v.ID))
}

// tell sends the other parties a document of this type about an agreement. One
// that waits under the same name is replaced. at is the time in the document, to
// the second.
func (n *Node) tell(ctx context.Context, tx store.Tx, a comity.Agreement, typ, name string, at time.Time) error {
	for _, p := range a.Others(n.ID()) {
		doc, err := n.keys.SignInbox(federation.InboxDocument{Type: typ, To: p.ID, At: at, About: a.ID})
		if err != nil {
			return err
		}
		if err := n.queue(ctx, tx, p.ID, name, doc); err != nil {
			return err
		}
	}
	return nil
}
