package pattern

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// prefix is a network, or none.
type prefix struct {
	netip.Prefix
	ok bool
}

// constant is a literal in the forms in which it is compared.
type constant struct {
	kind   Kind
	text   string
	bytes  string // what it is as bytes
	isByte bool   // it can be bytes at all
	number decimal
	time   instant
}

func constantOf(l Literal) constant {
	c := constant{kind: class(l.Kind), text: l.Text}
	switch c.kind {
	case kindString:
		c.bytes, c.isByte = latin1(l.Text)
	case kindBinary:
		c.bytes, c.isByte = l.Text, true
	case kindInteger:
		c.number, _ = parseDecimal(l.Text)
	case kindTimestamp:
		c.time, _ = parseInstant(l.Text)
	}
	return c
}

// latin1 makes bytes of a string: code point U+0000 is 00, U+00ff is ff (STIX
// 2.1, section 9.2). ok is false when it has others.
func latin1(s string) (string, bool) {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), true
}

// fromLatin1 is the inverse of latin1.
func fromLatin1(b string) string {
	var s strings.Builder
	for i := 0; i < len(b); i++ {
		s.WriteRune(rune(b[i]))
	}
	return s.String()
}

// decoded returns the bytes of a binary property (STIX 2.1, section 9.6.4).
func (d *cond) decoded(s string) (string, bool) {
	var b []byte
	var err error
	if d.hex {
		b, err = hex.DecodeString(s)
	} else {
		b, err = base64.StdEncoding.DecodeString(s)
	}
	return string(b), err == nil
}

// compare compares the value of a property with a constant. ok is false where
// their types do not compare, so that all but != is false.
func (d *cond) compare(v any, c *constant) (order int, ok bool) {
	switch c.kind {
	case kindInteger:
		n, ok := numberOf(v)
		if !ok {
			return 0, false
		}
		return n.compare(c.number), true
	case kindBoolean:
		b, ok := v.(bool)
		if ok && b != (c.text == "true") {
			return 1, true
		}
		return 0, ok
	}
	s, ok := v.(string)
	if !ok {
		return 0, false
	}
	switch c.kind {
	case kindTimestamp:
		t, ok := parseInstant(s)
		return t.compare(c.time), ok
	case kindString:
		if !d.binary {
			return strings.Compare(s, c.text), true // bytes of UTF-8 order as code points do
		}
	}
	if !c.isByte {
		return 0, false
	}
	if d.binary {
		s, ok = d.decoded(s)
	} else {
		s, ok = latin1(s)
	}
	return strings.Compare(s, c.bytes), ok
}

// numberOf reads a JSON number in any of its Go forms.
func numberOf(v any) (decimal, bool) {
	switch n := v.(type) {
	case json.Number:
		return parseDecimal(string(n))
	case float64:
		return parseDecimal(strconv.FormatFloat(n, 'g', -1, 64))
	case int:
		return parseDecimal(strconv.Itoa(n))
	case int64:
		return parseDecimal(strconv.FormatInt(n, 10))
	}
	return decimal{}, false
}
