package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

func TestPeriod(t *testing.T) {
	for text, want := range map[comity.Period]Span{
		"":               {},
		"PT15M":          {Clock: 15 * time.Minute},
		"P30D":           {Days: 30},
		"P1Y2M3DT4H5M6S": {1, 2, 3, 4*time.Hour + 5*time.Minute + 6*time.Second},
		"P2W":            {Days: 14},
		"PT72H":          {Clock: 72 * time.Hour},
		"P0D":            {},
		"P999999D":       {Days: 999999},
	} {
		if got, err := ParsePeriod(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, bad := range []comity.Period{"P", "PT", "P1", "1D", "P1D1M", "P1H", "PT1D", "P-1D", "P1.5D", "P1DT", "PT1M1M", "P1W2D", "P1D1W", "P1000000D", "p1d", "P1D ", " P1D", "P1M1M", "PT1HT1M", "P1Y1"} {
		if got, err := ParsePeriod(bad); !comity.Is(err, comity.Invalid) {
			t.Errorf("%q: %v %v", bad, got, err)
		}
	}
	if got := (Span{Months: 1, Clock: time.Hour}).Add(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)); !got.Equal(time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("a month and an hour after 1 February is %v", got)
	}
}

// INVARIANT: what is said to be at most as long never ends later.
func TestAtMostHolds(t *testing.T) {
	draw := func(t *rapid.T) Span {
		return Span{rapid.IntRange(0, 2).Draw(t, "y"), rapid.IntRange(0, 13).Draw(t, "m"), rapid.IntRange(0, 800).Draw(t, "d"),
			time.Duration(rapid.IntRange(0, 50).Draw(t, "h")) * time.Hour}
	}
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t), draw(t)
		start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 3000).Draw(t, "start"))
		if a.atMost(b) {
			held++
			if a.Add(start).After(b.Add(start)) {
				t.Fatalf("%v is longer than %v from %v", a, b, start)
			}
		}
	})
	if held == 0 {
		t.Error("never at most")
	}
}

func FuzzParsePeriod(f *testing.F) {
	f.Add("P1Y2M3DT4H5M6S")
	f.Add("P2W")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePeriod(comity.Period(s))
		if err == nil && (p.Years < 0 || p.Months < 0 || p.Days < 0 || p.Clock < 0) {
			t.Fatalf("%q runs backwards: %v", s, p)
		}
	})
}

// treaty is an agreement with nothing wrong.
func treaty() comity.Agreement {
	a, b := comity.MemberID(strings.Repeat("a", 32)), comity.MemberID(strings.Repeat("b", 32))
	return comity.Agreement{
		ID: "x", Kind: "bilateral", Parties: []comity.Party{{ID: a, Name: "Alpha"}, {ID: b, Name: "Beta"}},
		Streams: []comity.Stream{{Name: "indicators", Max: comity.AmberStrict, Types: []string{"indicator", "x-acme-thing"}, Onward: comity.OnwardTLP,
			Within: "PT15M", Backfill: "P90D", Retention: "P365D", Filter: "sector in (finance)"}},
		ReceiptsWithin: "PT1H", ErasureWithin: "PT72H", Confirm: "2/3", Notice: "P30D",
		ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0),
	}
}

