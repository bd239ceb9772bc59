package ingest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/comity-net/comity"
)

// FetchOptions bound a download. Zero fields mean the default that is named.
type FetchOptions struct {
	// AllowPrivate also allows addresses that are not on the public internet. It
	// is for operators who fetch from their own network, never a default.
	AllowPrivate bool
	MaxBytes     int64         // of the body; 8 GiB
	Connect      time.Duration // for one connection with its handshake; 10 s
	Wait         time.Duration // for the headers of an answer; 30 s
	Stall        time.Duration // without a byte of the body; 60 s
	Agent        string        // User-Agent; "comity"
	Resolver     *net.Resolver // nil is the system's

	public func(netip.Addr) bool // for tests; nil is publicAddr
}

// Info is what the server said of a download.
type Info struct {
	URL      string // where it came from, after redirects, without user and password
	Name     string // last part of the path, for detection
	Type     string // media type
	Size     int64  // of the body; -1 when unknown
	Modified time.Time
}

const maxRedirects = 5

// Fetch opens an http or https URL for reading. The caller closes the body.
//
// INVARIANT: no connection is made to an address that is private, loopback,
// link-local, multicast, reserved or unspecified, or that carries such an IPv4
// address inside (mapped, NAT64, 6to4), unless AllowPrivate: the address is
// looked at when it is dialled, so neither a redirect nor a name that changes
// its address leads there (TestFetchPrivate, TestFetchRedirectPrivate). Proxies of the environment are
// not used, and a password in the URL is sent to that host only.
//
// The error is Usage for a URL that is none, Forbidden with ingest.url_private
// for an address as above, TooLarge for the size, Unreachable for the rest.
func Fetch(ctx context.Context, rawURL string, opt FetchOptions) (io.ReadCloser, Info, error) {
	opt = opt.withDefaults()
	u, err := checkURL(rawURL)
	if err != nil {
		return nil, Info{}, err
	}
	client, done := newClient(u, opt)
	ctx, cancel := context.WithCancelCause(ctx)
	fail := func(err error) (io.ReadCloser, Info, error) {
		cancel(nil)
		done()
		return nil, Info{}, fetchError(u, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fail(err)
	}
	req.Header.Set("User-Agent", opt.Agent)
	req.Header.Set("Accept", "application/stix+json;q=1, application/json;q=0.9, text/csv;q=0.9, */*;q=0.5")
	req.Header.Set("Accept-Encoding", "identity") // files come packed as they are and Run unpacks them within limits
	resp, err := client.Do(req)
	if err != nil {
		return fail(err)
	}
	if err := checkAnswer(u, resp, opt.MaxBytes); err != nil {
		resp.Body.Close()
		return fail(err)
	}
	return newBody(u, resp.Body, opt, cancel, done), info(resp), nil
}

func (o FetchOptions) withDefaults() FetchOptions {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 8 << 30
	}
	for p, d := range map[*time.Duration]time.Duration{&o.Connect: 10 * time.Second, &o.Wait: 30 * time.Second, &o.Stall: time.Minute} {
		if *p <= 0 {
			*p = d
		}
	}
	if o.public == nil {
		o.public = publicAddr
	}
	if o.Agent == "" {
		o.Agent = "comity"
	}
	return o
}

func checkURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The cause would repeat the URL with its password.
		return nil, comity.E(comity.Usage, "fetch", "url", comity.Msg("ingest.url_bad"), nil)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, comity.E(comity.Usage, "fetch", u.Redacted(), comity.Msg("ingest.url_scheme", comity.A("scheme", u.Scheme)), nil)
	}
	return u, nil
}

// newClient returns a client for one download and what frees its connections.
func newClient(start *url.URL, opt FetchOptions) (*http.Client, func()) {
	d := &net.Dialer{Timeout: opt.Connect, Resolver: opt.Resolver}
	if !opt.AllowPrivate {
		d.ControlContext = opt.refusePrivate
	}
	t := &http.Transport{
		Proxy:                  nil,
		DialContext:            d.DialContext,
		TLSHandshakeTimeout:    opt.Connect,
		ResponseHeaderTimeout:  opt.Wait,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}, t.CloseIdleConnections
}

