package node_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/stix"
)

const note1 = "note--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a11"

// noteOf is a STIX note of a given version, marking and text.
func noteOf(t *testing.T, modified, content string, tlp comity.TLP) string {
	t.Helper()
	m := map[string]any{
		"type": "note", "spec_version": "2.1", "id": note1, "created": "2026-01-01T00:00:00.000Z", "modified": modified,
		"content": content, "object_refs": []string{"indicator--6d1c6a5e-5f0f-4e4c-9b7e-3f2b1a0c9d8e"},
	}
	if tlp != comity.Unmarked {
		m["object_marking_refs"] = []comity.ObjectID{stix.TLPMarking(tlp)}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// bring imports one STIX object and returns the import.
func bring(t *testing.T, n *running, object string) comity.Import {
	t.Helper()
	im, err := n.Import(t.Context(), admin, node.ImportRequest{Reader: reader(object), Name: "object.json"})
	if err != nil || im.Refused != 0 {
		rs, _ := n.Refusals(t.Context(), im.ID, 0, 10)
		t.Fatalf("%+v %v %v", im, err, rs)
	}
	return im
}

// agreed is two nodes under an agreement.
func agreed(t *testing.T) (a, b *running, id string) {
	t.Helper()
	a, b = start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	return a, b, string(agree(t, a, b))
}

// sees waits until a node holds an object for which ok is true.
func sees(t *testing.T, n *running, what string, ok func(node.ObjectView) bool) {
	t.Helper()
	eventually(t, what, func() error {
		v, err := n.Show(t.Context(), note1)
		if err != nil {
			return err
		}
		if !ok(v) {
			return fmt.Errorf("state %s, handling %s, modified %s", v.Version.State, v.Version.Handling, v.Version.Modified)
		}
		return nil
	})
}

func TestNewVersionFollows(t *testing.T) { both(t, newVersionFollows) }

func newVersionFollows(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "first", comity.Green))
	if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id}); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "first version", func(v node.ObjectView) bool { return v.Version.State == comity.StateActive })
	bring(t, a, noteOf(t, "2026-01-02T00:00:00.000Z", "second", comity.Green))
	sees(t, b, "second version", func(v node.ObjectView) bool {
		return strings.Contains(string(v.Version.Raw), "second") && len(v.Versions) == 2
	})
	// A version that may no longer go does not follow, and the audit says why.
	bring(t, a, noteOf(t, "2026-01-03T00:00:00.000Z", "third", comity.Red))
	lines, err := a.Audits(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if !contains(lines, "forward", "policy.red") {
		t.Fatalf("audit %+v", lines)
	}
	clean(t, a, b)
}

func contains(lines []comity.Audit, action, key string) bool {
	for _, l := range lines {
		if l.Action == action && l.Msg.Key == key {
			return true
		}
	}
	return false
}

func TestErase(t *testing.T) {
	a, b, id := agreed(t)
	secret := "the-erased-sentence-7f3a"
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", secret, comity.Amber))
	bring(t, a, noteOf(t, "2026-01-02T00:00:00.000Z", secret+" again", comity.Amber))
	if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id}); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "it arrives", func(v node.ObjectView) bool { return v.Version.State == comity.StateActive })
	res, err := a.Erase(t.Context(), admin, note1, "mistake")
	if err != nil || len(res.Channels) != 1 || len(res.Channels[0].Members) != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	for _, n := range []*running{a, b} {
		sees(t, n, "erased", func(v node.ObjectView) bool { return v.Version.State == comity.StateErased && v.Version.Raw == nil })
		found, err := n.Find(t.Context(), secret)
		if err != nil || len(found.Text) != 0 {
			t.Fatalf("still found: %+v %v", found.Text, err)
		}
	}
	clean(t, a, b)
	// Only the source withdraws; and it stays erased when it comes again.
	if _, err := b.Erase(t.Context(), admin, note1, ""); !comity.Is(err, comity.Forbidden) {
		t.Fatalf("beta erased alpha's object: %v", err)
	}
	for _, n := range []*running{a, b} {
		n.stop()
		if b, err := os.ReadFile(n.Dir() + "/comity.db"); err != nil || strings.Contains(string(b), secret) {
			t.Fatalf("the bytes are still in the database file (%v)", err)
		}
	}
}

func TestMarkNarrower(t *testing.T) { both(t, markNarrower) }

func markNarrower(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id}); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "it arrives", func(v node.ObjectView) bool { return v.Version.Handling == comity.Green })
	if _, err := a.Mark(t.Context(), admin, note1, comity.AmberStrict, "victim named"); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "narrowed", func(v node.ObjectView) bool { return v.Version.Handling == comity.AmberStrict })
	if _, err := b.Mark(t.Context(), admin, note1, comity.Green, ""); !comity.Is(err, comity.Forbidden) {
		t.Fatalf("a receiver widened: %v", err)
	}
	if _, err := a.Mark(t.Context(), admin, note1, comity.Clear, ""); !comity.Is(err, comity.Forbidden) {
		t.Fatalf("wider than the object's own marking: %v", err)
	}
}

func TestUndoWithdraws(t *testing.T) { both(t, undoWithdraws) }

