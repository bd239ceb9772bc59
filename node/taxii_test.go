package node_test

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
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/internal/testkit/data"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/taxii"
)

const taxiiPassword = "long enough a password"

// exchangeOf is a running node's TAXII server and a caller.
type exchangeOf struct {
	t     testing.TB
	n     *running
	url   string // of the server
	token string // of the caller; "" for anonymous
}

// taxiiOf serves a node by TAXII, with an account "ana" for an analyst.
func taxiiOf(t testing.TB, o node.TaxiiOptions) exchangeOf {
	t.Helper()
	n := start(t, "alpha")
	h, err := n.Taxii(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	x := exchangeOf{t: t, n: n, url: srv.URL}
	return x.as("ana", node.RoleAnalyst)
}

// as makes an account with a token and returns its caller.
func (x exchangeOf) as(name string, role node.Role) exchangeOf {
	x.t.Helper()
	if err := x.n.CreateUser(x.t.Context(), admin, name, "", role, "en"); err != nil {
		x.t.Fatal(err)
	}
	var err error
	if x.token, err = x.n.CreateToken(x.t.Context(), admin, name, "test", 0); err != nil {
		x.t.Fatal(err)
	}
	return x
}

func (x exchangeOf) do(method, path string, body []byte) (*http.Response, []byte) {
	x.t.Helper()
	r, err := http.NewRequestWithContext(x.t.Context(), method, x.url+path, bytes.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header.Set("Accept", taxii.MediaTAXII)
	if x.token != "" {
		r.Header.Set("Authorization", "Bearer "+x.token)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", taxii.MediaTAXII)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return res, b
}

// get asks for JSON and wants the status.
func (x exchangeOf) get(path string, status int, into any) {
	x.t.Helper()
	res, b := x.do(http.MethodGet, path, nil)
	if res.StatusCode != status {
		x.t.Fatalf("GET %s: %d %s", path, res.StatusCode, b)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			x.t.Fatalf("GET %s: %v in %s", path, err, b)
		}
	}
}

type statusJSON struct {
	ID        string
	Status    string
	Total     int `json:"total_count"`
	Success   int `json:"success_count"`
	Failure   int `json:"failure_count"`
	Failures  []taxii.StatusDetail
	Successes []taxii.StatusDetail
}

func (x exchangeOf) post(collection string, objects ...[]byte) statusJSON {
	x.t.Helper()
	body := append([]byte(`{"objects":[`), bytes.Join(objects, []byte(","))...)
	res, b := x.do(http.MethodPost, "/taxii2/api/collections/"+collection+"/objects/", append(body, "]}"...))
	if res.StatusCode != http.StatusAccepted {
		x.t.Fatalf("POST: %d %s", res.StatusCode, b)
	}
	var st statusJSON
	if err := json.Unmarshal(b, &st); err != nil {
		x.t.Fatal(err)
	}
	return st
}

type envelope struct {
	More     bool
	Next     string
	Objects  []json.RawMessage
	Versions []string
}

// pages reads a resource to its end and wants each page but the last full.
func (x exchangeOf) pages(path string, limit int) []json.RawMessage {
	x.t.Helper()
	var out []json.RawMessage
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for next := ""; ; {
		var e envelope
		x.get(path+sep+fmt.Sprintf("limit=%d&next=%s", limit, url.QueryEscape(next)), 200, &e)
		out = append(out, e.Objects...)
		if e.More != (e.Next != "") || e.More && len(e.Objects) != limit {
			x.t.Fatalf("page of %d, more %v, next %q", len(e.Objects), e.More, e.Next)
		}
		if next = e.Next; next == "" {
			return out
		}
	}
}

// attackObjects are the first n of the optional ATT&CK set.
func attackObjects(t testing.TB, n int) [][]byte {
	t.Helper()
	var out [][]byte
	for r := stix.NewReader(data.Open(t, "stix/attack-enterprise-18.1.json.gz"), stix.Limits{}); len(out) < n; {
		it, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(it.Raw))
	}
	return out
}

func makeCollection(t testing.TB, n *running, alias string) {
	t.Helper()
	first := `{"type":"identity","spec_version":"2.1","id":"identity--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a10","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"x"}`
	if _, err := n.Import(t.Context(), admin, node.ImportRequest{Reader: reader(first), Name: "first.json", Collection: alias, TLP: "red"}); err != nil {
		t.Fatal(err)
	}
}

func TestTaxiiEndToEnd(t *testing.T) { both(t, taxiiEndToEnd) }

func taxiiEndToEnd(t *testing.T) {
	x := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, x.n, "feed") // with one object that is RED: no caller sees it
	objects := attackObjects(t, 500)
	var d struct {
		Title   string
		Default string
		Roots   []string `json:"api_roots"`
	}
	if x.get("/taxii2/", 200, &d); d.Title != "alpha" || d.Default != "/taxii2/api/" {
		t.Fatalf("%+v", d)
	}
	var cs struct {
		Collections []struct {
			ID, Alias string
			CanRead   bool `json:"can_read"`
			CanWrite  bool `json:"can_write"`
		}
	}
	x.get(d.Default+"collections/", 200, &cs)
	if len(cs.Collections) != 1 || cs.Collections[0].Alias != "feed" || !cs.Collections[0].CanRead || !cs.Collections[0].CanWrite {
		t.Fatalf("%+v", cs)
	}
	at := "/taxii2/api/collections/" + cs.Collections[0].ID + "/"
	bad := []byte(`{"type":"indicator","spec_version":"2.1","id":"indicator--nonsense"}`)
	st := x.post("feed", append(slices.Clone(objects), bad, objects[0])...)
	if st.Status != "complete" || st.Success != 501 || st.Failure != 1 || st.Total != 502 || len(st.Failures) != 1 {
		t.Fatalf("%d %d %d %+v", st.Total, st.Success, st.Failure, st.Failures)
	}
	if f := st.Failures[0]; f.ID != "indicator--nonsense" || !strings.Contains(f.Message, "[id-") {
		t.Fatalf("%+v", f)
	}
	var again statusJSON
	if x.get("/taxii2/api/status/"+st.ID+"/", 200, &again); again.Success != 501 || again.Failures[0] != st.Failures[0] {
		t.Fatalf("%+v", again)
	}
	for _, limit := range []int{7, 100, 500, 1000} {
		sameObjects(t, x.pages(at+"objects/", limit), objects)
	}
	if got := x.pages(at+"manifest/", 33); len(got) != 500 {
		t.Fatalf("manifest of %d", len(got))
	}
	taxiiFilters(t, x, at, objects)
	x.as("eve", node.RoleReader).get("/taxii2/api/status/"+st.ID+"/", 404, nil)
}

