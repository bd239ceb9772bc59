package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// extensions judges the extensions of an object. They are keyed by the id of
// their definition, by a name that the standard defines, or, for observables,
// by a name of their own that ends in -ext (sections 3.2, 7.3, 11.3).
func (c *check) extensions(i int32) {
	t := &c.t
	if t.nodes[i].n == 0 {
		c.breach(ruleList, i)
	}
	for e := t.first(i); e != 0; e = t.nodes[e].next {
		name := t.name(e)
		defined := strings.HasPrefix(name, "extension-definition--") && idForm(name) != idBad
		custom := typeName(name) && strings.HasSuffix(name, "-ext")
		switch host := extensionHost[name]; {
		case !defined && !custom, t.nodes[e].kind != kindObject, t.nodes[e].n == 0:
			c.breach(ruleExtension, e, comity.A("name", clip(name, 100)))
		case defined:
			c.defined(e)
		case host != "":
			if host != c.o.Type && c.spec != nil {
				c.breach(ruleExtHost, e, comity.A("name", name), comity.A("type", host))
			}
			c.part(e, parts[name])
		default:
			c.customExtension(e)
		}
	}
}

// defined judges an extension that has a definition: it must say of which kind
// it is.
func (c *check) defined(e int32) {
	t := &c.t
	id := comity.ObjectID(t.name(e))
	et := t.get(e, "extension_type")
	if et == 0 {
		c.breach(ruleExtType, e)
	}
	kind := t.text0(e, "extension_type")
	switch kind {
	case "toplevel-property-extension":
	case "new-sdo", "new-sco", "new-sro":
		if c.spec != nil {
			c.breach(ruleRedefine, et, comity.A("value", kind), comity.A("type", c.o.Type))
		}
	case "property-extension":
		for m := t.first(e); m != 0; m = t.nodes[m].next {
			if name := t.name(m); !propertyName(name) {
				c.breach(ruleName, m, comity.A("name", clip(name, 100)))
			}
		}
	default:
		if et != 0 {
			c.unknownTerms(et, vocabularies["extension-type-enum"], []string{kind}, 1)
		}
	}
	if c.opt.Schemas != nil {
		c.schema(e, id, kind)
	}
}

// customExtension judges an extension of the older kind, which has a name in
// place of a definition (section 11.3).
func (c *check) customExtension(e int32) {
	t := &c.t
	if c.spec != nil && c.spec.class != classSCO {
		c.breach(ruleExtHost, e, comity.A("name", clip(t.name(e), 100)), comity.A("type", "SCO"))
	}
	for m := t.first(e); m != 0; m = t.nodes[m].next {
		if name := t.name(m); !propertyName(name) {
			c.breach(ruleName, m, comity.A("name", clip(name, 100)))
		}
	}
	c.breach(ruleCustomExt, e, comity.A("name", clip(t.name(e), 100)))
}

// newClass returns the family that an extension gives to a type which the
// standard does not define; classCustom where none does.
func (c *check) newClass() class {
	t := &c.t
	ext := t.get(0, "extensions")
	if ext == 0 || c.spec != nil {
		return classCustom
	}
	for e := t.first(ext); e != 0; e = t.nodes[e].next {
		if word, ok := strings.CutPrefix(t.text0(e, "extension_type"), "new-"); ok && classWords[word] != classCustom {
			return classWords[word]
		}
	}
	return classCustom
}

// definitionOfExtension judges an extension definition (section 7.3.1).
func (c *check) definitionOfExtension() {
	t := &c.t
	c.want("created_by_ref", ruleRequiredS, "7.3")
	top := false
	if list := t.get(0, "extension_types"); list != 0 && t.nodes[list].kind == kindArray {
		for e := t.first(list); e != 0; e = t.nodes[e].next {
			s, _ := t.str(e)
			top = top || s == "toplevel-property-extension"
		}
	}
	names := t.get(0, "extension_properties")
	switch {
	case names != 0 && !top:
		c.breach(ruleExtProps, names)
	case names == 0 && top:
		c.say(ruleExtPropsS, "extension_properties", "")
	case names != 0 && t.nodes[names].kind == kindArray:
		for e := t.first(names); e != 0; e = t.nodes[e].next {
			if s, ok := t.str(e); ok && !propertyName(s) {
				c.breach(ruleName, e, comity.A("name", clip(s, 100)))
			}
		}
	}
}
