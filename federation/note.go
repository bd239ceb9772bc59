package federation

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// lineKey reads which key a signature line claims to be by.
func lineKey(line []byte) (name string, hash uint32, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "— ")
	name, b64, ok2 := strings.Cut(rest, " ")
	sig, err := base64.StdEncoding.DecodeString(b64)
	if !ok || !ok2 || err != nil || len(sig) < 5 {
		return "", 0, false
	}
	return name, binary.BigEndian.Uint32(sig), true
}

// splitNote takes a checkpoint apart: the note with the lines of the keys vs (nil
// when there is none), and the other lines.
func splitNote(msg []byte, vs ...note.Verifier) (own []byte, others [][]byte, ok bool) {
	text, sigs, ok := notePart(msg)
	if !ok {
		return nil, nil, false
	}
	for line := range bytes.Lines(sigs) {
		if signedBy(line, vs...) {
			if own == nil {
				own = append(bytes.Clone(text), '\n')
			}
			own = append(own, line...)
		} else {
			others = append(others, bytes.Clone(line))
		}
	}
	return own, others, true
}
