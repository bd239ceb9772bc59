package taxii

import (
	"mime"
	"strings"
)

// The media types of the standard, sections 1.6.8 and 5.2.1.
const (
	MediaTAXII = "application/taxii+json;version=2.1"
	MediaSTIX  = "application/stix+json;version=2.1"
)

const maxMediaRanges = 64

// accepts reports whether one of the media ranges allows a TAXII 2.1 answer.
// Blanks, parameters, q-values, lists and wildcards are understood; a client
// that names plain JSON, or nothing, gets TAXII too (curl, browsers' fetch).
func accepts(headers []string) bool {
	if len(headers) == 0 {
		return true
	}
	n := 0
	for _, h := range headers {
		for part := range splitList(h) {
			if n++; n > maxMediaRanges {
				return false
			}
			if rangeAccepts(part) {
				return true
			}
		}
	}
	return n == 0
}

func rangeAccepts(s string) bool {
	typ, params, err := mime.ParseMediaType(s)
	if err != nil {
		return false
	}
	if q, ok := params["q"]; ok && strings.Trim(q, "0. ") == "" {
		return false
	}
	switch typ {
	case "*/*", "application/*", "application/json":
		return true
	case "application/taxii+json", "application/stix+json":
		v, ok := params["version"]
		return !ok || v == "2.1"
	}
	return false
}

// takesBody reports whether a posted body of this content type is an envelope
// of TAXII 2.1.
func takesBody(contentType string) bool {
	typ, params, err := mime.ParseMediaType(contentType)
	if err != nil || typ != "application/taxii+json" {
		return false
	}
	v, ok := params["version"]
	return !ok || v == "2.1"
}

// splitList yields the parts of a comma list, without blanks; commas inside
// quotes do not part.
func splitList(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i <= len(s); i++ {
			if i < len(s) {
				switch c := s[i]; {
				case c == '"':
					quoted = !quoted
					continue
				case c != ',' || quoted:
					continue
				}
			}
			if part := strings.TrimSpace(s[start:i]); part != "" && !yield(part) {
				return
			}
			start = i + 1
		}
	}
}
