package node_test

import "testing"

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
