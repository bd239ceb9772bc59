package taxii

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/comity-net/comity"
)

const objectsPath = "/taxii2/api1/collections/" + testID + "/objects/"

// call asks a handler as the test user and checks what every answer must hold.
func call(t testing.TB, h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", "http://taxii.example.org/", strings.NewReader(body))
	u, err := url.Parse("http://taxii.example.org" + target)
	if err != nil {
		t.Fatal(err)
	}
	r.Method, r.URL, r.RequestURI = method, u, target
	r.SetBasicAuth(testUser, testPass)
	if method == "POST" {
		r.Header.Set("Content-Type", MediaTAXII)
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	checkAnswer(t, method+" "+target, w)
	return w
}

func checkAnswer(t testing.TB, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code == 304 {
		if w.Body.Len() > 0 {
			t.Errorf("%s: 304 with a body", what)
		}
		return
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/taxii+json;version=2.1" {
		t.Errorf("%s: %d with Content-Type %q", what, w.Code, ct)
	}
	if w.Code < 400 {
		return
	}
	var e errorBody
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil && w.Body.Len() > 0 {
		t.Errorf("%s: error body %q: %v", what, w.Body, err)
	} else if w.Body.Len() > 0 && (e.Title == "" || e.Status != fmt.Sprint(w.Code)) {
		t.Errorf("%s: error body %s for %d", what, w.Body, w.Code)
	}
	switch {
	case w.Code == 401 && w.Header().Get("WWW-Authenticate") == "",
		w.Code == 405 && w.Header().Get("Allow") == "",
		w.Code == 429 && w.Header().Get("Retry-After") == "":
		t.Errorf("%s: %d without its header", what, w.Code)
	}
}

type envelope struct {
	More     bool              `json:"more"`
	Next     string            `json:"next"`
	Objects  []json.RawMessage `json:"objects"`
	Versions []string          `json:"versions"`
}

func read(t testing.TB, w *httptest.ResponseRecorder) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return e
}

func ids(t testing.TB, e envelope) []string {
	var out []string
	for _, raw := range e.Objects {
		var o struct{ ID, Version, Modified, Spec_version string }
		json.Unmarshal(raw, &o)
		out = append(out, strings.TrimLeft(o.ID[len(o.ID)-4:], "0")+o.Version+o.Modified)
	}
	return out
}

// versioned puts objects with several versions and spec versions in order.
func versioned(t testing.TB, h http.Handler) {
	obj := func(typ string, n int, spec, modified string) string {
		return fmt.Sprintf(`{"type":"%s","id":"%s--00000000-0000-4000-8000-%012d"%s,"created":"2020-01-01T00:00:00Z","modified":"%s","name":"é\u00e9"}`, typ, typ, n, spec, modified)
	}
	const v21 = `,"spec_version":"2.1"`
	body := `{"objects":[` + strings.Join([]string{
		obj("tool", 1, v21, "2020-01-01T00:00:00Z"),
		obj("tool", 1, v21, "2022-01-01T00:00:00.5Z"),
		obj("tool", 1, v21, "2021-01-01T00:00:00.123456789Z"),
		obj("malware", 2, "", "2020-01-01T00:00:00Z"),
		obj("malware", 2, v21, "2020-06-01T00:00:00Z"),
		obj("malware", 3, "", "2020-01-01T00:00:00Z"),
		`{"type":"ipv4-addr","id":"ipv4-addr--00000000-0000-4000-8000-000000000004","value":"192.0.2.1"}`,
		`{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--00000000-0000-4000-8000-000000000005","created":"2019-01-01T00:00:00Z"}`,
	}, ",") + `]}`
	if w := call(t, h, "POST", objectsPath, body); w.Code != 202 {
		t.Fatalf("post: %d %s", w.Code, w.Body)
	}
}

