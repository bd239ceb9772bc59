package stix_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/comity-net/comity/stix"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

const creator = comity.ObjectID("identity--" + uuid)

// What the builder makes is accepted in strict mode and found by the value
// that it was made of.
func TestIndicatorRoundTrip(t *testing.T) {
	for _, text := range []string{"198.51.100.3", "203.0.113.0/24", "2001:db8::1", "evil.example.com", "http://evil.example.com/it's",
		"D41D8CD98F00B204E9800998ECF8427E", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "bob@example.com", "aa:bb:cc:00:11:22", "AS64496", "invoice.exe"} {
		v, ok := extract.Guess(text)
		if !ok {
			t.Fatalf("%q is nothing", text)
		}
		for _, tlp := range []comity.TLP{comity.Unmarked, comity.Clear, comity.Green, comity.Amber, comity.AmberStrict, comity.Red} {
			raw, err := stix.Indicator(v, creator, tlp, []string{"list"}, now, "")
			if err != nil {
				t.Fatal(err)
			}
			o, rep := stix.Parse(raw, stix.Options{Mode: comity.Strict})
			if rep.Outcome != comity.Accepted {
				t.Errorf("%s: %v", raw, rep.Findings)
			}
			if o.TLP != tlp || len(o.Values) != 1 || o.Values[0] != v || !o.Created.Equal(now) || !o.ValidFrom.Equal(now) || o.Creator != creator {
				t.Errorf("%s gives %v %v %v", raw, o.TLP, o.Values, o.Created)
			}
			again, _ := stix.Indicator(v, creator, tlp, nil, now.Add(time.Hour), "")
			if p, _ := stix.Parse(again, stix.Options{}); p.ID != o.ID {
				t.Error("the same value gives another id")
			}
		}
	}
	if stix.IndicatorID(creator, comity.Value{Kind: comity.ValueIPv4, Text: "198.51.100.3"}) == stix.IndicatorID("identity--x", comity.Value{Kind: comity.ValueIPv4, Text: "198.51.100.3"}) {
		t.Error("two creators make the same id")
	}
	for _, v := range []comity.Value{{Kind: comity.ValueName, Text: "x"}, {Kind: comity.ValueCVE, Text: "CVE-2021-44228"}, {}} {
		if _, err := stix.Indicator(v, creator, comity.Clear, nil, now, ""); comity.ErrorKind(err) != comity.Invalid {
			t.Errorf("%v: %v", v, err)
		}
	}
}

