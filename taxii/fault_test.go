package taxii

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rawGet = "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + testToken + "\r\n\r\n"

func dial(t testing.TB, srv *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func served(t *testing.T, srv *httptest.Server) {
	t.Helper()
	c := client(t, srv, ClientOptions{})
	for b, err := range c.Pull(t.Context(), Pull{Root: "/taxii2/api1/", Collection: testID, Limit: 10, MaxPages: 1}) {
		if err != nil || len(b.Objects) != 10 {
			t.Errorf("others are not served: %v", err)
		}
	}
}

// big fills a collection with what no socket buffer holds.
func big(m *memory, n int) {
	pad := strings.Repeat("x", 64<<10)
	m.fill(testID, n, func(i int) []byte {
		return bytes.Replace(indicator(i), []byte(`"pattern_type"`), []byte(`"x_pad":"`+pad+`","pattern_type"`), 1)
	})
}

// INVARIANT: clients that do not read hold no more than the memory allowed, and
// others are served meanwhile.
func TestClientsThatDoNotRead(t *testing.T) {
	m := newMemory()
	big(m, 200)
	var cut atomic.Int32
	h := NewServer(m, Options{PageBytes: 12 << 20, Memory: 48 << 20, Stall: 500 * time.Millisecond, Observe: func(a Access) {
		if a.Err != nil {
			cut.Add(1)
		}
	}})
	srv := serve(t, h)
	for range 8 {
		fmt.Fprintf(dial(t, srv), rawGet, objectsPath)
	}
	// While they hold their share, another caller gets pages.
	served(t, srv)
	deadline := time.Now().Add(20 * time.Second)
	for cut.Load() < 8 {
		if time.Now().After(deadline) {
			t.Fatalf("%d of 8 slow readers were cut off", cut.Load())
		}
		time.Sleep(20 * time.Millisecond)
	}
	served(t, srv)
	q := h.(*server).quota
	if !q.all.TryAcquire(q.memory) {
		t.Error("memory was not given back")
	}
}

// A post that stops half-way is answered, and costs nobody else anything.
func TestPostsThatStop(t *testing.T) {
	m := newMemory()
	m.fill(testID, 20, indicator)
	srv := serve(t, NewServer(m, Options{Stall: 200 * time.Millisecond}))
	const head = "POST " + objectsPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/taxii+json;version=2.1\r\nContent-Length: 1000\r\nAuthorization: Bearer " + testToken + "\r\n\r\n"
	stalled, closed := dial(t, srv), dial(t, srv)
	io.WriteString(stalled, head+`{"objects":[{"type":`)
	io.WriteString(closed, head+`{"objects":[`)
	closed.(*net.TCPConn).CloseWrite()
	served(t, srv)
	for want, c := range map[int]net.Conn{408: stalled, 400: closed} {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%d: %v", want, err)
			continue
		}
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != want || !strings.HasPrefix(string(b), `{"title":`) {
			t.Errorf("%d %s, want %d", res.StatusCode, b, want)
		}
		res.Body.Close()
	}
}

// A body that is announced, not wanted, and does not come holds nothing.
func TestBodiesNobodyReads(t *testing.T) {
	m := newMemory()
	m.fill(testID, 2000, indicator)
	srv := serve(t, NewServer(m, Options{Stall: 200 * time.Millisecond}))
	const length = "Host: x\r\nContent-Length: 1000\r\n"
	for want, text := range map[int]string{
		401: "POST " + objectsPath + " HTTP/1.1\r\n" + length + "\r\n",
		404: "GET /taxii2/nothing/here/ HTTP/1.1\r\n" + length + "\r\n",
		405: "PUT " + objectsPath + " HTTP/1.1\r\n" + length + "\r\n",
		415: "POST " + objectsPath + " HTTP/1.1\r\nContent-Type: text/plain\r\n" + length + "Authorization: Bearer " + testToken + "\r\n\r\n",
	} {
		c := dial(t, srv)
		io.WriteString(c, text)
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%d: %v", want, err)
			continue
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != want {
			t.Errorf("%d %v, want %d", res.StatusCode, err, want)
		}
		res.Body.Close()
	}
}

// A thousand connections that do nothing cost little, and others are served.
func TestIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand connections")
	}
	m := newMemory()
	m.fill(testID, 20, indicator)
	srv := serve(t, NewServer(m, Options{}))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for i := range 1000 {
		c := dial(t, srv)
		if i%2 == 0 {
			continue // says nothing at all
		}
		wg.Go(func() {
			fmt.Fprintf(c, rawGet, objectsPath)
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		})
	}
	wg.Wait()
	served(t, srv)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("1,000 idle connections hold %d bytes", grown)
	}
}

// A page that is cut off never looks whole.
func TestCutPagesAreNotWhole(t *testing.T) {
	m := newMemory()
	big(m, 100)
	srv := serve(t, NewServer(m, Options{Stall: 100 * time.Millisecond}))
	for _, accept := range []string{"identity", "gzip"} {
		c := dial(t, srv)
		fmt.Fprintf(c, strings.Replace(rawGet, "\r\n\r\n", "\r\nAccept-Encoding: "+accept+"\r\n\r\n", 1), objectsPath)
		time.Sleep(400 * time.Millisecond)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			continue // cut off before the head came through
		}
		b, err := io.ReadAll(res.Body)
		if err == nil && !bytes.HasSuffix(b, []byte("]}")) && accept == "identity" {
			t.Errorf("%s: %d bytes and no error", accept, len(b))
		}
		res.Body.Close()
	}
}
