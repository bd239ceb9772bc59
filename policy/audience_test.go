package policy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

var circles = []Circle{Nobody, Organisation, Constituents, Community, Public}

func drawAudience(t *rapid.T) Audience {
	return Audience{
		Purpose:   pick(t, "promised purpose", []string{"defence"}, nil, []string{"defence", "research"}),
		Retention: pick(t, "promised retention", comity.Period("P30D"), "", "P1Y", "soon"),
	}
}

// Never more permissive than the marking: nobody gets what is labelled above the
// circle's ceiling in any part, nor anything erased, nor TLP:RED at all.
func TestAudienceKeepsTheMarking(t *testing.T) {
	seen := map[Circle]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 50 { // a world in fifty or so lets the public have it
			keepsTheMarking(t, drawWorld(t), drawAudience(t), seen)
		}
	})
	for _, c := range circles[1:] {
		if seen[c] == 0 {
			t.Errorf("no world allowed circle %d: the law was not tested", c)
		}
	}
}

func keepsTheMarking(t *rapid.T, w world, a Audience, seen map[Circle]int) {
	for _, a.Circle = range circles {
		if !DecideAudience(w.item, a, now).Allowed() {
			continue
		}
		seen[a.Circle]++
		strictest := comity.Stricter(w.item.Object.TLP, w.item.Handling)
		for _, g := range w.item.Object.Granular {
			strictest = comity.Stricter(strictest, g.TLP)
		}
		most := map[Circle]comity.TLP{Organisation: comity.AmberStrict, Constituents: comity.Amber, Community: comity.Green, Public: comity.Clear}[a.Circle]
		if strictest > most || w.item.Handling == comity.Unmarked || w.item.State == comity.StateErased || a.Circle == Nobody {
			t.Fatalf("circle %d gets %s, handling %s, %s", a.Circle, strictest, w.item.Handling, w.item.State)
		}
	}
}

// What came from a peer goes on only where every grant lets it.
func TestAudienceKeepsTheGrants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, a := drawWorld(t), drawAudience(t)
		for _, a.Circle = range circles[2:] {
			if w.item.Origin == "" || !DecideAudience(w.item, a, now).Allowed() {
				continue
			}
			if len(w.item.Under) == 0 {
				t.Fatal("allowed without a grant")
			}
			for _, g := range w.item.Under {
				ok := g.Onward == comity.OnwardTLP || a.Circle == Constituents && g.Onward == comity.OnwardConstituency
				for _, p := range a.Purpose {
					ok = ok && (len(g.Purpose) == 0 || slices.Contains(g.Purpose, p))
				}
				ok = ok && (len(g.Purpose) == 0 || len(a.Purpose) > 0) && (g.Retention == "" || a.Retention != "")
				if !ok {
					t.Fatalf("circle %d with %+v gets what came under %+v", a.Circle, a, g)
				}
			}
		}
	})
}

// INVARIANT: what a wider circle may have, each narrower one may have too.
func TestWiderCirclesSeeLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, a := drawWorld(t), drawAudience(t)
		narrower := true
		for _, a.Circle = range circles[1:] {
			ok := DecideAudience(w.item, a, now).Allowed()
			if ok && !narrower {
				t.Fatalf("circle %d may have what the narrower one may not", a.Circle)
			}
			narrower = ok
		}
	})
}

// INVARIANT: the fast answer is the answer, and every refusal says why.
func TestAudienceAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, a := drawWorld(t), drawAudience(t)
		for _, a.Circle = range append(circles, Public+1) {
			d := DecideAudience(w.item, a, now)
			if d.Allowed() != AllowsAudience(&w.item, &a, now) {
				t.Fatalf("circle %d: %+v, but the fast answer differs", a.Circle, d)
			}
			if len(d.Reasons) == 0 || d.Allowed() != (d.Reasons[len(d.Reasons)-1].Effect == comity.Allow) {
				t.Fatalf("reasons do not fit: %+v", d)
			}
		}
	})
}

// Revoked objects say so themselves and are served; table of the plain cases.
func TestDecideAudience(t *testing.T) {
	obj := &comity.Object{ID: "indicator--1", Type: "indicator"}
	for _, c := range []struct {
		name  string
		label comity.TLP
		state comity.State
		grant *Grant
		last  Circle // the widest that gets it
	}{
		{"clear", comity.Clear, comity.StateActive, nil, Public},
		{"green", comity.Green, comity.StateActive, nil, Community},
		{"amber", comity.Amber, comity.StateActive, nil, Constituents},
		{"amber strict", comity.AmberStrict, comity.StateActive, nil, Organisation},
		{"red", comity.Red, comity.StateActive, nil, Nobody},
		{"no label", comity.Unmarked, comity.StateActive, nil, Nobody},
		{"revoked", comity.Clear, comity.StateRevoked, nil, Public},
		{"erased", comity.Clear, comity.StateErased, nil, Nobody},
		{"peer none", comity.Clear, comity.StateActive, &Grant{Onward: comity.OnwardNone}, Organisation},
		{"peer constituency", comity.Clear, comity.StateActive, &Grant{Onward: comity.OnwardConstituency}, Constituents},
		{"peer tlp", comity.Clear, comity.StateActive, &Grant{Onward: comity.OnwardTLP}, Public},
		{"peer tlp amber", comity.Amber, comity.StateActive, &Grant{Onward: comity.OnwardTLP}, Constituents},
		{"peer with a purpose", comity.Clear, comity.StateActive, &Grant{Onward: comity.OnwardTLP, Purpose: []string{"defence"}}, Organisation},
		{"peer with an end", comity.Clear, comity.StateActive, &Grant{Onward: comity.OnwardTLP, Retention: "P30D"}, Organisation},
	} {
		item := Item{Object: obj, Handling: c.label, State: c.state}
		if c.grant != nil {
			item.Origin, item.Under = "peer1", []Grant{*c.grant}
		}
		for _, to := range circles[1:] {
			if got, want := DecideAudience(item, Audience{Circle: to}, now).Allowed(), to <= c.last; got != want {
				t.Errorf("%s: circle %d: %v, want %v", c.name, to, got, want)
			}
		}
	}
}
