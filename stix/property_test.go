package stix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity-net/comity"
)

const someUUID = "c2b2cbf1-5a4c-4c0e-9a53-0d2b5ad4b6a7"

// sample writes a valid value of the property.
func sample(p *prop) string {
	one := sampleOne(p)
	if p.list {
		return "[" + one + "]"
	}
	return one
}

func sampleOne(p *prop) string {
	switch p.form {
	case formString:
		if p.vocab != nil {
			return `"` + slices.Sorted(keysOf(p.vocab.terms))[0] + `"`
		}
		return `"text"`
	case formBool:
		return "true"
	case formInt, formFloat:
		return fmt.Sprint(max(p.low, 1))
	case formTime:
		return `"2026-05-06T07:08:09.123Z"`
	case formRef:
		return `"` + sampleTarget(p.to) + "--" + someUUID + `"`
	case formHashes:
		return `{"MD5":"d41d8cd98f00b204e9800998ecf8427e"}`
	case formDict, formStrings, formScalars:
		return `{"en":"text"}`
	case formLists:
		return `{"X-A":["text"]}`
	case formInts:
		return `{"SO_A":1}`
	case formHex:
		return `"00ff"`
	case formBinary:
		return `"AA=="`
	case formLang:
		return `"sw"`
	case formExternal:
		return `{"source_name":"s","external_id":"e"}`
	case formKillChain:
		return `{"kill_chain_name":"k-c","phase_name":"impact"}`
	case formMarkings:
		return `["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"]`
	case formGranular:
		return `[{"lang":"en","selectors":["type"]}]`
	case formObject:
		if p.part != nil {
			return samplePart(p.part)
		}
		return `{"statement":"text"}`
	}
	return "null"
}

func samplePart(s *typeSpec) string {
	var out []string
	for _, name := range s.own {
		out = append(out, `"`+name+`":`+sample(s.props[name]))
	}
	return "{" + strings.Join(out, ",") + "}"
}

func sampleTarget(to *targets) string {
	if to == nil || to.classes[classSDO] {
		return "malware"
	}
	if to.classes[classSCO] {
		return "url"
	}
	return slices.Sorted(keysOf(to.types))[0]
}

func keysOf(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// fixed are values that the tables alone do not give.
var fixed = map[string]string{
	"relationship.relationship_type": `"related-to"`,
	"indicator.pattern":              `"[url:value = 'http://example.com/']"`, "indicator.pattern_type": `"stix"`,
	"indicator.valid_until": `"2027-01-01T00:00:00Z"`, "relationship.stop_time": `"2027-01-01T00:00:00Z"`,
	"location.country": `"KE"`, "mac-addr.value": `"00:00:5e:00:53:0a"`, "ipv4-addr.value": `"198.51.100.3"`,
	"ipv6-addr.value": `"2001:db8::1"`, "domain-name.value": `"example.com"`, "url.value": `"http://example.com/"`,
	"email-addr.value": `"a@example.com"`, "software.cpe": `"cpe:2.3:a:a:b:1:*:*:*:*:*:*:*"`,
	"extension-definition.extension_types": `["toplevel-property-extension"]`, "extension-definition.extension_properties": `["rank"]`,
	"language-content.contents":          `{"en":{"name":"text"}}`,
	"marking-definition.definition_type": `"statement"`, "windows-registry-key.key": `"HKEY_LOCAL_MACHINE\\a"`,
	"observed-data.object_refs": `["url--` + someUUID + `"]`,
}

// apart are properties that exclude others, so they get an object of their own.
var apart = map[string]bool{
	"artifact.payload_bin": true, "email-message.body": true, "observed-data.objects": true,
	"network-traffic.is_active": true, "course-of-action.action": true, "file.extensions": true,
}

// Every property of every type, with a valid value, is taken in strict mode
// without a word, and the object comes back as it was. So is every predefined
// extension with all its properties.
func TestEveryProperty(t *testing.T) {
	for typ, s := range types {
		raw := `{"type":"` + typ + `","spec_version":"2.1","id":"` + typ + "--" + someUUID + `"`
		for name, p := range s.props {
			if name == "type" || name == "spec_version" || name == "id" || p.never || p.form == formExtensions || apart[typ+"."+name] {
				continue
			}
			v := fixed[typ+"."+name]
			if v == "" {
				v = sample(p)
			}
			raw += `,"` + name + `":` + v
		}
		var exts []string
		for name, host := range extensionHost {
			if host == typ {
				exts = append(exts, `"`+name+`":`+samplePart(parts[name]))
			}
		}
		if len(exts) > 0 {
			raw += `,"extensions":{` + strings.Join(exts, ",") + `}`
		}
		raw += "}"
		o, rep := Parse([]byte(raw), Options{Mode: comity.Strict})
		if rep.Outcome != comity.Accepted || string(o.Raw) != raw {
			t.Errorf("%s: %+v", raw, rep.Findings)
		}
	}
}

// Every property with a value of the wrong kind is found at its path.
func TestEveryWrongKind(t *testing.T) {
	for typ, s := range types {
		for _, name := range s.own {
			wrong := "7"
			if f := s.props[name].form; f == formInt || f == formFloat {
				wrong = `"7"`
			}
			if s.props[name].form == formAny {
				continue
			}
			raw := `{"type":"` + typ + `","spec_version":"2.1","id":"` + typ + "--" + someUUID + `","` + name + `":` + wrong + `}`
			_, rep := Parse([]byte(raw), Options{Mode: comity.Strict})
			if !slices.ContainsFunc(rep.Findings, func(f comity.Finding) bool { return strings.HasPrefix(f.Path, name) && f.Refuses }) {
				t.Errorf("%s: %+v", raw, rep.Findings)
			}
		}
	}
}
