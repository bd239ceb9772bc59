package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// conditions judges what hangs on more than one property, and on one type.
func (c *check) conditions() {
	if a, b := c.o.Created, c.o.Modified; !a.IsZero() && !b.IsZero() && b.Before(a) {
		c.say(ruleOrder, "modified", "", comity.A("from", "created"))
	}
	c.milliseconds("created")
	c.milliseconds("modified")
	if c.spec == nil {
		return
	}
	if names := atLeastOne[c.o.Type]; names != nil {
		c.oneOf(names...)
	}
	for _, p := range ordered[c.o.Type] {
		c.inOrder(p.from, p.to, p.strict)
	}
	if c.spec.class == classSCO {
		c.observable()
		return
	}
	c.byType()
}

// byType judges the rules that one type has for itself.
func (c *check) byType() {
	switch c.o.Type {
	case "relationship":
		c.relationship()
	case "malware":
		if i := c.t.get(0, "is_family"); i == 0 && !c.v20 {
			c.say(ruleFamily, "is_family", "")
		} else if i != 0 && c.t.nodes[i].kind == kindTrue && !c.has("name") {
			c.say(ruleRequiredS, "name", "4.11", comity.A("name", "name"), comity.A("type", c.o.Type))
		}
	case "location":
		c.location()
	case "observed-data":
		c.observed()
	case "marking-definition":
		c.definition()
	case "language-content":
		c.languages()
	case "extension-definition":
		c.definitionOfExtension()
	}
}

// observed: objects by reference, one observable at least, or the older
// container, not both (section 4.14).
func (c *check) observed() {
	if i := c.t.get(0, "objects"); i != 0 {
		c.container(i)
		if c.has("object_refs") {
			c.exclude("objects", "object_refs")
		} else if !c.v20 {
			c.say(ruleDeprecated, "objects", "4.14", comity.A("name", "objects"), comity.A("instead", "object_refs"))
		}
		return
	}
	t := &c.t
	i := t.get(0, "object_refs")
	if i == 0 || t.nodes[i].kind != kindArray || t.nodes[i].n == 0 {
		return
	}
	for e := t.first(i); e != 0; e = t.nodes[e].next {
		s, _ := t.str(e)
		if sp := types[comity.ObjectID(s).Type()]; sp == nil || sp.class == classSCO {
			return
		}
	}
	c.breach(ruleNoSCO, i)
}

// container judges the older container of observables: each has a type, and
// refers to others in the same container by their keys (section 2.13).
func (c *check) container(i int32) {
	t := &c.t
	if t.nodes[i].kind != kindObject {
		return
	}
	keys := make(map[string]bool, t.nodes[i].n)
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		keys[t.name(m)] = true
	}
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		if t.nodes[m].kind != kindObject || t.text0(m, "type") == "" {
			c.breach(ruleContainer, m)
			continue
		}
		for p := t.first(m); p != 0; p = t.nodes[p].next {
			name := t.name(p)
			switch {
			case strings.HasSuffix(name, "_ref"):
				c.local(p, keys)
			case strings.HasSuffix(name, "_refs") && t.nodes[p].kind == kindArray:
				for e := t.first(p); e != 0; e = t.nodes[e].next {
					c.local(e, keys)
				}
			}
		}
	}
}

// local asks that the reference names a key of the container.
func (c *check) local(i int32, keys map[string]bool) {
	if s, ok := c.t.str(i); !ok || !keys[s] {
		c.breach(ruleLocalRef, i, comity.A("id", clip(s, 100)))
	}
}

// location: a region, a country, or latitude with longitude (section 4.10).
func (c *check) location() {
	lat, lon := c.has("latitude"), c.has("longitude")
	if !c.has("region", "country") && !(lat && lon) || lat != lon || c.has("precision") && !lat {
		c.say(ruleOneOf, "region", "4.10", comity.A("names", "region, country, latitude + longitude"), comity.A("type", c.o.Type))
	}
	if s := c.t.text0(0, "country"); s != "" && (len(s) != 2 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		c.breach(ruleCountry, c.t.get(0, "country"), comity.A("value", clip(s, 60)))
	}
}

// exclude says that the property name may not stand where other does.
func (c *check) exclude(name, other string) {
	c.say(ruleExclusive, name, c.spec.section, comity.A("name", name), comity.A("other", other))
}

// milliseconds asks for three fraction digits at least (section 3.2).
func (c *check) milliseconds(name string) {
	if s := c.t.text0(0, name); len(s) >= 20 && len(s) < 24 && s[len(s)-1] == 'Z' && !c.v20 {
		c.say(ruleMillis, name, "", comity.A("value", s))
	}
}

// inOrder asks that the time to is not before from (or, strictly, after it).
func (c *check) inOrder(from, to string, strict bool) {
	if c.t.get(0, to) == 0 || c.t.get(0, from) == 0 {
		return
	}
	a, b := c.instant(from), c.instant(to)
	if a.IsZero() || b.IsZero() || a.Before(b) || a.Equal(b) && !strict {
		return
	}
	c.say(ruleOrder, to, "", comity.A("from", from))
}
