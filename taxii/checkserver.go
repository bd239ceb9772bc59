package taxii

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/comity-net/comity"
)

var (
	uuid4     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
	emptyList = regexp.MustCompile(`:\s*\[\s*\]`)
)

// absent is an id that no server has.
const absent = "6f1d2c3b-0a9e-4d8c-b7f6-5e4d3c2b1a09"

func tlsName(v uint16) string { return tls.VersionName(v) }

// serverChecks looks at discovery and at what holds for all endpoints; it finds
// the API root.
func (p *probe) serverChecks(base string) {
	at, err := p.c.resolve(base)
	if err != nil {
		p.is("discovery", false, "%v", err)
		return
	}
	disc := p.c.base.ResolveReference(&url.URL{Path: Prefix})
	r := p.get(disc)
	p.transport(at)
	var d discoveryJSON
	read := r.into(&d)
	p.is("discovery", read && d.Title != "", "%v title=%q", r, d.Title)
	if read {
		p.is("content_type", r.taxii(), "%v", r)
		p.discovered(d)
		p.negotiation(disc)
	} else {
		p.skip("content_type", "accept_bare", "accept_list", "accept_other", "method")
		p.skip("discovery_roots", "roots_answer")
	}
	p.anonymous(disc)
	root := p.o.Root
	switch {
	case root != "":
	case strings.TrimSuffix(at.Path, "/") != strings.TrimSuffix(Prefix, "/"):
		root = at.String()
	case d.Default != "":
		root = d.Default
	case len(p.roots) > 0:
		root = p.roots[0]
	default:
		return
	}
	if u, err := p.c.resolve(root); err == nil {
		p.root, p.report.Root = u, u.String()
	}
}

func (p *probe) transport(at *url.URL) {
	if at.Scheme == "http" && loopback(at.Hostname()) {
		p.skip("tls")
		return
	}
	p.is("tls", p.tls == "TLS 1.2" || p.tls == "TLS 1.3", "%s %s", at.Scheme, p.tls)
}

func (p *probe) discovered(d discoveryJSON) {
	bad := ""
	for _, r := range d.Roots {
		u, err := url.Parse(r)
		switch {
		case err != nil, u.RawQuery != "", u.Scheme == "" && (!strings.HasPrefix(r, "/") || strings.HasPrefix(r, "//")),
			u.Scheme == "http" && !loopback(u.Hostname()), u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https":
			bad = r
		}
		if abs, err := p.c.resolve(r); err == nil {
			p.roots = append(p.roots, abs.String())
		}
	}
	fits := d.Default == "" || slices.Contains(d.Roots, d.Default)
	p.is("discovery_roots", bad == "" && fits && (d.Roots == nil || len(d.Roots) > 0), "api_roots=%q default=%q", d.Roots, d.Default)
	if len(p.roots) == 0 {
		p.skip("roots_answer")
		return
	}
	for _, r := range p.roots[:min(len(p.roots), 10)] {
		u, _ := url.Parse(r)
		if a := p.get(u); a.err != nil || !slices.Contains([]int{200, 401, 403}, a.status) {
			p.is("roots_answer", false, "%s: %v", r, a)
			return
		}
	}
	p.is("roots_answer", true, "%d", len(p.roots))
}

func (p *probe) negotiation(u *url.URL) {
	r := p.get(u, "Accept", "application/taxii+json")
	p.is("accept_bare", r.status == 200 && r.taxii(), "%v", r)
	r = p.get(u, "Accept", "application/taxii+json; version=2.1, application/stix+json;version=2.1")
	p.is("accept_list", r.status == 200 && r.taxii(), "%v", r)
	r = p.get(u, "Accept", "text/html")
	p.is("accept_other", r.refused(406) || r.status == 200 && r.taxii(), "%v", r)
	r = p.send("PATCH", u, nil)
	p.is("method", r.refused(400, 401, 403, 404, 405, 501), "%v Allow=%q", r, r.header.Get("Allow"))
}

func (p *probe) anonymous(u *url.URL) {
	if p.c.o.User == "" && p.c.o.Bearer == "" {
		p.skip("challenge", "wrong_password")
		return
	}
	r := p.get(u, "Authorization", "")
	www := r.header.Get("WWW-Authenticate")
	ok := r.status == 401 && www != "" || r.status == 200 || r.status == 404 || r.status == 403
	p.is("challenge", ok && r.err == nil, "%v WWW-Authenticate=%q", r, www)
	q, _ := http.NewRequest(http.MethodGet, u.String(), nil)
	q.SetBasicAuth("comity-check", absent)
	r = p.get(u, "Authorization", q.Header.Get("Authorization"))
	p.is("wrong_password", r.refused(401, 403, 429), "%v", r)
}

