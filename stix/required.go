package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// required asks for the properties that the text requires.
func (c *check) required() {
	versioned := c.spec == nil || c.spec.class == classSDO || c.spec.class == classSRO || c.versionedMeta()
	if c.spec == nil && (c.isExtensionSCO() || c.t.get(0, "created") == 0 && c.t.get(0, "modified") == 0) {
		versioned = false // an SCO of an extension has no versions
	}
	if versioned {
		c.want("created", ruleRequired, "3.2")
		c.want("modified", ruleRequired, "3.2")
	} else if c.spec != nil && c.spec.class == classMeta {
		c.want("created", ruleRequired, "3.2")
	}
	if c.spec == nil {
		return
	}
	for _, name := range c.spec.hard {
		c.want(name, ruleRequired, c.spec.section)
	}
	for _, name := range c.spec.soft {
		if c.v20 && (name == "pattern_type" || name == "is_family") {
			continue // STIX 2.0 has none
		}
		c.want(name, ruleRequiredS, c.spec.section)
	}
	if c.o.Type == "extension-definition" {
		c.want("created_by_ref", ruleRequiredS, "7.3")
	}
}

// versionedMeta: language-content and extension-definition have versions,
// marking definitions have none.
func (c *check) versionedMeta() bool {
	return c.o.Type == "language-content" || c.o.Type == "extension-definition"
}

// isExtensionSCO reports whether an extension says that the type is an SCO.
func (c *check) isExtensionSCO() bool {
	t := &c.t
	ext := t.get(0, "extensions")
	if ext == 0 {
		return false
	}
	for e := t.first(ext); e != 0; e = t.nodes[e].next {
		if t.text0(e, "extension_type") == "new-sco" {
			return true
		}
	}
	return false
}

func (c *check) want(name string, r *rule, section string) {
	i := c.t.get(0, name)
	if i == 0 || c.t.nodes[i].kind == kindNull {
		c.say(r, name, section, comity.A("name", name), comity.A("type", c.o.Type))
	}
}

// has reports whether any of the properties stands.
func (c *check) has(names ...string) bool {
	for _, n := range names {
		if c.t.get(0, n) != 0 {
			return true
		}
	}
	return false
}

// oneOf asks for at least one of the properties.
func (c *check) oneOf(names ...string) {
	if !c.has(names...) {
		c.say(ruleOneOf, names[0], c.spec.section, comity.A("names", strings.Join(names, ", ")), comity.A("type", c.o.Type))
	}
}

// atLeastOne names, per type, the properties of which one must stand.
var atLeastOne = map[string][]string{
	"file":                 {"hashes", "name"},
	"artifact":             {"payload_bin", "url"},
	"network-traffic":      {"src_ref", "dst_ref"},
	"malware-analysis":     {"result", "analysis_sco_refs"},
	"observed-data":        {"object_refs", "objects"},
	"user-account":         {"user_id", "credential", "account_login", "account_type", "display_name", "is_service_account", "is_privileged", "can_escalate_privs", "is_disabled", "account_created", "account_expires", "credential_last_changed", "account_first_login", "account_last_login", "extensions"},
	"windows-registry-key": {"key", "values", "modified_time", "creator_user_ref", "number_of_subkeys"},
	"process":              {"is_hidden", "pid", "created_time", "cwd", "command_line", "environment_variables", "opened_connection_refs", "creator_user_ref", "image_ref", "parent_ref", "child_refs", "extensions"},
	"x509-certificate":     {"is_self_signed", "hashes", "version", "serial_number", "signature_algorithm", "issuer", "validity_not_before", "validity_not_after", "subject", "subject_public_key_algorithm", "subject_public_key_modulus", "subject_public_key_exponent", "x509_v3_extensions"},
}

