package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// Client asks a node elsewhere over its JSON API.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient returns a client for the node at base ("https://node.example"),
// with an API token made there. It makes no connection yet.
func NewClient(base, token string) *Client {
	return &Client{
		base: strings.TrimSuffix(base, "/") + prefix, token: token,
		http: &http.Client{
			Timeout: 60 * time.Second,
			// A redirect would carry the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Status returns the node at a glance.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.call(ctx, http.MethodGet, "/status", nil, &s)
}

// Find looks up every indicator in a text, or its words.
func (c *Client) Find(ctx context.Context, text string) (Found, error) {
	var f Found
	return f, c.call(ctx, http.MethodPost, "/find", map[string]string{"text": text}, &f)
}

// Object returns one object with its provenance.
func (c *Client) Object(ctx context.Context, id comity.ObjectID) (Object, error) {
	var o Object
	return o, c.call(ctx, http.MethodGet, "/objects/"+url.PathEscape(string(id)), nil, &o)
}

// Raw returns the bytes of an object as they came.
func (c *Client) Raw(ctx context.Context, id comity.ObjectID) ([]byte, error) {
	var b []byte
	return b, c.call(ctx, http.MethodGet, "/objects/"+url.PathEscape(string(id))+"/raw", nil, &b)
}

// maxAnswer bounds what is read from another node.
const maxAnswer = 64 << 20

// call sends one request; out is a *[]byte for plain bytes, else filled from JSON.
func (c *Client) call(ctx context.Context, method, path string, body, out any) error {
	fail := func(kind comity.Kind, key string, err error) error {
		return comity.E(kind, "ask", c.base+path, comity.Message{Key: key}, err)
	}
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, r)
	if err != nil || (req.URL.Scheme != "http" && req.URL.Scheme != "https") {
		return fail(comity.Usage, "api.client.bad_url", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fail(comity.Unreachable, "api.client.unreachable", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return fail(comity.Unreachable, "api.client.unreachable", err)
	}
	if len(b) > maxAnswer {
		return fail(comity.TooLarge, "api.client.too_large", nil)
	}
	if res.StatusCode != http.StatusOK {
		return c.refusal(path, res, b)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fail(comity.Invalid, "api.client.bad_answer", err)
	}
	return nil
}

// refusal turns a problem from the other node into the error that it was there.
func (c *Client) refusal(path string, res *http.Response, b []byte) error {
	var p problem
	if json.Unmarshal(b, &p) != nil || p.Kind == "" || p.Message.Key == "" {
		return comity.E(comity.Unreachable, "ask", c.base+path, comity.Msg("api.client.no_node", comity.A("status", res.Status)), errors.New(res.Status))
	}
	e := comity.E(comity.KindOf(p.Kind), p.Op, p.Subject, p.Message, nil)
	if p.Hint != nil {
		return e.WithHint(*p.Hint)
	}
	return e
}
