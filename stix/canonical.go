package stix

import (
	"strings"

	"github.com/comity-net/comity"
	"github.com/gowebpki/jcs"
)

// scoNamespace is the namespace of deterministic SCO ids (section 2.9).
const scoNamespace = "00abedb4-aa42-466c-9c01-fed23315a9b7"

// contributing names the properties from which each SCO's id is made. process
// has none: its ids are random.
var contributing = map[string][]string{
	"artifact":             {"hashes", "payload_bin"},
	"autonomous-system":    {"number"},
	"directory":            {"path"},
	"domain-name":          {"value"},
	"email-addr":           {"value"},
	"email-message":        {"from_ref", "subject", "body"},
	"file":                 {"hashes", "name", "extensions", "parent_directory_ref"},
	"ipv4-addr":            {"value"},
	"ipv6-addr":            {"value"},
	"mac-addr":             {"value"},
	"mutex":                {"name"},
	"network-traffic":      {"start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"},
	"software":             {"name", "cpe", "swid", "vendor", "version"},
	"url":                  {"value"},
	"user-account":         {"account_type", "user_id", "account_login"},
	"windows-registry-key": {"key", "values"},
	"x509-certificate":     {"hashes", "serial_number"},
}

// CanonicalID returns the deterministic id that STIX 2.1 section 2.9 gives the
// SCO in raw: a UUIDv5 over the canonical JSON of its contributing properties.
// ok is false for other types, for text that is no JSON object, and where no
// contributing property stands (such an SCO has a random id).
func CanonicalID(raw []byte) (id comity.ObjectID, ok bool) {
	t, bad := buildTree(raw, string(raw), defaultDepth)
	if bad != nil || t.nodes[0].kind != kindObject {
		return "", false
	}
	id = t.canonicalID(t.text0(0, "type"))
	return id, id != ""
}

// canonical fills Object.Canonical and reports an id that claims to be
// deterministic (version 5) and differs, or is not random (version 4) where
// nothing stands from which it could be made.
func (c *check) canonical() {
	if contributing[c.o.Type] == nil && c.o.Type != "process" {
		return
	}
	c.o.Canonical = c.t.canonicalID(c.o.Type)
	id := string(c.o.ID)
	if idForm(id) != idGood {
		return
	}
	switch version := id[len(id)-22]; {
	case c.o.Canonical == "" && version != '4':
		c.say(ruleSCORandom, "id", "", comity.A("id", id))
	case c.o.Canonical != "" && c.o.Canonical != c.o.ID && version == '5':
		c.say(ruleSCOID, "id", "", comity.A("id", id), comity.A("want", c.o.Canonical))
	}
}

func (t *tree) canonicalID(typ string) comity.ObjectID {
	names := contributing[typ]
	var b strings.Builder
	b.WriteByte('{')
	plain := true // the text is canonical as it stands
	n := 0
	for _, name := range names {
		i := t.get(0, name)
		if i == 0 || t.nodes[i].kind == kindNull {
			continue
		}
		if n++; n > 1 {
			b.WriteByte(',')
			plain = false
		}
		b.WriteString(`"` + name + `":`)
		plain = plain && t.nodes[i].kind == kindString && !t.nodes[i].escaped
		if name == "hashes" && t.nodes[i].kind == kindObject {
			h := t.chosenHash(i)
			if h == 0 {
				return ""
			}
			b.WriteString(`{"` + t.text[t.nodes[h].nameStart:t.nodes[h].nameEnd] + `":` + t.raw(h) + `}`)
			continue
		}
		b.WriteString(t.raw(i))
	}
	if n == 0 {
		return ""
	}
	b.WriteByte('}')
	text := b.String()
	if !plain {
		canon, err := jcs.Transform([]byte(text))
		if err != nil {
			return ""
		}
		text = string(canon)
	}
	return comity.ObjectID(typ + "--" + uuid5(scoNamespace, text))
}

// chosenHash picks the hash that contributes: MD5, SHA-1, SHA-256, SHA-512,
// else the first that stands.
func (t *tree) chosenHash(i int32) int32 {
	for _, alg := range [...]string{"MD5", "SHA-1", "SHA-256", "SHA-512"} {
		if h := t.get(i, alg); h != 0 {
			return h
		}
	}
	return t.first(i)
}
