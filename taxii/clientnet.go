package taxii

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/comity-net/comity"
)

// TransportOptions say whom a transport trusts and who it is.
type TransportOptions struct {
	CAs  *x509.CertPool   // nil for the system's
	Cert *tls.Certificate // of the client; nil for none
}

// NewTransport makes a transport for ClientOptions.HTTP. Proxies of the
// environment are used. It connects to private addresses, for there are
// federations inside private networks, but not to those at which machines in a
// cloud ask for their own credentials, nor to what is no address of a server.
func NewTransport(o TransportOptions) *http.Transport {
	d := &net.Dialer{Timeout: 10 * time.Second, ControlContext: refuseMetadata}
	t := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if a, err := netip.ParseAddr(r.URL.Hostname()); err == nil && metadata(a) {
				return nil, &addressError{a} // a proxy would reach it for us
			}
			return http.ProxyFromEnvironment(r)
		},
		DialContext: d.DialContext, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute,
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.CAs},
	}
	if o.Cert != nil {
		t.TLSClientConfig.Certificates = []tls.Certificate{*o.Cert}
	}
	return t
}

// addressError names an address that is not connected to.
type addressError struct{ addr netip.Addr }

// Error gives the English line for logs.
func (e *addressError) Error() string {
	return "address " + e.addr.String() + " is not one of a TAXII server"
}

func refuseMetadata(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if metadata(ap.Addr()) {
		return &addressError{ap.Addr()}
	}
	return nil
}

// metadata reports link-local, multicast and unspecified addresses and those at
// which clouds serve credentials to the machines in them.
func metadata(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	return a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() ||
		a == netip.MustParseAddr("fd00:ec2::254") || a == netip.MustParseAddr("100.100.100.200")
}

// CloseIdle closes the connections that wait for the next request.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// FindRoot finds the API root to use: the URL the client was made with when it
// is more than the address of a server, else what the server calls its default,
// or names first. It may be on another host.
func (c *Client) FindRoot(ctx context.Context) (string, error) {
	switch strings.Trim(c.base.Path, "/") {
	case "", "taxii2", "taxii":
	default:
		return c.base.String(), nil
	}
	d, err := c.Discovery(ctx)
	switch {
	case err != nil:
		return "", err
	case d.Default != "":
		return d.Default, nil
	case len(d.Roots) > 0:
		return d.Roots[0], nil
	}
	return "", comity.E(comity.NotFound, "taxii", c.base, comity.Msg("cmd.taxii.no_root"), nil)
}

// laterError is how long a server asked to wait.
type laterError struct{ wait time.Duration }

// Error gives the English line for logs.
func (e *laterError) Error() string { return "retry after " + e.wait.String() }

// RetryAfter reports whether err is a server's word that it cannot answer now
// (429 or 503), and how long it asked to wait: zero when it did not say.
func RetryAfter(err error) (time.Duration, bool) {
	var e *laterError
	if errors.As(err, &e) {
		return e.wait, true
	}
	return 0, false
}
