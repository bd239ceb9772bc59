package node_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
)

// wire sends requests as other programs' libraries put them on the line, byte
// for byte: names, order and case of the headers are theirs.
type wire struct {
	t       testing.TB
	host    string
	headers []string // of each request, "Name: value"
}

// ask sends one request; path and query are sent as given.
func (w wire) ask(method, target, body string, more ...string) (*http.Response, []byte) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.host)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	head := append(append([]string{method + " " + target + " HTTP/1.1", "Host: " + w.host}, w.headers...), more...)
	if body != "" || method == http.MethodDelete {
		head = append(head, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	fmt.Fprintf(c, "%s\r\n\r\n%s", strings.Join(head, "\r\n"), body)
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	in := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if in, err = gzip.NewReader(in); err != nil {
			w.t.Fatal(err)
		}
	}
	b, err := io.ReadAll(in)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, b
}

// json wants a status and reads the body.
func (w wire) json(method, target, body string, status int, into any, more ...string) http.Header {
	w.t.Helper()
	res, b := w.ask(method, target, body, more...)
	if res.StatusCode != status {
		w.t.Fatalf("%s %s: %d, want %d: %s", method, target, res.StatusCode, status, b)
	}
	// The OASIS client splits at ";" and compares the parts (cti-taxii-client#121).
	if ct := res.Header.Get("Content-Type"); status < 300 && method == "GET" && ct != "application/taxii+json;version=2.1" {
		w.t.Fatalf("%s: Content-Type %q", target, ct)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			w.t.Fatalf("%s %s: %v in %s", method, target, err, b)
		}
	}
	return res.Header
}

func (x exchangeOf) wire(headers ...string) wire {
	u, _ := url.Parse(x.url)
	return wire{x.t, u.Host, headers}
}

// basicLatin1 is how Python's requests writes HTTP Basic: ISO 8859-1.
func basicLatin1(user, password string) string {
	var b []byte
	for _, r := range user + ":" + password {
		b = append(b, byte(r))
	}
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString(b)
}

// interopOf is a node with a collection of n indicators; it gives the path of
// the collection by its id, as clients build it.
func interopOf(t *testing.T, n int) (x exchangeOf, root, at string) {
	t.Helper()
	x = taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, x.n, "feed")
	var objects [][]byte
	for i := range n {
		objects = append(objects, labelled(i, comity.Green))
	}
	if st := x.post("feed", objects...); st.Success != n {
		t.Fatalf("%+v", st.Failures)
	}
	var c struct{ ID string }
	x.get("/taxii2/api/collections/feed/", 200, &c)
	return x, "/taxii2/api/", "/taxii2/api/collections/" + c.ID + "/"
}

// oasis is taxii2-client 2.3.0 over requests 2.28: what it sends for GET, and for
// POST and DELETE, where its own User-Agent is forgotten.
func oasis(x exchangeOf, auth string) (get, change wire) {
	accept := []string{"Accept-Encoding: gzip, deflate", "Accept: " + taxii.MediaTAXII, "Connection: keep-alive", auth}
	return x.wire(append([]string{"User-Agent: taxii2-client/2.3.0"}, accept...)...),
		x.wire(append([]string{"User-Agent: python-requests/2.28.1"}, accept...)...)
}

// The operations that the README of the OASIS client names, as it sends them and
// with what it checks in the answers.
func TestInteropOASISClient(t *testing.T) { both(t, interopOASIS) }

func interopOASIS(t *testing.T) {
	x, root, at := interopOf(t, 120)
	if err := x.n.CreateUser(t.Context(), admin, "bjoern", "länger als nötig", node.RoleAnalyst, "en"); err != nil {
		t.Fatal(err)
	}
	get, change := oasis(x, basicLatin1("bjoern", "länger als nötig"))
	var d struct {
		Title, Default string
		Roots          []string `json:"api_roots"`
	}
	get.json("GET", "/taxii2/", "", 200, &d)
	if d.Title == "" || !slices.Contains(d.Roots, d.Default) || !strings.HasSuffix(d.Default, root) {
		t.Errorf("discovery %+v", d)
	}
	var r struct {
		Title    string
		Versions []string
		Max      *int64 `json:"max_content_length"`
	}
	if get.json("GET", root, "", 200, &r); r.Title == "" || len(r.Versions) == 0 || r.Max == nil {
		t.Errorf("API root %+v", r)
	}
	var cs struct{ Collections []collectionInfo }
	if get.json("GET", root+"collections/", "", 200, &cs); len(cs.Collections) != 1 {
		t.Fatal(cs)
	}
	cs.Collections[0].valid(t, at)
	var c collectionInfo
	get.json("GET", at, "", 200, &c)
	c.valid(t, at)
	for _, kind := range []string{"objects/", "manifest/"} {
		for _, per := range []int{0, 10, 50, 5000} {
			if n := asPages(get, at+kind, per, ""); n != 120 {
				t.Errorf("as_pages(%s, %d): %d objects", kind, per, n)
			}
		}
		// Keyword arguments come in the order of the call, brackets and colons escaped.
		rest := "match%5Btype%5D=indicator%2Cmalware&added_after=2020-01-01T00%3A00%3A00.5Z&match%5Bversion%5D=first%2Clast"
		if n := asPages(get, at+kind, 25, rest); n != 120 {
			t.Errorf("as_pages(%s, filters): %d objects", kind, n)
		}
	}
	oasisWrites(t, get, change, root, at)
	get, _ = oasis(x, "Authorization: Token "+x.token) // its TokenAuth
	get.json("GET", root, "", 200, nil)
	get, _ = oasis(x, basicLatin1("bjoern", "wrong"))
	if h := get.json("GET", root, "", 401, nil); h.Get("WWW-Authenticate") == "" {
		t.Error("401 without a challenge")
	}
}

