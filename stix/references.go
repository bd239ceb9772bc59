package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

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
	id := t.text0(i, "external_id")
	switch source := t.text0(i, "source_name"); {
	case id == "":
	case source == "cve" && !cveID(id), c.o.Type == "attack-pattern" && source == "capec" && !capecID(id):
		c.breach(ruleExternalID, t.get(i, "external_id"), comity.A("value", clip(id, 60)), comity.A("source", source))
	}
}

// cveID: CVE-YYYY-N, four digits or more.
func cveID(s string) bool {
	year, n, ok := strings.Cut(strings.TrimPrefix(s, "CVE-"), "-")
	return ok && strings.HasPrefix(s, "CVE-") && len(year) == 4 && allDigits(year) && len(n) >= 4 && allDigits(n)
}

// capecID: CAPEC-N (section 4.1.1).
func capecID(s string) bool {
	n, ok := strings.CutPrefix(s, "CAPEC-")
	return ok && n != "" && allDigits(n)
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// killChain: both names, in lower case with hyphens (section 2.11).
func (c *check) killChain(i int32) {
	for _, name := range [...]string{"kill_chain_name", "phase_name"} {
		c.need(i, name, "2.11")
		if s := c.t.text0(i, name); strings.ContainsAny(s, " _ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			c.breach(rulePhase, c.t.get(i, name), comity.A("value", clip(s, 60)))
		}
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
