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
	extended := c.hasToplevelExtension()
	for i := t.first(0); i != 0; i = t.nodes[i].next {
		name := t.name(i)
		p, known := commonProps[name]
		if !known && c.spec != nil {
			p, known = c.spec.props[name]
		}
		if !known {
			c.custom(i, name, extended)
			continue
		}
		c.form(i, p)
	}
	c.numbers()
}

// custom judges the name of a property that the standard does not define.
func (c *check) custom(i int32, name string, extended bool) {
	if !propertyName(name) {
		c.breach(ruleName, i, comity.A("name", clip(name, 100)))
	}
	if c.spec != nil && !extended {
		c.breach(ruleCustom, i, comity.A("name", clip(name, 100)))
	}
}

// propertyName: lower-case letters, digits and underscores, at most 250.
func propertyName(s string) bool {
	if len(s) < 1 || len(s) > 250 {
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
func (c *check) form(i int32, p prop) {
	t := &c.t
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

func kindRule(p prop) *rule {
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
	formExtensions: {'{', "msg:stix.kind.dictionary"}, formHex: {'"', "msg:stix.kind.hex"},
	formBinary: {'"', "msg:stix.kind.binary"}, formExternal: {'{', "msg:stix.kind.object"},
	formKillChain: {'{', "msg:stix.kind.object"}, formObject: {'{', "msg:stix.kind.object"},
	formMarkings: {}, formGranular: {}, formUnknown: {},
}

// value judges one value by its form.
func (c *check) value(i int32, p prop) {
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
	case formTime:
		c.timestamp(i, p)
	case formRef:
		s, _ := c.t.str(i)
		if form := idForm(s); form == idBad {
			r := ruleRefSoft
			if p.hard {
				r = ruleRef
			}
			c.breach(r, i, comity.A("id", clip(s, 100)))
		}
	case formHashes:
		c.hashes(i)
	case formDict:
		c.dictionary(i)
	case formExtensions:
		c.extensions(i)
	case formHex:
		if s, _ := c.t.str(i); len(s)%2 != 0 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
			c.breach(ruleHex, i)
		}
	case formBinary:
		if s, _ := c.t.str(i); !isBase64(s) {
			c.breach(ruleBinary, i)
		}
	case formExternal:
		c.externalReference(i)
	case formKillChain:
		c.need(i, "kill_chain_name", "2.11")
		c.need(i, "phase_name", "2.11")
	}
}

// integer: a whole number within ±(2^53−1) (section 2.10).
func (c *check) integer(i int32, p prop) {
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
func (c *check) timestamp(i int32, p prop) {
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

// hashLengths gives the hexadecimal digits of each algorithm of hash-algorithm-ov.
var hashLengths = map[string]int{"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128, "SHA3-256": 64, "SHA3-512": 128}

func (c *check) hashes(i int32) {
	t := &c.t
	if t.nodes[i].n == 0 {
		c.breach(ruleList, i)
	}
	for h := t.first(i); h != 0; h = t.nodes[h].next {
		s, ok := t.str(h)
		n, known := hashLengths[t.name(h)]
		if !ok || s == "" || known && (len(s) != n || strings.Trim(s, "0123456789abcdefABCDEF") != "") {
			c.breach(ruleHashes, h, comity.A("name", clip(t.name(h), 100)))
		}
	}
}

// dictionary: keys of ASCII letters, digits, hyphens and underscores, at most 250.
func (c *check) dictionary(i int32) {
	t := &c.t
	if t.nodes[i].n == 0 {
		c.breach(ruleList, i)
	}
	for d := t.first(i); d != 0; d = t.nodes[d].next {
		if name := t.name(d); !dictionaryKey(name) {
			c.breach(ruleDict, d, comity.A("name", clip(name, 100)))
		}
	}
}

func dictionaryKey(s string) bool {
	for i := 0; i < len(s); i++ {
		if b := s[i]; !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 250
}

// extensions: keyed by definition id or by a predefined name; each an object.
func (c *check) extensions(i int32) {
	t := &c.t
	for e := t.first(i); e != 0; e = t.nodes[e].next {
		name := t.name(e)
		defined := strings.HasPrefix(name, "extension-definition--") && idForm(name) != idBad
		if !defined && !strings.HasSuffix(name, "-ext") && !strings.HasPrefix(name, "x-") || t.nodes[e].kind != kindObject || t.nodes[e].n == 0 {
			c.breach(ruleExtension, e, comity.A("name", clip(name, 100)))
			continue
		}
		if et := t.get(e, "extension_type"); et != 0 {
			switch s, _ := t.str(et); s {
			case "new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension":
			default:
				c.breach(ruleEnum, et, comity.A("value", clip(s, 60)))
			}
		}
	}
}

// externalReference: source_name, and one of description, url, external_id.
func (c *check) externalReference(i int32) {
	c.need(i, "source_name", "2.5")
	t := &c.t
	if t.get(i, "description") == 0 && t.get(i, "url") == 0 && t.get(i, "external_id") == 0 {
		c.breach(ruleExternal, i)
	}
	if h := t.get(i, "hashes"); h != 0 && t.nodes[h].kind == kindObject {
		c.hashes(h)
	}
}

// need asks for a string member of the object i.
func (c *check) need(i int32, name, section string) {
	m := c.t.get(i, name)
	if m == 0 {
		if c.mute(ruleRequiredS) {
			return
		}
		p := c.t.path(i) + "." + name
		c.say(ruleRequiredS, p, section, comity.A("name", name), comity.A("type", c.o.Type))
	} else if c.t.nodes[m].kind != kindString {
		c.breach(ruleKindSoft, m, comity.A("want", "msg:stix.kind.string"))
	}
}

func isBase64(s string) bool {
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil
}
