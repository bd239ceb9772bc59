package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestFeedForms(t *testing.T) {
	for _, tc := range []struct {
		path, form string
		want       int
		note       string
	}{
		{"/feeds/new", "name=none&url=https://x.example/taxii2/&collection=c&every=15m", 303, "feed none 15m0s"},
		{"/feeds/new", "name=none&url=https://x.example/taxii2/&collection=c&every=15", 400, ""},
		{"/feeds/new", "name=none&url=https://x.example/taxii2/&collection=c&every=1h&overlap=x", 400, ""},
		{"/feeds/new", "name=none&url=https://x.example/taxii2/&collection=c&every=1h&tlp=pink", 400, ""},
		{"/feeds/new", "name=taken&url=https://x.example/taxii2/&collection=c&every=1h", 409, ""},
		{"/feeds/a/edit", "name=b&url=https://x.example/taxii2/&collection=c&every=30s", 303, "feed a 30s"},
		{"/feeds/none/edit", "every=30s", 404, ""},
		{"/feeds/a/poll", "", 303, "poll a"},
		{"/feeds/a/pause", "", 303, "pause a true"},
		{"/feeds/a/pause", "resume=yes", 303, "pause a false"},
		{"/feeds/a/remove", "", 303, "unfeed a"},
	} {
		f := &fake{full: true}
		rec := hit(newWeb(t, f), "admin", "POST", tc.path, "", tc.form)
		if got := strings.Join(f.notes, "; "); rec.Code != tc.want || got != tc.note {
			t.Errorf("%s with %s: %d and %q, want %d and %q", tc.path, tc.form, rec.Code, got, tc.want, tc.note)
		}
	}
}

// TestFeedFormKeepsTheFeed: saving the form as it is shown changes nothing.
func TestFeedFormKeepsTheFeed(t *testing.T) {
	f := &fake{full: true}
	h := newWeb(t, f)
	before, _ := f.Feed(t.Context(), "a")
	body := hit(h, "admin", "GET", "/feeds/a/edit", "", "").Body.String()
	for _, want := range []string{`value="https://taxii.example/taxii2/"`, `value="6h"`, `value="10m"`, `value="indicator"`, `value="kz-cert"`, `value="amber" selected`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	hit(h, "admin", "POST", "/feeds/a/edit", "", url.Values{"url": {before.URL}, "root": {"api"}, "collection": {before.Collection}, "into": {"phishing"}, "user": {"kz-cert"},
		"every": {"6h"}, "overlap": {"10m"}, "types": {"indicator"}, "tlp": {"amber"}, "ca": {"-----BEGIN\r\n"}}.Encode())
	if fmt.Sprint(f.feed) != fmt.Sprint(before.Feed) || f.secret.Password != "" || f.secret.Token != "" || len(f.secret.KeyPEM) > 0 {
		t.Errorf("saved %+v\nwas   %+v", f.feed, before.Feed)
	}
}

// TestFeedSecretsAreWriteOnly: they reach the node and stand on no page, not
// even when the form is refused.
func TestFeedSecretsAreWriteOnly(t *testing.T) {
	secrets := url.Values{"url": {"https://x.example/taxii2/"}, "collection": {"c"}, "every": {"1h"}, "user": {"u"}, "password": {"pa55 word"}, "token": {" t0k3n "}, "cert": {"C3RT"}, "key": {"K3Y\r\nK3Y"}, "forget": {"yes"}}
	f := &fake{full: true}
	h := newWeb(t, f)
	if rec := hit(h, "admin", "POST", "/feeds/a/edit", "", secrets.Encode()); rec.Code != 303 {
		t.Fatal(rec.Code)
	}
	if s := f.secret; s.Password != "pa55 word" || s.Token != "t0k3n" || string(s.CertPEM) != "C3RT" || string(s.KeyPEM) != "K3Y\nK3Y" || f.feed.HasSecret {
		t.Errorf("%+v %v", f.secret, f.feed.HasSecret)
	}
	secrets.Set("every", "x")
	body := hit(h, "admin", "POST", "/feeds/a/edit", "", secrets.Encode()).Body.String()
	for _, s := range []string{"pa55", "t0k3n", "C3RT", "K3Y"} {
		if strings.Contains(body, s) {
			t.Errorf("the refused form shows %s", s)
		}
	}
	if !strings.Contains(body, `role="alert"`) || !strings.Contains(body, `value="x"`) {
		t.Error("the form was not refused, or lost what was typed")
	}
}

// TestLongPollGoesOn shows the feed, not a line that says it was read.
func TestLongPollGoesOn(t *testing.T) {
	rec := hit(newWeb(t, &fake{}), "analyst", "POST", "/feeds/a/poll", "", "")
	if rec.Code != 303 || rec.Header().Get("Location") != "/feeds/a" {
		t.Errorf("%d %s", rec.Code, rec.Header().Get("Location"))
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 30 * time.Second: "30s", 15 * time.Minute: "15m", 6 * time.Hour: "6h", 90 * time.Minute: "1h30m", 90 * time.Second: "1m30s", time.Hour + time.Second: "1h0m1s"} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
		if back, err := time.ParseDuration(span(d)); err != nil || back != d {
			t.Errorf("%v comes back as %v", d, back)
		}
	}
}
