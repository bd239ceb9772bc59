package formats

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

var testDay = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

const testCreator = comity.ObjectID("identity--1f0e6a52-6d0c-4c5e-9a0b-0c7f9d5b7a41")

func TestIndicatorStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Indicator{
			Value:       comity.Value{Kind: comity.ValueDomain, Text: rapid.StringMatching(`[a-z]{1,20}\.example`).Draw(t, "domain")},
			Name:        rapid.String().Draw(t, "name"),
			Description: rapid.String().Draw(t, "description"),
			Confidence:  rapid.IntRange(-1, 100).Draw(t, "confidence"),
			Labels:      rapid.SliceOf(rapid.StringN(1, 10, 40)).Draw(t, "labels"),
			Country:     rapid.SampledFrom([]string{"", "KE", "UY"}).Draw(t, "country"),
			Source:      rapid.String().Draw(t, "source"),
			TLP:         comity.TLP(rapid.IntRange(0, 5).Draw(t, "tlp")),
			Creator:     testCreator, Created: testDay, Modified: testDay.Add(time.Hour),
		}
		a, err := in.Encode()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := in.Encode()
		if !bytes.Equal(a, b) {
			t.Fatalf("two encodings differ:\n%s\n%s", a, b)
		}
		obj, rep := stix.Parse(a, stix.Options{Mode: comity.Strict})
		if rep.Outcome == comity.Refused {
			t.Fatalf("made an object that is refused: %v\n%s", rep.Findings, a)
		}
		if obj.ID != in.ID() || obj.TLP != in.TLP || obj.Confidence != in.Confidence || !obj.Modified.Equal(in.Modified) {
			t.Fatalf("read back %+v of %s", obj, a)
		}
	})
}

func TestIndicatorAgreesWithSTIX(t *testing.T) {
	for _, v := range []comity.Value{
		{Kind: comity.ValueIPv4, Text: "192.0.2.7"}, {Kind: comity.ValueIPv4, Text: "192.0.2.0/24"},
		{Kind: comity.ValueURL, Text: "http://example.com/a'b?c=\"<&>"}, {Kind: comity.ValueHash, Text: "d41d8cd98f00b204e9800998ecf8427e"},
	} {
		in := Indicator{Value: v, Confidence: -1, Labels: []string{"botnet"}, TLP: comity.Amber, Creator: testCreator, Created: testDay, Modified: testDay}
		got, err := in.Encode()
		if err != nil {
			t.Fatal(err)
		}
		want, err := stix.Indicator(v, testCreator, comity.Amber, []string{"botnet"}, testDay, "")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s (%v)", got, want, err)
		}
	}
}

func TestIndicatorRefuses(t *testing.T) {
	ip := comity.Value{Kind: comity.ValueIPv4, Text: "192.0.2.7"}
	for name, in := range map[string]Indicator{
		"formats.no_pattern":        {Value: comity.Value{Kind: comity.ValueName, Text: "someone"}, Created: testDay},
		"formats.until_before_from": {Value: ip, Created: testDay, ValidUntil: testDay},
	} {
		if _, err := in.Encode(); comity.ErrorMessage(err).Key != name {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A CVE id becomes a vulnerability, the same that stix makes where no more is
// said.
func TestVulnerability(t *testing.T) {
	in := Indicator{Value: comity.Value{Kind: comity.ValueCVE, Text: "CVE-2024-1234"}, Confidence: -1, TLP: comity.Amber, Creator: testCreator, Created: testDay, Modified: testDay}
	got, err := in.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want, err := stix.Vulnerability("CVE-2024-1234", testCreator, comity.Amber, testDay, "")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s (%v)", got, want, err)
	}
	in.Source, in.Labels, in.Confidence = "https://example.com/list", []string{"kev"}, 80
	got, err = in.Encode()
	o, rep := stix.Parse(got, stix.Options{Mode: comity.Strict})
	if err != nil || rep.Outcome != comity.Accepted || o.ID != in.ID() || o.Confidence != 80 || len(o.Labels) != 1 {
		t.Errorf("%s: %v %v", got, err, rep)
	}
}
