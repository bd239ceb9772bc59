package web

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// sharePage is the share dialog: what leaves on one side, every member and the
// reasons on the other.
type sharePage struct {
	frame
	Version        store.Version
	Name           string
	Fields         []field
	Erased         bool // there is nothing left to share
	Open           bool // somebody would receive it who has not got it
	Size           int64
	Will, Not, Ask []node.MemberDecision
	Agreements     []node.AgreementView // in force
	Chosen         comity.AgreementID
}

func (sharePage) name() string { return "share" }

// sharedPage says what was shared, and for each refusal why.
type sharedPage struct {
	frame
	node.ShareResult
	Title2 string // of the agreement
}

func (sharedPage) name() string { return "shared" }

func (w *Web) shareForm(r *request) (view, error) {
	id := comity.ObjectID(r.PathValue("id"))
	o, err := w.node.Show(r.Context(), id)
	if err != nil {
		return nil, err
	}
	decisions, err := w.node.Explain(r.Context(), id, "")
	if err != nil {
		return nil, err
	}
	v := &sharePage{Version: o.Version, Name: nameOf(o.Version), Fields: readFields(rawOf(o)), Size: o.Version.Size}
	v.Erased = o.Version.State == comity.StateErased
	w.refsOf(r, o).settle(v.Fields)
	v.Title, v.Section = r.p.T(comity.Msg("web.share.title")), "objects"
	v.Crumbs, v.Here = objectCrumbs(r, o.Version), "/objects/"+escapePath(string(id))+"/share"
	for _, d := range decisions {
		switch d.Decision.Verdict {
		case comity.Allow:
			v.Will = append(v.Will, d)
			v.Open = v.Open || !d.Already && !v.Erased
		case comity.NeedsDecision:
			v.Ask = append(v.Ask, d)
		default:
			v.Not = append(v.Not, d)
		}
	}
	v.Agreements, err = w.inForce(r)
	v.Chosen = chosenAgreement(r.FormValue("with"), v.Agreements)
	return v, err
}

// inForce returns the agreements under which something can be shared now.
func (w *Web) inForce(r *request) ([]node.AgreementView, error) {
	all, err := w.node.Agreements(r.Context())
	if err != nil {
		return nil, err
	}
	var out []node.AgreementView
	for _, a := range all {
		if a.State == comity.AgreementActive {
			out = append(out, a)
		}
	}
	return out, nil
}

// chosenAgreement keeps the choice, and makes it where there is only one.
func chosenAgreement(with string, list []node.AgreementView) comity.AgreementID {
	if with == "" && len(list) == 1 {
		return list[0].ID
	}
	return comity.AgreementID(with)
}

func (w *Web) share(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	res, err := w.shareWith(r, []comity.ObjectID{comity.ObjectID(r.PathValue("id"))})
	if err != nil {
		r.problem = err
		return w.shareForm(r)
	}
	return w.shared(r, res, "/objects/"+escapePath(r.PathValue("id"))), nil
}

// shareWith carries a share out after the person has said yes to the list.
func (w *Web) shareWith(r *request, ids []comity.ObjectID) (node.ShareResult, error) {
	with := r.PostFormValue("with")
	switch {
	case with == "":
		return node.ShareResult{}, comity.E(comity.Usage, "share", "", comity.Msg("web.share.no_agreement"), nil)
	case r.PostFormValue("confirm") != "yes":
		return node.ShareResult{}, comity.E(comity.Usage, "share", "", comity.Msg("web.share.not_confirmed"), nil)
	}
	return w.node.Share(r.Context(), r.actor(), node.ShareRequest{IDs: ids, With: with})
}

func (w *Web) shared(r *request, res node.ShareResult, back string) view {
	v := &sharedPage{ShareResult: res}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.shared.title")), "objects", back
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.objects")), "/objects"}}
	return v
}

// maxSelected bounds how many objects one page may share at once.
const maxSelected = 500

// shareManyPage shows the decision on each selected object before the share.
type shareManyPage struct {
	frame
	IDs        []comity.ObjectID
	Agreements []node.AgreementView
	Chosen     comity.AgreementID
	Preview    *node.ShareResult
}

func (shareManyPage) name() string { return "share_many" }

func (w *Web) shareManyForm(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	ids, err := selected(r)
	if err != nil {
		return nil, err
	}
	v := &shareManyPage{IDs: ids}
	v.Title, v.Section = r.p.T(comity.Msg("web.share.many")), "objects"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.objects")), "/objects"}}
	if r.Method != "GET" {
		v.Here = "/objects"
	}
	if v.Agreements, err = w.inForce(r); err != nil {
		return nil, err
	}
	v.Chosen = chosenAgreement(r.FormValue("with"), v.Agreements)
	if v.Chosen == "" {
		return v, nil
	}
	res, err := w.node.Share(r.Context(), r.actor(), node.ShareRequest{IDs: ids, With: string(v.Chosen), DryRun: true})
	if err != nil && r.problem == nil {
		r.problem = err
		return v, nil
	}
	v.Preview = &res
	return v, nil
}

func selected(r *request) ([]comity.ObjectID, error) {
	var ids []comity.ObjectID
	for _, id := range r.Form["id"] {
		if id != "" {
			ids = append(ids, comity.ObjectID(id))
		}
	}
	switch {
	case len(ids) == 0:
		return nil, comity.E(comity.Usage, "share", "", comity.Msg("web.share.none_selected"), nil)
	case len(ids) > maxSelected:
		return nil, comity.E(comity.TooLarge, "share", "", comity.Msg("web.share.too_many", comity.A("n", maxSelected)), nil)
	}
	return ids, nil
}

func (w *Web) shareMany(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	ids, err := selected(r)
	if err != nil {
		return nil, err
	}
	res, err := w.shareWith(r, ids)
	if err != nil {
		r.problem = err
		return w.shareManyForm(r)
	}
	return w.shared(r, res, "/objects"), nil
}
