package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
)

const feedObjects = "/taxii2/api/collections/feed/objects/"

// fed is a node with a collection of some indicators, and the token of an analyst.
func fed(t testing.TB, n *node.Node, count int) string {
	t.Helper()
	ctx, admin := t.Context(), node.Actor{Name: "root", Role: node.RoleAdmin}
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "198.51.%d.%d\n", i>>8, i&255)
	}
	if _, err := n.Import(ctx, admin, node.ImportRequest{Reader: io.NopCloser(strings.NewReader(b.String())), Name: "feed.txt", Collection: "feed", TLP: "clear"}); err != nil {
		t.Fatal(err)
	}
	if err := n.CreateUser(ctx, admin, "ana", "", node.RoleAnalyst, "en"); err != nil {
		t.Fatal(err)
	}
	token, err := n.CreateToken(ctx, admin, "ana", "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func request(method, path, token string, more ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n" + strings.Join(more, "\r\n") + "\r\n\r\n"
}

// dialFrom connects from one of the many addresses of this machine.
func dialFrom(t testing.TB, l *listening, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	c, err := d.DialContext(t.Context(), "tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// othersAreServed asks for a page from another address.
func othersAreServed(t testing.TB, l *listening, token string) {
	t.Helper()
	for _, from := range []string{"127.0.0.1", "127.0.0.99"} {
		c := dialFrom(t, l, from)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, request("GET", feedObjects+"?limit=10", token, "Connection: close"))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("from %s: %v", from, err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !bytes.HasSuffix(b, []byte("]}")) {
			t.Fatalf("from %s: %d %v", from, res.StatusCode, err)
		}
		_ = c.Close()
	}
}

func (l *limited) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// INVARIANT: connections that ask nothing, or never end their header, keep
// nobody out, not even from their own address, and are bounded.
func TestSilentConnections(t *testing.T) {
	n := newNode(t)
	token := fed(t, n, 20)
	l := listenAs(t, n, "--connections", "100", "--connections-per-address", "40")
	for i := range 1000 {
		c := dialFrom(t, l, fmt.Sprintf("127.0.0.%d", 1+i%5))
		switch i % 3 {
		case 1:
			_, _ = io.WriteString(c, "GET /taxii2/ HTTP/1.1\r\nX-Slow: ")
		case 2:
			_, _ = io.WriteString(c, request("GET", feedObjects, token)) // then idle
		}
		if i%250 == 249 {
			othersAreServed(t, l, token)
		}
	}
	if got := l.lim.count(); got > 100 {
		t.Errorf("%d connections are open", got)
	}
}

// 1,000 idle connections under the usual bounds.
func TestThousandIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("short: a thousand connections")
	}
	n := newNode(t)
	token := fed(t, n, 20)
	l := listenAs(t, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for i := range 1000 {
		c := dialFrom(t, l, fmt.Sprintf("127.0.0.%d", 1+i%4))
		wg.Go(func() {
			_, _ = io.WriteString(c, request("GET", feedObjects, token))
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || res.StatusCode != 200 {
				t.Error(i, err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		})
	}
	wg.Wait()
	othersAreServed(t, l, token)
	if got := l.lim.count(); got < 1000 {
		t.Errorf("only %d connections were kept", got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("1,000 idle connections, client side included: %d KiB", grown>>10)
	if grown > 100<<20 {
		t.Errorf("they hold %d bytes", grown)
	}
}

// Clients that stop in the middle are let go: in the header, in the body, while
// an answer is sent, and while many pipelined answers are.
func TestClientsThatStop(t *testing.T) {
	n := newNode(t)
	token := fed(t, n, 2000)
	l := listenWith(t, n, 500*time.Millisecond)
	const head = "Content-Type: application/taxii+json;version=2.1"
	const length = "Content-Length: 1000"
	sent := map[string]string{
		"body":           request("POST", feedObjects, token, head, length) + "{",
		"refused body":   request("POST", feedObjects, "wrong", head, length),
		"needless body":  request("GET", feedObjects, token, length),
		"body of a page": request("POST", "/signin", "x", "Content-Type: application/x-www-form-urlencoded", length) + "name=",
		"body of JSON":   request("POST", "/api/v1/find", token, "Content-Type: application/json", length) + "{",
		"unread of JSON": request("GET", "/api/v1/status", token, length),
		"header":         "GET /taxii2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"pipelined":      strings.Repeat(request("GET", feedObjects+"?limit=1000", token), 400),
		"small":          strings.Repeat(request("GET", "/taxii2/", token), 60_000),
		"pages":          strings.Repeat("GET /signin HTTP/1.1\r\nHost: x\r\n\r\n", 20_000),
	}
	var wg sync.WaitGroup
	for name, text := range sent {
		c := dialFrom(t, l, "127.0.0.1")
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		wg.Go(func() {
			_ = c.SetWriteDeadline(time.Now().Add(60 * time.Second))
			_, err := io.WriteString(c, text) // fails once the other side lets go
			if err == nil {
				_ = c.SetReadDeadline(time.Now().Add(60 * time.Second))
				_, err = io.Copy(io.Discard, c)
			}
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Errorf("%s: the server holds the connection", name)
			}
		})
	}
	othersAreServed(t, l, token)
	half := dialFrom(t, l, "127.0.0.1")
	_, _ = io.WriteString(half, request("POST", feedObjects, token, head, "Content-Length: 1000")+`{"objects":[`)
	_ = half.(*net.TCPConn).CloseWrite()
	_ = half.SetReadDeadline(time.Now().Add(20 * time.Second))
	if res, err := http.ReadResponse(bufio.NewReader(half), nil); err != nil || res.StatusCode != 400 {
		t.Errorf("half-closed in the body: %v %v", res, err)
	}
	wg.Wait()
	othersAreServed(t, l, token)
}

// What comes over the wire in no good order is answered below 500 and without
// HTML, and never kills anything.
func TestOddRequests(t *testing.T) {
	n := newNode(t)
	token := fed(t, n, 20)
	l := listenWith(t, n, 2*time.Second)
	post := func(more ...string) string {
		return request("POST", feedObjects, token, append(more, "Content-Type: application/taxii+json;version=2.1")...)
	}
	chunks := "4\r\n{\"ob\r\n"
	for name, text := range map[string]string{
		"HTTP/1.0":           strings.Replace(request("GET", "/taxii2/", token), "1.1", "1.0", 1),
		"bare 1.0":           "GET /taxii2/ HTTP/1.0\r\n\r\n",
		"no host":            "GET /taxii2/ HTTP/1.1\r\n\r\n",
		"two hosts":          "GET /taxii2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"whole address":      request("GET", "http://elsewhere/taxii2/", token),
		"star":               request("OPTIONS", "*", token),
		"connect":            "CONNECT /taxii2/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"lower case":         request("get", "/taxii2/", token),
		"odd method":         request("GET{}", "/taxii2/", token),
		"trace":              request("TRACE", "/taxii2/", token),
		"huge header":        request("GET", "/taxii2/", token, "X-Big: "+strings.Repeat("x", 200<<10)),
		"many headers":       request("GET", "/taxii2/", token, strings.Repeat("X-Y: z\r\n", 20_000)+"A: b"),
		"long path":          request("GET", "/taxii2/"+strings.Repeat("a/", 20_000), token),
		"long query":         request("GET", feedObjects+"?"+strings.Repeat("match[id]=a,", 5_000), token),
		"bad escape":         request("GET", "/taxii2/%zz/", token),
		"NUL escape":         request("GET", "/taxii2/%00/", token),
		"raw NUL":            request("GET", "/taxii2/\x00/", token),
		"raw 8 bit":          request("GET", "/taxii2/\xff\xfe/", token),
		"header NUL":         request("GET", "/taxii2/", token, "X: a\x00b"),
		"folded":             request("GET", "/taxii2/", token, "X: a\r\n b"),
		"expects":            request("GET", "/taxii2/", token, "Expect: 100-continue"),
		"expects else":       request("GET", "/taxii2/", token, "Expect: tea"),
		"upgrade":            request("GET", "/taxii2/", token, "Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
		"both lengths":       post("Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
		"two lengths":        post("Content-Length: 5", "Content-Length: 6") + "{}   ",
		"below zero":         post("Content-Length: -1"),
		"huge length":        post("Content-Length: 9223372036854775807") + "{}",
		"too long to parse":  post("Content-Length: 92233720368547758070") + "{}",
		"chunk garbage":      post("Transfer-Encoding: chunked") + "zz\r\n{}\r\n0\r\n\r\n",
		"chunk huge":         post("Transfer-Encoding: chunked") + "ffffffffffffffff\r\n{",
		"chunk cut":          post("Transfer-Encoding: chunked") + chunks,
		"chunk trailer":      post("Transfer-Encoding: chunked") + "2\r\n{}\r\n0\r\nX: y\r\n\r\n",
		"chunk extension":    post("Transfer-Encoding: chunked") + "2;" + strings.Repeat("x", 100_000) + "\r\n{}\r\n0\r\n\r\n",
		"GET with body":      request("GET", "/taxii2/", token, "Content-Length: 5") + "hello",
		"DELETE with body":   request("DELETE", feedObjects+"x/", token, "Content-Length: 5") + "hello",
		"HEAD":               request("HEAD", feedObjects, token),
		"broken credentials": "GET /taxii2/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \xff\r\n\r\n",
		"two credentials":    request("GET", "/taxii2/", token, "Authorization: Bearer "+token),
	} {
		c := dialFrom(t, l, "127.0.0.1")
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		go func() { _, _ = io.WriteString(c, text); _ = c.(*net.TCPConn).CloseWrite() }()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			continue // net/http closed the connection: an answer, too
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		typ := res.Header.Get("Content-Type")
		if res.StatusCode >= 500 || strings.Contains(typ, "html") || bytes.Contains(bytes.ToLower(b), []byte("<html")) {
			t.Errorf("%s: %d %s %.100s", name, res.StatusCode, typ, b)
		}
		if typ == taxii.MediaTAXII && len(b) > 0 && !json.Valid(b) {
			t.Errorf("%s: %.200s", name, b)
		}
		_ = c.Close()
	}
	othersAreServed(t, l, token)
}

// packed fills an encoding with many bytes at little cost.
func packed(t *testing.T, encoding string, head string, fill byte, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "zstd" {
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	_, _ = io.WriteString(w, head)
	block := bytes.Repeat([]byte{fill}, 1<<20)
	for range n >> 20 {
		_, _ = w.Write(block)
	}
	_ = w.Close()
	return b.Bytes()
}

// INVARIANT: no body costs more memory than the bound on all posts and what it
// takes to look at them, and each gets its answer.
func TestBodiesThatMeanHarm(t *testing.T) {
	if testing.Short() {
		t.Skip("short: bodies of 32 MiB")
	}
	n := newNode(t)
	token := fed(t, n, 20)
	l := listenAs(t, n)
	long := func(n int) string { return strings.Repeat("x", n) }
	const id = `"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z"`
	bodies := []struct {
		name, encoding string
		body           func() []byte // made when needed: only the server shall count
		want           int           // 0: anything below 500
	}{
		{"deep arrays", "", func() []byte {
			return []byte(`{"objects":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}")
		}, 0},
		{"deep objects", "", func() []byte {
			return []byte(`{"objects":[` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + "]}")
		}, 0},
		{"one string", "", func() []byte { return []byte(`{"objects":["` + long(32<<20-100) + `"]}`) }, 0},
		{"one name", "", func() []byte { return []byte(`{"objects":[{` + id + `,"name":"` + long(32<<20-400) + `"}]}`) }, 0},
		{"one key", "", func() []byte { return []byte(`{"` + long(32<<20-100) + `":1}`) }, 0},
		{"one number", "", func() []byte { return []byte(`{"objects":[` + strings.Repeat("1", 20<<20) + `]}`) }, 0},
		{"blanks", "", func() []byte { return []byte("{" + strings.Repeat(" ", 31<<20)) }, 400},
		{"commas", "", func() []byte { return []byte(`{"objects":[` + strings.Repeat(",", 20<<20) + `]}`) }, 0},
		{"numbers", "", func() []byte { return []byte(`{"objects":[` + strings.Repeat("0,", 15<<20) + `0]}`) }, 413},
		{"empty objects", "", func() []byte { return []byte(`{"objects":[` + strings.Repeat("{},", 10<<20) + `{}]}`) }, 413},
		{"too long", "", func() []byte { return bytes.Repeat([]byte(" "), 33<<20) }, 413},
		{"same key", "", func() []byte { return []byte(`{"objects":[{` + id + `,"name":"a","name":"b"}],"objects":[]}`) }, 0},
		{"not UTF-8", "", func() []byte { return []byte("{\"objects\":[{" + id + ",\"name\":\"\xff\xfe\"}]}") }, 0},
		{"NUL", "", func() []byte { return []byte("{\"objects\":[{" + id + ",\"name\":\"\x00\"}]}") }, 0},
		{"escaped NUL", "", func() []byte { return []byte(`{"objects":[{` + id + `,"name":"\u0000"}]}`) }, 0},
		{"lone surrogate", "", func() []byte { return []byte(`{"objects":[{` + id + `,"name":"\ud800"}]}`) }, 0},
		{"gzip bomb", "gzip", func() []byte { return packed(t, "gzip", `{"objects":[`, ' ', 1<<30) }, 413},
		{"zstd bomb", "zstd", func() []byte { return packed(t, "zstd", `{"objects":["`, 'x', 1<<30) }, 413},
		{"gzip blanks first", "gzip", func() []byte { return packed(t, "gzip", "", ' ', 1<<28) }, 413},
		{"gzip garbage", "gzip", func() []byte { return []byte("\x1f\x8b\x08\x00garbage") }, 400},
		{"zstd garbage", "zstd", func() []byte { return []byte("\x28\xb5\x2f\xfdgarbage") }, 400},
		{"no gzip", "gzip", func() []byte { return []byte(`{"objects":[]}`) }, 400},
		{"gzip cut", "gzip", func() []byte { return packed(t, "gzip", `{"objects":[`, ' ', 1<<20)[:100] }, 400},
		{"br", "br", func() []byte { return []byte("x") }, 415},
		{"gzip twice", "gzip, gzip", func() []byte { return []byte("x") }, 415},
	}
	post := func(t *testing.T, name, encoding string, body []byte, want int) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.addr+feedObjects, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", taxii.MediaTAXII)
		r.Header.Set("Authorization", "Bearer "+token)
		if encoding != "" {
			r.Header.Set("Content-Encoding", encoding)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			if want != 413 { // there the server may stop reading before all is written
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode >= 500 || want != 0 && res.StatusCode != want || res.Header.Get("Content-Type") != taxii.MediaTAXII || !json.Valid(b) {
			t.Errorf("%s: %d %v %.300s", name, res.StatusCode, err, b)
		}
	}
	peak := watchHeap(t)
	same := []byte(`{"objects":[{` + id + `,"name":"` + long(32<<20-400) + `"}]}`)
	for _, tc := range bodies {
		began := time.Now()
		post(t, tc.name, tc.encoding, tc.body(), tc.want)
		most := peak()
		t.Logf("%-18s %6d ms, heap peak %4d MiB", tc.name, time.Since(began).Milliseconds(), most>>20)
		if most > 768<<20 {
			t.Errorf("%s: %d bytes of heap", tc.name, most)
		}
	}
	othersAreServed(t, l, token)
	// All of them at once, from many sides.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { post(t, "at once", "", same, 0) })
	}
	wg.Wait()
	most := peak()
	t.Logf("8 bodies of 32 MiB at once: heap peak %d MiB", most>>20)
	if most > 1<<30 {
		t.Errorf("8 bodies at once take %d bytes of heap", most)
	}
	othersAreServed(t, l, token)
}

// watchHeap gives the greatest heap since it was last asked.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	var most atomic.Uint64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		var m runtime.MemStats
		for ctx.Err() == nil {
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse))
			time.Sleep(5 * time.Millisecond)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return func() uint64 { defer runtime.GC(); return most.Swap(0) }
}

// HTTP/2: many streams at once are served, and a flood of streams that are
// cancelled at once keeps nobody out.
func TestManyStreams(t *testing.T) {
	n := newNode(t)
	token := fed(t, n, 20)
	dir := t.TempDir()
	cert, key := pair(t, "x", time.Now().Add(time.Hour))
	write(t, filepath.Join(dir, "c"), cert)
	write(t, filepath.Join(dir, "k"), key)
	l := listenAs(t, n, "--tls-cert", filepath.Join(dir, "c"), "--tls-key", filepath.Join(dir, "k"))
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, MaxConnsPerHost: 1}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	ask := func() {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.addr+feedObjects, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := client.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 || !bytes.HasSuffix(b, []byte("]}")) {
			t.Errorf("%d %s %v", res.StatusCode, res.Proto, err)
		}
	}
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(ask)
	}
	wg.Wait()
	for range 3 {
		reset(t, l.addr, token)
	}
	ask()
}

// reset opens streams and cancels them at once, until the server has enough.
func reset(t *testing.T, addr, token string) {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(c, http2.ClientPreface)
	f := http2.NewFramer(c, c)
	_ = f.WriteSettings()
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	for stream := uint32(1); stream < 20_000; stream += 2 {
		head.Reset()
		for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", feedObjects}, {"authorization", "Bearer " + token}} {
			_ = e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true}) != nil ||
			f.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
			return // the server has closed it
		}
	}
}
