package ingest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-net/comity"
)

func TestPublicAddr(t *testing.T) {
	for addr, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "100.63.0.1": true, "172.32.0.1": true, "2606:4700::1111": true, "2a00:1450::5": true,
		"::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2002:808:808::1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false,
		"127.8.8.8": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false,
		"240.0.0.1": false, "255.255.255.255": false, "::": false, "::1": false, "::7f00:1": false, "fe80::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd12::1": false, "ff02::1": false, "fec0::1": false, "2001:db8::1": false, "2001::1": false, "100::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2002:c0a8:101::1": false, "3fff::1": false,
	} {
		if got := publicAddr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if publicAddr(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// serve starts a server that must not be reached unless reach is true.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var hits atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hits.Add(1); h(w, r) }))
	t.Cleanup(s.Close)
	return s, &hits
}

func fetch(t *testing.T, url string, opt FetchOptions) (string, Info, error) {
	t.Helper()
	body, info, err := Fetch(context.Background(), url, opt)
	if err != nil {
		return "", info, err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	return string(b), info, err
}

func TestFetch(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/start" {
			http.Redirect(w, r, "/feeds/list.txt", http.StatusFound)
			return
		}
		w.Header().Set("Last-Modified", testDay.Format(http.TimeFormat))
		fmt.Fprint(w, "192.0.2.1\n")
	})
	got, info, err := fetch(t, strings.Replace(s.URL, "http://", "http://user:secret@", 1)+"/start", FetchOptions{AllowPrivate: true})
	if err != nil || got != "192.0.2.1\n" || info.Name != "list.txt" || info.Size != 10 || !info.Modified.Equal(testDay) || info.URL != s.URL+"/feeds/list.txt" {
		t.Errorf("%q %+v %v", got, info, err)
	}
}

func TestFetchPrivate(t *testing.T) {
	s, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[64:ff9b::7f00:1]", "169.254.169.254", "10.1.2.3", "[::1]", "[fe80::1]"} {
		_, _, err := fetch(t, "http://"+host+":"+port+"/", FetchOptions{})
		if key(err) != "ingest.url_private" || !comity.Is(err, comity.Forbidden) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if hits.Load() > 0 {
		t.Errorf("%d requests arrived", hits.Load())
	}
}

// 127.0.0.1 stands for the public internet here and 127.0.0.2 for the inside.
func TestFetchRedirectPrivate(t *testing.T) {
	inside, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("needs a second loopback address: %v", err)
	}
	inside.Listener.Close()
	s2 := httptest.NewUnstartedServer(inside.Config.Handler)
	s2.Listener.Close()
	s2.Listener = l
	s2.Start()
	t.Cleanup(s2.Close)
	outside, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, s2.URL+"/secret", http.StatusFound) })
	first := netip.MustParseAddr("127.0.0.1")
	_, _, err = fetch(t, outside.URL, FetchOptions{public: func(a netip.Addr) bool { return a == first }})
	if key(err) != "ingest.url_private" || !strings.Contains(err.Error(), "127.0.0.2") || !strings.Contains(err.Error(), "/secret") {
		t.Errorf("got %v", err)
	}
	if hits.Load() > 0 {
		t.Errorf("%d requests arrived", hits.Load())
	}
}

func TestFetchErrors(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/gone":
			http.Error(w, "no", http.StatusGone)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/big":
			w.Header().Set("Content-Length", "5000")
			w.Write(make([]byte, 5000))
		case "/endless":
			for range 100 {
				if _, err := w.Write(make([]byte, 1000)); err != nil {
					return
				}
				w.(http.Flusher).Flush()
			}
		case "/stall":
			fmt.Fprint(w, "192.0.2.1\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/wait":
			<-r.Context().Done()
		case "/cut":
			w.Header().Set("Content-Length", "5000")
			w.Write(make([]byte, 50))
		}
	})
	opt := FetchOptions{AllowPrivate: true, MaxBytes: 4000, Stall: 100 * time.Millisecond, Wait: 100 * time.Millisecond}
	for path, c := range map[string]struct {
		key  string
		kind comity.Kind
	}{
		"/loop": {"ingest.url_redirects", comity.Unreachable}, "/gone": {"ingest.url_status", comity.Unreachable},
		"/file": {"ingest.url_scheme", comity.Forbidden}, "/big": {"ingest.url_too_large", comity.TooLarge},
		"/endless": {"ingest.url_too_large", comity.TooLarge}, "/stall": {"ingest.url_stalled", comity.Unreachable},
		"/wait": {"ingest.url_unreachable", comity.Unreachable},
	} {
		_, _, err := fetch(t, s.URL+path, opt)
		if key(err) != c.key || !comity.Is(err, c.kind) {
			t.Errorf("%s: %v", path, err)
		}
	}
	opt.MaxBytes = 1 << 20
	if _, _, err := fetch(t, s.URL+"/cut", opt); key(err) != "ingest.url_unreachable" {
		t.Errorf("/cut: %v", err)
	}
}

func TestFetchBadURL(t *testing.T) {
	for url, want := range map[string]string{
		"file:///etc/passwd": "ingest.url_scheme", "ftp://example.com/": "ingest.url_scheme", "example.com": "ingest.url_scheme",
		"http://": "ingest.url_scheme", "http://user:secret@exa mple.com/": "ingest.url_bad",
	} {
		_, _, err := fetch(t, url, FetchOptions{})
		if key(err) != want || !comity.Is(err, comity.Usage) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestFetchKeepsSecrets(t *testing.T) {
	other, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			http.Error(w, "leak", http.StatusTeapot)
		}
	})
	first, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, other.URL+"/x", http.StatusFound)
	})
	if _, _, err := fetch(t, strings.Replace(first.URL, "http://", "http://user:secret@", 1), FetchOptions{AllowPrivate: true}); err != nil {
		t.Error(err)
	}
	dead := strings.Replace(first.URL, "http://", "http://user:secret@", 1)
	first.Close()
	if _, _, err := fetch(t, dead, FetchOptions{AllowPrivate: true}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}
