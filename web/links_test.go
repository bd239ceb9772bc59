package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/stix"
)

// TestStandardLabels compares the table of the pages with that of package stix.
func TestStandardLabels(t *testing.T) {
	if len(standardTLP) != 9 {
		t.Errorf("%d standard definitions, want 4 of TLP 1 and 5 of TLP 2.0", len(standardTLP))
	}
	for id, label := range standardTLP {
		if got, ok := stix.TLPOf(id); !ok || got != label {
			t.Errorf("%s is %v, not %v", id, got, label)
		}
		if tlpMessage(label).Key == "" {
			t.Errorf("%v has no explanation", label)
		}
	}
}

// TestNoDeadLinks holds the object page to links that lead somewhere: the object
// itself and what is held, never a standard label or an object of elsewhere.
func TestNoDeadLinks(t *testing.T) {
	f := &fake{full: true}
	h := newWeb(t, f)
	o, _ := f.Show(t.Context(), objectID)
	held := map[string]bool{string(objectID): true}
	for _, v := range f.versions(8) {
		held[string(v.ID)] = true
	}
	for _, n := range o.Neighbours {
		held[string(n.ID)] = n.Known || n.ID == objectID
	}
	links := regexp.MustCompile(`href="/objects/([^"/?]+)`)
	for _, path := range []string{"/objects/" + string(objectID), "/objects/" + string(objectID) + "/share"} {
		body := hit(h, "admin", "GET", path, "", "").Body.String()
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			if !held[m[1]] {
				t.Errorf("%s links %s, which is not held", path, m[1])
			}
		}
		if !strings.Contains(body, "marking-definition--939a9414") {
			t.Errorf("%s does not name the marking", path)
		}
	}
	if body := hit(h, "admin", "GET", "/objects/x", "", "").Body.String(); !strings.Contains(body, "within the organisation only") {
		t.Error("a standard label is not explained")
	}
}

// TestAuditHasNames checks that ids of members, agreements and objects stand as
// names that lead to their pages.
func TestAuditHasNames(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for _, path := range []string{"/audit", "/"} {
		body := hit(h, "admin", "GET", path, "", "").Body.String()
		for _, want := range []string{`href="/peers/` + string(peerID), `href="/agreements/` + string(agrID), `href="/objects/` + string(objectID)} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		if strings.Contains(body, ">peer:") || strings.Contains(body, ">"+string(agrID)+"<") {
			t.Errorf("%s shows a bare id", path)
		}
	}
}

// TestShareOnlyWhenSomebodyReceives looks for the button in each case.
func TestShareOnlyWhenSomebodyReceives(t *testing.T) {
	allow := comity.Decision{Verdict: comity.Allow}
	refuse := comity.Decision{Verdict: comity.Refuse}
	for name, tc := range map[string]struct {
		list  []node.MemberDecision
		state comity.State
		want  bool
	}{
		"one receives":   {[]node.MemberDecision{{Member: peerID, Decision: allow}}, comity.StateActive, true},
		"one has it":     {[]node.MemberDecision{{Member: peerID, Decision: allow, Already: true}}, comity.StateActive, false},
		"one of two":     {[]node.MemberDecision{{Member: peerID, Decision: allow, Already: true}, {Member: "y", Decision: allow}}, comity.StateActive, true},
		"all refused":    {[]node.MemberDecision{{Member: peerID, Decision: refuse}}, comity.StateActive, false},
		"nobody":         {[]node.MemberDecision{}, comity.StateActive, false},
		"it was erased":  {[]node.MemberDecision{{Member: peerID, Decision: allow}}, comity.StateErased, false},
		"it was revoked": {[]node.MemberDecision{{Member: peerID, Decision: refuse}}, comity.StateRevoked, false},
	} {
		h := newWeb(t, &fake{full: true, share: tc.list, state: tc.state})
		body := hit(h, "analyst", "GET", "/objects/x/share", "", "").Body.String()
		if got := strings.Contains(body, `name="confirm"`); got != tc.want {
			t.Errorf("%s: the form stands there: %v", name, got)
		}
	}
}

