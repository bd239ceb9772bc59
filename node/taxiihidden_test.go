package node

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However runs are remembered, skipping never passes over a visible member that
// was visible when they were.
func TestHiddenRunsSkipNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 12 * hiddenMin
		visible := rapid.SliceOfN(rapid.Int64Range(1, size), 0, 4).Draw(t, "visible")
		next := func(at int64) int64 { // the first visible one after at
			n := int64(size + 1)
			for _, v := range visible {
				if v > at {
					n = min(n, v)
				}
			}
			return n
		}
		var h hiddenRuns
		now := time.Unix(1, 0)
		for range rapid.IntRange(1, 60).Draw(t, "questions") {
			at := rapid.Int64Range(0, size).Draw(t, "at")
			got := h.skip("a", at, now)
			if got < at || got >= next(at) && got > at {
				t.Fatalf("from %d to %d, past %d", at, got, next(at))
			}
			h.add("a", at, rapid.Int64Range(at, next(at)-1).Draw(t, "looked to"), now)
			if h.skip("b", at, now) != at {
				t.Fatal("what is asked for does not matter")
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
		}
		if h.skip("a", 0, now.Add(hiddenFor)) != 0 {
			t.Fatal("it is remembered for ever")
		}
		if n := len(h.held["a"]); n > maxRunsPer {
			t.Fatalf("%d runs", n)
		}
	})
}
