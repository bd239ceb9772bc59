package web

import (
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// collectionPage is one collection: who may use it, who reads it, what is in it.
type collectionPage struct {
	frame
	node.CollectionView
	Path, Address, Curl string
	Percent             string // of the filling; "" when none is under way
	Readers             []node.TaxiiReader
	Members             node.MemberPage
	Later               bool // this is not the first page of members
	IDs                 string
}

func (collectionPage) name() string { return "taxii_collection" }

func (w *Web) collectionShow(r *request) (view, error) {
	c, err := w.node.Collection(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	before := parseInt(r.URL.Query().Get("before"))
	v := &collectionPage{CollectionView: c, Path: collectionPath(c), Later: before > 0}
	v.Title, v.Section, v.Here = titleOfCollection(c), "taxii", v.Path
	v.Crumbs = taxiiCrumbs(r)
	v.Address = w.taxiiAddress(r, rootOf(c)+"/collections/"+string(c.ID)+"/")
	v.Curl = curl(v.Address + "objects/")
	if f := c.Filling; f != nil {
		v.Renew, v.Percent = renewEvery, itoa(min(100, f.Done*100/max(1, f.Total)))
	}
	if r.problem != nil {
		v.IDs, v.Renew = r.PostFormValue("ids"), 0
	}
	all, err := w.node.TaxiiReaders(r.Context(), r.actor())
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if x.Collection == c.ID {
			v.Readers = append(v.Readers, x)
		}
	}
	v.Members, err = w.node.Members(r.Context(), string(c.ID), before, membersOnPage)
	return v, err
}

// collectionAdd puts objects into a collection by their ids.
func (w *Web) collectionAdd(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	return w.collectionChange(r, "taxii_added", func(id string) error {
		ids, err := idsOf(strings.Fields(r.PostFormValue("ids")))
		if err != nil {
			return err
		}
		return w.node.Collect(r.Context(), r.actor(), id, ids)
	})
}

// collectionRemove takes the selected objects out of a collection.
func (w *Web) collectionRemove(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	return w.collectionChange(r, "taxii_removed", func(id string) error {
		ids, err := idsOf(r.PostForm["id"])
		if err != nil {
			return err
		}
		return w.node.Uncollect(r.Context(), r.actor(), id, ids)
	})
}

// idsOf reads object ids that a person gave.
func idsOf(words []string) ([]comity.ObjectID, error) {
	if len(words) == 0 {
		return nil, comity.E(comity.Usage, "collection", "", comity.Msg("web.taxii.no_ids"), nil)
	}
	if len(words) > maxAddedByID {
		return nil, comity.E(comity.TooLarge, "collection", "", comity.Msg("web.taxii.many_ids", comity.A("n", maxAddedByID)), nil)
	}
	ids := make([]comity.ObjectID, len(words))
	for i, x := range words {
		if !refShape.MatchString(x) {
			return nil, comity.E(comity.Usage, "collection", x, comity.Msg("web.taxii.no_id", comity.A("text", cut(x, 80))), nil)
		}
		ids[i] = comity.ObjectID(x)
	}
	return ids, nil
}

// collectionChange carries a change of the members out and shows the collection.
// A name that no collection has makes none here.
func (w *Web) collectionChange(r *request, done string, do func(id string) error) (view, error) {
	c, err := w.node.Collection(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if err := do(nameOfCollection(c)); err != nil {
		r.problem = err
		return w.collectionShow(r)
	}
	return redirect{to: collectionPath(c), done: done}, nil
}

// collectionFormPage makes a collection or changes what it is called and what
// fills it.
type collectionFormPage struct {
	frame
	Action, Back string
	New          bool
	Alias        string
	Name         string // its title
	Description  string
	Query        string
	Preview      *node.Preview // nil when none was asked for
	First        []store.Version
}

func (collectionFormPage) name() string { return "taxii_collection_form" }

// previewed bounds a preview: so many matches are counted, and the first shown.
const previewed, previewShown = 1000, 20

func (w *Web) collectionNew(r *request) (view, error) {
	v := &collectionFormPage{New: true, Action: "/taxii/collections/new", Back: "/taxii"}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.taxii.new")), "taxii", v.Action
	v.Crumbs = taxiiCrumbs(r)
	v.fill(r)
	return v, nil
}

// fill takes what was typed.
func (v *collectionFormPage) fill(r *request) {
	if r.PostForm == nil {
		return
	}
	if v.New {
		v.Alias = strings.TrimSpace(r.PostForm.Get("alias"))
	}
	v.Name, v.Description = strings.TrimSpace(r.PostForm.Get("title")), unixLines(r.PostForm.Get("description"))
	v.Query = strings.TrimSpace(unixLines(r.PostForm.Get("query")))
}

// unixLines undoes what browsers do to line ends in a text box.
func unixLines(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

func (w *Web) collectionMake(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	page, _ := w.collectionNew(r)
	v := page.(*collectionFormPage)
	if r.PostForm.Get("do") == "preview" {
		return w.preview(r, v)
	}
	c, err := w.node.AddCollection(r.Context(), r.actor(), node.CollectionDraft{Alias: v.Alias, Title: v.Name, Description: v.Description, Query: v.Query})
	if err != nil {
		r.problem = err
		return v, nil
	}
	return redirect{to: collectionPath(c), done: "taxii_made"}, nil
}

func (w *Web) collectionEdit(r *request) (view, error) {
	c, err := w.node.Collection(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return editOf(r, c), nil
}

func editOf(r *request, c node.CollectionView) *collectionFormPage {
	back := collectionPath(c)
	v := &collectionFormPage{Action: back + "/edit", Back: back, Alias: c.Alias, Name: c.Title, Description: c.Description, Query: c.Query}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.taxii.edit")), "taxii", v.Action
	v.Crumbs = append(taxiiCrumbs(r), crumb{titleOfCollection(c), back})
	v.fill(r)
	return v
}

func (w *Web) collectionSave(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	c, err := w.node.Collection(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := editOf(r, c)
	if r.PostForm.Get("do") == "preview" {
		return w.preview(r, v)
	}
	id := string(c.ID)
	if v.Name != c.Title || v.Description != c.Description {
		err = w.node.DescribeCollection(r.Context(), r.actor(), id, v.Name, v.Description)
	}
	if err == nil && v.Query != c.Query {
		err = w.node.SetCollectionQuery(r.Context(), r.actor(), id, v.Query)
	}
	if err != nil {
		r.problem = err
		return v, nil
	}
	return redirect{to: v.Back, done: "taxii_saved"}, nil
}

// preview shows what a query would collect; nothing is changed.
func (w *Web) preview(r *request, v *collectionFormPage) (view, error) {
	if v.Query == "" {
		r.problem = comity.E(comity.Usage, "collection query", v.Alias, comity.Msg("web.taxii.no_query"), nil)
		return v, nil
	}
	p, err := w.node.PreviewQuery(r.Context(), v.Query, previewed)
	if err != nil {
		r.problem = err
		return v, nil
	}
	v.Preview, v.First = &p, p.Found[:min(len(p.Found), previewShown)]
	return v, nil
}
