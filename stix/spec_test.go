package stix_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/stix/pattern"
)

// fence matches a block of JSON in the text of the standard.
var fence = regexp.MustCompile("(?s)```[Jj][Ss][Oo][Nn][^\n]*\n(.*?)```")

// flawed are the example objects of the text that break its own rules, each
// with the rule and why. "sco-id" is listed nowhere: 23 examples bear ids that
// no choice of their properties gives.
var flawed = map[string]string{
	"file-1389b98d-a3d3-5190-a996-716fd444059a":                        "id-type: one hyphen in the id",
	"location--a6e9345f-5a15-4c29-8bb3-7dcc5d168d64":                   "country: in lower case; value-type: latitude and longitude as strings",
	"indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2":                  "required: no pattern_type, which 2.0 did not have",
	"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f":                  "required: no pattern_type, no valid_from",
	"email-message--d7d69ead-3347-5772-815a-7766dc29c72c":              "value-type: header fields that are no lists",
	"file--cfebcece-2336-51b0-baf1-d94daae5e1d1":                       "hex: upper-case digits",
	"observed-data--0960319a-3cab-4258-a143-4dbb25525bb1":              "spec-version, required: no spec_version, created, modified",
	"x-example-com-customobject--4527e5de-8572-446a-a57a-706f15467461": "custom-object: said of each; spec-version: none",
	"relationship--81f12913-1372-4c96-85ec-E9034ac98aba":               "id-case: an upper-case digit",
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da":         "tlp-fixed: the id of TLP:GREEN on another marking",
	"marking-definition--7adc34dc-f5c7-4b7c-a7da-28fc4dd716cc":         "enum: property_extension with an underscore",
}

// Every example object of the standard comes back as it was, and strict mode
// finds nothing but what is listed above. The text is optional test data: its
// licence does not let parts of it stand in other works without all of it.
func TestExamplesOfTheStandard(t *testing.T) {
	text := dataFile(t, "stix/stix-v2.1-errata01.md")
	objects, met := 0, map[string]bool{}
	for _, m := range fence.FindAllSubmatchIndex(text, -1) {
		block := text[m[2]:m[3]]
		line := int64(bytes.Count(text[:m[2]], []byte("\n")))
		r := stix.NewReader(bytes.NewReader(block), stix.Limits{})
		for {
			it, err := r.Next()
			if err != nil {
				break
			}
			if !exampleObject(it.Raw) {
				continue
			}
			objects++
			o, rep := stix.Parse(it.Raw, stix.Options{Mode: comity.Strict})
			if !bytes.Equal(o.Raw, it.Raw) {
				t.Errorf("line %d: %s came back changed", line+it.Line, o.ID)
			}
			for _, f := range rep.Findings {
				met[string(o.ID)] = true
				if f.Rule != "sco-id" && !strings.Contains(flawed[string(o.ID)], f.Rule+":") && !strings.Contains(flawed[string(o.ID)], f.Rule+",") {
					t.Errorf("line %d: %s: %s at %s: %s", line+it.Line, o.ID, f.Rule, f.Path, f.Msg)
				}
			}
		}
	}
	for id := range flawed {
		if !met[id] {
			t.Errorf("nothing is found in %s any more", id)
		}
	}
	if objects < 180 {
		t.Errorf("%d example objects, want 185", objects)
	}
	t.Logf("%d example objects", objects)
}

// exampleObject tells a whole object from a fragment with gaps.
func exampleObject(raw []byte) bool {
	return !bytes.Contains(raw, []byte("...")) && bytes.Contains(raw, []byte(`"type"`)) && bytes.Contains(raw, []byte(`"id"`))
}

// The patterns of section 9 are read, printed and read again as the same.
func TestPatternsOfTheStandard(t *testing.T) {
	text := string(dataFile(t, "stix/stix-v2.1-errata01.md"))
	_, text, _ = strings.Cut(text, "## 9.8. Examples")
	text, _, _ = strings.Cut(text, "# 10. STIX Vocabularies")
	n := 0
	for _, m := range regexp.MustCompile("(?s)```[a-zA-Z]*\n(.*?)```").FindAllStringSubmatch(text, -1) {
		n++
		p, err := pattern.Parse(strings.TrimSpace(m[1]), pattern.Limits{})
		if err != nil {
			t.Errorf("%s: %v", m[1], err)
			continue
		}
		again, err := pattern.Parse(p.String(), pattern.Limits{})
		if err != nil || again.String() != p.String() {
			t.Errorf("%s printed as %s, read as %v %v", m[1], p, again, err)
		}
	}
	if n < 22 {
		t.Errorf("%d patterns, want 22", n)
	}
}
