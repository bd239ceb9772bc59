package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// upgradeNamespace is the namespace of observables to which the rule of the
// standard gives no id. It asks for a UUID of version 4 then; these are made
// from owner and key, so that the same upgrade gives the same ids.
const upgradeNamespace = "5d2a7f4e-93b0-5c1b-8f66-0b1c7e0d94a2"

// renamed gives, per type, the STIX 2.1 name of properties that STIX 2.0
// called otherwise.
var renamed = map[string]map[string]string{
	"directory":            {"created": "ctime", "modified": "mtime", "accessed": "atime"},
	"file":                 {"created": "ctime", "modified": "mtime", "accessed": "atime"},
	"process":              {"created": "created_time", "binary_ref": "image_ref"},
	"user-account":         {"password_last_changed": "credential_last_changed"},
	"windows-registry-key": {"modified": "modified_time"},
}

// dropped names, per type or extension, the properties that STIX 2.1 has none
// for. They are kept as x_ and the name.
var dropped = map[string]map[string]bool{
	"file":             {"is_encrypted": true, "encryption_algorithm": true, "decryption_key": true},
	"process":          {"name": true, "arguments": true},
	"archive-ext":      {"version": true},
	"raster-image-ext": {"image_compression_algorithm": true},
	"socket-ext":       {"protocol_family": true},
}

// observables are the contents of one observed-data object of STIX 2.0.
type observables struct {
	u     *upgrade
	t     *tree
	owner string            // the id of the observed data
	keys  map[string]int32  // nodes by key
	ids   map[string]string // ids by key, as far as known; "" while it is being found
	quiet bool              // changes are told in the last pass only
	at    string            // the path of the observable being written
	out   [][]byte
}

// run finds all ids, then writes the observables of container i. It returns
// their ids as JSON, each once.
func (o *observables) run(i int32) []string {
	t := o.t
	o.quiet = true
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		o.id(t.name(m), 0)
	}
	here := map[string]string{}
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		o.settle(t.name(m), m, here)
	}
	o.quiet = false
	var refs []string
	seen := map[string]bool{}
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		id := o.ids[t.name(m)]
		if seen[id] {
			continue
		}
		seen[id] = true
		refs = append(refs, quoteJSON(id))
		o.at = "objects." + clip(t.name(m), 100)
		text := o.write(m, t.text0(m, "type"), id, false, 0)
		if _, ok := o.u.made[id]; !ok {
			o.u.made[id] = text
			o.out = append(o.out, []byte(text))
		}
	}
	return refs
}

// settle gives the observable an id of its own where another has its id but
// says something else, so that nothing is lost.
func (o *observables) settle(key string, m int32, here map[string]string) {
	id, typ := o.ids[key], o.t.text0(m, "type")
	text := o.write(m, typ, id, false, 0)
	for _, known := range []map[string]string{o.u.made, here} {
		if had, ok := known[id]; ok && had != text {
			o.ids[key] = typ + "--" + hashedUUID(upgradeNamespace, o.owner+"\x00"+key, 4)
			return
		}
	}
	here[id] = text
}

// maxNesting bounds how far ids are followed through references.
const maxNesting = 64

// id returns the id of the observable under key. It hangs on those of the
// observables that its contributing properties refer to, so it is found first
// with only those properties.
func (o *observables) id(key string, depth int) string {
	if id, ok := o.ids[key]; ok && id != "" {
		return id
	}
	m := o.keys[key]
	typ := o.t.text0(m, "type")
	_, circle := o.ids[key]
	own := typ + "--" + hashedUUID(upgradeNamespace, o.owner+"\x00"+key, 4)
	if circle || depth > maxNesting || contributing[typ] == nil {
		o.ids[key] = own
		return own
	}
	o.ids[key] = ""
	text := o.write(m, typ, "", true, depth+1)
	if o.ids[key] != "" {
		return o.ids[key] // a circle of references led back here
	}
	id, ok := CanonicalID([]byte(text))
	if !ok {
		id = comity.ObjectID(own)
	}
	o.ids[key] = string(id)
	return string(id)
}

// write writes the observable m under the names of STIX 2.1, with id; with
// part it writes only the properties from which the id is made.
func (o *observables) write(m int32, typ, id string, part bool, depth int) string {
	t := o.t
	var b strings.Builder
	b.WriteString(`{"type":` + quoteJSON(typ))
	if !part {
		b.WriteString(`,"spec_version":"2.1","id":` + quoteJSON(id))
	}
	for p := t.first(m); p != 0; p = t.nodes[p].next {
		name := t.name(p)
		if name == "type" || name == "spec_version" || name == "id" {
			continue
		}
		to := o.rename(typ, name, "")
		if part && !contributes(typ, to) {
			continue
		}
		b.WriteString("," + quoteJSON(to) + ":")
		o.value(&b, typ, name, p, depth)
	}
	b.WriteByte('}')
	return b.String()
}

func contributes(typ, name string) bool {
	for _, n := range contributing[typ] {
		if n == name {
			return true
		}
	}
	return false
}

// rename returns the name that a property has in STIX 2.1, and tells of it;
// below is where in the observable it stands.
func (o *observables) rename(typ, name, below string) string {
	to := renamed[typ][name]
	if to == "" && dropped[typ][name] {
		to = "x_" + name
	}
	if to == "" {
		return name
	}
	if !o.quiet {
		o.u.tell(o.at+below+"."+name, "6", "stix.upgrade_renamed", comity.A("name", to))
	}
	return to
}

// value writes the value p of the property name inside an observable or an
// extension (typ), with references by id.
func (o *observables) value(b *strings.Builder, typ, name string, p int32, depth int) {
	t := o.t
	switch kind := t.nodes[p].kind; {
	case kind == kindString && strings.HasSuffix(name, "_ref"):
		o.reference(b, p, depth)
	case kind == kindArray:
		b.WriteByte('[')
		for e := t.first(p); e != 0; e = t.nodes[e].next {
			if e != t.first(p) {
				b.WriteByte(',')
			}
			if strings.HasSuffix(name, "_refs") && t.nodes[e].kind == kindString {
				o.reference(b, e, depth)
			} else {
				o.value(b, typ, "", e, depth)
			}
		}
		b.WriteByte(']')
	case kind == kindObject:
		o.members(b, name, p, depth)
	default:
		b.WriteString(t.raw(p))
	}
}

// members writes an object inside an observable: hashes, extensions, header
// fields and what stands in them.
func (o *observables) members(b *strings.Builder, name string, p int32, depth int) {
	t := o.t
	b.WriteByte('{')
	for e := t.first(p); e != 0; e = t.nodes[e].next {
		if e != t.first(p) {
			b.WriteByte(',')
		}
		inner := t.name(e)
		to := o.rename(name, inner, ".extensions."+name)
		if strings.HasSuffix(name, "hashes") && inner == "ssdeep" && t.get(p, "SSDEEP") == 0 {
			to = "SSDEEP"
		}
		b.WriteString(quoteJSON(to) + ":")
		list := name == "additional_header_fields" || name == "request_header"
		if list && t.nodes[e].kind == kindString {
			b.WriteString("[" + t.raw(e) + "]")
			continue
		}
		o.value(b, name, inner, e, depth)
	}
	b.WriteByte('}')
}

// reference writes the id of the observable that a key names. A key that names
// none is kept, for validation to find.
func (o *observables) reference(b *strings.Builder, p int32, depth int) {
	key, _ := o.t.str(p)
	if _, ok := o.keys[key]; !ok {
		b.WriteString(o.t.raw(p))
		return
	}
	b.WriteString(quoteJSON(o.id(key, depth)))
}
