package stix

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// properties judges the form of every property, and every number.
func (c *check) properties() {
	t := &c.t
	table := commonProps
	if c.spec != nil {
		table = c.spec.props
	}
	extended := c.hasToplevelExtension()
	for i := t.first(0); i != 0; i = t.nodes[i].next {
		name := t.name(i)
		p := table[name]
		if p == nil {
			c.custom(i, name, extended)
			continue
		}
		if p.never {
			c.misplaced(i, name)
		}
		c.form(i, p)
	}
	c.numbers()
}

// misplaced records a common property that the type does not have.
func (c *check) misplaced(i int32, name string) {
	r := ruleMisplaced
	if name == "defanged" {
		r = ruleDefanged // the only one with a MUST NOT
	}
	c.breach(r, i, comity.A("name", name), comity.A("type", c.o.Type))
}

// reserved are the property names that no content may use yet (section 3.8).
var reserved = map[string]bool{"severity": true, "username": true, "phone_number": true, "action": true}

// custom judges the name of a property that the standard does not define.
func (c *check) custom(i int32, name string, extended bool) {
	switch {
	case !propertyName(name):
		c.breach(ruleName, i, comity.A("name", clip(name, 100)))
	case reserved[name]:
		c.breach(ruleReserved, i, comity.A("name", name))
	}
	if c.spec != nil && !extended {
		c.breach(ruleCustom, i, comity.A("name", clip(name, 100)))
	}
}

// propertyName: 3 to 250 lower-case letters, digits and underscores that begin
// with a letter.
func propertyName(s string) bool {
	if len(s) < 3 || len(s) > 250 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if b := s[i]; !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '_') {
			return false
		}
	}
	return true
}

// hasToplevelExtension reports whether an extension may add properties.
func (c *check) hasToplevelExtension() bool {
	t := &c.t
	ext := t.get(0, "extensions")
	if ext == 0 {
		return false
	}
	for e := t.first(ext); e != 0; e = t.nodes[e].next {
		if t.text0(e, "extension_type") == "toplevel-property-extension" {
			return true
		}
	}
	return false
}

// form judges one value, or each of a list.
func (c *check) form(i int32, p *prop) {
	t := &c.t
	if p.vocab != nil {
		c.vocabulary(i, p)
	}
	if !p.list {
		c.value(i, p)
		return
	}
	if t.nodes[i].kind != kindArray {
		c.breach(kindRule(p), i, comity.A("want", "msg:stix.kind.list"))
		return
	}
	if t.nodes[i].n == 0 {
		c.breach(ruleList, i)
	}
	for e := t.first(i); e != 0; e = t.nodes[e].next {
		c.value(e, p)
	}
}

func kindRule(p *prop) *rule {
	if p.hard {
		return ruleKind
	}
	return ruleKindSoft
}

// formKinds names the JSON kind that each form takes, and the word for it.
var formKinds = [...]struct {
	kind byte
	word string
}{
	formString: {'"', "msg:stix.kind.string"}, formBool: {'b', "msg:stix.kind.boolean"},
	formInt: {'0', "msg:stix.kind.integer"}, formFloat: {'0', "msg:stix.kind.number"},
	formTime: {'"', "msg:stix.kind.timestamp"}, formRef: {'"', "msg:stix.kind.identifier"},
	formHashes: {'{', "msg:stix.kind.dictionary"}, formDict: {'{', "msg:stix.kind.dictionary"},
	formStrings: {'{', "msg:stix.kind.dictionary"}, formLists: {'{', "msg:stix.kind.dictionary"},
	formScalars: {'{', "msg:stix.kind.dictionary"}, formInts: {'{', "msg:stix.kind.dictionary"},
	formLang:       {'"', "msg:stix.kind.string"},
	formExtensions: {'{', "msg:stix.kind.dictionary"}, formHex: {'"', "msg:stix.kind.hex"},
	formBinary: {'"', "msg:stix.kind.binary"}, formExternal: {'{', "msg:stix.kind.object"},
	formKillChain: {'{', "msg:stix.kind.object"}, formObject: {'{', "msg:stix.kind.object"},
	formMarkings: {}, formGranular: {}, formUnknown: {},
}