// slash asks for a collection without the slash at the end, as people type it.
func (p *probe) slash() {
	u := *p.at
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
	r := p.get(&u)
	p.advise("slash", r.status == 200, "%s: %v", u.Path, r)
}

// everywhere tells what was seen along the way.
func (p *probe) everywhere() {
	if p.answers == 0 {
		p.skip("content_type_all", "retry_after")
		return
	}
	p.is("content_type_all", p.untyped == "", "%s", p.untyped)
	p.advise("retry_after", p.untold == 0, "429: %d, without Retry-After: %d", p.slow, p.untold)
}

// rootChecks looks at the API root and finds the collection.
func (p *probe) rootChecks() {
	r := p.get(p.root)
	var root rootJSON
	read := r.into(&root)
	p.max = root.Max
	p.is("root", read && root.Title != "" && root.Max > 0 && slices.Contains(root.Versions, MediaTAXII),
		"%v title=%q versions=%q max_content_length=%d", r, root.Title, root.Versions, root.Max)
	r = p.get(p.root.JoinPath("status", absent+"/"))
	p.is("status_unknown", r.refused(404), "%v", r)
	r = p.get(p.root.JoinPath("collections", absent+"/"))
	var e map[string]any
	json.Unmarshal(r.body, &e)
	title, _ := e["title"].(string)
	status, given := e["http_status"]
	p.is("error_body", r.refused(404) && (len(r.body) == 0 || r.taxii() && title != "" && (!given || status == "404")), "%v title=%q http_status=%v", r, title, status)
	list := p.root.JoinPath("collections/")
	r = p.get(list)
	var cols struct {
		Collections []json.RawMessage `json:"collections"`
	}
	if !p.is("collections", r.into(&cols) && !emptyList.Match(r.body), "%v n=%d", r, len(cols.Collections)) {
		return
	}
	again := p.get(list)
	p.is("collections_order", bytes.Equal(r.body, again.body), "%v", again)
	p.choose(cols.Collections)
}

// choose checks each collection resource and takes the one to look into.
func (p *probe) choose(list []json.RawMessage) {
	bad, n := "", 0
	for _, raw := range list {
		var c struct {
			ID       *string  `json:"id"`
			Title    *string  `json:"title"`
			CanRead  *bool    `json:"can_read"`
			CanWrite *bool    `json:"can_write"`
			Alias    string   `json:"alias"`
			Media    []string `json:"media_types"`
		}
		if err := json.Unmarshal(raw, &c); err != nil || c.ID == nil || !uuid4.MatchString(*c.ID) || c.Title == nil || *c.Title == "" || c.CanRead == nil || c.CanWrite == nil {
			bad = string(raw)
			continue
		}
		n++
		wanted := p.o.Collection == "" || p.o.Collection == *c.ID || p.o.Collection == c.Alias
		if !wanted || !*c.CanRead || len(p.sample) > 0 {
			continue
		}
		at := p.root.JoinPath("collections", *c.ID+"/")
		var m struct{ Objects []sample }
		p.get(with(at.JoinPath("manifest/"), "limit", "50")).into(&m)
		if p.at == nil || len(m.Objects) > 0 {
			p.at, p.sample = at, m.Objects
			p.col = Collection{ID: comity.CollectionID(*c.ID), Title: *c.Title, Alias: c.Alias, CanRead: *c.CanRead, CanWrite: *c.CanWrite, MediaTypes: c.Media}
			p.report.Collection = *c.ID
		}
	}
	p.is("collection_resource", bad == "", "n=%d %s", n, bad)
	if p.at == nil {
		return
	}
	var one collectionJSON
	r := p.get(p.at)
	p.is("collection", r.into(&one) && one.ID == string(p.col.ID), "%v id=%s", r, one.ID)
	p.slash()
	if p.col.Alias == "" {
		p.skip("alias")
		return
	}
	r = p.get(p.root.JoinPath("collections", url.PathEscape(p.col.Alias)+"/"))
	p.is("alias", r.into(&one) && one.ID == string(p.col.ID), "%v", r)
}
