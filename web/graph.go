package web

import (
	"strconv"

	"github.com/comity-net/comity/node"
)

// graph is the neighbourhood of an object, laid out for one drawing: what
// refers to it on one side, what it refers to on the other, grouped by how.
// Nothing in it overlaps, however many neighbours there are; the table beneath
// says the same in words.
type graph struct {
	Width, Height int
	Centre        graphBox
	Hubs          []graphHub
	Hidden        int // neighbours that only the table has
}

// graphBox is the object in the middle.
type graphBox struct {
	X, Y, W, H int
	Text       string
}

// graphHub is one kind of relation on one side.
type graphHub struct {
	X, Y, W  int
	Text     string
	Outgoing bool
	Line     string // path from the centre
	Nodes    []graphNode
}

// graphNode is one neighbour.
type graphNode struct {
	node.Neighbour
	X, Y, TextX int
	Text        string
	Line        string // path from the hub
}

const (
	graphMax   = 150
	graphWidth = 1000
	rowHeight  = 22
	hubGap     = 14
	centreW    = 180
	hubOffset  = 235 // from the middle to a hub
	nodeOffset = 320 // from the middle to a neighbour
)

// drawGraph lays out at most graphMax neighbours; nil when there are none.
func drawGraph(name string, o node.ObjectView) *graph {
	if len(o.Neighbours) == 0 {
		return nil
	}
	list := o.Neighbours
	g := &graph{Width: graphWidth}
	if len(list) > graphMax {
		g.Hidden = len(list) - graphMax
		list = list[:graphMax]
	}
	in, out := groupHubs(list, false), groupHubs(list, true)
	g.Height = max(columnHeight(in), columnHeight(out), 80) + 20
	g.Centre = graphBox{X: graphWidth/2 - centreW/2, Y: g.Height/2 - 22, W: centreW, H: 44, Text: cut(name, 24)}
	g.place(in, -1)
	g.place(out, 1)
	return g
}

// groupHubs gathers the neighbours of one direction by kind, in order of first
// appearance.
func groupHubs(list []node.Neighbour, outgoing bool) []graphHub {
	var hubs []graphHub
	at := map[string]int{}
	for _, n := range list {
		if n.Outgoing != outgoing {
			continue
		}
		i, ok := at[n.Kind]
		if !ok {
			i = len(hubs)
			at[n.Kind] = i
			hubs = append(hubs, graphHub{Text: cut(n.Kind, 20), Outgoing: outgoing})
		}
		label := n.Name
		if label == "" {
			label = n.ID.Type()
		}
		hubs[i].Nodes = append(hubs[i].Nodes, graphNode{Neighbour: n, Text: cut(label, 26)})
	}
	return hubs
}

func columnHeight(hubs []graphHub) int {
	h := 0
	for _, hub := range hubs {
		h += len(hub.Nodes)*rowHeight + hubGap
	}
	return h
}

// place gives every hub and node of one side its position.
func (g *graph) place(hubs []graphHub, side int) {
	mid := graphWidth / 2
	y := (g.Height - columnHeight(hubs)) / 2
	for i := range hubs {
		h := &hubs[i]
		rows := len(h.Nodes) * rowHeight
		h.X, h.Y, h.W = mid+side*hubOffset, y+rows/2+hubGap/2, 12+7*len([]rune(h.Text))
		h.Line = curve(mid+side*centreW/2, g.Height/2, h.X-side*h.W/2, h.Y)
		for j := range h.Nodes {
			n := &h.Nodes[j]
			n.X, n.Y = mid+side*nodeOffset, y+hubGap/2+j*rowHeight+rowHeight/2
			n.TextX = n.X + side*10
			n.Line = curve(h.X+side*h.W/2, h.Y, n.X-side*5, n.Y)
		}
		y += rows + hubGap
	}
	g.Hubs = append(g.Hubs, hubs...)
}

// curve is an S-shaped path between two points.
func curve(x1, y1, x2, y2 int) string {
	mid := strconv.Itoa((x1 + x2) / 2)
	a, b := strconv.Itoa(y1), strconv.Itoa(y2)
	return "M" + strconv.Itoa(x1) + " " + a + "C" + mid + " " + a + " " + mid + " " + b + " " + strconv.Itoa(x2) + " " + b
}
