package node_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// TestMarkStays: a label set by hand holds for the versions that follow.
func TestMarkStays(t *testing.T) { both(t, markStays) }

func markStays(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, id)
	if _, err := a.Mark(t.Context(), admin, note1, comity.AmberStrict, "victim named"); err != nil {
		t.Fatal(err)
	}
	bring(t, a, noteOf(t, "2026-01-02T00:00:00.000Z", "y", comity.Green))
	sees(t, b, "second version", func(v node.ObjectView) bool { return len(v.Versions) == 2 })
	for _, n := range []*running{a, b} {
		sees(t, n, "label stays", func(v node.ObjectView) bool { return v.Version.Handling == comity.AmberStrict })
	}
}

// TestStricterWayCounts: beta has a note from alpha; gamma gives it the same
// bytes under a narrower label.
func TestStricterWayCounts(t *testing.T) { both(t, stricterWayCounts) }

func stricterWayCounts(t *testing.T) {
	a, b, ab := agreed(t)
	c := start(t, "gamma")
	pair(t, b, c)
	bc := agree(t, b, c)
	text := noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green)
	bring(t, a, text)
	bring(t, c, text)
	if _, err := c.Mark(t.Context(), admin, note1, comity.AmberStrict, ""); err != nil {
		t.Fatal(err)
	}
	shareNote(t, a, ab)
	sees(t, b, "it arrives", func(v node.ObjectView) bool { return v.Version.Handling == comity.Green })
	shareNote(t, c, string(bc))
	sees(t, b, "narrowed", func(v node.ObjectView) bool {
		return v.Version.Handling == comity.AmberStrict && len(v.Sources) == 2
	})
	// Alpha, who is not the only one it came from, cannot widen it again; when
	// alpha erases it, gamma still gives it; and then gamma's word counts.
	if _, err := a.Mark(t.Context(), admin, note1, comity.Amber, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Mark(t.Context(), admin, note1, comity.Green, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Erase(t.Context(), admin, note1, ""); err != nil {
		t.Fatal(err)
	}
	reads(t, b, a, 4)
	sees(t, b, "as gamma gave it", func(v node.ObjectView) bool {
		return v.Version.Handling == comity.AmberStrict && v.Version.State == comity.StateActive && len(v.Sources) == 1
	})
	if _, err := c.Revoke(t.Context(), admin, note1, ""); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "revoked", func(v node.ObjectView) bool { return v.Version.State == comity.StateRevoked })
	clean(t, b)
}

// TestUndoneIsNotOurs: beta has a note by an import and from alpha. Once the
// import is undone, the note is alpha's, and goes no further.
func TestUndoneIsNotOurs(t *testing.T) { both(t, undoneIsNotOurs) }

func undoneIsNotOurs(t *testing.T) {
	a, b, ab := agreed(t)
	c := start(t, "gamma")
	pair(t, b, c)
	bc := agree(t, b, c)
	text := noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green)
	bring(t, a, text)
	im := bring(t, b, text)
	shareNote(t, a, ab)
	reads(t, b, a, 1)
	if _, err := b.UndoImport(t.Context(), admin, string(im.ID), false); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "only alpha's", func(v node.ObjectView) bool { return v.Version.Origin == a.ID() && len(v.Sources) == 1 })
	res, err := b.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1}, With: string(bc)})
	if err != nil || res.Shared != 0 || res.Refusals[0].Reason.Msg.Key != "policy.onward_constituency" {
		t.Fatalf("%+v %v", res, err)
	}
	if _, err := a.Erase(t.Context(), admin, note1, ""); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "erased", func(v node.ObjectView) bool { return v.Version.State == comity.StateErased })
}

