package stix

import (
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanTree reads what buildTree reads, three times as fast, and says no more
// than that something is wrong: the decoder of buildTree then finds what.
//
// INVARIANT: it takes no text that buildTree refuses, and gives the same tree
// (FuzzScan).
func scanTree(text string, maxDepth int) (tree, bool) {
	if !utf8.ValidString(text) {
		return tree{}, false
	}
	s := scanner{text: text, depth: maxDepth, nodes: make([]node, 0, 8+len(text)/32)}
	s.space()
	if !s.value(node{}) {
		return tree{}, false
	}
	s.space()
	return tree{text: text, nodes: s.nodes}, s.at == len(text)
}

// scanner stands at one byte of a text.
type scanner struct {
	text  string
	at    int
	depth int // how much deeper values may nest
	nodes []node
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// value takes one value into a node that has its name already.
func (s *scanner) value(n node) bool {
	if s.at >= len(s.text) || len(s.nodes) >= maxNodes {
		return false
	}
	n.start = int32(s.at)
	ok := true
	switch b := s.text[s.at]; b {
	case '{', '[':
		return s.container(n, b)
	case '"':
		n.kind = kindString
		n.escaped, ok = s.str()
	case 't':
		n.kind, ok = kindTrue, s.word("true")
	case 'f':
		n.kind, ok = kindFalse, s.word("false")
	case 'n':
		n.kind, ok = kindNull, s.word("null")
	default:
		n.kind, ok = kindNumber, s.number()
	}
	n.end = int32(s.at)
	s.nodes = append(s.nodes, n)
	return ok
}

// container takes an object or an array.
func (s *scanner) container(n node, open byte) bool {
	if s.depth--; s.depth < 0 {
		return false
	}
	n.kind = jsontext.Kind(open)
	self := int32(len(s.nodes))
	s.nodes = append(s.nodes, n)
	s.at++
	last, names := int32(0), nameSet{s: s}
	for {
		s.space()
		if s.at >= len(s.text) {
			return false
		}
		if s.text[s.at] == open+2 { // '{'+2 is '}', '['+2 is ']'
			break
		}
		if last != 0 {
			if s.text[s.at] != ',' {
				return false
			}
			s.at++
			s.space()
		}
		child := node{}
		if open == '{' && !(s.name(&child) && names.add(&child)) {
			return false
		}
		at := int32(len(s.nodes))
		if !s.value(child) {
			return false
		}
		if last != 0 {
			s.nodes[last].next = at
		}
		last = at
		s.nodes[self].n++
	}
	s.at++
	s.depth++
	s.nodes[self].end = int32(s.at)
	return true
}

// name takes a name and the colon behind it.
func (s *scanner) name(n *node) bool {
	if s.at >= len(s.text) || s.text[s.at] != '"' {
		return false
	}
	n.nameStart = int32(s.at + 1)
	escaped, ok := s.str()
	n.nameEnd, n.nameEscaped = int32(s.at-1), escaped
	s.space()
	if !ok || s.at >= len(s.text) || s.text[s.at] != ':' {
		return false
	}
	s.at++
	s.space()
	return true
}

// str takes a string. Escapes are looked at only as far as their second byte,
// those by number in full.
func (s *scanner) str() (escaped, ok bool) {
	for i := s.at + 1; i < len(s.text); {
		switch b := s.text[i]; {
		case b == '"':
			s.at = i + 1
			return escaped, true
		case b < 0x20:
			return escaped, false
		case b != '\\':
			i++
		default:
			n := escape(s.text[i:])
			if n == 0 {
				return escaped, false
			}
			escaped, i = true, i+n
		}
	}
	return escaped, false
}

// escape returns the length of the escape at the start of s; 0 where it is none.
func escape(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[1]) < 0 {
			return 0
		}
		return 2
	}
	r := hex4(s)
	switch {
	case r < 0 || r >= 0xdc00 && r < 0xe000:
		return 0
	case r < 0xd800 || r >= 0xe000:
		return 6
	case len(s) >= 12 && s[6] == '\\' && s[7] == 'u':
		if low := hex4(s[6:]); low >= 0xdc00 && low < 0xe000 {
			return 12
		}
	}
	return 0
}

// hex4 reads the four digits of \uXXXX; -1 where they are none.
func hex4(s string) int {
	if len(s) < 6 {
		return -1
	}
	n := 0
	for _, b := range []byte(s[2:6]) {
		switch {
		case b >= '0' && b <= '9':
			n = n<<4 | int(b-'0')
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			n = n<<4 | int(b|0x20-'a'+10)
		default:
			return -1
		}
	}
	return n
}

func (s *scanner) word(w string) bool {
	if !strings.HasPrefix(s.text[s.at:], w) {
		return false
	}
	s.at += len(w)
	return true
}

// number takes a number in the grammar of RFC 8259.
func (s *scanner) number() bool {
	if s.at < len(s.text) && s.text[s.at] == '-' {
		s.at++
	}
	from := s.at
	if !s.digits() || s.text[from] == '0' && s.at-from > 1 {
		return false
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		return s.digits()
	}
	return true
}

// digits takes one digit or more.
func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}

// nameSet finds names that stand twice in one object: by looking at each
// before, and by a map once there are many.
type nameSet struct {
	s    *scanner
	few  [16]string
	n    int
	many map[string]struct{}
}

// add reports whether the name of n is new.
func (u *nameSet) add(n *node) bool {
	name := u.s.text[n.nameStart:n.nameEnd]
	if n.nameEscaped {
		name = unquote(`"` + name + `"`)
	}
	if u.many == nil {
		for i := range u.n {
			if u.few[i] == name {
				return false
			}
		}
		if u.n < len(u.few) {
			u.few[u.n] = name
			u.n++
			return true
		}
		u.many = make(map[string]struct{}, 4*len(u.few))
		for _, x := range u.few {
			u.many[x] = struct{}{}
		}
	}
	if _, ok := u.many[name]; ok {
		return false
	}
	u.many[name] = struct{}{}
	return true
}
