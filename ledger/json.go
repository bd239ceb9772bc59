package ledger

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
)

// CheckJSON accepts b when it is exactly one JSON value in valid UTF-8, without
// duplicate keys in any object, nested at most maxDepth deep. Two parties that
// read different things out of the same signed bytes would be a way to cheat;
// this is what excludes it.
func CheckJSON(b []byte, maxDepth int) error {
	const op = "check json"
	d := jsontext.NewDecoder(bytes.NewReader(b))
	for n := 0; ; n++ {
		tok, err := d.ReadToken()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return jsonFault(op, d.InputOffset(), err)
		}
		if d.StackDepth() > maxDepth {
			return comity.E(comity.TooLarge, op, "", comity.Msg("ledger.json_depth", comity.A("limit", maxDepth)), nil)
		}
		if n > 0 && d.StackDepth() == 0 && tok.Kind() != '}' && tok.Kind() != ']' {
			return invalid(op, "", nil, "ledger.json_trailing", comity.A("offset", d.InputOffset()))
		}
		if n > 0 && d.StackDepth() == 0 {
			return atEnd(op, b, d.InputOffset())
		}
	}
}

// atEnd refuses anything but white space from offset on.
func atEnd(op string, b []byte, offset int64) error {
	if len(bytes.TrimLeft(b[offset:], " \t\r\n")) > 0 {
		return invalid(op, "", nil, "ledger.json_trailing", comity.A("offset", offset))
	}
	return nil
}

// parseObject reads one JSON object into v: duplicate keys and depth over the
// bound are refused, unknown members are ignored.
func parseObject(b []byte, v any) error {
	// Unmarshal refuses what CheckJSON refuses but depth, which takes brackets.
	if bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) > maxDepth {
		if err := CheckJSON(b, maxDepth); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(b, v); err != nil {
		return jsonFault("read json", 0, err)
	}
	return nil
}

// jsonFault says in sentences what the JSON library found. offset is used when
// the error has none of its own.
func jsonFault(op string, offset int64, err error) error {
	var value *json.SemanticError
	if errors.As(err, &value) {
		return invalid(op, "", err, "ledger.json_value", comity.A("at", clipPointer(string(value.JSONPointer))))
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		offset = syntax.ByteOffset
	}
	cause := comity.Msg("ledger.json_syntax")
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		cause = comity.Msg("ledger.json_duplicate")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		cause = comity.Msg("ledger.json_cut")
	}
	return invalid(op, "", err, "ledger.bad_json", comity.A("offset", offset), comity.A("cause", cause))
}

// clipPointer bounds foreign text that goes into a message.
func clipPointer(s string) string {
	const limit = 120
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// appendString appends s as a JSON string. Plain ASCII, the usual case, is
// copied; anything else goes through the encoder.
func appendString(dst []byte, s string) ([]byte, error) {
	if plain(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"'), nil
	}
	return jsontext.AppendQuote(dst, s)
}

// plain reports whether s stands for itself inside JSON quotes.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
