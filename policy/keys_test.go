package policy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/comity-net/comity"
)

// Every message that the code can give has its English text, and the texts have
// no others.
func TestKeysHaveTexts(t *testing.T) {
	b, err := os.ReadFile("../i18n/keys/policy.en.json")
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
		for _, m := range regexp.MustCompile(`"(?:msg:)?(policy\.[a-z_]+)"`).FindAllSubmatch(src, -1) {
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

// texts reads the English texts; a plural text is taken in all its forms.
func texts(t testing.TB) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../i18n/keys/policy.en.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string, len(raw))
	for k, v := range raw {
		out[k] = string(v)
	}
	return out
}

// fits checks that a message has a text and every argument that the text names.
func fits(t testing.TB, texts map[string]string, m comity.Message) {
	t.Helper()
	text, ok := texts[m.Key]
	if !ok {
		t.Errorf("%s has no text", m.Key)
	}
	for _, arg := range regexp.MustCompile(`{{\.(\w+)}}`).FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(m.Args, func(a comity.Arg) bool { return a.Name == arg[1] }) {
			t.Errorf("%s: the text wants %s, the message has %v", m.Key, arg[1], m.Args)
		}
	}
}
