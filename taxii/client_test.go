package taxii

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
)

// pullAll pulls and returns the objects' ids and the last resume.
func pullAll(t testing.TB, c *Client, p Pull) (got []string, r Resume, err error) {
	t.Helper()
	if p.Root == "" {
		p.Root, p.Collection = "/taxii2/api1/", testID
	}
	for b, e := range c.Pull(context.Background(), p) {
		if e != nil {
			return got, r, e
		}
		for _, raw := range b.Objects {
			var n name
			if json.Unmarshal(raw, &n) != nil {
				t.Errorf("no object: %s", raw)
			}
			got = append(got, n.ID)
		}
		// A resume survives being kept.
		j, _ := json.Marshal(b.Resume)
		r = Resume{}
		if err := json.Unmarshal(j, &r); err != nil {
			t.Fatal(err)
		}
	}
	return got, r, nil
}

func serve(t testing.TB, h http.Handler) *httptest.Server {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func unique(t testing.TB, got []string, n int) {
	t.Helper()
	set := map[string]bool{}
	for _, id := range got {
		set[id] = true
	}
	if len(got) != n || len(set) != n {
		t.Errorf("%d objects, %d different, want %d", len(got), len(set), n)
	}
}

func TestClientReadsResources(t *testing.T) {
	c := client(t, serve(t, NewServer(newMemory(), Options{})), ClientOptions{})
	d, err := c.Discovery(t.Context())
	if err != nil || len(d.Roots) != 2 || d.Default != c.base.Scheme+"://"+c.base.Host+"/taxii2/api1/" {
		t.Fatalf("%+v %v", d, err)
	}
	for _, root := range []string{d.Default, "/taxii2/api1", "api1/"} {
		r, err := c.Root(t.Context(), root)
		cols, err2 := c.Collections(t.Context(), root)
		if err != nil || err2 != nil || r.MaxContentLength != 8<<20 || len(cols) != 4 || cols[0].Alias != "test" {
			t.Errorf("%s: %+v %v %v", root, r, err, err2)
		}
	}
	for target, want := range map[string]comity.Kind{"/taxii2/none/": comity.NotFound, "https://elsewhere.example/taxii2/": comity.Forbidden, "//elsewhere.example/": comity.Forbidden} {
		if _, err := c.Root(t.Context(), target); !comity.Is(err, want) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, u := range []string{"", "x", "ftp://h/", "https://u:p@h/", "https://h/?a", "http://taxii.example.org/", "://"} {
		if _, err := NewClient(u, ClientOptions{HTTP: http.DefaultClient}); err == nil {
			t.Errorf("%q", u)
		}
	}
	if _, err := NewClient("http://taxii.example.org/", ClientOptions{HTTP: http.DefaultClient, Plain: true}); err != nil {
		t.Error(err)
	}
}

// INVARIANT: credentials reach no other origin, whatever the server says.
func TestClientStaysAtItsOrigin(t *testing.T) {
	other := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked elsewhere") }))
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/taxii2/" {
			http.Redirect(w, r, other.URL+"/taxii2/", http.StatusPermanentRedirect)
			return
		}
		http.Redirect(w, r, "/taxii2/", http.StatusFound)
	}))
	c := client(t, srv, ClientOptions{})
	if _, err := c.Discovery(t.Context()); err == nil {
		t.Error("no error")
	}
	if _, err := c.Root(t.Context(), "/x/"); err == nil {
		t.Error("no error")
	}
}

