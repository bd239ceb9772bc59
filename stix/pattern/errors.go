package pattern

import (
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// fail keeps the first error, with its place in the text.
func (p *parser) fail(key string, at int, args ...comity.Arg) {
	if p.err == nil {
		p.err = comity.E(comity.Invalid, "parse", "pattern", comity.Msg(key, append(place(p.s, at), args...)...), nil)
	}
	p.tok = token{start: len(p.s), end: len(p.s)}
}

// expected says what stands here and what should. what is a sign or a keyword,
// or "msg:" and the key of its description.
func (p *parser) expected(what string) {
	found := "msg:pattern.token.end"
	if p.tok.kind != tokenEnd {
		// The quotes also keep a text of the pattern from being taken for a key.
		found = "“" + clip(p.text()) + "”"
	}
	if !strings.HasPrefix(what, "msg:") {
		what = "“" + what + "”"
	}
	p.fail("pattern.expected", p.tok.start, comity.A("found", found), comity.A("expected", what))
}

func (p *parser) tooMany(key string, limit int) {
	if p.err == nil {
		at := place(p.s, p.tok.start)
		p.err = comity.E(comity.TooLarge, "parse", "pattern", comity.Msg(key, append(at, comity.A("limit", limit))...), nil)
	}
	p.tok = token{start: len(p.s), end: len(p.s)}
}

// place gives line and column, counted from 1 in characters, and the byte,
// counted from 0.
func place(s string, at int) []comity.Arg {
	at = min(at, len(s))
	before := s[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return []comity.Arg{comity.A("line", line), comity.A("column", column), comity.A("offset", at)}
}

// clip shortens a piece of the pattern for a message.
func clip(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
