package taxii

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
)

// noSleep counts what would have been waited.
func noSleep(total *time.Duration) func(context.Context, time.Duration) error {
	return func(ctx context.Context, d time.Duration) error {
		*total += d
		return ctx.Err()
	}
}

func client(t testing.TB, srv *httptest.Server, o ClientOptions) *Client {
	t.Helper()
	o.HTTP = srv.Client()
	if o.User == "" && o.Bearer == "" {
		o.User, o.Password = testUser, testPass
	}
	if o.Sleep == nil {
		o.Sleep = noSleep(new(time.Duration))
	}
	if o.Now == nil { // after all dates of these tests
		o.Now = func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }
	}
	c, err := NewClient(srv.URL+"/taxii2/", o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func results(r Report, o Outcome) []string {
	var out []string
	for _, c := range r.Checks {
		if c.Outcome == o {
			out = append(out, c.Name+": "+c.Seen)
		}
	}
	return out
}

// The server here passes everything, and has an occasion for everything.
func TestOwnServerPassesTheCheck(t *testing.T) {
	m := newMemory()
	h := NewServer(m, Options{})
	versioned(t, h)
	m.fill(testID, 60, indicator)
	srv := httptest.NewTLSServer(h)
	defer srv.Close()
	r := Check(t.Context(), client(t, srv, ClientOptions{}), srv.URL+"/taxii2/", CheckOptions{Write: true})
	if bad := append(results(r, Failed), results(r, Skipped)...); len(bad) > 0 || len(r.Checks) < 50 {
		t.Errorf("%d checks; not passed:\n%s", len(r.Checks), strings.Join(bad, "\n"))
	}
	if r.Root != srv.URL+"/taxii2/api1/" || r.Collection != testID {
		t.Errorf("looked at %s %s", r.Root, r.Collection)
	}
	b, err := json.Marshal(r)
	var back Report
	if err != nil || json.Unmarshal(b, &back) != nil || len(back.Checks) != len(r.Checks) {
		t.Errorf("json: %v", err)
	}
	var table strings.Builder
	r.WriteTable(&table, func(m comity.Message) string { return m.Key })
	if !strings.Contains(table.String(), "added_after_strict") || strings.Count(table.String(), "\n") != len(r.Checks) {
		t.Errorf("table:\n%s", table.String())
	}
}

// Without Write nothing is changed.
func TestCheckOnlyReadsUnlessAllowed(t *testing.T) {
	m := newMemory()
	h := NewServer(m, Options{})
	versioned(t, h)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" && !(r.Method == "PATCH" && r.URL.Path == "/taxii2/") {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	r := Check(t.Context(), client(t, srv, ClientOptions{}), srv.URL+"/taxii2/", CheckOptions{})
	if r.Count(Failed) > 0 {
		t.Error(results(r, Failed))
	}
}

// mangle changes what a good server says, as servers in the field do.
type mangle struct {
	h      http.Handler
	before func(*http.Request)
	after  func(*http.Request, *httptest.ResponseRecorder) string
}

func (m mangle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	r.Header.Del("Accept-Encoding")
	if m.before != nil {
		m.before(r)
	}
	m.h.ServeHTTP(rec, r)
	body := rec.Body.String()
	if m.after != nil {
		body = m.after(r, rec)
	}
	for k, v := range rec.Header() {
		if k != "Content-Length" {
			w.Header()[k] = v
		}
	}
	w.WriteHeader(rec.Code)
	w.Write([]byte(body))
}

// Each known fault of a server fails the check that is about it.
func TestCheckFindsFaults(t *testing.T) {
	type after = func(*http.Request, *httptest.ResponseRecorder) string
	drop := func(param string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Del(param)
			r.URL.RawQuery = q.Encode()
		}
	}
	replace := func(old, new string) after {
		return func(_ *http.Request, w *httptest.ResponseRecorder) string {
			return strings.ReplaceAll(w.Body.String(), old, new)
		}
	}
	header := func(name, value string) after {
		return func(_ *http.Request, w *httptest.ResponseRecorder) string {
			w.Header().Set(name, value)
			return w.Body.String()
		}
	}
	for want, m := range map[string]mangle{
		"content_type":        {after: header("Content-Type", "application/json")},
		"root":                {after: replace(`"versions":["application/taxii+json;version=2.1"]`, `"versions":["2.1"]`)},
		"date_headers":        {after: header("X-TAXII-Date-Added-Last", "Mon Jan 05 2026")},
		"limit":               {before: drop("limit")},
		"limit_bad":           {before: drop("limit")},
		"paging":              {before: drop("next")},
		"added_after_strict":  {before: drop("added_after")},
		"match_type":          {before: drop("match[type]")},
		"match_version_exact": {before: drop("match[version]")},
		"match_id":            {before: drop("match[id]")},
		"manifest_paging":     {after: replace(`"more":true`, `"more":false`)},
		"collection_resource": {after: replace(`"can_read":true,`, ``)},
		"discovery_roots":     {after: replace(`"/taxii2/api1/"`, `"//other.example/"`)},
		"error_body":          {after: replace(`"http_status":"404"`, `"http_status":"500"`)},
		"empty_page": {after: func(_ *http.Request, w *httptest.ResponseRecorder) string {
			return strings.Replace(w.Body.String(), "{}", `{"more":false,"objects":[]}`, 1)
		}},
		"odd_input": {after: func(r *http.Request, w *httptest.ResponseRecorder) string {
			if w.Code == 400 {
				w.Code = 500
			}
			return w.Body.String()
		}},
		"read_back": {after: replace(`1.50`, `1.7`)},
		"challenge": {after: func(_ *http.Request, w *httptest.ResponseRecorder) string {
			w.Header().Del("WWW-Authenticate")
			return w.Body.String()
		}},
	} {
		mem := newMemory()
		mem.max = 64 << 10
		m.h = NewServer(mem, Options{})
		versioned(t, m.h)
		mem.fill(testID, 20, indicator)
		srv := httptest.NewTLSServer(m)
		r := Check(t.Context(), client(t, srv, ClientOptions{}), srv.URL+"/taxii2/", CheckOptions{Write: true})
		srv.Close()
		if i := slices.IndexFunc(r.Checks, func(c CheckResult) bool { return c.Name == want }); i < 0 || r.Checks[i].Outcome != Failed {
			t.Errorf("%s did not fail; failed: %q", want, results(r, Failed))
		}
	}
}

