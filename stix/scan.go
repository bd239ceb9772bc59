package stix

import "strings"

// comparison is one equality test of a pattern: an object path and the text
// literal that it is compared with.
type comparison struct{ path, text string }

// maxComparisons bounds what one pattern gives to the index.
const maxComparisons = 1000

// scanPattern returns the comparisons with =, IN, ISSUBSET and wildcard-free
// LIKE of a STIX pattern. Negated ones, inequalities and regular expressions
// are left out: a lookup must not find an indicator by what it excludes. It is
// a scanner, not a parser: a malformed pattern gives what could be read.
func scanPattern(p string) []comparison {
	var out []comparison
	sc := patternScanner{s: p}
	path, op, negated := "", "", false
	for len(out) < maxComparisons {
		kind, text := sc.next()
		switch kind {
		case tokenEnd:
			return out
		case tokenPath:
			path, op, negated = text, "", false
		case tokenWord:
			op, negated = operator(strings.ToUpper(text), op, negated)
		case tokenSymbol:
			if text == "=" || text == "==" {
				op = "="
			} else if op != "IN" || text != "(" && text != "," {
				op = ""
			}
		case tokenLiteral:
			wild := op == "LIKE" && strings.ContainsAny(text, "%_")
			if path != "" && op != "" && !negated && !wild {
				out = append(out, comparison{path, text})
			}
			if op != "IN" {
				path, op, negated = "", "", false
			}
		}
	}
	return out
}

// operator follows the words between a path and its literal.
func operator(word, op string, negated bool) (string, bool) {
	switch word {
	case "NOT":
		return op, true
	case "IN", "LIKE", "ISSUBSET":
		return word, negated
	}
	return "", negated
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenPath
	tokenWord
	tokenLiteral
	tokenSymbol
)

// patternScanner cuts a pattern into tokens.
type patternScanner struct {
	s string
	i int
}

func (p *patternScanner) next() (tokenKind, string) {
	s := p.s
	for p.i < len(s) && (s[p.i] <= ' ') {
		p.i++
	}
	if p.i >= len(s) {
		return tokenEnd, ""
	}
	start := p.i
	switch c := s[start]; {
	case c == '\'':
		return tokenLiteral, p.quoted()
	case c >= '0' && c <= '9':
		for p.i < len(s) && (wordByte(s[p.i]) || s[p.i] == '.') {
			p.i++
		}
		return tokenLiteral, s[start:p.i]
	case wordByte(c):
		return p.word()
	case c == '=' || c == '!' || c == '<' || c == '>':
		for p.i < len(s) && strings.IndexByte("=!<>", s[p.i]) >= 0 {
			p.i++
		}
		return tokenSymbol, s[start:p.i]
	}
	p.i++
	return tokenSymbol, s[start:p.i]
}

// word reads a keyword or an object path. A path has a colon; a typed literal
// (t'…', h'…', b'…') is taken for the word before it, and so is left out.
func (p *patternScanner) word() (tokenKind, string) {
	s, start := p.s, p.i
	for p.i < len(s) && wordByte(s[p.i]) {
		p.i++
	}
	if p.i >= len(s) || s[p.i] != ':' {
		if p.i < len(s) && s[p.i] == '\'' {
			p.quoted()
		}
		return tokenWord, s[start:p.i]
	}
	var b strings.Builder
	b.WriteString(s[start:p.i])
	for p.i < len(s) {
		switch c := s[p.i]; {
		case c == '\'':
			b.WriteString(p.quoted())
		case wordByte(c) || c == ':' || c == '.' || c == '[' || c == ']' || c == '*':
			b.WriteByte(c)
			p.i++
		default:
			return tokenPath, b.String()
		}
	}
	return tokenPath, b.String()
}

// quoted reads a string in single quotes with its backslash escapes.
func (p *patternScanner) quoted() string {
	var b strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; c {
		case '\'':
			p.i++
			return b.String()
		case '\\':
			if p.i+1 < len(p.s) {
				p.i++
				b.WriteByte(p.s[p.i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func wordByte(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
}
