package node_test

import (
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