func TestResources(t *testing.T) {
	h := NewServer(newMemory(), Options{})
	for target, want := range map[string]string{
		"/taxii2/":                       `{"title":"Memory","contact":"noc@example.org","default":"/taxii2/api1/","api_roots":["/taxii2/api1/","/taxii2/api%202/"]}`,
		"/taxii2":                        `{"title":"Memory","contact":"noc@example.org","default":"/taxii2/api1/","api_roots":["/taxii2/api1/","/taxii2/api%202/"]}`,
		"/taxii2/api%202/":               `{"title":"api 2","versions":["application/taxii+json;version=2.1"],"max_content_length":8388608}`,
		"/taxii2/api%202/collections":    `{}`,
		"/taxii2/api1/collections/test/": `{"id":"91a7b528-80eb-42ed-a74d-c6fbd5a26116","title":"Test","alias":"test","can_read":true,"can_write":true,"media_types":["application/stix+json;version=2.1","application/stix+json;version=2.0"]}`,
		objectsPath:                      `{}`,
		strings.Replace(objectsPath, "objects", "manifest", 1): `{}`,
	} {
		w := call(t, h, "GET", target, "")
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
		if w.Header().Get("X-TAXII-Date-Added-First") != "" {
			t.Errorf("%s: date header on an answer without objects", target)
		}
	}
	abs := NewServer(newMemory(), Options{BaseURL: "https://taxii.example.org/"})
	if w := call(t, abs, "GET", "/taxii2/", ""); !strings.Contains(w.Body.String(), `"default":"https://taxii.example.org/taxii2/api1/"`) {
		t.Errorf("absolute roots: %s", w.Body)
	}
}

