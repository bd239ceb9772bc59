package stix

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// step adds one step to a property path.
func step(b *strings.Builder, array bool, index int, name string) {
	if array {
		b.WriteByte('[')
		b.WriteString(strconv.Itoa(index))
		b.WriteByte(']')
		return
	}
	if b.Len() > 0 {
		b.WriteByte('.')
	}
	b.WriteString(clip(name, 100))
}

// pointerPath turns a JSON pointer into a property path. A number in a pointer
// may be an index or a name; it is shown as an index.
func pointerPath(p string) string {
	var b strings.Builder
	for _, tok := range strings.Split(strings.TrimPrefix(p, "/"), "/") {
		tok = strings.NewReplacer("~1", "/", "~0", "~").Replace(tok)
		_, err := strconv.ParseUint(tok, 10, 31)
		if tok == "" {
			continue
		}
		n, _ := strconv.Atoi(tok)
		step(&b, err == nil && b.Len() > 0, n, tok)
	}
	return clip(b.String(), 500)
}

// syntaxError maps an error of the decoder to the rule it broke.
func syntaxError(err error) *treeError {
	te := &treeError{rule: ruleSyntax}
	var se *jsontext.SyntacticError
	if errors.As(err, &se) {
		te.at = se.ByteOffset
		te.path = pointerPath(string(se.JSONPointer))
		if errors.Is(se.Err, jsontext.ErrDuplicateName) {
			te.rule = ruleDuplicate
		} else if strings.Contains(se.Err.Error(), "UTF-8") {
			te.rule = ruleUTF8
		}
	}
	return te
}

// clip cuts s to at most n bytes, at a whole character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
