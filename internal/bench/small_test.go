package bench

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func basicOf(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// The plain server gives what it was given, once each; otherwise the comparison
// would be with something that does not do the work.
func TestBaselineServes(t *testing.T) {
	srv := httptest.NewServer(newBaseline())
	defer srv.Close()
	c := &client{t: t, http: srv.Client(), base: srv.URL, auth: "Basic " + basicOf(baseUser, basePass)}
	var objects [][]byte
	for i := range 1234 {
		objects = append(objects, made(i, 10))
	}
	c.post(objects)
	c.post(objects[:10]) // again
	pages := 0
	last := ""
	c.pages(100, 100, func(_ time.Duration, h http.Header) bool {
		pages, last = pages+1, h.Get("X-TAXII-Date-Added-Last")
		return true
	})
	if pages != 13 {
		t.Errorf("%d pages of 100 for 1,234 objects", pages)
	}
	count := func(query string) int {
		_, b := c.do("GET", basePath+"objects/?"+query, nil, 200)
		var e struct{ Objects []json.RawMessage }
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		return len(e.Objects)
	}
	for query, want := range map[string]int{
		"limit=2000": 1234, "match[type]=malware": 0, "match[id]=indicator--00000000-0000-4000-8000-000000000007": 1, "added_after=" + last: 0,
	} {
		if n := count(query); n != want {
			t.Errorf("%s: %d objects, want %d", query, n, want)
		}
	}
	c.auth = "Basic " + basicOf(baseUser, "wrong")
	c.do("GET", "/taxii2/", nil, 401)
}

func TestTableSetsSideBySide(t *testing.T) {
	got := table([]column{{"a", figures{"post": 1000, "single": 1}}, {"b", figures{"post": 2500, "single": 4}}})
	for _, want := range []string{"2500", "2.50", "0.25"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