// sameObjects wants these bytes in this order; the import's sequence is the
// order of the post.
func sameObjects(t *testing.T, got []json.RawMessage, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d objects, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("object %d: %s, want %s", i, got[i], want[i])
		}
	}
}

func taxiiFilters(t *testing.T, x exchangeOf, at string, objects [][]byte) {
	t.Helper()
	typ, id := typeOf(objects[100]), idOf(objects[100])
	want := slices.DeleteFunc(slices.Clone(objects), func(b []byte) bool { return typeOf(b) != typ })
	sameObjects(t, x.pages(at+"objects/?match[type]="+typ, 10), want)
	sameObjects(t, x.pages(at+"objects/?match[id]="+id, 10), objects[100:101])
	sameObjects(t, x.pages(at+"objects/"+id+"/?match[version]=first", 10), objects[100:101])
	res, _ := x.do(http.MethodGet, at+"objects/?limit=200", nil)
	last := res.Header.Get("X-TAXII-Date-Added-Last")
	sameObjects(t, x.pages(at+"objects/?added_after="+last, 77), objects[200:])

	// Two versions, of which the newer is posted first.
	version := func(day int) []byte {
		return fmt.Appendf(nil, `{"type":"malware","spec_version":"2.1","id":"malware--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a99","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-%02dT00:00:00.000Z","name":"v%d","is_family":false}`, day, day)
	}
	if st := x.post("feed", version(3), version(2)); st.Success != 2 {
		t.Fatalf("%+v", st)
	}
	one := at + "objects/malware--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a99/"
	sameObjects(t, x.pages(one, 5), [][]byte{version(3)})
	sameObjects(t, x.pages(one+"?match[version]=first", 5), [][]byte{version(2)})
	sameObjects(t, x.pages(one+"?match[version]=all", 1), [][]byte{version(3), version(2)})
	sameObjects(t, x.pages(one+"?match[version]=2026-01-02T00:00:00Z", 5), [][]byte{version(2)})
	var vs envelope
	x.get(one+"versions/", 200, &vs)
	if fmt.Sprint(vs.Versions) != "[2026-01-03T00:00:00.000Z 2026-01-02T00:00:00.000Z]" {
		t.Fatal(vs.Versions)
	}
	if res, b := x.do(http.MethodDelete, one+"?match[version]=last", nil); res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, b)
	}
	sameObjects(t, x.pages(one, 5), [][]byte{version(2)})
	x.do(http.MethodDelete, one, nil)
	x.get(one, 404, nil)
	if _, err := x.n.Show(t.Context(), "malware--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a99"); err != nil {
		t.Errorf("the object must stay at the node: %v", err)
	}
}

