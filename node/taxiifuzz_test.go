package node_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
)

// taxiiSeeds are method, path, query, header, its value and body of requests
// that touch each endpoint and what is known to be delicate.
func taxiiSeeds() [][6]string {
	const feed, object = "/taxii2/api/collections/feed/", "indicator--00000000-0000-4000-8000-000000000001"
	post := func(objects string) [6]string {
		return [6]string{"POST", feed + "objects/", "", "", "", `{"objects":[` + objects + `]}`}
	}
	sco := `{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"198.51.100.3"}`
	out := [][6]string{
		{"GET", "/taxii2/"}, {"GET", "/taxii2"}, {"HEAD", "/taxii2/api/"}, {"GET", "/taxii2/api/collections/"}, {"GET", feed},
		{"GET", feed + "objects/", "limit=1&match[version]=all&added_after=2020-01-01T00:00:00Z"},
		{"GET", feed + "objects/", "next=AAAA"}, {"GET", feed + "objects/", "limit=0"}, {"GET", feed + "objects/", "limit=1&limit=2"},
		{"GET", feed + "manifest/", "match[type]=indicator,malware&match[spec_version]=2.0,2.1"},
		{"GET", feed + "objects/" + object + "/", "match[version]=first,last,2026-01-01T00:00:00Z"},
		{"GET", feed + "objects/" + object + "/versions/", "limit=9999999999999999999999"},
		{"GET", feed + "objects/", "match[id]=" + object + ",%00,\xff,a--b"}, {"GET", feed + "objects/", "match[type]=%00&added_after=0000-01-01T00:00:00Z"},
		{"GET", feed + "objects/", "added_after=9999-12-31T23:59:60.999999999Z&match[version]=0000-00-00T00:00:00Z"},
		{"GET", feed + "objects/", "added_after=1400-01-01T00:00:00Z&match[version]=9999-12-31T23:59:59.999999999Z"},
		{"GET", feed + "objects/", "match[creator]=identity--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a10&match[value]=198.51.100.0/24,x&match[confidence-gte]=50"},
		{"GET", "/taxii2/api/collections/%00/objects/"}, {"GET", "/taxii2/api/collections/%FF%FE/"}, {"GET", "/taxii2/%2e%2e/api/"},
		{"GET", "/taxii2/api/status/%00/"}, {"GET", "/taxii2/api/status/00000000-0000-4000-8000-000000000000/"},
		{"DELETE", feed + "objects/%00/"}, {"DELETE", feed + "objects/" + object + "/", "match[version]=first"},
		{"DELETE", feed + "objects/" + object + "/", "match[spec_version]=2.0&match[version]=all"},
		{"GET", feed + "objects/", "", "Accept-Language", strings.Repeat("zz,", 500)}, {"GET", feed + "objects/", "", "If-None-Match", `W/"a",*`},
		{"GET", feed + "objects/", "", "Accept-Encoding", "zstd;q=0.5,gzip;q=x"}, {"GET", feed + "objects/", "", "Authorization", "Basic YTo="},
		{"GET", feed + "objects/", "", "Authorization", "Basic AGE6AA=="}, {"GET", feed + "objects/", "", "Authorization", "Bearer \x00"},
		{"POST", feed + "objects/", "", "Content-Encoding", "gzip", "\x1f\x8b\x08\x00"}, {"POST", feed + "objects/", "", "Content-Encoding", "zstd", "\x28\xb5\x2f\xfd"},
		{"POST", feed + "objects/", "", "Content-Type", "application/taxii+json;version=2.0", "{}"},
		post(""), post(","), post("null"), post("1e999,-0,[],{}"), post(sco), post(sco + "," + sco), post("[" + sco + "]"), post(`{"id":"a--b","type":"a"}`),
		post(strings.Replace(sco, "198", `\u0000`, 1)), post(strings.Replace(sco, "198", "\xff", 1)), post(strings.Replace(sco, "198", `\ud800`, 1)),
		post(strings.Replace(sco, `"type"`, `"type":"x","type"`, 1)), post(string(labelled(1, comity.Green))), post(string(labelled(2, comity.Red))),
		post(strings.Replace(string(labelled(3, comity.Clear)), "2026-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999999999Z", -1)),
		post(strings.Replace(string(labelled(3, comity.Clear)), "2026-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z", -1)),
		post(strings.Replace(string(labelled(4, comity.Clear)), "marking-definition--", "marking-definition--0", 1)),
		post(`{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--00000000-0000-4000-8000-000000000007","created":"2026-01-01T00:00:00Z","extensions":{"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d":{"extension_type":"property-extension","tlp_2_0":"red"}}}`),
		{"POST", feed + "objects/", "", "", "", `{"objects":[],"objects":[` + sco + `]}`}, {"POST", feed + "objects/", "", "", "", `{"more":true,"next":1}`},
		{"POST", feed + "objects/", "", "", "", `{"type":"bundle","id":"bundle--1","objects":[` + sco + `]}`}, {"POST", feed + "objects/", "", "", "", strings.Repeat(`{"objects":`, 300)},
	}
	return out
}

