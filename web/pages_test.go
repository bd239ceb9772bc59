package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
)

func newWeb(t testing.TB, f *fake) http.Handler {
	t.Helper()
	cat, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	return New(f, cat, Options{Now: nowFake})
}

// hit sends one request as a role ("" for nobody) and returns the answer.
func hit(h http.Handler, role, method, path, lang string, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if role != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie(identity{ID: selfID}), Value: role})
	}
	if lang != "" {
		r.Header.Set("Accept-Language", lang)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// address fills the wildcards of a route's pattern with things the fake knows.
func address(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	id := "x"
	switch {
	case strings.HasPrefix(path, "/objects/"):
		id = string(objectID)
	case strings.HasPrefix(path, "/peers/"):
		id = string(peerID)
	case strings.HasPrefix(path, "/taxii/posts/"):
		id = postID
	case strings.HasPrefix(path, "/taxii/collections/"):
		id = "c2"
	}
	path = strings.NewReplacer("{id}", id, "{channel}", string(chanID), "{name}", "aigul", "{$}", "").Replace(path)
	switch path {
	case "/setup", "/signin/link":
		path += "?token=t"
	case "/share":
		path += "?id=" + string(objectID) + "&with=" + string(agrID)
	case "/agreements/new":
		path += "?with=" + string(peerID)
	case "/find":
		path += "?q=198.51.100.23"
	}
	return method, path
}

const anyForm = "every=15m&collection=c&ids=indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f&alias=x&title=x&id=indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f&with=a&confirm=yes&q=a&name=bob&password=long+enough+pass&role=reader&tlp=red&why=mistake&code=1&url=https://x.example&body={}&do=check&token=t"

func routeTable() []route { return (&Web{}).routes() }

// TestEveryPageInEveryLanguage renders every route with full and empty values.
func TestEveryPageInEveryLanguage(t *testing.T) {
	leftover := regexp.MustCompile(`>web\.[a-z_.]+<|ZgotmplZ|&lt;no value&gt;|%!`)
	for _, full := range []bool{true, false} {
		h := newWeb(t, &fake{full: full})
		for _, rt := range routeTable() {
			method, path := address(rt.pattern)
			for _, l := range i18n.Languages() {
				rec := hit(h, "admin", method, path, l.Tag, anyForm)
				if rec.Code >= 500 || rec.Code == 404 && (full || !strings.HasSuffix(path, "/raw") && path != "/users/aigul") {
					t.Errorf("%s %s %s full=%v: %d", l.Tag, method, path, full, rec.Code)
				}
				body := rec.Body.String()
				if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") || rec.Code >= 300 && rec.Code < 400 {
					continue
				}
				if m := leftover.FindString(body); m != "" {
					t.Errorf("%s %s %s full=%v: holds %q", l.Tag, method, path, full, m)
				}
				if !strings.Contains(body, `<html lang="`+l.Tag+`" dir="`+l.Dir+`">`) {
					t.Errorf("%s %s: wrong language or direction", l.Tag, path)
				}
				checkMarkup(t, method+" "+path, body)
			}
		}
	}
}

var (
	inline   = regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\sstyle="|\son[a-z]+="|javascript:`)
	fieldTag = regexp.MustCompile(`<(input|select|textarea)\b[^>]*>`)
	idAttr   = regexp.MustCompile(`\sid="([^"]+)"`)
)

// checkMarkup holds what every page keeps: nothing inline, a label on every
// field, ids once, tables with captions and scope.
func checkMarkup(t *testing.T, where, body string) {
	t.Helper()
	if m := inline.FindString(body); m != "" {
		t.Errorf("%s: inline code or style: %q", where, m)
	}
	seen := map[string]bool{}
	for _, m := range idAttr.FindAllStringSubmatch(body, -1) {
		if seen[m[1]] {
			t.Errorf("%s: id %q twice", where, m[1])
		}
		seen[m[1]] = true
	}
	for _, f := range fieldTag.FindAllString(body, -1) {
		id := idAttr.FindStringSubmatch(f)
		labelled := strings.Contains(f, `type="hidden"`) || strings.Contains(f, "aria-label") ||
			id != nil && strings.Contains(body, `for="`+id[1]+`"`) || strings.Contains(body, `<label class="pick">`+f)
		if !labelled {
			t.Errorf("%s: no label on %s", where, f)
		}
	}
	if strings.Count(body, "<table") != strings.Count(body, "<caption") {
		t.Errorf("%s: a table has no caption", where)
	}
	if n := strings.Count(body, "<th "); n != strings.Count(body, ` scope="`) || strings.Contains(body, "<th>") {
		t.Errorf("%s: a heading cell has no scope", where)
	}
	if strings.Count(body, "<h1") != 1 || strings.Count(body, "<main ") != 1 {
		t.Errorf("%s: needs one h1 and one main", where)
	}
	if strings.Contains(body, "<script>alert") {
		t.Errorf("%s: foreign text is not escaped", where)
	}
}