// TestOwnMarkingDefinition: a label given by a marking definition of one's own
// counts, for the object and for a property, in whatever order they came.
func TestOwnMarkingDefinition(t *testing.T) {
	const red = "marking-definition--1b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a11"
	a, _, id := agreed(t)
	definition := `{"type":"marking-definition","spec_version":"2.1","id":"` + red + `","created":"2026-01-01T00:00:00.000Z","definition_type":"tlp","definition":{"tlp":"red"}}`
	var ids []comity.ObjectID
	for i, mark := range []map[string]any{
		{"object_marking_refs": []string{red}},
		{"granular_markings": []any{map[string]any{"marking_ref": red, "selectors": []string{"content"}}}},
	} {
		var m map[string]any
		if err := json.Unmarshal([]byte(noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Unmarked)), &m); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, comity.ObjectID(fmt.Sprintf("note--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1c%02d", i)))
		m["id"] = ids[i]
		maps.Copy(m, mark)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		bring(t, a, string(text))
	}
	bring(t, a, definition)
	for _, object := range ids {
		res, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{object}, With: id})
		if err != nil || res.Shared != 0 || res.Refusals[0].Reason.Msg.Key != "policy.red" {
			t.Errorf("%s: %+v %v", object, res, err)
		}
	}
}

// agreeOn makes an agreement of the template with other streams and quota.
func agreeOn(t *testing.T, a, b *running, change func(m map[string]any)) string {
	t.Helper()
	av, err := a.ProposeAgreement(t.Context(), admin, draftOn(t, a, b, change))
	if err != nil {
		t.Fatal(err)
	}
	id := string(av.ID)
	eventually(t, "proposal arrives", func() error { _, err := b.SignAgreement(t.Context(), admin, id); return err })
	stateOf(t, a, id, comity.AgreementActive)
	return id
}

// TestNewVersionInItsStream: a version that the stream of the last one may not
// carry goes where it fits.
func TestNewVersionInItsStream(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agreeOn(t, a, b, func(m map[string]any) {
		m["streams"] = []any{
			map[string]any{"name": "open", "publishers": "all", "max": "green", "onward": "tlp"},
			map[string]any{"name": "closed", "publishers": "all", "max": "amber+strict", "onward": "none"},
		}
	})
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, id)
	bring(t, a, noteOf(t, "2026-01-02T00:00:00.000Z", "y", comity.Amber))
	sees(t, b, "second version", func(v node.ObjectView) bool {
		return len(v.Versions) == 2 && v.Version.Handling == comity.Amber
	})
	v, err := a.Show(t.Context(), note1)
	if err != nil || len(v.Holders) != 2 {
		t.Fatalf("%+v %v", v.Holders, err)
	}
	if _, err := a.Erase(t.Context(), admin, note1, ""); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "both are erased", func(v node.ObjectView) bool {
		return v.Versions[0].State == comity.StateErased && v.Versions[1].State == comity.StateErased
	})
	clean(t, a, b)
}

// TestForwardKeepsToQuota: new versions that come in one batch go no further
// than the day's quota.
func TestForwardKeepsToQuota(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agreeOn(t, a, b, func(m map[string]any) { m["quota"] = map[string]any{"objects_day": 5} })
	bundle := func(modified string) string {
		var list []json.RawMessage
		for i := range 4 {
			list = append(list, json.RawMessage(creation(t, comity.ObjectID(fmt.Sprintf("note--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1d%02d", i)), modified, "")))
		}
		text, err := json.Marshal(map[string]any{"type": "bundle", "id": "bundle--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1d99", "objects": list})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	im := bring(t, a, bundle("2026-01-01T00:00:00.000Z"))
	res, err := a.Share(t.Context(), admin, node.ShareRequest{Query: &node.ShareQuery{Import: im.ID}, With: id})
	if err != nil || res.Shared != 4 {
		t.Fatalf("%+v %v", res, err)
	}
	bring(t, a, bundle("2026-01-02T00:00:00.000Z"))
	p, err := a.Peer(t.Context(), "beta")
	if err != nil || p.Given != 5 {
		t.Fatalf("given %d, %v", p.Given, err)
	}
}
