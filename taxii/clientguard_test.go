package taxii

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
)

// Pages without objects are followed for a while, as some servers send them
// where a caller may not have what is there, and not for ever.
func TestPullLeavesEndlessEmptyPages(t *testing.T) {
	for end, want := range map[int]error{500: nil, 1 << 30: errors.New("stuck")} {
		n := 0
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n++; n > end {
				h, b := page([]int{1, 2}, false, "null", "")
				reply1(w, h, b)
				return
			}
			fmt.Fprintf(w, `{"more":true,"next":"%d"}`, n)
		}))
		got, _, err := pullAll(t, client(t, srv, ClientOptions{}), Pull{})
		if (err == nil) != (want == nil) || err != nil && !comity.Is(err, comity.Partial) || n > 2*maxEmpty || want == nil && len(got) != 2 {
			t.Errorf("end %d: %v after %d requests, %v", end, err, n, got)
		}
	}
}

// What programs write for nothing is nothing.
func TestPullKnowsNothingWhenItSeesIt(t *testing.T) {
	for _, next := range []string{`"undefined"`, `"null"`, `"None"`, `null`, `""`} {
		n := 0
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			w.Header().Set("X-TAXII-Date-Added-First", "undefined")
			w.Header().Set("X-TAXII-Date-Added-Last", "undefined")
			_, b := page([]int{1, 2}, false, next, "")
			fmt.Fprint(w, b)
		}))
		got, r, err := pullAll(t, client(t, srv, ClientOptions{}), Pull{})
		if err != nil || len(got) != 2 || n != 1 || r.Next != "" {
			t.Errorf("%s: %v %v %d %+v", next, got, err, n, r)
		}
	}
}

func TestPullBoundsCursorsAndPages(t *testing.T) {
	for name, body := range map[string]string{
		"long cursor":  `{"more":true,"next":"` + strings.Repeat("x", maxNext+1) + `","objects":[{"id":"a--1"}]}`,
		"long page":    `{"objects":[` + strings.Repeat("1,", maxPage) + `1]}`,
		"long answer":  `{"objects":["` + strings.Repeat("x", 1<<20) + `"]}`,
		"deep answer":  `{"objects":[` + strings.Repeat("[", 100_000) + `]}`,
		"cut answer":   `{"objects":[{"id":"a--1"},`,
		"wrong answer": `{"objects":{"id":"a--1"}}`,
	} {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		if got, _, err := pullAll(t, client(t, srv, ClientOptions{MaxAnswer: 1 << 20}), Pull{}); err == nil || len(got) > 1 {
			t.Errorf("%s: %d objects, %v", name, len(got), err)
		}
	}
}

// An ETag is used for the very request that it came with, and for no other.
func TestPullAsksForWhatChanged(t *testing.T) {
	objects, asked, unchanged := []int{1, 2}, 0, 0
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		tag := fmt.Sprintf(`W/"%d %s"`, len(objects), r.URL.RawQuery)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			unchanged++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h, b := page(objects, false, "null", "2026-01-01T00:00:00.000000Z")
		reply1(w, h, b)
	}))
	c := client(t, srv, ClientOptions{})
	p := Pull{Overlap: time.Hour}
	var got []string
	for i, want := range []struct{ news, unchanged int }{{2, 0}, {0, 0}, {0, 1}, {0, 2}, {1, 2}, {0, 3}} {
		if i == 4 {
			objects = append(objects, 3)
		}
		var err error
		if got, p.Resume, err = pullAll(t, c, p); err != nil || len(got) != want.news || unchanged != want.unchanged {
			t.Errorf("pull %d: %v, %d unchanged, %v", i, got, unchanged, err)
		}
	}
	p.Filter.Types = []string{"note"}
	if _, _, err := pullAll(t, c, p); err != nil || unchanged != 3 {
		t.Errorf("the tag of another request was used: %v", err)
	}
}

// A pull of TAXII 2.0 that was cut off goes on where it was.
func TestPull20GoesOn(t *testing.T) {
	c := client(t, serve(t, old20(" ", 257)), ClientOptions{Version: "2.0"})
	p := Pull{Root: "/api/", Collection: "x", MaxPages: 1}
	var all []string
	for range 3 {
		got, r, err := pullAll(t, c, p)
		if err != nil {
			t.Fatal(err)
		}
		all, p.Resume = append(all, got...), r
	}
	unique(t, all, 257)
	if p.Resume.Offset != 0 {
		t.Errorf("%+v", p.Resume)
	}
}

func TestPullTakesMediaTypesAsTheyCome(t *testing.T) {
	for _, media := range []string{"application/taxii+json", "application/taxii+json; charset=utf-8", "application/json", ""} {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/moved/") {
				http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusMovedPermanently)
				return
			}
			if r.Header.Get("Authorization") == "" {
				t.Error("credentials were lost on the way")
			}
			h, b := page([]int{1}, false, "null", "")
			h["Content-Type"] = []string{media}
			reply1(w, h, b)
		}))
		if got, _, err := pullAll(t, client(t, srv, ClientOptions{Bearer: "x"}), Pull{}); err != nil || len(got) != 1 {
			t.Errorf("%q: %v %v", media, got, err)
		}
	}
}

