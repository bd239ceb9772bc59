package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// receive takes a checked document from a peer's hand (see
// federation.Source.Inbox). The same document may come again and then changes
// nothing.
func (n *Node) receive(ctx context.Context, from comity.MemberID, d federation.InboxDocument) error {
	actor := Actor{Name: "peer:" + string(d.From)}
	sum := sha256.Sum256(d.Raw)
	seen := "seen:" + hex.EncodeToString(sum[:])
	err := n.store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Setting(ctx, seen); err == nil && d.Type != federation.TypeAgreement {
			return nil
		}
		subject, err := n.take(ctx, tx, from, d)
		if err != nil || subject == "" {
			return err
		}
		if d.Type != federation.TypeIntroduce { // strangers must not fill the store
			if err := tx.PutSetting(ctx, seen, []byte(n.now().Format(time.RFC3339))); err != nil {
				return err
			}
		}
		return tx.AddAudit(ctx, comity.Audit{At: n.now(), Actor: actor.Name, Action: "inbox", Subject: subject, Msg: comity.Msg("node.inbox", comity.A("type", d.Type))})
	})
	if err != nil {
		n.audit(ctx, actor, "inbox", d.Type, err)
	}
	return err
}

// take applies a document and returns what it was about; "" when it changed
// nothing.
func (n *Node) take(ctx context.Context, tx store.Tx, from comity.MemberID, d federation.InboxDocument) (string, error) {
	switch d.Type {
	case federation.TypeIntroduce:
		return n.takeIntroduction(ctx, tx, d)
	case federation.TypeVerified:
		return n.takeVerified(ctx, tx, d)
	}
	if err := fromVerified(ctx, tx, d.From); err != nil {
		return "", err
	}
	switch d.Type {
	case federation.TypeAgreement:
		return n.takeAgreement(ctx, tx, d)
	case federation.TypeSuspend:
		return n.takeState(ctx, tx, d)
	case federation.TypeEnd:
		return n.takeState(ctx, tx, d)
	}
	return "", comity.E(comity.Invalid, "inbox", d.Type, comity.Msg("node.inbox_unknown", comity.A("type", d.Type)), nil)
}

// fromVerified refuses what only a verified peer may say.
func fromVerified(ctx context.Context, r store.PeerReader, m comity.MemberID) error {
	p, err := r.Peer(ctx, m)
	if err == nil && !p.Verified() && p.State != comity.PeerSuspended {
		err = comity.E(comity.Forbidden, "inbox", p.Name, comity.Msg("node.peer_not_verified", comity.A("name", p.Name)), nil)
	}
	return err
}

// takeVerified notes that the peer's people confirmed the code, and sends it at
// once what it could not take from us before.
func (n *Node) takeVerified(ctx context.Context, tx store.Tx, d federation.InboxDocument) (string, error) {
	note, err := tx.Setting(ctx, settingIdentity)
	if err != nil {
		return "", err
	}
	self, err := n.identity(note)
	if err != nil {
		return "", err
	}
	if d.Genesis != sha256.Sum256(self.Genesis) {
		return "", comity.E(comity.Unverified, "inbox", d.From.Short(), comity.Msg("node.verified_other"), nil)
	}
	jobs, err := tx.Jobs(ctx, jobInbox)
	if err != nil {
		return "", err
	}
	for _, j := range jobs {
		if strings.HasPrefix(j.Key, string(d.From)+" ") {
			if err := tx.RetryJob(ctx, j.ID, n.now(), j.Last); err != nil {
				return "", err
			}
		}
	}
	p, err := tx.Peer(ctx, d.From)
	if err != nil || p.TheyVerified {
		return "", err
	}
	p.TheyVerified = true
	return string(d.From), tx.PutPeer(ctx, p)
}

// maxIntroduced bounds how many nodes can stand introduced and unverified.
const maxIntroduced = 200

