package stix_test

import (
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
	"github.com/google/go-cmp/cmp"
)

// valueWords renders values as "kind:text".
func valueWords(vs []comity.Value) string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Kind.String()+":"+v.Text)
	}
	return strings.Join(out, " ")
}

func TestValues(t *testing.T) {
	const sha = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	pattern := func(p string) string { return good + `,"pattern":"` + p + `"` }
	tests := []struct{ typ, with, want string }{
		{"ipv4-addr", `"value":"198.51.100.3/32"`, "ipv4:198.51.100.3"},
		{"ipv6-addr", `"value":"2001:0DB8::1"`, "ipv6:2001:db8::1"},
		{"domain-name", `"value":"Evil.EXAMPLE.com"`, "domain:evil.example.com"},
		{"url", `"value":"HTTP://Evil.example.com/A"`, "url:http://evil.example.com/A"},
		{"email-addr", `"value":"Bob@Example.COM"`, "email:Bob@example.com"},
		{"mac-addr", `"value":"AA-BB-CC-00-11-22"`, "mac:aa:bb:cc:00:11:22"},
		{"autonomous-system", `"number":64496`, "asn:64496"},
		{"file", `"name":"a.exe","hashes":{"SHA-256":"` + strings.ToUpper(sha) + `","SSDEEP":"3:a:b"}`, "path:a.exe hash:" + sha + " other:3:a:b"},
		{"malware", mal + `,"aliases":["X","Y  Z"]`, "name:x name:y z"},
		{"vulnerability", `"name":"cve-2021-44228","external_references":[{"source_name":"cve","external_id":"CVE-2021-44228"}]`, "cve:CVE-2021-44228"},
		{"attack-pattern", `"name":"Scripting","external_references":[{"source_name":"mitre-attack","external_id":"T1059.001"}]`, "name:scripting name:t1059.001"},
		{"indicator", good, "ipv4:198.51.100.3"},
		{"indicator", pattern(`[file:hashes.'SHA-256' = '` + sha + `' OR file:hashes.MD5='d41d8cd98f00b204e9800998ecf8427e']`), "hash:" + sha + " hash:d41d8cd98f00b204e9800998ecf8427e"},
		{"indicator", pattern(`[domain-name:value IN ('a.example.com', 'b.example.com')] FOLLOWEDBY [url:value LIKE 'http://c.example.com/']`), "domain:a.example.com domain:b.example.com url:http://c.example.com/"},
		{"indicator", pattern(`[domain-name:value != 'a.example.com' AND domain-name:value NOT IN ('b.example.com') AND url:value LIKE '%x%' AND url:value MATCHES '.*']`), ""},
		{"indicator", pattern(`[ipv4-addr:value NOT = '198.51.100.1' AND ipv4-addr:value ISSUBSET '198.51.100.0/24'] WITHIN 5 SECONDS`), "ipv4:198.51.100.0/24"},
		{"indicator", pattern(`[network-traffic:dst_ref.value = '2001:db8::1' AND network-traffic:dst_port = 443]`), "ipv6:2001:db8::1"},
		{"indicator", pattern(`[email-message:from_ref.value = 'a@example.com' AND autonomous-system:number = 64496]`), "email:a@example.com asn:64496"},
		{"indicator", pattern(`[file:name = 'it\\'s.exe'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'`), "path:it's.exe"},
		{"indicator", good + `,"pattern_type":"yara"`, ""},
		{"indicator", pattern(`[broken = '`), ""},
	}
	for _, tt := range tests {
		o, rep := stix.Parse(object(tt.typ, tt.with), stix.Options{})
		if got := valueWords(o.Values); got != tt.want || rep.Outcome == comity.Refused {
			t.Errorf("%s {%s}: %v\n got %s\nwant %s", tt.typ, tt.with, rep, got, tt.want)
		}
	}
}

