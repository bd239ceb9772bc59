package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/node"
)

// TestLossIsNotRetention: a payload that is missing above the index to which
// retention was applied is a problem; under it, it is not.
func TestLossIsNotRetention(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, id)
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	v, err := b.Show(t.Context(), note1)
	if err != nil || len(v.Sources) != 1 {
		t.Fatalf("%+v %v", v.Sources, err)
	}
	n := later(t, b, 0)
	ch, index := v.Sources[0].Channel, v.Sources[0].Index
	faults := func() int {
		t.Helper()
		reports, err := n.Verify(t.Context(), admin, string(ch), nil)
		if err != nil || len(reports) != 1 {
			t.Fatal(err)
		}
		return len(reports[0].Problems)
	}
	exec(t, b, fmt.Sprintf("UPDATE entry SET nonce = NULL, header = NULL WHERE oid = %d", v.Version.OID))
	below := func(i int64) {
		exec(t, b, fmt.Sprintf(`INSERT OR REPLACE INTO setting (name, value) VALUES ('retention:%s', CAST('{"below":%d}' AS BLOB))`, ch, i))
	}
	if faults() != 1 {
		t.Error("a lost payload is no problem")
	}
	below(index)
	if faults() != 1 {
		t.Error("a payload lost above the index is no problem")
	}
	below(index + 1)
	if faults() != 0 {
		t.Error("what retention erased is a problem")
	}
}

// TestGroupOfTwoIsRefusedInTheInbox: a charter that is none, signed and sent by a
// peer, is not stored, and its people are told why.
func TestGroupOfTwoIsRefusedInTheInbox(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	keys, err := federation.LoadKeys(a.Dir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := draftOn(t, a, b, func(map[string]any) {})
	body, _, err := federation.NewAgreement(text)
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.Replace(body, []byte(`"bilateral"`), []byte(`"group"`), 1)
	line, err := keys.SignAgreement(body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := ledger.JoinDocument(body, line)
	if err != nil {
		t.Fatal(err)
	}
	note, err := b.IdentityNote(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, err := federation.ParseIdentity(note)
	if err != nil {
		t.Fatal(err)
	}
	client := federation.NewClient(keys, federation.ClientOptions{})
	defer client.Close()
	if err := client.For(id).PostInbox(t.Context(), doc); !comity.Is(err, comity.Invalid) {
		t.Errorf("a group: %v", err)
	}
	list, err := b.Agreements(t.Context())
	if err != nil || len(list) != 0 {
		t.Errorf("stored: %v %v", list, err)
	}
	eventually(t, "audited", func() error {
		lines, err := b.Audits(t.Context(), 0, 10)
		if err == nil && !contains(lines, "inbox", "policy.check_group") {
			err = errors.New("not yet")
		}
		return err
	})
}

// TestRetentionFollowsOnward: what was passed on is erased in those channels, too.
func TestRetentionFollowsOnward(t *testing.T) {
	onward := func(m map[string]any) {
		for _, s := range m["streams"].([]any) {
			s.(map[string]any)["onward"] = "tlp"
		}
	}
	a, b, ab := agreedOn(t, onward)
	c := start(t, "gamma")
	pair(t, b, c)
	v, err := b.ProposeAgreement(t.Context(), admin, draftOn(t, b, c, onward))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "proposal arrives", func() error { _, err := c.SignAgreement(t.Context(), admin, string(v.ID)); return err })
	stateOf(t, b, string(v.ID), comity.AgreementActive)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, ab)
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	shareNote(t, b, string(v.ID))
	sees(t, c, "it is passed on", func(node.ObjectView) bool { return true })
	n := later(t, b, 366*day)
	if err := n.ApplyRetention(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := n.Show(t.Context(), note1)
	if err != nil || len(w.Holders) != 1 || w.Holders[0].Kind != comity.EntryErase {
		t.Fatalf("%+v %v", w.Holders, err)
	}
	list, err := n.Entries(t.Context(), w.Holders[0].Channel, 0, 10)
	if err != nil || len(list) != 2 || list[1].Why != node.WhyRetention || list[0].Nonce != nil {
		t.Fatalf("%+v %v", list, err)
	}
}
