package web

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// standardTLP are the marking definitions that the STIX specification (section
// 7.2.1.4) and FIRST publish. Every tool knows them by heart, so nodes do not
// hold them as objects; the page explains them itself.
var standardTLP = map[comity.ObjectID]comity.TLP{
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": comity.Clear, // TLP 1 WHITE
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": comity.Green,
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": comity.Amber,
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": comity.Red,
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": comity.Clear, // TLP 2.0
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": comity.Green,
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": comity.Amber,
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": comity.AmberStrict,
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": comity.Red,
}

// tlpMessage says in one sentence how far a label lets a thing travel.
func tlpMessage(t comity.TLP) comity.Message {
	switch t {
	case comity.Clear:
		return comity.Msg("web.tlp.clear")
	case comity.Green:
		return comity.Msg("web.tlp.green")
	case comity.Amber:
		return comity.Msg("web.tlp.amber")
	case comity.AmberStrict:
		return comity.Msg("web.tlp.amber_strict")
	case comity.Red:
		return comity.Msg("web.tlp.red")
	}
	return comity.Message{}
}

// maxRefsAsked bounds the look-ups of one page; what is beyond is shown as text.
const maxRefsAsked = 200

// refs says which objects that a page names are held here, so that no link
// leads nowhere.
type refs struct {
	w     *Web
	r     *request
	names map[comity.ObjectID]string // of those held
	asked map[comity.ObjectID]bool
}

func (w *Web) refsOf(r *request, o node.ObjectView) *refs {
	k := &refs{w: w, r: r, names: map[comity.ObjectID]string{}, asked: map[comity.ObjectID]bool{}}
	k.asked[o.Version.ID], k.names[o.Version.ID] = true, nameOf(o.Version)
	for _, n := range o.Neighbours {
		k.asked[n.ID] = true
		if n.Known {
			k.names[n.ID] = n.Name
		}
	}
	return k
}

func (k *refs) held(id comity.ObjectID) bool {
	if !k.asked[id] && len(k.asked) < maxRefsAsked {
		k.asked[id] = true
		if name, ok := k.w.held(k.r, id); ok {
			k.names[id] = name
		}
	}
	_, ok := k.names[id]
	return ok
}

// settle decides how each reference among fields is shown: a label, a link, or,
// when it is not held, its text.
func (k *refs) settle(fields []field) {
	for i := range fields {
		f := &fields[i]
		if f.Kind == "ref" {
			f.Label = standardTLP[comity.ObjectID(f.Text)]
			f.Held = f.Label == comity.Unmarked && k.held(comity.ObjectID(f.Text))
		}
		k.settle(f.Items)
	}
}

// mark is one marking definition that an object refers to.
type mark struct {
	ID    comity.ObjectID
	Label comity.TLP // of a standard definition, else Unmarked
	Name  string
	Held  bool
}

func (k *refs) marks(ids []comity.ObjectID) []mark {
	var out []mark
	for _, id := range ids {
		m := mark{ID: id, Label: standardTLP[id]}
		if m.Label == comity.Unmarked {
			m.Held = k.held(id)
			m.Name = k.names[id]
		}
		out = append(out, m)
	}
	return out
}

// grain is a marking of single fields and how its definition is shown.
type grain struct {
	comity.Granular
	Held bool
}

func (k *refs) grains(list []comity.Granular) []grain {
	out := make([]grain, len(list))
	for i, g := range list {
		if g.TLP == comity.Unmarked {
			g.TLP = standardTLP[g.Ref]
		}
		out[i] = grain{Granular: g, Held: g.Ref != "" && g.TLP == comity.Unmarked && k.held(g.Ref)}
	}
	return out
}

// related leaves the standard labels out of the neighbours: they stand under
// the markings, and are no objects that one could open.
func related(list []node.Neighbour) []node.Neighbour {
	var out []node.Neighbour
	for _, n := range list {
		if standardTLP[n.ID] == comity.Unmarked {
			out = append(out, n)
		}
	}
	return out
}
