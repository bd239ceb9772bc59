package main

import (
	"cmp"
	"context"
	"crypto/tls"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/acme"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/api"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
	"github.com/comity-net/comity/web"
)

// webOptions say how the pages, the JSON and TAXII are served.
type webOptions struct {
	addr      string
	cert, key string // PEM files; both or none
	acme      acmeOptions
	baseURL   string // under which TAXII clients reach it
	anonymous bool   // TAXII answers callers without an account
	perMinute int    // TAXII requests of one caller; 0 for no limit
	proxies   []string
	total     int           // connections; 0 for the default
	each      int           // of one address
	stall     time.Duration // for the next bytes of a body; 0 for the default
}

const (
	maxConnections = 4096
	maxOfAddress   = 512
	writeStall     = 2 * time.Minute
	bodyStall      = time.Minute
)

func (o *webOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.addr, "listen", "127.0.0.1:8080", "cmd.flag.listen")
	f.StringVar(&o.cert, "tls-cert", "", "cmd.flag.tls_cert")
	f.StringVar(&o.key, "tls-key", "", "cmd.flag.tls_key")
	f.StringSliceVar(&o.acme.hosts, "acme", nil, "cmd.flag.acme")
	f.StringVar(&o.acme.email, "acme-email", "", "cmd.flag.acme_email")
	f.StringVar(&o.acme.directory, "acme-directory", acme.LetsEncryptURL, "cmd.flag.acme_directory")
	f.BoolVar(&o.acme.accept, "acme-accept-terms", false, "cmd.flag.acme_accept_terms")
	f.StringVar(&o.baseURL, "base-url", "", "cmd.flag.base_url")
	f.BoolVar(&o.anonymous, "taxii-anonymous", false, "cmd.flag.taxii_anonymous")
	f.IntVar(&o.perMinute, "requests-per-minute", 0, "cmd.flag.requests_per_minute")
	f.StringSliceVar(&o.proxies, "proxy", nil, "cmd.flag.proxy")
	f.IntVar(&o.total, "connections", maxConnections, "cmd.flag.connections")
	f.IntVar(&o.each, "connections-per-address", maxOfAddress, "cmd.flag.connections_per_address")
}

// check refuses what cannot be meant, and fills in what was left out.
func (o *webOptions) check() error {
	bad := func(key, value string) error {
		return comity.E(comity.Usage, "serve", value, comity.Msg(key, comity.A("value", value)), nil)
	}
	o.total, o.each, o.stall = cmp.Or(o.total, maxConnections), cmp.Or(o.each, maxOfAddress), cmp.Or(o.stall, bodyStall)
	switch {
	case (o.cert == "") != (o.key == ""):
		return bad("cmd.serve.tls_pair", "")
	case o.cert != "" && o.acme.given():
		return bad("cmd.serve.tls_both", "")
	case o.perMinute < 0:
		return bad("cmd.serve.below_zero", "--requests-per-minute")
	case o.total < 0 || o.each < 0:
		return bad("cmd.serve.below_zero", "--connections")
	}
	if o.baseURL == "" {
		return nil
	}
	u, err := url.Parse(o.baseURL)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return bad("cmd.serve.base_url", o.baseURL)
	}
	return nil
}

func (o *webOptions) secure() bool { return o.cert != "" || o.acme.given() }

// tls makes the TLS configuration; it is asked for when secure.
func (o *webOptions) tls(ctx context.Context, n *node.Node, warn func(comity.Message)) (*tls.Config, error) {
	if o.acme.given() {
		m, err := o.acme.manager(n.Dir())
		if err != nil {
			return nil, err
		}
		return tlsConfig(ctx, m.GetCertificate, n.WantsCertificates), nil
	}
	k, err := newKeyFiles(o.cert, o.key, warn)
	if err != nil {
		return nil, err
	}
	return tlsConfig(ctx, k.get, n.WantsCertificates), nil
}

// webHandler puts pages, JSON and TAXII together. TAXII is chosen before any mux:
// a mux answers odd paths with HTML of its own.
func webHandler(ctx context.Context, n *node.Node, cat *i18n.Catalog, log *slog.Logger, o *webOptions) (http.Handler, error) {
	through, err := parseProxies(o.proxies)
	if err != nil {
		return nil, err
	}
	exchange, err := n.Taxii(ctx, node.TaxiiOptions{Anonymous: o.anonymous, BaseURL: o.baseURL, PerMinute: o.perMinute,
		Text: func(accept string, m comity.Message) string { return cat.Lang(i18n.Match(accept, "")).T(m) }})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", api.New(n, cat, api.Options{Version: programVersion()}))
	mux.Handle("/", web.New(n, cat, web.Options{Log: log, BaseURL: o.baseURL}))
	return through.forwarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; strings.HasPrefix(p, taxii.Prefix) || p+"/" == taxii.Prefix {
			exchange.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})), nil
}

// webServer makes the server of the pages, JSON and TAXII, and its listener.
func (a *app) webServer(ctx context.Context, n *node.Node, o *webOptions, log *slog.Logger) (*http.Server, net.Listener, error) {
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	cat, err := i18n.New()
	if err != nil {
		return nil, nil, err
	}
	handler, err := webHandler(ctx, n, cat, log, o)
	if err != nil {
		return nil, nil, err
	}
	srv := &http.Server{
		Handler: timedBodies(o.stall, handler), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: stdlog.New(serverLog{log}, "", 0),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 100, MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10,
			SendPingTimeout: time.Minute, WriteByteTimeout: time.Minute,
		},
	}
	if o.secure() {
		if srv.TLSConfig, err = o.tls(ctx, n, a.warnTo(log)); err != nil {
			return nil, nil, err
		}
	}
	ln, err := listenOn(ctx, o.addr)
	if err != nil {
		return nil, nil, err
	}
	through, _ := parseProxies(o.proxies) // read before
	lim := limitListener(ln, o.total, o.each, writeStall, func(ip netip.Addr) bool { return through.has(ip) })
	srv.ConnState = lim.state
	return srv, lim, nil
}

// serverLog takes the lines of net/http. Whoever knocks at a port without
// speaking TLS makes one; an operator must not be drowned in them, but has to
// hear why no certificate can be had.
type serverLog struct{ log *slog.Logger }

// Write implements io.Writer.
func (l serverLog) Write(p []byte) (int, error) {
	line, level := strings.TrimSpace(string(p)), slog.LevelWarn
	ours := strings.Contains(line, "acme") && !strings.Contains(line, "HostWhitelist") && !strings.Contains(line, "missing server name")
	if strings.Contains(line, "TLS handshake error") && !ours {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, line)
	return len(p), nil
}

func (s *server) servePages() error {
	if s.secure {
		return s.pages.ServeTLS(s.web, "", "")
	}
	return s.pages.Serve(s.web)
}

func (s *server) scheme() string {
	if s.secure {
		return "https://"
	}
	return "http://"
}

func (s *server) taxiiURL() string { return s.url() + taxii.Prefix }
