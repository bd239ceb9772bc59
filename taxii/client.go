package taxii

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// The media types of TAXII 2.0, which the client reads.
const (
	mediaTAXII20 = "application/vnd.oasis.taxii+json; version=2.0"
	mediaSTIX20  = "application/vnd.oasis.stix+json; version=2.0"
)

// ClientOptions say how a client asks. HTTP is required; the rest may be zero.
type ClientOptions struct {
	// HTTP makes the requests: its transport decides about proxies, certificates
	// and which addresses may be reached at all. Its redirects are not used: the
	// client follows only those to the same origin.
	HTTP           *http.Client
	User, Password string // HTTP Basic
	Bearer         string // a token instead
	UserAgent      string // "comity"
	// Version is "2.1", "2.0" or "" to find out.
	Version string
	// Plain allows http:// to other machines than this one.
	Plain     bool
	MaxAnswer int64         // bytes of one answer, unpacked: 256 MiB
	Retries   int           // of one request: 5
	MaxWait   time.Duration // longest Retry-After that is waited for: 2 min
	// Sleep waits between retries; nil waits in real time.
	Sleep func(ctx context.Context, d time.Duration) error
	Now   func() time.Time // the clock: time.Now
}

// Client reads from and writes to one TAXII server. It may be used by several
// goroutines. Credentials go to the origin (scheme, host, port) of the URL it was
// made with and nowhere else: an API root elsewhere needs a client of its own.
type Client struct {
	o    ClientOptions
	http http.Client
	base *url.URL
}

// NewClient makes a client for the server at base, an absolute URL of its
// discovery, of an API root or of anything below.
func NewClient(base string, o ClientOptions) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, comity.E(comity.Usage, "taxii", base, comity.Msg("taxii.client.url"), err)
	}
	if u.Scheme == "http" && !o.Plain && !loopback(u.Hostname()) {
		return nil, comity.E(comity.Forbidden, "taxii", base, comity.Msg("taxii.client.plain"), nil)
	}
	if o.HTTP == nil {
		return nil, comity.E(comity.Internal, "taxii", base, comity.Msg("taxii.client.url"), errors.New("no http client"))
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	o.UserAgent = cmp.Or(o.UserAgent, "comity")
	o.MaxAnswer = cmp.Or(o.MaxAnswer, 256<<20)
	o.Retries = cmp.Or(o.Retries, 5)
	o.MaxWait = cmp.Or(o.MaxWait, 2*time.Minute)
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Client{o: o, http: *o.HTTP, base: u}
	c.http.CheckRedirect = c.follow
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// follow allows redirects within the origin only: credentials and the choice of
// whom to talk to are not the server's to change.
func (c *Client) follow(r *http.Request, via []*http.Request) error {
	if len(via) > 5 || !sameOrigin(r.URL, c.base) {
		return http.ErrUseLastResponse
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// resolve makes an absolute URL of a reference; it must stay in the origin.
func (c *Client) resolve(ref string) (*url.URL, error) {
	u, err := c.base.Parse(ref)
	if err != nil || u.User != nil {
		return nil, comity.E(comity.Invalid, "taxii", clip(ref), comity.Msg("taxii.client.url"), err)
	}
	if !sameOrigin(u, c.base) {
		return nil, comity.E(comity.Forbidden, "taxii", clip(ref), comity.Msg("taxii.client.origin", comity.A("host", c.base.Host)), nil)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	return u, nil
}

// Discovery asks GET /taxii2/, or for TAXII 2.0 the URL the client was made
// with. Roots and Default are absolute URLs.
func (c *Client) Discovery(ctx context.Context) (Discovery, error) {
	target := c.base
	if c.o.Version != "2.0" && !strings.HasSuffix(target.Path, "/taxii/") {
		target = c.base.ResolveReference(&url.URL{Path: Prefix})
	}
	var d discoveryJSON
	if err := c.getJSON(ctx, target, &d); err != nil {
		return Discovery{}, err
	}
	out := Discovery{Title: d.Title, Description: d.Description, Contact: d.Contact}
	for _, r := range d.Roots {
		u, err := c.base.Parse(r)
		if err != nil {
			continue
		}
		out.Roots = append(out.Roots, u.String())
		if r == d.Default {
			out.Default = u.String()
		}
	}
	return out, nil
}

// Root asks for an API root by its URL, absolute or relative.
func (c *Client) Root(ctx context.Context, root string) (Root, error) {
	u, err := c.resolve(root)
	if err != nil {
		return Root{}, err
	}
	var r rootJSON
	if err := c.getJSON(ctx, u, &r); err != nil {
		return Root{}, err
	}
	return Root{Title: r.Title, Description: r.Description, MaxContentLength: r.Max}, nil
}

// Collections lists the collections of an API root.
func (c *Client) Collections(ctx context.Context, root string) ([]Collection, error) {
	u, err := c.resolve(root)
	if err != nil {
		return nil, err
	}
	var list collectionsJSON
	if err := c.getJSON(ctx, u.JoinPath("collections/"), &list); err != nil {
		return nil, err
	}
	out := make([]Collection, 0, len(list.Collections))
	for _, j := range list.Collections {
		out = append(out, Collection{
			ID: comity.CollectionID(j.ID), Title: j.Title, Description: j.Description, Alias: j.Alias,
			CanRead: j.CanRead, CanWrite: j.CanWrite, MediaTypes: j.MediaTypes,
		})
	}
	return out, nil
}

func (c *Client) getJSON(ctx context.Context, u *url.URL, v any) error {
	a, err := c.do(ctx, request{url: u})
	if a.status == http.StatusNotAcceptable && c.o.Version == "" {
		// One type at a time: there are servers that compare Accept as a text.
		a, err = c.do(ctx, request{url: u, accept: mediaTAXII20})
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return comity.E(comity.Invalid, "taxii", u, comity.Msg("taxii.client.json"), err)
	}
	return nil
}

// readAll reads at most limit bytes.
func readAll(r io.Reader, limit int64, subject string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(b)) > limit {
		return nil, comity.E(comity.TooLarge, "taxii", subject, comity.Msg("taxii.client.answer_long", comity.A("limit", limit)), nil)
	}
	return b, err
}
