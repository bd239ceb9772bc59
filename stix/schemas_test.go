package stix_test

import (
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

const rankSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
	"properties":{"rank":{"type":"integer","maximum":10},"tags":{"type":"array","items":{"type":"string"}}},"required":["rank"]}`

func TestSchemas(t *testing.T) {
	schemas, err := stix.CompileSchemas(map[comity.ObjectID][]byte{ext: []byte(rankSchema)})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ with, path string }{
		{`"extensions":{"` + ext + `":{"extension_type":"property-extension","rank":5}}`, ""},
		{`"extensions":{"` + ext + `":{"extension_type":"property-extension","rank":50}}`, "extensions." + ext + ".rank"},
		{`"extensions":{"` + ext + `":{"extension_type":"property-extension","score":5}}`, "extensions." + ext},
		{`"extensions":{"` + ext + `":{"extension_type":"property-extension","rank":5,"tags":["a",7]}}`, "extensions." + ext + ".tags[1]"},
		{`"extensions":{"` + ext + `":{"extension_type":"property-extension","rank":1e-999999999}}`, "extensions." + ext},
		{`"extensions":{"` + ext + `":{"extension_type":"toplevel-property-extension"}},"rank":5`, ""},
		{`"extensions":{"` + ext + `":{"extension_type":"toplevel-property-extension"}},"rank":"5"`, "rank"},
		{`"extensions":{"extension-definition` + other + `":{"extension_type":"property-extension","rank":50}}`, ""},
	}
	for _, tt := range tests {
		_, rep := stix.Parse(object("tool", `"name":"x",`+tt.with), stix.Options{Schemas: schemas})
		if tt.path == "" && len(rep.Findings) > 0 || tt.path != "" && (len(rep.Findings) != 1 || rep.Findings[0].Rule != "extension-schema" || rep.Findings[0].Path != tt.path) {
			t.Errorf("%s: %+v, want a finding at %q", tt.with, rep.Findings, tt.path)
		}
	}
}

// What is no schema, or would reach out, is not registered.
func TestSchemasRefused(t *testing.T) {
	for id, schema := range map[comity.ObjectID]string{
		"tool--" + uuid: rankSchema,
		ext:             `{"$ref":"https://example.com/schema.json"}`,
		ext + "0":       rankSchema,
		"extension-definition--11111111-1111-4111-8111-111111111111": `{"$ref":"file:///etc/passwd"}`,
		"extension-definition--11111111-1111-4111-8111-111111111112": `{"type":7}`,
		"extension-definition--11111111-1111-4111-8111-111111111113": `{"maximum":1e999999999}`,
		"extension-definition--11111111-1111-4111-8111-111111111114": strings.Repeat("[", 1000),
	} {
		if _, err := stix.CompileSchemas(map[comity.ObjectID][]byte{id: []byte(schema)}); !comity.Is(err, comity.Invalid) {
			t.Errorf("%s %.60s: %v", id, schema, err)
		}
	}
}

func FuzzCompileSchemas(f *testing.F) {
	f.Add([]byte(rankSchema), object("tool", `"name":"x","extensions":{"`+ext+`":{"extension_type":"property-extension","rank":5}}`))
	f.Add([]byte(`{"$ref":"#/a","a":{"$ref":"#"}}`), object("tool", `"name":"x"`))
	f.Fuzz(func(t *testing.T, schema, raw []byte) {
		schemas, err := stix.CompileSchemas(map[comity.ObjectID][]byte{ext: schema})
		if err != nil {
			return
		}
		for _, x := range func() []comity.Finding {
			_, rep := stix.Parse(raw, stix.Options{Schemas: schemas})
			return rep.Findings
		}() {
			if x.Rule == "" || x.Section == "" {
				t.Fatalf("%+v", x)
			}
		}
	})
}
