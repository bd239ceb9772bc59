package ledger

import (
	"bytes"

	"github.com/comity-net/comity"
)

// MediaSTIX is the media type of a payload that is one STIX 2.1 object.
const MediaSTIX = "application/stix+json;version=2.1"

// Header is the line before a payload: whose object it is and what the bytes
// are. It is covered by the commitment and erased with the payload.
type Header struct {
	O   comity.ObjectID // the object's id
	X   string          // variant, "" for the whole object
	G   comity.MemberID // the origin node when the publisher relays, else ""
	F   string          // media type of the payload
	Sig string          // the origin's object signature when relayable, else ""
}

// Encode gives the header line with its final newline. Text that is not valid
// UTF-8 has its wrong bytes replaced.
func (h Header) Encode() []byte {
	b := make([]byte, 0, 160)
	b = appendMember(b, `{"o":`, string(h.O), true)
	b = appendMember(b, `,"x":`, h.X, true)
	b = appendMember(b, `,"g":`, string(h.G), false)
	b = appendMember(b, `,"f":`, h.F, true)
	b = appendMember(b, `,"sig":`, h.Sig, false)
	return append(b, "}\n"...)
}

// appendMember appends one member; an empty one only when always is set.
func appendMember(b []byte, name, value string, always bool) []byte {
	if value == "" && !always {
		return b
	}
	b = append(b, name...)
	b, err := appendString(b, value)
	if err != nil { // wrong UTF-8: the runes go over one by one
		b, _ = appendString(b, string([]rune(value)))
	}
	return b
}

// ParseHeader reads a header line: one JSON object of at most 8 KiB, ended by
// its only newline. The object id and the media type must be there; unknown
// members are ignored.
func ParseHeader(b []byte) (Header, error) {
	const op = "parse header"
	if len(b) > maxHeader {
		return Header{}, tooLarge(op, "header", int64(len(b)), maxHeader)
	}
	if h, ok := parsePlainHeader(b); ok {
		return h, nil
	}
	if i := bytes.IndexByte(b, '\n'); i < 0 || i != len(b)-1 {
		return Header{}, invalid(op, "", nil, "ledger.header_line")
	}
	var w struct {
		O   string `json:"o"`
		X   string `json:"x"`
		G   string `json:"g"`
		F   string `json:"f"`
		Sig string `json:"sig"`
	}
	if err := parseObject(b, &w); err != nil {
		return Header{}, invalid(op, "", err, "ledger.header_malformed", comity.A("cause", err))
	}
	if w.O == "" || w.F == "" {
		return Header{}, invalid(op, w.O, nil, "ledger.header_empty")
	}
	return Header{O: comity.ObjectID(w.O), X: w.X, G: comity.MemberID(w.G), F: w.F, Sig: w.Sig}, nil
}

// parsePlainHeader reads the header of a whole, unrelayed STIX object spelled as
// Encode spells it; everything else is left to the JSON parser.
//
// INVARIANT: what it accepts, the strict parser reads the same (TestPlainHeader).
func parsePlainHeader(b []byte) (Header, bool) {
	s := scan{b: b, ok: true}
	s.word(`{"o":"`)
	o := s.text(maxHeader)
	s.word(`","x":"","f":"` + MediaSTIX + "\"}\n")
	if !s.ok || len(s.b) != 0 || len(o) == 0 {
		return Header{}, false
	}
	return Header{O: comity.ObjectID(o), F: MediaSTIX}, true
}
