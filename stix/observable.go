package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// observable judges the rules that one observable has for itself (section 6).
func (c *check) observable() {
	switch c.o.Type {
	case "artifact":
		c.artifact()
	case "email-message":
		c.email()
	case "network-traffic":
		if i := c.t.get(0, "is_active"); i != 0 && c.t.nodes[i].kind == kindTrue && c.has("end") {
			c.exclude("end", "is_active = true")
		}
	case "file":
		c.encoding("name")
	case "directory":
		c.encoding("path")
	case "mac-addr":
		if s := c.t.text0(0, "value"); s != "" && !macAddress(s) {
			c.breach(ruleFormat, c.t.get(0, "value"), comity.A("value", clip(s, 60)), comity.A("want", "00:00:5e:00:53:0a"))
		}
	case "software":
		if s := c.t.text0(0, "cpe"); s != "" && !strings.HasPrefix(s, "cpe:2.3:") {
			c.breach(ruleFormat, c.t.get(0, "cpe"), comity.A("value", clip(s, 60)), comity.A("want", "cpe:2.3:…"))
		}
	case "windows-registry-key":
		c.hive()
	}
}

// artifact: the bytes, or a place with hashes; a key only with an algorithm
// (section 6.1).
func (c *check) artifact() {
	if c.has("url") && c.has("payload_bin") {
		c.exclude("url", "payload_bin")
	}
	if c.has("url") && !c.has("hashes") {
		c.say(ruleRequiredS, "hashes", "6.1", comity.A("name", "hashes"), comity.A("type", c.o.Type))
	}
	if c.has("decryption_key") && !c.has("encryption_algorithm") {
		c.say(ruleRequiredS, "encryption_algorithm", "6.1", comity.A("name", "encryption_algorithm"), comity.A("type", c.o.Type))
	}
}

// email: a body or parts, by is_multipart; each part has its text or a
// reference to it (section 6.6).
func (c *check) email() {
	t := &c.t
	switch i := t.get(0, "is_multipart"); {
	case i == 0:
	case t.nodes[i].kind == kindTrue && c.has("body"):
		c.exclude("body", "is_multipart = true")
	case t.nodes[i].kind == kindFalse && c.has("body_multipart"):
		c.exclude("body_multipart", "is_multipart = false")
	}
	list := t.get(0, "body_multipart")
	if list == 0 || t.nodes[list].kind != kindArray {
		return
	}
	for e := t.first(list); e != 0; e = t.nodes[e].next {
		if t.nodes[e].kind == kindObject && t.get(e, "body") == 0 && t.get(e, "body_raw_ref") == 0 {
			if c.mute(ruleOneOf) {
				return
			}
			c.say(ruleOneOf, t.path(e), "6.6.2", comity.A("names", "body, body_raw_ref"), comity.A("type", "email-mime-part"))
		}
	}
}

// encoding: a property that names the encoding of another does not stand alone
// (section 3.1).
func (c *check) encoding(name string) {
	if c.has(name+"_enc") && !c.has(name) {
		c.say(ruleRequiredS, name, "3.1", comity.A("name", name), comity.A("type", c.o.Type))
	}
}

// hive: the first part of a registry key is written out (section 6.17).
func (c *check) hive() {
	hive, _, _ := strings.Cut(c.t.text0(0, "key"), `\`)
	switch strings.ToUpper(hive) {
	case "HKLM", "HKCU", "HKCR", "HKU", "HKCC":
		c.breach(ruleFormat, c.t.get(0, "key"), comity.A("value", clip(hive, 60)), comity.A("want", `HKEY_LOCAL_MACHINE\…`))
	}
}

// macAddress: six pairs of lower-case digits with colons (section 6.10).
func macAddress(s string) bool {
	if len(s) != 17 {
		return false
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		if i%3 == 2 && b != ':' || i%3 != 2 && !(b >= '0' && b <= '9' || b >= 'a' && b <= 'f') {
			return false
		}
	}
	return true
}
