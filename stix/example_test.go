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
