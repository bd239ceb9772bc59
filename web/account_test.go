package web

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// readAfter keeps an upload's reader, as a background import does, and gives
// what it holds when it is read after the request.
type readAfter struct{ req node.ImportRequest }

func (k *readAfter) take(r node.ImportRequest) { k.req = r }

func (k *readAfter) text(t *testing.T) string {
	t.Helper()
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(k.req.Reader); err != nil {
		t.Fatalf("the input was closed or removed: %v", err)
	}
	if err := k.req.Reader.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	return buf.String()
}

// TestUploadOutlivesRequest: a file in memory and one in a temporary file can
// both be read after the request has ended, and nothing stays on the disk.
func TestUploadOutlivesRequest(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name, size := range map[string]int{"in memory": 1 << 10, "on disk": formMemory + 11<<20} {
		text := strings.Repeat("192.0.2.1\n", size/10)
		kept := &readAfter{}
		f := &fake{full: true, reading: kept.take, begun: comity.Import{ID: "im-9", State: comity.ImportRunning, Started: fakeNow}}
		rec := upload(t, newWeb(t, f), text)
		if rec.Code != 303 || rec.Header().Get("Location") != "/imports/im-9" {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Header().Get("Location"))
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s: %d temporary files left", name, len(left))
		}
		if kept.req.Size != int64(len(text)) || kept.text(t) != text {
			t.Errorf("%s: size %d; not the bytes that were sent", name, kept.req.Size)
		}
	}
}

func upload(t *testing.T, h http.Handler, text string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	part, err := m.CreateFormFile("file", "list.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(text))
	_ = m.Close()
	r := httptest.NewRequest("POST", "/imports/new", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: sessionCookie(identity{ID: selfID}), Value: "analyst"})
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// TestRunningImportRenewsItself: only while it runs.
func TestRunningImportRenewsItself(t *testing.T) {
	const renew = `http-equiv="refresh"`
	run := comity.Import{ID: "im-9", Source: "list.txt", State: comity.ImportRunning, Started: fakeNow}
	half := &node.Progress{Bytes: 5 << 20, TotalBytes: 10 << 20, Done: 12345, Refused: 6, Rate: 987.6, Left: 42 * time.Second}
	old := run
	old.Started = fakeNow.Add(-25 * time.Hour)
	for name, c := range map[string]struct {
		f     *fake
		renew bool
		holds []string
	}{
		"half":       {&fake{full: true, begun: run, at: half}, true, []string{`value="50"`, "12,345", ">988<", "5.2 MB", `for="bar"`}},
		"no size":    {&fake{full: true, begun: run, at: &node.Progress{Bytes: 9}}, true, []string{`<progress id="bar"></progress>`}},
		"elsewhere":  {&fake{full: true, begun: run}, true, []string{`<progress id="bar"></progress>`}},
		"long dead":  {&fake{full: true, begun: old}, false, []string{"/undo"}},
		"at its end": {&fake{full: true}, false, []string{"/undo", "24,771"}},
	} {
		body := hit(newWeb(t, c.f), "analyst", "GET", "/imports/im-9", "en", "").Body.String()
		if strings.Contains(body, renew) != c.renew || c.renew && strings.Contains(body, "/undo") {
			t.Errorf("%s: renews %v", name, !c.renew)
		}
		for _, h := range c.holds {
			if !strings.Contains(body, h) {
				t.Errorf("%s: lacks %s", name, h)
			}
		}
	}
	for _, path := range []string{"/", "/imports"} {
		body := hit(newWeb(t, &fake{full: true, at: half}), "analyst", "GET", path, "en", "").Body.String()
		if strings.Contains(body, renew) || !strings.Contains(body, `value="50"`) || !strings.Contains(body, "12,345") {
			t.Errorf("%s: wants the bar of the running import, and no renewal", path)
		}
	}
}

func TestAccountForms(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for _, c := range []struct {
		role, path, form string
		code             int
		to, holds        string
	}{
		{"reader", "/account/password", "old=x&password=long+enough+pass", 303, "/account?done=password_changed", ""},
		{"reader", "/account/password", "old=bad&password=long+enough+pass", 403, "", `role="alert"`},
		{"reader", "/account/password", "old=x&password=bad", 303, "/signin?next=/account", ""},
		{"reader", "/account/tokens", "label=export&days=30", 200, "", "T0k3nT3xt"},
		{"reader", "/account/tokens", "label=+", 400, "", `role="alert"`},
		{"reader", "/account/tokens", "label=" + strings.Repeat("x", 101), 400, "", `role="alert"`},
		{"reader", "/account/tokens/a1/revoke", "", 303, "/account?done=token_revoked", ""},
		{"admin", "/users/daniyar/password", "password=long+enough+pass", 303, "/users/daniyar?done=password_changed", ""},
		{"admin", "/users/aigul/password", "password=long+enough+pass", 303, "/account", ""},
		{"admin", "/users/guest/disable", "", 303, "/users/guest?done=user_disabled", ""},
		{"admin", "/users/guest/disable", "enable=yes", 303, "/users/guest?done=user_enabled", ""},
		{"admin", "/users/daniyar/tokens/a1/revoke", "", 303, "/users/daniyar?done=token_revoked", ""},
	} {
		rec := hit(h, c.role, "POST", c.path, "en", c.form)
		if rec.Code != c.code || rec.Header().Get("Location") != c.to || !strings.Contains(rec.Body.String(), c.holds) {
			t.Errorf("%s %.30s: %d %q", c.path, c.form, rec.Code, rec.Header().Get("Location"))
		}
	}
	if rec := hit(h, "admin", "GET", "/users/nobody", "en", ""); rec.Code != 404 {
		t.Errorf("an unknown user: %d", rec.Code)
	}
	if body := hit(h, "reader", "GET", "/account", "en", "").Body.String(); strings.Contains(body, "T0k3nT3xt") || strings.Contains(body, "<export>") {
		t.Error("the page shows a token again, or foreign text unescaped")
	}
}

func TestTokenLifetimeIsOffered(t *testing.T) {
	for in, days := range map[string]int{"30": 30, "365": 365, "": 90, "99999": 90, "-1": 90} {
		if got := tokenFor(in); got != time.Duration(days)*24*time.Hour {
			t.Errorf("%q gives %v", in, got)
		}
	}
}
