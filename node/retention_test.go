package node_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// draftOn is the template with a change.
func draftOn(t *testing.T, a, b *running, change func(map[string]any)) []byte {
	t.Helper()
	text, err := a.AgreementTemplate(t.Context(), "bilateral", string(b.ID()))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	change(m)
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return text
}

// agreedOn is two nodes under the template with a change.
func agreedOn(t *testing.T, change func(map[string]any)) (a, b *running, id string) {
	t.Helper()
	a, b = start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	v, err := a.ProposeAgreement(t.Context(), admin, draftOn(t, a, b, change))
	if err != nil {
		t.Fatal(err)
	}
	id = string(v.ID)
	eventually(t, "proposal arrives", func() error { _, err := b.SignAgreement(t.Context(), admin, id); return err })
	stateOf(t, a, id, comity.AgreementActive)
	stateOf(t, b, id, comity.AgreementActive)
	return a, b, id
}

// later opens a stopped node's folder with a clock that is ahead; nothing runs.
func later(t *testing.T, r *running, ahead time.Duration) *node.Node {
	t.Helper()
	r.stop()
	n, err := node.Open(t.Context(), node.Config{Dir: r.Dir(), Now: func() time.Time { return time.Now().UTC().Add(ahead) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

const day = 24 * time.Hour

// TestRetention: what came under a stream is erased when its time is over, also
// after the agreement has ended, once, audited, and the ledger stays whole.
func TestRetention(t *testing.T) { both(t, retention) }

func retention(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "first", comity.Green))
	shareNote(t, a, id)
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	bring(t, a, noteOf(t, "2026-01-02T00:00:00.000Z", "second", comity.Green))
	sees(t, b, "second version", func(v node.ObjectView) bool { return len(v.Versions) == 2 })
	b.stop()
	early := later(t, b, 364*day)
	if err := early.ApplyRetention(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := early.Show(t.Context(), note1); err != nil || v.Version.State != comity.StateActive {
		t.Fatalf("a day too early: %s %v", v.Version.State, err)
	}
	early.Close()
	n := later(t, b, 366*day) // a year: the agreement is over, too
	for range 2 {
		if err := n.ApplyRetention(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v, err := n.Show(t.Context(), note1)
	if err != nil || v.Version.State != comity.StateErased || v.Version.Why != node.WhyRetention || v.Version.Raw != nil {
		t.Fatalf("%s %q %v", v.Version.State, v.Version.Why, err)
	}
	for _, old := range v.Versions {
		if old.State != comity.StateErased {
			t.Errorf("version %s is %s", old.Modified, old.State)
		}
	}
	lines, err := n.Audits(t.Context(), 0, 50)
	told := 0
	for _, l := range lines {
		if l.Action == "retention" {
			told++
			if l.Msg.Args[0].Value != "1" {
				t.Errorf("told of %v", l.Msg)
			}
		}
	}
	if err != nil || told != 1 {
		t.Errorf("%d audit lines, %v", told, err)
	}
	reports, err := n.Verify(t.Context(), admin, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if !r.OK {
			t.Errorf("verify: %v", r.Problems)
		}
	}
	if v, err := a.Show(t.Context(), note1); err != nil || v.Version.State != comity.StateActive {
		t.Errorf("the publisher's own: %s %v", v.Version.State, err)
	}
}

// TestRetentionLeavesOwn: what this node also has by itself stays.
func TestRetentionLeavesOwn(t *testing.T) {
	a, b, id := agreed(t)
	text := noteOf(t, "2026-01-01T00:00:00.000Z", "both know it", comity.Green)
	bring(t, a, text)
	shareNote(t, a, id)
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	if _, err := b.Import(t.Context(), admin, node.ImportRequest{Reader: reader(text), Name: "own.json"}); err != nil {
		t.Fatal(err)
	}
	n := later(t, b, 366*day)
	if err := n.ApplyRetention(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := n.Show(t.Context(), note1)
	if err != nil || v.Version.State != comity.StateActive || !strings.Contains(string(v.Version.Raw), "both know it") || len(v.Sources) != 1 {
		t.Fatalf("%s %d sources %v", v.Version.State, len(v.Sources), err)
	}
	if reports, err := n.Verify(t.Context(), admin, "", nil); err != nil || !allOK(reports) {
		t.Errorf("%+v %v", reports, err)
	}
}

func allOK(reports []node.VerifyReport) bool {
	for _, r := range reports {
		if !r.OK {
			return false
		}
	}
	return len(reports) > 0
}

// TestNotice: ending keeps the notice; both sides find the same day, and it ends then.
func TestNotice(t *testing.T) {
	a, b, id := agreed(t)
	v, err := a.EndAgreement(t.Context(), admin, id)
	if err != nil || v.State != comity.AgreementActive || v.EndsBy != "alpha" {
		t.Fatalf("%s %q %v", v.State, v.EndsBy, err)
	}
	if left := time.Until(v.EndsAt); left < 29*day || left > 31*day {
		t.Fatalf("ends at %s", v.EndsAt)
	}
	eventually(t, "beta is told", func() error {
		w, err := b.Agreement(t.Context(), id)
		if err == nil && !w.EndsAt.Equal(v.EndsAt) {
			err = errors.New(w.EndsAt.String())
		}
		return err
	})
	for _, n := range []*running{a, b} {
		if _, err := n.EndAgreement(t.Context(), admin, id); !comity.Is(err, comity.Conflict) || comity.ErrorMessage(err).Key != "node.notice_given" {
			t.Errorf("notice twice: %v", err)
		}
	}
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, id)
	sees(t, b, "it is still in force", func(node.ObjectView) bool { return true })
	for _, r := range []*running{a, b} {
		n := later(t, r, 31*day)
		_ = n.SyncNow(t.Context()) // nobody answers; agreements move all the same
		if w, err := n.Agreement(t.Context(), id); err != nil || w.State != comity.AgreementEnded || w.StoppedBy != "alpha" {
			t.Errorf("after the notice: %s %q %v", w.State, w.StoppedBy, err)
		}
	}
}

// TestSuspendWithinNotice: what is suspended after notice still ends, and only
// who suspended it can resume it, and is named.
func TestSuspendWithinNotice(t *testing.T) {
	a, b, id := agreed(t)
	if _, err := a.EndAgreement(t.Context(), admin, id); err != nil {
		t.Fatal(err)
	}
	if v, err := a.SuspendAgreement(t.Context(), admin, id, true); err != nil || v.EndsAt.IsZero() || v.StoppedBy != "alpha" {
		t.Fatalf("%+v %v", v, err)
	}
	stateOf(t, b, id, comity.AgreementSuspended)
	_, err := b.SuspendAgreement(t.Context(), admin, id, false)
	if m := comity.ErrorMessage(err); m.Key != "node.resume_theirs" || m.Args[0].Value != "alpha" {
		t.Fatalf("%v", err)
	}
	if v, err := b.Agreement(t.Context(), id); err != nil || v.StoppedBy != "alpha" || v.EndsAt.IsZero() {
		t.Errorf("%+v %v", v, err)
	}
}

// TestCheckFindsEverything: one check tells all that is wrong, and proposing
// refuses the same.
func TestCheckFindsEverything(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	good := draftOn(t, a, b, func(map[string]any) {})
	if v, err := a.CheckAgreement(t.Context(), "", good); err != nil || len(v.Findings) != 0 || len(v.Promised) == 0 {
		t.Fatalf("%v %v %v", v.Findings, v.Promised, err)
	}
	bad := draftOn(t, a, b, func(m map[string]any) {
		m["surprise"] = 1
		m["valid_from"], m["valid_until"] = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"
		m["asymmetries"] = []string{"the moon is far"}
		m["quota"] = map[string]any{"objects_day": "many"}
		for _, p := range m["parties"].([]any) {
			if p := p.(map[string]any); p["name"] == "beta" {
				p["name"] = "Betelgeuse"
			}
		}
		s := m["streams"].([]any)[0].(map[string]any)
		s["types"], s["purpose"], s["retention"] = []string{"indicatr"}, []string{"revenge"}, "P0D"
		s["max"], s["maxx"] = "purple", 1
		m["streams"] = append(m["streams"].([]any), m["streams"].([]any)[1])
	})
	v, err := a.CheckAgreement(t.Context(), "", bad)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"surprise", "streams[0].maxx", "quota.objects_day", "streams[0].max", "streams[0].types[0]", "streams[0].purpose[0]",
		"streams[0].retention", "streams[2].name", "asymmetries[0]", "valid_until", "parties[1].name"}
	got := map[string]bool{}
	for _, f := range v.Findings {
		got[f.Args[0].Value] = true
	}
	for _, path := range want {
		if !got[path] {
			t.Errorf("nothing said of %s", path)
		}
	}
	if len(v.Findings) != len(want) {
		t.Errorf("%d findings, not %d: %v", len(v.Findings), len(want), v.Findings)
	}
	if _, err := a.ProposeAgreement(t.Context(), admin, bad); !comity.Is(err, comity.Invalid) {
		t.Errorf("proposed: %v", err)
	}
	for _, change := range []func(map[string]any){
		func(m map[string]any) { m["kind"] = "group" },
		func(m map[string]any) { m["parties"].([]any)[1].(map[string]any)["name"] = "gamma" },
	} {
		text := draftOn(t, a, b, change)
		if v, err := a.CheckAgreement(t.Context(), "", text); err != nil || len(v.Findings) != 1 {
			t.Errorf("%v %v", v.Findings, err)
		}
		if _, err := a.ProposeAgreement(t.Context(), admin, text); !comity.Is(err, comity.Invalid) {
			t.Errorf("proposed: %v", err)
		}
	}
}
