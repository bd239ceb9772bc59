package web

import (
	"slices"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// usersPage lists accounts and adds one. Link is a one-time sign-in address
// that was just made; it is shown once.
type usersPage struct {
	frame
	List      []store.User
	Roles     []node.Role
	Name      string // of the form when it was refused
	Role      string
	Link, For string
}

// accountRoles are what an account can be: the last three read by TAXII only.
var accountRoles = [...]node.Role{node.RoleReader, node.RoleAnalyst, node.RoleAdmin, node.RoleConstituent, node.RoleCommunity, node.RolePublic}

func (usersPage) name() string { return "users" }

func (w *Web) userList(r *request) (view, error) { return w.usersView(r) }

func (w *Web) usersView(r *request) (*usersPage, error) {
	list, err := w.node.Users(r.Context())
	if err != nil {
		return nil, err
	}
	v := &usersPage{List: list, Roles: accountRoles[:], Role: string(node.RoleReader)}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.nav.users")), "users", "/users"
	if r.problem != nil {
		v.Name, v.Role = r.PostFormValue("name"), r.PostFormValue("role")
	}
	return v, nil
}

func (w *Web) userAdd(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	name, role := strings.TrimSpace(r.PostFormValue("name")), node.Role(r.PostFormValue("role"))
	err := error(nil)
	if !slices.Contains(accountRoles[:], role) {
		err = comity.E(comity.Usage, "user add", name, comity.Msg("web.user.no_role", comity.A("role", string(role))), nil)
	}
	if err == nil {
		err = w.node.CreateUser(r.Context(), r.actor(), name, r.PostFormValue("password"), role, r.p.Tag())
	}
	if err != nil {
		r.problem = err
		return w.usersView(r)
	}
	return redirect{to: "/users", done: "user_added"}, nil
}

func (w *Web) userLink(r *request) (view, error) {
	name := r.PathValue("name")
	token, err := w.node.SignInLink(r.Context(), r.actor(), name)
	if err != nil {
		r.problem = err
		return w.usersView(r)
	}
	v, err := w.usersView(r)
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if r.TLS != nil || w.opts.Secure {
		scheme = "https"
	}
	v.Link, v.For = scheme+"://"+r.Host+"/signin/link?token="+escapeQuery(token), name
	return v, nil
}
