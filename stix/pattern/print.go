package pattern

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// String writes the pattern in one line, with one space around operators and
// only the parentheses that it had a meaning for. Parse reads it back as the
// same pattern.
func (p *Pattern) String() string {
	var b strings.Builder
	writeExpr(&b, &p.root)
	return b.String()
}

// String writes the expression as it stands in a pattern.
func (e *Expr) String() string {
	var b strings.Builder
	writeExpr(&b, e)
	return b.String()
}

func writeExpr(b *strings.Builder, e *Expr) {
	switch {
	case e.Test != nil:
		writeComparison(b, e.Test)
		return
	case len(e.Args) == 0:
		return // the zero Expr says nothing
	case e.Op == opObserve:
		b.WriteByte('[')
		writeExpr(b, &e.Args[0])
		b.WriteByte(']')
	case e.Op == opGroup || len(e.Qualifiers) > 0:
		b.WriteByte('(')
		writeOperands(b, e)
		b.WriteByte(')')
	default:
		writeOperands(b, e)
	}
	for _, q := range e.Qualifiers {
		writeQualifier(b, q)
	}
}

func writeOperands(b *strings.Builder, e *Expr) {
	for i := range e.Args {
		if i > 0 {
			b.WriteByte(' ')
			b.WriteString(string(e.Op))
			b.WriteByte(' ')
		}
		a := &e.Args[i]
		if e.Op != opGroup && len(a.Qualifiers) == 0 && a.Op != opObserve && a.Test == nil && tightness(a.Op) <= tightness(e.Op) {
			b.WriteByte('(')
			writeExpr(b, a)
			b.WriteByte(')')
			continue
		}
		writeExpr(b, a)
	}
}

// tightness orders the operators: what binds more tightly needs no parentheses
// under the other. The same operator does, so that the tree comes back.
func tightness(op Op) int {
	switch op {
	case opFollowed:
		return 0
	case opOr:
		return 1
	}
	return 2
}

func writeQualifier(b *strings.Builder, q Qualifier) {
	b.WriteByte(' ')
	b.WriteString(string(q.Op))
	b.WriteByte(' ')
	writeLiteral(b, q.A)
	switch q.Op {
	case opWithin:
		b.WriteString(" SECONDS")
	case opRepeats:
		b.WriteString(" TIMES")
	case opStart:
		b.WriteString(" STOP ")
		writeLiteral(b, q.B)
	}
}

// String writes the comparison as it stands in a pattern.
func (c *Comparison) String() string {
	var b strings.Builder
	writeComparison(&b, c)
	return b.String()
}

func writeComparison(b *strings.Builder, c *Comparison) {
	if c.Op == opExists {
		if c.Not {
			b.WriteString("NOT ")
		}
		b.WriteString("EXISTS ")
		writePath(b, c.Path)
		return
	}
	writePath(b, c.Path)
	if c.Not {
		b.WriteString(" NOT")
	}
	b.WriteByte(' ')
	b.WriteString(string(c.Op))
	b.WriteByte(' ')
	if c.Op != opIn {
		writeLiteral(b, c.Values[0])
		return
	}
	b.WriteByte('(')
	for i, v := range c.Values {
		if i > 0 {
			b.WriteString(", ")
		}
		writeLiteral(b, v)
	}
	b.WriteByte(')')
}

// String writes the path as it stands in a pattern.
func (p Path) String() string {
	var b strings.Builder
	writePath(&b, p)
	return b.String()
}

func writePath(b *strings.Builder, p Path) {
	b.WriteString(p.Type)
	for i, s := range p.Steps {
		switch {
		case s.Name == "":
			b.WriteByte('[')
			b.WriteString(indexText(s.Index))
			b.WriteByte(']')
			continue
		case i == 0:
			b.WriteByte(':')
		default:
			b.WriteByte('.')
		}
		if isName(s.Name) {
			b.WriteString(s.Name)
			continue
		}
		writeQuoted(b, s.Name)
	}
}

func writeLiteral(b *strings.Builder, l Literal) {
	switch l.Kind {
	case kindString:
		writeQuoted(b, l.Text)
	case kindTimestamp:
		b.WriteString("t'")
		b.WriteString(l.Text)
		b.WriteByte('\'')
	case kindBinary:
		b.WriteString("b'")
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(l.Text)))
		b.WriteByte('\'')
	case kindHex:
		b.WriteString("h'")
		b.WriteString(hex.EncodeToString([]byte(l.Text)))
		b.WriteByte('\'')
	default:
		b.WriteString(l.Text)
	}
}

func writeQuoted(b *strings.Builder, s string) {
	b.WriteByte('\'')
	for {
		i := strings.IndexAny(s, `\'`)
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		b.WriteByte('\\')
		b.WriteByte(s[i])
		s = s[i+1:]
	}
	b.WriteString(s)
	b.WriteByte('\'')
}
