package web

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// objectPage is everything the node can say of one object.
type objectPage struct {
	frame
	node.ObjectView
	Name   string
	Fields []field
	Graph  *graph
	Marks  []mark
	Grains []grain
	Pretty string
	Erased bool // nothing can be done with it any more
	Gone   bool // revoked or erased
}

func (objectPage) name() string { return "object" }

// prettyLimit bounds the JSON shown on the page; the download has all of it.
const prettyLimit = 256 << 10

func (w *Web) objectShow(r *request) (view, error) {
	id := comity.ObjectID(r.PathValue("id"))
	o, err := w.node.Show(r.Context(), id)
	if err != nil {
		return nil, err
	}
	v := &objectPage{ObjectView: o, Name: nameOf(o.Version)}
	v.Title, v.Section = v.Name, "objects"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.objects")), "/objects"}, {o.Version.Type, "/objects?type=" + escapeQuery(o.Version.Type)}}
	v.Gone, v.Erased = o.Version.State != comity.StateActive, o.Version.State == comity.StateErased
	known := w.refsOf(r, o)
	v.Fields = readFields(rawOf(o))
	known.settle(v.Fields)
	v.Marks = known.marks(o.Object.Markings)
	v.Grains = known.grains(o.Object.Granular)
	v.Neighbours = related(o.Neighbours)
	v.Graph = drawGraph(v.Name, v.ObjectView)
	v.Pretty = pretty(rawOf(o))
	return v, nil
}

// nameOf is what stands for an object where it has no name of its own.
func nameOf(v store.Version) string {
	if v.Name != "" {
		return v.Name
	}
	return string(v.ID)
}

// rawOf returns the exact bytes, from whichever part of the view holds them.
func rawOf(o node.ObjectView) []byte {
	if len(o.Version.Raw) > 0 {
		return o.Version.Raw
	}
	return o.Object.Raw
}

// pretty indents JSON for reading; bytes that are no JSON are shown as text.
func pretty(raw []byte) string {
	var buf bytes.Buffer
	if len(raw) == 0 {
		return ""
	}
	if len(raw) > prettyLimit || json.Indent(&buf, raw, "", "  ") != nil {
		buf.Reset()
		buf.Write(raw[:min(len(raw), prettyLimit)])
	}
	if !utf8.Valid(buf.Bytes()) {
		return string(bytes.ToValidUTF8(buf.Bytes(), []byte("�")))
	}
	return buf.String()
}

func (w *Web) objectRaw(r *request) (view, error) {
	o, err := w.node.Show(r.Context(), comity.ObjectID(r.PathValue("id")))
	if err != nil {
		return nil, err
	}
	raw := rawOf(o)
	if raw == nil {
		return nil, comity.E(comity.NotFound, "show", o.Version.ID, comity.Msg("web.object.no_bytes"), nil)
	}
	return download{kind: "application/stix+json;version=2.1", file: string(o.Version.ID) + ".json", body: raw}, nil
}

// objectsPerPage is how many objects one page of the list shows.
const objectsPerPage = 50

// objectsPage lists objects, newest first.
type objectsPage struct {
	frame
	List        []store.Version
	Types       []node.Count
	Collections []store.Collection
	Type, State string
	Collection  string
	Import      string
	Next        string // address of the older page
	Filtered    bool
}

func (objectsPage) name() string { return "objects" }

func (w *Web) objectList(r *request) (view, error) {
	ask := r.URL.Query()
	v := &objectsPage{Type: ask.Get("type"), State: ask.Get("state"), Collection: ask.Get("collection"), Import: ask.Get("import")}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.objects")), "objects"
	v.Filtered = v.Type != "" || v.State != "" || v.Collection != "" || v.Import != ""
	s, err := w.node.Status(r.Context())
	if err != nil {
		return nil, err
	}
	v.Types = s.Types
	if v.Collections, err = w.node.Collections(r.Context()); err != nil {
		return nil, err
	}
	q := store.Query{Newest: true, After: store.OID(parseInt(ask.Get("before"))), Limit: objectsPerPage, Import: comity.ImportID(v.Import)}
	if v.Type != "" {
		q.Types = []string{v.Type}
	}
	for _, c := range v.Collections {
		if v.Collection != "" && c.Alias == v.Collection {
			q.Collection = c.ID
		}
	}
	q.States = statesNamed(v.State)
	if v.List, err = w.node.List(r.Context(), q); err != nil {
		return nil, err
	}
	if n := len(v.List); n == objectsPerPage {
		ask.Set("before", itoa(int64(v.List[n-1].OID)))
		ask.Del("lang")
		v.Next = "/objects?" + ask.Encode()
	}
	return v, nil
}

// statesNamed reads the state filter; "" means active, "all" means every state.
func statesNamed(s string) []comity.State {
	switch s {
	case "revoked":
		return []comity.State{comity.StateRevoked}
	case "erased":
		return []comity.State{comity.StateErased}
	case "all":
		return []comity.State{comity.StateActive, comity.StateRevoked, comity.StateErased}
	}
	return nil
}