func typeOf(b []byte) string { return comity.ObjectID(idOf(b)).Type() }

func idOf(b []byte) string {
	var o struct{ ID string }
	_ = json.Unmarshal(b, &o)
	return o.ID
}

// labelled makes the i-th of many indicators, with a label.
func labelled(i int, tlp comity.TLP) []byte {
	return fmt.Appendf(nil, `{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","pattern":"[ipv4-addr:value = '198.51.100.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","object_marking_refs":["%s"]}`,
		i, i%256, stix.TLPMarking(tlp))
}

func TestTaxiiOutsidersSeeTheirPart(t *testing.T) { both(t, taxiiOutsiders) }

func taxiiOutsiders(t *testing.T) {
	ana := taxiiOf(t, node.TaxiiOptions{Anonymous: true})
	makeCollection(t, ana.n, "feed")
	makeCollection(t, ana.n, "closed")
	// Long runs of hidden ones, at the beginning, between and at the end.
	labels := []comity.TLP{comity.Red, comity.Clear, comity.AmberStrict, comity.AmberStrict, comity.Green, comity.Amber, comity.Amber, comity.Clear, comity.Red}
	var all [][]byte
	for i := range 900 {
		all = append(all, labelled(i, labels[i/100]))
	}
	granular := bytes.Replace(labelled(900, comity.Clear), []byte(`"spec_version"`),
		fmt.Appendf(nil, `"name":"x","granular_markings":[{"marking_ref":"%s","selectors":["name"]}],"spec_version"`, stix.TLPMarking(comity.Amber)), 1)
	escaped := bytes.Replace(bytes.Replace(granular, []byte("granular_markings"), []byte(`granular_\u006darkings`), 1), []byte("000900"), []byte("000901"), 1)
	all = append(all, granular, escaped)
	if st := ana.post("feed", all...); st.Failure != 0 {
		t.Fatalf("%+v", st.Failures)
	}
	callers := map[node.Role]exchangeOf{node.RoleReader: ana}
	for _, r := range []node.Role{node.RoleConstituent, node.RoleCommunity, node.RolePublic} {
		callers[r] = ana.as("out-"+string(r), r)
		var cs struct{ Collections []any }
		if callers[r].get("/taxii2/api/collections/", 200, &cs); len(cs.Collections) != 0 {
			t.Fatalf("%s sees closed collections", r)
		}
		callers[r].get("/taxii2/api/collections/feed/objects/", 404, nil)
	}
	if err := ana.n.OpenCollection(t.Context(), admin, "feed", node.Opening{To: node.RolePublic}); err != nil {
		t.Fatal(err)
	}
	callers["anonymous"] = exchangeOf{t: t, n: ana.n, url: ana.url}
	most := map[node.Role]comity.TLP{node.RoleReader: comity.AmberStrict, node.RoleConstituent: comity.Amber,
		node.RoleCommunity: comity.Green, node.RolePublic: comity.Clear, "anonymous": comity.Clear}
	for role, x := range callers {
		var want [][]byte
		for i, b := range all {
			label := comity.Amber // the two with a granular marking
			if i < 900 {
				label = labels[i/100]
			}
			if label <= most[role] {
				want = append(want, b)
			}
		}
		for _, limit := range []int{1, 30, 100, 5000} {
			if limit > 1 || len(want) < 300 {
				sameObjects(t, x.pages("/taxii2/api/collections/feed/objects/", limit), want)
			}
		}
		if got := x.pages("/taxii2/api/collections/feed/manifest/", 99); len(got) != len(want) {
			t.Errorf("%s: manifest of %d, want %d", role, len(got), len(want))
		}
		if most[role] < comity.AmberStrict {
			x.get("/taxii2/api/collections/feed/objects/"+idOf(all[250])+"/", 404, nil)
			x.get("/taxii2/api/collections/feed/objects/"+idOf(all[250])+"/versions/", 404, nil)
			x.get("/taxii2/api/collections/closed/", 404, nil)
			if res, _ := x.do(http.MethodPost, "/taxii2/api/collections/feed/objects/", []byte(`{"objects":[]}`)); res.StatusCode != 403 {
				t.Errorf("%s may write: %d", role, res.StatusCode)
			}
		}
	}
	if err := ana.n.CloseCollection(t.Context(), admin, "feed"); err != nil {
		t.Fatal(err)
	}
	callers[node.RoleConstituent].get("/taxii2/api/collections/feed/objects/", 404, nil)
}

