package node

import (
	"context"
	"fmt"
	"slices"
	"time"

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
			v, err := n.agreementView(ctx, r, rec, channels)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	})
}

func (n *Node) agreementView(ctx context.Context, r store.Reader, rec store.AgreementRecord, channels []ChannelView) (AgreementView, error) {
	a, err := n.readAgreement(rec)
	if err != nil {
		return AgreementView{}, err
	}
	v := n.viewOf(a, rec)
	for _, f := range policy.CheckAgreement(a) {
		v.Findings = append(v.Findings, f.Msg)
	}
	if rec.State == comity.AgreementProposed && v.MineMissing {
		found, err := n.hereAndNow(ctx, r, a)
		if err != nil {
			return v, err
		}
		// That a party is not verified is told, with what to do, by who signs.
		found = slices.DeleteFunc(found, func(f comity.Finding) bool { return f.Rule == ruleUnverified })
		v.Findings = append(v.Findings, messages(found)...)
	}
	for _, c := range channels {
		if c.Agreement == a.Chain {
			v.Channels = append(v.Channels, c)
		}
	}
	if rec.EndedBy != "" {
		v.StoppedBy = partyName(a, rec.EndedBy)
	}
	e, err := endingOf(ctx, r, rec.ID)
	if err == nil && !e.At.IsZero() {
		v.EndsAt, v.EndsBy = e.At, partyName(a, e.By)
	}
	return v, err
}

// viewOf is what the text and the signatures of an agreement say.
func (n *Node) viewOf(a comity.Agreement, rec store.AgreementRecord) AgreementView {
	v := AgreementView{Agreement: a, Record: rec, Symmetry: symmetry(a), Promised: policy.Promised(a)}
	for _, p := range a.Parties {
		if hasSigned(rec, p.ID) {
			v.SignedBy = append(v.SignedBy, p)
		} else {
			v.Missing = append(v.Missing, p)
			v.MineMissing = v.MineMissing || p.ID == n.ID()
		}
	}
	return v
}

func messages(fs []comity.Finding) []comity.Message {
	out := make([]comity.Message, len(fs))
	for i, f := range fs {
		out[i] = f.Msg
	}
	return out
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
// agreement) and gives everything that is wrong with it at once. Nothing is
// stored or sent. Text that is no JSON at all is an error.
func (n *Node) CheckAgreement(ctx context.Context, id string, text []byte) (AgreementView, error) {
	if text == nil {
		return n.Agreement(ctx, id)
	}
	d, err := n.readDraft(ctx, text)
	if err != nil {
		return AgreementView{}, err
	}
	a := d.Agreement
	a.State = comity.AgreementDraft
	v := n.viewOf(a, store.AgreementRecord{ID: a.ID, Chain: a.Chain, Body: d.Body, State: a.State})
	v.Findings = messages(d.Findings)
	return v, nil
}

// readDraft reads an edited agreement with all that is wrong with it, in itself
// and at this node.
func (n *Node) readDraft(ctx context.Context, text []byte) (federation.Draft, error) {
	d, err := federation.ReadDraft(text)
	if err != nil {
		return d, err
	}
	here, err := view(ctx, n.store, func(r store.Reader) ([]comity.Finding, error) {
		if !d.Agreement.Has(n.ID()) {
			return []comity.Finding{{Rule: "member", Path: "parties", Refuses: true, Msg: comity.Msg("node.not_a_party")}}, nil
		}
		return n.hereAndNow(ctx, r, d.Agreement)
	})
	d.Findings = append(d.Findings, here...)
	return d, err
}

// ruleUnverified is the rule of a finding about a party that no person verified.
const ruleUnverified = "unverified"

// hereAndNow says what speaks against signing an agreement at this node today,
// whatever its text: who the parties are here, and that its time is over.
func (n *Node) hereAndNow(ctx context.Context, r store.Reader, a comity.Agreement) ([]comity.Finding, error) {
	var out []comity.Finding
	refuse := func(rule, path string, m comity.Message) {
		out = append(out, comity.Finding{Rule: rule, Path: path, Refuses: true, Msg: m})
	}
	if !a.ValidUntil.IsZero() && !n.now().Before(a.ValidUntil) {
		refuse("validity", "valid_until", comity.Msg("node.check_over", comity.A("path", "valid_until"), comity.A("until", a.ValidUntil.Format(time.RFC3339))))
	}
	for i, p := range a.Parties {
		path := fmt.Sprintf("parties[%d].name", i)
		note, err := n.verifiedNote(ctx, r, p.ID)
		if comity.Is(err, comity.NotFound) {
			refuse(ruleUnverified, path, comity.Msg("node.party_unverified", comity.A("name", p.Name), comity.A("id", p.ID.Grouped())))
			continue
		} else if err != nil {
			return nil, err
		}
		id, err := n.identity(note)
		if err != nil {
			return nil, err
		}
		if id.Name != p.Name && p.Name != "" {
			refuse("name", path, comity.Msg("node.check_party_name", comity.A("path", path), comity.A("name", p.Name), comity.A("known", id.Name)))
		}
	}
	return out, nil
}

// verifiedNote is the identity note of this node or a verified peer; anybody
// else is NotFound.
func (n *Node) verifiedNote(ctx context.Context, r store.Reader, m comity.MemberID) ([]byte, error) {
	if m == n.ID() {
		return r.Setting(ctx, settingIdentity)
	}
	p, err := r.Peer(ctx, m)
	if err == nil && !p.Verified() {
		err = comity.E(comity.NotFound, "agreement check", p.Name, comity.Msg("node.peer_not_verified", comity.A("name", p.Name)), nil)
	}
	return p.Identity, err
}
