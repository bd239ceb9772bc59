package policy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

func TestFilter(t *testing.T) {
	o := &comity.Object{
		ID: "indicator--1", Type: "indicator", Labels: []string{"Phishing", "sector:Energy"}, Country: "KE", Lang: "sw", Confidence: 50,
		Values: []comity.Value{{Kind: comity.ValueDomain, Text: "a.example"}},
		Raw:    []byte(`{"a":{"sectors":["mining"]},"sectors":["finance","health care"],"b":1}`),
	}
	bare := &comity.Object{ID: "x--1", Type: "x", Confidence: -1, Raw: []byte("not json \"sectors\"")}
	for text, want := range map[string]bool{
		"":                                      true,
		"  \n":                                  true,
		"type = indicator":                      true,
		"TYPE = Indicator":                      true,
		"type != malware":                       true,
		"type = malware":                        false,
		"label = phishing":                      true,
		"label != phishing":                     false,
		"label in (spam, \"phishing\")":         true,
		"country in (KZ, ke)":                   true,
		"not country in (KZ, KE)":               false,
		"sector = energy":                       true,
		"sector in (finance)":                   true,
		"sector = \"Health care\"":              true,
		"sector = mining":                       false,
		"lang = sw":                             true,
		"value = domain":                        true,
		"value in (ipv4, ipv6)":                 false,
		"confidence >= 50":                      true,
		"confidence > 50":                       false,
		"confidence <= 50":                      true,
		"confidence < 50":                       false,
		"confidence = 50":                       true,
		"confidence != 50":                      false,
		"confidence in (0, 50)":                 true,
		"type = x or country = KE":              true,
		"type = x or type = y and country = Z":  false,
		"country = KE or type = y and type=z":   true, // and binds stronger
		"(country = KE or type = y) and type=z": false,
		"not (type = x or type = y)":            true,
		"not not type=indicator":                true,
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.Match(o); got != want {
			t.Errorf("%s: %v", text, got)
		}
		if f.String() != text {
			t.Errorf("%s: String gives %s", text, f)
		}
	}
	// INVARIANT: what the object lacks matches no condition and no opposite.
	for _, p := range []string{"label = a", "country = KE", "sector = a", "lang = a", "confidence > 0", "confidence != 3", "value = url"} {
		for _, text := range []string{p, "not " + p, "not (not " + p + ")", "type = x and " + p, "not (type = y or " + p + ")", strings.Replace(p, "=", "!=", 1)} {
			text = strings.Replace(text, "!!", "!", 1)
			if f, err := ParseFilter(text); err != nil || f.Match(bare) {
				t.Errorf("%s matches an object without it (%v)", text, err)
			}
		}
		if f, _ := ParseFilter("type = x or " + p); !f.Match(bare) {
			t.Errorf("what is known no longer counts beside %s", p)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	texts := texts(t)
	for text, key := range map[string]string{
		"type":                     "policy.filter_operator",
		"type =":                   "policy.filter_value",
		"type = ,":                 "policy.filter_value",
		"type = \"\"":              "policy.filter_value",
		"= x":                      "policy.filter_property",
		"name = x":                 "policy.filter_property",
		"\"type\" = x":             "policy.filter_property",
		"type < x":                 "policy.filter_operator",
		"type == x":                "policy.filter_value",
		"type in x":                "policy.filter_bracket",
		"type in ()":               "policy.filter_value",
		"type in (a":               "policy.filter_bracket",
		"type in (a,)":             "policy.filter_value",
		"(type = a":                "policy.filter_bracket",
		"type = a)":                "policy.filter_unexpected",
		"type = a type = b":        "policy.filter_unexpected",
		"type = a and":             "policy.filter_property",
		"and type = a":             "policy.filter_property",
		"type = \"a":               "policy.filter_quote",
		"type = a ; drop":          "policy.filter_unexpected",
		"type = a & type = b":      "policy.filter_unexpected",
		"confidence >= high":       "policy.filter_confidence",
		"confidence >= 101":        "policy.filter_confidence",
		"confidence >= -1":         "policy.filter_confidence",
		strings.Repeat("(", 40):    "policy.filter_deep",
		strings.Repeat("not ", 40): "policy.filter_deep",
		strings.Repeat("x", 5000):  "policy.filter_long",
		"type in (" + strings.Repeat("a,", 300) + "a)": "policy.filter_many",
	} {
		_, err := ParseFilter(text)
		fits(t, texts, comity.ErrorMessage(err))
		if got := comity.ErrorMessage(err); err == nil || got.Key != key {
			t.Errorf("%.40s: %v, want %s", text, err, key)
		}
	}
	_, err := ParseFilter("type = a foo")
	if m := comity.ErrorMessage(err); len(m.Args) != 2 || m.Args[0].Value != "10" || m.Args[1].Value != "foo" {
		t.Errorf("the place is %v", m)
	}
}

// INVARIANT: a condition joined by "and" never lets more through.
func TestFilterAndNarrows(t *testing.T) {
	texts := []string{"type = indicator", "not country = KE", "confidence >= 50", "label in (a, b)", "sector = finance or lang = sw"}
	rapid.Check(t, func(t *rapid.T) {
		o := drawObject(t)
		a, b := rapid.SampledFrom(texts).Draw(t, "a"), rapid.SampledFrom(texts).Draw(t, "b")
		one, err := ParseFilter(a)
		if err != nil {
			t.Fatal(err)
		}
		both, err := ParseFilter("(" + a + ") and (" + b + ")")
		if err != nil {
			t.Fatal(err)
		}
		if both.Match(o) && !one.Match(o) {
			t.Fatalf("%s lets through what %s does not", both, one)
		}
	})
}

func FuzzParseFilter(f *testing.F) {
	f.Add(`sector in (finance, energy) and type = indicator and not country = "KZ"`)
	f.Add(`confidence >= 50 or label in (phishing, "malicious-\"activity")`)
	f.Add(`((((not not (type=a)))))`)
	o := &comity.Object{ID: "a--1", Type: "a", Confidence: -1}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseFilter(s)
		if err != nil {
			if p.Match(o) {
				t.Fatal("a filter that cannot be read matches")
			}
			return
		}
		m := p.Match(o)
		if again, err := ParseFilter(p.String()); err != nil || again.Match(o) != m {
			t.Fatalf("%q read again: %v", s, err)
		}
		if p.all || len(s) > maxFilter-6 {
			return
		}
		if opposite, err := ParseFilter("not (" + s + ")"); err == nil && m && opposite.Match(o) {
			t.Fatalf("%q and its opposite both match", s)
		}
	})
}

func FuzzSectors(f *testing.F) {
	f.Add([]byte(`{"sectors":["a","b"]}`))
	f.Add([]byte(`{"x":[{"sectors":[1]}],"sectors":"a"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, s := range sectors(&comity.Object{Raw: raw}) {
			_ = s
		}
	})
}
