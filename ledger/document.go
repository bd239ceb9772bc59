package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// Document is a signed document as it was received. Its body, a type line and
// JSON, is what was signed and what its id names; nothing is re-serialised.
type Document struct {
	Type   string // first line, such as "comity/agreement/v1"
	Body   []byte // the signed text: type line, JSON, newline
	JSON   []byte // the part of Body after the type line, without the final newline
	ID     string // lower-case hexadecimal SHA-256 of Body
	Signed []DocSignature
}

// DocSignature is one verified signature on a document.
type DocSignature struct {
	Name string // of the key
	Hash uint32 // the key hash of the signed-note format
	Line []byte // the whole signature line with its newline
}

// SignDocument makes a document of this type out of one JSON value and signs it
// with each signer. White space around the JSON is dropped; inside it only
// spaces and newlines may stand, for signed notes hold no other control
// characters.
func SignDocument(typ string, jsonBody []byte, signers ...note.Signer) ([]byte, error) {
	const op = "sign document"
	body := concat([]byte(typ), []byte{'\n'}, bytes.TrimSpace(jsonBody), []byte{'\n'})
	if _, err := parseBody(op, body); err != nil {
		return nil, err
	}
	lines := make([][]byte, 0, len(signers))
	for _, s := range signers {
		line, err := signLine(op, body, s)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return JoinDocument(body, lines...)
}

// Countersign signs the body of a document, exactly as it stands, and gives the
// signature line. This is how a second party signs the same bytes.
func Countersign(body []byte, s note.Signer) (line []byte, err error) {
	const op = "sign document"
	if _, err := parseBody(op, body); err != nil {
		return nil, err
	}
	return signLine(op, body, s)
}

// JoinDocument puts a body and signature lines together. It checks their form,
// not the signatures; a line that stands there already is left out.
func JoinDocument(body []byte, lines ...[]byte) ([]byte, error) {
	const op = "join document"
	if _, err := parseBody(op, body); err != nil {
		return nil, err
	}
	if len(lines) == 0 || len(lines) > maxSignatures {
		return nil, invalid(op, "", nil, "ledger.signature_count", comity.A("n", len(lines)), comity.A("limit", maxSignatures))
	}
	out := append(bytes.Clone(body), '\n')
	seen := make(map[string]bool, len(lines))
	for _, l := range lines {
		l, err := oneLine(op, l)
		if err != nil {
			return nil, err
		}
		if !seen[string(l)] {
			seen[string(l)] = true
			out = append(out, l...)
		}
	}
	if len(out) > maxDocument {
		return nil, tooLarge(op, "document", int64(len(out)), maxDocument)
	}
	return out, nil
}

// OpenDocument reads a document of at most 1 MB and checks every signature by
// one of the keys vs; a wrong one, or none at all, is Unverified. Signatures by
// other keys are passed over. It refuses JSON with duplicate keys or nested
// more than 32 deep.
func OpenDocument(msg []byte, vs ...note.Verifier) (Document, error) {
	const op = "open document"
	n, err := openNote(op, "", msg, maxDocument, vs...)
	if err != nil {
		return Document{}, err
	}
	d, err := parseBody(op, []byte(n.Text))
	if err != nil {
		return Document{}, err
	}
	for _, s := range n.Sigs {
		d.Signed = append(d.Signed, DocSignature{Name: s.Name, Hash: s.Hash, Line: []byte("— " + s.Name + " " + s.Base64 + "\n")})
	}
	return d, nil
}

// parseBody checks a document's body and takes it apart.
func parseBody(op string, body []byte) (Document, error) {
	if len(body) > maxDocument {
		return Document{}, tooLarge(op, "document", int64(len(body)), maxDocument)
	}
	typ, rest, _ := bytes.Cut(body, []byte{'\n'})
	if !validType(string(typ)) {
		return Document{}, invalid(op, "", nil, "ledger.document_type")
	}
	if len(rest) == 0 || rest[len(rest)-1] != '\n' {
		return Document{}, invalid(op, string(typ), nil, "ledger.document_end")
	}
	for _, c := range body {
		if c < 0x20 && c != '\n' {
			return Document{}, invalid(op, string(typ), nil, "ledger.document_control")
		}
	}
	rest = rest[:len(rest)-1]
	if err := CheckJSON(rest, maxDepth); err != nil {
		return Document{}, err
	}
	id := sha256.Sum256(body)
	return Document{Type: string(typ), Body: body, JSON: rest, ID: hex.EncodeToString(id[:])}, nil
}

// validType reports whether s looks like "comity/agreement/v1": at most 64
// characters, lower-case words and slashes, a version at the end.
func validType(s string) bool {
	parts := strings.Split(s, "/")
	if len(s) > 64 || len(parts) < 2 || !strings.HasPrefix(parts[len(parts)-1], "v") {
		return false
	}
	for _, p := range parts {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
		}) {
			return false
		}
	}
	return true
}