func (n *Node) takeIntroduction(ctx context.Context, tx store.Tx, d federation.InboxDocument) (string, error) {
	if d.Subject.ID == n.ID() {
		return "", comity.E(comity.Conflict, "inbox", d.Subject.Name, comity.Msg("node.peer_self"), nil)
	}
	peers, err := tx.Peers(ctx)
	if err != nil {
		return "", err
	}
	waiting, known := 0, false
	for _, p := range peers {
		known = known || p.ID == d.Subject.ID
		if p.State == comity.PeerIntroduced {
			waiting++
		}
	}
	if !known && waiting >= maxIntroduced {
		return "", comity.E(comity.Limited, "inbox", d.Subject.Name, comity.Msg("node.introductions_full", comity.A("n", maxIntroduced)), nil)
	}
	return string(d.Subject.ID), n.introduce(ctx, tx, d.Subject)
}

// maxProposals bounds the agreements that one peer can have proposed here and
// that stand unsigned: every decision reads them all.
const maxProposals = 50

func roomForProposal(ctx context.Context, r store.AgreementReader, from comity.MemberID) error {
	recs, err := r.Agreements(ctx)
	if err != nil {
		return err
	}
	open := 0
	for _, rec := range recs {
		if rec.State == comity.AgreementProposed && hasSigned(rec, from) {
			open++
		}
	}
	if open >= maxProposals {
		return comity.E(comity.Limited, "inbox", from.Short(), comity.Msg("node.proposals_full", comity.A("n", maxProposals)), nil)
	}
	return nil
}

// takeAgreement stores a proposal, or adds the sender's signature to one that
// is held; from the one who suspended it, it means that it goes on.
func (n *Node) takeAgreement(ctx context.Context, tx store.Tx, d federation.InboxDocument) (string, error) {
	a := d.Agreement
	if !a.Has(n.ID()) {
		return "", comity.E(comity.Forbidden, "inbox", a.ID.Short(), comity.Msg("node.not_a_party"), nil)
	}
	rec, err := tx.Agreement(ctx, a.ID)
	if comity.Is(err, comity.NotFound) {
		if len(a.Parties) > 2 || a.Kind != "bilateral" {
			if f := policy.CheckAgreement(a); len(f) > 0 {
				return "", comity.E(comity.Invalid, "inbox", a.ID.Short(), f[0].Msg, nil)
			}
		}
		if err := replaces(ctx, tx, a); err != nil {
			return "", err
		}
		if err := roomForProposal(ctx, tx, d.From); err != nil {
			return "", err
		}
		rec = store.AgreementRecord{ID: a.ID, Chain: a.Chain, Body: d.Body, State: comity.AgreementProposed, Received: n.now(), StateAt: n.now()}
	} else if err != nil {
		return "", err
	}
	if rec.State == comity.AgreementSuspended && rec.EndedBy == d.From {
		rec.State, rec.StateAt, rec.EndedBy = comity.AgreementActive, n.now(), ""
		return string(a.ID), tx.PutAgreement(ctx, rec)
	}
	if hasSigned(rec, d.From) {
		return "", nil
	}
	rec.Signed = append(rec.Signed, store.Signature{Member: d.From, Line: d.Line, At: n.now()})
	return string(a.ID), n.putSigned(ctx, tx, a, rec)
}

func (n *Node) takeState(ctx context.Context, tx store.Tx, d federation.InboxDocument) (string, error) {
	rec, err := tx.Agreement(ctx, d.About)
	if err != nil {
		return "", err
	}
	a, err := n.readAgreement(rec)
	if err != nil {
		return "", err
	}
	if !a.Has(d.From) {
		return "", comity.E(comity.Forbidden, "inbox", a.ID.Short(), comity.Msg("node.not_a_party"), nil)
	}
	switch {
	case rec.State == comity.AgreementEnded || rec.State == comity.AgreementSuperseded:
		return "", nil
	case d.Type == federation.TypeEnd:
		return string(a.ID), n.giveNotice(ctx, tx, a, rec, d.From, d.At)
	case rec.State != comity.AgreementActive:
		return "", nil
	}
	rec.State, rec.StateAt, rec.EndedBy = comity.AgreementSuspended, n.now(), d.From
	return string(a.ID), tx.PutAgreement(ctx, rec)
}
