package web

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// undoPage asks before an import is taken back, and says what was done.
type undoPage struct {
	frame
	Import comity.Import
	Result *node.UndoResult
}

func (undoPage) name() string { return "undo" }

func (w *Web) undoForm(r *request) (view, error) {
	im, err := w.node.ImportByID(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := &undoPage{Import: im}
	v.Title, v.Section = r.p.T(comity.Msg("web.undo.title")), "imports"
	back := "/imports/" + escapePath(string(im.ID))
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.imports")), "/imports"}, {cut(im.Source, 60), back}}
	v.Here = back + "/undo"
	return v, nil
}

func (w *Web) undo(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	res, err := w.node.UndoImport(r.Context(), r.actor(), r.PathValue("id"), r.PostFormValue("withdraw") == "yes")
	if err != nil {
		r.problem = err
		return w.undoForm(r)
	}
	page, err := w.undoForm(r)
	if v, ok := page.(*undoPage); ok {
		v.Result = &res
	}
	return page, err
}