func TestStatusCodes(t *testing.T) {
	h := NewServer(newMemory(), Options{})
	versioned(t, h)
	at := func(id string) string { return "/taxii2/api1/collections/" + id + "/" }
	const object = "tool--00000000-0000-4000-8000-000000000001/"
	for _, c := range []struct {
		method, target string
		want           int
		headers        []string
	}{
		{"GET", "/", 404, nil},
		{"GET", "/taxii", 404, nil},
		{"GET", "/taxii2x/", 404, nil},
		{"GET", "/taxii2/api1//collections/", 404, nil},
		{"GET", "/taxii2/../api1/", 404, nil},
		{"GET", "/taxii2/%2e%2e/", 404, nil},
		{"GET", "/taxii2/none/", 404, nil},
		{"GET", "/taxii2/none/collections/", 404, nil},
		{"GET", "/taxii2/api1/channels/", 404, nil},
		{"GET", "/taxii2/api1/status/", 404, nil},
		{"GET", "/taxii2/api1/status/x/", 404, nil},
		{"GET", at("none"), 404, nil},
		{"GET", at("none") + "objects/", 404, nil},
		{"GET", at(testID) + "objects/tool--x/", 404, nil},
		{"GET", at(testID) + "objects/tool--x/versions", 404, nil},
		{"GET", at(testID) + "objects/tool--x/?match[version]=first", 404, nil},
		{"GET", at(testID) + "objects/tool--x/versions/y/", 404, nil},
		{"GET", at(testID) + "objects/" + object, 200, nil},
		{"HEAD", at(testID) + "objects/", 200, nil},
		{"GET", at(testID) + "objects/" + object + "?match[version]=1999-01-01T00:00:00Z", 200, nil},
		{"GET", at(dropID) + "objects/", 403, nil},
		{"GET", at(dropID) + "manifest/", 403, nil},
		{"GET", at(sealedID) + "objects/", 404, nil},
		{"GET", at(sealedID) + "objects/" + object + "versions/", 404, nil},
		{"POST", at(readID) + "objects/", 403, nil},
		{"POST", at(sealedID) + "objects/", 404, nil},
		{"POST", at(dropID) + "objects/", 202, nil},
		{"DELETE", at(sealedID) + "objects/" + object, 404, nil},
		{"DELETE", at(readID) + "objects/" + object, 403, nil},
		{"DELETE", at(dropID) + "objects/" + object, 403, nil},
		{"DELETE", at(testID) + "objects/tool--x", 404, nil},
		{"DELETE", at(testID) + "objects/" + object + "?match[version]=never", 400, nil},
		{"DELETE", at(testID) + "objects/", 405, nil},
		{"POST", "/taxii2/", 405, nil},
		{"PUT", at(testID) + "objects/", 405, nil},
		{"OPTIONS", "/taxii2/", 405, nil},
		{"GET, HEAD", "/taxii2/", 405, nil},
		{"GET", "/taxii2/", 401, []string{"Authorization", ""}},
		{"GET", "/taxii2/", 401, []string{"Authorization", "Basic !!"}},
		{"GET", "/taxii2/", 401, []string{"Authorization", "Negotiate abc"}},
		{"GET", "/taxii2/", 200, []string{"Authorization", "bearer " + testToken}},
		{"GET", "/taxii2/", 200, []string{"Authorization", "Token " + testToken}},
		{"GET", "/taxii2/", 401, []string{"Authorization", "Bearer no"}},
		{"GET", "/taxii2/", 200, []string{"Accept", "application/taxii+json; version=2.1"}},
		{"GET", "/taxii2/", 200, []string{"Accept", `application/vnd.oasis.taxii+json; version=2.0, APPLICATION/taxii+json;version="2.1";q=0.5`}},
		{"GET", "/taxii2/", 200, []string{"Accept", "application/taxii+json"}},
		{"GET", "/taxii2/", 200, []string{"Accept", "*/*"}},
		{"GET", at(testID) + "manifest/", 200, []string{"Accept", "application/taxii+json;version=2.1,application/stix+json;version=2.1"}},
		{"GET", "/taxii2/", 406, []string{"Accept", "application/taxii+json;version=2.0"}},
		{"GET", "/taxii2/", 406, []string{"Accept", "text/html"}},
		{"GET", "/taxii2/", 406, []string{"Accept", "*/*;q=0"}},
		{"GET", "/taxii2/", 406, []string{"Accept", "/"}},
		{"POST", at(testID) + "objects/", 415, []string{"Content-Type", "application/json"}},
		{"POST", at(testID) + "objects/", 415, []string{"Content-Type", ""}},
		{"POST", at(testID) + "objects/", 415, []string{"Content-Type", "application/taxii+json;version=2.0"}},
		{"POST", at(testID) + "objects/", 415, []string{"Content-Encoding", "br"}},
		{"POST", at(testID) + "objects/", 400, []string{"Content-Encoding", "gzip"}},
		{"POST", at(testID) + "objects/", 400, []string{"Content-Encoding", "zstd"}},
		{"POST", at(testID) + "objects/", 202, []string{"Content-Type", "application/taxii+json"}},
		{"GET", objectsPath + "?" + strings.Repeat("a", maxQuery+1), 414, nil},
	} {
		w := call(t, h, c.method, c.target, "{}", c.headers...)
		if w.Code != c.want {
			t.Errorf("%s %s %q: %d, want %d: %s", c.method, clip(c.target), c.headers, w.Code, c.want, w.Body)
		}
	}
}

func TestBadParameters(t *testing.T) {
	h := NewServer(newMemory(), Options{})
	versioned(t, h)
	for query, want := range map[string]int{
		"limit=0": 400, "limit=-1": 400, "limit=x": 400, "limit=": 400, "limit=1.5": 400, "limit=%2B1": 400, "limit=1&limit=2": 400,
		"limit=99999999999999999999999": 200, "limit=007": 200,
		"added_after=yesterday": 400, "added_after=2020": 400, "added_after=2020-01-01T00:00:00Z&added_after=2020-01-01T00:00:00Z": 400,
		"added_after=": 200, "next=": 200, "next=x": 400, "next=" + strings.Repeat("A", 43): 400,
		"match[type]=": 400, "match[type]=,": 400, "match[type]=tool&match[type]=malware": 400, "match[type]=x-unknown": 200,
		"match[id]=nonsense": 200, "match[version]=all,first": 400, "match[version]=last,last": 400, "match[version]=newest": 400,
		"match[version]=last,first,2020-01-01T00:00:00Z": 200, "match[spec_version]=abc": 400, "match[spec_version]=2.9": 200,
		"match[x]=1": 200, "x=1": 200, "match[=1": 200, "%zz": 400, "a;b": 400,
		"match[id]=" + strings.Repeat("a,", maxValues+1): 400, "match[id]=" + strings.Repeat("a", maxValue+1): 400,
	} {
		if w := call(t, h, "GET", objectsPath+"?"+query, ""); w.Code != want {
			t.Errorf("%s: %d, want %d: %s", clip(query), w.Code, want, w.Body)
		}
	}
	strict := NewServer(newMemory(), Options{StrictMatch: true})
	if w := call(t, strict, "GET", objectsPath+"?match[x]=1", ""); w.Code != 400 {
		t.Errorf("strict: %d", w.Code)
	}
}

