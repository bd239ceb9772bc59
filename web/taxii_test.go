package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
)

func TestCollectionForms(t *testing.T) {
	id := string(objectID)
	for _, tc := range []struct {
		path, form string
		want       int
		note       string // what reached the node
	}{
		{"/taxii/collections/x/add", "ids=" + id, 303, "add phishing " + id},
		{"/taxii/collections/x/add", "ids=" + id + "%0D%0A" + id, 303, "add phishing " + id},
		{"/taxii/collections/x/add", "ids=", 400, ""},
		{"/taxii/collections/x/add", "ids=nonsense", 400, ""},
		{"/taxii/collections/x/add", "ids=" + strings.Repeat(id+"+", 1001), 413, ""},
		{"/taxii/collections/x/remove", "id=" + id, 303, "remove phishing " + id},
		{"/taxii/collections/x/remove", "", 400, ""},
		{"/taxii/collections/x/edit", "title=New&description=d&query=", 303, "describe 0b9d3c5e-6a1f-4f3e-9a52-77d0c1f6a001 New d"},
		{"/taxii/collections/x/edit", "title=Phishing+<campaigns>&description=What+we+see.%0D%0AEvery+day.&query=label=x", 303, "query 0b9d3c5e-6a1f-4f3e-9a52-77d0c1f6a001 label=x"},
		{"/taxii/collections/x/edit", "title=New&query=type=malware&do=preview", 200, ""},
		{"/taxii/collections/x/edit", "title=New&query=&do=preview", 400, ""},
		{"/taxii/collections/new", "alias=taken", 409, ""},
		{"/taxii/collections/new", "alias=x&query=type=malware&do=preview", 200, ""},
		{"/taxii/collections/x/open", "to=", 303, "open 0b9d3c5e-6a1f-4f3e-9a52-77d0c1f6a001 "},
		{"/taxii/roots/new", "name=banks&title=B", 409, ""},
		{"/taxii/roots/new", "name=new&title=B", 303, "root new B"},
		{"/taxii/roots/banks", "name=api&title=B", 303, "root banks B"},
		{"/taxii/roots/none", "title=B", 404, ""},
		{"/taxii/about", "contact=+soc@x.example&description=a%0D%0Ab", 303, "about soc@x.example a\nb"},
		{"/taxii/roots/banks/remove", "", 303, "unroot banks"},
	} {
		f := &fake{full: true}
		rec := hit(newWeb(t, f), "admin", "POST", tc.path, "", tc.form)
		if got := strings.Join(f.notes, "; "); rec.Code != tc.want || got != tc.note {
			t.Errorf("%s with %.60s: %d and %q, want %d and %q", tc.path, tc.form, rec.Code, got, tc.want, tc.note)
		}
	}
}

// TestCollectionIsMade keeps what was typed when it is refused, and sends all of
// it when it is not.
func TestCollectionIsMade(t *testing.T) {
	f := &fake{full: true}
	h := newWeb(t, f)
	form := url.Values{"alias": {"taken"}, "title": {"الموجز"}, "description": {"a\r\nb"}, "query": {`label = "<b>"`}}
	body := hit(h, "analyst", "POST", "/taxii/collections/new", "", form.Encode()).Body.String()
	for _, want := range []string{`value="taken"`, "الموجز", "label = &#34;&lt;b&gt;&#34;", `role="alert"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lost %s", want)
		}
	}
	form.Set("alias", "feed")
	rec := hit(h, "analyst", "POST", "/taxii/collections/new", "", form.Encode())
	want := node.CollectionDraft{Alias: "feed", Title: "الموجز", Description: "a\nb", Query: `label = "<b>"`}
	if f.draft != want || rec.Header().Get("Location") != "/taxii/collections/feed?done=taxii_made" {
		t.Errorf("%+v %s", f.draft, rec.Header().Get("Location"))
	}
}

// TestOpeningIsSentWhole: what the form does not say would be taken away.
func TestOpeningIsSentWhole(t *testing.T) {
	f := &fake{full: true}
	h := newWeb(t, f)
	body := hit(h, "admin", "GET", "/taxii/collections/x/open", "", "").Body.String()
	for _, want := range []string{`value="community" checked`, `value="yes" checked`, ">bank</textarea>", ">telecom</textarea>", `value="defence"`, `value="P90D"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	hit(h, "admin", "POST", "/taxii/collections/x/open", "", "to=public&write=yes&readers=a%2C+b%0D%0Ac&writers=d&purpose=defence,research&retention=P9D&root=banks")
	if got := fmt.Sprint(f.opened); got != fmt.Sprint(node.Opening{To: "public", Write: true, Readers: []string{"a", "b", "c"}, Writers: []string{"d"}, Root: "banks", Purpose: []string{"defence", "research"}, Retention: "P9D"}) {
		t.Errorf("%s", got)
	}
}

// TestQueryCollectionIsNotChangedByHand offers neither boxes nor the form.
func TestQueryCollectionIsNotChangedByHand(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for path, want := range map[string]bool{"/taxii/collections/x": true, "/taxii/collections/c2": false} {
		body := hit(h, "analyst", "GET", path, "", "").Body.String()
		if got := strings.Contains(body, `name="ids"`) && strings.Contains(body, `/remove"`); got != want {
			t.Errorf("%s can be changed by hand: %v", path, got)
		}
		if body := hit(h, "reader", "GET", path, "", "").Body.String(); strings.Contains(body, `method="post" action="/taxii`) {
			t.Errorf("%s offers a reader a form", path)
		}
	}
}

// TestTaxiiSaysWhoIsBehind looks at the words of the page of all collections.
func TestTaxiiSaysWhoIsBehind(t *testing.T) {
	body := hit(newWeb(t, &fake{full: true}), "reader", "GET", "/taxii", "", "").Body.String()
	for _, want := range []string{"771 behind", "http://example.com/taxii2/", "application/taxii&#43;json;version=2.1", "2 readers in all", "id-format"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(body, "Make a collection") {
		t.Error("a reader is offered to make a collection")
	}
}

// TestRefusalsOfAPost shows each with rule, path, section and reason.
func TestRefusalsOfAPost(t *testing.T) {
	body := hit(newWeb(t, &fake{full: true}), "reader", "GET", "/taxii/posts/"+postID, "fr", "").Body.String()
	for _, want := range []string{"objects[17]", "id-format", ">id</code>", "§2.9", "two hyphens", "/taxii2/api/status/" + postID + "/", `href="/imports/im-1"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestOutsideAccounts can be made and are named on the pages.
func TestOutsideAccounts(t *testing.T) {
	h := newWeb(t, &fake{full: true})
	for _, role := range []node.Role{node.RoleConstituent, node.RoleCommunity, node.RolePublic} {
		if rec := hit(h, "admin", "POST", "/users", "", "name=x&password=long+enough+pass&role="+string(role)); rec.Code != 303 {
			t.Errorf("%s: %d", role, rec.Code)
		}
	}
}

// TestAddressesForClients are as the operator says, else as the page was asked for.
func TestAddressesForClients(t *testing.T) {
	cat, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	for base, want := range map[string]string{"": "http://example.com/taxii2/", "https://taxii.cert.example/": "https://taxii.cert.example/taxii2/"} {
		body := hit(New(&fake{full: true}, cat, Options{Now: nowFake, BaseURL: base}), "reader", "GET", "/taxii", "", "").Body.String()
		if !strings.Contains(body, ">"+want+"<") || strings.Contains(body, `class="note wait"`) != (base == "") {
			t.Errorf("with %q the page lacks %s, or warns wrongly", base, want)
		}
	}
}
