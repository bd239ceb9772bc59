package ledger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
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
