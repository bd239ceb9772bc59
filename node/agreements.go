package node

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// agreementList is every agreement read from its documents, oldest first.
type agreementList []comity.Agreement

func (n *Node) agreements(ctx context.Context, r store.AgreementReader) (agreementList, error) {
	recs, err := r.Agreements(ctx)
	if err != nil {
		return nil, err
	}
	out := make(agreementList, 0, len(recs))
	for _, rec := range recs {
		a, err := n.readAgreement(rec)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// readAgreement reads the clauses of a record, once for each agreement: its
// body never changes. Lists inside are shared and must not be written to.
func (n *Node) readAgreement(rec store.AgreementRecord) (comity.Agreement, error) {
	a, err := n.texts.get(rec.ID, func() (comity.Agreement, error) { return federation.ParseAgreement(rec.Body) })
	a.ID, a.Chain, a.State = rec.ID, rec.Chain, rec.State
	return a, err
}

// chain returns the newest version of a chain, the active one before any other.
func (l agreementList) chain(id comity.AgreementID) comity.Agreement {
	var out comity.Agreement
	for _, a := range l {
		if a.Chain == id && (out.ID == "" || out.State != comity.AgreementActive) {
			out = a
		}
	}
	return out
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

// ProposeAgreement signs an agreement in template form and sends it to the
// other parties.
func (n *Node) ProposeAgreement(ctx context.Context, by Actor, text []byte) (AgreementView, error) {
	body, a, err := n.draftAgreement(text)
	if err != nil {
		return AgreementView{}, err
	}
	if bad := policy.CheckAgreement(a); len(bad) > 0 {
		return AgreementView{}, comity.E(comity.Invalid, "agreement propose", a.ID.Short(), bad[0].Msg, nil)
	}
	line, err := n.keys.SignAgreement(body)
	if err != nil {
		return AgreementView{}, err
	}
	err = n.act(ctx, by, "agreement.propose", string(a.ID), func(tx store.Tx) error {
		if err := partiesVerified(ctx, tx, a, n.ID()); err != nil {
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

// draftAgreement turns the edited JSON into the body that all parties sign.
func (n *Node) draftAgreement(text []byte) ([]byte, comity.Agreement, error) {
	body, a, err := federation.NewAgreement(text)
	if err != nil {
		return nil, a, err
	}
	if !a.Has(n.ID()) {
		return nil, a, comity.E(comity.Forbidden, "agreement propose", a.ID.Short(), comity.Msg("node.not_a_party"), nil)
	}
	return body, a, nil
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

// putSigned stores a record with a new signature and moves it on: complete when
// all have signed, active when its time has come.
func (n *Node) putSigned(ctx context.Context, tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error {
	if rec.State == comity.AgreementProposed || rec.State == comity.AgreementDraft {
		rec.State = comity.AgreementProposed
		if !slices.ContainsFunc(a.Parties, func(p comity.Party) bool { return !hasSigned(rec, p.ID) }) {
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
	switch {
	case !a.ValidUntil.IsZero() && !now.Before(a.ValidUntil) && rec.State != comity.AgreementEnded && rec.State != comity.AgreementSuperseded:
		rec.State, rec.StateAt = comity.AgreementEnded, now
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
		return n.moveAgreement(ctx, by, id, "agreement.suspend", comity.AgreementSuspended, func(rec store.AgreementRecord) bool {
			return rec.State == comity.AgreementActive
		})
	}
	return n.moveAgreement(ctx, by, id, "agreement.resume", comity.AgreementActive, func(rec store.AgreementRecord) bool {
		return rec.State == comity.AgreementSuspended && rec.EndedBy == n.ID()
	})
}

// EndAgreement ends an agreement for good; what was exchanged stays covered by
// its clauses.
func (n *Node) EndAgreement(ctx context.Context, by Actor, id string) (AgreementView, error) {
	return n.moveAgreement(ctx, by, id, "agreement.end", comity.AgreementEnded, func(rec store.AgreementRecord) bool {
		return rec.State != comity.AgreementEnded && rec.State != comity.AgreementSuperseded
	})
}

func (n *Node) moveAgreement(ctx context.Context, by Actor, id, action string, to comity.AgreementState, may func(store.AgreementRecord) bool) (AgreementView, error) {
	v, err := n.Agreement(ctx, id)
	if err != nil {
		return v, err
	}
	err = n.act(ctx, by, action, string(v.ID), func(tx store.Tx) error {
		rec, err := tx.Agreement(ctx, v.ID)
		if err != nil {
			return err
		}
		if !may(rec) {
			return comity.E(comity.Conflict, strings.ReplaceAll(action, ".", " "), v.ID.Short(),
				comity.Msg("node.agreement_state", comity.A("state", "msg:agreement.state."+string(rec.State))), nil)
		}
		rec.State, rec.StateAt, rec.EndedBy = to, n.now(), n.ID()
		if to == comity.AgreementActive {
			rec.EndedBy = ""
		}
		if err := tx.PutAgreement(ctx, rec); err != nil {
			return err
		}
		return n.sendState(ctx, tx, v.Agreement, rec)
	})
	if err != nil {
		return v, err
	}
	n.flushOutbox(ctx)
	return n.Agreement(ctx, string(v.ID))
}

// sendState tells the other parties that an agreement is suspended or ended;
// that it is resumed is told by the agreement itself, sent again.
func (n *Node) sendState(ctx context.Context, tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error {
	typ := federation.TypeSuspend
	switch rec.State {
	case comity.AgreementActive:
		return n.sendAgreement(ctx, tx, a, rec)
	case comity.AgreementEnded:
		typ = federation.TypeEnd
	}
	for _, p := range a.Others(n.ID()) {
		d := federation.InboxDocument{Type: typ, To: p.ID, About: a.ID}
		if err := n.queueDocument(ctx, tx, "agreement:"+string(a.ID), d); err != nil {
			return err
		}
	}
	return nil
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

// unique finds the one element that has a name equal to, or beginning with,
// what was asked. Exact matches win over beginnings; two exact ones are
// ambiguous, for a stranger can introduce itself under any name.
func unique[T any](all []T, op, asked string, names func(T) []string) (T, error) {
	var exact, begin []T
	for _, v := range all {
		switch closeness(names(v), asked) {
		case 2:
			exact = append(exact, v)
		case 1:
			begin = append(begin, v)
		}
	}
	if len(exact) == 0 {
		exact = begin
	}
	var none T
	switch len(exact) {
	case 1:
		return exact[0], nil
	case 0:
		return none, comity.E(comity.NotFound, op, asked, comity.Msg("node."+op+"_unknown", comity.A("asked", asked)), nil)
	}
	return none, comity.E(comity.Usage, op, asked, comity.Msg("node.ambiguous", comity.A("asked", asked), comity.A("n", len(exact))), nil)
}

// closeness is 2 for an equal name, 1 for a beginning of at least four
// characters, else 0.
func closeness(names []string, asked string) int {
	best := 0
	for _, name := range names {
		switch {
		case strings.EqualFold(name, asked):
			return 2
		case len(asked) >= 4 && len(name) > len(asked) && strings.EqualFold(name[:len(asked)], asked):
			best = 1
		}
	}
	return best
}