// Every check says why, in the file that the translators work from.
func TestEveryCheckSaysWhy(t *testing.T) {
	b, err := os.ReadFile("../i18n/keys/taxii.en.json")
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(b, &keys); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(NewServer(newMemory(), Options{}))
	defer srv.Close()
	full := newMemory()
	full.fill(testID, 5, indicator)
	other := httptest.NewTLSServer(NewServer(full, Options{}))
	defer other.Close()
	seen := map[string]bool{}
	for _, s := range []*httptest.Server{srv, other} {
		for _, c := range Check(t.Context(), client(t, s, ClientOptions{}), s.URL+"/taxii2/", CheckOptions{Write: true}).Checks {
			seen[c.Why.Key] = true
			if _, ok := keys[c.Why.Key]; !ok {
				t.Errorf("%s is not in taxii.en.json", c.Why.Key)
			}
		}
	}
	for k := range keys {
		if strings.HasPrefix(k, "taxii.check.") && !seen[k] {
			t.Errorf("no check has %s", k)
		}
	}
}

func TestCheckOfNothing(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	c := client(t, srv, ClientOptions{})
	r := Check(t.Context(), c, srv.URL+"/taxii2/", CheckOptions{})
	srv.Close()
	gone := Check(t.Context(), c, srv.URL+"/taxii2/", CheckOptions{Root: "/taxii2/x/"})
	if r.Count(Failed) == 0 || gone.Count(Failed) == 0 || gone.Count(Passed) > 0 {
		t.Errorf("%+v", gone.Checks)
	}
}
