package web

import (
	"strings"
	"unicode"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// circles are those that a collection can be opened to, from the narrowest.
var circles = [...]node.Role{node.RoleConstituent, node.RoleCommunity, node.RolePublic}

// openingPage says who may use a collection and changes it.
type openingPage struct {
	frame
	Path               string
	Open               node.Opening
	Circles            []node.Role
	Roots              []node.TaxiiRoot
	Readers, Writers   string // account names, one a line
	Purpose, Retention string
}

func (openingPage) name() string { return "taxii_opening" }

func (w *Web) openingForm(r *request) (view, error) {
	c, err := w.node.Collection(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	roots, err := w.node.TaxiiRoots(r.Context())
	if err != nil {
		return nil, err
	}
	o := c.Open
	if r.problem != nil {
		o = openingOf(r)
	}
	v := &openingPage{Path: collectionPath(c), Open: o, Circles: circles[:], Roots: roots,
		Readers: strings.Join(o.Readers, "\n"), Writers: strings.Join(o.Writers, "\n"),
		Purpose: strings.Join(o.Purpose, ", "), Retention: string(o.Retention)}
	if v.Open.Root == "" {
		v.Open.Root = firstRoot
	}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.taxii.open")), "taxii", v.Path+"/open"
	v.Crumbs = append(taxiiCrumbs(r), crumb{titleOfCollection(c), v.Path})
	return v, nil
}

// openingOf reads the form.
func openingOf(r *request) node.Opening {
	o := node.Opening{
		To: node.Role(r.PostFormValue("to")), Write: r.PostFormValue("write") == "yes", Root: r.PostFormValue("root"),
		Readers: wordsIn(r.PostFormValue("readers")), Writers: wordsIn(r.PostFormValue("writers")),
		Purpose: wordsIn(r.PostFormValue("purpose")), Retention: comity.Period(strings.TrimSpace(r.PostFormValue("retention"))),
	}
	return o
}

// opening carries the form out. Nobody outside, and no account, closes it: the
// root is always named, so that this is an answer, too.
func (w *Web) opening(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	c, err := w.node.Collection(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	o := openingOf(r)
	err = w.node.OpenCollection(r.Context(), r.actor(), string(c.ID), o)
	if err != nil {
		r.problem = err
		return w.openingForm(r)
	}
	return redirect{to: collectionPath(c), done: "taxii_opened"}, nil
}

// wordsIn parts a text at blanks and commas.
func wordsIn(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == '،' || c == '，' || unicode.IsSpace(c) })
}
