package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// hashLengths gives the hexadecimal digits of each algorithm of hash-algorithm-ov.
var hashLengths = map[string]int{"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128, "SHA3-256": 64, "SHA3-512": 128}

func (c *check) hashes(i int32) {
	t := &c.t
	if t.nodes[i].n == 0 {
		c.breach(ruleList, i)
	}
	var unknown []string
	others, names := 0, vocabularies["hash-algorithm-ov"]
	for h := t.first(i); h != 0; h = t.nodes[h].next {
		name := t.name(h)
		s, ok := t.str(h)
		n, known := hashLengths[name]
		if !ok || s == "" || known && (len(s) != n || strings.Trim(s, "0123456789abcdefABCDEF") != "") {
			c.breach(ruleHashes, h, comity.A("name", clip(name, 100)))
		}
		if len(name) < 3 || !dictionaryKey(name) {
			c.breach(ruleDict, h, comity.A("name", clip(name, 100)))
		} else if !names.terms[name] {
			if others++; others <= shownTerms {
				unknown = append(unknown, name)
			}
		}
	}
	if others > 0 {
		c.unknownTerms(i, names, unknown, others)
	}
}

// dictionary: keys of ASCII letters, digits, hyphens and underscores, at most
// 250, and values of the form.
func (c *check) dictionary(i int32, f form) {
	t := &c.t
	if t.nodes[i].n == 0 {
		c.breach(ruleList, i)
	}
	for d := t.first(i); d != 0; d = t.nodes[d].next {
		if name := t.name(d); !dictionaryKey(name) {
			c.breach(ruleDict, d, comity.A("name", clip(name, 100)))
		}
		if want := c.dictValue(d, f); want != "" {
			c.breach(ruleKindSoft, d, comity.A("want", want))
		}
	}
}

// dictValue returns what the value d should have been; "" where it is right.
func (c *check) dictValue(d int32, f form) string {
	t := &c.t
	kind := t.nodes[d].kind
	switch {
	case f == formStrings && kind != kindString:
		return "msg:stix.kind.string"
	case f == formInts && kind != kindNumber:
		return "msg:stix.kind.integer"
	case f == formScalars && kind != kindNumber && kind != kindString:
		return "msg:stix.kind.string"
	case f != formLists:
		return ""
	case kind != kindArray || t.nodes[d].n == 0:
		return "msg:stix.kind.list"
	}
	for e := t.first(d); e != 0; e = t.nodes[e].next {
		if t.nodes[e].kind != kindString {
			return "msg:stix.kind.string"
		}
	}
	return ""
}

func dictionaryKey(s string) bool {
	for i := 0; i < len(s); i++ {
		if b := s[i]; !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 250
}
