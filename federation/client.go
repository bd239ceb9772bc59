package federation

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/comity-net/comity"
)

// ClientOptions are the client's bounds. Zero fields mean the defaults given.
type ClientOptions struct {
	Dial  time.Duration // to connect, and again for the TLS handshake; 10 s
	Idle  time.Duration // without a single byte from the peer; 30 s
	Total time.Duration // one request, without the wait of a long poll; 5 min

	ChunkBytes int64 // the most that one chunk may hold once decompressed; 64 MiB

	// PublicOnly refuses to connect to loopback, private, link-local and other
	// special addresses, whatever name led there. Off by default: a peer may be
	// on the same intranet, and a connection proves nothing without the key.
	PublicOnly bool

	// Wrap, if set, stands between the client and the network: a delay or a
	// fault in tests, a proxy. It should pass CloseIdleConnections on.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Client reads from peers: one for a node, one pool of HTTP/2 connections for
// each peer. It follows no redirect, uses no proxy of the environment, and
// bounds everything a peer can make it wait for or hold.
type Client struct {
	keys *Keys
	opts ClientOptions

	mu    sync.Mutex
	peers map[comity.MemberID]*Remote
}

// maxHeader bounds the header of an answer.
const maxHeader = 32 << 10

// NewClient makes the client of a node. Close it at the end.
func NewClient(k *Keys, opts ClientOptions) *Client {
	setDefault(&opts.Dial, 10*time.Second)
	setDefault(&opts.Idle, 30*time.Second)
	setDefault(&opts.Total, 5*time.Minute)
	setDefault(&opts.ChunkBytes, 64<<20)
	return &Client{keys: k, opts: opts, peers: map[comity.MemberID]*Remote{}}
}

// Close closes idle connections. Requests under way end with their contexts.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.peers {
		r.http.CloseIdleConnections()
	}
	clear(c.peers)
}

// For returns the remote side of a peer. The connections are kept for as long as
// its address and key stay the same.
func (c *Client) For(id *Identity) *Remote {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.peers[id.ID]
	if old != nil && old.id.URL == id.URL && equalHash(old.id.TLSPin, id.TLSPin) {
		if old.id == id {
			return old
		}
		fresh := *old // same connections, newer note
		fresh.id = id
		c.peers[id.ID] = &fresh
		return &fresh
	}
	if old != nil {
		old.http.CloseIdleConnections()
	}
	accepts := func(pin comity.Hash) bool { return id.AcceptsPin(pin, c.keys.now()) == nil }
	r := &Remote{client: c, id: id, http: c.httpClient(accepts, nil), slots: make(chan struct{}, requestsAtOnce)}
	c.peers[id.ID] = r
	return r
}

// httpClient makes a client that takes the accepted keys only or, without
// accepts, tells which key it met.
func (c *Client) httpClient(accepts func(comity.Hash) bool, got func(comity.Hash)) *http.Client {
	dial := &net.Dialer{Timeout: c.opts.Dial, KeepAlive: 15 * time.Second}
	if c.opts.PublicOnly {
		dial.Control = publicOnly
	}
	var rt http.RoundTripper = &http.Transport{
		DialContext:            dial.DialContext,
		TLSClientConfig:        c.keys.clientTLS(accepts, got),
		TLSHandshakeTimeout:    c.opts.Dial,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // zstd only, decoded under our own bounds
		MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost:        8,
		MaxIdleConns:           4,
		IdleConnTimeout:        90 * time.Second,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 10 * time.Second,
			MaxReceiveBufferPerStream: 4<<20 - 1, MaxReceiveBufferPerConnection: 4<<20 - 1},
	}
	if c.opts.Wrap != nil {
		rt = c.opts.Wrap(rt)
	}
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// FetchIdentity gets the identity note that stands at a base URL. The server
// must have a TLS key that its own note pins (Unverified otherwise). Whether
// that node is who it says is for people to find out with the pair code.
func (c *Client) FetchIdentity(ctx context.Context, base string) (*Identity, error) {
	const op = "fetch identity"
	if _, err := baseURL(base); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var met comity.Hash
	h := c.httpClient(nil, func(pin comity.Hash) { mu.Lock(); met = pin; mu.Unlock() })
	defer h.CloseIdleConnections()
	r := &Remote{client: c, id: &Identity{Profile: Profile{Name: base, URL: base}}, http: h, slots: make(chan struct{}, 1)}
	msg, err := r.get(ctx, op, "/id", nil, 0, maxIdentity)
	if err != nil {
		return nil, err
	}
	id, err := ParseIdentity(msg)
	if err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	if id.AcceptsPin(met, c.keys.now()) != nil {
		return nil, unverified(op, base, nil, "federation.identity_other_key", comity.A("url", base), comity.A("name", id.Name))
	}
	return id, nil
}

// errPrivate says that an address is not a public one.
var errPrivate = errors.New("address is not public")

// publicOnly refuses special addresses after the name was resolved, so that no
// name and no second answer of a resolver leads past it.
func publicOnly(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	a := ap.Addr().Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || shared.Contains(a) || nat64.Contains(a) {
		return errPrivate
	}
	return nil
}

// Carrier-grade NAT (RFC 6598) and the NAT64 prefix (RFC 6052), which can lead
// to any IPv4 address.
var (
	shared = netip.MustParsePrefix("100.64.0.0/10")
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
)