func oasisWrites(t *testing.T, get, change wire, root, at string) {
	t.Helper()
	const id = "tool--00000000-0000-4000-8000-00000000aaaa"
	version := func(day int) string {
		return fmt.Sprintf(`{"type": "tool", "spec_version": "2.1", "id": "%s", "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-%02dT00:00:00.000Z", "name": "é 例"}`, id, day)
	}
	var st oasisStatus
	change.json("POST", at+"objects/", `{"objects": [`+version(1)+", "+version(2)+`, {"type": "tool"}]}`, 202, &st, "Content-Type: "+taxii.MediaTAXII)
	st.valid(t)
	if st.Status != "complete" || *st.Success != 2 || *st.Failure != 1 {
		t.Errorf("status %+v", st)
	}
	for _, path := range []string{"status/" + st.ID + "/", "status/" + st.ID} { // urljoin leaves the slash out
		var again oasisStatus
		if get.json("GET", root+path, "", 200, &again); again.ID != st.ID {
			t.Errorf("%s: %+v", path, again)
		}
		again.valid(t)
	}
	one := at + "objects/" + id + "/"
	var e envelope
	if get.json("GET", one, "", 200, &e); len(e.Objects) != 1 || !strings.Contains(string(e.Objects[0]), "-02T") {
		t.Errorf("get_object: %s", e.Objects)
	}
	e = envelope{}
	if get.json("GET", one+"versions/", "", 200, &e); len(e.Versions) != 2 {
		t.Errorf("object_versions: %q", e.Versions)
	}
	change.json("DELETE", one+"?match%5Bversion%5D=2026-01-01T00%3A00%3A00Z", "", 200, nil)
	e = envelope{}
	if get.json("GET", one+"versions/", "", 200, &e); len(e.Versions) != 1 {
		t.Errorf("versions after deleting one: %q", e.Versions)
	}
	change.json("DELETE", one, "", 200, nil)
	get.json("GET", one, "", 404, nil)
	// What requests sends for an empty page is {}, which the client reads as no objects.
	e = envelope{}
	if get.json("GET", at+"objects/?added_after=2199-01-01T00%3A00%3A00Z", "", 200, &e); len(e.Objects) > 0 || e.More {
		t.Errorf("empty page %+v", e)
	}
}

// collectionInfo is what the OASIS client demands of a collection.
type collectionInfo struct {
	ID, Title string
	CanRead   *bool `json:"can_read"`
	CanWrite  *bool `json:"can_write"`
}

func (c collectionInfo) valid(t *testing.T, at string) {
	t.Helper()
	if c.ID == "" || c.Title == "" || c.CanRead == nil || c.CanWrite == nil || !strings.Contains(at, c.ID) {
		t.Errorf("collection %+v at %s", c, at)
	}
}

// oasisStatus is what the OASIS client demands of a status resource.
type oasisStatus struct {
	ID, Status                    string
	Total                         *int `json:"total_count"`
	Success                       *int `json:"success_count"`
	Failure                       *int `json:"failure_count"`
	Pending                       *int `json:"pending_count"`
	Successes, Failures, Pendings []json.RawMessage
}

func (s oasisStatus) valid(t *testing.T) {
	t.Helper()
	if s.ID == "" || s.Status == "" || s.Total == nil || s.Success == nil || s.Failure == nil || s.Pending == nil {
		t.Fatalf("status lacks a property: %+v", s)
	}
	for list, n := range map[int]int{len(s.Successes): *s.Success, len(s.Failures): *s.Failure, len(s.Pendings): *s.Pending} {
		if list != 0 && list != n {
			t.Errorf("a list of %d with a count of %d", list, n)
		}
	}
	if *s.Success+*s.Failure+*s.Pending != *s.Total {
		t.Errorf("counts %+v", s)
	}
}

