package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// frame is what stands around the content of every page.
type frame struct {
	Title   string  // of the window and, where the page has no other, the heading
	Section string  // of the navigation: "objects", "peers" …
	Crumbs  []crumb // the way here, without this page
	Here    string  // an address for GET that shows this page or the one before it
	Status  int     // HTTP status
	Problem *problem
	Done    string // what was just carried out
	Asked   string // the text in the search box
	Renew   int    // seconds after which the page loads itself again; 0 for never

	// The rest is filled by dress.
	Tag, Dir string
	Langs    []langLink
	Nav      []navItem
	User     store.User
	SignedIn bool
	Analyst  bool // may import, share, withdraw
	Admin    bool // may keep peers, agreements, accounts
	Self     identity
	CSS, JS  string
	Now      time.Time
}

func (f *frame) base() *frame { return f }

// Member returns the name by which people know a member; "" stands for this
// node itself.
func (f *frame) Member(id comity.MemberID) string {
	if name := f.Self.Names[id]; name != "" {
		return name
	}
	return id.Short()
}

// crumb is one step of the way to a page.
type crumb struct{ Text, Href string }

// langLink switches the page to another language.
type langLink struct {
	i18n.Language
	Href    string
	Current bool
}

// navItem is one section of the node.
type navItem struct {
	Key, Href string
	Current   bool
	Shortcut  string // the key after "g"
}

// problem is an error as people read it.
type problem struct {
	What, Why, Do string
	Subject       string
}

// sections is the navigation in order; admin ones are for administrators.
var sections = [...]struct {
	key, href, shortcut string
	admin               bool
}{
	{"overview", "/", "o", false},
	{"find", "/find", "f", false},
	{"objects", "/objects", "b", false},
	{"imports", "/imports", "i", false},
	{"taxii", "/taxii", "t", false},
	{"feeds", "/feeds", "e", false},
	{"peers", "/peers", "p", false},
	{"agreements", "/agreements", "a", false},
	{"ledger", "/ledger", "l", false},
	{"users", "/users", "u", true},
	{"audit", "/audit", "d", true},
}

// dones are the lines that a redirect may ask to show.
var dones = map[string]bool{
	"peer_added": true, "peer_verified": true, "peer_suspended": true, "peer_resumed": true, "peer_ended": true,
	"agreement_proposed": true, "agreement_signed": true, "agreement_suspended": true, "agreement_resumed": true, "agreement_ended": true,
	"imported": true, "user_added": true, "welcome": true,
	"taxii_added": true, "taxii_removed": true, "taxii_made": true, "taxii_saved": true, "taxii_opened": true,
	"feed_saved": true, "feed_polled": true, "feed_paused": true, "feed_resumed": true, "feed_removed": true,
	"taxii_root_saved": true, "taxii_about_saved": true, "taxii_root_removed": true,
	"password_changed": true, "token_revoked": true, "user_disabled": true, "user_enabled": true,
}

// dress fills in what every page carries.
func (w *Web) dress(r *request, f *frame) {
	if f.Status == 0 {
		f.Status = http.StatusOK
	}
	if f.Here == "" {
		f.Here = here(r)
	}
	f.Tag, f.Dir = r.p.Tag(), r.p.Dir()
	for _, l := range i18n.Languages() {
		f.Langs = append(f.Langs, langLink{Language: l, Href: withLang(f.Here, l.Tag), Current: l.Tag == f.Tag})
	}
	f.User, f.SignedIn = r.user, r.user.Name != ""
	have := rank(node.Role(r.user.Role))
	f.Analyst, f.Admin = have >= rank(node.RoleAnalyst), have >= rank(node.RoleAdmin)
	for _, s := range sections {
		if f.SignedIn && (f.Admin || !s.admin) {
			f.Nav = append(f.Nav, navItem{Key: s.key, Href: s.href, Current: s.key == f.Section, Shortcut: s.shortcut})
		}
	}
	f.Self, f.Now = r.self, r.now
	f.CSS, f.JS = w.files.path("style.css"), w.files.path("comity.js")
	if d := r.URL.Query().Get("done"); f.Done == "" && dones[d] {
		f.Done = r.p.T(comity.Msg("web.done." + d))
	}
	if r.problem != nil && f.Problem == nil {
		f.Problem = describe(r.p, r.problem)
		f.Status = comity.ErrorKind(r.problem).HTTPStatus()
	}
}

// here is the address to come back to: this page, or for a form the page's own
// path, which every form here also has for GET, or its parent.
func here(r *request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		q := r.URL.Query()
		q.Del("lang")
		q.Del("done")
		u := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: q.Encode()}
		return u.RequestURI()
	}
	return "/"
}

// withLang adds the choice of a language to an address.
func withLang(href, tag string) string {
	u, err := url.Parse(href)
	if err != nil {
		return "/?lang=" + tag
	}
	q := u.Query()
	q.Set("lang", tag)
	u.RawQuery = q.Encode()
	return u.RequestURI()
}
