package policy

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

const someMarking = "marking-definition--11111111-2222-4333-8444-555555555555"

func TestFilterValues(t *testing.T) {
	o := &comity.Object{
		ID: "indicator--1", Type: "indicator", Creator: "identity--a", Confidence: -1, TLP: comity.Green,
		Markings: []comity.ObjectID{someMarking}, Granular: []comity.Granular{{Ref: "marking-definition--part"}, {Lang: "sw"}},
		Values: []comity.Value{
			{Kind: comity.ValueDomain, Text: "www.gov.example"}, {Kind: comity.ValueEmail, Text: "x@mail.bank.example"},
			{Kind: comity.ValueURL, Text: "https://u:p@host.shop.example:8443/a@b?c"}, {Kind: comity.ValueURL, Text: "http://[2001:db8::5]:80/"},
			{Kind: comity.ValueIPv4, Text: "198.51.100.7"}, {Kind: comity.ValueIPv4, Text: "192.0.2.0/25"},
			{Kind: comity.ValueIPv6, Text: "2001:db8:1::1"}, {Kind: comity.ValueASN, Text: "64500"}, {Kind: comity.ValueCVE, Text: "CVE-2024-1234"},
			{Kind: comity.ValueName, Text: "emotet"}, {Kind: comity.ValueDomain, Text: "xn--bcher-kva.example"},
		},
	}
	for text, want := range map[string]bool{
		"creator = IDENTITY--A":                true,
		"creator != identity--a":               false,
		"marking = " + someMarking:             true,
		"marking = marking-definition--part":   true,
		"marking != marking-definition--other": true,
		"tlp = green":                          true,
		"tlp = \"TLP:GREEN\"":                  true,
		"tlp in (clear, amber)":                false,
		"tlp <= amber":                         true,
		"tlp < green":                          false,
		"tlp > clear and tlp < amber+strict":   true,
		"exact = WWW.gov.example.":             true,
		"exact = gov.example":                  false,
		"exact = AS64500":                      true,
		"exact = cve-2024-1234":                true,
		"exact = Emotet":                       true,
		"exact = 2001:0db8:0001::0001":         true,
		"exact = 192.0.2.0/25":                 true,
		"exact = \"bücher.example\"":           true,
		"domain = gov.example":                 true,
		"domain = *.gov.example":               false, // "*" needs quotes
		"domain = \"*.GOV.example.\"":          true,
		"domain = ov.example":                  false,
		"domain = www.gov.example":             true,
		"domain = a.www.gov.example":           false,
		"domain = bank.example":                true,
		"domain = shop.example":                true,
		"domain = \"bücher.example\"":          true,
		"domain in (x.example, shop.example)":  true,
		"cidr = 198.51.100.0/24":               true,
		"cidr = 198.51.100.7":                  true,
		"cidr = 198.51.100.8/30":               false,
		"cidr = 192.0.2.0/24":                  true,
		"cidr = 192.0.2.0/26":                  false, // the value is the larger block
		"cidr = 2001:db8::/48":                 true,  // the URL's
		"cidr = 2001:db8:1::/64":               true,
		"cidr in (10.0.0.0/8, 203.0.113.0/24)": false,
		"cidr != 10.0.0.0/8":                   true,
	} {
		f, err := ParseFilter(text)
		if got := err == nil && f.Match(o); got != want {
			t.Errorf("%s: %v (%v)", text, got, err)
		}
	}
	for _, text := range []string{"tlp = pink", "tlp < 3", "domain = \"a b\"", "domain = .", "cidr = 300.0.0.0/8", "cidr = gov.example",
		"creator < x", "exact >= x"} {
		if _, err := ParseFilter(text); !comity.Is(err, comity.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
	bare := &comity.Object{ID: "x--1", Type: "x", Confidence: -1}
	for _, text := range []string{"creator = a", "marking = a", "tlp = clear", "exact = a", "domain = a", "cidr = 10.0.0.0/8"} {
		for _, text := range []string{text, "not " + text} {
			if f, err := ParseFilter(text); err != nil || f.Match(bare) {
				t.Errorf("%s: matches what states nothing, %v", text, err)
			}
		}
	}
}

// The label in force counts, not the one that the object carries.
func TestFilterUnder(t *testing.T) {
	f, err := ParseFilter("tlp <= green")
	if err != nil {
		t.Fatal(err)
	}
	o := &comity.Object{ID: "x--1", Type: "x", TLP: comity.Clear}
	if !f.MatchUnder(o, comity.Green) || f.MatchUnder(o, comity.Amber) || f.MatchUnder(nil, comity.Green) {
		t.Error("the label in force is not what was asked about")
	}
}

// INVARIANT: when the index fields alone are sure, the whole object agrees.
func TestFilterIndexed(t *testing.T) {
	sure := 0
	rapid.Check(t, func(t *rapid.T) {
		text := drawFilter(t, 3)
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatal(text, err)
		}
		whole := drawSubject(t)
		label := comity.TLP(rapid.IntRange(0, 5).Draw(t, "label"))
		part := &comity.Object{ID: whole.ID, Type: whole.Type, Creator: whole.Creator, Country: whole.Country}
		match, known := f.MatchIndexed(part, label)
		if !known {
			if match {
				t.Fatalf("%s: matches and is not sure", text)
			}
			return
		}
		sure++
		if full := f.MatchUnder(whole, label); full != match {
			t.Fatalf("%s: %v by index, %v by %+v under %v", text, match, full, whole, label)
		}
	})
	if sure == 0 {
		t.Error("the index fields alone never said anything")
	}
}

// drawFilter writes a filter.
func drawFilter(t *rapid.T, depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(t, "join") {
		case 0:
			return "(" + drawFilter(t, depth-1) + " and " + drawFilter(t, depth-1) + ")"
		case 1:
			return "(" + drawFilter(t, depth-1) + " or " + drawFilter(t, depth-1) + ")"
		case 2:
			return "not " + drawFilter(t, depth-1)
		}
	}
	return rapid.SampledFrom([]string{
		"type = a", "type != a", "type in (a, b)", "creator = identity--a", "country = KZ", "not country = KE", "tlp <= green", "tlp = red",
		"label = x", "label != x", "confidence > 50", "lang = sw", "value = domain", "domain = gov.example", "exact = www.gov.example",
		"marking = m", "sector = energy",
	}).Draw(t, "condition")
}

// drawSubject makes an object that the drawn filters can speak of.
func drawSubject(t *rapid.T) *comity.Object {
	o := &comity.Object{ID: "a--1", Type: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "type"), Confidence: rapid.IntRange(-1, 100).Draw(t, "confidence")}
	o.Creator = rapid.SampledFrom([]comity.ObjectID{"", "identity--a", "identity--b"}).Draw(t, "creator")
	o.Country = rapid.SampledFrom([]string{"", "KZ", "KE"}).Draw(t, "country")
	o.Lang = rapid.SampledFrom([]string{"", "sw", "fr"}).Draw(t, "lang")
	o.Labels = rapid.SampledFrom([][]string{nil, {"x"}, {"y", "sector:energy"}}).Draw(t, "labels")
	o.Markings = rapid.SampledFrom([][]comity.ObjectID{nil, {"m"}, {"n"}}).Draw(t, "markings")
	o.Values = rapid.SampledFrom([][]comity.Value{nil, {{Kind: comity.ValueDomain, Text: "www.gov.example"}}, {{Kind: comity.ValueCVE, Text: "CVE-1"}}}).Draw(t, "values")
	return o
}
