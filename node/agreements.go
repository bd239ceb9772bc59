package node

import (
	"bytes"
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// agreementList is every agreement read from its documents: first those that
// not all have signed, then the others, each oldest first.
type agreementList []comity.Agreement

func (n *Node) agreements(ctx context.Context, r store.AgreementReader) (agreementList, error) {
	recs, err := r.Agreements(ctx)
	if err != nil {
		return nil, err
	}
	var signed agreementList
	out := make(agreementList, 0, len(recs))
	for _, rec := range recs {
		a, err := n.readAgreement(rec)
		if err != nil {
			return nil, err
		}
		if signedByAll(a, rec) {
			signed = append(signed, a)
		} else {
			out = append(out, a)
		}
	}
	return append(out, signed...), nil
}

// readAgreement reads the clauses of a record, once for each agreement: its
// body never changes. Lists inside are shared and must not be written to.
func (n *Node) readAgreement(rec store.AgreementRecord) (comity.Agreement, error) {
	a, err := n.texts.get(rec.ID, func() (comity.Agreement, error) { return federation.ParseAgreement(rec.Body) })
	a.ID, a.Chain, a.State = rec.ID, rec.Chain, rec.State
	return a, err
}

// chain returns the version of a chain that counts: the active one, else the
// newest that all signed, else the newest proposed.
//
// INVARIANT: a proposal changes no clause until all have signed it.
func (l agreementList) chain(id comity.AgreementID) comity.Agreement {
	var out comity.Agreement
	best := -1
	for _, a := range l {
		if r := rank(a.State); a.Chain == id && (r > best || r == best && a.State != comity.AgreementActive) {
			out, best = a, r
		}
	}
	return out
}

func rank(s comity.AgreementState) int {
	switch s {
	case comity.AgreementActive:
		return 3
	case comity.AgreementSuspended:
		return 2
	case comity.AgreementComplete, comity.AgreementEnded, comity.AgreementSuperseded:
		return 1
	}
	return 0
}

func (n *Node) agreementTitle(ctx context.Context, r store.AgreementReader, chain comity.AgreementID) string {
	l, err := n.agreements(ctx, r)
	if err != nil {
		return chain.Short()
	}
	if a := l.chain(chain); a.Title != "" {
		return a.Title
	}
	return chain.Short()
}

// AgreementTemplate returns readable JSON to edit and propose. kind is
// "bilateral"; with is the peer it is to be made with.
func (n *Node) AgreementTemplate(ctx context.Context, kind, with string) ([]byte, error) {
	if kind != "bilateral" {
		return nil, comity.E(comity.Usage, "agreement template", kind, comity.Msg("node.agreement_kind", comity.A("kind", kind)), nil)
	}
	p, err := n.Peer(ctx, with)
	if err != nil {
		return nil, err
	}
	self, err := n.self(ctx)
	if err != nil {
		return nil, err
	}
	other, err := n.identity(p.Identity)
	if err != nil {
		return nil, err
	}
	return federation.Template(kind, self, other, n.now(), n.rand)
}

// Agreements lists every agreement, oldest first.
func (n *Node) Agreements(ctx context.Context) ([]AgreementView, error) {
	return view(ctx, n.store, func(r store.Reader) ([]AgreementView, error) {
		recs, err := r.Agreements(ctx)
		if err != nil {
			return nil, err
		}
		channels, err := n.channelViews(ctx, r)
		if err != nil {
			return nil, err
		}
		out := make([]AgreementView, 0, len(recs))
		for _, rec := range recs {
			v, err := n.agreementView(rec, channels)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	})
}

func (n *Node) agreementView(rec store.AgreementRecord, channels []ChannelView) (AgreementView, error) {
	a, err := n.readAgreement(rec)
	if err != nil {
		return AgreementView{}, err
	}
	v := AgreementView{Agreement: a, Record: rec, Symmetry: symmetry(a)}
	for _, f := range policy.CheckAgreement(a) {
		v.Findings = append(v.Findings, f.Msg)
	}
	for _, p := range a.Parties {
		if hasSigned(rec, p.ID) {
			v.SignedBy = append(v.SignedBy, p)
		} else {
			v.Missing = append(v.Missing, p)
			v.MineMissing = v.MineMissing || p.ID == n.ID()
		}
	}
	for _, c := range channels {
		if c.Agreement == a.Chain {
			v.Channels = append(v.Channels, c)
		}
	}
	return v, nil
}

func symmetry(a comity.Agreement) []Asymmetry {
	var out []Asymmetry
	for _, s := range policy.Symmetry(a) {
		out = append(out, Asymmetry{Msg: s.Msg, Declared: s.Declared})
	}
	return out
}

// Agreement finds one by its id or a unique beginning of it.
func (n *Node) Agreement(ctx context.Context, id string) (AgreementView, error) {
	all, err := n.Agreements(ctx)
	if err != nil {
		return AgreementView{}, err
	}
	return unique(all, "agreement", id, func(v AgreementView) []string { return []string{string(v.ID)} })
}

// CheckAgreement checks JSON in template form (or, when it is nil, the stored
// agreement) against the rules and for symmetry. Nothing is stored or sent.
func (n *Node) CheckAgreement(ctx context.Context, id string, text []byte) (AgreementView, error) {
	if text == nil {
		return n.Agreement(ctx, id)
	}
	body, a, err := n.draftAgreement(bytes.TrimSpace(text))
	if err != nil {
		return AgreementView{}, err
	}
	rec := store.AgreementRecord{ID: a.ID, Chain: a.Chain, Body: body, State: comity.AgreementDraft}
	return n.agreementView(rec, nil)
}