// TestActionsFitTheState offers only what can still be done.
func TestActionsFitTheState(t *testing.T) {
	for state, want := range map[comity.State][]string{
		comity.StateActive: {"share", "mark", "revoke", "erase"}, comity.StateRevoked: {"share", "mark", "erase"}, comity.StateErased: nil,
	} {
		body := hit(newWeb(t, &fake{full: true, state: state}), "analyst", "GET", "/objects/x", "", "").Body.String()
		_, list, _ := strings.Cut(body, `<header class="object">`)
		list, _, _ = strings.Cut(list, "</header>")
		for _, act := range []string{"share", "mark", "revoke", "erase"} {
			wanted := false
			for _, a := range want {
				wanted = wanted || a == act
			}
			if got := strings.Contains(list, "/"+act+`"`); got != wanted {
				t.Errorf("%v: %s offered: %v", state, act, got)
			}
		}
	}
}

// TestLanguageIsChosenByPost: a link from elsewhere shows its page in its
// language and nothing more; only the switcher's form is stored.
func TestLanguageIsChosenByPost(t *testing.T) {
	f := &fake{full: true}
	h := newWeb(t, f)
	for _, tc := range []struct {
		header, value string
		cookie        bool
	}{
		{"Sec-Fetch-Site", "cross-site", false}, {"Sec-Fetch-Site", "none", false}, {"Referer", "https://evil.example/", false}, {"", "", false},
		{"Sec-Fetch-Site", "same-origin", true}, {"Referer", "http://example.com/signin", true},
	} {
		r := httptest.NewRequest("GET", "/?lang=ar", nil)
		if tc.header != "" {
			r.Header.Set(tc.header, tc.value)
		}
		r.AddCookie(&http.Cookie{Name: sessionCookie(identity{ID: selfID}), Value: "admin"})
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if !strings.Contains(rec.Body.String(), `dir="rtl"`) || (len(rec.Result().Cookies()) == 1) != tc.cookie || f.lang != "" {
			t.Errorf("%s %s: cookies %v, stored %q", tc.header, tc.value, rec.Result().Cookies(), f.lang)
		}
	}
	rec := hit(h, "admin", "POST", "/lang", "", "lang=ru&next=/objects")
	if c := rec.Result().Cookies(); f.lang != "ru" || rec.Header().Get("Location") != "/objects" || len(c) != 1 || c[0].Value != "ru" {
		t.Errorf("the switcher stored %q and set %v", f.lang, c)
	}
	if rec := hit(h, "admin", "POST", "/lang", "", "lang=ru&next=//evil.example"); rec.Header().Get("Location") != "/" {
		t.Errorf("the switcher leads to %q", rec.Header().Get("Location"))
	}
	f.lang = ""
	if rec := hit(h, "", "POST", "/lang", "", "lang=klingon"); rec.Code != 400 || f.lang != "" {
		t.Errorf("an unknown language gave %d", rec.Code)
	}
}

// TestTimesAreIsolated keeps an Arabic line from tearing a time or date apart.
func TestTimesAreIsolated(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	stamp := regexp.MustCompile(`.{30}20\d\d-\d\d-\d\d( \d\d:\d\d UTC)?<`)
	for _, path := range []string{"/audit", "/agreements", "/objects/x", "/peers/x", "/ledger/x"} {
		body := hit(h, "admin", "GET", path, "ar", "").Body.String()
		for _, m := range stamp.FindAllString(body, -1) {
			if !strings.Contains(m, `dir="ltr">20`) && !strings.Contains(m, "\u2068") {
				t.Errorf("%s: %q is not isolated", path, m)
			}
		}
	}
}

// TestColumnsReachTheImport sends the form's mapping of columns to the node.
func TestColumnsReachTheImport(t *testing.T) {
	var got node.ImportRequest
	f := &fake{full: true}
	f.reading = func(r node.ImportRequest) { got = r }
	h := newWeb(t, f)
	if body := hit(h, "analyst", "GET", "/imports/new", "", "").Body.String(); !strings.Contains(body, `name="columns"`) {
		t.Error("the form has no field for the columns")
	}
	hit(h, "analyst", "POST", "/imports/new", "", "paste=1%2C203.0.113.9&format=csv&columns=+value%3D2+")
	if got.Columns != "value=2" {
		t.Errorf("the node was given %q", got.Columns)
	}
}

// TestBoxesAreNamedByTheObject: a screen reader says the name, not the id.
func TestBoxesAreNamedByTheObject(t *testing.T) {
	body := hit(newWeb(t, &fake{full: true}), "analyst", "GET", "/objects", "", "").Body.String()
	if !strings.Contains(body, `aria-label="Select login.example.net"`) {
		t.Error("a box is not labelled by the name of its object")
	}
}