func TestCheckAgreement(t *testing.T) {
	if f := CheckAgreement(treaty()); len(f) != 0 {
		t.Fatalf("nothing is wrong with it, but: %v", f)
	}
	texts := texts(t)
	for path, change := range map[string]func(*comity.Agreement){
		"kind":                  func(a *comity.Agreement) { a.Kind = "empire" },
		"parties":               func(a *comity.Agreement) { a.Parties = a.Parties[:1] },
		"parties[1].id":         func(a *comity.Agreement) { a.Parties[1].ID = "short" },
		"streams":               func(a *comity.Agreement) { a.Streams = nil },
		"streams[1].name":       func(a *comity.Agreement) { a.Streams = append(a.Streams, a.Streams[0]) },
		"streams[0].name":       func(a *comity.Agreement) { a.Streams[0].Name = "In Dicators" },
		"streams[0].max":        func(a *comity.Agreement) { a.Streams[0].Max = comity.Red },
		"streams[0].types[1]":   func(a *comity.Agreement) { a.Streams[0].Types[1] = "indicatr" },
		"streams[0].purpose[1]": func(a *comity.Agreement) { a.Streams[0].Purpose = []string{"defence", "revenge", "x-drill"} },
		"streams[0].onward":     func(a *comity.Agreement) { a.Streams[0].Onward = "" },
		"streams[0].within":     func(a *comity.Agreement) { a.Streams[0].Within = "soon" },
		"streams[0].retention":  func(a *comity.Agreement) { a.Streams[0].Retention = "P" },
		"streams[0].within ":    func(a *comity.Agreement) { a.Streams[0].Within = "P0D" },
		"streams[0].backfill":   func(a *comity.Agreement) { a.Streams[0].Backfill = "some" },
		"streams[0].publishers[0]": func(a *comity.Agreement) {
			a.Streams[0].Publishers = []comity.MemberID{"c", a.Parties[0].ID, a.Parties[1].ID}
		},
		"asymmetries":           func(a *comity.Agreement) { a.Streams[0].Publishers = []comity.MemberID{a.Parties[0].ID} },
		"asymmetries[0]":        func(a *comity.Agreement) { a.Asymmetries = []string{"the moon is far"} },
		"quota.bytes_day":       func(a *comity.Agreement) { a.Quota.BytesDay = -1 },
		"receipts.within":       func(a *comity.Agreement) { a.ReceiptsWithin = "1h" },
		"erasure.answer_within": func(a *comity.Agreement) { a.ErasureWithin = "1h" },
		"notice":                func(a *comity.Agreement) { a.Notice = "1h" },
		"confirm":               func(a *comity.Agreement) { a.Confirm = "4/3" },
		"valid_from":            func(a *comity.Agreement) { a.ValidFrom, a.ValidUntil = time.Time{}, time.Time{} },
		"valid_until":           func(a *comity.Agreement) { a.ValidUntil = a.ValidFrom },
	} {
		a := treaty()
		change(&a)
		found := CheckAgreement(a)
		for _, f := range found {
			fits(t, texts, f.Msg)
		}
		if len(found) != 1 || found[0].Path != strings.TrimSpace(path) || !found[0].Refuses || found[0].Msg.Key == "" {
			t.Errorf("%s: %+v", path, found)
		}
	}
	filter := treaty()
	filter.Streams[0].Filter = "all"
	if f := CheckAgreement(filter); len(f) != 2 || f[0].Path != "streams[0].filter" || f[1].Path != f[0].Path {
		t.Errorf("a bad filter: %+v", f)
	}
	group := treaty()
	group.Kind = "group"
	if f := CheckAgreement(group); len(f) != 1 || f[0].Msg.Key != "policy.check_group" {
		t.Errorf("a group of two: %+v", f)
	}
	group.Parties = append(group.Parties, comity.Party{ID: comity.MemberID(strings.Repeat("c", 32)), Name: "third"})
	if f := CheckAgreement(group); len(f) != 0 {
		t.Errorf("a group of three: %+v", f)
	}
	twice := treaty()
	twice.Parties[1] = twice.Parties[0]
	if f := CheckAgreement(twice); len(f) != 1 || f[0].Path != "parties[1].id" {
		t.Errorf("one party twice: %+v", f)
	}
	if f := CheckAgreement(comity.Agreement{}); len(f) == 0 {
		t.Error("the zero agreement is fine")
	}
}

func TestPromised(t *testing.T) {
	if got := Promised(comity.Agreement{}); got != nil {
		t.Errorf("nothing is promised, but: %v", got)
	}
	want := []string{"streams[0].within", "streams[0].backfill", "receipts.within", "erasure.answer_within", "confirm"}
	if got := Promised(treaty()); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestSymmetry(t *testing.T) {
	a := treaty()
	if s := Symmetry(a); len(s) != 0 {
		t.Errorf("symmetric, but: %v", s)
	}
	a.Streams[0].Publishers = []comity.MemberID{a.Parties[1].ID, a.Parties[0].ID}
	if s := Symmetry(a); len(s) != 0 {
		t.Errorf("all publish by name, but: %v", s)
	}
	a.Streams[0].Publishers = a.Streams[0].Publishers[:1]
	s := Symmetry(a)
	fits(t, texts(t), s[0].Msg)
	if len(s) != 1 || s[0].Declared || s[0].Stream != "indicators" || s[0].Msg.Args[1].Value != "Alpha" {
		t.Fatalf("%+v", s)
	}
	a.Asymmetries = []string{"only subindicators matter"}
	if Symmetry(a)[0].Declared {
		t.Error("part of a word declares")
	}
	a.Asymmetries = []string{"Alpha only reads “indicators”, for it has no sensors yet."}
	if !Symmetry(a)[0].Declared || len(CheckAgreement(a)) != 0 {
		t.Errorf("declared, but: %+v %+v", Symmetry(a), CheckAgreement(a))
	}
}
