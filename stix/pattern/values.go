package pattern

import (
	"iter"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
)

// Comparisons gives every comparison of the pattern, in the order in which they
// stand. The caller must not change them.
func (p *Pattern) Comparisons() iter.Seq[*Comparison] {
	return func(yield func(*Comparison) bool) { each(&p.root, yield) }
}

func each(e *Expr, yield func(*Comparison) bool) bool {
	if e.Test != nil {
		return yield(e.Test)
	}
	for i := range e.Args {
		if !each(&e.Args[i], yield) {
			return false
		}
	}
	return true
}

// Values returns what a lookup should find the pattern by, in normal form, once
// each and in order: the constants that a known path is compared with by =, IN,
// ISSUBSET, or LIKE without wildcards. What is negated, compared by order or by
// an expression is left out: a lookup must not find an indicator by what it
// excludes.
func (p *Pattern) Values() []comity.Value {
	var out valueList
	for c := range p.Comparisons() {
		if c.Not {
			continue
		}
		switch c.Op {
		case opEqual, opIn, opSubset:
		case opLike:
			if strings.ContainsAny(c.Values[0].Text, "%_") {
				continue
			}
		default:
			continue
		}
		kinds := c.Path.kinds()
		if kinds == nil {
			continue
		}
		for _, l := range c.Values {
			out.add(kinds, l)
		}
	}
	return out.values
}

// valueList holds values once each.
type valueList struct {
	values []comity.Value
	seen   map[comity.Value]bool // once there are many
}

// add adds the literal as the first of the kinds that it can be of.
func (l *valueList) add(kinds []comity.ValueKind, lit Literal) {
	if lit.Kind != kindString && lit.Kind != kindInteger {
		return
	}
	for _, k := range kinds {
		v, ok := extract.Normalize(k, lit.Text)
		if !ok {
			continue
		}
		if !l.has(v) {
			l.values = append(l.values, v)
		}
		return
	}
}

func (l *valueList) has(v comity.Value) bool {
	const few = 16
	if len(l.values) < few {
		for i := range l.values {
			if l.values[i] == v {
				return true
			}
		}
		return false
	}
	if l.seen == nil {
		l.seen = make(map[comity.Value]bool, 2*len(l.values))
		for _, w := range l.values {
			l.seen[w] = true
		}
	}
	if l.seen[v] {
		return true
	}
	l.seen[v] = true
	return false
}

// The kinds that a value can be of, in the order in which they are tried.
var (
	kindsIPv4    = []comity.ValueKind{comity.ValueIPv4}
	kindsIPv6    = []comity.ValueKind{comity.ValueIPv6}
	kindsDomain  = []comity.ValueKind{comity.ValueDomain}
	kindsURL     = []comity.ValueKind{comity.ValueURL}
	kindsEmail   = []comity.ValueKind{comity.ValueEmail}
	kindsMAC     = []comity.ValueKind{comity.ValueMAC}
	kindsHash    = []comity.ValueKind{comity.ValueHash, comity.ValueOther}
	kindsASN     = []comity.ValueKind{comity.ValueASN}
	kindsPath    = []comity.ValueKind{comity.ValuePath}
	kindsName    = []comity.ValueKind{comity.ValueName}
	kindsAddress = []comity.ValueKind{comity.ValueIPv4, comity.ValueIPv6, comity.ValueDomain, comity.ValueMAC}
)

// kinds says what kinds of value the path leads to; nil for none.
func (p Path) kinds() []comity.ValueKind {
	if len(p.Steps) == 1 {
		return oneStep(p.Type, p.Steps[0].Name)
	}
	n := len(p.Steps)
	last, before := p.Steps[n-1].Name, p.Steps[n-2].Name
	switch {
	case last == "":
		return nil
	case before == "hashes":
		return kindsHash
	case last == "value" && p.Type == "email-message":
		return kindsEmail
	case last == "value": // network-traffic:dst_ref.value, domain-name:resolves_to_refs[*].value
		return kindsAddress
	}
	return nil
}

func oneStep(typ, name string) []comity.ValueKind {
	switch name {
	case "value":
		switch typ {
		case "ipv4-addr":
			return kindsIPv4
		case "ipv6-addr":
			return kindsIPv6
		case "domain-name":
			return kindsDomain
		case "url":
			return kindsURL
		case "email-addr":
			return kindsEmail
		case "mac-addr":
			return kindsMAC
		}
	case "name":
		switch typ {
		case "file":
			return kindsPath
		case "mutex", "software":
			return kindsName
		}
	case "number":
		if typ == "autonomous-system" {
			return kindsASN
		}
	case "path":
		if typ == "directory" {
			return kindsPath
		}
	case "key":
		if typ == "windows-registry-key" {
			return kindsPath
		}
	case "account_login":
		if typ == "user-account" {
			return kindsName
		}
	}
	return nil
}