func TestFilters(t *testing.T) {
	m := newMemory()
	h := NewServer(m, Options{})
	versioned(t, h)
	added := func(i int) string { return FormatTime(m.roots["api1"][0].records[i].Added) }
	for _, c := range []struct{ query, want string }{
		{"", "1…2022 2…2020 3…2020 4 5"},
		{"match[version]=all", "1…2020 1…2022 1…2021 2…2020 3…2020 4 5"},
		{"match[version]=first", "1…2020 2…2020 3…2020 4 5"},
		{"match[version]=first,last", "1…2020 1…2022 2…2020 3…2020 4 5"},
		{"match[version]=2021-01-01T00:00:00.123456789Z", "1…2021"},
		{"match[version]=2019-01-01T00:00:00.000Z", "5"},
		{"match[spec_version]=2.0", "2…2020 3…2020"},
		{"match[spec_version]=2.0,2.1&match[type]=malware&match[version]=all", "2…2020 2…2020 3…2020"},
		{"match[type]=tool,ipv4-addr", "1…2022 4"},
		{"match[type]=tool&match[id]=ipv4-addr--00000000-0000-4000-8000-000000000004", ""},
		{"match[id]=ipv4-addr--00000000-0000-4000-8000-000000000004, malware--00000000-0000-4000-8000-000000000003", "3…2020 4"},
		{"added_after=" + added(6), "5"},
		{"added_after=" + added(7), ""},
		{"added_after=" + strings.Replace(added(6), "T", "%20", 1), "5"},
		{"added_after=" + strings.Replace(added(6), "Z", "+00:00", 1), "5"},
		{"added_after=" + strings.TrimSuffix(added(6), "Z"), "5"},
		{"added_after=2026-01-01", "1…2022 2…2020 3…2020 4 5"},
		{"match%5Btype%5D=tool", "1…2022"},
	} {
		e := read(t, call(t, h, "GET", objectsPath+"?"+strings.ReplaceAll(c.query, " ", "%20"), ""))
		var got []string
		for _, id := range ids(t, e) {
			if len(id) > 1 {
				id = id[:1] + "…" + id[1:5]
			}
			got = append(got, id)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.query, s, c.want)
		}
		if len(e.Objects) == 0 && e.More {
			t.Errorf("%s: more of nothing", c.query)
		}
	}
	one := objectsPath + "tool--00000000-0000-4000-8000-000000000001/"
	for query, want := range map[string]int{"": 1, "?match[version]=all": 3, "?match[version]=first": 1, "?match[spec_version]=2.0": 0, "?match[type]=malware": 1} {
		if e := read(t, call(t, h, "GET", one+query, "")); len(e.Objects) != want {
			t.Errorf("object %s: %d objects", query, len(e.Objects))
		}
	}
	if e := read(t, call(t, h, "GET", one+"versions/", "")); strings.Join(e.Versions, " ") != "2020-01-01T00:00:00Z 2022-01-01T00:00:00.5Z 2021-01-01T00:00:00.123456789Z" {
		t.Errorf("versions: %v", e.Versions)
	}
}

