package node

import (
	"context"
	"slices"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// ProposeAgreement signs an agreement in template form and sends it to the
// other parties.
func (n *Node) ProposeAgreement(ctx context.Context, by Actor, text []byte) (AgreementView, error) {
	body, a, err := n.draftAgreement(ctx, text)
	if err != nil {
		return AgreementView{}, err
	}
	line, err := n.keys.SignAgreement(body)
	if err != nil {
		return AgreementView{}, err
	}
	err = n.act(ctx, by, "agreement.propose", string(a.ID), func(tx store.Tx) error {
		if err := partiesVerified(ctx, tx, a, n.ID()); err != nil {
			return err
		}
		if held, err := tx.Agreement(ctx, a.ID); err == nil {
			// Proposing it anew would take back what the others have signed.
			return comity.E(comity.Conflict, "agreement propose", a.ID.Short(),
				comity.Msg("node.agreement_exists", comity.A("state", "msg:agreement.state."+string(held.State))), nil)
		} else if !comity.Is(err, comity.NotFound) {
			return err
		}
		if err := replaces(ctx, tx, a); err != nil {
			return err
		}
		rec := store.AgreementRecord{
			ID: a.ID, Chain: a.Chain, Body: body, State: comity.AgreementProposed,
			Signed: []store.Signature{{Member: n.ID(), Line: line, At: n.now()}}, Received: n.now(), StateAt: n.now(),
		}
		if err := tx.PutAgreement(ctx, rec); err != nil {
			return err
		}
		return n.sendAgreement(ctx, tx, a, rec)
	})
	if err != nil {
		return AgreementView{}, err
	}
	n.flushOutbox(ctx)
	return n.Agreement(ctx, string(a.ID))
}

// draftAgreement turns the edited JSON into the body that all parties sign, or
// tells the first thing that is wrong with it.
func (n *Node) draftAgreement(ctx context.Context, text []byte) ([]byte, comity.Agreement, error) {
	const op = "agreement propose"
	d, err := n.readDraft(ctx, text)
	// Who is not verified is told, with what to do, when it is to be stored.
	d.Findings = slices.DeleteFunc(d.Findings, func(f comity.Finding) bool { return f.Rule == ruleUnverified })
	if err != nil || len(d.Findings) == 0 {
		return d.Body, d.Agreement, err
	}
	f, kind := d.Findings[0], comity.Invalid
	if f.Rule == "member" {
		kind = comity.Forbidden // who may, not what it says
	}
	e := comity.E(kind, op, f.Path, f.Msg, nil)
	if n := len(d.Findings); n > 1 {
		return nil, d.Agreement, e.WithHint(comity.Msg("node.more_findings", comity.A("n", n-1)))
	}
	return nil, d.Agreement, e
}

// partiesVerified refuses an agreement with somebody whose keys no person has
// checked.
func partiesVerified(ctx context.Context, r store.Reader, a comity.Agreement, self comity.MemberID) error {
	for _, p := range a.Others(self) {
		peer, err := r.Peer(ctx, p.ID)
		if err != nil || !peer.Verified() {
			return comity.E(comity.Forbidden, "agreement", a.ID.Short(), comity.Msg("node.party_unverified",
				comity.A("name", p.Name), comity.A("id", p.ID.Grouped())), err).
				WithHint(comity.Msg("node.party_unverified_hint", comity.A("member", p.ID.Short())))
		}
	}
	return nil
}

// replaces checks the version that an agreement says it replaces: it is known
// here, of the same chain and between the same parties, and nothing else has
// replaced it. Else one agreement could end another, or take over its channels.
func replaces(ctx context.Context, r store.AgreementReader, a comity.Agreement) error {
	if a.Prev == "" {
		return nil
	}
	wrong := comity.E(comity.Invalid, "agreement", a.ID.Short(), comity.Msg("node.prev_other", comity.A("prev", a.Prev.Short())), nil)
	old, err := r.Agreement(ctx, a.Prev)
	if comity.Is(err, comity.NotFound) {
		return wrong
	} else if err != nil {
		return err
	}
	was, err := federation.ParseAgreement(old.Body)
	if err != nil {
		return err
	}
	same := old.Chain == a.Chain && len(was.Parties) == len(a.Parties)
	for _, p := range was.Parties {
		same = same && a.Has(p.ID)
	}
	switch {
	case !same:
		return wrong
	case old.State == comity.AgreementSuperseded:
		return comity.E(comity.Conflict, "agreement", a.ID.Short(),
			comity.Msg("node.agreement_state", comity.A("state", "msg:agreement.state."+string(old.State))), nil)
	}
	return nil
}

// sendAgreement queues the body with all signatures held to the other parties.
func (n *Node) sendAgreement(ctx context.Context, tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error {
	lines := make([][]byte, len(rec.Signed))
	for i, s := range rec.Signed {
		lines[i] = s.Line
	}
	doc, err := ledger.JoinDocument(rec.Body, lines...)
	if err != nil {
		return err
	}
	for _, p := range a.Others(n.ID()) {
		if err := n.queue(ctx, tx, p.ID, "agreement:"+string(a.ID), doc); err != nil {
			return err
		}
	}
	return nil
}
