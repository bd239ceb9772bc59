package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comity-net/comity/node"
)

func TestCollectionsAndTaxii(t *testing.T) {
	w := newWorld(t)
	analyst, admin, reader := w.tokens[node.RoleAnalyst], w.tokens[node.RoleAdmin], w.tokens[node.RoleReader]
	if code, b := w.ask(t, "POST", "/api/v1/import?format=list", analyst, "198.51.100.7\n198.51.100.8\n"); code != 200 {
		t.Fatalf("%d %s", code, b)
	}
	var page objectsPage
	_, b := w.ask(t, "GET", "/api/v1/objects?type=indicator", reader, "")
	if err := json.Unmarshal(b, &page); err != nil || len(page.Objects) != 2 {
		t.Fatalf("%v %s", err, b)
	}
	ids, _ := json.Marshal(map[string]any{"ids": []any{page.Objects[0].ID, page.Objects[1].ID}})
	one, _ := json.Marshal(map[string]any{"ids": []any{page.Objects[0].ID}})
	for _, c := range []struct {
		token, method, path, body string
		code                      int
		want                      string
	}{
		{analyst, "POST", "/collections", `{"alias":"feed","title":"The feed"}`, 200, `"title":"The feed"`},
		{analyst, "POST", "/collections", `{"alias":"feed"}`, 409, `"kind":"conflict"`},
		{analyst, "POST", "/collections", `{"alias":"Not One"}`, 400, `"kind":"usage"`},
		{analyst, "POST", "/collections", `{"alias":"all","query":"type = indicator"}`, 200, `"query":"type = indicator"`},
		{analyst, "POST", "/collections/preview", `{"query":"type = indicator"}`, 200, `"more":false`},
		{analyst, "POST", "/collections/preview", `{"query":"type ="}`, 400, `"kind":"usage"`},
		{analyst, "POST", "/collections/feed/add", string(ids), 200, `"size":2`},
		{analyst, "POST", "/collections/none/add", string(ids), 404, `"kind":"not-found"`},
		{analyst, "POST", "/collections/all/add", string(ids), 403, `"kind":"forbidden"`},
		{reader, "GET", "/collections/feed/members?limit=1", "", 200, `"next":2`},
		{reader, "GET", "/collections/feed/members?limit=1&before=2", "", 200, `"seq":1`},
		{analyst, "POST", "/collections/feed/remove", string(one), 200, `"alias":"feed"`},
		{analyst, "POST", "/collections/feed/describe", `{"title":"X","description":"Y"}`, 200, `"description":"Y"`},
		{analyst, "POST", "/collections/feed/query", `{"query":"confidence >= 200"}`, 400, `"kind":"usage"`},
		{analyst, "POST", "/collections/feed/query", `{"query":"type = malware"}`, 200, `"query":"type = malware"`},
		{admin, "POST", "/taxii/roots", `{"name":"banks","title":"Banks"}`, 200, `"name":"banks"`},
		{admin, "POST", "/collections/feed/open", `{"to":"community","write":true,"root":"banks"}`, 200, `"root":"banks"`},
		{admin, "POST", "/collections/feed/open", `{"to":"everybody"}`, 422, ``},
		{admin, "POST", "/collections/feed/open", `{"readers":["nobody"]}`, 404, `"kind":"not-found"`},
		{admin, "POST", "/taxii/roots/banks/remove", ``, 409, `"kind":"conflict"`},
		{admin, "POST", "/collections/feed/open", `{}`, 200, `"to":""`},
		{admin, "POST", "/taxii/roots/banks/remove", ``, 200, `"done":true`},
		{admin, "POST", "/taxii/about", `{"contact":"soc@x.example"}`, 200, `"contact":"soc@x.example"`},
		{reader, "GET", "/taxii/about", "", 200, `"contact":"soc@x.example"`},
		{reader, "GET", "/taxii/roots", "", 200, `"name":"api"`},
		{reader, "GET", "/taxii/posts/x", "", 404, `"kind":"not-found"`},
	} {
		if code, b := w.ask(t, c.method, "/api/v1"+c.path, c.token, c.body); code != c.code || !strings.Contains(string(b), c.want) {
			t.Errorf("%s %s %s answers %d %.300s; want %d %s", c.method, c.path, c.body, code, b, c.code, c.want)
		}
	}
}