// INVARIANT: an object leaves as the bytes that came.
func TestObjectsLeaveAsTheyCame(t *testing.T) {
	h := NewServer(newMemory(), Options{})
	raw := `{ "z":1.50,"type":"x-y" , "id":"x-y--00000000-0000-4000-8000-000000000009","\u0061":"\/é<&>","modified":"2020-01-01T00:00:00.1Z"}`
	if w := call(t, h, "POST", objectsPath, `{"objects":[`+raw+`]}`); w.Code != 202 {
		t.Fatal(w.Body)
	}
	if w := call(t, h, "GET", objectsPath, ""); w.Body.String() != `{"more":false,"objects":[`+raw+`]}` {
		t.Errorf("got %s", w.Body)
	}
}

// INVARIANT: the pages of any limit, joined, are the whole; each kind of page
// carries next exactly with more.
func TestPaging(t *testing.T) {
	m := newMemory()
	m.fill(testID, 57, indicator)
	h := NewServer(m, Options{Key: []byte("0123456789abcdef")})
	other := NewServer(m, Options{Key: []byte("0123456789abcdef")})
	for _, kind := range []string{"objects", "manifest"} {
		path := strings.Replace(objectsPath, "objects", kind, 1)
		whole := ids(t, read(t, call(t, h, "GET", path, "")))
		if len(whole) != 57 {
			t.Fatalf("%s: %d", kind, len(whole))
		}
		for limit := 1; limit < 60; limit += 7 {
			var got []string
			next := ""
			for {
				w := call(t, other, "GET", fmt.Sprintf("%s?limit=%d&next=%s", path, limit, next), "")
				e := read(t, w)
				got = append(got, ids(t, e)...)
				if e.More != (e.Next != "") || len(e.Objects) > limit {
					t.Fatalf("%s: more %v, next %q, %d objects", kind, e.More, e.Next, len(e.Objects))
				}
				if w.Header().Get("X-TAXII-Date-Added-First") > w.Header().Get("X-TAXII-Date-Added-Last") {
					t.Errorf("dates: %v", w.Header())
				}
				if next = e.Next; !e.More {
					break
				}
			}
			if !slices.Equal(got, whole) {
				t.Errorf("%s at limit %d: %d records", kind, limit, len(got))
			}
		}
	}
	small := NewServer(m, Options{PageBytes: 1000})
	if e := read(t, call(t, small, "GET", objectsPath, "")); len(e.Objects) < 1 || len(e.Objects) > 4 || !e.More {
		t.Errorf("byte budget: %d objects, more %v", len(e.Objects), e.More)
	}
}

func TestPageByDateLastHeader(t *testing.T) {
	m := newMemory()
	m.fill(testID, 25, indicator)
	h := NewServer(m, Options{})
	after, n := "", 0
	for {
		w := call(t, h, "GET", objectsPath+"?limit=4&added_after="+after, "")
		e := read(t, w)
		if n += len(e.Objects); !e.More {
			break
		}
		after = w.Header().Get("X-TAXII-Date-Added-Last")
	}
	if n != 25 {
		t.Errorf("%d of 25 objects", n)
	}
}