// Behind very many hidden ones a page is as it would be without them: full or
// the last, and never empty with more behind it.
func TestTaxiiHiddenRunsDoNotShow(t *testing.T) { both(t, taxiiHiddenRuns) }

func taxiiHiddenRuns(t *testing.T) {
	ana := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, ana.n, "feed")
	var all [][]byte
	for i := range 4600 {
		all = append(all, labelled(i, comity.Amber))
	}
	all[2100], all[4500] = labelled(2100, comity.Clear), labelled(4500, comity.Clear)
	ana.post("feed", all[:4550]...)
	if err := ana.n.OpenCollection(t.Context(), admin, "feed", node.Opening{To: node.RolePublic}); err != nil {
		t.Fatal(err)
	}
	pub := ana.as("pub", node.RolePublic)
	const at = "/taxii2/api/collections/feed/objects/"
	ask := func(query string, want ...int) (next string) {
		t.Helper()
		var e envelope
		pub.get(at+query, 200, &e)
		if len(e.Objects) != len(want) || e.More != (e.Next != "") || e.More && len(e.Objects) == 0 {
			t.Fatalf("%q gives %d objects, more %v; want %v", query, len(e.Objects), e.More, want)
		}
		for i, k := range want {
			if !bytes.Equal(e.Objects[i], all[k]) {
				t.Fatalf("%q: object %d is %s", query, i, e.Objects[i])
			}
		}
		return e.Next
	}
	for range 2 { // the second time from memory
		if next := ask("?limit=10", 2100, 4500); next != "" {
			t.Error("more is promised behind the last")
		}
		next := ask("?limit=1", 2100)
		if next = ask("?limit=1&next="+next, 4500); next != "" {
			t.Error("more is promised behind the last")
		}
		ask("?limit=5&match[type]=indicator", 2100, 4500)
		ask("?limit=5&match[type]=malware")
	}
	sameObjects(t, ana.pages(at, 1000), all[:4550])
	// What is added behind a run that is remembered is seen at once.
	all[4570] = labelled(4570, comity.Clear)
	ana.post("feed", all[4550:]...)
	ask("?limit=10", 2100, 4500, 4570)
	ask("?limit=10&match[type]=indicator", 2100, 4500, 4570)
}

// A newer version that a caller may not have does not hide the older one.
func TestTaxiiHiddenVersions(t *testing.T) { both(t, taxiiHiddenVersions) }