func TestHeaders(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for _, path := range []string{"/", "/signin", "/nothing", "/healthz"} {
		rec := hit(h, "reader", "GET", path, "", "")
		for name, want := range map[string]string{"Content-Security-Policy": policyCSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store"} {
			if got := rec.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	if strings.Contains(policyCSP, "unsafe") {
		t.Error("the policy allows something unsafe")
	}
}

// TestNoPageWithoutSession walks all routes as nobody.
func TestNoPageWithoutSession(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for _, rt := range routeTable() {
		if rt.open {
			continue
		}
		method, path := address(rt.pattern)
		for _, role := range []string{"", "stranger"} {
			rec := hit(h, role, method, path, "", anyForm)
			switch {
			case method == "GET" && (rec.Code != 303 || !strings.HasPrefix(rec.Header().Get("Location"), "/signin")):
				t.Errorf("GET %s: %d %s", path, rec.Code, rec.Header().Get("Location"))
			case method != "GET" && rec.Code != 401:
				t.Errorf("%s %s: %d", method, path, rec.Code)
			}
			if strings.Contains(rec.Body.String(), "CERT-KE") || strings.Contains(rec.Body.String(), "Saltmarsh") {
				t.Errorf("%s %s shows content", method, path)
			}
		}
	}
}

// TestReaderCannotAct walks all routes with each role.
func TestReaderCannotAct(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	readerPosts := map[string]bool{"POST /find": true, "POST /signout": true, "POST /account/password": true, "POST /account/tokens": true, "POST /account/tokens/{id}/revoke": true, "POST /ledger/verify": true, "POST /ledger/{channel}/verify": true}
	for _, rt := range routeTable() {
		if rt.open {
			continue
		}
		method, path := address(rt.pattern)
		for _, role := range []node.Role{node.RoleReader, node.RoleAnalyst, node.RoleAdmin} {
			rec := hit(h, string(role), method, path, "", anyForm)
			if allowed := rank(role) >= rank(rt.role); allowed == (rec.Code == 403) {
				t.Errorf("%s as %s: %d", rt.pattern, role, rec.Code)
			}
			if role == node.RoleReader && method == "POST" && rec.Code < 400 && !readerPosts[rt.pattern] {
				t.Errorf("a reader may %s", rt.pattern)
			}
		}
	}
}

// TestForeignFormsAreRefused sends every form as another site would.
func TestForeignFormsAreRefused(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for _, rt := range routeTable() {
		method, path := address(rt.pattern)
		if method == "GET" {
			continue
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := httptest.NewRequest(method, path, strings.NewReader(anyForm))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(name, value)
			r.AddCookie(&http.Cookie{Name: sessionCookie(identity{ID: selfID}), Value: "admin"})
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if rec.Code != 403 {
				t.Errorf("%s with %s: %d", rt.pattern, name, rec.Code)
			}
		}
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	for k := comity.Usage; k <= comity.Interrupted; k++ {
		if k == comity.Unauthenticated {
			continue
		}
		h := newWeb(t, &fake{fault: comity.E(k, "show", "x", comity.Msg("web.no_such_page", comity.A("path", "/x")), nil)})
		if rec := hit(h, "admin", "GET", "/objects/x", "fr", ""); rec.Code != k.HTTPStatus() {
			t.Errorf("%v: %d", k, rec.Code)
		}
	}
	h := newWeb(t, &fake{fault: errors.New("secret detail")})
	if rec := hit(h, "admin", "GET", "/objects/x", "", ""); strings.Contains(rec.Body.String(), "secret detail") {
		t.Error("an unforeseen error shows its cause")
	}
}

func TestBadInput(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	big := "q=" + strings.Repeat("a", findBody+1)
	for _, tc := range []struct {
		method, path, form string
		want               int
	}{
		{"GET", "/no/such", "", 404},
		{"GET", "/objects/%00%ff%2e%2e", "", 200},
		{"GET", "/objects?before=-5&type=%00", "", 200},
		{"GET", "/ledger/x?from=99999999999999999999", "", 200},
		{"GET", "/imports/x?after=abc", "", 200},
		{"GET", "/find?q=%zz", "", 400},
		{"GET", "/?lang=klingon&done=%3Cscript%3E", "", 200},
		{"GET", "/static/0/style.css", "", 404},
		{"POST", "/find", big, 413},
		{"POST", "/users", "name=%zz", 400},
		{"POST", "/users", "name=a&role=king", 400},
		{"POST", "/share", "", 400},
		{"POST", "/objects/x/share", "with=a", 400},
		{"POST", "/objects/x/mark", "tlp=pink", 400},
		{"POST", "/imports/new", "url=/etc/passwd", 400},
		{"POST", "/imports/new", "url=file:///etc/passwd", 400},
		{"POST", "/imports/new", "", 400},
		{"POST", "/peers", "", 400},
		{"POST", "/peers/x/verify", "code=bad", 422},
		{"DELETE", "/objects/x", "", 404},
	} {
		if rec := hit(h, "admin", tc.method, tc.path, "", tc.form); rec.Code != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.path, rec.Code, tc.want)
		}
	}
}

func TestSigningIn(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	rec := hit(h, "", "POST", "/signin", "", "name=reader&password=x&next=//evil.example")
	if rec.Code != 303 || rec.Header().Get("Location") != "/" {
		t.Errorf("next leads to %q", rec.Header().Get("Location"))
	}
	c := rec.Result().Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || !strings.HasSuffix(c[0].Name, selfID.Short()) {
		t.Errorf("cookies %v", c)
	}
	if rec := hit(h, "", "POST", "/signin", "", "name=reader&password=bad"); rec.Code != 401 || !strings.Contains(rec.Body.String(), `role="alert"`) {
		t.Errorf("wrong password: %d", rec.Code)
	}
	if rec := hit(h, "", "GET", "/setup?token=bad", "", ""); rec.Code != 401 {
		t.Errorf("bad set-up token: %d", rec.Code)
	}
}

// TestStyleIsLogical keeps left and right out of the style sheet, so that one
// sheet serves both directions of writing.
func TestStyleIsLogical(t *testing.T) {
	css, err := os.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	physical := regexp.MustCompile(`(?i)\b(left|right)\b|(padding|margin):( [^\s;]+){4};|[\s;{](min-|max-)?(width|height):`)
	for i, line := range strings.Split(string(css), "\n") {
		if strings.HasPrefix(line, "@media") {
			continue
		}
		if m := physical.FindString(line); m != "" {
			t.Errorf("style.css:%d: %q depends on the direction", i+1, m)
		}
	}
}

// TestFirstPageIsSmall bounds the page and what it asks for.
func TestFirstPageIsSmall(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	page := hit(h, "admin", "GET", "/", "ar", "").Body.String()
	refs := regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(refs) > 2 {
		t.Errorf("%d further requests", len(refs))
	}
	total := packed(t, page)
	for _, m := range refs {
		rec := hit(h, "", "GET", m[1], "", "")
		if rec.Code != 200 || !strings.Contains(rec.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %q", m[1], rec.Code, rec.Header().Get("Cache-Control"))
		}
		total += packed(t, rec.Body.String())
	}
	if total > 60_000 {
		t.Errorf("the first page is %d bytes packed", total)
	}
	js, _ := os.ReadFile("static/comity.js")
	if len(js) > 15<<10 {
		t.Errorf("the script is %d bytes", len(js))
	}
}

func packed(t *testing.T, s string) int {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	_ = z.Close()
	return buf.Len()
}

// TestDownloadsAreFiles checks that what peers wrote is never shown as a page.
func TestDownloadsAreFiles(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for _, path := range []string{"/objects/x/raw", "/agreements/x/body", "/peers/identity.note", "/imports/x/refused.jsonl"} {
		rec := hit(h, "reader", "GET", path, "", "")
		if rec.Code != 200 || !strings.HasPrefix(rec.Header().Get("Content-Disposition"), "attachment") || strings.Contains(rec.Header().Get("Content-Type"), "html") {
			t.Errorf("%s: %d %v", path, rec.Code, rec.Header())
		}
	}
	if got := hit(h, "reader", "GET", "/objects/x/raw", "", "").Body.String(); got != fakeRaw {
		t.Error("the bytes are not exactly those that came")
	}
}
