package web

import (
	"html/template"
	"strings"

	"github.com/comity-net/comity"
)

// auditPage lists what happened at this node and who did it.
type auditPage struct {
	frame
	List []auditLine
	Next int64
}

func (auditPage) name() string { return "audit" }

// auditLine is one act with the names that people know its parts by.
type auditLine struct {
	comity.Audit
	Who, About named
}

// named is an id as people read it: the name, where a page shows it, and the id
// itself when the name stands for it.
type named struct{ Text, Href, ID string }

// auditsPerPage bounds one page of the audit, and with it the look-ups of names.
const auditsPerPage = 100

func (w *Web) auditList(r *request) (view, error) {
	list, err := w.node.Audits(r.Context(), parseInt(r.URL.Query().Get("before")), auditsPerPage)
	if err != nil {
		return nil, err
	}
	v := &auditPage{List: w.auditLines(r, list)}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.audit")), "audit"
	if n := len(list); n == auditsPerPage {
		v.Next = list[n-1].N
	}
	return v, nil
}

// auditLines gives the acts their names. A name that cannot be read leaves the
// id: the audit must stay readable when other parts of the node do not.
func (w *Web) auditLines(r *request, list []comity.Audit) []auditLine {
	known := w.knownNames(r)
	out := make([]auditLine, len(list))
	for i, a := range list {
		out[i] = auditLine{Audit: a, Who: actorNamed(known, a.Actor), About: w.subjectNamed(r, known, a)}
	}
	return out
}

// knownNames maps the ids of members, agreements and channels to their names.
func (w *Web) knownNames(r *request) map[string]named {
	known := map[string]named{}
	for id, name := range r.self.Names {
		if id != "" && name != "" {
			known[string(id)] = named{Text: name, Href: "/peers/" + escapePath(string(id)), ID: string(id)}
		}
	}
	if own, ok := known[string(r.self.ID)]; ok {
		own.Href = "/peers"
		known[string(r.self.ID)] = own
	}
	agreements, _ := w.node.Agreements(r.Context())
	for _, a := range agreements {
		known[string(a.ID)] = named{Text: titleOrID(a), Href: "/agreements/" + escapePath(string(a.ID)), ID: string(a.ID)}
	}
	channels, _ := w.node.Channels(r.Context())
	for _, c := range channels {
		known[string(c.ID)] = named{Text: titleOf(r, c), Href: "/ledger/" + escapePath(string(c.ID)), ID: string(c.ID)}
	}
	return known
}

// shortest is how much of an id is enough to look for its owner.
const shortest = 6

// byID finds the name of an id or of a unique beginning of one.
func byID(known map[string]named, id string) (named, bool) {
	if n, ok := known[id]; ok {
		return n, true
	}
	id = strings.TrimSuffix(id, "…")
	var found named
	hits := 0
	if len(id) >= shortest {
		for full, n := range known {
			if strings.HasPrefix(full, id) {
				found = n
				hits++
			}
		}
	}
	return found, hits == 1
}

func actorNamed(known map[string]named, actor string) named {
	if id, ok := strings.CutPrefix(actor, "peer:"); ok {
		if n, ok := byID(known, id); ok {
			return n
		}
	}
	return named{Text: actor}
}

// subjectNamed names what an act was about. What is found is kept in known, so
// that an object is looked up once a page.
func (w *Web) subjectNamed(r *request, known map[string]named, a comity.Audit) named {
	s := a.Subject
	if n, ok := byID(known, s); ok {
		return n
	}
	n := named{Text: s}
	switch {
	case refShape.MatchString(s):
		if name, ok := w.held(r, comity.ObjectID(s)); ok {
			n = named{Text: name, Href: "/objects/" + escapePath(s), ID: s}
		}
	case a.Action == "import.undo":
		if im, err := w.node.ImportByID(r.Context(), s); err == nil && im.Source != "" {
			n = named{Text: im.Source, Href: "/imports/" + escapePath(s), ID: s}
		}
	}
	if s != "" {
		known[s] = n
	}
	return n
}

// held reports whether this node holds an object, and its name. It asks as the
// search box does, which reads one row.
func (w *Web) held(r *request, id comity.ObjectID) (name string, ok bool) {
	res, err := w.node.Find(r.Context(), string(id))
	if err != nil {
		return "", false
	}
	for _, v := range res.Text {
		if v.ID == id {
			return nameOf(v), true
		}
	}
	return "", false
}

// link writes a named thing, with its id to be read on pointing at it.
func (n named) link() template.HTML {
	text := `<bdi dir="auto">` + template.HTMLEscapeString(n.Text) + `</bdi>`
	if n.Text == "" || n.Href == "" {
		return template.HTML(text)
	}
	return template.HTML(`<a href="` + template.HTMLEscapeString(n.Href) + `" title="` + template.HTMLEscapeString(n.ID) + `">` + text + `</a>`)
}
