package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// listening is the web listener of a node, as serve runs it.
type listening struct {
	n    *node.Node
	addr string
	lim  *limited
	srv  *http.Server
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newNode(t testing.TB) *node.Node {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node")
	if _, err := node.Init(t.Context(), node.InitOptions{Dir: dir, Profile: node.Profile{Name: "alpha", Country: "KZ"}}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// listenAs serves a node's pages, JSON and TAXII with these flags.
func listenAs(t *testing.T, n *node.Node, flags ...string) *listening {
	t.Helper()
	return listenWith(t, n, writeStall, flags...)
}

// listenWith is listenAs, less patient.
func listenWith(t *testing.T, n *node.Node, patience time.Duration, flags ...string) *listening {
	t.Helper()
	o := parsed(t, append([]string{"--listen", "127.0.0.1:0"}, flags...)...)
	o.stall = min(patience, bodyStall)
	l := &listening{n: n, log: &lockedBuffer{}}
	srv, ln, err := testApp(t).webServer(t.Context(), n, o, slog.New(slog.NewTextHandler(l.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l.srv, l.lim, l.addr = srv, ln.(*limited), ln.Addr().String()
	l.lim.stall, srv.ReadHeaderTimeout = patience, min(patience, srv.ReadHeaderTimeout)
	done := make(chan error, 1)
	s := &server{pages: srv, web: ln, secure: o.secure()}
	go func() { done <- s.servePages() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
		<-done
	})
	return l
}

func parsed(t *testing.T, flags ...string) *webOptions {
	t.Helper()
	o := &webOptions{}
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	o.flags(f)
	if err := f.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return o
}

// pair makes a certificate that signs itself, and its key, as PEM.
func pair(t *testing.T, name string, until time.Time) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder})
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// INVARIANT: a renewed certificate is used without a restart, and files that
// cannot be used change nothing but the log.
func TestCertificateFilesAreRenewed(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	put := func(name string) {
		c, k := pair(t, name, time.Now().Add(time.Hour))
		write(t, certFile, c)
		write(t, keyFile, k)
	}
	put("first")
	var told []string
	k, err := newKeyFiles(certFile, keyFile, func(m comity.Message) { told = append(told, m.Key) })
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	k.now = func() time.Time { return now }
	want := func(name string, warnings int) {
		t.Helper()
		c, err := k.get(nil)
		if err != nil || c.Leaf.Subject.CommonName != name || len(told) != warnings {
			t.Fatalf("%v %v, warnings %v, want %s and %d", c.Leaf.Subject, err, told, name, warnings)
		}
	}
	put("second")
	want("first", 0) // not looked at yet
	now = now.Add(certificateLook)
	want("second", 0)
	for i, bad := range [][]byte{[]byte("nonsense"), nil} {
		write(t, certFile, bad)
		for range 3 {
			now = now.Add(certificateLook)
			want("second", i+1) // told once
		}
	}
	_, other := pair(t, "x", now)
	put("third")
	write(t, keyFile, other) // half-way through a renewal
	now = now.Add(certificateLook)
	want("second", 3)
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	now = now.Add(certificateLook)
	want("second", 4)
	put("fourth")
	now = now.Add(certificateLook)
	want("fourth", 4)
	c, old := pair(t, "past", now.Add(-time.Hour))
	write(t, certFile, c)
	write(t, keyFile, old)
	told = nil
	if _, err := newKeyFiles(certFile, keyFile, func(m comity.Message) { told = append(told, m.Key) }); err != nil || len(told) != 1 {
		t.Errorf("an expired certificate at the start: %v %v", err, told)
	}
}

// Every flag that cannot be meant is told with a message of its own.
func TestServeFlagsAreChecked(t *testing.T) {
	n := newNode(t)
	cert, key := pair(t, "x", time.Now().Add(time.Hour))
	dir := t.TempDir()
	good, goodKey, text := filepath.Join(dir, "c"), filepath.Join(dir, "k"), filepath.Join(dir, "t")
	write(t, good, cert)
	write(t, goodKey, key)
	write(t, text, []byte("text"))
	for flags, want := range map[string]string{
		"--tls-cert c": "cmd.serve.tls_pair",
		"--tls-key k":  "cmd.serve.tls_pair",
		"--tls-cert /missing --tls-key " + goodKey:                         "cmd.serve.tls_files",
		"--tls-cert " + text + " --tls-key " + goodKey:                     "cmd.serve.tls_files",
		"--tls-cert " + good + " --tls-key " + goodKey + " --acme a.test":  "cmd.serve.tls_both",
		"--acme taxii.example.org":                                         "cmd.serve.acme_terms",
		"--acme-email a@b.test":                                            "cmd.serve.acme_host",
		"--acme-accept-terms":                                              "cmd.serve.acme_host",
		"--acme 192.0.2.1 --acme-accept-terms":                             "cmd.serve.acme_name",
		"--acme localhost --acme-accept-terms":                             "cmd.serve.acme_name",
		"--acme a..b --acme-accept-terms":                                  "cmd.serve.acme_name",
		"--acme a.test --acme-accept-terms --acme-directory http://b.test": "cmd.serve.acme_directory",
		"--acme a.test --acme-accept-terms --acme-directory b.test":        "cmd.serve.acme_directory",
		"--base-url taxii.example.org":                                     "cmd.serve.base_url",
		"--base-url http://taxii.example.org":                              "cmd.serve.base_url",
		"--base-url https://taxii.example.org/x":                           "cmd.serve.base_url",
		"--base-url https://u:p@taxii.example.org":                         "cmd.serve.base_url",
		"--base-url https://taxii.example.org?x":                           "cmd.serve.base_url",
		"--proxy example.org":                                              "cmd.serve.proxy",
		"--requests-per-minute -1":                                         "cmd.serve.below_zero",
		"--connections -1":                                                 "cmd.serve.below_zero",
		"--listen 192.0.2.1:1":                                             "cmd.serve.no_listen",
	} {
		o := parsed(t, append([]string{"--listen", "127.0.0.1:0"}, strings.Fields(flags)...)...)
		_, ln, err := testApp(t).webServer(t.Context(), n, o, slog.New(slog.DiscardHandler))
		if got := comity.ErrorMessage(err).Key; got != want {
			t.Errorf("%s: %s, want %s (%v)", flags, got, want, err)
		}
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// The listener speaks TLS 1.2 and 1.3, HTTP/2 and 1.1, and asks for a client
// certificate only when an account has one. With it TAXII opens, pages do not.
func TestTLSListener(t *testing.T) {
	n := newNode(t)
	dir := t.TempDir()
	cert, key := pair(t, "taxii.example.org", time.Now().Add(time.Hour))
	certFile, keyFile := filepath.Join(dir, "c"), filepath.Join(dir, "k")
	write(t, certFile, cert)
	write(t, keyFile, key)
	l := listenAs(t, n, "--tls-cert", certFile, "--tls-key", keyFile, "--base-url", "https://taxii.example.org/")
	mine, mineKey := pair(t, "client", time.Now().Add(time.Hour))
	client, err := tls.X509KeyPair(mine, mineKey)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	conf := func() *tls.Config {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(cert)
		return &tls.Config{RootCAs: roots, ServerName: "taxii.example.org",
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { asked++; return &client, nil }}
	}
	get := func(path string, want int) *http.Response {
		t.Helper()
		tr := &http.Transport{TLSClientConfig: conf(), ForceAttemptHTTP2: true, DisableKeepAlives: true}
		c := &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := c.Get("https://" + l.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(res.Body)
		if res.StatusCode != want || res.ProtoMajor != 2 || res.TLS.Version != tls.VersionTLS13 {
			t.Errorf("%s: %d %s %x %s", path, res.StatusCode, res.Proto, res.TLS.Version, b.String())
		}
		if want == 200 && !strings.Contains(b.String(), `"https://taxii.example.org/taxii2/api/"`) {
			t.Errorf("%s", b.String())
		}
		return res
	}
	get("/taxii2/", 401)
	if asked != 0 {
		t.Error("a certificate was asked for that no account has")
	}
	admin := node.Actor{Name: "root", Role: node.RoleAdmin}
	if err := n.CreateUser(t.Context(), admin, "sector", "", node.RoleCommunity, "en"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.AddCertificate(t.Context(), admin, "sector", mine); err != nil {
		t.Fatal(err)
	}
	get("/taxii2/", 200)
	get("/api/v1/status", 401)
	get("/", 303)
	if asked == 0 {
		t.Error("no certificate was asked for")
	}
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		for _, proto := range []string{"h2", "http/1.1"} {
			d := conf()
			d.MinVersion, d.MaxVersion, d.NextProtos = tls.VersionTLS10, version, []string{proto}
			c, err := tls.Dial("tcp", l.addr, d)
			if (err == nil) != ok {
				t.Errorf("%x: %v", version, err)
			}
			if err == nil {
				if got := c.ConnectionState().NegotiatedProtocol; got != proto {
					t.Errorf("%s negotiates %q", proto, got)
				}
				_ = c.Close()
			}
		}
	}
}

// What a proxy in front says of the client is believed of that proxy only, and
// only what it wrote itself.
func TestForwardedAddresses(t *testing.T) {
	p, err := parseProxies([]string{"127.0.0.1", "10.0.0.0/8", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ remote, header, want string }{
		{"127.0.0.1:5", "198.51.100.7", "198.51.100.7:0"},
		{"127.0.0.1:5", "203.0.113.9, 198.51.100.7", "198.51.100.7:0"},           // the left part came from the client
		{"127.0.0.1:5", "203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7:0"}, // two proxies
		{"127.0.0.1:5", "nonsense", "127.0.0.1:5"},
		{"127.0.0.1:5", "198.51.100.7, nonsense, 10.1.2.3", "10.1.2.3:0"},
		{"127.0.0.1:5", "", "127.0.0.1:5"},
		{"[2001:db8::1]:5", "2001:db9::2", "[2001:db9::2]:0"},
		{"[::ffff:127.0.0.1]:5", "198.51.100.7", "198.51.100.7:0"},
		{"192.0.2.1:5", "198.51.100.7", "192.0.2.1:5"}, // no proxy of ours
		{"@", "198.51.100.7", "@"},
	} {
		got := ""
		h := p.forwarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		h.ServeHTTP(nil, &http.Request{RemoteAddr: tc.remote, Header: http.Header{"X-Forwarded-For": {tc.header}}})
		if got != tc.want {
			t.Errorf("%s with %q is %s, want %s", tc.remote, tc.header, got, tc.want)
		}
	}
	if network(&net.TCPAddr{IP: net.ParseIP("2001:db8::5")}) != network(&net.TCPAddr{IP: net.ParseIP("2001:db8::6")}) {
		t.Error("a /64 is two networks")
	}
}
