package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const self comity.MemberID = "self0"

// world is everything that one decision depends on.
type world struct {
	item       Item
	to         Receiver
	agreements []comity.Agreement
	self       comity.MemberID
}

func (w world) decide() comity.Decision {
	return Decide(w.item, w.to, w.agreements, w.self, now)
}

// pick draws one of the values; the first most often, so that many worlds allow.
func pick[T any](t *rapid.T, what string, vs ...T) T {
	if rapid.IntRange(0, 2).Draw(t, what+"?") > 0 {
		return vs[0]
	}
	return rapid.SampledFrom(vs).Draw(t, what)
}

func drawObject(t *rapid.T) *comity.Object {
	o := &comity.Object{
		ID:         "indicator--1",
		Type:       pick(t, "type", "indicator", "malware", "marking-definition", ""),
		TLP:        pick(t, "tlp", comity.Unmarked, comity.Clear, comity.Green, comity.Amber, comity.AmberStrict, comity.Red),
		Confidence: pick(t, "confidence", 80, -1, 10),
		Country:    pick(t, "country", "KE", ""),
		Raw:        make([]byte, rapid.IntRange(0, 30).Draw(t, "raw")),
	}
	for range pick(t, "granular", 0, 1, 2) {
		o.Granular = append(o.Granular, comity.Granular{TLP: comity.TLP(rapid.IntRange(0, 5).Draw(t, "granular tlp")), Selectors: []string{"name"}})
	}
	return o
}

func drawStream(t *rapid.T, name string, members []comity.MemberID) comity.Stream {
	return comity.Stream{
		Name:       name,
		Publishers: pick(t, "publishers", nil, []comity.MemberID{self}, members[1:2]),
		Max:        pick(t, "max", comity.AmberStrict, comity.Unmarked, comity.Clear, comity.Green, comity.Amber, comity.Red),
		Types:      pick(t, "types", nil, []string{"*"}, []string{"indicator"}, []string{"malware", "tool"}),
		Filter:     pick(t, "filter", "", "confidence >= 50", "country = KE and type in (indicator, malware)", "not country = KZ", "oops ("),
		Purpose:    pick(t, "purpose", []string{"defence"}, nil, []string{"defence", "research"}),
		Onward:     comity.OnwardTLP,
		Retention:  pick(t, "retention", comity.Period("P30D"), "", "P1M", "P1Y", "soon"),
	}
}

func drawAgreement(t *rapid.T, id comity.AgreementID, members []comity.MemberID) comity.Agreement {
	a := comity.Agreement{ID: id, Chain: id, Kind: "group",
		State:      pick(t, "state", comity.AgreementActive, comity.AgreementSuspended, ""),
		ValidFrom:  pick(t, "from", now.AddDate(0, -1, 0), now, now.Add(time.Hour), time.Time{}),
		ValidUntil: pick(t, "until", now.AddDate(1, 0, 0), time.Time{}, now, now.Add(-time.Hour)),
		Quota:      comity.Quota{ObjectsDay: pick(t, "quota", int64(0), 5, 1), BytesDay: pick(t, "bytes", int64(0), 20)},
	}
	for i, m := range members {
		if i == 0 || i == 1 || rapid.Bool().Draw(t, "party") {
			a.Parties = append(a.Parties, comity.Party{ID: m, Name: strings.ToUpper(string(m))})
		}
	}
	if pick(t, "without self", false, true) {
		a.Parties = a.Parties[1:]
	}
	for _, name := range []string{"indicators", "incidents"}[:rapid.IntRange(0, 2).Draw(t, "streams")] {
		a.Streams = append(a.Streams, drawStream(t, name, members))
	}
	return a
}

