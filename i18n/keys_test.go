package i18n

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forms lists the plural forms that CLDR gives each language for numbers.
var forms = map[string][]string{
	"en": {"one", "other"},
	"ar": {"zero", "one", "two", "few", "many", "other"},
	"es": {"one", "many", "other"},
	"fr": {"one", "many", "other"},
	"ru": {"one", "few", "many", "other"},
	"zh": {"other"},
}

// placeholder matches what a sentence may hold: an argument, or a part that
// stands only when an argument is not empty.
var placeholder = regexp.MustCompile(`\{\{\s*(?:(?:if )?\.(\w+)|else|end)\s*\}\}`)

// entry is one sentence: under "" when it has no plural forms.
type entry map[string]string

// readKeys returns package -> language -> key -> entry.
func readKeys(t *testing.T) map[string]map[string]map[string]entry {
	t.Helper()
	files, err := os.ReadDir("keys")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]map[string]entry{}
	for _, f := range files {
		parts := strings.Split(f.Name(), ".")
		if len(parts) != 3 || parts[2] != "json" || forms[parts[1]] == nil {
			t.Errorf("keys/%s is not <package>.<language>.json", f.Name())
			continue
		}
		if out[parts[0]] == nil {
			out[parts[0]] = map[string]map[string]entry{}
		}
		out[parts[0]][parts[1]] = readFile(t, f.Name())
	}
	return out
}

func readFile(t *testing.T, name string) map[string]entry {
	b, err := os.ReadFile("keys/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Errorf("keys/%s: %v", name, err)
		return nil
	}
	if n := countTopKeys(b); n != len(raw) {
		t.Errorf("keys/%s: %d keys are written twice", name, n-len(raw))
	}
	keys := map[string]entry{}
	for k, v := range raw {
		e, one := entry{}, ""
		if json.Unmarshal(v, &one) == nil {
			e[""] = one
		} else if err := json.Unmarshal(v, &e); err != nil {
			t.Errorf("keys/%s: %s: neither a text nor plural forms", name, k)
		}
		keys[k] = e
	}
	return keys
}

// countTopKeys counts the keys of the outer object, repeated ones too.
func countTopKeys(b []byte) int {
	dec := json.NewDecoder(strings.NewReader(string(b)))
	depth, n, wantKey := 0, 0, false
	for {
		tok, err := dec.Token()
		if err != nil {
			return n
		}
		switch tok {
		case json.Delim('{'):
			depth++
			wantKey = depth == 1
			continue
		case json.Delim('}'):
			depth--
			wantKey = depth == 1
			continue
		}
		if depth == 1 {
			if wantKey {
				n++
			}
			wantKey = !wantKey
		}
	}
}

// shape names the placeholders of an entry over all its forms.
func (e entry) shape() string {
	set := map[string]bool{}
	for _, text := range e {
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			if m[1] != "" {
				set[m[1]] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}

// faults says what is wrong with an entry in a language, given the English one.
func (e entry) faults(lang string, en entry) []string {
	var out []string
	_, plain := e[""]
	if _, enPlain := en[""]; plain != enPlain {
		return []string{"has plural forms in one language and none in the other"}
	}
	if !plain {
		if have := slices.Sorted(maps.Keys(e)); !slices.Equal(have, slices.Sorted(slices.Values(forms[lang]))) {
			out = append(out, fmt.Sprintf("has the forms %v, needs %v", have, forms[lang]))
		}
	}
	for form, text := range e {
		if strings.TrimSpace(text) == "" {
			out = append(out, "is empty "+form)
		}
		// A form for one exact number may say it in words.
		exact := form == "zero" || form == "one" || form == "two"
		one := entry{form: text}
		if got, want := one.shape(), en.shape(); got != want && !(exact && got == strings.TrimSpace(strings.Join(without(strings.Fields(want), "n"), " "))) {
			out = append(out, fmt.Sprintf("%s has the placeholders [%s], English [%s]", form, got, want))
		}
		if open := strings.Count(text, "{{"); open != len(placeholder.FindAllString(text, -1)) || open != strings.Count(text, "}}") {
			out = append(out, "has a broken placeholder: "+text)
		}
	}
	return out
}

func without(list []string, x string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == x })
}

// TestEveryKeyInEveryLanguage lists per file what is missing, left over or wrong.
func TestEveryKeyInEveryLanguage(t *testing.T) {
	for pkg, langs := range readKeys(t) {
		en := langs["en"]
		for _, l := range Languages() {
			var missing []string
			have := langs[l.Tag]
			for k, e := range en {
				got, ok := have[k]
				if !ok {
					missing = append(missing, k)
					continue
				}
				for _, f := range got.faults(l.Tag, e) {
					t.Errorf("keys/%s.%s.json: %s: %s", pkg, l.Tag, k, f)
				}
			}
			for k := range have {
				if _, ok := en[k]; !ok {
					t.Errorf("keys/%s.%s.json: %s: does not exist in English", pkg, l.Tag, k)
				}
			}
			if len(missing) > 0 {
				slices.Sort(missing)
				t.Errorf("keys/%s.%s.json lacks %d of %d: %s", pkg, l.Tag, len(missing), len(en), strings.Join(missing, " "))
			}
		}
	}
}
