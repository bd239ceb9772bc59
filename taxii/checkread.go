package taxii

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// probePage is a page of any kind from the server under test.
type probePage struct {
	reply
	ok      bool
	More    bool              `json:"more"`
	Next    string            `json:"next"`
	Objects []json.RawMessage `json:"objects"`
	ids     []string
}

// name gives what every object and manifest record has.
type name struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Modified string `json:"modified"`
	Created  string `json:"created"`
	Spec     string `json:"spec_version"`
}

func (p *probe) page(kind string, query ...string) probePage {
	r := p.get(with(p.at.JoinPath(kind), query...))
	g := probePage{reply: r}
	g.ok = r.into(&g)
	for _, raw := range g.Objects {
		var n name
		json.Unmarshal(raw, &n)
		g.ids = append(g.ids, n.ID)
	}
	return g
}

func (p *probe) objects(query ...string) probePage { return p.page("objects/", query...) }

// first and last are the date headers of a page.
func (g probePage) first() string { return g.header.Get("X-TAXII-Date-Added-First") }
func (g probePage) last() string  { return g.header.Get("X-TAXII-Date-Added-Last") }

// empty reports whether the page is a proper empty one.
func (g probePage) empty() bool {
	return g.ok && len(g.Objects) == 0 && !g.More && !emptyList.Match(g.body)
}

// readChecks looks at pages and their order.
func (p *probe) readChecks() {
	future := p.objects("added_after", "2199-01-01T00:00:00.000000Z")
	p.is("empty_page", future.empty(), "%v %s", future.reply, clip(string(future.body)))
	p.malformed()
	r := p.get(p.at.JoinPath("objects", "indicator--"+absent+"/"))
	p.is("object_missing", r.refused(404), "%v", r)
	p.oddInput()
	if len(p.sample) == 0 {
		p.skip("objects", "date_headers", "date_headers_all", "date_headers_fit", "date_unique", "next_replay", "manifest_next", "limit", "paging", "added_after_strict", "manifest", "order", "manifest_fits", "manifest_paging", "object", "versions", "not_modified")
		return
	}
	g := p.objects("limit", "50")
	good := g.ok && len(g.ids) > 0
	for _, raw := range g.Objects {
		var n name
		json.Unmarshal(raw, &n)
		good = good && n.ID != "" && strings.HasPrefix(n.ID, n.Type+"--")
	}
	p.is("objects", good && g.taxii(), "%v n=%d", g.reply, len(g.ids))
	p.is("date_headers", timestamp.MatchString(g.first()) && timestamp.MatchString(g.last()) && g.first() <= g.last(), "first=%q last=%q", g.first(), g.last())
	p.paging(g)
	p.manifest(g)
	p.single()
	p.dates(g)
	p.nexts()
	tag := g.header.Get("ETag")
	if tag == "" {
		p.skip("not_modified")
		return
	}
	r = p.get(with(p.at.JoinPath("objects/"), "limit", "50"), "If-None-Match", tag)
	p.is("not_modified", r.status == 304, "%v ETag=%s", r, tag)
}

// malformed sends parameters that the standard calls malformed.
func (p *probe) malformed() {
	for _, c := range []struct {
		name  string
		param string
		bad   []string
	}{
		{"limit_bad", "limit", []string{"0", "-1", "ten"}}, {"added_after_bad", "added_after", []string{"yesterday"}},
		{"next_bad", "next", []string{"~comity~"}}, {"match_version_bad", "match[version]", []string{"newest"}},
		{"match_version_all", "match[version]", []string{"all,last"}}, {"match_version_twice", "match[version]", []string{"last,last"}},
	} {
		var r reply
		for _, bad := range c.bad {
			if r = p.get(with(p.at.JoinPath("objects/"), c.param, bad)); !r.refused(400) {
				p.is(c.name, false, "%s=%s: %v", c.param, bad, r)
				break
			}
		}
		if r.refused(400) {
			p.is(c.name, true, "%s=%s: %v", c.param, c.bad[len(c.bad)-1], r)
		}
	}
	g := p.objects("added_after", "2020-01-01T00:00:00.000000Z", "added_after", "2021-01-01T00:00:00.000000Z")
	p.is("added_after_twice", g.refused(400), "%v", g.reply)
}

// dates compares the date headers of the other endpoints with the manifest.
func (p *probe) dates(objects probePage) {
	s := p.sample[0]
	bad := ""
	for _, path := range []string{"manifest/", "objects/" + s.ID + "/", "objects/" + s.ID + "/versions/"} {
		g := p.page(path)
		if !timestamp.MatchString(g.first()) || !timestamp.MatchString(g.last()) || g.first() > g.last() {
			bad = path + ": first=" + g.first() + " last=" + g.last()
		}
	}
	p.is("date_headers_all", bad == "", "%s", bad)
	last := p.sample[min(len(p.sample), len(objects.ids))-1]
	fits := objects.first() == s.DateAdded && (len(objects.ids) != len(p.sample) || objects.last() == last.DateAdded)
	p.is("date_headers_fit", fits, "%s … %s / %s … %s", objects.first(), objects.last(), s.DateAdded, last.DateAdded)
	twice := ""
	for i, r := range p.sample {
		if i > 0 && p.sample[i-1].DateAdded == r.DateAdded {
			twice = r.DateAdded
		}
	}
	p.advise("date_unique", twice == "", "n=%d %s", len(p.sample), twice)
}

