package node_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
)

// still is a node without background work, on a clock that stands.
type still struct {
	*node.Node
	clock *standing
	dir   string
}

type standing struct {
	mu sync.Mutex
	t  time.Time
}

func (c *standing) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *standing) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

func stillNode(t testing.TB) still {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "reader")
	o := node.InitOptions{Dir: dir, Profile: node.Profile{Name: "reader"}}
	if strings.Contains(t.Name(), "/postgres") {
		o.DB = server.Database(t)
	}
	if _, err := node.Init(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return reopen(t, dir, &standing{t: time.Now().UTC()})
}

func reopen(t testing.TB, dir string, c *standing) still {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return still{n, c, dir}
}

// pages is a TAXII server of n objects that gives size of them at a time.
type pages struct {
	*httptest.Server
	n, size int
	mu      sync.Mutex
	served  int
	hook    func(w http.ResponseWriter, r *http.Request, page int) bool // true: answered
}

// before sets what is asked before each page; a killed client's request may
// still be under way.
func (p *pages) before(hook func(w http.ResponseWriter, r *http.Request, page int) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

func feedObject(i int) string {
	return fmt.Sprintf(`{"type":"note","spec_version":"2.1","id":"note--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","content":"n%d","object_refs":["identity--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a10"]}`, i, i)
}

func pagesOf(t testing.TB, n, size int) *pages {
	p := &pages{n: n, size: size}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *pages) dateOf(i int) string {
	return taxii.FormatTime(time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC))
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	page := p.served
	p.served++
	hook := p.hook
	p.mu.Unlock()
	if hook != nil && hook(w, r, page) {
		return
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("next"))
	if after, ok := taxii.ParseTime(r.URL.Query().Get("added_after")); ok && from == 0 {
		from = max(0, int(after.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))/time.Second)+1)
	}
	to := min(p.n, from+p.size)
	w.Header().Set("Content-Type", "application/taxii+json; charset=utf-8; version=2.1")
	if from >= to {
		fmt.Fprint(w, `{}`)
		return
	}
	w.Header().Set("X-TAXII-Date-Added-First", p.dateOf(from))
	w.Header().Set("X-TAXII-Date-Added-Last", p.dateOf(to-1))
	var all []string
	for i := from; i < to; i++ {
		all = append(all, feedObject(i))
	}
	more := ""
	if to < p.n {
		more = fmt.Sprintf(`"more":true,"next":"%d",`, to)
	}
	fmt.Fprintf(w, `{%s"objects":[%s]}`, more, strings.Join(all, ","))
}

func put(t testing.TB, n *node.Node, f node.Feed, s node.FeedSecret) {
	t.Helper()
	if f.Collection == "" {
		f.Collection = "things"
	}
	if err := n.PutFeed(t.Context(), admin, f, s); err != nil {
		t.Fatal(err)
	}
}

