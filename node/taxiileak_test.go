package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/stix"
)

// leakObject is one version of an object, as drawn.
func leakObject(i, day int, name string, tlp comity.TLP) []byte {
	return fmt.Appendf(nil, `{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-%02dT00:00:00.000Z","name":"%s","pattern":"[ipv4-addr:value = '198.51.100.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","object_marking_refs":["%s"]}`,
		i, day, name, i%256, stix.TLPMarking(tlp))
}

// worlds are two nodes that differ in what their callers may not have.
type worlds struct {
	plain, full *running
	as          [2][]asker
	mask        [2]*strings.Replacer // of collection ids, of one round
}

// INVARIANT: what a caller may not have does not exist: no status, header or byte
// of any answer tells a node that holds it from one that does not, but for what
// is drawn at random and for times of arrival.
func TestTaxiiHiddenDoesNotExist(t *testing.T) {
	w := worlds{plain: start(t, "alpha"), full: start(t, "alpha")}
	for i, n := range []*running{w.plain, w.full} {
		w.as[i] = askers(t, n, node.TaxiiOptions{Anonymous: true})
		if err := n.CreateUser(t.Context(), admin, "somebody-else", "", node.RolePublic, "en"); err != nil {
			t.Fatal(err)
		}
	}
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		w.round(t, round)
	})
}

// drawn is a world: what both nodes hold, and what only the full one does.
type drawn struct {
	asker  int
	shared [][]byte
	hidden [][]byte // beyond the caller
	order  []bool   // true: the next is a hidden one
}

func drawWorld(t *rapid.T, base int) drawn {
	most := []comity.TLP{comity.Clear, comity.AmberStrict, comity.AmberStrict, comity.AmberStrict, comity.Amber, comity.Green, comity.Clear}
	d := drawn{asker: rapid.IntRange(0, len(most)-1).Draw(t, "asker")}
	label := func(hidden bool) comity.TLP {
		var fit []comity.TLP
		for _, l := range []comity.TLP{comity.Clear, comity.Green, comity.Amber, comity.AmberStrict, comity.Red} {
			if (l > most[d.asker]) == hidden {
				fit = append(fit, l)
			}
		}
		return rapid.SampledFrom(fit).Draw(t, "label")
	}
	// A version has one content, so no version is both seen and hidden.
	taken := map[[2]int]bool{}
	for range rapid.IntRange(0, 30).Draw(t, "n") {
		v := [2]int{base + rapid.IntRange(0, 7).Draw(t, "object"), rapid.IntRange(1, 5).Draw(t, "day")}
		if taken[v] {
			continue
		}
		taken[v] = true
		hidden := rapid.Bool().Draw(t, "hidden")
		o := leakObject(v[0], v[1], "x", label(hidden))
		if d.order = append(d.order, hidden); hidden {
			d.hidden = append(d.hidden, o)
		} else {
			d.shared = append(d.shared, o)
		}
	}
	return d
}

