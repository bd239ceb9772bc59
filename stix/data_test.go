package stix_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/internal/testkit/data"
	"github.com/comity-net/comity/stix"
)

// dataFile returns the optional test data file, unpacked; the test is skipped
// where it is absent.
func dataFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := io.ReadAll(data.Open(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bundleObjects cuts a bundle with the standard library, for comparison.
func bundleObjects(t testing.TB, b []byte) []json.RawMessage {
	t.Helper()
	var v struct{ Objects []json.RawMessage }
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v.Objects
}

func TestATTACK(t *testing.T) {
	for name, want := range map[string]int{"stix/attack-enterprise-18.1.json.gz": 24771, "stix/attack-ics-18.1.json.gz": 0} {
		data := dataFile(t, name)
		objects := bundleObjects(t, data)
		if want > 0 && len(objects) != want {
			t.Fatalf("%s has %d objects, want %d", name, len(objects), want)
		}
		rules := map[string]int{}
		outcomes := map[comity.Outcome]int{}
		shown := 0
		for _, raw := range objects {
			o, rep := stix.Parse(raw, stix.Options{})
			outcomes[rep.Outcome]++
			for _, f := range rep.Findings {
				rules[f.Rule]++
			}
			if rep.Outcome == comity.Refused && shown < 5 {
				t.Errorf("%s refused: %v", o.ID, rep.Findings)
				shown++
			}
			if !bytes.Equal(o.Raw, raw) {
				t.Fatalf("%s: raw changed", o.ID)
			}
			if o.Name == "" || o.Created.IsZero() {
				t.Errorf("%s: name %q created %v", o.ID, o.Name, o.Created)
			}
		}
		t.Logf("%s: %v, rules %v", name, outcomes, rules)
		// Words of ATT&CK's own, such as subtechnique-of, and tools that use
		// techniques: both are not in the text, and nothing else is amiss.
		for rule, n := range rules {
			if rule != "relationship" || n > len(objects)/10 {
				t.Errorf("%s: %d findings of the rule %s", name, n, rule)
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	objects := bundleObjects(b, dataFile(b, "stix/attack-enterprise-18.1.json.gz"))
	size := 0
	for _, o := range objects {
		size += len(o)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, raw := range objects {
			stix.Parse(raw, stix.Options{Own: true})
		}
	}
	b.ReportMetric(float64(len(objects)*b.N)/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkReader(b *testing.B) {
	data := dataFile(b, "stix/attack-enterprise-18.1.json.gz")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r := stix.NewReader(bytes.NewReader(data), stix.Limits{})
		for {
			if _, err := r.Next(); err != nil {
				break
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "objects/s")
}
