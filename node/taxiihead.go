package node

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/comity-net/comity/taxii"
)

// objectHead is what a manifest says of an object, as it stands in the bytes.
type objectHead struct {
	ID       string `json:"id"`
	Spec     string `json:"spec_version"`
	Created  string `json:"created"`
	Modified string `json:"modified"`
}

// headOf reads the head of a JSON object. It walks over what it does not need;
// where the bytes are out of the ordinary, it reads them in full. What is no
// text is left empty.
func headOf(raw []byte) objectHead {
	var h objectHead
	if !h.walk(raw) {
		h = objectHead{}
		_ = json.Unmarshal(raw, &h) // what can be read, is
	}
	return h
}

// walk goes through the members of the object and reports whether all of them
// were plain: no escapes in names or wanted texts, and the end where it belongs.
func (h *objectHead) walk(raw []byte) bool {
	b := bytes.TrimLeft(raw, " \t\r\n")
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	for b = b[1:]; ; b = b[1:] {
		name, rest, ok := plainText(blanks(b))
		if !ok {
			return false
		}
		if rest = blanks(rest); len(rest) == 0 || rest[0] != ':' {
			return false
		}
		b = blanks(rest[1:])
		if into := h.field(name); into != nil {
			var text []byte
			if text, b, ok = plainText(b); !ok {
				return false
			}
			*into = string(text)
		} else if b = pastValue(b); b == nil {
			return false
		}
		if b = blanks(b); len(b) == 0 || b[0] != ',' {
			return len(b) == 1 && b[0] == '}'
		}
	}
}

func (h *objectHead) field(name []byte) *string {
	switch string(name) {
	case "id":
		return &h.ID
	case "spec_version":
		return &h.Spec
	case "created":
		return &h.Created
	case "modified":
		return &h.Modified
	}
	return nil
}

func blanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\n' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}

// plainText reads a string of printable ASCII without escapes.
func plainText(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, b, false
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[1:i], b[i+1:], true
		case c == '\\' || c < ' ' || c > '~':
			return nil, b, false
		}
	}
	return nil, b, false
}

// pastValue returns what stands behind a value, nil when there is no end. The
// bytes were parsed when they were stored, so brackets match.
func pastValue(b []byte) []byte {
	depth := 0
	for len(b) > 0 {
		switch b[0] {
		case '"':
			if b = pastText(b); b == nil || depth == 0 {
				return b
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				if depth < 0 {
					return b
				}
				return b[1:]
			}
		case ',':
			if depth == 0 {
				return b
			}
		}
		b = b[1:]
	}
	return nil
}

func pastText(b []byte) []byte {
	for b = b[1:]; ; {
		i := bytes.IndexByte(b, '"')
		if i < 0 {
			return nil
		}
		escapes := 0
		for escapes < i && b[i-1-escapes] == '\\' {
			escapes++
		}
		if b = b[i+1:]; escapes%2 == 0 {
			return b
		}
		// The quote was escaped: what follows begins a new run of backslashes.
	}
}

func (h *objectHead) version(added time.Time) string {
	switch {
	case h.Modified != "":
		return h.Modified
	case h.Created != "":
		return h.Created
	}
	return taxii.FormatTime(added)
}

const stix20, stix21 = "2.0", "2.1"

// spec is the STIX version of an object: those of 2.0 do not say it, and neither
// need observables of 2.1, which have no created.
func (h *objectHead) spec() string {
	switch {
	case h.Spec != "":
		return h.Spec
	case h.Created != "":
		return stix20
	}
	return stix21
}
