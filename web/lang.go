package web

import (
	"net/url"

	"github.com/comity-net/comity"
)

// fromHere reports whether a request was made from a page of this node, as the
// browser says; a browser that says nothing is judged by the page it names.
func fromHere(r *request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	u, err := url.Parse(r.Referer())
	return err == nil && u.Host != "" && u.Host == r.Host
}

// langChosen is the language that a request asks for: in its address, which
// counts for this page only unless a page of this node led here, or in the cookie.
//
// INVARIANT: a GET changes nothing that is stored of an account, whatever link
// it came by (TestLanguageIsChosenByPost).
func (w *Web) langChosen(r *request) string {
	if q := r.URL.Query().Get("lang"); known(q) {
		if fromHere(r) {
			w.setCookie(r, langCookie, q, langCookieFor)
		}
		return q
	}
	if c, err := r.Cookie(langCookie); err == nil {
		return c.Value
	}
	return ""
}

// langSet is the switcher: it keeps the choice in the browser and, for who is
// signed in, with the account, and goes back to the page.
func (w *Web) langSet(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	tag := r.PostFormValue("lang")
	if !known(tag) {
		return nil, comity.E(comity.Usage, "language", tag, comity.Msg("web.bad_form"), nil)
	}
	w.setCookie(r, langCookie, tag, langCookieFor)
	if r.user.Name != "" && r.user.Lang != tag {
		if err := w.node.SetLang(r.Context(), r.user.Name, tag); err != nil {
			w.opts.Log.Error("set language", "user", r.user.Name, "err", err)
		}
	}
	return redirect{to: nextPage(r.PostFormValue("next"))}, nil
}