// asPages is the client's pager: it takes the number of objects of the first page
// as the limit of the next ones, and stops only when more is false.
func asPages(w wire, path string, per int, rest string) int {
	w.t.Helper()
	n, next := 0, ""
	for range 1000 {
		var q []string
		if per > 0 {
			q = append(q, fmt.Sprintf("limit=%d", per))
		}
		if next != "" {
			q = append(q, "next="+url.QueryEscape(next))
		}
		if rest != "" {
			q = append(q, rest)
		}
		target := path
		if len(q) > 0 {
			target += "?" + strings.Join(q, "&")
		}
		var e envelope
		w.json("GET", target, "", 200, &e)
		n += len(e.Objects)
		if !e.More {
			return n
		}
		if n == len(e.Objects) {
			per = n
		}
		next = e.Next
	}
	w.t.Errorf("%s: the pager never ends", path)
	return n
}

// stix2's TAXIICollectionSink posts a bundle where an envelope is meant, and its
// source asks for pages of 5,000 (cti-python-stix2#479: it once read only one).
func TestInteropStix2DataStore(t *testing.T) {
	x, _, at := interopOf(t, 30)
	get, change := oasis(x, "Authorization: Token "+x.token)
	id := "tool--00000000-0000-4000-8000-00000000bbbb"
	var st oasisStatus
	change.json("POST", at+"objects/", `{"type": "bundle", "id": "bundle--44af6c39-c09b-49c5-9de2-394224b04982", "objects": [{"type": "tool", "spec_version": "2.1", "id": "`+id+`", "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "name": "x"}]}`,
		202, &st, "Content-Type: "+taxii.MediaTAXII)
	if *st.Success != 1 {
		t.Errorf("%+v", st)
	}
	var e envelope
	if get.json("GET", at+"objects/?limit=5000&match%5Bid%5D="+id+"&match%5Bversion%5D=all", "", 200, &e); len(e.Objects) != 1 || e.More {
		t.Errorf("all_versions: %+v", e)
	}
	get.json("GET", at+"objects/tool--00000000-0000-4000-8000-00000000cccc/", "", 404, nil) // get() gives None
}

// OpenCTI's TAXII2 connector drops added_after when it follows next, keeps limit,
// and asks again for ever while more is true without a next.
func TestInteropOpenCTIConnector(t *testing.T) {
	x, _, at := interopOf(t, 95)
	get, _ := oasis(x, "Authorization: Token "+x.token)
	query, n := "limit=20&added_after=2020-01-01T00%3A00%3A00Z", 0
	for range 20 {
		var e envelope
		get.json("GET", at+"objects/?"+query, "", 200, &e)
		n += len(e.Objects)
		if !e.More {
			break
		}
		if e.Next == "" || len(e.Objects) == 0 {
			t.Fatal("more without next, or an empty page before the end: the connector loops or stops")
		}
		query = "limit=20&next=" + e.Next
	}
	if n != 95 {
		t.Errorf("%d of 95 objects", n)
	}
}

// OpenCTI's ingestion manager keeps next and added_after apart, and takes the
// date header through a JavaScript date, which has milliseconds only: it asks for
// the last objects again, must lose none and must not come to a stop
// (opencti#4537, #5681, #6973, #7789, #7793).
func TestInteropOpenCTIIngestion(t *testing.T) {
	x, _, at := interopOf(t, 95)
	w := x.wire("Accept: application/taxii+json;version=2.1", "User-Agent: opencti/6.8.0", "Authorization: Bearer "+x.token,
		"Accept-Encoding: gzip, compress, deflate, br", "Connection: close")
	seen := map[string]bool{}
	cursor, after := "", ""
	poll := func() {
		q := url.Values{}
		if cursor != "" {
			q.Set("next", cursor)
		}
		if after != "" {
			q.Set("added_after", after)
		}
		// axios leaves colons and brackets as they are.
		query := strings.ReplaceAll(q.Encode(), "%3A", ":")
		var e envelope
		h := w.json("GET", at+"objects/?"+query, "", 200, &e)
		if len(e.Objects) == 0 {
			if e.More {
				t.Fatal("an empty page with more: the manager would ask for it for ever")
			}
			return
		}
		for _, o := range e.Objects {
			seen[idOf(o)] = true
		}
		if e.More && e.Next != "" {
			cursor = e.Next
			return
		}
		last, err := time.Parse(time.RFC3339, h.Get("X-TAXII-Date-Added-Last"))
		if err != nil {
			t.Fatalf("date header: %v", err)
		}
		cursor, after = "", last.Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
	}
	for range 4 {
		poll()
	}
	if len(seen) != 95 {
		t.Errorf("%d of 95 objects", len(seen))
	}
	x.post("feed", labelled(500, comity.Green))
	for range 2 {
		poll()
	}
	if len(seen) != 96 {
		t.Error("what came later was not read")
	}
}

