package taxii

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// request is one request to make, as often as needed.
type request struct {
	method string // "" for GET
	url    *url.URL
	accept string // "" for TAXII of the version
	ranges string // Range, for 2.0
	ifNot  string // If-None-Match
	body   []byte
	status []int // accepted besides 200
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do makes a request, again after 429, 503 and, when reading, after failures of
// the network and of the server.
func (c *Client) do(ctx context.Context, q request) (answer, error) {
	if q.method == "" {
		q.method = http.MethodGet
	}
	for try := 0; ; try++ {
		a, err := c.once(ctx, q)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		wait, again := c.backoff(q, a, err, try)
		if !again {
			return a, err
		}
		if err := c.o.Sleep(ctx, wait); err != nil {
			return a, err
		}
	}
}

// backoff says whether and after how long to try again.
func (c *Client) backoff(q request, a answer, err error, try int) (time.Duration, bool) {
	told := a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable
	// What was sent may have been done: only being told so makes it safe to repeat.
	if try >= c.o.Retries || !told && (q.method != http.MethodGet || !comity.Is(err, comity.Unreachable)) {
		return 0, false
	}
	wait := time.Second << min(try, 6)
	wait += time.Duration(rand.Int64N(int64(wait) / 2)) // not all clients at one moment
	if told {
		if d, ok := retryAfter(a.header); ok {
			wait = d
		}
	}
	return wait, wait <= c.o.MaxWait
}

func retryAfter(h http.Header) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(v); err == nil && n >= 0 && n < 1<<30 {
		return time.Duration(n) * time.Second, true
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	now := time.Now()
	if d, err := http.ParseTime(h.Get("Date")); err == nil {
		now = d // the server's clock against itself
	}
	return max(0, t.Sub(now)), true
}

// once makes a request once.
func (c *Client) once(ctx context.Context, q request) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, q.url.String(), bytes.NewReader(q.body))
	if err != nil {
		return answer{}, comity.E(comity.Usage, "taxii", q.url, comity.Msg("taxii.client.url"), err)
	}
	c.head(r, q)
	res, err := c.http.Do(r)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return answer{}, err
		}
		var refused *addressError
		if errors.As(err, &refused) {
			return answer{}, comity.E(comity.Forbidden, "taxii", q.url, comity.Msg("feed.address", comity.A("address", refused.addr)), err)
		}
		return answer{}, comity.E(comity.Unreachable, "taxii", q.url, comity.Msg("taxii.client.unreachable", comity.A("host", q.url.Host)), err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	limit := c.o.MaxAnswer
	ok := a.status == http.StatusOK
	for _, s := range q.status {
		ok = ok || a.status == s
	}
	if !ok {
		limit = min(limit, 64<<10)
	}
	a.body, err = readAll(res.Body, limit, q.url.String())
	switch {
	case !ok:
		return a, remoteError(q.url, a)
	case comity.Is(err, comity.TooLarge):
		return a, err
	case err != nil:
		return a, comity.E(comity.Unreachable, "taxii", q.url, comity.Msg("taxii.client.cut", comity.A("host", q.url.Host)), err)
	}
	return a, nil
}

func (c *Client) head(r *http.Request, q request) {
	r.Header.Set("User-Agent", c.o.UserAgent)
	switch {
	case q.accept != "":
		r.Header.Set("Accept", q.accept)
	case c.o.Version == "2.0":
		r.Header.Set("Accept", mediaTAXII20)
	default:
		r.Header.Set("Accept", MediaTAXII)
	}
	if q.ranges != "" {
		r.Header.Set("Range", q.ranges)
	}
	if q.ifNot != "" {
		r.Header.Set("If-None-Match", q.ifNot)
	}
	if q.method == http.MethodPost {
		r.Header.Set("Content-Type", MediaTAXII)
	}
	switch {
	case c.o.Bearer != "":
		r.Header.Set("Authorization", "Bearer "+c.o.Bearer)
	case c.o.User != "":
		r.SetBasicAuth(c.o.User, c.o.Password)
	}
}

// remoteError turns an error answer into one of ours, with what the server says.
func remoteError(u *url.URL, a answer) error {
	kind := comity.Invalid
	switch {
	case a.status == 401:
		kind = comity.Unauthenticated
	case a.status == 403:
		kind = comity.Forbidden
	case a.status == 404:
		kind = comity.NotFound
	case a.status == 413:
		kind = comity.TooLarge
	case a.status == 429:
		kind = comity.Limited
	case a.status >= 500:
		kind = comity.Unreachable
	}
	var e errorBody
	said := ""
	if json.Unmarshal(a.body, &e) == nil {
		said = strings.TrimRight(clip(strings.TrimSpace(e.Title+" "+e.Description)), ".")
	}
	msg := comity.Msg("taxii.client.answered", comity.A("status", a.status), comity.A("said", said))
	if a.status >= 300 && a.status < 400 {
		msg = comity.Msg("taxii.client.redirect", comity.A("target", clip(a.header.Get("Location"))))
	}
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		wait, _ := retryAfter(a.header)
		return comity.E(kind, "taxii", u, msg, &laterError{wait})
	}
	return comity.E(kind, "taxii", u, msg, nil)
}
