package node_test

import (
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func TestTokensAreOnesOwn(t *testing.T) {
	n := start(t, "alpha")
	ctx, anna, ben := t.Context(), node.Actor{Name: "anna", Role: node.RoleReader}, node.Actor{Name: "ben", Role: node.RoleAnalyst}
	for _, a := range []node.Actor{anna, ben} {
		if err := n.CreateUser(ctx, admin, a.Name, "", a.Role, "en"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.CreateToken(ctx, ben, "anna", "stolen", time.Hour); !comity.Is(err, comity.Forbidden) {
		t.Fatalf("a token for somebody else: %v", err)
	}
	text, err := n.CreateToken(ctx, anna, "anna", "script", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.ByToken(ctx, text); err != nil {
		t.Fatal(err)
	}
	list, err := n.Tokens(ctx, "anna")
	if err != nil || len(list) != 1 || list[0].Label != "script" || list[0].ID == text {
		t.Fatalf("%+v %v", list, err)
	}
	if other, err := n.Tokens(ctx, "ben"); err != nil || len(other) != 0 {
		t.Fatalf("ben sees %v %v", other, err)
	}
	for _, c := range []struct {
		by node.Actor
		id string
	}{{ben, list[0].ID}, {anna, "zz"}, {anna, ""}, {anna, list[0].ID[2:]}, {anna, list[0].ID + "00"}, {admin, list[0].ID[:62] + "00"}} {
		if err := n.RevokeToken(ctx, c.by, c.id); !comity.Is(err, comity.NotFound) {
			t.Errorf("%v %q: %v", c.by, c.id, err)
		}
	}
	if err := n.RevokeToken(ctx, anna, list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := n.ByToken(ctx, text); !comity.Is(err, comity.Unauthenticated) {
		t.Errorf("the revoked token is good: %v", err)
	}
	if a := newest(t, n); a.Action != "token.revoke" || a.Actor != "anna" || a.Subject != "anna" {
		t.Errorf("audit %+v", a)
	}
}

// newest is the last line of the audit.
func newest(t *testing.T, n *running) comity.Audit {
	t.Helper()
	list, err := n.Audits(t.Context(), 0, 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0]
}

func TestDisableUser(t *testing.T) {
	n := start(t, "alpha")
	ctx := t.Context()
	for _, u := range []struct {
		name string
		role node.Role
	}{{"root", node.RoleAdmin}, {"anna", node.RoleReader}} {
		if err := n.CreateUser(ctx, admin, u.name, "first password 1", u.role, "en"); err != nil {
			t.Fatal(err)
		}
	}
	session, err := n.SignIn(ctx, "anna", "first password 1", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	token, err := n.CreateToken(ctx, admin, "anna", "x", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []func() error{
		func() error { _, err := n.Session(ctx, session); return err },
		func() error { _, err := n.ByToken(ctx, token); return err },
	} {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.DisableUser(ctx, node.Actor{Name: "anna", Role: node.RoleReader}, "root", true); !comity.Is(err, comity.Forbidden) {
		t.Fatalf("a reader disabled an account: %v", err)
	}
	if err := n.DisableUser(ctx, admin, "nobody", true); !comity.Is(err, comity.NotFound) {
		t.Fatal(err)
	}
	if err := n.DisableUser(ctx, admin, "anna", true); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Session(ctx, session); !comity.Is(err, comity.Unauthenticated) {
		t.Errorf("the session lives on: %v", err)
	}
	if _, err := n.ByToken(ctx, token); !comity.Is(err, comity.Unauthenticated) {
		t.Errorf("the token lives on: %v", err)
	}
	if err := n.DisableUser(ctx, admin, "anna", false); err != nil {
		t.Fatal(err)
	}
	if _, err := n.SignIn(ctx, "anna", "first password 1", "192.0.2.1"); err != nil {
		t.Errorf("enabled again: %v", err)
	}
}

// TestLastAdminStays: an administrator can be disabled only while another can
// sign in.
func TestLastAdminStays(t *testing.T) {
	n := start(t, "alpha")
	ctx := t.Context()
	for _, name := range []string{"one", "two"} {
		if err := n.CreateUser(ctx, admin, name, "", node.RoleAdmin, "en"); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.DisableUser(ctx, admin, "one", true); err != nil {
		t.Fatal(err)
	}
	if err := n.DisableUser(ctx, admin, "two", true); !comity.Is(err, comity.Conflict) {
		t.Fatalf("nobody is left: %v", err)
	}
	if a := newest(t, n); a.Action != "user.disable" || a.Kind != "conflict" {
		t.Errorf("audit %+v", a)
	}
}
