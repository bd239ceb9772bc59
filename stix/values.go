package stix

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/comity-net/comity/stix/pattern"
)

// maxValues bounds what one object gives to lookups.
const maxValues = 10_000

// valueKinds names the kind of value of the SCOs that are one value.
var valueKinds = map[string]comity.ValueKind{
	"ipv4-addr": comity.ValueIPv4, "ipv6-addr": comity.ValueIPv6, "domain-name": comity.ValueDomain,
	"url": comity.ValueURL, "email-addr": comity.ValueEmail, "mac-addr": comity.ValueMAC,
}

// named are the types whose name a lookup finds.
var named = map[string]bool{
	"malware": true, "tool": true, "threat-actor": true, "intrusion-set": true, "campaign": true,
	"attack-pattern": true, "vulnerability": true, "infrastructure": true, "course-of-action": true,
	"identity": true, "incident": true, "mutex": true, "software": true,
}

// values collects what a lookup finds the object by.
func (c *check) values() {
	t := &c.t
	if k, ok := valueKinds[c.o.Type]; ok {
		if s := t.text0(0, "value"); s != "" && !c.addValue(k, s) {
			c.breach(ruleValue, t.get(0, "value"), comity.A("value", clip(s, 100)), comity.A("type", c.o.Type))
		}
		return
	}
	switch c.o.Type {
	case "autonomous-system":
		if i := t.get(0, "number"); i != 0 {
			c.addValue(comity.ValueASN, t.raw(i))
		}
	case "file":
		c.path("name")
		c.hashValues()
	case "directory":
		c.path("path")
	case "windows-registry-key":
		c.path("key")
	case "artifact", "x509-certificate":
		c.hashValues()
		if s := t.text0(0, "url"); s != "" {
			c.addValue(comity.ValueURL, s)
		}
	case "user-account":
		c.addValue(comity.ValueName, t.text0(0, "account_login"))
	case "indicator":
		c.patternValues()
	}
	if named[c.o.Type] {
		c.names()
	}
	c.externalIDs()
}

// addValue adds one value in normal form, once.
func (c *check) addValue(k comity.ValueKind, s string) bool {
	v, ok := extract.Normalize(k, s)
	if !ok {
		return false
	}
	if len(c.o.Values) >= maxValues {
		return true
	}
	for i := range c.o.Values {
		if i > 64 {
			break // long lists may hold a value twice; the keepers do not mind
		}
		if c.o.Values[i] == v {
			return true
		}
	}
	c.o.Values = append(c.o.Values, v)
	return true
}

func (c *check) path(name string) {
	if s := c.t.text0(0, name); s != "" {
		c.addValue(comity.ValuePath, s)
	}
}

// hashValues adds the hashes; those that are not hexadecimal (SSDEEP) as other.
func (c *check) hashValues() {
	t := &c.t
	h := t.get(0, "hashes")
	if h == 0 || t.nodes[h].kind != kindObject {
		return
	}
	for e := t.first(h); e != 0; e = t.nodes[e].next {
		if s, ok := t.str(e); ok && !c.addValue(comity.ValueHash, s) {
			c.addValue(comity.ValueOther, s)
		}
	}
}

// names adds name and aliases; a CVE name as what it is.
func (c *check) names() {
	c.nameValue(c.t.text0(0, "name"))
	for _, a := range c.strings("aliases", maxLabels) {
		c.nameValue(a)
	}
	for _, a := range c.strings("x_mitre_aliases", maxLabels) {
		c.nameValue(a)
	}
}

func (c *check) nameValue(s string) {
	if s != "" && !c.addValue(comity.ValueCVE, s) {
		c.addValue(comity.ValueName, s)
	}
}

// externalIDs adds the external ids of references: T1059, CAPEC-13, CVE.
func (c *check) externalIDs() {
	t := &c.t
	refs := t.get(0, "external_references")
	if refs == 0 || t.nodes[refs].kind != kindArray {
		return
	}
	for r := t.first(refs); r != 0; r = t.nodes[r].next {
		if s := t.text0(r, "external_id"); s != "" {
			c.nameValue(s)
		}
	}
}

// patternValues adds what an indicator's STIX pattern looks for. A pattern that
// cannot be read never matches (section 9), so it has no values.
func (c *check) patternValues() {
	typ := c.t.text0(0, "pattern_type")
	i := c.t.get(0, "pattern")
	text := c.t.text0(0, "pattern")
	if typ != "stix" && typ != "" || text == "" {
		return
	}
	p, err := pattern.ParseLenient(text, pattern.Limits{})
	if err != nil {
		c.record(comity.Finding{Rule: "pattern", Path: c.t.path(i), Section: "9", Refuses: must.refuses(c.opt.Mode), Msg: comity.ErrorMessage(err)})
		return
	}
	for _, v := range p.Values() {
		c.addValue(v.Kind, v.Text)
	}
}