// A server that counts its pages down, or gives everything whatever is asked.
func TestPullFromServersThatDoNotListen(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h, b := page([]int{1, 2, 3}, false, "null", "2026-01-01T00:00:00.000000Z")
		reply1(w, h, b)
	}))
	c := client(t, srv, ClientOptions{})
	_, r, err := pullAll(t, c, Pull{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var got []string
		if got, r, err = pullAll(t, c, Pull{Resume: r}); err != nil || len(got) != 0 {
			t.Errorf("added_after is ignored: %v %v", got, err)
		}
	}
	sizes, from, at := []int{5, 3, 1, 1}, 0, 0
	srv = serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var ids []int
		for i := range sizes[at] {
			ids = append(ids, from+i)
		}
		from += len(ids)
		at++
		h, b := page(ids, at < len(sizes), fmt.Sprintf(`"%d"`, at), "")
		if at == len(sizes) {
			b = strings.Replace(b, `"next":"4",`, "", 1)
		}
		reply1(w, h, b)
	}))
	got, _, err := pullAll(t, client(t, srv, ClientOptions{}), Pull{Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	unique(t, got, 10)
}

func TestRetryAfterIsTold(t *testing.T) {
	for after, want := range map[string]time.Duration{"7200": 2 * time.Hour, "Mon, 05 Jan 2026 13:00:00 GMT": time.Hour, "": 0, "undefined": 0, "-5": 0, "99999999999999999999": 0} {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Mon, 05 Jan 2026 12:00:00 GMT")
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		_, err := client(t, srv, ClientOptions{Retries: 1, Sleep: noSleep(new(time.Duration))}).Discovery(t.Context())
		if got, ok := RetryAfter(err); !ok || got != want {
			t.Errorf("%q: %v %v", after, got, ok)
		}
	}
	if _, ok := RetryAfter(errors.New("x")); ok {
		t.Error("any error")
	}
}

func TestMetadataAddresses(t *testing.T) {
	for a, want := range map[string]bool{
		"169.254.169.254": true, "::ffff:169.254.169.254": true, "64:ff9b::a9fe:a9fe": true, "fe80::1%eth0": true, "fd00:ec2::254": true,
		"100.100.100.200": true, "0.0.0.0": true, "::": true, "224.0.0.1": true, "ff02::1": true,
		"10.0.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "::1": false, "fd00::1": false, "100.100.100.201": false, "8.8.8.8": false,
	} {
		if metadata(netip.MustParseAddr(a)) != want {
			t.Errorf("%s: %v", a, !want)
		}
	}
	hc := &http.Client{Transport: NewTransport(TransportOptions{})}
	c, err := NewClient("https://169.254.169.254/taxii2/", ClientOptions{HTTP: hc})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Discovery(t.Context()); !comity.Is(err, comity.Forbidden) {
		t.Error(err)
	}
}

func TestFindRoot(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/taxii2/":
			fmt.Fprint(w, `{"title":"x","api_roots":["/one/","https://elsewhere.example/two/"],"default":"https://elsewhere.example/two/"}`)
		default:
			http.NotFound(w, r)
		}
	}))
	for at, want := range map[string]string{"/": "https://elsewhere.example/two/", "/taxii2/": "https://elsewhere.example/two/", "/api": srv.URL + "/api/"} {
		c, err := NewClient(srv.URL+at, ClientOptions{HTTP: http.DefaultClient})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.FindRoot(t.Context()); got != want || err != nil {
			t.Errorf("%s: %q %v", at, got, err)
		}
	}
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"title":"x"}`) }))
	defer empty.Close()
	c, _ := NewClient(empty.URL, ClientOptions{HTTP: http.DefaultClient})
	if _, err := c.FindRoot(t.Context()); !comity.Is(err, comity.NotFound) {
		t.Error(err)
	}
}

// Whatever comes as a page, it is an error or bounded objects that are JSON.
func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{
		`{"more":true,"next":"a","objects":[{"id":"x--1"},7,null]}`, `{"objects":null,"next":5}`, `{"next":"undefined"}`, `[]`, `{"objects":[}`,
		`{"type":"bundle","spec_version":"2.0","objects":[{}]}`, "{\"next\":\"\xff\",\"objects\":[\"\xff\"]}", `{"more":true,"more":false,"objects":[1],"objects":[2]}`,
	} {
		f.Add([]byte(s))
	}
	u := &url.URL{Scheme: "https", Host: "x"}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := readEnvelope(answer{status: 200, body: slices.Clone(b)}, u)
		if err != nil {
			return
		}
		size := 0
		for _, o := range e.objects {
			size += len(o)
		}
		if size > len(b) || len(e.objects) > maxPage {
			t.Errorf("%d bytes of objects from %d", size, len(b))
		}
		again, err := readEnvelope(answer{status: 200, body: b}, u)
		if err != nil || len(again.objects) != len(e.objects) || again.next != e.next || again.more != e.more {
			t.Error("read twice, found two things")
		}
	})
}

// Whatever was kept of a pull, going on from it ends.
func FuzzResume(f *testing.F) {
	f.Add("2026-01-01T00:00:00Z", "a", 5, `"x"`, `{"more":true,"next":"a","objects":[1]}`, int64(time.Hour))
	f.Add("9999-12-31T23:59:59Z", "", -1, "", `{}`, int64(-1))
	f.Add("0001-01-01T00:00:00Z", "x", 1<<62, `W/"`, `{"objects":[{}]}`, int64(1)<<62)
	f.Fuzz(func(t *testing.T, after, next string, offset int, tag, body string, overlap int64) {
		n := 0
		hc := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if n++; n > 5000 {
				t.Fatal("it does not end")
			}
			rec := httptest.NewRecorder()
			rec.WriteString(body)
			return rec.Result(), nil
		})}
		c, err := NewClient("http://127.0.0.1/taxii2/", ClientOptions{HTTP: hc, Sleep: noSleep(new(time.Duration))})
		if err != nil {
			t.Fatal(err)
		}
		r := Resume{Next: next, Offset: offset, Tag: tag}
		r.AddedAfter, _ = ParseTime(after)
		for range c.Pull(t.Context(), Pull{Root: "/a/", Collection: "b", Resume: r, Overlap: time.Duration(overlap), MaxPages: 100}) {
		}
	})
}