// Any text survives the literal of a pattern.
func TestPatternLiterals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a-z'\\ %_\[\]\(\)é中]{1,20}`).Draw(t, "text")
		v, ok := extract.Normalize(comity.ValuePath, "x"+s+"x")
		if !ok || bytes.ContainsAny([]byte(s), `/\`) {
			return
		}
		raw, err := stix.Indicator(v, creator, comity.Clear, nil, now, "")
		if err != nil {
			t.Fatal(err)
		}
		if o, _ := stix.Parse(raw, stix.Options{}); len(o.Values) != 1 || o.Values[0] != v {
			t.Fatalf("%s gives %v", raw, o.Values)
		}
	})
}

func TestIdentity(t *testing.T) {
	raw, err := stix.Identity(creator, stix.Party{Name: "CSIRT <A>", Country: "ke", Sectors: []string{"government"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	o, rep := stix.Parse(raw, stix.Options{Mode: comity.Strict})
	if rep.Outcome != comity.Accepted || o.Country != "KE" || o.Name != "CSIRT <A>" {
		t.Errorf("%v %q %q", rep.Findings, o.Country, o.Name)
	}
	if _, err := stix.Identity(creator, stix.Party{}, now); comity.ErrorKind(err) != comity.Invalid {
		t.Errorf("no name: %v", err)
	}
	if _, err := stix.Identity("x", stix.Party{Name: "x"}, now); comity.ErrorKind(err) != comity.Invalid {
		t.Errorf("bad id: %v", err)
	}
}

func TestTLP(t *testing.T) {
	for _, l := range []comity.TLP{comity.Clear, comity.Green, comity.Amber, comity.AmberStrict, comity.Red} {
		raw := stix.TLPDefinition(l)
		o, rep := stix.Parse(raw, stix.Options{Mode: comity.Strict})
		if rep.Outcome != comity.Accepted || o.ID != stix.TLPMarking(l) || o.Name != l.Label() || o.Versioned() {
			t.Errorf("%s: %v", raw, rep.Findings)
		}
		if got, ok := stix.TLPOf(o.ID); !ok || got != l {
			t.Errorf("TLPOf(%s) = %v", o.ID, got)
		}
		if got, ok := stix.DefinedTLP(&o); !ok || got != l {
			t.Errorf("DefinedTLP = %v", got)
		}
	}
	for id, want := range map[comity.ObjectID]comity.TLP{
		"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": comity.Clear, "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": comity.Green,
		"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": comity.Amber, "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": comity.Red,
	} {
		if got, ok := stix.TLPOf(id); !ok || got != want {
			t.Errorf("TLPOf(%s) = %v", id, got)
		}
	}
	if stix.TLPDefinition(comity.Unmarked) != nil || stix.TLPMarking(comity.Unmarked) != "" {
		t.Error("Unmarked has a definition")
	}
	if _, ok := stix.TLPOf("marking-definition--11111111-1111-4111-8111-111111111111"); ok {
		t.Error("any definition is TLP")
	}
	own := object("marking-definition", `"modified":null,"id":"marking-definition--11111111-1111-4111-8111-111111111111","definition_type":"tlp","definition":{"tlp":"amber+strict"}`)
	o, _ := stix.Parse(own, stix.Options{})
	if got, ok := stix.DefinedTLP(&o); !ok || got != comity.AmberStrict {
		t.Errorf("own definition: %v %v", got, ok)
	}
}

func TestNewVersion(t *testing.T) {
	raw := []byte(`{ "type":"tool", "spec_version":"2.1","id":"tool--` + uuid + `", "created":"2026-01-02T03:04:05Z",
 "modified":"2026-01-02T03:04:05Z",  "name":"x\u00e9", "object_marking_refs":["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9","marking-definition--11111111-1111-4111-8111-111111111111"] }`)
	out, err := stix.NewVersion(raw, now, stix.Changes{Revoke: true, TLP: comity.Red})
	if err != nil {
		t.Fatal(err)
	}
	want := `{ "type":"tool", "spec_version":"2.1","id":"tool--` + uuid + `", "created":"2026-01-02T03:04:05Z",
 "modified":"2026-03-04T05:06:07.089Z",  "name":"x\u00e9", "object_marking_refs":["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","marking-definition--11111111-1111-4111-8111-111111111111"],"revoked":true }`
	if d := cmp.Diff(want, string(out)); d != "" || !json.Valid(out) {
		t.Error(d)
	}
	if _, err := stix.NewVersion(out, now, stix.Changes{}); comity.ErrorKind(err) != comity.Conflict {
		t.Errorf("after revocation: %v", err)
	}
	if _, err := stix.NewVersion(stix.TLPDefinition(comity.Red), now, stix.Changes{}); comity.ErrorKind(err) != comity.Invalid {
		t.Errorf("no versions: %v", err)
	}
	late, err := stix.NewVersion(raw, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), stix.Changes{})
	if o, _ := stix.Parse(late, stix.Options{}); err != nil || !o.Modified.Equal(time.Date(2026, 1, 2, 3, 4, 5, 1e6, time.UTC)) {
		t.Errorf("a clock behind gives %v %v", o.Modified, err)
	}
}

func TestTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC()
		got, ok := stix.ParseTime(at.Format(time.RFC3339Nano))
		if !ok || !got.Equal(at) {
			t.Fatalf("%v reads as %v %v", at, got, ok)
		}
	})
	for _, bad := range []string{"", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z", "2026-13-02T03:04:05Z", "2026-02-29T03:04:05Z",
		"2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z", "2026-01-02T03:04:05z", "2026-01-02t03:04:05Z", "2026-01-02T03:04:05+00:00", "+026-01-02T03:04:05Z"} {
		if _, ok := stix.ParseTime(bad); ok {
			t.Errorf("ParseTime(%q) is accepted", bad)
		}
	}
	if got, ok := stix.ParseTime("2024-02-29T23:59:60.1234567891234Z"); !ok || got.Nanosecond() != 123456789 {
		t.Errorf("leap second: %v %v", got, ok)
	}
}