// nexts looks at what makes clients lose their place or never end.
func (p *probe) nexts() {
	g := p.objects("limit", "1")
	switch {
	case g.Next == "":
		p.skip("next_replay")
	default:
		one, two := p.objects("limit", "1", "next", g.Next), p.objects("limit", "1", "next", g.Next)
		p.advise("next_replay", one.ok && two.ok && slices.Equal(one.ids, two.ids), "%v %q / %v %q", one.reply, one.ids, two.reply, two.ids)
	}
	m := p.page("manifest/", "limit", "1")
	p.advise("manifest_next", !m.More || m.Next != "", "more=%v next=%q", m.More, clip(m.Next))
}

// oddInput sends what no client means; the answer may be anything but a crash or
// a page for a browser.
func (p *probe) oddInput() {
	odd := []*url.URL{
		with(p.at.JoinPath("objects/"), "match[type]", ","), with(p.at.JoinPath("objects/"), "match[id]", "'\x00\"<"),
		with(p.at.JoinPath("objects/"), "limit", strings.Repeat("9", 40)), with(p.at.JoinPath("manifest/"), "match[version]", "\xff"),
		p.at.JoinPath("objects", "%00", "versions/"), with(p.at.JoinPath("objects/"), "match[", "]"),
	}
	for _, u := range odd {
		if r := p.get(u); r.err != nil || r.status >= 500 || strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
			p.is("odd_input", false, "%s: %v", u.RequestURI(), r)
			return
		}
	}
	p.is("odd_input", true, "%d", len(odd))
}

// paging compares a page with the same read in smaller ones, and from a date on.
func (p *probe) paging(whole probePage) {
	one := p.objects("limit", "1")
	p.is("limit", one.ok && len(one.ids) == 1 && one.More == (len(whole.ids) > 1 || whole.More), "n=%d more=%v", len(one.ids), one.More)
	if len(whole.ids) < 3 {
		p.skip("paging")
	} else {
		got := p.walk("objects/", 3+len(whole.ids)/5, len(whole.ids))
		p.is("paging", slices.Equal(got, whole.ids), "%d / %d", len(got), len(whole.ids))
	}
	if len(whole.ids) < 2 || !timestamp.MatchString(one.last()) {
		p.skip("added_after_strict")
		return
	}
	g := p.objects("limit", "1", "added_after", one.last())
	p.is("added_after_strict", g.ok && len(g.ids) == 1 && g.first() > one.last(), "added_after=%s: first=%s", one.last(), g.first())
}

// walk reads n records in pages of limit, by next or else by date.
func (p *probe) walk(kind string, limit, n int) []string {
	var got []string
	query := []string{"limit", itoa(limit)}
	for range n + 2 {
		g := p.page(kind, query...)
		got = append(got, g.ids...)
		if !g.ok || !g.More || len(got) >= n || len(g.ids) == 0 {
			break
		}
		if g.Next != "" {
			query = []string{"limit", itoa(limit), "next", g.Next}
		} else {
			query = []string{"limit", itoa(limit), "added_after", g.last()}
		}
	}
	return got[:min(len(got), n)]
}

func (p *probe) manifest(objects probePage) {
	bad, sorted := "", true
	for i, s := range p.sample {
		media := s.Media == "" || len(p.col.MediaTypes) == 0 || slices.Contains(p.col.MediaTypes, s.Media)
		if s.ID == "" || s.Version == "" || !timestamp.MatchString(s.DateAdded) || !media {
			bad = s.ID + " date_added=" + s.DateAdded + " version=" + s.Version + " media_type=" + s.Media
		}
		sorted = sorted && (i == 0 || p.sample[i-1].DateAdded <= s.DateAdded)
	}
	p.is("manifest", bad == "", "n=%d %s", len(p.sample), bad)
	p.is("order", sorted, "%s … %s", p.sample[0].DateAdded, p.sample[len(p.sample)-1].DateAdded)
	n := min(len(objects.ids), len(p.sample))
	fits := true
	for i, id := range objects.ids[:n] {
		fits = fits && id == p.sample[i].ID
	}
	p.is("manifest_fits", fits, "n=%d", n)
	if n < 3 {
		p.skip("manifest_paging")
		return
	}
	got := p.walk("manifest/", 2, min(n, 7))
	p.is("manifest_paging", slices.Equal(got, objects.ids[:min(n, 7)]), "%d / %d", len(got), min(n, 7))
}

// single looks at one object.
func (p *probe) single() {
	s := p.sample[0]
	r := p.page("objects/" + s.ID + "/")
	p.is("object", r.ok && len(r.ids) == 1 && r.ids[0] == s.ID, "%v n=%d", r.reply, len(r.ids))
	var v struct {
		Versions []string `json:"versions"`
	}
	a := p.get(p.at.JoinPath("objects", s.ID, "versions/"))
	p.is("versions", a.into(&v) && slices.Contains(v.Versions, s.Version) && a.header.Get("X-TAXII-Date-Added-Last") != "", "%v %q", a, v.Versions)
}
