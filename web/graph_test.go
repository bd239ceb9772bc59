package web

import (
	"fmt"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"pgregory.net/rapid"
)

// TestGraphStaysInside draws any neighbourhood: at most graphMax nodes, all
// inside the drawing, none on another.
func TestGraphStaysInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 400).Draw(t, "n")
		var o node.ObjectView
		for i := range n {
			o.Neighbours = append(o.Neighbours, node.Neighbour{ID: comity.ObjectID(fmt.Sprint(i)),
				Kind: fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "kind")), Outgoing: rapid.Bool().Draw(t, "out")})
		}
		g := drawGraph("x", o)
		if n == 0 {
			if g != nil {
				t.Fatal("a graph of nothing")
			}
			return
		}
		seen, count := map[[2]int]bool{}, 0
		for _, h := range g.Hubs {
			for _, x := range h.Nodes {
				at := [2]int{x.X, x.Y}
				if seen[at] || x.X < 0 || x.X > g.Width || x.Y < 0 || x.Y > g.Height {
					t.Fatalf("node at %v of %dx%d", at, g.Width, g.Height)
				}
				seen[at] = true
				count++
			}
		}
		if count != min(n, graphMax) || g.Hidden != max(0, n-graphMax) {
			t.Fatalf("%d of %d drawn, %d hidden", count, n, g.Hidden)
		}
	})
}

func FuzzFields(f *testing.F) {
	for _, s := range []string{fakeRaw, `{"a":[[[[]]]]}`, `{"a":`, "[1,2", "null", "{\"a\":\"\xff\"}", `{"a":1}{"b":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		readFields(raw)
		pretty(raw)
	})
}
