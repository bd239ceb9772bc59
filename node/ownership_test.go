package node_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// shareNote shares note1 under an agreement and expects that it goes.
func shareNote(t *testing.T, n *running, agreement string) {
	t.Helper()
	res, err := n.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: agreement})
	if err != nil || res.Shared != 1 {
		t.Fatalf("%+v %v", res, err)
	}
}

// reads waits until n has read size entries of the channels of from.
func reads(t *testing.T, n, from *running, size int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d entries are read", size), func() error {
		p, err := n.Peer(t.Context(), string(from.ID()))
		if err == nil && p.Received < size {
			err = fmt.Errorf("%d", p.Received)
		}
		return err
	})
}

// TestPeerDoesNotWithdrawOurs: alpha has a note on its own and gave it to
// gamma. Beta, which has it too, gives it to alpha, and then marks, revokes and
// erases it. That is beta's word about beta's copy.
func TestPeerDoesNotWithdrawOurs(t *testing.T) { both(t, peerDoesNotWithdrawOurs) }

func peerDoesNotWithdrawOurs(t *testing.T) {
	a, b, ab := agreed(t)
	c := start(t, "gamma")
	pair(t, a, c)
	text := noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green)
	bring(t, a, text)
	bring(t, b, text)
	shareNote(t, a, string(agree(t, a, c)))
	sees(t, c, "it arrives", func(node.ObjectView) bool { return true })
	shareNote(t, b, ab)
	reads(t, a, b, 1)
	if _, err := b.Mark(t.Context(), admin, note1, comity.AmberStrict, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Revoke(t.Context(), admin, note1, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Erase(t.Context(), admin, note1, "x"); err != nil {
		t.Fatal(err)
	}
	reads(t, a, b, 4)
	for _, n := range []*running{a, c} {
		v, err := n.Show(t.Context(), note1)
		if err != nil || v.Version.State != comity.StateActive || v.Version.Handling != comity.Green {
			t.Errorf("state %s, handling %s, %v", v.Version.State, v.Version.Handling, err)
		}
	}
	p, err := a.Peer(t.Context(), "gamma")
	if err != nil || p.Given != 1 {
		t.Errorf("alpha told gamma %d things, %v", p.Given, err)
	}
	clean(t, a, b, c)
}

// creation is a note in a given version that names a creator.
func creation(t *testing.T, id comity.ObjectID, modified string, creator comity.ObjectID) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(noteOf(t, modified, "version of "+modified, comity.Green)), &m); err != nil {
		t.Fatal(err)
	}
	m["id"] = id
	if creator != "" {
		m["created_by_ref"] = creator
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOnlyTheCreatorVersions: beta sends alpha a newer version of what alpha
// holds on its own.
func TestOnlyTheCreatorVersions(t *testing.T) { both(t, onlyTheCreatorVersions) }

func onlyTheCreatorVersions(t *testing.T) {
	const third, other = "identity--5c1b9a58-3a3c-4b8e-9f4a-6a3b8f6f1a11", "identity--6c1b9a58-3a3c-4b8e-9f4a-6a3b8f6f1a11"
	a, b, agreement := agreed(t)
	self, err := a.List(t.Context(), store.Query{Types: []string{"identity"}})
	if err != nil || len(self) != 1 {
		t.Fatalf("%+v %v", self, err)
	}
	cases := []struct {
		name       string
		held, sent comity.ObjectID
		accepted   bool
	}{
		{"nobody's", "", "", false},
		{"ours", self[0].ID, self[0].ID, false},
		{"another creator's", third, other, false},
		{"a third party's", third, third, true},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			id := comity.ObjectID(fmt.Sprintf("note--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1b%02d", i))
			bring(t, a, creation(t, id, "2026-01-01T00:00:00.000Z", c.held))
			bring(t, b, creation(t, id, "2026-01-02T00:00:00.000Z", c.sent))
			if _, err := b.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{id}, With: agreement}); err != nil {
				t.Fatal(err)
			}
			reads(t, a, b, int64(i+1))
			v, err := a.Show(t.Context(), id)
			if err != nil || (len(v.Versions) == 2) != c.accepted {
				t.Errorf("accepted: %v, %v", len(v.Versions) == 2, err)
			}
			lines, err := a.Audits(t.Context(), 0, 3)
			lines = slices.DeleteFunc(lines, func(l comity.Audit) bool { return l.Subject != string(id) })
			if err != nil || contains(lines, "entrance", "node.not_creator") == c.accepted {
				t.Errorf("audit %+v %v", lines, err)
			}
			// What beta sent does not take alpha's own out of its hands.
			if _, err := a.Revoke(t.Context(), admin, id, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	clean(t, a, b)
}