func polled(t testing.TB, n *node.Node, name string) comity.Import {
	t.Helper()
	im, err := n.PollFeed(t.Context(), admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func feedOf(t testing.TB, n *node.Node, name string) node.FeedView {
	t.Helper()
	f, err := n.Feed(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// brought checks that exactly n objects came, each once.
func brought(t testing.TB, n *node.Node, want int) {
	t.Helper()
	ims, err := n.Imports(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var accepted int64
	for _, im := range ims {
		accepted += im.Accepted
	}
	c, err := n.Collection(t.Context(), "feed")
	if err != nil || int(c.Size) != want || int(accepted) != want {
		t.Errorf("%d in the collection, %d accepted, want %d: %v", c.Size, accepted, want, err)
	}
}

func TestFeedPollsOnlyWhatIsNew(t *testing.T) { both(t, feedPollsOnlyWhatIsNew) }

func feedPollsOnlyWhatIsNew(t *testing.T) {
	srv, n := pagesOf(t, 25, 10), stillNode(t)
	f := node.Feed{Name: "f", URL: srv.URL + "/api/", Into: "feed", Overlap: time.Hour, Handling: comity.Green}
	put(t, n.Node, f, node.FeedSecret{})
	if im := polled(t, n.Node, "f"); im.Accepted != 25 || im.Handling != comity.Green {
		t.Fatalf("%+v", im)
	}
	for range 2 {
		if im := polled(t, n.Node, "f"); im.ID != "" {
			t.Errorf("nothing new, and an import: %+v", im)
		}
	}
	srv.n = 27
	if im := polled(t, n.Node, "f"); im.Accepted != 2 || im.Same != 0 {
		t.Errorf("%+v", im)
	}
	// From the beginning, because something else is asked for: all is known, and
	// nothing is written of it.
	f.Types = []string{"note"}
	put(t, n.Node, f, node.FeedSecret{})
	if im := polled(t, n.Node, "f"); im.ID != "" {
		t.Errorf("known objects made an import: %+v", im)
	}
	v := feedOf(t, n.Node, "f")
	if v.Polls != 5 || v.Accepted != 27 || v.State != node.FeedIdle || v.Fault != nil || v.Position.IsZero() || !v.NextPoll.After(n.clock.now()) {
		t.Errorf("%+v", v)
	}
	brought(t, n.Node, 27)
	o, err := n.Show(t.Context(), comity.ObjectID("note--00000000-0000-4000-8000-000000000003"))
	if err != nil || len(o.Sources) != 1 {
		t.Errorf("%d arrivals, %v", len(o.Sources), err)
	}
}

// What another process has taken over is not stored by the one that slept.
//
// INVARIANT: one poll of one feed at a time, across processes.
func TestFeedTakenOver(t *testing.T) { both(t, feedTakenOver) }

func feedTakenOver(t *testing.T) {
	srv, a := pagesOf(t, 30, 10), stillNode(t)
	b := reopen(t, a.dir, a.clock)
	put(t, a.Node, node.Feed{Name: "f", URL: srv.URL + "/api/", Into: "feed"}, node.FeedSecret{})
	asleep, wake := make(chan struct{}), make(chan struct{})
	srv.before(func(_ http.ResponseWriter, _ *http.Request, page int) bool {
		if page == 1 {
			close(asleep)
			<-wake
		}
		return false
	})
	slept := make(chan error)
	go func() {
		_, err := a.PollFeed(t.Context(), admin, "f")
		slept <- err
	}()
	<-asleep
	if _, err := b.PollFeed(t.Context(), admin, "f"); !comity.Is(err, comity.Conflict) || feedOf(t, b.Node, "f").State != node.FeedPolling {
		t.Errorf("polled twice at once: %v", err)
	}
	a.clock.pass(10 * time.Minute)
	if im := polled(t, b.Node, "f"); im.Accepted != 20 {
		t.Errorf("the rest: %+v", im)
	}
	close(wake)
	if err := <-slept; !comity.Is(err, comity.Interrupted) {
		t.Errorf("the one that slept: %v", err)
	}
	brought(t, b.Node, 30)
	if v := feedOf(t, b.Node, "f"); v.Fault != nil || v.Accepted != 30 {
		t.Errorf("%+v", v)
	}
}

func TestFeedStopsWhenPausedOrRemoved(t *testing.T) {
	srv, n := pagesOf(t, 30, 10), stillNode(t)
	for _, stop := range []func() error{
		func() error { return n.PauseFeed(t.Context(), admin, "f", true) },
		func() error { return n.RemoveFeed(t.Context(), admin, "f") },
	} {
		put(t, n.Node, node.Feed{Name: "f", URL: srv.URL + "/api/", Into: "feed"}, node.FeedSecret{})
		srv.served = 0
		srv.before(func(_ http.ResponseWriter, _ *http.Request, page int) bool {
			if page == 1 {
				if err := stop(); err != nil {
					t.Error(err)
				}
			}
			return false
		})
		if _, err := n.PollFeed(t.Context(), admin, "f"); !comity.Is(err, comity.Interrupted) {
			t.Errorf("%v", err)
		}
	}
	brought(t, n.Node, 20) // a page each: the second went on where the first was
	if _, err := n.Feed(t.Context(), "f"); !comity.Is(err, comity.NotFound) {
		t.Error(err)
	}
}

// INVARIANT: credentials are in no file but the sealed ones, and in no answer.
func TestFeedCredentialsAreSealed(t *testing.T) {
	const password, token = "Pa55word-in-clear", "t0ken-in-clear"
	var got []string
	srv, n := pagesOf(t, 1, 10), stillNode(t)
	srv.before(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		got = append(got, r.Header.Get("Authorization"))
		return false
	})
	put(t, n.Node, node.Feed{Name: "basic", URL: srv.URL + "/api/", User: "u"}, node.FeedSecret{Password: password})
	put(t, n.Node, node.Feed{Name: "bearer", URL: srv.URL + "/api/"}, node.FeedSecret{Token: token})
	put(t, n.Node, node.Feed{Name: "open", URL: srv.URL + "/api/"}, node.FeedSecret{})
	polled(t, n.Node, "basic")
	polled(t, n.Node, "bearer")
	if len(got) != 2 || got[1] != "Bearer "+token || !strings.HasPrefix(got[0], "Basic ") {
		t.Errorf("%q", got)
	}
	views, err := n.Feeds(t.Context())
	if err != nil || len(views) != 3 || !views[0].HasSecret || views[2].HasSecret {
		t.Errorf("%+v %v", views, err)
	}
	audits, _ := n.Audits(t.Context(), 0, 100)
	shown, _ := json.Marshal([]any{views, audits})
	inClear(t, "answers", shown, password, token)
	key := filepath.Join(n.dir, "keys", "seal.key")
	if st, err := os.Stat(key); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", st, err)
	}
	filepath.Walk(n.dir, func(path string, st os.FileInfo, err error) error {
		if b, rerr := os.ReadFile(path); err == nil && rerr == nil {
			inClear(t, path, b, password, token)
		}
		return nil
	})
	// A backup restored without the key: these feeds say so, others go on.
	kept, _ := os.ReadFile(key)
	os.Remove(key)
	for name, want := range map[string]string{"basic": "feed.key_missing", "bearer": "feed.key_missing", "open": ""} {
		_, err := n.PollFeed(t.Context(), admin, name)
		v := feedOf(t, n.Node, name)
		if want == "" && err != nil || want != "" && (v.State != node.FeedFault || v.Fault.Key != want) {
			t.Errorf("%s: %v %+v", name, err, v)
		}
	}
	// New credentials make a new key; what the old one sealed needs it or new ones, too.
	put(t, n.Node, node.Feed{Name: "bearer", URL: srv.URL + "/api/"}, node.FeedSecret{Token: token})
	polled(t, n.Node, "bearer")
	if _, err := n.PollFeed(t.Context(), admin, "basic"); comity.ErrorMessage(err).Key != "feed.sealed_other" {
		t.Error(err)
	}
	os.WriteFile(key, kept, 0o600)
	polled(t, n.Node, "basic")
	os.Chmod(key, 0o644)
	if _, err := n.PollFeed(t.Context(), admin, "basic"); comity.ErrorMessage(err).Key != "feed.key_open" {
		t.Error(err)
	}
	os.Chmod(key, 0o600)
	for _, b := range [][]byte{nil, kept[:20], []byte("x")} {
		os.WriteFile(key, b, 0o600)
		if _, err := n.PollFeed(t.Context(), admin, "basic"); comity.ErrorMessage(err).Key != "feed.key_bad" {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func inClear(t *testing.T, where string, b []byte, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(b, []byte(s)) {
			t.Errorf("%s holds %q in clear", where, s)
		}
	}
}

// INVARIANT: credentials go to no host but the one they were given for.
func TestFeedStaysAtItsHost(t *testing.T) {
	asked := 0
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	srv, n := pagesOf(t, 1, 10), stillNode(t)
	srv.before(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		switch r.URL.Path {
		case "/taxii2/":
			fmt.Fprintf(w, `{"title":"x","api_roots":[%q],"default":%q}`, other.URL+"/api/", other.URL+"/api/")
		case "/moved/collections/things/objects/":
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusPermanentRedirect)
		case "/slash/collections/things/objects/":
			http.Redirect(w, r, "/api/collections/things/objects/?"+r.URL.RawQuery, http.StatusMovedPermanently)
		default:
			return false
		}
		return true
	})
	secret := node.FeedSecret{Token: "t"}
	for name, key := range map[string]string{"/taxii2/": "feed.other_host", "/moved/": "taxii.client.redirect", "/slash/": ""} {
		put(t, n.Node, node.Feed{Name: "f", URL: srv.URL + name}, secret)
		_, err := n.PollFeed(t.Context(), admin, "f")
		if (err != nil) != (key != "") || err != nil && comity.ErrorMessage(err).Key != key {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := node.Feed{Name: "f", URL: srv.URL + "/taxii2/", Root: other.URL + "/api/", Collection: "things", HasSecret: true}
	if err := n.PutFeed(t.Context(), admin, f, secret); comity.ErrorMessage(err).Key != "feed.other_host" {
		t.Errorf("not confirmed: %v", err)
	}
	f.Host = strings.TrimPrefix(other.URL, "https://")
	if err := n.PutFeed(t.Context(), admin, f, node.FeedSecret{}); comity.ErrorMessage(err).Key != "feed.secret_moved" {
		t.Errorf("kept credentials move: %v", err)
	}
	if asked > 0 {
		t.Error("the other host was asked")
	}
	if err := n.PutFeed(t.Context(), admin, f, secret); err != nil {
		t.Errorf("confirmed, with credentials for it: %v", err)
	}
	for _, u := range []string{"https://169.254.169.254/api/", "https://[fe80::1]/api/", "https://[fd00:ec2::254]/x/", "https://[::ffff:169.254.169.254]/api/", "https://0.0.0.0/api/"} {
		put(t, n.Node, node.Feed{Name: "m", URL: u}, node.FeedSecret{})
		if _, err := n.PollFeed(t.Context(), admin, "m"); comity.ErrorMessage(err).Key != "feed.address" {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestFeedWaitsAsTold(t *testing.T) {
	srv, n := pagesOf(t, 1, 10), stillNode(t)
	put(t, n.Node, node.Feed{Name: "f", URL: srv.URL + "/api/", Every: time.Minute}, node.FeedSecret{})
	for _, c := range []struct {
		status int
		after  string
		least  time.Duration
		state  node.FeedState
	}{
		{429, "3600", time.Hour, node.FeedWaiting},
		{503, "Mon, 05 Jan 2026 14:00:00 GMT", 2 * time.Hour, node.FeedWaiting},
		{429, "99999999", 24 * time.Hour, node.FeedWaiting}, // no longer than a day
		{401, "", 3 * time.Minute, node.FeedFault},          // the fourth failure in a row
	} {
		srv.before(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Date", "Mon, 05 Jan 2026 12:00:00 GMT")
			w.Header().Set("Retry-After", c.after)
			w.WriteHeader(c.status)
			return true
		})
		_, err := n.PollFeed(t.Context(), admin, "f")
		v := feedOf(t, n.Node, "f")
		wait := v.NextPoll.Sub(n.clock.now())
		if err == nil || v.State != c.state || v.Fault == nil || wait < c.least || wait > 2*c.least {
			t.Errorf("%d %s: %v, %+v, waits %v", c.status, c.after, err, v, wait)
		}
	}
	srv.before(nil)
	polled(t, n.Node, "f")
	if v := feedOf(t, n.Node, "f"); v.Fault != nil || v.State != node.FeedIdle {
		t.Errorf("%+v", v)
	}
}

// A server that leads in a circle is left, and its date, not its cursor, goes on.
func TestFeedLeavesCircles(t *testing.T) {
	srv, n := pagesOf(t, 30, 10), stillNode(t)
	put(t, n.Node, node.Feed{Name: "f", URL: srv.URL + "/api/", Into: "feed"}, node.FeedSecret{})
	srv.before(func(w http.ResponseWriter, r *http.Request, page int) bool {
		if page > 0 {
			fmt.Fprint(w, `{"more":true,"next":"10"}`)
		}
		return page > 0
	})
	if _, err := n.PollFeed(t.Context(), admin, "f"); !comity.Is(err, comity.Partial) {
		t.Error(err)
	}
	srv.before(nil)
	polled(t, n.Node, "f")
	brought(t, n.Node, 30)
}

// Verdicts on single objects are kept as the import's refusals; the rest counts.
func TestFeedKeepsRefusals(t *testing.T) {
	srv, n := pagesOf(t, 1, 10), stillNode(t)
	srv.before(func(w http.ResponseWriter, _ *http.Request, page int) bool {
		w.Header().Set("ETag", `"1"`)
		fmt.Fprintf(w, `{"objects":[%s,{"type":"note","id":"x"},7,%s]}`, feedObject(1), feedObject(2))
		return true
	})
	put(t, n.Node, node.Feed{Name: "f", URL: srv.URL + "/api/", Into: "feed"}, node.FeedSecret{})
	im := polled(t, n.Node, "f")
	rs, err := n.Refusals(t.Context(), im.ID, 0, 10)
	if err != nil || im.Accepted != 2 || im.Refused != 2 || len(rs) != 2 {
		t.Errorf("%+v %d %v", im, len(rs), err)
	}
	if v := feedOf(t, n.Node, "f"); v.Refused != 2 || v.LastImport != im.ID {
		t.Errorf("%+v", v)
	}
	if im := polled(t, n.Node, "f"); im.ID != "" {
		t.Errorf("refused again: %+v", im)
	}
}

func TestFeedUpgradesOnlyWhenAsked(t *testing.T) {
	old := `{"type":"indicator","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","labels":["malicious-activity"],"pattern":"[ipv4-addr:value = '198.51.100.1']","valid_from":"2026-01-01T00:00:00Z"}`
	for _, upgrade := range []bool{false, true} {
		srv, n := pagesOf(t, 1, 10), stillNode(t)
		srv.before(func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !strings.Contains(r.Header.Get("Accept"), "vnd.oasis.stix+json; version=2.0") {
				t.Error(r.Header.Get("Accept"))
			}
			w.Header().Set("Content-Range", "items 0-0/1")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprintf(w, `{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":[%s]}`, old)
			return true
		})
		put(t, n.Node, node.Feed{Name: "f", URL: srv.URL + "/api/", Into: "feed", Spec20: true, Upgrade: upgrade}, node.FeedSecret{})
		im := polled(t, n.Node, "f")
		if upgrade && im.Accepted != 1 || !upgrade && im.Accepted+im.Refused != 1 {
			t.Errorf("%+v", im)
		}
		o, err := n.Show(t.Context(), "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f")
		if err == nil && bytes.Contains(o.Version.Raw, []byte(`"spec_version"`)) != upgrade {
			t.Errorf("upgrade %v: %s", upgrade, o.Version.Raw)
		}
	}
}

func TestFeedRefusesWhatIsOff(t *testing.T) {
	n := stillNode(t)
	good := node.Feed{Name: "f", URL: "https://h.example/taxii2/", Collection: "c"}
	for name, c := range map[string]struct {
		change func(*node.Feed)
		secret node.FeedSecret
	}{
		"name":             {change: func(f *node.Feed) { f.Name = "A b" }},
		"password in URL":  {change: func(f *node.Feed) { f.URL = "https://u:p@h.example/" }},
		"no URL":           {change: func(f *node.Feed) { f.URL = "x" }},
		"no collection":    {change: func(f *node.Feed) { f.Collection = "" }},
		"too often":        {change: func(f *node.Feed) { f.Every = time.Second }},
		"negative overlap": {change: func(f *node.Feed) { f.Overlap = -1 }},
		"CA":               {change: func(f *node.Feed) { f.CAPEM = []byte("x") }},
		"password alone":   {secret: node.FeedSecret{Password: "x"}},
		"line break":       {secret: node.FeedSecret{Token: "x\r\nHost: y"}},
		"half a pair":      {secret: node.FeedSecret{CertPEM: []byte("x")}},
	} {
		f := good
		if c.change != nil {
			c.change(&f)
		}
		if err := n.PutFeed(t.Context(), admin, f, c.secret); !comity.Is(err, comity.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, role := range []node.Role{node.RoleReader, node.RoleAnalyst, node.RoleConstituent} {
		if err := n.PutFeed(t.Context(), node.Actor{Name: "x", Role: role}, good, node.FeedSecret{}); !comity.Is(err, comity.Forbidden) {
			t.Errorf("%s: %v", role, err)
		}
	}
	if _, err := n.PollFeed(t.Context(), node.Actor{Name: "x", Role: node.RoleReader}, "f"); !comity.Is(err, comity.Forbidden) {
		t.Error(err)
	}
}

// One node serves over TLS, another one's feed reads it by itself.
func TestFeedNodeToNode(t *testing.T) { both(t, feedNodeToNode) }

func feedNodeToNode(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	makeCollection(t, a, "shared")
	if err := a.OpenCollection(t.Context(), admin, "shared", node.Opening{To: node.RoleCommunity}); err != nil {
		t.Fatal(err)
	}
	h, err := a.Taxii(t.Context(), node.TaxiiOptions{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(h)
	defer srv.Close()
	x := exchangeOf{t: t, n: a, url: srv.URL}.as("beta", node.RoleCommunity)
	bringInto := func(raw []byte) {
		if _, err := a.Import(t.Context(), admin, node.ImportRequest{Reader: reader(string(raw)), Name: "x", Format: "stix", Collection: "shared"}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		bringInto(labelled(i, comity.Green))
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	put(t, b.Node, node.Feed{Name: "alpha", URL: srv.URL + "/taxii2/", Collection: "shared", Into: "feed", CAPEM: ca, Every: 10 * time.Second, Overlap: time.Minute},
		node.FeedSecret{Token: x.token})
	arrived := func(want int) {
		t.Helper()
		eventually(t, "the feed", func() error {
			c, err := b.Collection(t.Context(), "feed")
			if err == nil && int(c.Size) != want {
				v, _ := b.Feed(t.Context(), "alpha")
				err = fmt.Errorf("%d of %d: %+v", c.Size, want, v)
			}
			return err
		})
	}
	arrived(5)
	settled := func() {
		eventually(t, "the poll's end", func() error {
			if v := feedOf(t, b.Node, "alpha"); v.State != node.FeedIdle {
				return fmt.Errorf("%+v", v)
			}
			return nil
		})
	}
	settled()
	// What leaves the collection stays with the reader: TAXII has no word for it.
	id := comity.ObjectID(idOf(labelled(2, comity.Green)))
	if err := a.Uncollect(t.Context(), admin, "shared", []comity.ObjectID{id}); err != nil {
		t.Fatal(err)
	}
	revoked := bytes.Replace(labelled(3, comity.Green), []byte(`"modified":"2026-01-01T00:00:00.000Z"`), []byte(`"modified":"2026-02-01T00:00:00.000Z","revoked":true`), 1)
	bringInto(revoked)
	polled(t, b.Node, "alpha")
	arrived(6)
	for i, want := range map[int]comity.State{2: comity.StateActive, 3: comity.StateRevoked} {
		o, err := b.Show(t.Context(), comity.ObjectID(idOf(labelled(i, comity.Green))))
		if err != nil || o.Version.State != want && !(want == comity.StateRevoked && o.Version.Revoked) {
			t.Errorf("%d: %v %+v", i, err, o.Version)
		}
	}
	brought(t, b.Node, 6)
}