// fill puts a world into both nodes, in the same order.
func (w *worlds) fill(t *rapid.T, d drawn, feed, closed string, o node.Opening) {
	for i, n := range []*running{w.plain, w.full} {
		put := func(c string, b []byte) {
			if _, err := n.Import(t.Context(), admin, node.ImportRequest{Reader: reader(string(b)), Name: "x.json", Collection: c, TLP: "clear"}); err != nil {
				t.Fatal(err)
			}
		}
		put(feed, leakObject(900_000, 1, "first", comity.Clear))
		if i == 1 {
			put(closed, leakObject(900_001, 1, "closed", comity.Clear))
			if err := n.OpenCollection(t.Context(), admin, closed, node.Opening{Readers: []string{"somebody-else"}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.OpenCollection(t.Context(), admin, feed, o); err != nil {
			t.Fatal(err)
		}
		shared, hidden := d.shared, d.hidden
		for _, h := range d.order {
			switch {
			case !h:
				put(feed, shared[0])
				shared = shared[1:]
			case i == 1:
				put(feed, hidden[0])
				hidden = hidden[1:]
			default:
			}
		}
		v, err := n.Collection(t.Context(), feed)
		if err != nil {
			t.Fatal(err)
		}
		w.mask[i] = strings.NewReplacer(string(v.ID), "COLLECTION")
	}
}

func (w *worlds) round(t *rapid.T, round int) {
	d := drawWorld(t, round*100)
	feed, closed := fmt.Sprintf("feed%d", round), fmt.Sprintf("closed%d", round)
	o := node.Opening{To: node.RolePublic, Write: rapid.Bool().Draw(t, "write")}
	w.fill(t, d, feed, closed, o)
	own := w.as[0][d.asker].role == node.RoleReader || w.as[0][d.asker].role == node.RoleAnalyst || w.as[0][d.asker].role == node.RoleAdmin
	if own { // to them every collection is open
		closed = "closed-nowhere"
	}
	base := "/taxii2/api/collections/" + feed + "/"
	one := fmt.Sprintf("indicator--00000000-0000-4000-8000-%012d", round*100+rapid.IntRange(0, 8).Draw(t, "one"))
	filter := rapid.SampledFrom([]string{"", "match[version]=all", "match[version]=first", "match[version]=last,first", "match[version]=2026-01-03T00:00:00Z",
		"match[type]=indicator", "match[type]=tool", "match[spec_version]=2.1", "match[id]=" + one, "match[spec_version]=2.0",
		"added_after=2020-01-01T00:00:00Z", "added_after=2999-01-01T00:00:00Z"}).Draw(t, "filter")
	limit := rapid.SampledFrom([]string{"", "limit=1", "limit=2", "limit=5", "limit=1000"}).Draw(t, "limit")
	query := "?" + strings.Trim(filter+"&"+limit, "&")
	for _, path := range []string{"objects/", "manifest/", "objects/" + one + "/", "objects/" + one + "/versions/", "objects/nonsense/"} {
		w.follow(t, d.asker, base+path+query)
	}
	for _, tc := range [][3]string{
		{"GET", "/taxii2/", ""}, {"GET", "/taxii2/api/", ""}, {"GET", base, ""}, {"HEAD", base + "objects/" + query, ""},
		{"GET", "/taxii2/api/collections/" + closed + "/", ""}, {"GET", "/taxii2/api/collections/" + closed + "/objects/", ""},
		{"POST", "/taxii2/api/collections/" + closed + "/objects/", `{"objects":[]}`},
		{"DELETE", "/taxii2/api/collections/" + closed + "/objects/" + one + "/", ""},
	} {
		w.same(t, d.asker, tc[0], tc[1], tc[2])
	}
	if own && w.as[0][d.asker].role != node.RoleReader || !own && o.Write && d.asker != 0 {
		w.write(t, d, base, one, own)
	}
	if !own {
		w.same(t, d.asker, "GET", "/taxii2/api/collections/", "")
	}
}

// write posts what is new, and takes away; what was hidden must not show in what
// came of it.
func (w *worlds) write(t *rapid.T, d drawn, base, one string, own bool) {
	fresh := leakObject(800_000+len(d.order), 1, "fresh", comity.Clear)
	w.same(t, d.asker, "POST", base+"objects/", `{"objects":[`+string(fresh)+`]}`)
	if own {
		w.same(t, d.asker, "DELETE", base+"objects/"+one+"/", "")
	}
	w.follow(t, d.asker, base+"objects/?limit=3&match[version]=all")
}

// follow reads all pages in both worlds.
func (w *worlds) follow(t *rapid.T, who int, path string) {
	next := [2]string{}
	for range 100 {
		got := [2]*httptest.ResponseRecorder{}
		for i := range got {
			p := path
			if next[i] != "" {
				p += "&next=" + url.QueryEscape(next[i])
			}
			got[i] = w.as[i][who].ask("GET", p, "")
		}
		w.compare(t, w.as[0][who].name+" GET "+path, got)
		for i := range got {
			var e struct{ Next string }
			if err := json.Unmarshal(got[i].Body.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			next[i] = e.Next
		}
		if next[0] == "" {
			return
		}
	}
	t.Fatalf("%s does not end", path)
}

func (w *worlds) same(t *rapid.T, who int, method, path, body string) {
	got := [2]*httptest.ResponseRecorder{}
	for i := range got {
		got[i] = w.as[i][who].ask(method, path, body)
	}
	w.compare(t, w.as[0][who].name+" "+method+" "+path, got)
}

var masks = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`), "TIME"}, // of arrival: six digits
	{regexp.MustCompile(`"next":"[^"]*"`), `"next":"CURSOR"`},
	{regexp.MustCompile(`"error_id":"[^"]*"`), `"error_id":"ID"`},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}("|/)`), "UUID$1"}, // of a status; the objects' have zeros
}

// shownAs is an answer without what is drawn at random and times of arrival.
func (w *worlds) shownAs(i int, r *httptest.ResponseRecorder) string {
	var b bytes.Buffer
	fmt.Fprintln(&b, r.Code)
	h := r.Header().Clone()
	if h.Get("ETag") != "" {
		h.Set("ETag", fmt.Sprint("tag of ", len(h.Get("ETag"))))
	}
	if strings.Contains(r.Body.String(), `"next":`) || r.Body.Len() == 0 {
		h.Del("Content-Length") // with the length of the cursor; the body is compared
	}
	if err := h.Write(&b); err != nil {
		return err.Error()
	}
	b.Write(r.Body.Bytes())
	s := w.mask[i].Replace(b.String())
	for _, m := range masks {
		if m.with != "UUID$1" {
			s = m.re.ReplaceAllString(s, m.with)
			continue
		}
		s = m.re.ReplaceAllStringFunc(s, func(u string) string {
			if strings.HasPrefix(u, "00000000-") {
				return u
			}
			return "UUID" + u[len(u)-1:]
		})
	}
	return s
}

func (w *worlds) compare(t *rapid.T, what string, got [2]*httptest.ResponseRecorder) {
	var said [2]string
	for i := range got {
		if said[i] = w.shownAs(i, got[i]); got[i].Code >= 500 {
			t.Fatalf("%s: %s", what, said[i])
		}
	}
	if said[0] != said[1] && !slices.Equal(sortedObjects(said[0]), sortedObjects(said[1])) {
		t.Fatalf("%s tells what is hidden:\n%s\n--- with it:\n%s", what, said[0], said[1])
	}
}

// sortedObjects takes the list of collections apart, whose order is that of
// random ids.
func sortedObjects(s string) []string {
	if !strings.Contains(s, `"collections":[`) {
		return []string{s}
	}
	parts := strings.Split(s, "},{")
	for i := range parts {
		parts[i] = strings.TrimSuffix(strings.TrimSpace(parts[i][strings.LastIndex(parts[i], `[{`)+1:]), "}]}")
		parts[i] = strings.TrimPrefix(parts[i], "{")
	}
	slices.Sort(parts)
	return parts
}