// ordered names, per type, pairs of times of which the second is not before
// the first. strict pairs may not be equal.
var ordered = map[string][]struct {
	from, to string
	strict   bool
}{
	"indicator":        {{"valid_from", "valid_until", true}},
	"campaign":         {{"first_seen", "last_seen", false}},
	"infrastructure":   {{"first_seen", "last_seen", false}},
	"intrusion-set":    {{"first_seen", "last_seen", false}},
	"malware":          {{"first_seen", "last_seen", false}},
	"threat-actor":     {{"first_seen", "last_seen", false}},
	"sighting":         {{"first_seen", "last_seen", false}},
	"observed-data":    {{"first_observed", "last_observed", false}},
	"relationship":     {{"start_time", "stop_time", true}},
	"malware-analysis": {{"analysis_started", "analysis_ended", false}},
	"network-traffic":  {{"start", "end", false}},
}

// conditions judges what hangs on more than one property, and ranges.
func (c *check) conditions() {
	c.inOrder("created", "modified", false)
	c.within("confidence", 0, 100, "3.2")
	if s := c.t.text0(0, "lang"); s != "" && !languageTag(s) {
		c.breach(ruleLang, c.t.get(0, "lang"), comity.A("value", clip(s, 40)))
	}
	if s := c.t.text0(0, "created_by_ref"); s != "" && !strings.HasPrefix(s, "identity--") {
		c.breach(ruleRefType, c.t.get(0, "created_by_ref"), comity.A("id", clip(s, 100)), comity.A("want", "identity"))
	}
	if c.spec == nil {
		return
	}
	if names := atLeastOne[c.o.Type]; names != nil {
		c.oneOf(names...)
	}
	for _, p := range ordered[c.o.Type] {
		c.inOrder(p.from, p.to, p.strict)
	}
	c.byType()
}

// byType judges the rules that one type has for itself.
func (c *check) byType() {
	switch c.o.Type {
	case "malware":
		if i := c.t.get(0, "is_family"); i != 0 && c.t.nodes[i].kind == kindTrue && !c.has("name") {
			c.say(ruleRequiredS, "name", "4.11", comity.A("name", "name"), comity.A("type", c.o.Type))
		}
	case "location":
		c.location()
	case "observed-data":
		c.within("number_observed", 1, 999_999_999, "4.14")
	case "sighting":
		c.within("count", 0, 999_999_999, "5.2")
	case "opinion":
		c.enum("opinion", "strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")
	case "artifact":
		if c.has("payload_bin") && c.has("url") || c.has("url") && !c.has("hashes") {
			c.say(ruleOneOf, "url", "6.1", comity.A("names", "payload_bin, url + hashes"), comity.A("type", c.o.Type))
		}
	case "network-traffic":
		c.within("src_port", 0, 65535, "6.12")
		c.within("dst_port", 0, 65535, "6.12")
	case "file":
		c.within("size", 0, 1<<53-1, "6.7")
	case "autonomous-system":
		c.within("number", 0, 1<<32-1, "6.2")
	case "marking-definition":
		c.definition()
	}
}

// location: a region, a country, or latitude with longitude (section 4.10).
func (c *check) location() {
	lat, lon := c.has("latitude"), c.has("longitude")
	if !c.has("region", "country") && !(lat && lon) || lat != lon || c.has("precision") && !lat {
		c.say(ruleOneOf, "region", "4.10", comity.A("names", "region, country, latitude + longitude"), comity.A("type", c.o.Type))
	}
	c.within("latitude", -90, 90, "4.10")
	c.within("longitude", -180, 180, "4.10")
}

// within asks that a number lies in [lo,hi].
func (c *check) within(name string, lo, hi float64, section string) {
	i := c.t.get(0, name)
	if i == 0 || c.t.nodes[i].kind != kindNumber {
		return
	}
	if f, ok := c.number(i); !ok || f < lo || f > hi {
		c.say(ruleRange, name, section, comity.A("value", clip(c.t.raw(i), 40)),
			comity.A("low", plain(lo)), comity.A("high", plain(hi)))
	}
}

// enum asks for one of the values.
func (c *check) enum(name string, values ...string) {
	s := c.t.text0(0, name)
	for _, v := range values {
		if s == v {
			return
		}
	}
	if s != "" {
		c.say(ruleEnum, name, c.spec.section, comity.A("value", clip(s, 60)))
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

// languageTag checks the outer form of an RFC 5646 tag.
func languageTag(s string) bool {
	if len(s) > 100 {
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
