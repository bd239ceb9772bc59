package web

import "github.com/comity-net/comity"

// setupPage makes the first administrator.
type setupPage struct {
	frame
	Token, Name string
}

func (setupPage) name() string { return "setup" }

func (w *Web) setupForm(r *request) (view, error) {
	token := r.URL.Query().Get("token")
	if r.problem == nil {
		if token == "" {
			return nil, comity.E(comity.Usage, "setup", "", comity.Msg("web.setup.no_token"), nil).WithHint(comity.Msg("web.setup.new_link"))
		}
		if err := w.node.CheckSetup(r.Context(), token); err != nil {
			return nil, err
		}
	} else {
		token = r.PostFormValue("token")
	}
	v := &setupPage{Token: token, Name: r.PostFormValue("name")}
	v.Title = r.p.T(comity.Msg("web.setup.title"))
	v.Here = "/setup?token=" + escapeQuery(token)
	return v, nil
}

func (w *Web) setup(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	session, err := w.node.Setup(r.Context(), r.PostFormValue("token"), r.PostFormValue("name"), r.PostFormValue("password"), r.p.Tag())
	if err != nil {
		r.problem = err
		return w.setupForm(r)
	}
	w.begin(r, session)
	return redirect{to: "/", done: "welcome"}, nil
}
