package web

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// tokenDays are the lifetimes of an API token to choose from; the first is
// proposed.
var tokenDays = [...]int64{90, 30, 365}

const maxTokenLabel = 100 // characters

// accountPage is what people set for themselves: password, language, tokens.
type accountPage struct {
	frame
	HasPassword bool
	Tokens      []node.TokenView
	Days        []tokenLife
	Label       string // of the form when it was refused
	Made, For   string // a token just made, shown once, and its label
}

// tokenLife is one lifetime to choose.
type tokenLife struct {
	Days   int64
	Period comity.Period
}

func (accountPage) name() string { return "account" }

func (w *Web) account(r *request) (view, error) { return w.accountView(r) }

func (w *Web) accountView(r *request) (*accountPage, error) {
	list, err := w.node.Tokens(r.Context(), r.user.Name)
	if err != nil {
		return nil, err
	}
	v := &accountPage{HasPassword: r.user.Password != "", Tokens: list}
	for _, d := range tokenDays {
		v.Days = append(v.Days, tokenLife{d, comity.Period("P" + itoa(d) + "D")})
	}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.account.title")), "account", "/account"
	if r.problem != nil {
		v.Label = r.PostFormValue("label")
	}
	return v, nil
}

// accountPassword changes one's own password. All sessions end with it, so the
// one that asked is begun again.
func (w *Web) accountPassword(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	password := r.PostFormValue("password")
	if err := w.node.ChangePassword(r.Context(), r.actor(), r.user.Name, r.PostFormValue("old"), password); err != nil {
		r.problem = err
		return w.accountView(r)
	}
	session, err := w.node.SignIn(r.Context(), r.user.Name, password, from(r))
	if err != nil { // the password is changed all the same
		return redirect{to: "/signin?next=/account"}, nil
	}
	w.begin(r, session)
	return redirect{to: "/account", done: "password_changed"}, nil
}

func (w *Web) tokenAdd(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	label := strings.TrimSpace(r.PostFormValue("label"))
	var token string
	err := error(nil)
	if label == "" || utf8.RuneCountInString(label) > maxTokenLabel {
		err = comity.E(comity.Usage, "token add", "", comity.Msg("web.token.no_label"), nil)
	}
	if err == nil {
		token, err = w.node.CreateToken(r.Context(), r.actor(), r.user.Name, label, tokenFor(r.PostFormValue("days")))
	}
	if err != nil {
		r.problem = err
		return w.accountView(r)
	}
	v, err := w.accountView(r)
	if err != nil {
		return nil, err
	}
	v.Made, v.For = token, label
	return v, nil
}

// tokenFor reads a lifetime; what is not offered is the one proposed.
func tokenFor(days string) time.Duration {
	const day = 24 * time.Hour
	n := parseInt(days)
	for _, d := range tokenDays {
		if d == n {
			return time.Duration(d) * day
		}
	}
	return time.Duration(tokenDays[0]) * day
}

func (w *Web) tokenRevoke(r *request) (view, error) {
	if err := w.node.RevokeToken(r.Context(), r.actor(), r.PathValue("id")); err != nil {
		r.problem = err
		return w.accountView(r)
	}
	return redirect{to: "/account", done: "token_revoked"}, nil
}

// userPage is one account as an administrator sees it.
type userPage struct {
	frame
	Account store.User
	Lang    string // its language, in that language
	Tokens  []node.TokenView
}

func (userPage) name() string { return "user" }

func (w *Web) userShow(r *request) (view, error) { return w.userView(r) }

func (w *Web) userView(r *request) (*userPage, error) {
	name := r.PathValue("name")
	list, err := w.node.Users(r.Context())
	if err != nil {
		return nil, err
	}
	for _, u := range list {
		if u.Name != name {
			continue
		}
		v := &userPage{Account: u}
		for _, l := range i18n.Languages() {
			if l.Tag == u.Lang {
				v.Lang = l.Name
			}
		}
		v.Title, v.Section, v.Here = u.Name, "users", "/users/"+escapePath(u.Name)
		v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.users")), "/users"}}
		v.Tokens, err = w.node.Tokens(r.Context(), u.Name)
		return v, err
	}
	return nil, comity.E(comity.NotFound, "user", name, comity.Msg("web.user.unknown", comity.A("name", name)), nil)
}

// userPassword sets another's password.
func (w *Web) userPassword(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	if name == r.user.Name { // one's own is changed with the old one
		return redirect{to: "/account"}, nil
	}
	if err := w.node.ChangePassword(r.Context(), r.actor(), name, "", r.PostFormValue("password")); err != nil {
		r.problem = err
		return w.userView(r)
	}
	return redirect{to: "/users/" + escapePath(name), done: "password_changed"}, nil
}

func (w *Web) userDisable(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	name, disable, done := r.PathValue("name"), true, "user_disabled"
	if r.PostFormValue("enable") == "yes" {
		disable, done = false, "user_enabled"
	}
	if err := w.node.DisableUser(r.Context(), r.actor(), name, disable); err != nil {
		r.problem = err
		return w.userView(r)
	}
	return redirect{to: "/users/" + escapePath(name), done: done}, nil
}

// userTokenRevoke ends another's API token.
func (w *Web) userTokenRevoke(r *request) (view, error) {
	if err := w.node.RevokeToken(r.Context(), r.actor(), r.PathValue("id")); err != nil {
		r.problem = err
		return w.userView(r)
	}
	return redirect{to: "/users/" + escapePath(r.PathValue("name")), done: "token_revoked"}, nil
}
