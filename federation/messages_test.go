package federation

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/comity-net/comity"
)

// sentences are the English sentences of this package.
var sentences = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, file := range []string{"federation", "keychain", "proof"} {
		if b, err := os.ReadFile(filepath.Join("..", "i18n", "keys", file+".en.json")); err == nil {
			_ = json.Unmarshal(b, &all)
		}
	}
	return all
})

var placeholder = regexp.MustCompile(`\{\{\.([a-z]+)\}\}`)

// complete fails when a message has no sentence, or its sentence asks for an
// argument that the message does not have.
func complete(t testing.TB, m comity.Message) {
	t.Helper()
	if !strings.HasPrefix(m.Key, "federation.") && !strings.HasPrefix(m.Key, "keychain.") {
		return // another package's
	}
	text, ok := sentences()[m.Key]
	if !ok {
		t.Fatalf("%s has no sentence", m.Key)
	}
	for _, want := range placeholder.FindAllStringSubmatch(text, -1) {
		found := false
		for _, a := range m.Args {
			found = found || a.Name == want[1]
		}
		if !found {
			t.Fatalf("%s: the sentence asks for %q, the message has %v", m.Key, want[1], m)
		}
	}
}

// Findings of package ledger are told with sentences of this package.
func TestPeerKeysHaveSentences(t *testing.T) {
	for word := range peerKeys {
		if sentences()["federation.peer_"+word] == "" {
			t.Errorf("federation.peer_%s has no sentence", word)
		}
	}
}

// What another package finds is told with the name of the peer, also when it is
// something new.
func TestPeerErrorOfUnknownFinding(t *testing.T) {
	err := peerError("read", comity.E(comity.Unverified, "x", "", comity.Msg("ledger.something_new", comity.A("n", 3)), nil), &Identity{Profile: Profile{Name: "KE"}}, "ch")
	wantErr(t, err, comity.Unverified, "federation.peer_data")
}
