package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// required asks for the properties that the text requires.
func (c *check) required() {
	cl := c.newClass()
	if c.spec != nil {
		cl = c.spec.class
	}
	versioned := cl != classSCO && c.o.Type != "marking-definition"
	if c.spec == nil && cl == classCustom && c.t.get(0, "created") == 0 && c.t.get(0, "modified") == 0 {
		versioned = false // an observable of one's own has no versions
	}
	if versioned {
		c.want("created", ruleRequired, "3.2")
		c.want("modified", ruleRequired, "3.2")
	} else if c.o.Type == "marking-definition" {
		c.want("created", ruleRequired, "3.2")
	}
	if c.spec == nil {
		return
	}
	for _, name := range c.spec.hard {
		c.want(name, ruleRequired, c.spec.section)
	}
	for _, name := range c.spec.soft {
		if c.v20 && name == "pattern_type" {
			continue // STIX 2.0 has none
		}
		c.want(name, ruleRequiredS, c.spec.section)
	}
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