func TestIndexFields(t *testing.T) {
	raw := object("report", `"name":"R","description":"line\u0000 one\nzwei","published":"2026-01-02T03:04:05Z","confidence":70,"lang":"en",
		"labels":["a","b"],"revoked":true,"created_by_ref":"identity--`+uuid+`","modified":"2026-02-03T04:05:06.1234567Z",
		"object_refs":["tool--`+uuid+`","tool--`+uuid+`","malware--`+uuid+`"],"x_seen_ref":"identity--`+uuid+`",
		"object_marking_refs":["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9","marking-definition--939A9414-2ddd-4d32-a0cd-375ea402b003"],
		"granular_markings":[{"marking_ref":"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","selectors":["description","labels.[0]"]},{"lang":"de","selectors":["description"]}]`)
	o, rep := stix.Parse(raw, stix.Options{})
	if rep.Outcome == comity.Refused {
		t.Fatal(rep)
	}
	want := comity.Object{
		ID: "report--" + uuid, Type: "report", SpecVersion: "2.1",
		Created:  time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC),
		Modified: time.Date(2026, 2, 3, 4, 5, 6, 123456700, time.UTC),
		Creator:  "identity--" + uuid, Revoked: true, Name: "R", Lang: "en", Confidence: 70, Labels: []string{"a", "b"},
		TLP:      comity.AmberStrict,
		Markings: []comity.ObjectID{"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "marking-definition--939A9414-2ddd-4d32-a0cd-375ea402b003"},
		Granular: []comity.Granular{
			{Ref: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", TLP: comity.Red, Selectors: []string{"description", "labels.[0]"}},
			{Lang: "de", Selectors: []string{"description"}},
		},
		Refs: []comity.Ref{{Kind: "object_refs", Target: "tool--" + uuid}, {Kind: "object_refs", Target: "malware--" + uuid}, {Kind: "x_seen_ref", Target: "identity--" + uuid}},
		Text: "R\nline one\nzwei\na\nb",
		Raw:  raw,
	}
	if d := cmp.Diff(want, o); d != "" {
		t.Error(d)
	}
}

func TestNoVersionsWhereTheTypeHasNone(t *testing.T) {
	o, _ := stix.Parse(object("ipv4-addr", `"value":"198.51.100.3"`), stix.Options{})
	if o.Versioned() {
		t.Error("an SCO is versioned")
	}
	o, _ = stix.Parse(object("tool", `"name":"x","modified":null`), stix.Options{Mode: comity.Lenient})
	if !o.Modified.Equal(o.Created) || !o.Versioned() {
		t.Errorf("lenient: modified %v", o.Modified)
	}
}

func TestMarkingResolver(t *testing.T) {
	own := comity.ObjectID("marking-definition--11111111-1111-4111-8111-111111111111")
	raw := object("tool", `"name":"x","object_marking_refs":["`+string(own)+`"]`)
	resolve := func(id comity.ObjectID) (comity.TLP, bool) { return comity.Red, id == own }
	if o, _ := stix.Parse(raw, stix.Options{Markings: resolve}); o.TLP != comity.Red {
		t.Errorf("TLP %v", o.TLP)
	}
	if o, _ := stix.Parse(raw, stix.Options{}); o.TLP != comity.Unmarked || len(o.Markings) != 1 {
		t.Errorf("TLP %v markings %v", o.TLP, o.Markings)
	}
}

// A label written out where an id belongs still binds in lenient mode.
func TestLabelAsMarking(t *testing.T) {
	o, rep := stix.Parse(object("tool", `"name":"x","object_marking_refs":["TLP:RED"]`), stix.Options{Mode: comity.Lenient})
	if o.TLP != comity.Red || rep.Outcome != comity.Warned {
		t.Errorf("TLP %v, %v", o.TLP, rep.Outcome)
	}
}

// Parse keeps its own copy unless it is told that it may keep the caller's.
func TestRawIsOwned(t *testing.T) {
	raw := object("tool", `"name":"x"`)
	want := string(raw)
	o, _ := stix.Parse(raw, stix.Options{})
	clear(raw)
	if string(o.Raw) != want || o.Name != "x" {
		t.Error("the object changed with the caller's bytes")
	}
}
