package web

import (
	"net/url"

	"github.com/comity-net/comity"
)

// signInPage asks for name and password, or to confirm a one-time link.
type signInPage struct {
	frame
	Name, Next string
	Token      string // of a link; then no password is asked
}

func (signInPage) name() string { return "signin" }

func escapeQuery(s string) string { return url.QueryEscape(s) }

func (w *Web) signInForm(r *request) (view, error) {
	if r.user.Name != "" && r.problem == nil {
		return redirect{to: nextPage(r.URL.Query().Get("next"))}, nil
	}
	next := r.URL.Query().Get("next")
	if r.problem != nil {
		next = r.PostFormValue("next")
	}
	v := &signInPage{Name: r.PostFormValue("name"), Next: nextPage(next)}
	v.Title = r.p.T(comity.Msg("web.signin.title"))
	v.Here = "/signin?next=" + escapeQuery(v.Next)
	return v, nil
}

func (w *Web) signIn(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	session, err := w.node.SignIn(r.Context(), r.PostFormValue("name"), r.PostFormValue("password"), from(r))
	if err != nil {
		r.problem = err
		return w.signInForm(r)
	}
	w.begin(r, session)
	return redirect{to: nextPage(r.PostFormValue("next"))}, nil
}

// signInLinkForm asks for one press before the link is used up, because mail
// scanners and previews open links too.
func (w *Web) signInLinkForm(r *request) (view, error) {
	token := r.URL.Query().Get("token")
	if token == "" {
		return nil, comity.E(comity.Usage, "signin", "", comity.Msg("web.signin.no_token"), nil)
	}
	v := &signInPage{Token: token}
	v.Title = r.p.T(comity.Msg("web.signin.title"))
	return v, nil
}

func (w *Web) signInLink(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	session, err := w.node.SignInByLink(r.Context(), r.PostFormValue("token"))
	if err != nil {
		return nil, err
	}
	w.begin(r, session)
	return redirect{to: "/"}, nil
}

func (w *Web) signOut(r *request) (view, error) {
	if err := w.node.SignOut(r.Context(), r.secret); err != nil {
		return nil, err
	}
	w.setCookie(r, sessionCookie(r.self), "", -1)
	return redirect{to: "/signin"}, nil
}
