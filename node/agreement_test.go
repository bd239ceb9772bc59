package node_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// nextVersion is the text of a version that replaces prev and lets anybody have
// what the label allows.
func nextVersion(t *testing.T, n *running, with string, prev, chain comity.AgreementID) []byte {
	t.Helper()
	text, err := n.AgreementTemplate(t.Context(), "bilateral", with)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	m["prev"], m["chain"] = prev, chain
	for _, s := range m["streams"].([]any) {
		s.(map[string]any)["onward"] = "tlp"
	}
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return text
}

func stateOf(t *testing.T, n *running, id string, want comity.AgreementState) {
	t.Helper()
	eventually(t, "agreement "+string(want), func() error {
		v, err := n.Agreement(t.Context(), id)
		if err == nil && v.State != want {
			err = errors.New(string(v.State))
		}
		return err
	})
}

// TestProposeTwice: proposing the same text again takes no signature back.
func TestProposeTwice(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	text, err := a.AgreementTemplate(t.Context(), "bilateral", "beta")
	if err != nil {
		t.Fatal(err)
	}
	av, err := a.ProposeAgreement(t.Context(), admin, text)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "proposal arrives", func() error { _, err := b.SignAgreement(t.Context(), admin, string(av.ID)); return err })
	stateOf(t, a, string(av.ID), comity.AgreementActive)
	if _, err := a.ProposeAgreement(t.Context(), admin, text); !comity.Is(err, comity.Conflict) {
		t.Errorf("proposed twice: %v", err)
	}
	stateOf(t, a, string(av.ID), comity.AgreementActive)
}

// TestEndedIsNotSigned: what was ended before it was signed stays ended.
func TestEndedIsNotSigned(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	text, err := a.AgreementTemplate(t.Context(), "bilateral", "beta")
	if err != nil {
		t.Fatal(err)
	}
	av, err := a.ProposeAgreement(t.Context(), admin, text)
	if err != nil {
		t.Fatal(err)
	}
	stateOf(t, b, string(av.ID), comity.AgreementProposed)
	if _, err := a.EndAgreement(t.Context(), admin, string(av.ID)); err != nil {
		t.Fatal(err)
	}
	stateOf(t, b, string(av.ID), comity.AgreementEnded)
	if _, err := b.SignAgreement(t.Context(), admin, string(av.ID)); !comity.Is(err, comity.Conflict) {
		t.Errorf("signed what is ended: %v", err)
	}
}

// TestProposalChangesNothing: after an agreement has ended, a version that only
// one side wants gives that side no right over what came under the old one.
func TestProposalChangesNothing(t *testing.T) { both(t, proposalChangesNothing) }

func proposalChangesNothing(t *testing.T) {
	a, b, ab := agreedOn(t, func(m map[string]any) { delete(m, "notice") })
	c := start(t, "gamma")
	pair(t, b, c)
	bc := agree(t, b, c)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, ab)
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	if _, err := a.EndAgreement(t.Context(), admin, ab); err != nil {
		t.Fatal(err)
	}
	stateOf(t, b, ab, comity.AgreementEnded)
	id := comity.AgreementID(ab)
	v, err := b.ProposeAgreement(t.Context(), admin, nextVersion(t, b, string(a.ID()), id, id))
	if err != nil {
		t.Fatal(err)
	}
	refused := func() {
		t.Helper()
		res, err := b.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: string(bc)})
		if err != nil || res.Shared != 0 || res.Refusals[0].Reason.Msg.Key != "policy.onward_constituency" {
			t.Fatalf("%+v %v", res, err)
		}
	}
	refused()
	if _, err := b.EndAgreement(t.Context(), admin, string(v.ID)); err != nil {
		t.Fatal(err)
	}
	refused()
}

// TestReplacesItsOwn: a version follows one of its own chain, between the same
// parties; and channels go on in it.
func TestReplacesItsOwn(t *testing.T) {
	a, b, ab := agreed(t)
	c := start(t, "gamma")
	pair(t, a, c)
	ac := agree(t, a, c)
	id := comity.AgreementID(ab)
	for _, prev := range []comity.AgreementID{ac, comity.AgreementID("00" + ab[2:])} {
		if _, err := b.ProposeAgreement(t.Context(), admin, nextVersion(t, b, string(a.ID()), prev, prev)); !comity.Is(err, comity.Invalid) {
			t.Errorf("replaces %s: %v", prev.Short(), err)
		}
		if _, err := a.ProposeAgreement(t.Context(), admin, nextVersion(t, a, string(b.ID()), prev, prev)); !comity.Is(err, comity.Invalid) {
			t.Errorf("replaces %s: %v", prev.Short(), err)
		}
	}
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, ab)
	one, err := b.ProposeAgreement(t.Context(), admin, nextVersion(t, b, string(a.ID()), id, id))
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.ProposeAgreement(t.Context(), admin, nextVersion(t, b, string(a.ID()), id, id))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "proposal arrives", func() error { _, err := a.SignAgreement(t.Context(), admin, string(one.ID)); return err })
	for _, n := range []*running{a, b} {
		stateOf(t, n, string(one.ID), comity.AgreementActive)
		stateOf(t, n, ab, comity.AgreementSuperseded)
	}
	if _, err := a.SignAgreement(t.Context(), admin, string(two.ID)); !comity.Is(err, comity.Conflict) {
		t.Errorf("two versions follow one: %v", err)
	}
	bring(t, a, noteOf(t, "2026-01-02T00:00:00.000Z", "second", comity.Green))
	sees(t, b, "the channel goes on", func(v node.ObjectView) bool { return len(v.Versions) == 2 })
}

// TestProposalsAreBounded: a peer cannot fill the store with proposals.
func TestProposalsAreBounded(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	for range 53 {
		text, err := b.AgreementTemplate(t.Context(), "bilateral", "alpha")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.ProposeAgreement(t.Context(), admin, text); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "one too many", func() error {
		lines, err := a.Audits(t.Context(), 0, 20)
		if err == nil && !contains(lines, "inbox", "node.proposals_full") {
			err = errors.New("not audited")
		}
		return err
	})
	list, err := a.Agreements(t.Context())
	if err != nil || len(list) != 50 {
		t.Fatalf("%d proposals, %v", len(list), err)
	}
}
