package taxii

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/comity-net/comity"
)

// Resolver looks up SRV records; *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// Locate finds the discovery URL of a domain by its SRV record (section 3.9).
func Locate(ctx context.Context, r Resolver, domain string) (string, error) {
	_, list, err := r.LookupSRV(ctx, "taxii2", "tcp", domain)
	if err != nil || len(list) == 0 || strings.Trim(list[0].Target, ".") == "" {
		return "", comity.E(comity.NotFound, "taxii", domain, comity.Msg("taxii.client.no_srv", comity.A("name", "_taxii2._tcp."+domain)), err)
	}
	host := strings.TrimSuffix(list[0].Target, ".")
	if list[0].Port != 443 {
		host = net.JoinHostPort(host, strconv.Itoa(int(list[0].Port)))
	}
	return "https://" + host + Prefix, nil
}
