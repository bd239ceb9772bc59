package taxii

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

func TestQuotaIsEqualAndSaysSo(t *testing.T) {
	now := time.Now()
	m := newMemory()
	h := NewServer(m, Options{PerMinute: 60, Burst: 3, Now: func() time.Time { return now }})
	for i := range 3 {
		if w := call(t, h, "GET", "/taxii2/", ""); w.Code != 200 || w.Header().Get("RateLimit-Remaining") != strconv.Itoa(2-i) {
			t.Errorf("request %d: %d, %s left", i, w.Code, w.Header().Get("RateLimit-Remaining"))
		}
	}
	w := call(t, h, "GET", objectsPath, "")
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("over: %d %v", w.Code, w.Header())
	}
	if w := call(t, h, "GET", "/taxii2/", "", "Authorization", "Bearer "+testToken); w.Code != 200 {
		t.Errorf("another caller: %d", w.Code)
	}
	now = now.Add(time.Second)
	if w := call(t, h, "GET", "/taxii2/", ""); w.Code != 200 {
		t.Errorf("after waiting: %d", w.Code)
	}
}

func TestFailedAttemptsAreBounded(t *testing.T) {
	now := time.Now()
	h := NewServer(newMemory(), Options{FailuresPerMinute: 3, Now: func() time.Time { return now }})
	wrong := func() int {
		return call(t, h, "GET", "/taxii2/", "", "Authorization", "Basic a3o6d3Jvbmc=").Code // kz:wrong
	}
	for range 3 {
		if c := wrong(); c != 401 {
			t.Errorf("wrong password: %d", c)
		}
	}
	if c := wrong(); c != 429 {
		t.Errorf("fourth: %d", c)
	}
	if c := call(t, h, "GET", "/taxii2/", "").Code; c != 429 {
		t.Errorf("the same user from there: %d", c)
	}
	if c := call(t, h, "GET", "/taxii2/", "", "Authorization", "Bearer "+testToken).Code; c != 200 {
		t.Errorf("another user from there: %d", c)
	}
	now = now.Add(time.Minute)
	if c := call(t, h, "GET", "/taxii2/", "").Code; c != 200 {
		t.Errorf("a minute later: %d", c)
	}
}

func TestAnonymous(t *testing.T) {
	m := newMemory()
	m.open = true
	h := NewServer(m, Options{PerMinute: 60, Burst: 1})
	if w := call(t, h, "GET", "/taxii2/", "", "Authorization", ""); w.Code != 200 {
		t.Errorf("anonymous: %d", w.Code)
	}
	// INVARIANT: broken credentials never become the anonymous caller.
	for _, a := range []string{"Basic", "Basic Og==", "Digest x", "x", "Bearer"} {
		if w := call(t, h, "GET", "/taxii2/", "", "Authorization", a); w.Code != 401 {
			t.Errorf("%q: %d", a, w.Code)
		}
	}
	r := httptest.NewRequest("GET", "/taxii2/", nil)
	r.RemoteAddr = "198.51.100.9:1"
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("another address has a quota of its own: %d", w.Code)
	}
}

func TestClientCertificate(t *testing.T) {
	h := NewServer(newMemory(), Options{})
	r := httptest.NewRequest("GET", "/taxii2/", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: "ke"}}}}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEncodings(t *testing.T) {
	m := newMemory()
	m.fill(testID, 500, indicator)
	h := NewServer(m, Options{})
	plain := call(t, h, "GET", objectsPath, "").Body.String()
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "gzip, zstd": "zstd", "zstd;q=0.1, gzip;q=0.9": "gzip", "GZIP ; q=1": "gzip", "br": "", "gzip;q=0": "", "gzip;q=x": "", "gzip;q=NaN": "",
	} {
		w := call(t, h, "GET", objectsPath, "", "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
		var in io.Reader = w.Body
		switch want {
		case "gzip":
			in, _ = gzip.NewReader(in)
		case "zstd":
			in, _ = zstd.NewReader(in)
		}
		if b, err := io.ReadAll(in); err != nil || string(b) != plain {
			t.Errorf("%q: %d bytes of %d, %v", accept, len(b), len(plain), err)
		}
		if w.Header().Get("Vary") == "" {
			t.Error("no Vary")
		}
	}
	if w := call(t, h, "GET", "/taxii2/", "", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("a small answer was packed")
	}
	if w := call(t, h, "HEAD", objectsPath, ""); w.Body.Len() > 0 || w.Header().Get("Content-Length") != strconv.Itoa(len(plain)) {
		t.Errorf("HEAD: %v", w.Header())
	}
}

// INVARIANT: Content-Length is the length, whatever the sizes of the objects.
func TestStreamedLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(chunkSize-200, chunkSize+200), rapid.IntRange(0, 4*chunkSize)), 0, 12).Draw(t, "sizes")
		var records []Record
		for _, n := range sizes {
			records = append(records, Record{Raw: []byte(`{"a":"` + strings.Repeat("x", n) + `"}`)})
		}
		s := NewServer(newMemory(), Options{}).(*server)
		w := httptest.NewRecorder()
		x := &exchange{w: w, r: httptest.NewRequest("GET", "/", nil)}
		p := pageBody{at: atObjects, records: records, next: rapid.SampledFrom([]string{"", "abc"}).Draw(t, "next")}
		if err := s.stream(x, p); err != nil {
			t.Fatal(err)
		}
		want := string(p.head(nil))
		for i, r := range records {
			if i > 0 {
				want += ","
			}
			want += string(r.Raw)
		}
		want += p.tail()
		if w.Body.String() != want || w.Header().Get("Content-Length") != strconv.Itoa(len(want)) || x.bytes != int64(len(want)) {
			t.Fatalf("%d bytes, said %s, counted %d, want %d", w.Body.Len(), w.Header().Get("Content-Length"), x.bytes, len(want))
		}
	})
}

