package web

import (
	"net"
	"net/http"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
)

const (
	langCookie    = "comity_lang"
	sessionFor    = 30 * 24 * 3600 // seconds the browser keeps the cookie; the node decides how long it is good
	langCookieFor = 365 * 24 * 3600
)

// sessionCookie is named after the node, because browsers keep one jar for all
// ports of a host and several nodes may run on one.
func sessionCookie(self identity) string { return "comity_session_" + self.ID.Short() }

// enter finds the language and the user of a request.
func (w *Web) enter(r *request) error {
	chosen := w.langChosen(r)
	r.p = w.cat.Lang(i18n.Match(r.Header.Get("Accept-Language"), chosen))
	c, err := r.Cookie(sessionCookie(r.self))
	if err != nil || c.Value == "" {
		return nil
	}
	user, err := w.node.Session(r.Context(), c.Value)
	if comity.Is(err, comity.Unauthenticated) || comity.Is(err, comity.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.user, r.secret = user, c.Value
	if chosen == "" && user.Lang != "" {
		r.p = w.cat.Lang(i18n.Match("", user.Lang))
	}
	return nil
}

func known(tag string) bool {
	for _, l := range i18n.Languages() {
		if l.Tag == tag {
			return true
		}
	}
	return false
}

// setCookie sets a cookie that scripts cannot read and other sites' forms do
// not send; maxAge below 0 deletes it.
func (w *Web) setCookie(r *request, name, value string, maxAge int) {
	http.SetCookie(r.rw, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: w.opts.Secure || r.TLS != nil,
	})
}

// begin gives the browser its session.
func (w *Web) begin(r *request, session string) {
	w.setCookie(r, sessionCookie(r.self), session, sessionFor)
}

// from is the address that sign-in attempts are counted by.
func from(r *request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// nextPage keeps a redirect on this node: only a path, never another site.
func nextPage(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") {
		return "/"
	}
	return s
}
