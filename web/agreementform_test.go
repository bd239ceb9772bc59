package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const formText = `{
  "prev": null,
  "kind": "bilateral",
  "title": "Old",
  "streams": [
    {
      "name": "indicators",
      "publishers": "all",
      "max": "amber+strict",
      "filter": "confidence >= 50 & <x>",
      "purpose": [
        "defence",
        "own words"
      ],
      "onward": "constituency",
      "retention": "P365D"
    },
    {
      "name": "incidents",
      "max": "red",
      "onward": "none"
    }
  ],
  "nonce": "n"
}
`

// TestFormWritesTheText changes what the form says, drops a stream, and leaves
// every other byte as it was.
func TestFormWritesTheText(t *testing.T) {
	got, err := writeDraft(formText, map[string][]string{"title": {" New & own "}, "s0.max": {"green"}, "s0.onward": {"none"},
		"s0.retention": {""}, "s0.purpose": {"research"}, "s1.drop": {"yes"}})
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(formText, "    {\n      \"name\": \"incidents\"")
	want := strings.NewReplacer(`"Old"`, `"New & own"`, "amber+strict", "green", `"defence",`, `"research"`, "        \"own words\"\n", "",
		"constituency\",\n      \"retention\": \"P365D\"", "none\"").Replace(strings.TrimSuffix(head, ",\n")) + "\n  ],\n  \"nonce\": \"n\"\n}\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFormKeepsWhatItShows writes the form back as it is shown: nothing changes.
func TestFormKeepsWhatItShows(t *testing.T) {
	d := readDraft(formText)
	got, err := writeDraft(formText, map[string][]string{"title": {d.Title},
		"s0.max": {d.Streams[0].Max}, "s0.onward": {string(d.Streams[0].Onward)}, "s0.retention": {string(d.Streams[0].Retention)}, "s0.purpose": d.Streams[0].Purpose,
		"s1.max": {d.Streams[1].Max}, "s1.onward": {string(d.Streams[1].Onward)}, "s1.retention": {""}})
	if err != nil || got != formText {
		t.Errorf("%v\n%s", err, got)
	}
}

// FuzzWriteDraft feeds any text: it is refused, or the outcome is JSON.
func FuzzWriteDraft(f *testing.F) {
	for _, s := range []string{formText, `{}`, `[]`, `{"streams":[]}`, `{"streams":[{}]}`, `{"streams":[{"max":1}],"streams":null}`, `{"a`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		readDraft(text)
		got, err := writeDraft(text, map[string][]string{"title": {"x"}, "s0.max": {"red"}, "s0.purpose": {"a", "b"}})
		if err == nil && !json.Valid([]byte(got)) {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// TestOrderedKeepsOrder: an object that is read and written is the same object.
func TestOrderedKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.String(), rapid.ID[string]).Draw(t, "keys")
		var in ordered
		for _, k := range keys {
			raw, _ := json.Marshal(k)
			in = append(in, member{k, raw})
		}
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out ordered
		if err := json.Unmarshal(text, &out); err != nil || len(out) != len(in) {
			t.Fatalf("%s: %v", text, err)
		}
		again, _ := json.Marshal(out)
		if string(again) != string(text) {
			t.Fatalf("%s became %s", text, again)
		}
	})
}

// TestProposalForm follows the form on the page: filled, it is checked at once.
func TestProposalForm(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	form := url.Values{"with": {string(peerID)}, "body": {formText}, "do": {"fill"}, "s0.max": {"green"}, "title": {"<b>New</b>"}}
	body := hit(h, "admin", "POST", "/agreements/new", "", form.Encode()).Body.String()
	for _, want := range []string{"&#34;green&#34;", "&lt;b&gt;New", `name="s0.max"`, "streams[].retention"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	form.Set("body", "{")
	if rec := hit(h, "admin", "POST", "/agreements/new", "", form.Encode()); rec.Code != 422 {
		t.Errorf("broken text: %d", rec.Code)
	}
}