func TestPullPagesAndResumes(t *testing.T) {
	m := newMemory()
	m.fill(testID, 103, indicator)
	c := client(t, serve(t, NewServer(m, Options{})), ClientOptions{})
	got, r, err := pullAll(t, c, Pull{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	unique(t, got, 103)
	if more, _, err := pullAll(t, c, Pull{Resume: r}); err != nil || len(more) != 0 {
		t.Errorf("nothing new: %d, %v", len(more), err)
	}
	m.fill(testID, 7, func(i int) []byte { return indicator(1000 + i) })
	if more, _, err := pullAll(t, c, Pull{Resume: r, Overlap: time.Hour}); err != nil || len(more) != 7+103-min(103, len(r.Seen)) {
		t.Errorf("new ones: %d, %v", len(more), err)
	}
	// Cut off after any page, it goes on where it was.
	first, r, _ := pullAll(t, c, Pull{Limit: 10, MaxPages: 4})
	rest, _, err := pullAll(t, c, Pull{Limit: 10, Resume: r})
	if err != nil {
		t.Fatal(err)
	}
	unique(t, append(first, rest...), 110)
	// A cursor that nobody knows any more: again from the date.
	r.Next = "forgotten"
	all, _, err := pullAll(t, c, Pull{Resume: r})
	if err != nil || len(first)+len(all) < 110 {
		t.Errorf("forgotten cursor: %d, %v", len(all), err)
	}
	some, _, err := pullAll(t, c, Pull{Filter: Filter{Types: []string{"indicator"}, IDs: []comity.ObjectID{"indicator--00000000-0000-4000-8000-000000000005"}, Versions: VersionFilter{First: true, Last: true}}})
	if err != nil || len(some) != 1 {
		t.Errorf("filtered: %v %v", some, err)
	}
}

// An overlap finds what was added with a date in the past, and gives nothing twice.
func TestOverlap(t *testing.T) {
	m := newMemory()
	m.fill(testID, 20, indicator)
	c := client(t, serve(t, NewServer(m, Options{})), ClientOptions{})
	_, r, err := pullAll(t, c, Pull{Overlap: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	s := m.roots["api1"][0]
	late := s.records[10]
	late.Raw, late.ID, late.Added = indicator(99), "indicator--00000000-0000-4000-8000-000000000099", late.Added.Add(300*time.Nanosecond)
	s.records = slices.Insert(s.records, 11, late)
	for range 2 {
		var got []string
		got, r, err = pullAll(t, c, Pull{Resume: r, Overlap: time.Minute})
		if err != nil || len(got) > 1 || len(got) == 1 && got[0] != string(late.ID) {
			t.Errorf("%v %v", got, err)
		}
	}
	if len(r.Seen) != 21 {
		t.Errorf("%d seen", len(r.Seen))
	}
}

// fakes are servers with the faults that were seen in the field.
func page(objects []int, more bool, next, last string) (http.Header, string) {
	h := http.Header{"Content-Type": {MediaTAXII}}
	if last != "" {
		h.Set("X-TAXII-Date-Added-First", last)
		h.Set("X-TAXII-Date-Added-Last", last)
	}
	var raws []string
	for _, i := range objects {
		raws = append(raws, string(indicator(i)))
	}
	b := fmt.Sprintf(`{"more":%v,"next":%s,"objects":[%s]}`, more, next, strings.Join(raws, ","))
	return h, b
}

func reply1(w http.ResponseWriter, h http.Header, body string) {
	maps.Copy(w.Header(), h)
	fmt.Fprint(w, body)
}

func TestPullSurvivesBadServers(t *testing.T) {
	day := func(n int) string { return fmt.Sprintf("2026-01-%02dT00:00:00.000000Z", n) }
	for name, c := range map[string]struct {
		page func(r *http.Request, n int) (http.Header, string)
		want int
		kind comity.Kind
		ok   bool
	}{
		"the same page for ever": {func(*http.Request, int) (http.Header, string) { return page([]int{1, 2}, true, `"a"`, day(1)) }, 2, comity.Partial, false},
		"new cursors for ever": {func(_ *http.Request, n int) (http.Header, string) {
			return page([]int{1, 2}, true, fmt.Sprintf(`"%d"`, n), day(1))
		}, 2, comity.Partial, false},
		"more without next or date": {func(*http.Request, int) (http.Header, string) { return page([]int{1}, true, "null", "") }, 0, comity.Partial, false},
		"inclusive added_after, no next": {func(r *http.Request, n int) (http.Header, string) {
			return page([]int{n, n + 1}, n < 5, "null", day(n+1))
		}, 7, 0, true},
		"more false, but next": {func(r *http.Request, n int) (http.Header, string) {
			if n == 3 {
				return page(nil, false, `"x"`, "")
			}
			return page([]int{n}, false, strconv.Itoa(n), day(n+1))
		}, 3, 0, true},
		"one date for a whole page": {func(r *http.Request, n int) (http.Header, string) {
			limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
			all := []int{0, 1, 2, 3, 4, 5, 6, 7}
			if r.URL.Query().Get("added_after") == day(9) {
				return page(nil, false, "null", "")
			}
			return page(all[:min(limit, 8)], limit < 8, "null", map[bool]string{true: day(1), false: day(9)}[limit < 8])
		}, 8, 0, true},
		"no JSON": {func(*http.Request, int) (http.Header, string) { return http.Header{}, "<html>" }, 0, comity.Invalid, false},
	} {
		n := -1
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			h, b := c.page(r, n)
			reply1(w, h, b)
		}))
		got, _, err := pullAll(t, client(t, srv, ClientOptions{}), Pull{Limit: 2})
		if (err == nil) != c.ok || err != nil && !comity.Is(err, c.kind) || n > 50 {
			t.Errorf("%s: %v after %d requests", name, err, n)
		}
		slices.Sort(got)
		if len(slices.Compact(slices.Clone(got))) != len(got) || len(got) != c.want && c.ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A date that lies in the future does not hide what comes later.
func TestPullIgnoresDatesAhead(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Mon, 05 Jan 2026 12:00:00 GMT")
		h, b := page([]int{1}, false, "null", "9999-12-31T23:59:59.999999Z")
		reply1(w, h, b)
	}))
	if _, r, err := pullAll(t, client(t, srv, ClientOptions{}), Pull{}); err != nil || r.AddedAfter.Year() != 2026 {
		t.Errorf("%v %v", r, err)
	}
}