func TestTimes(t *testing.T) {
	want := time.Date(2024, 2, 29, 12, 30, 45, 123456000, time.UTC)
	for _, s := range []string{
		"2024-02-29T12:30:45.123456Z", "2024-02-29t12:30:45.123456z", "2024-02-29 12:30:45.123456", "2024-02-29T14:30:45.123456+02:00",
		"2024-02-29T14:30:45.123456 02:00", "2024-02-29T10:30:45.123456-0200", " 2024-02-29T12:30:45.123456000Z ",
	} {
		if got, ok := ParseTime(s); !ok || !got.Equal(want) {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "2024", "2024-02-30", "2024-02-29X12:00:00Z", "yesterday at noon", "2024-02-29T25:00:00Z", "1709209845", strings.Repeat("2", 100)} {
		if got, ok := ParseTime(s); ok {
			t.Errorf("%q read as %v", s, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-1e15, 2e17).Draw(t, "µs")).UTC()
		got, ok := ParseTime(FormatTime(at))
		if !ok || !got.Equal(at) || len(FormatTime(at)) != len("2006-01-02T15:04:05.000000Z") {
			t.Fatalf("%v: %s, %v", at, FormatTime(at), got)
		}
	})
}

// INVARIANT: what is sealed opens to the same, and nothing altered opens.
func TestCursors(t *testing.T) {
	s := newSealer([]byte("0123456789abcdef"))
	rapid.Check(t, func(t *rapid.T) {
		p := Position{Seq: rapid.Int64().Draw(t, "seq"), Added: time.UnixMicro(rapid.Int64Range(1, 1<<52).Draw(t, "added")).UTC()}
		bound := rapid.SliceOf(rapid.Byte()).Draw(t, "bound")
		c := s.seal(bound, p)
		if got, err := s.open(bound, c); err != nil || got != p {
			t.Fatalf("%v: %v", got, err)
		}
		b := []byte(c)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		b[i] = rapid.SampledFrom([]byte("ABCDwxyz0189-_")).Draw(t, "letter")
		if _, err := s.open(bound, string(b)); (err == nil) != (string(b) == c) {
			t.Fatalf("%s for %s: %v", b, c, err)
		}
		if _, err := s.open(append(bound, 0), c); err == nil {
			t.Fatal("opened for something else")
		}
	})
}

func TestObserve(t *testing.T) {
	m := newMemory()
	m.fill(testID, 5, indicator)
	var seen []Access
	h := NewServer(m, Options{Observe: func(a Access) { seen = append(seen, a) }})
	call(t, h, "GET", objectsPath+"?limit=2", "")
	call(t, h, "GET", "/taxii2/none/", "")
	if len(seen) != 2 || seen[0].Caller.ID != testUser || seen[0].Records != 2 || !seen[0].More || seen[0].Last.Seq != 6 || seen[0].Endpoint != "objects" || seen[0].Collection != testID {
		t.Errorf("%+v", seen)
	}
	if seen[1].Status != 404 || seen[1].Err == nil || seen[1].ErrorID == "" {
		t.Errorf("%+v", seen[1])
	}
	m.roots = nil // a backend that panics is a defect, and still an answer
	m.hidden = func(Caller, Record) bool { panic("boom") }
	panics := NewServer(panicky{m}, Options{Observe: func(a Access) { seen = append(seen, a) }})
	if w := call(t, panics, "GET", "/taxii2/", ""); w.Code != 500 || seen[2].Err == nil || strings.Contains(w.Body.String(), "boom") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type panicky struct{ *memory }

func (panicky) Discovery(context.Context, Caller) (Discovery, error) { panic("boom") }

var _ http.Handler = (*server)(nil)

// Pages and their loans work over HTTP/2 as well.
func TestHTTP2(t *testing.T) {
	m := newMemory()
	big(m, 40)
	h := NewServer(m, Options{})
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c := client(t, srv, ClientOptions{Bearer: testToken})
	got, _, err := pullAll(t, c, Pull{Limit: 30})
	if err != nil {
		t.Fatal(err)
	}
	unique(t, got, 40)
	r := Check(t.Context(), c, srv.URL+"/taxii2/", CheckOptions{Write: true})
	if r.Count(Failed) > 0 {
		t.Error(results(r, Failed))
	}
	q := h.(*server).quota
	if !q.all.TryAcquire(q.memory) {
		t.Error("memory was not given back")
	}
}

// The bytes of an object are the same after client and server.
func TestPulledObjectsAreAsTheyCame(t *testing.T) {
	m := newMemory()
	raw := "{ \"z\" : 1.50,\n\t\"type\":\"x-y\",\"id\":\"x-y--00000000-0000-4000-8000-000000000009\",\"\\u0061\":\"\\/é\",\"a\":1 }"
	m.fill(testID, 1, func(int) []byte { return []byte(raw) })
	c := client(t, serve(t, NewServer(m, Options{})), ClientOptions{})
	for b, err := range c.Pull(t.Context(), Pull{Root: "/taxii2/api1/", Collection: testID}) {
		if err != nil || len(b.Objects) != 1 || string(b.Objects[0]) != raw {
			t.Errorf("%q %v", b.Objects, err)
		}
	}
}
