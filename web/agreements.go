package web

import (
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// agreementsPage lists agreements, those that wait for this node first.
type agreementsPage struct {
	frame
	Waiting, List []node.AgreementView
	Peers         []node.PeerView // with whom one can be proposed
}

func (agreementsPage) name() string { return "agreements" }

func (w *Web) agreementList(r *request) (view, error) {
	all, err := w.node.Agreements(r.Context())
	if err != nil {
		return nil, err
	}
	v := &agreementsPage{}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.agreements")), "agreements"
	for _, a := range all {
		if a.MineMissing && a.State == comity.AgreementProposed {
			v.Waiting = append(v.Waiting, a)
		} else {
			v.List = append(v.List, a)
		}
	}
	v.Peers, err = w.verifiedPeers(r)
	return v, err
}

func (w *Web) verifiedPeers(r *request) ([]node.PeerView, error) {
	all, err := w.node.Peers(r.Context())
	var out []node.PeerView
	for _, p := range all {
		if p.Verified() {
			out = append(out, p)
		}
	}
	return out, err
}

// agreementPage is one agreement, clause by clause.
type agreementPage struct {
	frame
	node.AgreementView
	Clauses    []clause
	Undeclared int // clauses that do not bind all alike and are not listed
	Lines      []channelLine
	CanSign    bool
	Running    bool // in force or suspended: may be suspended, resumed, ended
}

func (agreementPage) name() string { return "agreement" }

func (w *Web) agreementView(r *request) (*agreementPage, error) {
	a, err := w.node.Agreement(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := &agreementPage{AgreementView: a, Clauses: clausesOf(r.p, a.Agreement)}
	v.frame.Title, v.Section = titleOrID(a), "agreements"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.agreements")), "/agreements"}}
	v.Here = "/agreements/" + escapePath(string(a.ID))
	for _, s := range a.Symmetry {
		if !s.Declared {
			v.Undeclared++
		}
	}
	for _, c := range a.Channels {
		v.Lines = append(v.Lines, lineOf(c))
	}
	v.CanSign = a.MineMissing && (a.State == comity.AgreementProposed || a.State == comity.AgreementDraft)
	v.Running = a.State == comity.AgreementActive || a.State == comity.AgreementSuspended || a.State == comity.AgreementComplete
	return v, nil
}

func titleOrID(a node.AgreementView) string {
	if a.Title != "" {
		return a.Title
	}
	return a.ID.Short()
}

func (w *Web) agreementShow(r *request) (view, error) { return w.agreementView(r) }

func (w *Web) agreementBody(r *request) (view, error) {
	a, err := w.node.Agreement(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	body := append([]byte(nil), a.Record.Body...)
	return download{kind: "text/plain; charset=utf-8", file: "agreement-" + a.ID.Short() + ".txt", body: body}, nil
}

// agreementFormPage proposes an agreement: the template to edit, then what it
// would mean in sentences, then the signature.
type agreementFormPage struct {
	frame
	With    string
	Body    string
	Peers   []node.PeerView
	Checked *agreementPage // what the text says, when it was checked
	Draft   *draftForm     // the common case as a form; nil when the text does not fit it
	Fields  []agreementField
}

func (agreementFormPage) name() string { return "agreement_new" }

func (w *Web) agreementForm(r *request) (view, error) {
	peers, err := w.verifiedPeers(r)
	if err != nil {
		return nil, err
	}
	v := &agreementFormPage{With: r.FormValue("with"), Peers: peers, Body: r.PostFormValue("body")}
	v.Title, v.Section = r.p.T(comity.Msg("web.agreement.new")), "agreements"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.agreements")), "/agreements"}}
	v.Here = "/agreements/new?with=" + escapeQuery(v.With)
	if v.Body == "" && v.With != "" {
		body, err := w.node.AgreementTemplate(r.Context(), "bilateral", v.With)
		if err != nil {
			return nil, err
		}
		v.Body = string(body)
	}
	v.Draft, v.Fields = readDraft(v.Body), agreementFields()
	return v, nil
}

func (w *Web) agreementPropose(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	body := []byte(strings.ReplaceAll(r.PostFormValue("body"), "\r\n", "\n"))
	if r.PostFormValue("do") == "fill" {
		filled, err := writeDraft(string(body), r.PostForm)
		if err != nil {
			return nil, comity.E(comity.Invalid, "agreement", "", comity.Msg("web.agreement.form_broken"), err)
		}
		body = []byte(filled)
		r.PostForm.Set("body", filled)
	}
	if r.PostFormValue("do") != "propose" {
		return w.agreementCheck(r, body)
	}
	a, err := w.node.ProposeAgreement(r.Context(), r.actor(), body)
	if err != nil {
		r.problem = err
		return w.agreementForm(r)
	}
	return redirect{to: "/agreements/" + escapePath(string(a.ID)), done: "agreement_proposed"}, nil
}

func (w *Web) agreementCheck(r *request, body []byte) (view, error) {
	a, err := w.node.CheckAgreement(r.Context(), "", body)
	if err != nil {
		r.problem = err
		return w.agreementForm(r)
	}
	page, err := w.agreementForm(r)
	if v, ok := page.(*agreementFormPage); ok {
		v.Checked = &agreementPage{AgreementView: a, Clauses: clausesOf(r.p, a.Agreement)}
		for _, s := range a.Symmetry {
			if !s.Declared {
				v.Checked.Undeclared++
			}
		}
	}
	return page, err
}

func (w *Web) agreementSignForm(r *request) (view, error) { return w.agreementConfirm(r, "sign") }
func (w *Web) agreementEndForm(r *request) (view, error)  { return w.agreementConfirm(r, "end") }

// agreementConfirm asks before signing or ending.
func (w *Web) agreementConfirm(r *request, verb string) (view, error) {
	a, err := w.node.Agreement(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	back := "/agreements/" + escapePath(string(a.ID))
	v := &confirmPage{Key: "agreement_" + verb, Who: titleOrID(a), Action: back + "/" + verb, Back: back}
	v.Title, v.Section = r.p.T(comity.Msg("web.confirm.agreement_"+verb+".title", comity.A("name", v.Who))), "agreements"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.agreements")), "/agreements"}, {v.Who, back}}
	return v, nil
}

func (w *Web) agreementSign(r *request) (view, error) {
	return w.agreementChange(r, "agreement_signed", func(id string) error {
		_, err := w.node.SignAgreement(r.Context(), r.actor(), id)
		return err
	})
}

func (w *Web) agreementSuspend(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	suspend, done := true, "agreement_suspended"
	if r.PostFormValue("resume") == "yes" {
		suspend, done = false, "agreement_resumed"
	}
	return w.agreementChange(r, done, func(id string) error {
		_, err := w.node.SuspendAgreement(r.Context(), r.actor(), id, suspend)
		return err
	})
}

func (w *Web) agreementEnd(r *request) (view, error) {
	return w.agreementChange(r, "agreement_ended", func(id string) error {
		_, err := w.node.EndAgreement(r.Context(), r.actor(), id)
		return err
	})
}

func (w *Web) agreementChange(r *request, done string, do func(id string) error) (view, error) {
	id := r.PathValue("id")
	if err := do(id); err != nil {
		r.problem = err
		return w.agreementShow(r)
	}
	return redirect{to: "/agreements/" + escapePath(id), done: done}, nil
}