// INVARIANT: whatever comes to the node by TAXII, the answer is TAXII below 500.
func FuzzTaxiiNode(f *testing.F) {
	n := start(f, "alpha")
	h, err := n.Taxii(f.Context(), node.TaxiiOptions{Anonymous: true})
	if err != nil {
		f.Fatal(err)
	}
	makeCollection(f, n, "feed")
	if err := n.OpenCollection(f.Context(), admin, "feed", node.Opening{To: node.RolePublic, Write: true}); err != nil {
		f.Fatal(err)
	}
	tokens := []string{""}
	for _, r := range []node.Role{node.RoleAnalyst, node.RoleConstituent} {
		tokens = append(tokens, exchangeOf{t: f, n: n}.as("f-"+string(r), r).token)
	}
	for _, s := range taxiiSeeds() {
		for who := range tokens {
			f.Add(uint8(who), s[0], s[1], s[2], s[3], s[4], []byte(s[5]))
		}
	}
	f.Fuzz(func(t *testing.T, who uint8, method, path, query, header, value string, body []byte) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Host: "x", Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1, RemoteAddr: "192.0.2.1:1", RequestURI: path}
		if p, err := url.PathUnescape(path); err == nil {
			r.URL.Path, r.URL.RawPath = p, path
		}
		if token := tokens[int(who)%len(tokens)]; token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		r.Header.Set("Content-Type", taxii.MediaTAXII)
		if header != "" {
			r.Header.Set(header, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(t.Context()))
		what := method + " " + path + "?" + query
		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("%s: %d %s", what, w.Code, w.Body)
		}
		if typ := w.Header().Get("Content-Type"); w.Code != http.StatusNotModified && typ != taxii.MediaTAXII {
			t.Fatalf("%s: %d is %q", what, w.Code, typ)
		}
		plain := w.Header().Get("Content-Encoding") == "" && w.Body.Len() > 0
		if plain && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s: %d is no JSON: %q", what, w.Code, w.Body)
		}
		var e struct{ Title, Status string }
		if w.Code >= 400 && plain && (json.Unmarshal(w.Body.Bytes(), &e) != nil || e.Title == "") {
			t.Fatalf("%s: %d without a title: %s", what, w.Code, w.Body)
		}
	})
}

// The seeds, each by each caller, on PostgreSQL too: a keeper must not be asked
// for what it cannot hold.
func TestTaxiiSeedsOnBothKeepers(t *testing.T) {
	both(t, func(t *testing.T) {
		n := start(t, "alpha")
		makeCollection(t, n, "feed")
		if err := n.OpenCollection(t.Context(), admin, "feed", node.Opening{To: node.RolePublic, Write: true}); err != nil {
			t.Fatal(err)
		}
		for _, a := range askers(t, n, node.TaxiiOptions{Anonymous: true})[1:5] {
			for _, s := range slices.Concat(taxiiSeeds(), taxiiSeeds()) {
				target := strings.NewReplacer("\xff", "%FF", " ", "%20").Replace(s[1])
				if s[2] != "" {
					target += "?" + strings.NewReplacer("\xff", "%FF", " ", "%20").Replace(s[2])
				}
				if w := a.ask(s[0], target, s[5]); w.Code >= 500 {
					t.Errorf("%s: %s %s %s: %d %s", a.name, s[0], target, s[5], w.Code, w.Body)
				}
			}
		}
	})
}
