package bench

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

// client asks one server over HTTP/1.1 with kept connections; bodies are read as
// they are and dropped.
type client struct {
	t    testing.TB
	http *http.Client
	base string
	auth string // Authorization
	pid  int
	stop func()
}

func (r *run) client() *client {
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, ReadBufferSize: 64 << 10,
		TLSClientConfig: &tls.Config{RootCAs: r.roots, MinVersion: tls.VersionTLS12}}
	return &client{t: r.t, http: &http.Client{Transport: tr}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

func (c *client) do(method, path string, body []byte, want int) (http.Header, []byte) {
	r, err := http.NewRequest(method, c.base+path, bytes.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return nil, nil
	}
	r.Header.Set("Accept", taxiiType)
	if c.auth != "" {
		r.Header.Set("Authorization", c.auth)
	}
	if body != nil {
		r.Header.Set("Content-Type", taxiiType)
	}
	res, err := c.http.Do(r)
	if err != nil {
		c.t.Error(err)
		return nil, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		c.t.Errorf("%s %s: %d %.300s %v", method, path, res.StatusCode, b, err)
		return nil, nil
	}
	return res.Header, b
}

// post adds objects 500 at a time and says how many a second.
func (c *client) post(objects [][]byte) float64 {
	began := time.Now()
	for part := range slices.Chunk(objects, 500) {
		c.do("POST", basePath+"objects/", slices.Concat([]byte(`{"objects":[`), bytes.Join(part, []byte(",")), []byte("]}")), 202)
	}
	return float64(len(objects)) / time.Since(began).Seconds()
}

// next finds the cursor of a page: cheap to find, so that the
// client costs little beside the server; "" at the end.
func next(body []byte) string {
	head := body[:min(len(body), 200)]
	for _, part := range [][]byte{head, body[max(0, len(body)-200):]} {
		if i := bytes.Index(part, []byte(`"next":"`)); i >= 0 {
			s := part[i+8:]
			if j := bytes.IndexByte(s, '"'); j >= 0 {
				return string(s[:j])
			}
		}
	}
	return ""
}

// pages follows next from the start, n pages at most, and tells of each; it
// says whether to go on.
func (c *client) pages(limit, n int, each func(time.Duration, http.Header) bool) {
	path := fmt.Sprintf("%sobjects/?limit=%d", basePath, limit)
	at := ""
	for range n {
		began := time.Now()
		h, b := c.do("GET", path+at, nil, 200)
		if h == nil {
			return
		}
		on := each(time.Since(began), h)
		nx := next(b)
		if nx == "" || !on {
			return
		}
		at = "&next=" + url.QueryEscape(nx)
	}
}

// all reads everything with some clients at a time, over and over for two
// seconds, and says how many objects a second.
func (c *client) all(limit, clients, objects int) float64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range clients {
		wg.Go(func() {
			for time.Since(began) < 2*time.Second {
				left := objects
				c.pages(limit, 1<<20, func(time.Duration, http.Header) bool {
					n.Add(int64(min(limit, left)))
					left -= min(limit, left)
					return time.Since(began) < 2*time.Second
				})
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(began).Seconds()
}

// times asks the same n times and gives the p50 and p95 in ms.
func (c *client) times(n int, ask func(i int)) (p50, p95 float64) {
	took := make([]time.Duration, n)
	for i := range n {
		began := time.Now()
		ask(i)
		took[i] = time.Since(began)
	}
	return percentiles(took)
}

func percentiles(took []time.Duration) (p50, p95 float64) {
	slices.Sort(took)
	if len(took) == 0 {
		return 0, 0
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	return ms(took[len(took)/2]), ms(took[len(took)*95/100])
}

// figures are what was measured, by the name of the line; column is one server's.
type figures map[string]float64

type column struct {
	name string
	got  figures
}

// measure measures one server: filled and asked without TLS, then read with it.
func (r *run) measure(s subject) figures {
	r.t.Helper()
	f := figures{}
	basic := "Basic " + basicOf(baseUser, basePass)
	if s.comity {
		r.command(s, "", "init", "--name", s.name)
		r.command(s, "", "user", "add", baseUser, "--role", "analyst")
		r.command(s, "", "user", "add", "outside", "--role", "constituent")
		r.command(s, `{"type":"identity","spec_version":"2.1","id":"identity--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a10","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"x"}`,
			"import", "-", "--collection", "feed", "--tlp", "green")
		r.command(s, "", "collection", "open", "feed", "--to", "constituent")
	}
	c := r.serve(s, false)
	c.auth = basic
	f["post"] = c.post(r.objects)
	f["single"], _ = c.times(200, func(i int) {
		c.do("POST", basePath+"objects/", slices.Concat([]byte(`{"objects":[`), made(1<<30+i, 300), []byte("]}")), 202)
	})
	r.reads(c, f, "")
	r.asks(c, f)
	if s.comity {
		on := *c
		on.auth = "Basic " + basicOf("outside", basePass)
		f["enforced"] = on.all(1000, 1, len(r.objects)+201)
		f["enforced %"] = 100 * (f["read 1000 × 1"]/f["enforced"] - 1)
		f["disk"] = float64(disk(r.dir+"/"+s.name)) / float64(r.raw)
	}
	f["memory"] = memory(c.pid)
	c.stop()
	c = r.serve(s, true)
	c.auth = basic
	if !s.comity {
		c.post(r.objects)
	}
	r.reads(c, f, " TLS")
	c.stop()
	if n, _ := strconv.Atoi(os.Getenv("COMITY_BENCH_GROW")); n > 0 && s.comity {
		r.grow(s, f, basic, n)
	}
	return f
}

func (r *run) reads(c *client, f figures, tls string) {
	for _, limit := range []int{100, 1000} {
		for _, clients := range []int{1, 8, 64} {
			f[fmt.Sprintf("read %d × %d%s", limit, clients, tls)] = c.all(limit, clients, len(r.objects))
		}
	}
}

// asks are the questions one at a time.
func (r *run) asks(c *client, f figures) {
	var took []time.Duration
	last := ""
	c.pages(100, 1<<20, func(d time.Duration, h http.Header) bool {
		took, last = append(took, d), h.Get("X-TAXII-Date-Added-Last")
		return true
	})
	f["page p50"], f["page p95"] = percentiles(took)
	get := func(query string) func(int) {
		return func(int) { c.do("GET", basePath+"objects/?"+query, nil, 200) }
	}
	var o struct{ ID, Type string }
	_ = json.Unmarshal(r.objects[len(r.objects)/2], &o)
	f["type p50"], f["type p95"] = c.times(200, get("limit=100&match[type]=malware,tool"))
	f["nothing"], _ = c.times(300, get("added_after="+url.QueryEscape(last)))
	f["id"], _ = c.times(300, get("match[id]="+o.ID))
	disc := func(int) { c.do("GET", "/taxii2/", nil, 200) }
	c.times(20, disc)
	warm, _ := c.times(1000, disc)
	anon := *c
	anon.auth = ""
	without, _ := anon.times(1000, disc)
	f["basic"] = warm - without
}

// grow fills the collection to n objects; the first and the last 25,000 are timed.
func (r *run) grow(s subject, f figures, auth string, n int) {
	c := r.serve(s, false)
	defer c.stop()
	c.auth = auth
	const part = 25_000
	for from := 0; from < n; from += part {
		var objects [][]byte
		for i := from; i < min(n, from+part); i++ {
			objects = append(objects, made(i, 900))
		}
		f["grow end"] = c.post(objects)
		if from == 0 {
			f["grow start"] = f["grow end"]
		}
	}
	f["grow %"] = 100 * f["grow end"] / f["grow start"]
	var took []time.Duration
	c.pages(100, 500, func(d time.Duration, _ http.Header) bool { took = append(took, d); return true })
	f["grow page"], _ = percentiles(took)
	f["grow memory"] = memory(c.pid)
}

// lines are the table: what is measured, its unit and the target; less says that
// a smaller figure is the better one.
var lines = []struct {
	key, what, target string
	less              bool
}{
	{"post", "POST 500 at a time, objects/s", "≥ 8,000", false},
	{"single", "POST of one, p50 ms", "≤ 2", true},
	{"read 100 × 1", "read all, limit 100, 1 client, objects/s", "≥ 90,000", false},
	{"read 100 × 8", "  8 clients", "", false},
	{"read 100 × 64", "  64 clients", "", false},
	{"read 100 × 1 TLS", "  TLS, 1 client", "", false},
	{"read 100 × 8 TLS", "  TLS, 8 clients", "", false},
	{"read 100 × 64 TLS", "  TLS, 64 clients", "", false},
	{"read 1000 × 1", "read all, limit 1,000, 1 client, objects/s", "≥ 150,000", false},
	{"read 1000 × 8", "  8 clients", "", false},
	{"read 1000 × 64", "  64 clients", "", false},
	{"read 1000 × 1 TLS", "  TLS, 1 client", "", false},
	{"read 1000 × 8 TLS", "  TLS, 8 clients", "", false},
	{"read 1000 × 64 TLS", "  TLS, 64 clients", "", false},
	{"page p50", "page of 100, p50 ms", "≤ 1", true},
	{"page p95", "  p95 ms", "≤ 2", true},
	{"type p50", "match[type], page of 100, p50 ms", "≤ 2", true},
	{"type p95", "  p95 ms", "≤ 5", true},
	{"nothing", "nothing new, p50 ms", "≤ 0.4", true},
	{"id", "match[id], p50 ms", "≤ 0.4", true},
	{"basic", "Basic over anonymous, warm, ms", "≤ 0.1", true},
	{"enforced %", "enforcement for an outsider, % slower", "≤ 15", true},
	{"memory", "most memory resident, MB", "≤ 100", true},
	{"disk", "bytes on disk for each of the objects", "≤ 1.3", true},
	{"grow start", "growing: POST at the start, objects/s", "", false},
	{"grow %", "  at the end, % of that", "≥ 70", false},
	{"grow page", "  page of 100 there, p50 ms", "≤ 1.5 × small", true},
	{"grow memory", "  most memory resident, MB", "≤ 300", true},
}

// table writes the columns beside each other, with the ratio to the first: above
// 1 is better than it.
func table(cols []column) string {
	var s strings.Builder
	w := tabwriter.NewWriter(&s, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "\ttarget")
	for i, c := range cols {
		if fmt.Fprintf(w, "\t%s", c.name); i > 0 {
			fmt.Fprint(w, "\tratio")
		}
	}
	fmt.Fprintln(w)
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%s", l.what, l.target)
		for i, c := range cols {
			v, ok := c.got[l.key]
			fmt.Fprintf(w, "\t%s", number(v, ok))
			if i == 0 {
				continue
			}
			base, both := cols[0].got[l.key]
			ratio := v / base
			if l.less {
				ratio = base / v
			}
			fmt.Fprintf(w, "\t%s", number(ratio, ok && both && v > 0 && base > 0))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
	return s.String()
}

func number(v float64, ok bool) string {
	switch {
	case !ok:
		return "–"
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