// checkRedirect follows up to maxRedirects and lets no credentials cross hosts.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return comity.E(comity.Unreachable, "fetch", via[0].URL.Redacted(), comity.Msg("ingest.url_redirects", comity.A("max", maxRedirects)), nil)
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return comity.E(comity.Forbidden, "fetch", via[0].URL.Redacted(), comity.Msg("ingest.url_scheme", comity.A("scheme", req.URL.Scheme)), nil)
	}
	last := via[len(via)-1].URL
	if last.Scheme == "https" && req.URL.Scheme == "http" {
		return comity.E(comity.Forbidden, "fetch", via[0].URL.Redacted(), comity.Msg("ingest.url_downgrade", comity.A("to", req.URL.Redacted())), nil)
	}
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		req.Header.Del("Authorization")
		req.Header.Del("Cookie")
	}
	req.Header.Del("Referer")
	return nil
}

// privateError says which address was refused.
type privateError struct{ addr netip.Addr }

// Error gives the English line for logs.
func (e *privateError) Error() string { return "address " + e.addr.String() + " is not public" }

// refusePrivate is asked by the dialler for each address just before connecting.
func (o FetchOptions) refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !o.public(ap.Addr()) {
		return &privateError{ap.Addr()}
	}
	return nil
}

func checkAnswer(u *url.URL, resp *http.Response, most int64) error {
	if resp.StatusCode != http.StatusOK {
		return comity.E(comity.Unreachable, "fetch", u.Redacted(), comity.Msg("ingest.url_status",
			comity.A("status", resp.StatusCode), comity.A("text", http.StatusText(resp.StatusCode))), nil)
	}
	if resp.ContentLength > most {
		return comity.E(comity.TooLarge, "fetch", u.Redacted(), comity.Msg("ingest.url_too_large",
			comity.A("size", resp.ContentLength), comity.A("max", most)), nil)
	}
	return nil
}

func fetchError(u *url.URL, err error) error {
	var known *comity.Error
	if errors.As(err, &known) {
		return known
	}
	var private *privateError
	if errors.As(err, &private) {
		at := u.Redacted()
		var ue *url.Error
		if errors.As(err, &ue) {
			if to, perr := url.Parse(ue.URL); perr == nil {
				at = to.Redacted()
			}
		}
		return comity.E(comity.Forbidden, "fetch", u.Redacted(), comity.Msg("ingest.url_private",
			comity.A("address", private.addr), comity.A("url", at)), private).WithHint(comity.Msg("ingest.url_private_hint"))
	}
	if errors.Is(err, context.Canceled) {
		return comity.E(comity.Interrupted, "fetch", u.Redacted(), comity.Msg("ingest.url_interrupted"), err)
	}
	cause := err
	var ue *url.Error
	if errors.As(err, &ue) {
		cause = ue.Err // without the URL and its password
	}
	return comity.E(comity.Unreachable, "fetch", u.Redacted(), comity.Msg("ingest.url_unreachable", comity.A("cause", cause)), cause)
}

func info(resp *http.Response) Info {
	u := *resp.Request.URL
	u.User = nil
	in := Info{URL: u.String(), Name: lastPart(u.Path), Type: resp.Header.Get("Content-Type"), Size: resp.ContentLength}
	if t, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		in.Modified = t
	}
	return in
}

// body is the content of a download: bounded, and ended when it stalls.
type body struct {
	u      *url.URL
	r      io.ReadCloser
	opt    FetchOptions
	left   int64
	timer  *time.Timer
	cancel context.CancelCauseFunc
	done   func()
	stall  atomic.Bool
}

func newBody(u *url.URL, r io.ReadCloser, opt FetchOptions, cancel context.CancelCauseFunc, done func()) *body {
	b := &body{u: u, r: r, opt: opt, left: opt.MaxBytes, cancel: cancel, done: done}
	b.timer = time.AfterFunc(opt.Stall, func() {
		b.stall.Store(true)
		cancel(nil)
	})
	return b
}

// Read gives the next bytes. Errors say which URL.
func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.opt.Stall)
	n, err := b.r.Read(p)
	b.timer.Stop() // only the wait for the server counts, not what the caller does meanwhile
	if b.left -= int64(n); b.left < 0 {
		return n, comity.E(comity.TooLarge, "fetch", b.u.Redacted(), comity.Msg("ingest.url_too_large",
			comity.A("size", b.opt.MaxBytes-b.left), comity.A("max", b.opt.MaxBytes)), nil)
	}
	switch {
	case err == nil, err == io.EOF:
		return n, err
	case b.stall.Load():
		return n, comity.E(comity.Unreachable, "fetch", b.u.Redacted(), comity.Msg("ingest.url_stalled", comity.A("seconds", int(b.opt.Stall.Seconds()))), err)
	}
	return n, fetchError(b.u, err)
}

// Close ends the download and frees its connection.
func (b *body) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	err := b.r.Close()
	b.done()
	return err
}
