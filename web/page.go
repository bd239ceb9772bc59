package web

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// handler does one page action: decode, call one use case, say what to show.
type handler func(r *request) (view, error)

// request is what a handler works with.
type request struct {
	*http.Request
	rw      http.ResponseWriter
	p       i18n.Printer
	now     time.Time
	user    store.User // zero when not signed in
	secret  string     // of the session
	self    identity
	problem error // why the form was not carried out; shown above it
}

// actor is the signed-in user as package node wants it.
func (r *request) actor() node.Actor {
	return node.Actor{Name: r.user.Name, Role: node.Role(r.user.Role)}
}

// view is one page: a typed struct that embeds frame and names its template.
type view interface {
	name() string
	base() *frame
}

// answer is a view that is no page: a redirect or a download.
type answer interface {
	view
	write(r *request) error
}

// rank orders the roles; an unknown role may do nothing.
func rank(r node.Role) int {
	switch r {
	case node.RoleReader:
		return 1
	case node.RoleAnalyst:
		return 2
	case node.RoleAdmin:
		return 3
	}
	return 0
}

// page is the one adapter from a route to HTTP: it finds the language and the
// user, bounds the body, calls the handler, and renders its view or its error.
func (w *Web) page(rt route) http.Handler {
	limit := rt.body
	if limit == 0 {
		limit = formBody
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, hr *http.Request) {
		hr.Body = http.MaxBytesReader(rw, hr.Body, limit)
		r := &request{Request: hr, rw: rw, now: w.opts.Now(), self: w.identity(hr.Context())}
		err := w.enter(r)
		if err == nil {
			err = w.admit(r, rt)
		}
		var v view
		if err == nil {
			v, err = rt.handle(r)
		}
		if err != nil {
			v, err = w.errorView(r, rt, err), nil
		}
		w.answer(r, v)
	})
}

// admit checks the user against the route.
func (w *Web) admit(r *request, rt route) error {
	switch {
	case rt.open:
		return nil
	case r.user.Name == "":
		return comity.E(comity.Unauthenticated, "web", r.URL.Path, comity.Msg("web.not_signed_in"), nil)
	case rank(node.Role(r.user.Role)) < max(1, rank(rt.role)):
		return comity.E(comity.Forbidden, "web", r.URL.Path,
			comity.Msg("web.role_needed", comity.A("role", "msg:web.role."+string(rt.role)), comity.A("have", "msg:web.role."+r.user.Role)), nil)
	}
	return nil
}

// answer writes a view. A page is rendered into memory first, so that a fault
// in a template never leaves half a page.
func (w *Web) answer(r *request, v view) {
	if a, ok := v.(answer); ok {
		if err := a.write(r); err != nil {
			w.opts.Log.Error("write", "path", r.URL.Path, "err", err)
		}
		return
	}
	w.dress(r, v.base())
	var buf bytes.Buffer
	if err := w.pages[r.p.Tag()].ExecuteTemplate(&buf, v.name(), v); err != nil {
		w.opts.Log.Error("template", "name", v.name(), "path", r.URL.Path, "err", err)
		http.Error(r.rw, r.p.T(comity.Msg("web.error.kind.internal")), http.StatusInternalServerError)
		return
	}
	h := r.rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", r.p.Tag())
	h.Set("Vary", "Cookie, Accept-Language")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	r.rw.WriteHeader(v.base().Status)
	if r.Method != http.MethodHead {
		_, _ = buf.WriteTo(r.rw)
	}
}

// redirect sends the browser to a page of this node; done names a line of
// web.done.* to show there.
type redirect struct{ to, done string }

func (redirect) name() string { return "" }
func (redirect) base() *frame { return nil }

func (d redirect) write(r *request) error {
	to := d.to
	if d.done != "" {
		to += "?done=" + url.QueryEscape(d.done)
	}
	http.Redirect(r.rw, r.Request, to, http.StatusSeeOther)
	return nil
}

// download is a file for the user to keep. The browser never shows it as a page.
type download struct {
	kind, file string
	body       []byte
}

func (download) name() string { return "" }
func (download) base() *frame { return nil }

func (d download) write(r *request) error {
	attach(r.rw, d.kind, d.file)
	r.rw.Header().Set("Content-Length", strconv.Itoa(len(d.body)))
	_, err := r.rw.Write(d.body)
	return err
}

// attach sets the headers of a download.
func attach(rw http.ResponseWriter, kind, file string) {
	h := rw.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+safeName(file)+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
}

// safeName keeps what a file name may hold on every system.
func safeName(s string) string {
	b := []byte(s)
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			b[i] = '_'
		}
	}
	if len(b) > 120 {
		b = b[:120]
	}
	return string(b)
}

// notFound answers every path that no route has.
func notFound(r *request) (view, error) {
	return nil, comity.E(comity.NotFound, "web", r.URL.Path, comity.Msg("web.no_such_page", comity.A("path", r.URL.Path)), nil)
}
