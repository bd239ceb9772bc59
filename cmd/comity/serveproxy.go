package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/comity-net/comity"
)

// proxies are the addresses whose X-Forwarded-For is believed.
type proxies []netip.Prefix

func parseProxies(texts []string) (proxies, error) {
	var out proxies
	for _, s := range texts {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			var ip netip.Addr
			if ip, err = netip.ParseAddr(s); err == nil {
				p = netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen())
			}
		}
		if err != nil {
			return nil, comity.E(comity.Usage, "serve", s, comity.Msg("cmd.serve.proxy", comity.A("value", s)), err)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p proxies) has(ip netip.Addr) bool {
	for _, q := range p {
		if q.Contains(ip) {
			return true
		}
	}
	return false
}

// forwarded puts the address of the client in place of the proxy's, so that
// limits and the audit speak of the client. Of the header only what a proxy
// itself wrote is believed: from the right, up to the first address that is none
// of them.
func (p proxies) forwarded(h http.Handler) http.Handler {
	if len(p) == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ip, ok := p.client(r); ok {
			r = r.WithContext(r.Context()) // a copy
			r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
		}
		h.ServeHTTP(w, r)
	})
}

func (p proxies) client(r *http.Request) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !p.has(at.Addr().Unmap()) {
		return netip.Addr{}, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	var last netip.Addr
	for i := len(hops) - 1; i >= 0; i-- {
		ip, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if last = ip.Unmap().WithZone(""); !p.has(last) {
			break
		}
	}
	return last, last.IsValid()
}
