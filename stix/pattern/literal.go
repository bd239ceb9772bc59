package pattern

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
)

// literal reads one constant and steps over it.
func (p *parser) literal(boolean bool) Literal {
	l, at := Literal{}, p.tok.start
	switch p.tok.kind {
	case tokenString:
		l = Literal{kindString, p.content()}
	case tokenInt, tokenFloat:
		l = Literal{kindInteger, p.text()}
		if p.tok.kind == tokenFloat {
			l.Kind = kindFloat
		}
		if l.Text[0] == '+' {
			if !p.lenient {
				p.fail("pattern.plus", at)
			}
			l.Text = l.Text[1:]
		}
	case tokenTime:
		l = Literal{kindTimestamp, p.content()}
		if _, ok := parseInstant(l.Text); !ok {
			p.fail("pattern.timestamp", at)
		}
	case tokenBinary:
		b, err := base64.StdEncoding.DecodeString(p.content())
		if err != nil {
			p.fail("pattern.binary", at)
		}
		l = Literal{kindBinary, string(b)}
	case tokenHex:
		b, err := hex.DecodeString(p.content())
		if err != nil {
			p.fail("pattern.hex", at)
		}
		l = Literal{kindHex, string(b)}
	default:
		if t := p.boolean(); boolean && t != "" {
			l = Literal{kindBoolean, t}
			break
		}
		p.expected("msg:pattern.token.literal")
	}
	p.advance()
	return l
}

func (p *parser) boolean() string {
	switch {
	case p.is("true"):
		return "true"
	case p.is("false"):
		return "false"
	}
	return ""
}

// network reads an address or a CIDR block; bits beyond the prefix are cleared.
func network(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), a.Zone() == ""
	}
	n, err := netip.ParsePrefix(s)
	return n.Masked(), err == nil
}
