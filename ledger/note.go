package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// openNote reads a signed note within limit bytes and checks every signature by
// a known key; at least one must be there. Failures are Unverified, or TooLarge.
func openNote(op string, subject any, msg []byte, limit int, vs ...note.Verifier) (*note.Note, error) {
	if len(msg) > limit {
		return nil, tooLarge(op, "note", int64(len(msg)), int64(limit))
	}
	for _, v := range vs {
		if v == nil {
			return nil, comity.E(comity.Internal, op, subject, comity.Msg("ledger.no_key"), nil)
		}
	}
	n, err := note.Open(msg, note.VerifierList(vs...))
	var bad *note.InvalidSignatureError
	var unknown *note.UnverifiedNoteError
	switch {
	case err == nil:
		return n, nil
	case errors.As(err, &bad):
		return nil, unverified(op, subject, err, "ledger.bad_signature", comity.A("key", keyName(bad.Name, bad.Hash)))
	case errors.As(err, &unknown):
		s := unknown.Note.UnverifiedSigs[0]
		return nil, unverified(op, subject, err, "ledger.unknown_key", comity.A("key", keyName(s.Name, s.Hash)))
	case bytes.Count(msg, []byte("\n— ")) > maxSignatures:
		return nil, unverified(op, subject, err, "ledger.many_signatures", comity.A("limit", maxSignatures))
	}
	return nil, unverified(op, subject, err, "ledger.note_malformed")
}

// keyName spells a key as signature lines and configuration do.
func keyName(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// signLine signs text and gives the signature line with its newline.
func signLine(op string, text []byte, s note.Signer) ([]byte, error) {
	msg, err := note.Sign(&note.Note{Text: string(text)}, s)
	if err != nil {
		return nil, comity.E(comity.Internal, op, s.Name(), comity.Msg("ledger.cannot_sign", comity.A("key", s.Name())), err)
	}
	return msg[len(text)+1:], nil
}

// oneLine refuses what is not a single signature line, and gives it with its
// newline.
func oneLine(op string, line []byte) ([]byte, error) {
	if len(line) > maxReceipt {
		return nil, tooLarge(op, "signature", int64(len(line)), maxReceipt)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	if !bytes.HasPrefix(line, []byte("— ")) || bytes.ContainsAny(line, "\n\r") {
		return nil, unverified(op, "", nil, "ledger.note_malformed")
	}
	return append(bytes.Clone(line), '\n'), nil
}

// concat puts parts one behind the other in new memory.
func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
