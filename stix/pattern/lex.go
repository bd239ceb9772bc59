package pattern

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a name or a keyword
	tokenString           // '…'
	tokenTime             // t'…'
	tokenBinary           // b'…'
	tokenHex              // h'…'
	tokenInt
	tokenFloat
	tokenSign // an operator or a bracket
)

// token is one piece of the text. body is what stands between the quotes.
type token struct {
	kind       tokenKind
	escaped    bool // the body holds a backslash
	start, end int
	body       int // where the body of a quoted token begins
}

// advance reads the next token into p.tok.
func (p *parser) advance() {
	if p.err != nil {
		return
	}
	s := p.s
	i := p.tok.end
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r' || s[i] >= 0x80 || s[i] == '/' || s[i] == '\v' || s[i] == '\f') {
		n := p.blank(i)
		if n == 0 {
			break
		}
		i += n
	}
	p.tok = token{start: i, end: i}
	if i >= len(s) || p.err != nil {
		return
	}
	switch c := s[i]; {
	case c == '\'':
		p.quoted(tokenString, i)
	case isWordByte(c) && c != '-' && (c < '0' || c > '9'):
		if i+1 < len(s) && s[i+1] == '\'' {
			switch c {
			case 't':
				p.quoted(tokenTime, i+1)
				return
			case 'b':
				p.quoted(tokenBinary, i+1)
				return
			case 'h':
				p.quoted(tokenHex, i+1)
				return
			}
		}
		p.word(i)
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
		p.number(i)
	default:
		p.sign(i)
	}
}

// blank returns how many bytes of white space or comment begin at i; 0 for none.
func (p *parser) blank(i int) int {
	s := p.s
	switch c := s[i]; {
	case c == '/':
		if strings.HasPrefix(s[i:], "//") {
			if n := strings.IndexAny(s[i:], "\r\n"); n >= 0 {
				return n
			}
			return len(s) - i
		}
		if strings.HasPrefix(s[i:], "/*") {
			if n := strings.Index(s[i+2:], "*/"); n >= 0 {
				return n + 4
			}
			p.tok.start = i
			p.fail("pattern.comment", i)
		}
		return 0
	case c >= 0x80:
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.IsSpace(r) {
			return n
		}
		return 0
	}
	return 1
}

func (p *parser) word(i int) {
	s, j := p.s, i+1
	for j < len(s) && wordBytes[s[j]] {
		j++
	}
	p.tok.kind, p.tok.end = tokenWord, j
}

// quoted reads a token whose opening quote is at i.
func (p *parser) quoted(kind tokenKind, i int) {
	s, start := p.s, p.tok.start
	p.tok.kind, p.tok.body = kind, i+1
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\'':
			p.tok.end = j + 1
			return
		case '\\':
			p.tok.escaped = true
			if j+1 < len(s) && s[j+1] != '\'' && s[j+1] != '\\' && !p.lenient {
				p.fail("pattern.escape", j)
				return
			}
			j++
		}
	}
	p.fail("pattern.unterminated", start)
}

// number reads digits with an optional sign and fraction. A point or a sign
// that begins no number is a sign of its own.
func (p *parser) number(i int) {
	s, j := p.s, i
	if s[j] == '-' || s[j] == '+' {
		j++
	}
	whole := j
	for j < len(s) && s[j] >= '0' && s[j] <= '9' {
		j++
	}
	intEnd := j
	if j+1 < len(s) && s[j] == '.' && s[j+1] >= '0' && s[j+1] <= '9' {
		for j++; j < len(s) && s[j] >= '0' && s[j] <= '9'; {
			j++
		}
		p.tok.kind, p.tok.end = tokenFloat, j
		return
	}
	if intEnd == whole {
		p.tok.kind, p.tok.end = tokenSign, i+1
		return
	}
	if s[whole] == '0' { // no leading zeros: 007 is three numbers, and so an error
		intEnd = whole + 1
	}
	p.tok.kind, p.tok.end = tokenInt, intEnd
}

// sign reads an operator, a bracket, or one character that belongs nowhere.
func (p *parser) sign(i int) {
	s := p.s
	p.tok.kind, p.tok.end = tokenSign, i+1
	if i+1 < len(s) {
		switch s[i : i+2] {
		case "==", "!=", "<>", "<=", ">=":
			p.tok.end = i + 2
			return
		}
	}
	if s[i] >= utf8.RuneSelf {
		_, n := utf8.DecodeRuneInString(s[i:])
		p.tok.end = i + n
	}
}

// text returns the token as it stands.
func (p *parser) text() string { return p.s[p.tok.start:p.tok.end] }

// content returns the body of a quoted token, without its escapes.
func (p *parser) content() string {
	body := p.s[p.tok.body : p.tok.end-1]
	if !p.tok.escaped {
		return body
	}
	var b strings.Builder
	b.Grow(len(body))
	for i := 0; i < len(body); i++ {
		if body[i] == '\\' && i+1 < len(body) && (body[i+1] == '\'' || body[i+1] == '\\') {
			i++
		}
		b.WriteByte(body[i])
	}
	return b.String()
}

// is reports whether the token is the sign or the keyword.
func (p *parser) is(word string) bool {
	if p.tok.kind != tokenWord && p.tok.kind != tokenSign {
		return false
	}
	t := p.text()
	return t == word || p.lenient && len(t) == len(word) && strings.EqualFold(t, word)
}