func drawWorld(t *rapid.T) world {
	members := []comity.MemberID{self, "peer1", "peer2", "peer3"}
	w := world{self: pick(t, "self", self, ""), item: Item{
		Object:   drawObject(t),
		Handling: pick(t, "handling", comity.Green, comity.Unmarked, comity.Clear, comity.Amber, comity.AmberStrict, comity.Red),
		State:    pick(t, "state", comity.StateActive, comity.StateRevoked, comity.StateErased),
		Origin:   pick(t, "origin", comity.MemberID(""), "peer2", "peer1"),
		Used:     map[comity.AgreementID]Usage{"a1": {ObjectsToday: 1, BytesToday: 10}},
	}}
	for i := range pick(t, "grants", 1, 0, 2, 3) {
		w.item.Under = append(w.item.Under, Grant{
			Agreement: comity.AgreementID(rapid.SampledFrom([]string{"g1", "g2"}).Draw(t, "grant")), Stream: string(rune('a' + i)),
			Onward:    pick(t, "onward", comity.OnwardTLP, comity.OnwardConstituency, comity.OnwardNone, ""),
			Purpose:   pick(t, "grant purpose", nil, []string{"defence"}, []string{"research"}),
			Retention: pick(t, "grant retention", comity.Period(""), "P90D", "P1M"),
		})
	}
	w.to = Receiver{Member: pick(t, "to", members[1], members[2], self, ""), Constituent: rapid.Bool().Draw(t, "constituent"),
		State: pick(t, "peer", comity.PeerActive, comity.PeerVerified, comity.PeerIntroduced, comity.PeerSuspended, comity.PeerEnded, comity.PeerDisputed, "")}
	for _, id := range []comity.AgreementID{"a1", "a2", "a3"}[:rapid.IntRange(0, 3).Draw(t, "agreements")] {
		w.agreements = append(w.agreements, drawAgreement(t, id, members))
	}
	return w
}

// law checks a property in many worlds and that enough of them allow for it to
// mean something.
func law(t *testing.T, check func(t *rapid.T, w world, d comity.Decision)) {
	t.Helper()
	allowed, runs := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		for range 20 {
			w := drawWorld(t)
			d := w.decide()
			if d.Allowed() {
				allowed++
			}
			check(t, w, d)
		}
	})
	if allowed*5 < runs { // about one world in twenty does; -short runs fewer
		t.Errorf("only %d of %d worlds allow anything", allowed, 20*runs)
	}
}

// INVARIANT: no agreement opens what the marking closes.
func TestLawNeverWiderThanTheMarking(t *testing.T) {
	law(t, func(t *rapid.T, w world, d comity.Decision) {
		if !d.Allowed() {
			return
		}
		want := comity.Stricter(w.item.Object.TLP, w.item.Handling)
		for _, g := range w.item.Object.Granular {
			want = comity.Stricter(want, g.TLP)
		}
		i := slices.IndexFunc(w.agreements, func(a comity.Agreement) bool { return a.ID == d.Agreement })
		k := slices.IndexFunc(w.agreements[i].Streams, func(s comity.Stream) bool { return s.Name == d.Stream })
		switch {
		case d.Handling != want:
			t.Fatalf("travels as %v, marked %v", d.Handling, want)
		case want > w.agreements[i].Streams[k].Max || want == comity.Red || want == comity.Unmarked:
			t.Fatalf("%v goes into a stream up to %v", want, w.agreements[i].Streams[k].Max)
		case w.item.Origin != "" && (want > comity.Amber || (want == comity.Amber && !w.to.Constituent)):
			t.Fatalf("%v of a peer goes on", want)
		}
	})
}

