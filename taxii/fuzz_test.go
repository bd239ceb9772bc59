package taxii

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// INVARIANT: no input gives a 5xx, anything but TAXII JSON, or a panic.
func FuzzServer(f *testing.F) {
	m := newMemory()
	m.max = 1 << 16
	h := NewServer(m, Options{FailuresPerMinute: 1 << 30})
	versioned(f, h)
	next := read(f, call(f, h, "GET", objectsPath+"?limit=1", "")).Next
	for _, s := range []struct{ method, path, query, header, value, body string }{
		{"GET", "/taxii2/", "", "", "", ""},
		{"GET", objectsPath, "limit=1&next=" + next, "Accept-Encoding", "zstd;q=0.5,gzip", ""},
		{"GET", objectsPath, "match[version]=first,2020-01-01T00:00:00Z&match[type]=tool,malware&added_after=2020-01-01 00:00:00 01:00", "If-None-Match", `W/"x", *`, ""},
		{"GET", strings.Replace(objectsPath, "objects", "manifest", 1), "match%5Bid%5D=a,b&match[spec_version]=2.0", "Accept", `a/b;q=0, */*;q="0.1"`, ""},
		{"POST", objectsPath, "", "Content-Encoding", "gzip", "\x1f\x8b\x08\x00"},
		{"POST", objectsPath, "", "Content-Type", "application/taxii+json ; version = 2.1", `{"objects":[{"id":"a","type":"b","modified":"x"}]}`},
		{"DELETE", objectsPath + "tool--00000000-0000-4000-8000-000000000009/", "match[version]=all", "Authorization", "Basic a3o6eA==", ""},
		{"GET", objectsPath + "tool--00000000-0000-4000-8000-000000000001/versions/", "limit=99999999999999999999", "Authorization", "Token x", ""},
		{"GET", "/taxii2/%2e%2e/%00/", "%", "Accept", "", ""},
	} {
		f.Add(s.method, s.path, s.query, s.header, s.value, s.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, header, value, body string) {
		u := &url.URL{Scheme: "http", Host: "x", Path: path, RawQuery: query}
		if p, err := url.PathUnescape(path); err == nil {
			u.Path, u.RawPath = p, path
		}
		r := (&http.Request{
			Method: method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Host: "x",
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, RemoteAddr: value, RequestURI: path,
		}).WithContext(context.Background())
		r.SetBasicAuth(testUser, testPass)
		r.Header.Set("Content-Type", MediaTAXII)
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		checkAnswer(t, method+" "+path+"?"+query, w)
		if w.Code >= 500 {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		if w.Header().Get("Content-Encoding") == "" && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("no JSON: %q", w.Body)
		}
	})
}

// Whatever a server answers, a pull and a check end.
func FuzzClient(f *testing.F) {
	f.Add(200, "2026-01-01T00:00:00.000000Z", `{"more":true,"next":"a","objects":[{"id":"x--1","type":"x"}]}`)
	f.Add(206, "x", `{"objects":[[],null,1],"next":5,"more":false}`)
	f.Add(406, "", `{"title":"no"}`)
	f.Add(429, "9999-12-31T23:59:59.999999Z", `{"title":"wait"}`)
	f.Add(202, "0001-01-01", `{"id":"x","status":"pending","collections":[{"id":"91a7b528-80eb-42ed-a74d-c6fbd5a26116","title":"t","can_read":true,"can_write":true}],"api_roots":["/a/","://"],"default":"/a/"}`)
	f.Fuzz(func(t *testing.T, status int, date, body string) {
		if status < 200 || status > 599 {
			return
		}
		n := 0
		hc := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if n++; n > 3000 {
				t.Fatal("it does not end")
			}
			h := http.Header{}
			for _, k := range []string{"X-Taxii-Date-Added-Last", "X-Taxii-Date-Added-First", "Retry-After", "Content-Range", "Date", "Location"} {
				h.Set(k, date)
			}
			return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})}
		c, err := NewClient("http://127.0.0.1/taxii2/", ClientOptions{HTTP: hc, Sleep: noSleep(new(time.Duration)), MaxAnswer: 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range c.Pull(t.Context(), Pull{Root: "/a/", Collection: "b", MaxPages: 500}) {
			_ = err
		}
		n = 0
		Check(t.Context(), c, "http://127.0.0.1/taxii2/", CheckOptions{Write: true})
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
