package stix_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

const uuid = "f88d31f6-486f-44da-b317-01333bde0b82"

// object makes an object of the type with valid common properties; with adds
// or replaces properties, and removes those that are null.
func object(typ, with string) []byte {
	o := map[string]any{"type": typ, "spec_version": "2.1", "id": typ + "--" + uuid,
		"created": "2026-01-02T03:04:05.678Z", "modified": "2026-01-02T03:04:05.678Z"}
	if !stix.Versioned(typ) {
		delete(o, "modified")
		if typ != "marking-definition" {
			delete(o, "created")
		}
	}
	var add map[string]json.RawMessage
	if err := json.Unmarshal([]byte("{"+with+"}"), &add); err != nil {
		panic(err)
	}
	for k, v := range add {
		if string(v) == "null" {
			delete(o, k)
			continue
		}
		o[k] = v
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

const (
	mal  = `"name":"x","is_family":false`
	good = `"pattern":"[ipv4-addr:value = '198.51.100.3']","pattern_type":"stix","valid_from":"2026-01-02T03:04:05Z"`
	rel  = `"relationship_type":"uses","source_ref":"malware--` + uuid + `","target_ref":"tool--` + uuid + `"`
)

// verdicts are cases: a, w, r for accepted, warned, refused in strict,
// standard and lenient mode, then the rule and path of the first finding.
var verdicts = []struct{ typ, with, want, rule, path string }{
	{"malware", mal, "aaa", "", ""},
	{"malware", `"name":"x"`, "www", "is-family", "is_family"},
	{"malware", `"is_family":true`, "rww", "required", "name"},
	{"malware", mal + `,"modified":null`, "rrw", "required", "modified"},
	{"malware", mal + `,"created":"yesterday"`, "rrw", "timestamp", "created"},
	{"malware", mal + `,"created":"2026-01-02T03:04:05+01:00"`, "rww", "timestamp-zone", "created"},
	{"malware", mal + `,"created":"2026-02-30T03:04:05Z"`, "rrw", "timestamp", "created"},
	{"malware", mal + `,"created":"2027-01-02T03:04:05Z"`, "rww", "order", "modified"},
	{"malware", mal + `,"first_seen":"bad"`, "rww", "timestamp", "first_seen"},
	{"malware", mal + `,"name":7`, "rww", "value-type", "name"},
	{"tool", `"name":7`, "rrw", "value-type", "name"},
	{"malware", mal + `,"spec_version":null`, "rww", "spec-version", "spec_version"},
	{"malware", mal + `,"spec_version":"2.0"`, "rww", "spec-version", "spec_version"},
	{"malware", mal + `,"spec_version":"3.0"`, "rrw", "spec-version", "spec_version"},
	{"malware", mal + `,"id":"tool--` + uuid + `"`, "rrr", "id-type", "id"},
	{"malware", mal + `,"id":"malware--1"`, "rrw", "id-format", "id"},
	{"malware", mal + `,"id":"malware--F88D31F6-486f-44da-b317-01333bde0b82"`, "www", "id-case", "id"},
	{"malware", mal + `,"id":null`, "rrr", "id", "id"},
	{"malware", mal + `,"type":null`, "rrr", "type", "type"},
	{"bundle", `"objects":[]`, "rrr", "bundle", "type"},
	{"malware", mal + `,"confidence":101`, "rww", "range", "confidence"},
	{"malware", mal + `,"confidence":"high"`, "rww", "value-type", "confidence"},
	{"malware", mal + `,"lang":"not a tag"`, "rww", "lang", "lang"},
	{"malware", mal + `,"lang":"zh-Hans"`, "aaa", "", ""},
	{"malware", mal + `,"labels":[]`, "rww", "list", "labels"},
	{"malware", mal + `,"labels":"a"`, "rww", "value-type", "labels"},
	{"malware", mal + `,"labels":[1]`, "rww", "value-type", "labels[0]"},
	{"malware", mal + `,"x_custom":1`, "waa", "custom-property", "x_custom"},
	{"malware", mal + `,"Bad-Name":1`, "rww", "name-form", "Bad-Name"},
	{"malware", mal + `,"confidence":1e400`, "rrr", "integer", "confidence"},
	{"malware", mal + `,"confidence":9007199254740993`, "rrw", "integer", "confidence"},
	{"malware", mal + `,"x_n":9007199254740993`, "rww", "custom-property", "x_n"},
	{"malware", mal + `,"created_by_ref":"malware--` + uuid + `"`, "rww", "ref-type", "created_by_ref"},
	{"malware", mal + `,"external_references":[{"source_name":"a"}]`, "rww", "external-reference", "external_references[0]"},
	{"malware", mal + `,"external_references":[{"url":"a"}]`, "rww", "required", "external_references[0].source_name"},
	{"malware", mal + `,"kill_chain_phases":[{"kill_chain_name":"a"}]`, "rww", "required", "kill_chain_phases[0].phase_name"},
	{"malware", mal + `,"extensions":{"bad":{"a":1}}`, "rww", "extension", "extensions.bad"},
	{"malware", mal + `,"extensions":{"extension-definition--` + uuid + `":{"extension_type":"toplevel-property-extension"}},"rank":5`, "aaa", "", ""},
	{"malware", mal + `,"extensions":{"extension-definition--` + uuid + `":{"extension_type":"odd"}}`, "rww", "enum", "extensions.extension-definition--" + uuid + ".extension_type"},
	{"malware", mal + `,"object_marking_refs":["marking-definition--` + uuid + `"]`, "aaa", "", ""},
	{"malware", mal + `,"object_marking_refs":["TLP:RED"]`, "rrw", "marking-ref", "object_marking_refs[0]"},
	{"malware", mal + `,"object_marking_refs":"marking-definition--` + uuid + `"`, "rrr", "marking", "object_marking_refs"},
	{"malware", mal + `,"object_marking_refs":[{}]`, "rrr", "marking", "object_marking_refs[0]"},
	{"malware", mal + `,"granular_markings":[{"marking_ref":"marking-definition--` + uuid + `","selectors":["name"]}]`, "aaa", "", ""},
	{"malware", mal + `,"granular_markings":[{"marking_ref":"marking-definition--` + uuid + `","selectors":["nope"]}]`, "rrw", "selector", "granular_markings[0].selectors[0]"},
	{"malware", mal + `,"labels":["a"],"granular_markings":[{"lang":"en","selectors":["labels.[0]"]}]`, "aaa", "", ""},
	{"malware", mal + `,"labels":["a"],"granular_markings":[{"lang":"en","selectors":["labels.[1]"]}]`, "rrw", "selector", "granular_markings[0].selectors[0]"},
	{"malware", mal + `,"granular_markings":[{"selectors":["name"]}]`, "rrr", "granular", "granular_markings[0]"},
	{"malware", mal + `,"granular_markings":[{"lang":"en","marking_ref":"marking-definition--` + uuid + `","selectors":["name"]}]`, "rrw", "granular-either", "granular_markings[0]"},
	{"malware", mal + `,"granular_markings":{}`, "rrr", "granular", "granular_markings"},
	{"indicator", good, "aaa", "", ""},
	{"indicator", `"pattern_type":"stix","valid_from":"2026-01-02T03:04:05Z"`, "rrw", "required", "pattern"},
	{"indicator", good + `,"valid_until":"2026-01-02T03:04:05Z"`, "rww", "order", "valid_until"},
	{"indicator", good + `,"valid_until":"never"`, "rrw", "timestamp", "valid_until"},
	{"relationship", rel, "aaa", "", ""},
	{"relationship", rel + `,"target_ref":"x"`, "rrw", "ref-format", "target_ref"},
	{"relationship", rel + `,"target_ref":null`, "rrw", "required", "target_ref"},
	{"report", `"name":"r","published":"2026-01-02T03:04:05Z"`, "rww", "required", "object_refs"},
	{"report", `"name":"r","published":"2026-01-02T03:04:05Z","object_refs":["x"]`, "rww", "ref-format", "object_refs[0]"},
	{"location", `"country":"KE"`, "aaa", "", ""},
	{"location", `"country":"Kenya"`, "www", "country", "country"},
	{"location", `"latitude":1.5`, "rww", "one-of", "region"},
	{"location", `"latitude":91,"longitude":0`, "rww", "range", "latitude"},
	{"opinion", `"opinion":"maybe","object_refs":["malware--` + uuid + `"]`, "rww", "enum", "opinion"},
	{"sighting", `"sighting_of_ref":"malware--` + uuid + `","count":-1`, "rww", "range", "count"},
	{"observed-data", `"first_observed":"2026-01-02T03:04:05Z","last_observed":"2026-01-02T03:04:05Z","number_observed":1`, "rww", "one-of", "object_refs"},
	{"x-thing", `"name":"x"`, "waa", "custom-object", "type"},
	{"x-thing", `"name":"x","extensions":{"extension-definition--` + uuid + `":{"extension_type":"new-sdo"}}`, "aaa", "", ""},
	{"x-thing", `"created":null,"modified":null,"extensions":{"extension-definition--` + uuid + `":{"extension_type":"new-sco"}}`, "aaa", "", ""},
	{"ipv4-addr", `"created":null,"modified":null,"spec_version":null,"value":"198.51.100.3"`, "aaa", "", ""},
	{"ipv4-addr", `"value":"300.1.1.1"`, "rww", "value", "value"},
	{"ipv4-addr", `"created":null`, "rrw", "required", "value"},
	{"file", `"size":1`, "rww", "one-of", "hashes"},
	{"file", `"hashes":{"MD5":"abc"}`, "rww", "hashes", "hashes.MD5"},
	{"file", `"name":"a","size":1.5`, "rww", "value-type", "size"},
	{"file", `"name":"a","magic_number_hex":"abc"`, "rww", "hex", "magic_number_hex"},
	{"artifact", `"payload_bin":"%%"`, "rww", "binary", "payload_bin"},
	{"process", `"created":null`, "rww", "one-of", "is_hidden"},
	{"network-traffic", `"protocols":["tcp"]`, "rww", "one-of", "src_ref"},
	{"process", `"pid":1,"environment_variables":{"a b":"c"}`, "rww", "dictionary", "environment_variables.a b"},
	{"marking-definition", `"id":"marking-definition--11111111-1111-4111-8111-111111111111","definition_type":"statement","definition":{"statement":"x"}`, "aaa", "", ""},
	{"marking-definition", `"modified":null,"definition_type":"tlp","definition":{"tlp":"red"}`, "rrw", "tlp-fixed", "id"},
	{"marking-definition", `"modified":null,"id":"marking-definition--11111111-1111-4111-8111-111111111111","definition_type":"tlp","definition":{"tlp":"red"}`, "rww", "tlp-other", "id"},
	{"extension-definition", `"name":"x","schema":"s","version":"1.0.0","extension_types":["new-sdo"]`, "rww", "required", "created_by_ref"},
	{"language-content", `"object_ref":"malware--` + uuid + `","contents":{"fr":{"name":"y"}}`, "aaa", "", ""},
	{"language-content", `"object_ref":"malware--` + uuid + `"`, "rrw", "required", "contents"},
	{"language-content", `"object_ref":"malware--` + uuid + `","contents":{"f r":{"name":"y"}}`, "rww", "dictionary", "contents.f r"},
	{"language-content", `"object_ref":"malware--` + uuid + `","contents":{"fr":"y"}`, "rww", "value-type", "contents.fr"},
	{"language-content", `"lang":"fr","object_ref":"malware--` + uuid + `","contents":{"fr":{"name":"y"}}`, "www", "not-applicable", "lang"},
}

func TestVerdicts(t *testing.T) {
	for _, tt := range slices.Concat(verdicts, valueVerdicts) {
		raw := object(tt.typ, tt.with)
		got := ""
		for _, mode := range []comity.Mode{comity.Strict, comity.Standard, comity.Lenient} {
			_, rep := stix.Parse(raw, stix.Options{Mode: mode})
			got += rep.Outcome.String()[:1]
			if mode != comity.Strict {
				continue
			}
			if len(rep.Findings) == 0 {
				if tt.rule != "" {
					t.Errorf("%s {%s}: nothing found, want %s", tt.typ, tt.with, tt.rule)
				}
			} else if f := rep.Findings[0]; f.Rule != tt.rule || f.Path != tt.path || f.Section == "" {
				t.Errorf("%s {%s}: found %+v, want %s at %s", tt.typ, tt.with, rep.Findings, tt.rule, tt.path)
			}
		}
		if got != tt.want {
			t.Errorf("%s {%s}: verdicts %s, want %s", tt.typ, tt.with, got, tt.want)
		}
	}
}

// A stricter mode never accepts what a laxer one refuses.
func TestModesAreOrdered(t *testing.T) {
	for _, tt := range verdicts {
		raw := object(tt.typ, tt.with)
		var last comity.Outcome
		for _, mode := range []comity.Mode{comity.Lenient, comity.Standard, comity.Strict} {
			_, rep := stix.Parse(raw, stix.Options{Mode: mode})
			if rep.Outcome < last {
				t.Errorf("%s {%s}: %v in mode %d after %v in a laxer one", tt.typ, tt.with, rep.Outcome, mode, last)
			}
			last = rep.Outcome
		}
	}
}

func TestHostileJSON(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	tests := []struct{ raw, rule, path string }{
		{``, "syntax", ""},
		{`{`, "syntax", ""},
		{`nul`, "syntax", ""},
		{`[]`, "object", ""},
		{`"x"`, "object", ""},
		{`{} {}`, "syntax", ""},
		{`{"type":"a","x":[{"b":1,"b":2}]}`, "duplicate", "x[0].b"},
		{`{"a":1,"\u0061":2}`, "duplicate", "a"},
		{"{\"a\":\"\xff\"}", "utf8", "a"},
		{`{"a":"\ud800"}`, "syntax", "a"},
		{`{"x":` + deep + `}`, "depth", strings.Repeat(".a", 63)},
		{`{"a":01}`, "syntax", ""},
		{`{"a":1,}`, "syntax", ""},
		{`{"a":"` + "\n" + `"}`, "syntax", "a"},
	}
	for _, tt := range tests {
		for _, mode := range []comity.Mode{comity.Strict, comity.Standard, comity.Lenient} {
			o, rep := stix.Parse([]byte(tt.raw), stix.Options{Mode: mode})
			if rep.Outcome != comity.Refused || len(rep.Findings) != 1 || rep.Findings[0].Rule != tt.rule {
				t.Errorf("%.60q: %v %v", tt.raw, rep.Outcome, rep.Findings)
				continue
			}
			if p := rep.Findings[0].Path; p != tt.path && !strings.HasSuffix(p, tt.path) {
				t.Errorf("%.60q: path %q, want %q", tt.raw, p, tt.path)
			}
			if string(o.Raw) != tt.raw {
				t.Errorf("%.60q: raw changed", tt.raw)
			}
		}
	}
	_, rep := stix.Parse([]byte(`{"type":"x-a"}`), stix.Options{MaxBytes: 5})
	if rep.Outcome != comity.Refused || rep.Findings[0].Rule != "size" {
		t.Errorf("too large: %v", rep)
	}
}

// However many findings there are, the one that refuses is kept.
func TestFindingsAreBounded(t *testing.T) {
	labels := strings.Repeat("1,", 500) + "1"
	raw := object("malware", mal+`,"labels":[`+labels+`],"object_marking_refs":[7]`)
	_, rep := stix.Parse(raw, stix.Options{})
	refuses := 0
	for _, f := range rep.Findings {
		if f.Refuses {
			refuses++
		}
	}
	if len(rep.Findings) > 64 || rep.Outcome != comity.Refused || refuses == 0 {
		t.Errorf("%d findings, %v, %d refuse", len(rep.Findings), rep.Outcome, refuses)
	}
}

// Objects that are wide, full of faults or full of selectors are judged in time
// that grows with their size only: quadratic work would never end here.
func TestWideObjects(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s+",", 100_000) + s }
	for name, with := range map[string]string{
		"wrong labels":  `"labels":[` + many("1") + `]`,
		"odd hashes":    `"external_references":[` + many("{}") + `]`,
		"big numbers":   `"x_n":[` + many("12345678901234567890") + `]`,
		"selectors":     `"labels":[` + many(`"a"`) + `],"granular_markings":[{"lang":"en","selectors":[` + many(`"labels.[99999]"`) + `]}]`,
		"markings":      `"object_marking_refs":[` + many("7") + `]`,
		"references":    `"x_refs":[` + many(`"tool--`+uuid+`"`) + `]`,
		"deep brackets": `"x_d":[` + many("[[[]]]") + `]`,
	} {
		for _, mode := range []comity.Mode{comity.Strict, comity.Standard, comity.Lenient} {
			_, rep := stix.Parse(object("malware", mal+","+with), stix.Options{Mode: mode})
			if len(rep.Findings) > 64 || rep.Outcome == comity.Accepted && name != "references" && name != "deep brackets" {
				t.Errorf("%s: %v with %d findings", name, rep.Outcome, len(rep.Findings))
			}
		}
	}
}

// Every message key used in the package stands in its file, and the reverse.
func TestKeys(t *testing.T) {
	b, err := os.ReadFile("../i18n/keys/stix.en.json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	used := map[string]any{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`"(?:msg:)?(stix\.[a-z0-9_.]+)"`)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") || !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		src, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllStringSubmatch(string(src), -1) {
			used[m[1]] = true
		}
	}
	for k := range maps.Keys(used) {
		if file[k] == nil {
			t.Errorf("key %s is used but has no text", k)
		}
	}
	for k := range maps.Keys(file) {
		if used[k] == nil {
			t.Errorf("key %s is never used", k)
		}
	}
}