// INVARIANT: a cursor opens only with the key, collection, audience and match
// filters that it was made with; added_after may be dropped or moved, as clients do.
func TestCursorIsBound(t *testing.T) {
	m := newMemory()
	m.fill(testID, 10, indicator)
	m.fill(readID, 10, indicator)
	h := NewServer(m, Options{})
	next := read(t, call(t, h, "GET", objectsPath+"?limit=3&match[type]=indicator", "")).Next
	again := read(t, call(t, h, "GET", objectsPath+"?limit=3&match[type]=indicator", "")).Next
	if next == "" || next != again {
		t.Errorf("cursors %q and %q", next, again)
	}
	for target, want := range map[string]int{
		objectsPath + "?match[type]=indicator&next=" + next:                                            200,
		objectsPath + "?limit=1&match[type]=indicator&next=" + next:                                    200,
		strings.Replace(objectsPath, "objects", "manifest", 1) + "?match[type]=indicator&next=" + next: 200,
		objectsPath + "?next=" + next:                                                                  400,
		objectsPath + "?match[type]=tool&next=" + next:                                                 400,
		objectsPath + "?match[type]=indicator&added_after=2020-01-01T00:00:00Z&next=" + next:           200,
		strings.Replace(objectsPath, testID, readID, 1) + "?match[type]=indicator&next=" + next:        400,
		objectsPath + "?match[type]=indicator&next=" + strings.ToUpper(next):                           400,
	} {
		if w := call(t, h, "GET", target, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
	if w := call(t, h, "GET", objectsPath+"?match[type]=indicator&next="+next, "", "Authorization", "Bearer "+testToken); w.Code != 400 {
		t.Errorf("another's cursor: %d", w.Code)
	}
	if w := call(t, NewServer(m, Options{}), "GET", objectsPath+"?match[type]=indicator&next="+next, ""); w.Code != 400 {
		t.Errorf("another key's cursor: %d", w.Code)
	}
}

// INVARIANT: what is withheld leaves no trace in pages, counts or cursors' length.
func TestWithheldObjectsDoNotExist(t *testing.T) {
	m := newMemory()
	m.fill(testID, 30, indicator)
	m.hidden = func(who Caller, r Record) bool { return who.ID == testUser && r.Seq%2 == 0 }
	h := NewServer(m, Options{})
	e := read(t, call(t, h, "GET", objectsPath+"?limit=15", ""))
	if len(e.Objects) != 15 || e.More {
		t.Errorf("%d objects, more %v", len(e.Objects), e.More)
	}
	hidden := m.roots["api1"][0].records[1].ID
	for _, tail := range []string{"/", "/versions/", "/?match[version]=all"} {
		if w := call(t, h, "GET", objectsPath+string(hidden)+tail, ""); w.Code != 404 {
			t.Errorf("%s: %d", tail, w.Code)
		}
	}
}

func TestConditionalGet(t *testing.T) {
	m := newMemory()
	h := NewServer(m, Options{})
	for _, target := range []string{"/taxii2/", "/taxii2/api1/", "/taxii2/api1/collections/", objectsPath, objectsPath + "?added_after=2030-01-01T00:00:00Z"} {
		tag := call(t, h, "GET", target, "").Header().Get("ETag")
		for _, given := range []string{tag, `"x", ` + tag, strings.TrimPrefix(tag, "W/"), "*"} {
			if w := call(t, h, "GET", target, "", "If-None-Match", given); w.Code != 304 || w.Header().Get("ETag") != tag {
				t.Errorf("%s: %d", target, w.Code)
			}
		}
		if w := call(t, h, "GET", target, "", "If-None-Match", `"other"`); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	tag := call(t, h, "GET", objectsPath, "").Header().Get("ETag")
	m.fill(testID, 3, indicator)
	w := call(t, h, "GET", objectsPath, "", "If-None-Match", tag)
	if w.Code != 200 {
		t.Errorf("new objects: %d", w.Code)
	}
	if call(t, h, "GET", objectsPath+"?limit=2", "").Header().Get("ETag") == w.Header().Get("ETag") {
		t.Error("two pages, one tag")
	}
}

func TestStatusNamesEveryFailure(t *testing.T) {
	h := NewServer(newMemory(), Options{})
	w := call(t, h, "POST", objectsPath, `{"objects":[`+string(indicator(1))+`,{"type":"x"},`+string(indicator(1))+`]}`)
	var st struct {
		ID                                                       string
		Status                                                   string
		Total_count, Success_count, Failure_count, Pending_count int
		Failures, Successes, Pendings                            []StatusDetail
	}
	if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil || w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if st.Status != "complete" || st.Total_count != 3 || st.Success_count != 2 || len(st.Failures) != 1 || st.Failures[0].Message == "" || strings.Contains(w.Body.String(), "pendings") {
		t.Errorf("%s", w.Body)
	}
	again := call(t, h, "GET", w.Header().Get("Location"), "")
	if again.Code != 200 || again.Body.String() != w.Body.String() {
		t.Errorf("status: %d %s", again.Code, again.Body)
	}
	if w := call(t, h, "GET", "/taxii2/api%202/status/"+st.ID+"/", ""); w.Code != 404 {
		t.Errorf("status under another root: %d", w.Code)
	}
}

func TestDelete(t *testing.T) {
	h := NewServer(newMemory(), Options{})
	versioned(t, h)
	one := objectsPath + "tool--00000000-0000-4000-8000-000000000001/"
	count := func() int { return len(read(t, call(t, h, "GET", one+"?match[version]=all", "")).Objects) }
	if w := call(t, h, "DELETE", one+"?match[version]=last", ""); w.Code != 200 || w.Body.Len() > 0 || count() != 2 {
		t.Errorf("delete last: %d %s", w.Code, w.Body)
	}
	if w := call(t, h, "DELETE", one, ""); w.Code != 200 || call(t, h, "GET", one, "").Code != 404 {
		t.Errorf("delete all: %d", w.Code)
	}
}

func TestBodyTooLong(t *testing.T) {
	m := newMemory()
	m.max = 2000
	h := NewServer(m, Options{})
	fits := `{"objects":[` + string(indicator(1)) + `]}`
	fits += strings.Repeat(" ", 2000-len(fits))
	if w := call(t, h, "POST", objectsPath, fits); w.Code != 202 {
		t.Errorf("max_content_length itself: %d %s", w.Code, w.Body)
	}
	if w := call(t, h, "POST", objectsPath, fits+" "); w.Code != 413 {
		t.Errorf("one more: %d", w.Code)
	}
	// Unknown length, and what unpacks to more.
	r := httptest.NewRequest("POST", objectsPath, io.MultiReader(strings.NewReader(fits), strings.NewReader("  ")))
	r.SetBasicAuth(testUser, testPass)
	r.Header.Set("Content-Type", MediaTAXII)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 413 {
		t.Errorf("chunked: %d", w.Code)
	}
	for _, enc := range []string{"gzip", "zstd"} {
		var c codecs
		var b bytes.Buffer
		z, done := c.pack(&b, enc)
		io.WriteString(z, `{"objects":[`+strings.Repeat(" ", 1<<20))
		done(true)
		if w := call(t, h, "POST", objectsPath, b.String(), "Content-Encoding", enc); w.Code != 413 {
			t.Errorf("%s bomb: %d %s", enc, w.Code, w.Body)
		}
		b.Reset()
		z, done = c.pack(&b, enc)
		io.WriteString(z, `{"objects":[`+string(indicator(2))+`]}`)
		done(true)
		if w := call(t, h, "POST", objectsPath, b.String(), "Content-Encoding", enc); w.Code != 202 {
			t.Errorf("%s: %d %s", enc, w.Code, w.Body)
		}
	}
	for _, bad := range []string{"", "[]", "x", `"a"`, `{"objects":[{]`} {
		if w := call(t, h, "POST", objectsPath, bad); w.Code != 400 && bad != `{"objects":[{]` {
			t.Errorf("%q: %d", bad, w.Code)
		}
	}
}

func TestBackendErrors(t *testing.T) {
	m := newMemory()
	h := NewServer(m, Options{Text: func(lang string, msg comity.Message) string { return lang + " " + msg.String() }})
	for kind, want := range map[comity.Kind]int{
		comity.Internal: 500, comity.Usage: 400, comity.Invalid: 422, comity.NotFound: 404, comity.Forbidden: 403,
		comity.Limited: 429, comity.Unavailable: 503, comity.Partial: 500, comity.TooLarge: 413,
	} {
		m.fault = comity.E(kind, "page", "secret-table", comity.Msg("test.reason"), fmt.Errorf("secret-cause"))
		w := call(t, h, "GET", objectsPath, "", "Accept-Language", "fr")
		if w.Code != want || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), `"title":"fr taxii.title.`) {
			t.Errorf("%v: %d %s", kind, w.Code, w.Body)
		}
	}
}
