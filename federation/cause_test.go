package federation

import (
	"net/url"
	"strings"
	"testing"

	"github.com/comity-net/comity"
)

// TestCausesAreSentences: what is wrong with JSON that a person typed or a peer
// sent is told by messages, never by the text of an inner error.
func TestCausesAreSentences(t *testing.T) {
	for name, c := range map[string]struct{ json, inside string }{
		"cut":       {`{"genesis":`, "ledger.json_cut"},
		"twice":     {`{"at":1,"at":2}`, "ledger.json_duplicate"},
		"character": {`{at}`, "ledger.json_syntax"},
		"kind":      {`{"genesis":[1]}`, "federation.json_value?at="},
	} {
		_, err := ParseIdentity([]byte(identityType + "\n" + c.json + "\n\n— x AAAAAA==\n"))
		wantErr(t, err, comity.Invalid, "federation.identity_malformed")
		m := comity.ErrorMessage(err)
		v, uerr := url.QueryUnescape(m.Args[0].Value)
		if uerr != nil || !strings.HasPrefix(v, "msg:") || !strings.Contains(v, c.inside) {
			t.Errorf("%s: %s %v", name, v, uerr)
		}
		if strings.Contains(v, "jsontext") || strings.Contains(v, "json: ") {
			t.Errorf("%s: an inner error shows: %s", name, v)
		}
	}
}
