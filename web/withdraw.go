package web

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// withdrawPage asks before an object is revoked, erased or marked anew, and
// says who will be told.
type withdrawPage struct {
	frame
	Action  string // "revoke", "erase", "mark"
	Version store.Version
	Name    string
	Holders []node.Holder
	Whys    []string
	Label   comity.TLP // chosen, for mark
}

func (withdrawPage) name() string { return "withdraw" }

// toldPage says where it was announced.
type toldPage struct {
	frame
	Action string
	Name   string
	node.LifecycleResult
}

func (toldPage) name() string { return "told" }

func (w *Web) revokeForm(r *request) (view, error) { return w.withdrawForm(r, "revoke") }
func (w *Web) eraseForm(r *request) (view, error)  { return w.withdrawForm(r, "erase") }
func (w *Web) markForm(r *request) (view, error)   { return w.withdrawForm(r, "mark") }

func (w *Web) withdrawForm(r *request, action string) (view, error) {
	o, err := w.node.Show(r.Context(), comity.ObjectID(r.PathValue("id")))
	if err != nil {
		return nil, err
	}
	v := &withdrawPage{Action: action, Version: o.Version, Name: nameOf(o.Version), Holders: o.Holders, Whys: whyCodes[action]}
	v.Title, v.Section = r.p.T(comity.Msg("web.withdraw."+action)), "objects"
	v.Label = o.Version.Handling
	v.Crumbs = objectCrumbs(r, o.Version)
	v.Here = "/objects/" + escapePath(string(o.Version.ID)) + "/" + action
	return v, nil
}

func objectCrumbs(r *request, v store.Version) []crumb {
	return []crumb{{r.p.T(comity.Msg("web.nav.objects")), "/objects"}, {cut(nameOf(v), 60), "/objects/" + escapePath(string(v.ID))}}
}

func (w *Web) revoke(r *request) (view, error) { return w.withdraw(r, "revoke", w.node.Revoke) }
func (w *Web) erase(r *request) (view, error)  { return w.withdraw(r, "erase", w.node.Erase) }

func (w *Web) mark(r *request) (view, error) {
	return w.withdraw(r, "mark", func(ctx context.Context, by node.Actor, id comity.ObjectID, why string) (node.LifecycleResult, error) {
		label, ok := comity.ParseTLP(r.PostFormValue("tlp"))
		if !ok {
			return node.LifecycleResult{}, comity.E(comity.Usage, "mark", id, comity.Msg("web.withdraw.no_label"), nil)
		}
		return w.node.Mark(ctx, by, id, label, why)
	})
}

type withdrawal func(ctx context.Context, by node.Actor, id comity.ObjectID, why string) (node.LifecycleResult, error)

func (w *Web) withdraw(r *request, action string, do withdrawal) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	id := comity.ObjectID(r.PathValue("id"))
	res, err := do(r.Context(), r.actor(), id, r.PostFormValue("why"))
	if err != nil {
		r.problem = err
		return w.withdrawForm(r, action)
	}
	v := &toldPage{Action: action, LifecycleResult: res, Name: string(id)}
	v.Title, v.Section = r.p.T(comity.Msg("web.withdraw."+action+"_done")), "objects"
	v.Here = "/objects/" + escapePath(string(id))
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.objects")), "/objects"}, {cut(string(id), 60), v.Here}}
	return v, nil
}
