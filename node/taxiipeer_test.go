package node_test

import (
	"net/http/httptest"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// What a peer sent goes to readers without a node only as its streams allow.
func TestTaxiiKeepsPeersClauses(t *testing.T) {
	for _, c := range []struct {
		name                string
		onward              comity.Onward
		purpose, retention  any
		open                node.Opening
		constituent, common bool
	}{
		{"none", comity.OnwardNone, nil, nil, node.Opening{}, false, false},
		{"constituency", comity.OnwardConstituency, nil, nil, node.Opening{}, true, false},
		{"tlp", comity.OnwardTLP, nil, nil, node.Opening{}, true, true},
		{"purpose", comity.OnwardTLP, []string{"defence"}, nil, node.Opening{}, false, false},
		{"promised", comity.OnwardTLP, []string{"defence"}, "P90D", node.Opening{Purpose: []string{"defence"}, Retention: "P30D"}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := start(t, "alpha"), start(t, "beta")
			pair(t, a, b)
			id := agreeOn(t, a, b, func(m map[string]any) {
				for _, s := range m["streams"].([]any) {
					s := s.(map[string]any)
					s["onward"] = c.onward
					delete(s, "purpose")
					delete(s, "retention")
					if c.purpose != nil {
						s["purpose"] = c.purpose
					}
					if c.retention != nil {
						s["retention"] = c.retention
					}
				}
			})
			bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "from a peer", comity.Green))
			if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id}); err != nil {
				t.Fatal(err)
			}
			sees(t, b, "the note", func(v node.ObjectView) bool { return v.Version.State == comity.StateActive })
			if err := b.Collect(t.Context(), admin, "feed", []comity.ObjectID{note1}); err != nil {
				t.Fatal(err)
			}
			c.open.To = node.RoleCommunity
			if err := b.OpenCollection(t.Context(), admin, "feed", c.open); err != nil {
				t.Fatal(err)
			}
			h, err := b.Taxii(t.Context(), node.TaxiiOptions{})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(h)
			defer srv.Close()
			x := exchangeOf{t: t, n: b, url: srv.URL}
			for role, want := range map[node.Role]bool{node.RoleReader: true, node.RoleConstituent: c.constituent, node.RoleCommunity: c.common} {
				got := x.as("x-"+string(role), role).pages("/taxii2/api/collections/feed/objects/", 10)
				if (len(got) == 1) != want {
					t.Errorf("%s gets %d, want %v", role, len(got), want)
				}
			}
		})
	}
}
