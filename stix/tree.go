package stix

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// node is one JSON value inside an object. Nodes stand in document order, so
// the first child of a container is the next node.
type node struct {
	nameStart, nameEnd int32 // inside the quotes; equal for array elements and the root
	start, end         int32 // of the value, quotes and brackets included
	next               int32 // the next sibling; 0 for none
	n                  int32 // children of a container
	kind               jsontext.Kind
	escaped            bool // a string with a backslash in it
	nameEscaped        bool // the same of its name
}

// tree is an object as a flat list of nodes over its text: no maps, no boxes.
type tree struct {
	text  string
	nodes []node
	names uint64 // the bits of the root's names; most lookups end here
}

// nameBit puts a name into one of 64 classes.
func nameBit(s string) uint64 {
	if s == "" {
		return 1
	}
	return 1 << ((uint(len(s))*7 + uint(s[0]) + uint(s[len(s)-1])*5) & 63)
}

// noteNames fills names.
func (t *tree) noteNames() {
	for c := t.first(0); c != 0; c = t.nodes[c].next {
		if t.nodes[c].nameEscaped {
			t.names = ^uint64(0)
			return
		}
		t.names |= nameBit(t.text[t.nodes[c].nameStart:t.nodes[c].nameEnd])
	}
}

// treeError says why a text is no tree.
type treeError struct {
	rule *rule
	path string
	at   int64
}

// Kinds of JSON value.
const (
	kindObject jsontext.Kind = '{'
	kindArray  jsontext.Kind = '['
	kindString jsontext.Kind = '"'
	kindNumber jsontext.Kind = '0'
	kindTrue   jsontext.Kind = 't'
	kindFalse  jsontext.Kind = 'f'
	kindNull   jsontext.Kind = 'n'
)

// maxNodes bounds the values in one object, so that a small text of empty
// brackets cannot take a hundred times its size in memory.
const maxNodes = 4 << 20

// buildTree reads raw, which must hold one JSON value and nothing else. text is
// the same as a string.
func buildTree(raw []byte, text string, maxDepth int) (tree, *treeError) {
	t, ok := scanTree(text, maxDepth)
	if !ok {
		var bad *treeError
		if t, bad = explainTree(raw, text, maxDepth); bad != nil {
			return t, bad
		}
	}
	t.noteNames()
	return t, nil
}

// explainTree does the same by a decoder that can say where and what is wrong.
func explainTree(raw []byte, text string, maxDepth int) (tree, *treeError) {
	t := tree{text: text, nodes: make([]node, 0, 16+len(raw)/40)}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	var parents []int32
	last := make([]int32, 0, 8) // the last child so far at each depth; 0 for none
	name := node{}
	inName := false
	for {
		kind := dec.PeekKind()
		switch kind {
		case '}', ']':
			if _, err := dec.ReadToken(); err != nil {
				return t, syntaxError(err)
			}
			top := len(parents) - 1
			t.nodes[parents[top]].end = int32(dec.InputOffset())
			parents, last = parents[:top], last[:top]
			if top == 0 {
				return t, trailing(dec)
			}
			inName = t.nodes[parents[top-1]].kind == kindObject
			continue
		case kindObject, kindArray:
			if len(parents) >= maxDepth {
				return t, &treeError{ruleDepth, pointerPath(string(dec.StackPointer())), dec.InputOffset()}
			}
			if _, err := dec.ReadToken(); err != nil {
				return t, syntaxError(err)
			}
			name.start = int32(dec.InputOffset()) - 1
		default:
			v, err := dec.ReadValue()
			if err != nil {
				return t, syntaxError(err)
			}
			end := int32(dec.InputOffset())
			name.start, name.end = end-int32(len(v)), end
			if inName {
				name.nameStart, name.nameEnd = name.start+1, end-1
				name.nameEscaped = bytes.IndexByte(v, '\\') >= 0
				inName = false
				continue
			}
			name.escaped = kind == kindString && bytes.IndexByte(v, '\\') >= 0
		}
		if len(t.nodes) >= maxNodes {
			return t, &treeError{ruleNodes, pointerPath(string(dec.StackPointer())), dec.InputOffset()}
		}
		at := int32(len(t.nodes))
		name.kind = kind
		t.nodes = append(t.nodes, name)
		name = node{}
		if top := len(parents) - 1; top >= 0 {
			t.nodes[parents[top]].n++
			if last[top] != 0 {
				t.nodes[last[top]].next = at
			}
			last[top] = at
			inName = t.nodes[parents[top]].kind == kindObject
		}
		if kind == kindObject || kind == kindArray {
			parents, last = append(parents, at), append(last, 0)
			inName = kind == kindObject
		} else if len(parents) == 0 {
			return t, trailing(dec)
		}
	}
}

// trailing refuses anything but white space after the value.
func trailing(dec *jsontext.Decoder) *treeError {
	if rest := bytes.TrimLeft(dec.UnreadBuffer(), " \t\r\n"); len(rest) > 0 {
		return &treeError{ruleSyntax, "", dec.InputOffset()}
	}
	return nil
}

// name returns the property name of a node, decoded.
func (t *tree) name(i int32) string {
	s := t.text[t.nodes[i].nameStart:t.nodes[i].nameEnd]
	if !t.nodes[i].nameEscaped {
		return s
	}
	return unquote(`"` + s + `"`)
}

// raw returns the text of a value.
func (t *tree) raw(i int32) string { return t.text[t.nodes[i].start:t.nodes[i].end] }

// str returns the decoded text of a string node; ok is false for other kinds.
func (t *tree) str(i int32) (string, bool) {
	n := &t.nodes[i]
	if n.kind != kindString {
		return "", false
	}
	if n.escaped {
		return unquote(t.text[n.start:n.end]), true
	}
	return t.text[n.start+1 : n.end-1], true
}

func unquote(s string) string {
	b, err := jsontext.AppendUnquote(nil, s)
	if err != nil {
		return ""
	}
	return string(b)
}

// first returns the first child of a container; 0 for none.
func (t *tree) first(i int32) int32 {
	if t.nodes[i].n == 0 {
		return 0
	}
	return i + 1
}

// get returns the member of object i with the given name; 0 for none.
func (t *tree) get(i int32, name string) int32 {
	if i == 0 && t.names&nameBit(name) == 0 || t.nodes[i].kind != kindObject {
		return 0
	}
	for c := t.first(i); c != 0; c = t.nodes[c].next {
		n := &t.nodes[c]
		if int(n.nameEnd-n.nameStart) == len(name) && t.text[n.nameStart:n.nameEnd] == name || n.nameEscaped && t.name(c) == name {
			return c
		}
	}
	return 0
}

// text0 returns the string member of object i, or "".
func (t *tree) text0(i int32, name string) string {
	if c := t.get(i, name); c != 0 {
		s, _ := t.str(c)
		return s
	}
	return ""
}

// path returns the property path of a node: "granular_markings[0].selectors".
func (t *tree) path(target int32) string {
	var b strings.Builder
	at := t.nodes[target].start
	for i := int32(0); i != target; {
		index := 0
		c := t.first(i)
		for c != 0 && t.nodes[c].end <= at {
			c, index = t.nodes[c].next, index+1
		}
		if c == 0 {
			break
		}
		step(&b, t.nodes[i].kind == kindArray, index, t.name(c))
		i = c
	}
	return b.String()
}
