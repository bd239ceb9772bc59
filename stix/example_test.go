package stix_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

func ExampleReader() {
	file := strings.NewReader(`{"type":"bundle","id":"bundle--f88d31f6-486f-44da-b317-01333bde0b82","objects":[
		{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4","value":"198.51.100.3"},
		{"type":"url","id":"domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7","value":"http://example.com/"}]}`)
	r := stix.NewReader(file, stix.Limits{})
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		obj, rep := stix.Parse(it.Raw, stix.Options{Own: true})
		fmt.Println(it.Where(), rep.Outcome, obj.ID.Type())
		for _, f := range rep.Findings {
			fmt.Println("  rule", f.Rule, "at", f.Path, "section", f.Section)
		}
	}
	// Output:
	// objects[0] accepted ipv4-addr
	// objects[1] refused domain-name
	//   rule id-type at id section 2.9
}

func ExampleCanonicalID() {
	id, _ := stix.CanonicalID([]byte(`{"type":"domain-name","value":"example.com"}`))
	fmt.Println(id)
	// Output: domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7
}

func ExampleIndicator() {
	v := comity.Value{Kind: comity.ValueIPv4, Text: "203.0.113.0/24"}
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	raw, err := stix.Indicator(v, "identity--f88d31f6-486f-44da-b317-01333bde0b82", comity.Green, nil, now, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	obj, _ := stix.Parse(raw, stix.Options{})
	fmt.Println(stix.Pattern(v), obj.TLP.Label(), obj.ValidFrom.Format(time.DateOnly))
	// Output: [ipv4-addr:value ISSUBSET '203.0.113.0/24'] TLP:GREEN 2026-03-04
}

func ExampleParse() {
	raw := []byte(`{"type":"tool","spec_version":"2.1","id":"tool--f88d31f6-486f-44da-b317-01333bde0b82",
		"created":"2026-01-02T03:04:05.678Z","modified":"2026-01-01T03:04:05.678Z","name":"nc","tool_types":["swiss-army-knife"]}`)
	obj, rep := stix.Parse(raw, stix.Options{Mode: comity.Strict})
	fmt.Println(obj.Name, rep.Outcome)
	for _, f := range rep.Findings {
		fmt.Println(f.Rule, "at", f.Path, "section", f.Section, "refuses", f.Refuses)
	}
	// Output:
	// nc refused
	// vocabulary at tool_types section 10.26 refuses false
	// order at modified section 3.6 refuses true
}

func ExampleUpgrade() {
	old := []byte(`{"type":"tool","id":"tool--f88d31f6-486f-44da-b317-01333bde0b82",
	"created":"2018-01-02T03:04:05.678Z","modified":"2018-01-02T03:04:05.678Z","name":"nc","labels":["remote-access"]}`)
	now, changes, err := stix.Upgrade(old)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(now))
	for _, c := range changes {
		fmt.Println(c.Path, c.Msg.Key)
	}
	// Output:
	// {"type":"tool","id":"tool--f88d31f6-486f-44da-b317-01333bde0b82",
	// 	"created":"2018-01-02T03:04:05.678Z","modified":"2018-01-02T03:04:05.678Z","name":"nc","tool_types":["remote-access"],"spec_version":"2.1"}
	// spec_version stix.upgrade_version
	// labels stix.upgrade_labels
}

func ExampleCompileSchemas() {
	const id = "extension-definition--d83fce45-ef58-4c6c-a3f4-1fbc32e98c6e"
	schemas, err := stix.CompileSchemas(map[comity.ObjectID][]byte{
		id: []byte(`{"type":"object","properties":{"rank":{"type":"integer","maximum":10}},"required":["rank"]}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	raw := []byte(`{"type":"tool","spec_version":"2.1","id":"tool--f88d31f6-486f-44da-b317-01333bde0b82",
		"created":"2026-01-02T03:04:05.678Z","modified":"2026-01-02T03:04:05.678Z","name":"nc",
		"extensions":{"` + id + `":{"extension_type":"property-extension","rank":12}}}`)
	_, rep := stix.Parse(raw, stix.Options{Schemas: schemas})
	for _, f := range rep.Findings {
		fmt.Println(f.Rule, f.Path)
	}
	// Output: extension-schema extensions.extension-definition--d83fce45-ef58-4c6c-a3f4-1fbc32e98c6e.rank
}

func ExampleCheckVersion() {
	const head = `{"type":"tool","spec_version":"2.1","id":"tool--f88d31f6-486f-44da-b317-01333bde0b82","created":"2026-01-02T03:04:05.678Z",`
	known, _ := stix.Parse([]byte(head+`"modified":"2026-01-02T03:04:05.678Z","name":"nc","revoked":true}`), stix.Options{})
	next, _ := stix.Parse([]byte(head+`"modified":"2026-02-02T03:04:05.678Z","name":"nc"}`), stix.Options{})
	for _, f := range stix.CheckVersion([]comity.Object{known}, &next) {
		fmt.Println(f.Rule, "section", f.Section, "refuses", f.Refuses)
	}
	// Output: version-revoked section 3.6 refuses true
}

func ExampleCheckTranslation() {
	tool := []byte(`{"type":"tool","id":"tool--f88d31f6-486f-44da-b317-01333bde0b82","modified":"2026-01-02T03:04:05.678Z","name":"lamp","aliases":["a","b"]}`)
	french := []byte(`{"type":"language-content","object_ref":"tool--f88d31f6-486f-44da-b317-01333bde0b82",
		"contents":{"fr":{"name":"lampe","aliases":["c"]}}}`)
	for _, f := range stix.CheckTranslation(french, tool) {
		fmt.Println(f.Path, f.Msg)
	}
	// Output: contents.fr.aliases stix.translation_length path=contents.fr.aliases n=2
}

func ExampleBundle() {
	fmt.Println(string(stix.Bundle("bundle--f88d31f6-486f-44da-b317-01333bde0b82", [][]byte{
		[]byte(`{"type": "url", "id": "url--1d6d0a14-3b3a-5b0e-8f0c-6b4a1b7f0f4f", "value": "http://example.com/"}`),
	})))
	// Output: {"type":"bundle","id":"bundle--f88d31f6-486f-44da-b317-01333bde0b82","objects":[{"type": "url", "id": "url--1d6d0a14-3b3a-5b0e-8f0c-6b4a1b7f0f4f", "value": "http://example.com/"}]}
}

func ExampleVulnerability() {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	raw, err := stix.Vulnerability("CVE-2024-1234", "identity--f88d31f6-486f-44da-b317-01333bde0b82", comity.Green, now, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	obj, rep := stix.Parse(raw, stix.Options{Mode: comity.Strict})
	fmt.Println(obj.Name, obj.Values[0].Kind, rep.Outcome)
	// Output: CVE-2024-1234 cve accepted
}
