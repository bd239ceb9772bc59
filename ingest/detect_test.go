package ingest

import (
	"context"
	"strings"
	"testing"

	"github.com/comity-net/comity"
)

// TestNotTaken: what would silently lose or invent indicators is refused with
// the reason.
func TestNotTaken(t *testing.T) {
	for name, c := range map[string]struct{ text, key string }{
		"latin-1 list": {"198.51.100.7\ncaf\xe9.example\n192.0.2.1\n", "ingest.not_utf8"},
		"web page":     {"\n<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"></html>", "ingest.html"},
		"deep array":   {strings.Repeat("[", 200_000), ""},
	} {
		var kept []comity.Refusal
		sum, err := Run(t.Context(), strings.NewReader(c.text), Options{}, func(_ context.Context, b Batch) error {
			kept = append(kept, b.Refusals...)
			if len(b.Objects) > 0 {
				t.Errorf("%s: %d objects taken", name, len(b.Objects))
			}
			return nil
		})
		if c.key != "" && comity.ErrorMessage(err).Key != c.key || err == nil && sum.Refused == 0 {
			t.Errorf("%s: %v, %+v, %v", name, err, sum, kept)
		}
	}
	// Who asks for text gets what can be read.
	if sum, err := Run(t.Context(), strings.NewReader("198.51.100.7\ncaf\xe9.example\n"), Options{Format: FormatText}, func(context.Context, Batch) error { return nil }); err != nil || sum.Accepted == 0 {
		t.Errorf("%+v %v", sum, err)
	}
}