func taxiiHiddenVersions(t *testing.T) {
	ana := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, ana.n, "feed")
	at := func(day int, tlp comity.TLP) []byte {
		return bytes.Replace(labelled(1, tlp), []byte(`"modified":"2026-01-01`), fmt.Appendf(nil, `"modified":"2026-01-%02d`, day), 1)
	}
	v := [][]byte{at(1, comity.Amber), at(2, comity.Green), at(3, comity.Clear), at(4, comity.Amber)}
	if st := ana.post("feed", v...); st.Success != 4 {
		t.Fatalf("%+v", st)
	}
	if err := ana.n.OpenCollection(t.Context(), admin, "feed", node.Opening{To: node.RoleCommunity}); err != nil {
		t.Fatal(err)
	}
	com := ana.as("com", node.RoleCommunity)
	const objects = "/taxii2/api/collections/feed/objects/"
	for query, want := range map[string][][]byte{
		"": v[2:3], "?match[version]=last": v[2:3], "?match[version]=first": v[1:2], "?match[version]=all": v[1:3],
		"?match[version]=2026-01-04T00:00:00Z": nil, "?match[version]=first,last": v[1:3],
	} {
		sameObjects(t, com.pages(objects+query, 1), want)
	}
	sameObjects(t, ana.pages(objects, 1), v[3:])
}

// People outside reach nothing but TAXII with what lets them in.
func TestOutsidersSignInNowhere(t *testing.T) {
	ctx := t.Context()
	n := start(t, "alpha")
	for _, r := range []node.Role{node.RoleConstituent, node.RoleCommunity, node.RolePublic} {
		name := "out-" + string(r)
		if err := n.CreateUser(ctx, admin, name, taxiiPassword, r, "en"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.SignIn(ctx, name, taxiiPassword, "192.0.2.1"); !comity.Is(err, comity.Unauthenticated) {
			t.Errorf("%s signs in: %v", r, err)
		}
		token, err := n.CreateToken(ctx, admin, name, "x", 0)
		if err != nil {
			t.Fatal(err)
		}
		h, err := n.Taxii(ctx, node.TaxiiOptions{})
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(h)
		x := exchangeOf{t: t, n: n, url: srv.URL, token: token}
		x.get("/taxii2/", 200, nil) // and is now in the cache
		srv.Close()
		if _, err := n.ByToken(ctx, token); !comity.Is(err, comity.Unauthenticated) {
			t.Errorf("%s has a token for the API: %v", r, err)
		}
		if _, err := n.Session(ctx, "token:"+token); !comity.Is(err, comity.Unauthenticated) {
			t.Errorf("%s has a session: %v", r, err)
		}
		link, err := n.SignInLink(ctx, admin, name)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := n.SignInByLink(ctx, link); err == nil {
			if _, err := n.Session(ctx, s); !comity.Is(err, comity.Unauthenticated) {
				t.Errorf("%s gets in by link: %v", r, err)
			}
		}
	}
}

// A password is hashed once and then known for a while, until something changes.
func TestTaxiiPassword(t *testing.T) {
	x := taxiiOf(t, node.TaxiiOptions{})
	if err := x.n.CreateUser(t.Context(), admin, "bo", taxiiPassword, node.RoleReader, "en"); err != nil {
		t.Fatal(err)
	}
	ask := func(password string) int {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, x.url+"/taxii2/", nil)
		r.SetBasicAuth("bo", password)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for range 50 { // far more than the hashes that would be allowed
		if got := ask(taxiiPassword); got != 200 {
			t.Fatal(got)
		}
	}
	if got := ask("wrong"); got != 401 {
		t.Fatal(got)
	}
	if err := x.n.DisableUser(t.Context(), admin, "bo", true); err != nil {
		t.Fatal(err)
	}
	if got := ask(taxiiPassword); got != 401 {
		t.Fatalf("a disabled account still reads: %d", got)
	}
	if res, _ := (exchangeOf{t: t, n: x.n, url: x.url}).do(http.MethodGet, "/taxii2/", nil); res.StatusCode != 401 {
		t.Errorf("anonymous gets %d", res.StatusCode)
	}
}

// The prober is green against our own running node.
func TestTaxiiCheckIsGreen(t *testing.T) { both(t, taxiiCheck) }

func taxiiCheck(t *testing.T) {
	x := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, x.n, "feed")
	var objects [][]byte
	for i := range 40 {
		objects = append(objects, labelled(i, comity.Green))
	}
	x.post("feed", objects...)
	c, err := taxii.NewClient(x.url+"/taxii2/", taxii.ClientOptions{HTTP: http.DefaultClient, Bearer: x.token})
	if err != nil {
		t.Fatal(err)
	}
	rep := taxii.Check(t.Context(), c, x.url+"/taxii2/", taxii.CheckOptions{Write: true})
	for _, r := range rep.Checks {
		if r.Outcome == taxii.Failed {
			t.Errorf("%s %s: %s (%s)", r.Section, r.Name, r.Seen, r.Why)
		}
	}
	if rep.Count(taxii.Passed) < 50 {
		t.Errorf("only %d checks passed", rep.Count(taxii.Passed))
	}
	t.Logf("passed %d, skipped %d", rep.Count(taxii.Passed), rep.Count(taxii.Skipped))
}

