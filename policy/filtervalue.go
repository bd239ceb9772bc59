package policy

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/comity-net/comity"
)

// marked compares the marking definitions on an object and on its parts.
func (n *node) marked(o *comity.Object) truth {
	t := unknown
	for _, id := range o.Markings {
		t = max(t, no)
		if n.has(string(id)) {
			return yes
		}
	}
	for i := range o.Granular {
		if o.Granular[i].Ref != "" && n.has(string(o.Granular[i].Ref)) {
			return yes
		}
	}
	if t == unknown && len(o.Markings)+len(o.Granular) > 0 {
		return no
	}
	return t
}

// carries reports whether a value that an object carries is what the node asks
// for.
func (n *node) carries(v comity.Value) bool {
	switch n.prop {
	case "value":
		return n.has(v.Kind.String())
	case "exact":
		return n.has(v.Text) || v.Kind == comity.ValueASN && n.has("AS"+v.Text)
	case "domain":
		host := hostOf(v)
		return host != "" && slices.ContainsFunc(n.values, func(d string) bool { return beneath(host, d) })
	case "cidr":
		return n.contains(v)
	}
	return false
}

// beneath reports whether a host is the domain or stands beneath it; both are in
// lower case.
func beneath(host, domain string) bool {
	rest, ok := strings.CutSuffix(host, domain)
	return ok && (rest == "" || strings.HasSuffix(rest, "."))
}

// hostOf is the host that a value names; "" for none.
func hostOf(v comity.Value) string {
	switch v.Kind {
	case comity.ValueDomain:
		return v.Text
	case comity.ValueEmail:
		return v.Text[strings.LastIndexByte(v.Text, '@')+1:]
	case comity.ValueURL:
		_, rest, ok := strings.Cut(v.Text, "://")
		if !ok {
			return ""
		}
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
		if strings.HasPrefix(rest, "[") {
			host, _, _ := strings.Cut(rest[1:], "]")
			return host
		}
		host, _, _ := strings.Cut(rest, ":")
		return host
	}
	return ""
}

// contains reports whether an address or a block lies within one of the node's.
func (n *node) contains(v comity.Value) bool {
	text := v.Text
	switch v.Kind {
	case comity.ValueIPv4, comity.ValueIPv6:
	case comity.ValueURL:
		text = hostOf(v)
	default:
		return false
	}
	p, ok := block(text)
	return ok && slices.ContainsFunc(n.nets, func(net netip.Prefix) bool {
		return net.Bits() <= p.Bits() && net.Contains(p.Addr())
	})
}

// block reads an address or a CIDR block.
func block(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// asDomain gives a domain as values have it; false for what is none.
func asDomain(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(s, "*"), "."), ".")
	ascii, err := idna.Lookup.ToASCII(strings.ToLower(s))
	if err != nil {
		ascii = strings.ToLower(s) // names with _ are in use and no names for Lookup
	}
	ok := ascii != "" && len(ascii) <= 253 && !strings.Contains(ascii, "..") && !strings.ContainsFunc(ascii, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	})
	return ascii, ok
}

// asValue gives a value in its normal form, where that is no matter of case.
func asValue(s string) string {
	if p, ok := block(s); ok {
		if p.IsSingleIP() && !strings.Contains(s, "/") {
			return p.Addr().String()
		}
		return p.String()
	}
	if d, ok := asDomain(s); ok && strings.Contains(d, ".") && !strings.HasPrefix(s, ".") && !strings.HasPrefix(s, "*") {
		return d
	}
	return s
}
