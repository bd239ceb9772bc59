package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity-net/comity"
)

// TestFindInBlock: an address is found by the block that contains it.
func TestFindInBlock(t *testing.T) {
	n := start(t, "alpha")
	bring(t, n, "203.0.113.0/28\n2001:db8:5::/48\n")
	for asked, want := range map[string]int{"203.0.113.9": 1, "203[.]0[.]113[.]9": 1, "203.0.113.16": 0, "2001:db8:5::77": 1, "2001:db8:6::77": 0} {
		f, err := n.Find(t.Context(), asked)
		if err != nil || len(f.Values) != 1 || len(f.Values[0].Hits) != want {
			t.Errorf("%s: %+v, %v; want %d", asked, f.Values, err, want)
		}
	}
}

// TestFindInSentence: a sentence is searched for the values in it.
func TestFindInSentence(t *testing.T) {
	n := start(t, "alpha")
	bring(t, n, "198.51.100.7\n")
	f, err := n.Find(t.Context(), "we saw 198[.]51[.]100[.]7 there")
	if err != nil || len(f.Values) != 1 || !f.Values[0].Refanged || len(f.Values[0].Hits) != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
}

// TestFindLines: lines that are one value each are looked up as they stand, also
// domains under suffixes that no text search would take for one.
func TestFindLines(t *testing.T) {
	n := start(t, "alpha")
	bring(t, n, "one.example.com\nserver.lan\nhost.internal\nnope.example\nlast.corp.local\n198.51.100.71\n")
	for asked, want := range map[string]string{
		"server.lan\nhost.internal\nnope.example": "server.lan host.internal nope.example",
		"server.lan":                              "server.lan",
		"nope[.]example\n198.51.100.71":           "nope.example 198.51.100.71",
		"# seen\n\nhost.internal\nnothing here\n": "host.internal",
	} {
		f, err := n.Find(t.Context(), asked)
		if err != nil || f.Truncated {
			t.Fatalf("%q: %+v, %v", asked, f, err)
		}
		var held []string
		for _, v := range f.Values {
			if len(v.Hits) == 0 {
				t.Errorf("%q: %s %s has no hits", asked, v.Value.Kind, v.Value.Text)
			}
			held = append(held, v.Value.Text)
		}
		if strings.Join(held, " ") != want {
			t.Errorf("%q found %v, want %s", asked, held, want)
		}
	}
	f, err := n.Find(t.Context(), "server.lan\n???\nnothing here\n")
	if err != nil || strings.Join(f.NotValues, "|") != "???|nothing here" {
		t.Errorf("not values: %q, %v", f.NotValues, err)
	}
}

// TestFindManyIsNotSilent: more than one question may hold is said to be cut.
func TestFindManyIsNotSilent(t *testing.T) {
	n := start(t, "alpha")
	var b strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&b, "172.16.%d.%d\n", i/250, i%250+1)
	}
	if f, err := n.Find(t.Context(), b.String()); err != nil || !f.Truncated || len(f.Values) != 999 {
		t.Errorf("1500 values: %d looked up, truncated %v, %v", len(f.Values), f.Truncated, err)
	}
}

// TestFindInside: what is held inside a small block is listed by address.
func TestFindInside(t *testing.T) {
	n := start(t, "alpha")
	bring(t, n, "198.51.100.7\n198.51.100.255\n198.51.100.64/26\n198.51.101.1\n255.255.255.255\n2001:db8::ff\n")
	for asked, want := range map[string]string{
		"198.51.100.0/24":    "198.51.100.0/24 198.51.100.7 198.51.100.64/26 198.51.100.255",
		"198.51.100.0/28":    "198.51.100.0/28 198.51.100.7",
		"198.51.0.0/16":      "198.51.0.0/16",
		"255.255.255.254/31": "255.255.255.254/31 255.255.255.255",
		"2001:db8::/120":     "2001:db8::/120 2001:db8::ff",
	} {
		f, err := n.Find(t.Context(), asked)
		var got []string
		for _, v := range f.Values {
			got = append(got, v.Value.Text)
		}
		slices.Sort(got[1:])
		all := strings.Fields(want)
		slices.Sort(all[1:])
		if err != nil || !slices.Equal(got, all) {
			t.Errorf("%s: %v, %v; want %v", asked, got, err, all)
		}
	}
}

func TestWithdrawUnknown(t *testing.T) {
	n := start(t, "alpha")
	for _, do := range []func() error{
		func() error { _, err := n.Revoke(t.Context(), admin, note1, ""); return err },
		func() error { _, err := n.Erase(t.Context(), admin, note1, ""); return err },
		func() error { _, err := n.Mark(t.Context(), admin, note1, comity.Red, ""); return err },
	} {
		if err := do(); !comity.Is(err, comity.NotFound) {
			t.Errorf("unknown object: %v", err)
		}
	}
}
