package stix

import (
	"strings"
	"testing"

	"github.com/comity-net/comity"
)

// TestBrokenPattern: an indicator whose pattern cannot be read is kept with a
// warning that says where, gives lookups nothing, and is refused in strict mode.
func TestBrokenPattern(t *testing.T) {
	raw := []byte(`{"type":"indicator","spec_version":"2.1","id":"indicator--6d1c6a5e-5f0f-4e4c-9b7e-3f2b1a0c9d8e",` +
		`"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","pattern_type":"stix",` +
		`"valid_from":"2026-01-01T00:00:00Z","pattern":"[ipv4-addr:value = '198.51.100.7'"}`)
	obj, rep := Parse(raw, Options{})
	if rep.Outcome != comity.Warned || len(obj.Values) != 0 || len(rep.Findings) != 1 ||
		rep.Findings[0].Path != "pattern" || !strings.HasPrefix(rep.Findings[0].Msg.Key, "pattern.") {
		t.Fatalf("%v %v %+v", rep.Outcome, obj.Values, rep.Findings)
	}
	if _, rep := Parse(raw, Options{Mode: comity.Strict}); rep.Outcome != comity.Refused {
		t.Fatalf("strict: %v", rep.Outcome)
	}
}