// Microsoft Sentinel is given an API root and a collection id. It looks for the
// media type among the root's versions (opencti#12983) and goes on from the date
// header alone; without it, it fetched all again (Azure-Sentinel#12234).
func TestInteropSentinel(t *testing.T) {
	x, root, at := interopOf(t, 60)
	w := x.wire("Accept: application/taxii+json; version=2.1", "Authorization: Bearer "+x.token)
	var r struct{ Versions []string }
	if w.json("GET", root, "", 200, &r); !slices.Contains(r.Versions, "application/taxii+json;version=2.1") {
		t.Errorf("versions %q", r.Versions)
	}
	w.json("GET", at, "", 200, nil)
	after, seen := "2020-01-01T00:00:00.0000000Z", map[string]bool{} // .NET writes seven digits
	for range 10 {
		var e envelope
		h := w.json("GET", at+"objects/?limit=25&added_after="+url.QueryEscape(after), "", 200, &e)
		if len(e.Objects) == 0 {
			break
		}
		if after = h.Get("X-TAXII-Date-Added-Last"); after == "" {
			t.Fatal("no date header")
		}
		for _, o := range e.Objects {
			if seen[idOf(o)] {
				t.Fatalf("%s came twice: it is paid for twice", idOf(o))
			}
			seen[idOf(o)] = true
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d of 60", len(seen))
	}
}

// MISP asks with a Content-type on GET, "basic" in small letters and an empty
// next for the first page; its push goes through the OASIS client.
func TestInteropMISP(t *testing.T) {
	x, root, at := interopOf(t, 60)
	if err := x.n.CreateUser(t.Context(), admin, "misp", taxiiPassword, node.RoleReader, "en"); err != nil {
		t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString([]byte("misp:" + taxiiPassword))
	w := x.wire("Connection: close", "User-Agent: CakePHP", "Accept: application/taxii+json;version=2.1",
		"Content-type: application/taxii+json;version=2.1", "Authorization: basic "+key)
	var cs struct{ Collections []collectionInfo }
	if w.json("GET", root+"collections/", "", 200, &cs); len(cs.Collections) != 1 {
		t.Errorf("%+v", cs)
	}
	n, next := 0, ""
	for range 10 {
		var e envelope
		w.json("GET", at+"objects/?limit=50&next="+next, "", 200, &e)
		n += len(e.Objects)
		if next = e.Next; !e.More {
			break
		}
	}
	if n != 60 {
		t.Errorf("%d of 60 objects", n)
	}
	var e envelope
	if w.json("GET", at+"objects/"+idOf(labelled(3, comity.Green))+"/", "", 200, &e); len(e.Objects) != 1 {
		t.Errorf("%+v", e)
	}
}

// curl and scripts: any Accept, no slash at the end, the alias as the collection,
// brackets as typed.
func TestInteropCurl(t *testing.T) {
	x, _, _ := interopOf(t, 5)
	w := x.wire("User-Agent: curl/8.14.1", "Accept: */*", "Authorization: Bearer "+x.token)
	for _, path := range []string{"/taxii2/", "/taxii2", "/taxii2/api", "/taxii2/api/collections", "/taxii2/api/collections/feed",
		"/taxii2/api/collections/feed/objects", "/taxii2/api/collections/feed/manifest?limit=2",
		"/taxii2/api/collections/feed/objects/?match[type]=indicator", "/taxii2/api/collections/feed/objects/?added_after=2020-01-01"} {
		if res, b := w.ask("GET", path, ""); res.StatusCode != 200 || !json.Valid(b) || bytes.Contains(b, []byte("<html")) {
			t.Errorf("%s: %d %s", path, res.StatusCode, b)
		}
	}
	// Readers of the ATT&CK servers send a plain JSON Accept, and HEAD to see what is new.
	w.json("GET", "/taxii2/api/collections/feed/objects/", "", 200, nil, "X-Requested-With: x")
	head := x.wire("Accept: */*", "Authorization: Bearer "+x.token)
	if res, b := head.ask("HEAD", "/taxii2/api/collections/feed/objects/", ""); res.StatusCode != 200 || len(b) > 0 {
		t.Errorf("HEAD: %d", res.StatusCode)
	}
}