// A server without date headers is asked from its own clock on, with an overlap.
func TestPullWithoutDates(t *testing.T) {
	var asked []string
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("added_after"))
		w.Header().Set("Date", "Mon, 05 Jan 2026 12:00:00 GMT")
		h, b := page([]int{1, 2}, false, "null", "")
		reply1(w, h, b)
	}))
	c := client(t, srv, ClientOptions{})
	_, r, err := pullAll(t, c, Pull{})
	again, r2, err2 := pullAll(t, c, Pull{Resume: r})
	if err != nil || err2 != nil || len(again) != 0 || asked[1] != "2026-01-05T11:55:00.000000Z" || len(r2.Seen) != 2 {
		t.Errorf("%v %v %v %q %v", err, err2, again, asked, r2)
	}
}

func TestBackOff(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		want   time.Duration
		ok     bool
	}{
		"told seconds": {429, "7", 14 * time.Second, true},
		"told a date":  {503, "Mon, 05 Jan 2026 12:00:30 GMT", 60 * time.Second, true},
		"too long":     {429, "3600", 0, false},
		"not told":     {500, "", 0, true},
		"forbidden":    {403, "", 0, false},
	} {
		n := 0
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n++; n < 3 {
				w.Header().Set("Date", "Mon, 05 Jan 2026 12:00:00 GMT")
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(c.status)
				return
			}
			fmt.Fprint(w, `{"title":"x"}`)
		}))
		var waited time.Duration
		_, err := client(t, srv, ClientOptions{Sleep: noSleep(&waited)}).Discovery(t.Context())
		if (err == nil) != c.ok || c.want > 0 && waited != c.want {
			t.Errorf("%s: %v, waited %v", name, err, waited)
		}
	}
	srv := serve(t, http.NotFoundHandler())
	c := client(t, srv, ClientOptions{Retries: 2})
	srv.Close()
	if _, err := c.Discovery(t.Context()); !comity.Is(err, comity.Unreachable) {
		t.Errorf("nobody there: %v", err)
	}
}

