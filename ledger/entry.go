package ledger

import (
	"bytes"
	"encoding/base64"
	stdjson "encoding/json"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
)

// Entry is one line of a channel log (federation.md 4.3). The object itself is
// not in it: only a random handle, the handling, and the commitment to the
// payload that travels beside it.
type Entry struct {
	K comity.EntryKind // what the entry does
	H comity.Handle    // the object, in this channel; empty for ctl
	R int64            // revision of the handle, from 1, strictly rising
	M comity.TLP       // handling; repeated here so that it survives erasure
	C comity.Hash      // commitment to nonce, header and payload; put only
	S int64            // size of the payload in bytes; put only

	Why  string             // short reason code of revoke, erase and mark
	Must bool               // a reader that does not know K must stop
	Ctl  stdjson.RawMessage // what a ctl entry says; nil otherwise
}

// entryVersion is the version of the entry format, "v".
const entryVersion = 1

// strict64 decodes commitments; Strict, so that one hash has one spelling.
var strict64 = base64.RawStdEncoding.Strict()

// Encode gives the bytes of the entry as they go into the log. It refuses what
// ParseEntry would refuse.
func (e Entry) Encode() ([]byte, error) {
	b := append(make([]byte, 0, 128), `{"v":1,"k":`...)
	b, err := appendString(b, string(e.K))
	if err != nil {
		return nil, invalid("encode entry", e.H, err, "ledger.entry_field", comity.A("field", "k"))
	}
	if e.H != "" {
		b = append(b, `,"h":"`...)
		b = append(b, e.H...)
		b = append(b, `","r":`...)
		b = strconv.AppendInt(b, e.R, 10)
	}
	if e.M != comity.Unmarked {
		b = append(b, `,"m":"`...)
		b = append(b, e.M.String()...)
		b = append(b, '"')
	}
	if e.K == comity.EntryPut {
		b = append(b, `,"c":"`...)
		b = strict64.AppendEncode(b, e.C[:])
		b = append(b, `","s":`...)
		b = strconv.AppendInt(b, e.S, 10)
	}
	if b, err = e.appendRare(b); err != nil {
		return nil, err
	}
	b = append(b, '}')
	if _, err := ParseEntry(b); err != nil {
		return nil, err
	}
	return b, nil
}

// appendRare appends the members that most entries do not have.
func (e Entry) appendRare(b []byte) ([]byte, error) {
	var err error
	if e.Why != "" {
		b = append(b, `,"why":`...)
		if b, err = appendString(b, e.Why); err != nil {
			return nil, invalid("encode entry", e.H, err, "ledger.entry_field", comity.A("field", "why"))
		}
	}
	if e.Must {
		b = append(b, `,"must":true`...)
	}
	if len(e.Ctl) > 0 {
		b = append(b, `,"ctl":`...)
		b = append(b, e.Ctl...)
	}
	return b, nil
}

// ParseEntry reads an entry of at most 64 KiB. It refuses duplicate keys and
// wrong values; it ignores unknown members and keeps unknown kinds (the caller
// looks at Must).
func ParseEntry(b []byte) (Entry, error) {
	const op = "parse entry"
	if len(b) > MaxEntry {
		return Entry{}, tooLarge(op, "entry", int64(len(b)), MaxEntry)
	}
	if e, ok := parsePlainPut(b); ok {
		return e, nil
	}
	var w wireEntry
	if err := parseObject(b, &w); err != nil {
		return Entry{}, invalid(op, "", err, "ledger.entry_malformed", comity.A("cause", err))
	}
	e, field := w.entry()
	if field != "" {
		return Entry{}, invalid(op, w.H, nil, "ledger.entry_field", comity.A("field", field))
	}
	return e, nil
}

// wireEntry is an entry as JSON has it.
type wireEntry struct {
	V    int64          `json:"v"`
	K    string         `json:"k"`
	H    string         `json:"h"`
	R    int64          `json:"r"`
	M    *string        `json:"m"`
	C    *string        `json:"c"`
	S    *int64         `json:"s"`
	Why  string         `json:"why"`
	Must bool           `json:"must"`
	Ctl  jsontext.Value `json:"ctl"`
}

// entry checks the members and gives the entry, or the first member that is
// wrong.
func (w *wireEntry) entry() (e Entry, wrong string) {
	e = Entry{K: comity.EntryKind(w.K), H: comity.Handle(w.H), R: w.R, Why: w.Why, Must: w.Must, Ctl: stdjson.RawMessage(w.Ctl)}
	if w.V != entryVersion {
		return e, "v"
	}
	if w.K == "" {
		return e, "k"
	}
	if w.M != nil {
		m, ok := comity.ParseTLP(*w.M)
		if !ok || m.String() != *w.M {
			return e, "m"
		}
		e.M = m
	}
	if w.C != nil {
		if !decodeHash(&e.C, []byte(*w.C)) {
			return e, "c"
		}
	}
	if w.S != nil {
		e.S = *w.S
	}
	if e.S < 0 || e.S > MaxPayload {
		return e, "s"
	}
	return e, w.wrongFor(e)
}

// wrongFor names the member that is missing or out of place for the kind.
// Unknown kinds may carry what they like.
func (w *wireEntry) wrongFor(e Entry) string {
	if w.H != "" && !validHandle(w.H) {
		return "h"
	}
	if e.R < 0 || (w.H != "" && e.R == 0) {
		return "r"
	}
	switch e.K {
	case comity.EntryPut:
		switch {
		case w.H == "":
			return "h"
		case e.M == comity.Unmarked:
			return "m"
		case w.C == nil:
			return "c"
		case w.S == nil:
			return "s"
		}
	case comity.EntryRevoke, comity.EntryErase, comity.EntryMark:
		switch {
		case w.H == "":
			return "h"
		case w.C != nil:
			return "c"
		case e.K == comity.EntryMark && e.M == comity.Unmarked:
			return "m"
		}
	case comity.EntryCtl:
		if w.C != nil {
			return "c"
		}
	}
	return ""
}

// decodeHash reads the 43 characters of a commitment.
func decodeHash(h *comity.Hash, s []byte) bool {
	if len(s) != 43 || bytes.IndexByte(s, '\n') >= 0 || bytes.IndexByte(s, '\r') >= 0 { // line breaks: the decoder would skip them
		return false
	}
	_, err := strict64.Decode(h[:], s)
	return err == nil
}

// NewHandle draws a handle: 96 random bits, base64 in the URL alphabet.
func NewHandle(r io.Reader) (comity.Handle, error) {
	var b [12]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", comity.E(comity.Internal, "draw handle", "", comity.Msg("ledger.no_randomness"), err)
	}
	return comity.Handle(base64.RawURLEncoding.EncodeToString(b[:])), nil
}

// validHandle reports whether s is 16 characters of the URL alphabet.
func validHandle[T ~string | ~[]byte](s T) bool {
	if len(s) != 16 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
