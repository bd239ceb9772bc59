package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
)

// errorPage says what was attempted, why it failed and what to do.
type errorPage struct {
	frame
	Kind  string
	Parts problem
	Retry string // address of a page to go on from
}

func (errorPage) name() string { return "error" }

// describe turns an error into sentences.
func describe(p i18n.Printer, err error) *problem {
	word := comity.ErrorKind(err).String()
	kind := strings.ReplaceAll(word, "-", "_") // keys hold no hyphens
	out := &problem{
		What: p.T(comity.Msg("web.error.kind." + kind)),
		Why:  p.T(comity.ErrorMessage(err)),
		Do:   p.T(comity.Msg("web.error.do." + kind)),
	}
	var e *comity.Error
	if errors.As(err, &e) {
		out.Subject = e.Subject
		if !e.Hint.IsZero() {
			out.Do = p.T(e.Hint)
		}
	} else if word == comity.Internal.String() {
		out.Why = p.T(comity.Msg("web.error.unforeseen")) // the cause is for the log
	}
	return out
}

// errorView chooses what to show for an error. Who is not signed in and only
// wanted to look is led to the sign-in page and back.
func (w *Web) errorView(r *request, rt route, err error) view {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		err = comity.E(comity.TooLarge, "web", r.URL.Path, comity.Msg("web.body_too_large", comity.A("max", r.p.Bytes(tooBig.Limit))), err)
	}
	kind := comity.ErrorKind(err)
	if kind == comity.Internal {
		w.opts.Log.Error("page", "path", r.URL.Path, "user", r.user.Name, "err", err)
	}
	if kind == comity.Unauthenticated && r.Method == http.MethodGet && !rt.open {
		return redirect{to: "/signin?next=" + url.QueryEscape(here(r))}
	}
	if kind == comity.Limited {
		r.rw.Header().Set("Retry-After", "60")
	}
	v := &errorPage{Kind: kind.String(), Parts: *describe(r.p, err), Retry: parent(r.URL.Path)}
	if kind == comity.Unauthenticated {
		v.Retry = "/signin"
	}
	v.Title, v.Status = v.Parts.What, kind.HTTPStatus()
	if r.Method != http.MethodGet {
		v.Here = v.Retry
	}
	return v
}

// parent is the page above a path.
func parent(path string) string {
	section, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, s := range sections {
		if s.key == section && path != s.href {
			return s.href
		}
	}
	return "/"
}

// badForm is the error for a form that could not be read.
func badForm(r *request, err error) error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return err
	}
	return comity.E(comity.Usage, "web", r.URL.Path, comity.Msg("web.bad_form"), err)
}

// form reads the fields of a form.
func (r *request) form() error {
	if err := r.ParseForm(); err != nil {
		return badForm(r, err)
	}
	return nil
}