// TestReadersAndPosts reads and posts by TAXII and finds it told.
func TestReadersAndPosts(t *testing.T) {
	w := newWorld(t)
	h, err := w.n.Taxii(t.Context(), node.TaxiiOptions{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	analyst, reader := w.tokens[node.RoleAnalyst], w.tokens[node.RoleReader]
	w.ask(t, "POST", "/api/v1/collections", analyst, `{"alias":"inbox"}`)
	taxii := func(method, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/taxii2/api/collections/inbox/objects/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+analyst)
		r.Header.Set("Content-Type", "application/taxii+json;version=2.1")
		res, err := http.DefaultClient.Do(r)
		if err != nil || res.StatusCode >= 300 {
			t.Fatalf("%v %v", res, err)
		}
		_ = res.Body.Close()
	}
	for i := range 3 {
		taxii("POST", fmt.Sprintf(`{"objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-00000000000%d"}]}`, i))
	}
	taxii("GET", "")
	var page struct {
		Posts []node.TaxiiPost
		Next  string
	}
	var seen []string
	for after := ""; ; after = page.Next {
		page.Next = ""
		code, b := w.ask(t, "GET", "/api/v1/taxii/posts?limit=2&after="+after, reader, "")
		if err := json.Unmarshal(b, &page); err != nil || code != 200 {
			t.Fatalf("%d %s", code, b)
		}
		for _, p := range page.Posts {
			seen = append(seen, p.ID)
		}
		if page.Next == "" {
			break
		}
	}
	if len(seen) != 3 {
		t.Fatalf("%d posts", len(seen))
	}
	code, b := w.ask(t, "GET", "/api/v1/taxii/posts/"+seen[0], reader, "")
	var p Post
	if err := json.Unmarshal(b, &p); err != nil || code != 200 || p.Failure != 1 || len(p.Refused) != 1 || p.Refused[0].Findings[0].Rule == "" {
		t.Errorf("%d %s", code, b)
	}
	if code, b := w.ask(t, "GET", "/api/v1/taxii/readers", reader, ""); code != 200 || !strings.Contains(string(b), `"caller":"analyst"`) || !strings.Contains(string(b), `"posts":3`) {
		t.Errorf("%d %s", code, b)
	}
}

func TestFeeds(t *testing.T) {
	w := newWorld(t)
	admin, analyst, reader := w.tokens[node.RoleAdmin], w.tokens[node.RoleAnalyst], w.tokens[node.RoleReader]
	for _, c := range []struct {
		token, path, body string
		code              int
		want              string
	}{
		{admin, "/feeds", `{"name":"f","url":"http://127.0.0.1:1/taxii2/","collection":"c","user":"u","password":"hunter22","paused":true,"every":"6h"}`, 200, `"every":"6h0m0s"`},
		{admin, "/feeds", `{"name":"f","url":"http://127.0.0.1:1/taxii2/","collection":"c","every":"soon"}`, 400, `"kind":"usage"`},
		{admin, "/feeds", `{"name":"f","url":"http://127.0.0.1:1/taxii2/","collection":"c","tlp":"pink"}`, 400, `"kind":"usage"`},
		{admin, "/feeds", `{"name":"f","url":"file:///etc/passwd","collection":"c"}`, 400, `"kind":"usage"`},
		{admin, "/feeds", `{"name":"f","url":"http://127.0.0.1:1/taxii2/","collection":"c","user":"u","has_secret":true,"paused":true,"tlp":"amber"}`, 200, `"has_secret":true`},
		{analyst, "/feeds/f/pause", `{"paused":false}`, 200, `"state":"idle"`},
		{analyst, "/feeds/f/pause", `{"paused":true}`, 200, `"state":"paused"`},
		{analyst, "/feeds/none/poll", ``, 404, `"kind":"not-found"`},
	} {
		code, b := w.ask(t, "POST", "/api/v1"+c.path, c.token, c.body)
		if code != c.code || !strings.Contains(string(b), c.want) || strings.Contains(string(b), "hunter22") {
			t.Errorf("%s %s answers %d %.400s; want %d %s", c.path, c.body, code, b, c.code, c.want)
		}
	}
	for _, path := range []string{"/feeds", "/feeds/f"} {
		if code, b := w.ask(t, "GET", "/api/v1"+path, reader, ""); code != 200 || !strings.Contains(string(b), `"name":"f"`) || strings.Contains(string(b), "hunter22") {
			t.Errorf("%s answers %d %s", path, code, b)
		}
	}
	if code, b := w.ask(t, "POST", "/api/v1/feeds/f/remove", admin, ""); code != 200 {
		t.Errorf("remove answers %d %s", code, b)
	}
	if code, _ := w.ask(t, "GET", "/api/v1/feeds/f", reader, ""); code != 404 {
		t.Errorf("a removed feed answers %d", code)
	}
}