// INVARIANT: the order of agreements, streams and grants changes nothing.
func TestLawOrder(t *testing.T) {
	law(t, func(t *rapid.T, w world, d comity.Decision) {
		w.agreements = slices.Clone(w.agreements)
		for i := range w.agreements {
			w.agreements[i].Streams = rapid.Permutation(w.agreements[i].Streams).Draw(t, "streams")
			w.agreements[i].Parties = rapid.Permutation(w.agreements[i].Parties).Draw(t, "parties")
		}
		w.agreements = rapid.Permutation(w.agreements).Draw(t, "agreements")
		w.item.Under = rapid.Permutation(w.item.Under).Draw(t, "grants")
		if diff := cmp.Diff(d, w.decide()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// narrow makes one agreement narrower in one way.
func narrow(t *rapid.T, a *comity.Agreement) {
	a.Streams = slices.Clone(a.Streams)
	s := &comity.Stream{}
	if len(a.Streams) > 0 {
		s = &a.Streams[rapid.IntRange(0, len(a.Streams)-1).Draw(t, "stream")]
	}
	switch rapid.IntRange(0, 9).Draw(t, "how") {
	case 0:
		if s.Max > comity.Unmarked {
			s.Max--
		}
	case 1:
		s.Types = narrowTypes(s.Types)
	case 2:
		s.Publishers = narrowPublishers(a, s)
	case 3:
		a.ValidUntil = now.Add(time.Duration(rapid.IntRange(-2, 0).Draw(t, "hours")) * time.Hour)
	case 4:
		if !a.ValidFrom.IsZero() { // no beginning is already narrower than any
			a.ValidFrom = a.ValidFrom.Add(100 * 24 * time.Hour)
		}
	case 5:
		if s.Filter == "" {
			s.Filter = "confidence >= 50"
		} else {
			s.Filter = "(" + s.Filter + ") and confidence >= 50"
		}
	case 6:
		a.Quota = comity.Quota{ObjectsDay: 1, BytesDay: 12}
	case 7:
		a.State = comity.AgreementEnded
	case 8:
		if len(a.Streams) > 0 {
			a.Streams = a.Streams[1:]
		}
	case 9:
		a.Parties = a.Parties[:len(a.Parties)-1]
	}
}

func narrowTypes(types []string) []string {
	if len(types) > 1 {
		return types[1:]
	}
	return []string{"tool"}
}

func narrowPublishers(a *comity.Agreement, s *comity.Stream) []comity.MemberID {
	if len(s.Publishers) == 0 {
		return []comity.MemberID{a.Parties[0].ID}
	}
	return []comity.MemberID{"nobody"}
}

// INVARIANT: a narrower agreement never allows what the wider one refused.
func TestLawNarrowing(t *testing.T) {
	law(t, func(t *rapid.T, w world, d comity.Decision) {
		if len(w.agreements) == 0 {
			return
		}
		narrowed := w
		narrowed.agreements = slices.Clone(w.agreements)
		narrow(t, &narrowed.agreements[rapid.IntRange(0, len(w.agreements)-1).Draw(t, "agreement")])
		if !d.Allowed() && narrowed.decide().Allowed() {
			t.Fatalf("refused: %v\nnarrower, and allowed: %v", d.Reasons, narrowed.decide().Reasons)
		}
	})
}

// INVARIANT: a stricter label, one more grant, or a lost standing never allow
// what was refused.
func TestLawStricterItem(t *testing.T) {
	law(t, func(t *rapid.T, w world, d comity.Decision) {
		strict := w
		o := *w.item.Object
		strict.item.Object = &o
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			strict.item.Handling = min(comity.Red, w.item.Handling+1)
			if w.item.Handling == comity.Unmarked {
				return // a label where there was none is what was asked for
			}
		case 1:
			o.TLP = min(comity.Red, o.TLP+1)
		case 2:
			o.Granular = append(slices.Clone(o.Granular), comity.Granular{TLP: comity.Amber})
		case 3:
			if len(w.item.Under) == 0 {
				return
			}
			strict.item.Under = append(slices.Clone(w.item.Under), Grant{Onward: comity.OnwardConstituency, Purpose: []string{"defence"}})
		case 4:
			strict.item.Used = map[comity.AgreementID]Usage{"a1": {5, 20}, "a2": {5, 20}, "a3": {5, 20}}
		}
		if !d.Allowed() && strict.decide().Allowed() {
			t.Fatalf("refused: %v\nstricter, and allowed: %v", d.Reasons, strict.decide().Reasons)
		}
	})
}

// INVARIANT: no member is special: other names give the same decision under the
// other names.
func TestLawRenaming(t *testing.T) {
	names := []comity.MemberID{self, "peer1", "peer2", "peer3"}
	law(t, func(t *rapid.T, w world, d comity.Decision) {
		to := rapid.Permutation([]comity.MemberID{"zz", "self0", "peer1", "aa"}).Draw(t, "names")
		m := map[comity.MemberID]comity.MemberID{"": "", "nobody": "nobody"}
		for i, n := range names {
			m[n] = to[i]
		}
		got := rename(w, m).decide()
		want := d
		want.Receiver = m[d.Receiver]
		want.Reasons = slices.Clone(d.Reasons)
		for i, r := range want.Reasons {
			r.Msg.Args = slices.Clone(r.Msg.Args)
			for k, a := range r.Msg.Args {
				if a.Name == "origin" {
					r.Msg.Args[k].Value = m[w.item.Origin].Short()
				}
			}
			want.Reasons[i] = r
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func rename(w world, m map[comity.MemberID]comity.MemberID) world {
	w.self, w.to.Member, w.item.Origin = m[w.self], m[w.to.Member], m[w.item.Origin]
	w.agreements = slices.Clone(w.agreements)
	for i := range w.agreements {
		a := &w.agreements[i]
		a.Parties, a.Streams = slices.Clone(a.Parties), slices.Clone(a.Streams)
		for k := range a.Parties {
			a.Parties[k].ID = m[a.Parties[k].ID]
		}
		for k := range a.Streams {
			a.Streams[k].Publishers = slices.Clone(a.Streams[k].Publishers)
			for n, p := range a.Streams[k].Publishers {
				a.Streams[k].Publishers[n] = m[p]
			}
		}
	}
	return w
}

// INVARIANT: the quick answer is the full one.
func TestAllowedAgrees(t *testing.T) {
	law(t, func(t *rapid.T, w world, d comity.Decision) {
		if quick := Prepare(w.agreements, w.self).Allowed(&w.item, &w.to, now); quick != d.Allowed() {
			t.Fatalf("Allowed says %v, Decide %v", quick, d)
		}
	})
}

// INVARIANT: every decision says why, and its reasons fit its verdict.
func TestLawReasons(t *testing.T) {
	law(t, func(t *rapid.T, w world, d comity.Decision) {
		if len(d.Reasons) == 0 {
			t.Fatal("no reason")
		}
		opened := false
		for _, r := range d.Reasons {
			if r.Source == "" || r.Msg.Key == "" {
				t.Fatalf("empty reason %+v", r)
			}
			if r.Effect == comity.Allow && r.Agreement == d.Agreement && r.Stream == d.Stream && r.Source == "agreement" {
				opened = true
			}
			if d.Allowed() && r.Effect == comity.Refuse && r.Source != "agreement" {
				t.Fatalf("allowed against %v", r)
			}
		}
		if d.Allowed() != opened {
			t.Fatalf("verdict %v, reasons %v", d.Verdict, d.Reasons)
		}
	})
}

func TestZeroValuesRefuse(t *testing.T) {
	object := &comity.Object{ID: "indicator--1", Type: "indicator"}
	full := world{self: self, to: Receiver{Member: "peer1", State: comity.PeerActive},
		item: Item{Object: object, Handling: comity.Clear},
		agreements: []comity.Agreement{{ID: "a", State: comity.AgreementActive, ValidFrom: now,
			Parties: []comity.Party{{ID: self}, {ID: "peer1"}}, Streams: []comity.Stream{{Name: "s", Max: comity.Clear}}}}}
	if d := full.decide(); !d.Allowed() {
		t.Fatal(d.Reasons)
	}
	for name, forget := range map[string]func(*world){
		"all":        func(w *world) { *w = world{} },
		"item":       func(w *world) { w.item = Item{} },
		"object":     func(w *world) { w.item.Object = &comity.Object{} },
		"handling":   func(w *world) { w.item.Handling = 0 },
		"receiver":   func(w *world) { w.to = Receiver{} },
		"peer state": func(w *world) { w.to.State = "" },
		"self":       func(w *world) { w.self = "" },
		"agreements": func(w *world) { w.agreements = nil },
		"agreement":  func(w *world) { w.agreements = []comity.Agreement{{}} },
		"state":      func(w *world) { w.agreements[0].State = "" },
		"valid from": func(w *world) { w.agreements[0].ValidFrom = time.Time{} },
		"parties":    func(w *world) { w.agreements[0].Parties = nil },
		"streams":    func(w *world) { w.agreements[0].Streams = nil },
		"ceiling":    func(w *world) { w.agreements[0].Streams = []comity.Stream{{Name: "s"}} },
	} {
		w := full
		w.agreements = slices.Clone(full.agreements)
		forget(&w)
		if d := w.decide(); d.Allowed() || len(d.Reasons) == 0 {
			t.Errorf("without %s: %v %v", name, d.Verdict, d.Reasons)
		}
	}
	if Decide(full.item, full.to, full.agreements, self, time.Time{}).Allowed() {
		t.Error("without a time: allowed")
	}
	var none *Rules
	if none.Allowed(&full.item, &full.to, now) {
		t.Error("without rules: allowed")
	}
	if d := Entrance(Arrival{}, comity.Agreement{}, "", "", time.Time{}); d.Allowed() || len(d.Reasons) == 0 {
		t.Error("Entrance lets the zero value in")
	}
	if d := MayRead(Receiver{}, comity.Agreement{}, "", "", time.Time{}); d.Allowed() || len(d.Reasons) == 0 {
		t.Error("MayRead lets the zero value read")
	}
	if (Filter{}).Match(object) {
		t.Error("the zero filter matches")
	}
}
