package web

import (
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// rootPage makes an API root, or changes one.
type rootPage struct {
	frame
	Root   node.TaxiiRoot
	MiB    string // of the longest post
	New    bool
	First  bool // the root that a node always has
	Action string
}

func (rootPage) name() string { return "taxii_root" }

const mib = 1 << 20

func (w *Web) rootNew(r *request) (view, error) {
	v := &rootPage{New: true, Action: "/taxii/roots/new"}
	v.Title = r.p.T(comity.Msg("web.taxii.root_new"))
	return v.dressed(r), nil
}

func (w *Web) rootEdit(r *request) (view, error) {
	roots, err := w.node.TaxiiRoots(r.Context())
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	for _, root := range roots {
		if root.Name == name {
			v := &rootPage{Root: root, MiB: itoa(root.MaxContentLength / mib), First: name == firstRoot, Action: "/taxii/roots/" + escapePath(name)}
			v.Title = r.p.T(comity.Msg("web.taxii.root_edit", comity.A("name", name)))
			return v.dressed(r), nil
		}
	}
	return nil, comity.E(comity.NotFound, "taxii root", name, comity.Msg("web.taxii.no_root", comity.A("name", name)), nil)
}

// dressed fills in what both forms share, and what was typed before.
func (v *rootPage) dressed(r *request) *rootPage {
	v.Section, v.Here, v.Crumbs = "taxii", v.Action, taxiiCrumbs(r)
	if r.PostForm != nil {
		v.Root, v.MiB = rootOfForm(r, v.Root.Name), r.PostForm.Get("mib")
	}
	return v
}

// rootOfForm reads the form; the name of one that is there stays.
func rootOfForm(r *request, name string) node.TaxiiRoot {
	if name == "" {
		name = strings.TrimSpace(r.PostForm.Get("name"))
	}
	return node.TaxiiRoot{Name: name, Title: strings.TrimSpace(r.PostForm.Get("title")), Description: unixLines(r.PostForm.Get("description")),
		MaxContentLength: min(parseInt(r.PostForm.Get("mib")), 1<<20) * mib}
}

func (w *Web) rootMake(r *request) (view, error) { return w.rootPut(r, w.rootNew) }

func (w *Web) rootSave(r *request) (view, error) { return w.rootPut(r, w.rootEdit) }

// rootPut carries either form out. A new name that is taken is refused: it would
// change the other root.
func (w *Web) rootPut(r *request, form handler) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	page, err := form(r)
	if err != nil {
		return nil, err
	}
	v := page.(*rootPage)
	if v.New {
		err = w.rootFree(r, v.Root.Name)
	}
	if err == nil {
		err = w.node.PutTaxiiRoot(r.Context(), r.actor(), v.Root)
	}
	if err != nil {
		r.problem = err
		return v, nil
	}
	return redirect{to: "/taxii", done: "taxii_root_saved"}, nil
}

func (w *Web) rootFree(r *request, name string) error {
	roots, err := w.node.TaxiiRoots(r.Context())
	for _, root := range roots {
		if root.Name == name {
			return comity.E(comity.Conflict, "taxii root", name, comity.Msg("web.taxii.root_taken", comity.A("name", name)), nil)
		}
	}
	return err
}

// rootRemove removes an API root; one with collections in it is kept by the node.
func (w *Web) rootRemove(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	if err := w.node.RemoveTaxiiRoot(r.Context(), r.actor(), r.PathValue("name")); err != nil {
		r.PostForm, r.problem = nil, err // the form shows what is there
		return w.rootEdit(r)
	}
	return redirect{to: "/taxii", done: "taxii_root_removed"}, nil
}

// aboutPage changes what discovery says of this node.
type aboutPage struct {
	frame
	About node.TaxiiAbout
}

func (aboutPage) name() string { return "taxii_about" }

func (w *Web) aboutForm(r *request) (view, error) {
	a, err := w.node.TaxiiAbout(r.Context())
	if err != nil {
		return nil, err
	}
	if r.PostForm != nil {
		a = node.TaxiiAbout{Contact: strings.TrimSpace(r.PostForm.Get("contact")), Description: unixLines(r.PostForm.Get("description"))}
	}
	v := &aboutPage{About: a}
	v.Title, v.Section, v.Here, v.Crumbs = r.p.T(comity.Msg("web.taxii.about")), "taxii", "/taxii/about", taxiiCrumbs(r)
	return v, nil
}

func (w *Web) about(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	page, err := w.aboutForm(r)
	if err != nil {
		return nil, err
	}
	if err := w.node.SetTaxiiAbout(r.Context(), r.actor(), page.(*aboutPage).About); err != nil {
		r.problem = err
		return page, nil
	}
	return redirect{to: "/taxii", done: "taxii_about_saved"}, nil
}