// old20 is a TAXII 2.0 server as far as reading goes.
func old20(separator string, n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		accept := r.Header.Get("Accept")
		if !strings.Contains(accept, "vnd.oasis") {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oasis.taxii+json; version=2.0")
		if r.URL.Path == "/taxii2/" || r.URL.Path == "/taxii/" {
			fmt.Fprint(w, `{"title":"Old","api_roots":["/api/"]}`)
			return
		}
		rg, ok := strings.CutPrefix(r.Header.Get("Range"), "items"+separator)
		if !ok {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		from, to, _ := strings.Cut(rg, "-")
		a, _ := strconv.Atoi(from)
		b, _ := strconv.Atoi(to)
		if b = min(b, n-1); a > b {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		var raws []string
		for i := a; i <= b; i++ {
			raws = append(raws, string(indicator(i)))
		}
		w.Header().Set("Content-Range", fmt.Sprintf("items %d-%d/%d", a, b, n))
		w.Header().Set("X-TAXII-Date-Added-Last", "2026-01-05T11:55:00.000Z")
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprintf(w, `{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":[%s]}`, strings.Join(raws, ","))
	})
}

func TestPull20(t *testing.T) {
	for _, sep := range []string{" ", "="} {
		for _, version := range []string{"", "2.0"} {
			for _, n := range []int{0, 1, 100, 257} {
				c := client(t, serve(t, old20(sep, n)), ClientOptions{Version: version})
				got, r, err := pullAll(t, c, Pull{Root: "/api/", Collection: "x"})
				if err != nil {
					t.Fatal(err)
				}
				unique(t, got, n)
				if n > 0 && FormatTime(r.AddedAfter) != "2026-01-05T11:55:00.000000Z" {
					t.Errorf("resume: %v", r)
				}
				if d, err := c.Discovery(t.Context()); err != nil || d.Title != "Old" {
					t.Errorf("discovery: %v %v", d, err)
				}
			}
		}
	}
}

func TestPush(t *testing.T) {
	m := newMemory()
	m.max = 3000
	c := client(t, serve(t, NewServer(m, Options{})), ClientOptions{})
	big := []byte(`{"type":"note","id":"note--00000000-0000-4000-8000-000000000001","modified":"2026-01-01T00:00:00Z","x":"` + strings.Repeat("x", 5000) + `"}`)
	objects := func(yield func([]byte) bool) {
		for i := range 40 {
			if i == 20 && (!yield([]byte(`{"type":"indicator"}`)) || !yield(big)) || !yield(indicator(i)) {
				return
			}
		}
	}
	ok, bad, posts := 0, []StatusDetail{}, 0
	for st, err := range c.Push(t.Context(), Push{Root: "/taxii2/api1/", Collection: "test", Batch: 7}, objects) {
		if err != nil || !st.Complete {
			t.Fatalf("%+v %v", st, err)
		}
		posts++
		ok += st.SuccessCount
		bad = append(bad, st.Failures...)
	}
	if ok != 40 || len(bad) != 2 || posts < 5 || !slices.ContainsFunc(bad, func(d StatusDetail) bool { return strings.HasPrefix(d.ID, "note--") && d.Message != "" }) {
		t.Errorf("%d stored in %d posts, failures %+v", ok, posts, bad)
	}
	got, _, err := pullAll(t, c, Pull{})
	if err != nil {
		t.Fatal(err)
	}
	unique(t, got, 40)
	for _, err := range c.Push(t.Context(), Push{Root: "/taxii2/api1/", Collection: readID}, objects) {
		if !comity.Is(err, comity.Forbidden) {
			t.Errorf("read only: %v", err)
		}
	}
}

// A server that finds a batch too long, whatever it promised, gets halves; one
// that takes its time is asked again.
func TestPushHalvesAndWaits(t *testing.T) {
	m := newMemory()
	real := NewServer(m, Options{})
	asked := 0
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" && r.ContentLength > 1000 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		rec := httptest.NewRecorder()
		r.Header.Del("Accept-Encoding")
		real.ServeHTTP(rec, r)
		body := rec.Body.String()
		if asked++; asked%3 != 0 {
			body = strings.Replace(body, `"status":"complete"`, `"status":"pending"`, 1)
		}
		w.WriteHeader(rec.Code)
		fmt.Fprint(w, body)
	}))
	total := 0
	for st, err := range client(t, srv, ClientOptions{}).Push(t.Context(), Push{Root: "/taxii2/api1/", Collection: testID, MaxBytes: 1 << 20}, func(yield func([]byte) bool) {
		for i := range 9 {
			if !yield(indicator(i)) {
				return
			}
		}
	}) {
		if err != nil || !st.Complete {
			t.Fatalf("%+v %v", st, err)
		}
		total += st.SuccessCount
	}
	if total != 9 {
		t.Errorf("%d stored", total)
	}
}

type srv map[string][]*net.SRV

func (s srv) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	return "", s["_"+service+"._"+proto+"."+name], nil
}

func TestLocate(t *testing.T) {
	r := srv{
		"_taxii2._tcp.example.com": {{Target: "hub.example.com.", Port: 443}, {Target: "second.example.com.", Port: 443}},
		"_taxii2._tcp.example.org": {{Target: "hub.example.org.", Port: 8443}},
		"_taxii2._tcp.example.net": {{Target: ".", Port: 0}},
	}
	for domain, want := range map[string]string{"example.com": "https://hub.example.com/taxii2/", "example.org": "https://hub.example.org:8443/taxii2/", "example.net": "", "none.example": ""} {
		if got, err := Locate(t.Context(), r, domain); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q %v", domain, got, err)
		}
	}
}
