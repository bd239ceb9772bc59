package ledger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

// Every message that the code can give has its English text, and the texts have
// no others.
func TestKeysHaveTexts(t *testing.T) {
	b, err := os.ReadFile("../i18n/keys/ledger.en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]any
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(ledger\.[a-z_]+)"`).FindAllSubmatch(src, -1) {
			used[string(m[1])] = true
		}
	}
	for k := range used {
		if texts[k] == nil {
			t.Errorf("%s has no text", k)
		}
	}
	for k := range texts {
		if !used[k] {
			t.Errorf("%s is never used", k)
		}
	}
}

// fits checks that an error's message has every argument that its text names.
func fits(t rapid.TB, err error) {
	t.Helper()
	b, readErr := os.ReadFile("../i18n/keys/ledger.en.json")
	if readErr != nil {
		t.Fatal(readErr)
	}
	var texts map[string]json.RawMessage
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	m := comity.ErrorMessage(err)
	for _, arg := range regexp.MustCompile(`{{\.(\w+)}}`).FindAllSubmatch(texts[m.Key], -1) {
		if !slices.ContainsFunc(m.Args, func(a comity.Arg) bool { return a.Name == string(arg[1]) }) {
			t.Errorf("%s: the text wants %s, the message has %v", m.Key, arg[1], m.Args)
		}
	}
}
