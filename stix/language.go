package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// languages judges the contents of a language-content object as far as it goes
// without the object that it translates: keys are language tags, and each
// holds a dictionary (section 7.1).
func (c *check) languages() {
	t := &c.t
	list := t.get(0, "contents")
	if list == 0 || t.nodes[list].kind != kindObject {
		return
	}
	for l := t.first(list); l != 0; l = t.nodes[l].next {
		if tag := t.name(l); !languageTag(tag) {
			c.breach(ruleLang, l, comity.A("value", clip(tag, 40)))
		}
		if t.nodes[l].kind != kindObject {
			c.breach(ruleKindSoft, l, comity.A("want", "msg:stix.kind.dictionary"))
		} else if t.nodes[l].n == 0 {
			c.breach(ruleList, l)
		}
	}
}

// CheckTranslation judges a language-content object against the object that it
// translates, both as they came: it must name that object and that version,
// and mirror its properties in kind and in length (STIX 2.1, section 7.1.1).
// Nothing to say gives an empty list. Text that Parse refuses as no object
// gives nothing either.
func CheckTranslation(content, target []byte) []comity.Finding {
	a, badA := buildTree(content, string(content), defaultDepth)
	b, badB := buildTree(target, string(target), defaultDepth)
	if badA != nil || badB != nil || a.nodes[0].kind != kindObject || b.nodes[0].kind != kindObject {
		return nil
	}
	m := mirror{c: check{t: a}, to: b}
	c := &m.c
	if id := b.text0(0, "id"); a.text0(0, "object_ref") != id {
		c.say(ruleTransRef, "object_ref", "", comity.A("id", clip(id, 100)))
		return c.rep.Findings
	}
	if at := a.get(0, "object_modified"); at != 0 {
		says, ok1 := ParseTime(a.text0(0, "object_modified"))
		is, ok2 := ParseTime(b.text0(0, "modified"))
		if !ok1 || !ok2 || !says.Equal(is) {
			c.say(ruleTransTime, "object_modified", "", comity.A("value", clip(b.text0(0, "modified"), 40)))
		}
	}
	list := a.get(0, "contents")
	if list == 0 {
		return c.rep.Findings
	}
	for l := a.first(list); l != 0; l = a.nodes[l].next {
		m.compare(l, 0)
	}
	return c.rep.Findings
}

// mirror compares a translation with the object that it translates.
type mirror struct {
	c     check
	to    tree
	steps int
}

// compare compares the members of the translation's object i with those of
// the other object j.
func (m *mirror) compare(i, j int32) {
	t := &m.c.t
	if t.nodes[i].kind != kindObject {
		return
	}
	for x := t.first(i); x != 0; x = t.nodes[x].next {
		name := t.name(x)
		if m.steps += int(m.to.nodes[j].n) + 1; m.steps > maxSteps {
			return
		}
		y := m.to.get(j, name)
		if y == 0 {
			m.c.breach(ruleTransProp, x, comity.A("name", clip(name, 100)))
			continue
		}
		m.value(x, y)
	}
}

// value compares one value; lists go item by item.
func (m *mirror) value(x, y int32) {
	t := &m.c.t
	kind := m.to.nodes[y].kind
	want := ""
	switch kind {
	case kindString:
		want = "msg:stix.kind.string"
	case kindArray:
		want = "msg:stix.kind.list"
	case kindObject:
		want = "msg:stix.kind.object"
	default:
		return // not translatable, to be ignored
	}
	switch {
	case t.nodes[x].kind != kind:
		m.c.breach(ruleTransKind, x, comity.A("want", want))
	case kind == kindObject:
		m.compare(x, y)
	case kind == kindArray && t.nodes[x].n != m.to.nodes[y].n:
		m.c.breach(ruleTransLen, x, comity.A("n", m.to.nodes[y].n))
	case kind == kindArray:
		a, b := t.first(x), m.to.first(y)
		for a != 0 && b != 0 {
			m.value(a, b)
			a, b = t.nodes[a].next, m.to.nodes[b].next
		}
	}
}

// languageTag checks the form of an RFC 5646 tag.
func languageTag(s string) bool {
	if len(s) < 2 || len(s) > 100 {
		return false
	}
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 || i == 0 && len(part) < 2 && part != "x" && part != "i" {
			return false
		}
		for j := 0; j < len(part); j++ {
			if b := part[j]; !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || i > 0 && b >= '0' && b <= '9') {
				return false
			}
		}
	}
	return true
}
