package stix

import (
	"strconv"
	"strings"

	"github.com/comity-net/comity"
)

// markings reads object_marking_refs and granular_markings.
func (c *check) markings() {
	t := &c.t
	if i := t.get(0, "object_marking_refs"); i != 0 {
		c.objectMarkings(i)
	}
	g := t.get(0, "granular_markings")
	if g == 0 {
		return
	}
	if t.nodes[g].kind != kindArray {
		c.breach(ruleGranular, g)
		return
	}
	for m := t.first(g); m != 0; m = t.nodes[m].next {
		c.granular(m)
	}
}

// objectMarkings keeps every reference as it came.
func (c *check) objectMarkings(i int32) {
	t := &c.t
	if t.nodes[i].kind != kindArray {
		c.breach(ruleMarking, i)
		return
	}
	if t.nodes[i].n == 0 {
		c.breach(ruleList, i)
	}
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		s, ok := t.str(m)
		if !ok || len(s) > 300 {
			c.breach(ruleMarking, m)
			continue
		}
		id := comity.ObjectID(s)
		if idForm(s) == idBad || id.Type() != "marking-definition" {
			c.breach(ruleMarkingID, m, comity.A("id", clip(s, 100)))
		}
		if id == c.o.ID {
			c.breach(ruleOwnMarking, m, comity.A("id", clip(s, 100)))
		}
		c.o.Markings = append(c.o.Markings, id)
		c.o.TLP = comity.Stricter(c.o.TLP, c.label(id))
	}
}

// label resolves a marking definition to its TLP label; Unmarked if it has none.
func (c *check) label(id comity.ObjectID) comity.TLP {
	if l, ok := TLPOf(id); ok {
		return l
	}
	if c.opt.Markings != nil {
		if l, ok := c.opt.Markings(id); ok {
			return l
		}
	}
	// "TLP:RED" where an id belongs is a breach, but what it means is clear,
	// and lenient mode must not read it as unmarked.
	l, _ := comity.ParseTLP(string(id))
	return l
}

// granular reads one granular marking (section 7.2.3).
func (c *check) granular(m int32) {
	t := &c.t
	if t.nodes[m].kind != kindObject {
		c.breach(ruleGranular, m)
		return
	}
	ref, lang, sel := t.get(m, "marking_ref"), t.get(m, "lang"), t.get(m, "selectors")
	if sel == 0 || t.nodes[sel].kind != kindArray || t.nodes[sel].n == 0 || ref == 0 && lang == 0 {
		c.breach(ruleGranular, m)
		return
	}
	if ref != 0 && lang != 0 {
		c.breach(ruleGranEither, m)
	}
	g := comity.Granular{}
	if ref != 0 {
		s, ok := t.str(ref)
		if !ok || len(s) > 300 {
			c.breach(ruleGranular, ref)
			return
		}
		g.Ref = comity.ObjectID(s)
		if idForm(s) == idBad || g.Ref.Type() != "marking-definition" {
			c.breach(ruleMarkingID, ref, comity.A("id", clip(s, 100)))
		}
		g.TLP = c.label(g.Ref)
	} else {
		g.Lang = clip(t.text0(m, "lang"), 100)
		if !languageTag(g.Lang) {
			c.breach(ruleLang, lang, comity.A("value", clip(g.Lang, 40)))
		}
	}
	for s := t.first(sel); s != 0; s = t.nodes[s].next {
		text, ok := t.str(s)
		if !ok || len(text) > 1000 {
			c.breach(ruleGranular, s)
			return
		}
		if !c.resolves(text) {
			c.breach(ruleSelector, s, comity.A("selector", clip(text, 100)))
		}
		g.Selectors = append(g.Selectors, text)
	}
	c.o.Granular = append(c.o.Granular, g)
}

// maxSteps bounds the work of following selectors: a wide object with many
// selectors would take minutes. What lies beyond counts as leading nowhere.
const maxSteps = 4 << 20

// resolves reports whether a selector names something in the object: property
// names joined by dots, list elements as [n] (section 7.2.3.1).
func (c *check) resolves(selector string) bool {
	t := &c.t
	i := int32(0)
	for _, s := range strings.Split(selector, ".") {
		if c.steps += int(t.nodes[i].n) + 1; c.steps > maxSteps {
			return false
		}
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			n, err := strconv.ParseUint(s[1:len(s)-1], 10, 31)
			if err != nil || t.nodes[i].kind != kindArray || n >= uint64(t.nodes[i].n) {
				return false
			}
			e := t.first(i)
			for ; n > 0; n-- {
				e = t.nodes[e].next
			}
			i = e
			continue
		}
		if i = t.get(i, s); i == 0 {
			return false
		}
	}
	return i != 0
}

// definition judges a marking definition: the fixed TLP ones must say what
// they are, and no other may pass for one (section 7.2.1.4).
func (c *check) definition() {
	if !c.has("definition_type", "extensions") || c.has("definition_type") != c.has("definition") {
		c.say(ruleRequiredS, "definition", "7.2.1", comity.A("name", "definition"), comity.A("type", c.o.Type))
	}
	if i := c.t.get(0, "definition"); i != 0 && c.t.text0(0, "definition_type") == "statement" {
		c.need(i, "statement", "7.2.1.3")
	}
	says, ok := c.definedTLP()
	is, fixed := TLPOf(c.o.ID)
	switch {
	case fixed && (!ok || says != is):
		c.say(ruleTLPFixed, "id", "", comity.A("id", c.o.ID), comity.A("label", is.Label()))
	case !fixed && ok:
		c.say(ruleTLPOther, "id", "", comity.A("id", c.o.ID), comity.A("label", says.Label()))
	}
}

// definedTLP returns the label that a marking definition states.
func (c *check) definedTLP() (comity.TLP, bool) {
	t := &c.t
	if ext := t.get(0, "extensions"); ext != 0 {
		if e := t.get(ext, tlpExtension); e != 0 {
			return comity.ParseTLP(t.text0(e, "tlp_2_0"))
		}
	}
	if t.text0(0, "definition_type") == "tlp" {
		if d := t.get(0, "definition"); d != 0 {
			return comity.ParseTLP(t.text0(d, "tlp"))
		}
	}
	return comity.Unmarked, false
}

// DefinedTLP returns the label that the marking definition in o states, by the
// TLP 2.0 extension or by TLP 1; false for every other object. For the fixed
// definitions TLPOf is the authority; this is for those that members made for
// themselves, to be given to Options.Markings.
func DefinedTLP(o *comity.Object) (comity.TLP, bool) {
	if o.Type != "marking-definition" {
		return comity.Unmarked, false
	}
	if l, ok := TLPOf(o.ID); ok {
		return l, true
	}
	t, bad := buildTree(o.Raw, string(o.Raw), defaultDepth)
	if bad != nil {
		return comity.Unmarked, false
	}
	c := check{t: t}
	return c.definedTLP()
}
