package stix_test

import (
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

func parsed(t *testing.T, typ, with string) comity.Object {
	t.Helper()
	o, rep := stix.Parse(object(typ, with), stix.Options{Mode: comity.Lenient})
	if rep.Outcome == comity.Refused {
		t.Fatalf("%s {%s}: %v", typ, with, rep.Findings)
	}
	return o
}

func TestCheckVersion(t *testing.T) {
	const by, at = `,"created_by_ref":"identity--` + uuid + `"`, `,"modified":"2026-02-02T03:04:05.678Z"`
	first := parsed(t, "tool", `"name":"x"`+by)
	tests := []struct {
		name, with, rule string
		refuses          bool
	}{
		{"the same again", `"name":"x"` + by, "", false},
		{"a later version", `"name":"y"` + by + at, "", false},
		{"the same time, other content", `"name":"y"` + by, "version-conflict", true},
		{"another creator", `"name":"y","created_by_ref":"identity--11111111-1111-4111-8111-111111111111"` + at, "version-creator", true},
		{"no creator", `"name":"y"` + at, "version-creator", true},
		{"created moved", `"name":"y","created":"2026-01-01T00:00:00.000Z"` + by + at, "version-created", false},
		{"another object", `"name":"y","id":"tool--11111111-1111-4111-8111-111111111111"`, "", false},
	}
	for _, tt := range tests {
		next := parsed(t, "tool", tt.with)
		got := stix.CheckVersion([]comity.Object{first}, &next)
		switch {
		case tt.rule == "" && len(got) > 0:
			t.Errorf("%s: %v", tt.name, got)
		case tt.rule != "" && (len(got) != 1 || got[0].Rule != tt.rule || got[0].Refuses != tt.refuses || got[0].Section != "3.6"):
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.rule)
		}
	}
	// Equal by instant and by meaning, though written otherwise.
	same := first
	same.Raw = append([]byte(" "), first.Raw...)
	if got := stix.CheckVersion([]comity.Object{first}, &same); len(got) != 0 {
		t.Errorf("white space made a conflict: %v", got)
	}
	revoked := parsed(t, "tool", `"name":"x","revoked":true`+by)
	later := parsed(t, "tool", `"name":"x"`+by+at)
	if got := stix.CheckVersion([]comity.Object{revoked}, &later); len(got) != 1 || got[0].Rule != "version-revoked" {
		t.Errorf("after a revocation: %v", got)
	}
	if got := stix.CheckVersion([]comity.Object{later}, &revoked); len(got) != 0 {
		t.Errorf("an earlier version that came late: %v", got)
	}
}

func TestCheckTranslation(t *testing.T) {
	target := object("threat-actor", `"name":"x","goals":["a","b"],"confidence":5,"external_references":[{"source_name":"s","description":"d"}]`)
	tests := []struct{ contents, rule, path string }{
		{`"fr":{"name":"y"}`, "", ""},
		{`"fr":{"goals":["c",""],"external_references":[{"description":"e"}]}`, "", ""},
		{`"fr":{"goals":["c"]}`, "translation", "contents.fr.goals"},
		{`"fr":{"goals":"c"}`, "translation", "contents.fr.goals"},
		{`"fr":{"motto":"c"}`, "translation", "contents.fr.motto"},
		{`"fr":{"confidence":"c"}`, "", ""},
		{`"fr":{"external_references":[{"url":"u"}]}`, "translation", "contents.fr.external_references[0].url"},
	}
	for _, tt := range tests {
		content := object("language-content", `"object_ref":"threat-actor--`+uuid+`","object_modified":"2026-01-02T03:04:05.678000Z","contents":{`+tt.contents+`}`)
		got := stix.CheckTranslation(content, target)
		if tt.rule == "" && len(got) > 0 || tt.rule != "" && (len(got) != 1 || got[0].Rule != tt.rule || got[0].Path != tt.path) {
			t.Errorf("%s: %+v, want %s at %s", tt.contents, got, tt.rule, tt.path)
		}
	}
	for _, with := range []string{`"object_ref":"tool--` + uuid + `"`, `"object_ref":"threat-actor--` + uuid + `","object_modified":"2026-01-02T03:04:05.679Z"`} {
		if got := stix.CheckTranslation(object("language-content", with+`,"contents":{"fr":{"name":"y"}}`), target); len(got) != 1 {
			t.Errorf("%s: %v", with, got)
		}
	}
}

func FuzzCheckTranslation(f *testing.F) {
	f.Add(object("language-content", `"object_ref":"tool--`+uuid+`","contents":{"fr":{"name":"y","aliases":["a"]}}`), object("tool", `"name":"x","aliases":["b","c"]`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, x := range stix.CheckTranslation(a, b) {
			if x.Rule == "" || x.Section == "" || x.Path == "" {
				t.Fatalf("%+v", x)
			}
		}
	})
}