// value judges one value by its form.
func (c *check) value(i int32, p *prop) {
	kind := byte(c.t.nodes[i].kind)
	if kind == 't' || kind == 'f' {
		kind = 'b'
	}
	if want := formKinds[p.form]; want.kind != 0 && want.kind != kind {
		c.breach(kindRule(p), i, comity.A("want", want.word))
		return
	}
	switch p.form {
	case formInt:
		c.integer(i, p)
		c.within(i, p)
	case formFloat:
		c.within(i, p)
	case formTime:
		c.timestamp(i, p)
	case formRef:
		c.reference(i, p)
	case formHashes:
		c.hashes(i)
	case formDict, formStrings, formLists, formScalars, formInts:
		c.dictionary(i, p.form)
	case formExtensions:
		c.extensions(i)
	case formHex:
		if s, _ := c.t.str(i); len(s)%2 != 0 || strings.Trim(s, "0123456789abcdef") != "" {
			c.breach(ruleHex, i)
		}
	case formBinary:
		if s, _ := c.t.str(i); !isBase64(s) {
			c.breach(ruleBinary, i)
		}
	case formLang:
		if s, _ := c.t.str(i); !languageTag(s) {
			c.breach(ruleLang, i, comity.A("value", clip(s, 40)))
		}
	case formExternal:
		c.externalReference(i)
	case formKillChain:
		c.killChain(i)
	case formReserved:
		c.breach(ruleReserved, i, comity.A("name", c.t.name(i)))
	case formObject:
		if p.part != nil {
			c.part(i, p.part)
		}
	}
}

// reference judges an identifier and the type that it leads to.
func (c *check) reference(i int32, p *prop) {
	s, _ := c.t.str(i)
	if idForm(s) == idBad {
		r := ruleRefSoft
		if p.hard {
			r = ruleRef
		}
		c.breach(r, i, comity.A("id", clip(s, 100)))
		return
	}
	if p.to != nil && !p.to.allow(comity.ObjectID(s).Type()) && !c.mute(ruleRefType) {
		c.say(ruleRefType, c.t.path(i), p.section, comity.A("id", clip(s, 100)), comity.A("want", p.to.names))
	}
}

// within asks that a number lies in the range of its property.
func (c *check) within(i int32, p *prop) {
	if !p.ranged {
		return
	}
	if f, ok := c.number(i); (!ok || f < p.low || f > p.high) && !c.mute(ruleRange) {
		c.say(ruleRange, c.t.path(i), p.section, comity.A("value", clip(c.t.raw(i), 40)),
			comity.A("low", plain(p.low)), comity.A("high", plain(p.high)))
	}
}

// part judges an object inside: its properties, those that must stand, and
// how many at least.
func (c *check) part(i int32, s *typeSpec) {
	t := &c.t
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		name := t.name(m)
		if p := s.props[name]; p != nil {
			c.form(m, p)
		} else if !propertyName(name) {
			c.breach(ruleName, m, comity.A("name", clip(name, 100)))
		}
	}
	for _, name := range s.soft {
		if t.get(i, name) == 0 && !c.mute(ruleRequiredS) {
			c.say(ruleRequiredS, t.path(i)+"."+name, s.section, comity.A("name", name), comity.A("type", c.o.Type))
		}
	}
	if int(t.nodes[i].n) < s.least && !c.mute(ruleOneOf) {
		c.say(ruleOneOf, t.path(i), s.section, comity.A("names", clip(strings.Join(s.own, ", "), 300)), comity.A("type", t.name(i)))
	}
}

// integer: a whole number within ±(2^53−1) (section 2.10).
func (c *check) integer(i int32, p *prop) {
	s := c.t.raw(i)
	if n, err := strconv.ParseInt(s, 10, 64); err != nil || n > 1<<53-1 || n < -(1<<53-1) {
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<53 {
			// "1.0" or "1.5": not an integer, but no other software will change it
			c.breach(kindRule(p), i, comity.A("want", formKinds[p.form].word))
			return
		}
		c.breach(ruleInteger, i, comity.A("value", clip(s, 40)))
	}
}

// numbers refuses what cannot be represented (1e400) anywhere in the object,
// and whole numbers beyond ±(2^53−1) in places that the table does not know:
// other software would change them.
func (c *check) numbers() {
	for i := range c.t.nodes {
		if c.t.nodes[i].kind != kindNumber {
			continue
		}
		s := c.t.raw(int32(i))
		if len(s) < 16 && !strings.ContainsAny(s, "eE") {
			continue
		}
		f, err := strconv.ParseFloat(s, 64)
		switch {
		case err != nil || math.IsInf(f, 0):
			c.breach(ruleNumber, int32(i), comity.A("value", clip(s, 40)))
		case math.Abs(f) >= 1<<53 && !strings.ContainsAny(s, ".eE"):
			c.breach(ruleBigCustom, int32(i), comity.A("value", clip(s, 40)))
		}
	}
}

// timestamp: RFC 3339 in UTC (section 2.16).
func (c *check) timestamp(i int32, p *prop) {
	s, _ := c.t.str(i)
	if _, ok := ParseTime(s); ok {
		return
	}
	if _, err := time.Parse(time.RFC3339Nano, s); err == nil {
		c.breach(ruleTimeZone, i, comity.A("value", clip(s, 40)))
		return
	}
	r := ruleTimeSoft
	if p.hard || c.t.name(i) == "valid_until" {
		r = ruleTime // an end that cannot be read would make it valid for ever
	}
	c.breach(r, i, comity.A("value", clip(s, 40)))
}

func isBase64(s string) bool {
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil
}
