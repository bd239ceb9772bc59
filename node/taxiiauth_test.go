package node_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// timed is a node whose time a test moves, and another process on it.
func timed(t *testing.T) (*clock, *node.Node, *node.Node) {
	t.Helper()
	c := &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	dir := filepath.Join(t.TempDir(), "n")
	if _, err := node.Init(t.Context(), node.InitOptions{Dir: dir, Profile: node.Profile{Name: "alpha", Country: "KZ"}}); err != nil {
		t.Fatal(err)
	}
	var out [2]*node.Node
	for i := range out {
		n, err := node.Open(t.Context(), node.Config{Dir: dir, Now: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		out[i] = n
	}
	return c, out[0], out[1]
}

// certificate makes a key and a certificate that signs itself.
func certificate(t *testing.T, name string, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certificateFor(t, key, name, from, until)
}

func certificateFor(t *testing.T, key *ecdsa.PrivateKey, name string, from, until time.Time) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(from.UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// secured serves TAXII by TLS and asks for client certificates.
func secured(t *testing.T, n *node.Node) *httptest.Server {
	t.Helper()
	h, err := n.Taxii(t.Context(), node.TaxiiOptions{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

// with is a client that shows a certificate.
func with(srv *httptest.Server, c ...tls.Certificate) *http.Client {
	tr := srv.Client().Transport.(*http.Transport).Clone()
	tr.TLSClientConfig.Certificates = c
	return &http.Client{Transport: tr}
}

// answered gives status and error code of a request for discovery.
func answered(t *testing.T, c *http.Client, url string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/taxii2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, fn := range change {
		fn(r)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		Code string `json:"error_code"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body.Code
}

func TestTaxiiCertificates(t *testing.T) {
	c, n, cli := timed(t)
	ctx := t.Context()
	for _, name := range []string{"sector", "press"} {
		if err := n.CreateUser(ctx, admin, name, "", node.RoleCommunity, "en"); err != nil {
			t.Fatal(err)
		}
	}
	if n.WantsCertificates(ctx) {
		t.Error("nobody has a certificate, and one is asked for")
	}
	now := c.Now()
	good := certificate(t, "sector", now.Add(-time.Hour), now.Add(48*time.Hour))
	stranger := certificate(t, "sector", now.Add(-time.Hour), now.Add(48*time.Hour))
	v, err := cli.AddCertificate(ctx, admin, "sector", good.Certificate[0])
	if err != nil || v.Subject != "CN=sector" || !v.Expires.Equal(now.Add(48*time.Hour)) {
		t.Fatalf("%+v %v", v, err)
	}
	c.pass(time.Second)
	if !n.WantsCertificates(ctx) {
		t.Error("a certificate was added, and none is asked for")
	}
	srv := secured(t, n)
	want := func(who *http.Client, status int, code string) {
		t.Helper()
		if s, k := answered(t, who, srv.URL); s != status || k != code {
			t.Errorf("%d %s, want %d %s", s, k, status, code)
		}
	}
	holder := with(srv, good)
	want(holder, 200, "")
	want(with(srv), 401, "taxii.credentials")
	want(with(srv, stranger), 401, "node.certificate_stranger")
	// Credentials in the header go first, and wrong ones are wrong.
	if s, _ := answered(t, holder, srv.URL, func(r *http.Request) { r.Header.Set("Authorization", "Bearer nonsense") }); s != 401 {
		t.Errorf("a wrong token beside a good certificate: %d", s)
	}
	// Another certificate for the same key is as good, one out of its time is not.
	key := good.PrivateKey.(*ecdsa.PrivateKey)
	want(with(srv, certificateFor(t, key, "renewed", now, now.Add(24*time.Hour))), 200, "")
	want(with(srv, certificateFor(t, key, "old", now.Add(-2*time.Hour), now.Add(-time.Hour))), 401, "node.certificate_expired")
	want(with(srv, certificateFor(t, key, "early", now.Add(time.Hour), now.Add(2*time.Hour))), 401, "node.certificate_expired")
	certificateRules(t, n, good, now)
	if a := find(t, n, "signin.certificate"); len(a) != 1 || a[0].Actor != "sector" || a[0].Subject != "127.0.0.1" {
		t.Errorf("audited %+v", a)
	}
	// Removed by another process, on the connection that was open all the time.
	if err := cli.RemoveCertificate(ctx, admin, "sector", v.ID[:8]); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Second)
	want(holder, 401, "node.certificate_stranger")
	if _, err := n.AddCertificate(ctx, admin, "sector", good.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	want(holder, 200, "")
	if err := n.DisableUser(ctx, admin, "sector", true); err != nil {
		t.Fatal(err)
	}
	want(holder, 401, "node.certificate_stranger") // at once
	if err := n.DisableUser(ctx, admin, "sector", false); err != nil {
		t.Fatal(err)
	}
	want(holder, 200, "")
	c.pass(72 * time.Hour)
	want(holder, 401, "node.certificate_expired") // the connection is older than its end
}

// certificateRules are what may be added and removed by whom.
func certificateRules(t *testing.T, n *node.Node, good tls.Certificate, now time.Time) {
	t.Helper()
	ctx := t.Context()
	old := certificate(t, "x", now.Add(-2*time.Hour), now.Add(-time.Hour))
	for _, tc := range []struct {
		by   node.Actor
		user string
		file []byte
		want comity.Kind
	}{
		{node.Actor{Name: "sector", Role: node.RoleAnalyst}, "sector", good.Certificate[0], comity.Forbidden},
		{admin, "press", good.Certificate[0], comity.Conflict},
		{admin, "nobody", good.Certificate[0], comity.NotFound},
		{admin, "press", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), comity.Invalid},
		{admin, "press", nil, comity.Invalid},
		{admin, "press", make([]byte, 1<<20), comity.TooLarge},
		{admin, "press", old.Certificate[0], comity.Invalid},
	} {
		if _, err := n.AddCertificate(ctx, tc.by, tc.user, tc.file); !comity.Is(err, tc.want) {
			t.Errorf("%s for %s: %v, want %v", tc.by.Name, tc.user, err, tc.want)
		}
	}
	list, err := n.Certificates(ctx, "sector")
	if err != nil || len(list) != 1 || list[0].Used.IsZero() {
		t.Fatalf("%+v %v", list, err)
	}
	for user, id := range map[string]string{"press": list[0].ID, "sector": list[0].ID[:7]} {
		if err := n.RemoveCertificate(ctx, admin, user, id); !comity.Is(err, comity.NotFound) {
			t.Errorf("%s %s: %v", user, id, err)
		}
	}
	if err := n.RemoveCertificate(ctx, node.Actor{Name: "sector"}, "sector", list[0].ID); !comity.Is(err, comity.Forbidden) {
		t.Error(err)
	}
}

// find lists the audit lines of an action.
func find(t *testing.T, n *node.Node, action string) []comity.Audit {
	t.Helper()
	all, err := n.Audits(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []comity.Audit
	for _, a := range all {
		if a.Action == action {
			out = append(out, a)
		}
	}
	return out
}

// INVARIANT: what becomes of an account counts at once in this process, and
// after a second for what another one did.
func TestTaxiiAccountsChange(t *testing.T) {
	c, n, cli := timed(t)
	ctx := t.Context()
	srv := secured(t, n)
	const other = "another long password"
	if err := n.CreateUser(ctx, admin, "bo", taxiiPassword, node.RoleReader, "en"); err != nil {
		t.Fatal(err)
	}
	token, err := n.CreateToken(ctx, admin, "bo", "x", 0)
	if err != nil {
		t.Fatal(err)
	}
	basic := func(password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("bo", password) }
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	want := func(status int, how func(*http.Request)) {
		t.Helper()
		if s, k := answered(t, srv.Client(), srv.URL, how); s != status {
			t.Errorf("%d %s, want %d", s, k, status)
		}
	}
	for _, by := range []*node.Node{n, cli} {
		settle := func() {
			if by == cli {
				c.pass(time.Second)
			}
		}
		want(200, basic(taxiiPassword))
		want(200, bearer)
		for _, off := range []bool{true, false} {
			if err := by.DisableUser(ctx, admin, "bo", off); err != nil {
				t.Fatal(err)
			}
			settle()
			status := map[bool]int{true: 401, false: 200}[off]
			want(status, basic(taxiiPassword))
			want(status, bearer)
		}
		if err := by.ChangePassword(ctx, admin, "bo", "", other); err != nil {
			t.Fatal(err)
		}
		settle()
		want(401, basic(taxiiPassword))
		want(200, basic(other))
		if err := by.ChangePassword(ctx, admin, "bo", "", taxiiPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		c.pass(time.Minute) // the tries
	}
	c.pass(2 * time.Hour)
	used := c.Now()
	for range 3 { // written down the first time only
		want(200, bearer)
		c.pass(10 * time.Minute)
	}
	list, err := cli.Tokens(ctx, "bo")
	if err != nil || len(list) != 1 || !list[0].Used.Equal(used) {
		t.Fatal(list, err)
	}
	if err := cli.RevokeToken(ctx, admin, list[0].ID); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Second)
	want(401, bearer)
}

// Whoever guesses at the old password of an account that is signed in is stopped.
func TestOldPasswordGuesses(t *testing.T) {
	_, n, _ := timed(t)
	ctx, bo := t.Context(), node.Actor{Name: "bo", Role: node.RoleReader}
	if err := n.CreateUser(ctx, admin, "bo", taxiiPassword, node.RoleReader, "en"); err != nil {
		t.Fatal(err)
	}
	limited := 0
	for i := range 8 {
		err := n.ChangePassword(ctx, bo, "bo", fmt.Sprint("guess ", i), "a new long password")
		switch {
		case comity.Is(err, comity.Limited):
			limited++
		case !comity.Is(err, comity.Forbidden):
			t.Fatal(err)
		}
	}
	if limited != 3 {
		t.Errorf("%d of 8 guesses were stopped", limited)
	}
	if err := n.ChangePassword(ctx, bo, "bo", taxiiPassword, "a new long password"); !comity.Is(err, comity.Limited) {
		t.Errorf("the right one among the guesses: %v", err)
	}
	if err := n.ChangePassword(ctx, admin, "bo", "", "a new long password"); err != nil {
		t.Errorf("an administrator can still set it: %v", err)
	}
}

// INVARIANT: strangers do not fill the audit.
func TestFailuresInTheAuditAreBounded(t *testing.T) {
	c, n, _ := timed(t)
	h, err := n.Taxii(t.Context(), node.TaxiiOptions{})
	if err != nil {
		t.Fatal(err)
	}
	try := func(i int) {
		r := httptest.NewRequest(http.MethodGet, "/taxii2/", nil)
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)
		r.Header.Set("Authorization", fmt.Sprint("Bearer ", i))
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 401 {
			t.Fatal(w.Code)
		}
	}
	for i := range 500 {
		try(i)
	}
	if got := len(find(t, n, "signin")); got != 60 {
		t.Errorf("%d lines of 500 failures", got)
	}
	c.pass(10 * time.Second)
	try(1000)
	a := find(t, n, "signin")
	if len(a) != 62 || a[0].Msg.Key != "node.signin_more" || fmt.Sprint(a[0].Msg.Args) == "" {
		t.Errorf("%d lines, newest %+v", len(a), a[0])
	}
}