// A post by a constituent neither speaks in this node's name nor takes away.
func TestTaxiiConstituentWrites(t *testing.T) {
	ana := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, ana.n, "inbox")
	if err := ana.n.OpenCollection(t.Context(), admin, "inbox", node.Opening{To: node.RoleConstituent, Write: true}); err != nil {
		t.Fatal(err)
	}
	con := ana.as("con", node.RoleConstituent)
	st := con.post("inbox", labelled(1, comity.Green), labelled(2, comity.Red))
	if st.Success != 2 {
		t.Fatalf("%+v", st)
	}
	sameObjects(t, con.pages("/taxii2/api/collections/inbox/objects/", 10), [][]byte{labelled(1, comity.Green)})
	if res, b := con.do(http.MethodDelete, "/taxii2/api/collections/inbox/objects/"+idOf(labelled(1, comity.Green))+"/", nil); res.StatusCode != 403 {
		t.Errorf("a constituent deletes: %d %s", res.StatusCode, b)
	}
	ims, err := ana.n.Imports(t.Context(), "", 5)
	if err != nil || len(ims) == 0 || ims[0].Source != "taxii:con" || ims[0].Accepted != 2 {
		t.Fatalf("%+v %v", ims, err)
	}
	for _, body := range []string{``, `{`, `[]`, `{"objects":[{]}`, `{"objects":1}`, `<html>`} {
		if res, b := con.do(http.MethodPost, "/taxii2/api/collections/inbox/objects/", []byte(body)); res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("%q: %d %s", body, res.StatusCode, b)
		}
	}
}

func BenchmarkTaxii(b *testing.B) {
	x := taxiiOf(b, node.TaxiiOptions{})
	makeCollection(b, x.n, "feed")
	objects := attackObjects(b, 1<<30)
	b.Run("post500", func(b *testing.B) {
		var n int
		for i := 0; b.Loop(); i++ {
			alias := fmt.Sprintf("posts%d", i)
			makeCollection(b, x.n, alias)
			from := (i * 500) % (len(objects) - 500)
			x.post(alias, objects[from:from+500]...)
			n += 500
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "objects/s")
	})
	for from := 0; from < len(objects); from += 500 {
		x.post("feed", objects[from:min(from+500, len(objects))]...)
	}
	for _, limit := range []int{100, 1000} {
		b.Run(fmt.Sprintf("read%d", limit), func(b *testing.B) { x.benchRead(b, limit) })
	}
}

// benchRead reads pages round and round, without compression.
func (x exchangeOf) benchRead(b *testing.B, limit int) {
	plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	var body bytes.Buffer
	n, took := 0, []time.Duration{}
	for next := ""; b.Loop(); {
		r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet,
			fmt.Sprintf("%s/taxii2/api/collections/feed/objects/?limit=%d&next=%s", x.url, limit, next), nil)
		r.Header.Set("Authorization", "Bearer "+x.token)
		began := time.Now()
		res, err := plain.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		body.Reset()
		_, err = body.ReadFrom(res.Body)
		res.Body.Close()
		took = append(took, time.Since(began))
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%d %v", res.StatusCode, err)
		}
		n += bytes.Count(body.Bytes(), []byte(`"spec_version"`))
		next = ""
		if head := body.Bytes()[:min(body.Len(), 400)]; bytes.HasPrefix(head, []byte(`{"more":true,"next":"`)) {
			next, _, _ = strings.Cut(string(head[len(`{"more":true,"next":"`):]), `"`)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "objects/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
}