func undoWithdraws(t *testing.T) {
	a, b, id := agreed(t)
	im := bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id}); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	res, err := a.UndoImport(t.Context(), admin, string(im.ID), true)
	if err != nil || res.Withdrawn != 1 || res.Kept != 0 {
		t.Fatalf("%+v %v", res, err)
	}
	sees(t, b, "erased", func(v node.ObjectView) bool { return v.Version.State == comity.StateErased })
	if _, err := a.UndoImport(t.Context(), admin, string(im.ID), true); !comity.Is(err, comity.Conflict) {
		t.Fatalf("undone twice: %v", err)
	}
	clean(t, a, b)
}

func TestRefusalsHaveReasons(t *testing.T) { both(t, refusalsHaveReasons) }

func refusalsHaveReasons(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Red))
	res, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id})
	if err != nil || res.Shared != 0 || res.Refused != 1 || res.Refusals[0].Reason.Msg.Key != "policy.red" {
		t.Fatalf("%+v %v", res, err)
	}
	rows, err := a.Explain(t.Context(), note1, "beta")
	if err != nil || len(rows) != 1 || rows[0].Decision.Allowed() || len(rows[0].Decision.Reasons) == 0 {
		t.Fatalf("%+v %v", rows, err)
	}
	if _, err := b.Show(t.Context(), note1); !comity.Is(err, comity.NotFound) {
		t.Fatalf("beta knows it: %v", err)
	}
}

// TestOnward: what beta got from alpha goes no further than the clauses say.
func TestOnward(t *testing.T) { both(t, onward) }

func onward(t *testing.T) {
	a, b, ab := agreed(t)
	c := start(t, "gamma")
	pair(t, b, c)
	bc := agree(t, b, c)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: ab}); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	res, err := b.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: string(bc)})
	if err != nil || res.Shared != 0 || res.Refusals[0].Reason.Msg.Key != "policy.onward_constituency" {
		t.Fatalf("%+v %v", res, err)
	}
	for _, arg := range res.Refusals[0].Reason.Msg.Args {
		if arg.Name == "origin" && arg.Value != "alpha" {
			t.Errorf("the reason names the origin %q", arg.Value)
		}
	}
}

func TestWrongPairCode(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	if _, err := a.AddPeer(t.Context(), admin, b.url, nil); err != nil {
		t.Fatal(err)
	}
	_, err := a.VerifyPeer(t.Context(), admin, "beta", "12345 12345 12345 12345 12345 12345 12345 12345 12345 12345 12345 12345")
	if !comity.Is(err, comity.Unverified) {
		t.Fatal(err)
	}
	p, err := a.Peer(t.Context(), "beta")
	if err != nil || p.State != comity.PeerIntroduced {
		t.Fatalf("%s %v", p.State, err)
	}
	lines, err := a.Audits(t.Context(), 0, 5)
	if err != nil || !contains(lines, "peer.verify", "node.pair_code_wrong") {
		t.Fatalf("%+v %v", lines, err)
	}
	if _, err := a.AgreementTemplate(t.Context(), "bilateral", "beta"); err != nil {
		t.Fatal(err)
	}
}

func TestSuspendedAgreementStopsReading(t *testing.T) { both(t, suspendedAgreementStopsReading) }

func suspendedAgreementStopsReading(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	if _, err := a.SuspendAgreement(t.Context(), admin, id, true); err != nil {
		t.Fatal(err)
	}
	res, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id})
	if err != nil || res.Shared != 0 || res.Refusals[0].Reason.Msg.Key != "policy.agreement_state" {
		t.Fatalf("%+v %v", res, err)
	}
	state := func(want comity.AgreementState) {
		eventually(t, "beta is told", func() error {
			v, err := b.Agreement(t.Context(), id)
			if err == nil && v.State != want {
				err = errors.New(string(v.State))
			}
			return err
		})
	}
	state(comity.AgreementSuspended)
	if _, err := b.SuspendAgreement(t.Context(), admin, id, false); !comity.Is(err, comity.Conflict) {
		t.Fatalf("the other side resumed it: %v", err)
	}
	if _, err := a.SuspendAgreement(t.Context(), admin, id, false); err != nil {
		t.Fatal(err)
	}
	state(comity.AgreementActive)
	if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id}); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
}

// TestWithdrawalAfterTheEnd: an ended agreement lets nothing new through, but
// what was shared under it can still be withdrawn everywhere.
func TestWithdrawalAfterTheEnd(t *testing.T) { both(t, withdrawalAfterTheEnd) }

func withdrawalAfterTheEnd(t *testing.T) {
	a, b, id := agreedOn(t, func(m map[string]any) { delete(m, "notice") })
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: id}); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	if _, err := b.EndAgreement(t.Context(), admin, id); err != nil {
		t.Fatal(err)
	}
	eventually(t, "alpha is told", func() error {
		v, err := a.Agreement(t.Context(), id)
		if err == nil && v.State != comity.AgreementEnded {
			err = errors.New(string(v.State))
		}
		return err
	})
	bring(t, a, noteOf(t, "2026-01-02T00:00:00.000Z", "second", comity.Green))
	if _, err := a.Erase(t.Context(), admin, note1, "mistake"); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "erased", func(v node.ObjectView) bool { return v.Version.State == comity.StateErased && len(v.Versions) == 1 })
}
