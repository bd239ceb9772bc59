package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// rootsSeen is what discovery tells a caller.
func rootsSeen(x exchangeOf) (roots []string, d struct {
	Default, Contact, Description string
	APIRoots                      []string `json:"api_roots"`
}) {
	x.t.Helper()
	x.get("/taxii2/", http.StatusOK, &d)
	return d.APIRoots, d
}

// postTo posts a malware object and gives the answer's status.
func postTo(x exchangeOf, root, collection string, i int) (int, []byte) {
	x.t.Helper()
	body := fmt.Sprintf(`{"objects":[{"type":"malware","spec_version":"2.1","id":%q,"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","is_family":false,"name":"x","object_marking_refs":["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"]}]}`, malwareID(i))
	res, b := x.do(http.MethodPost, "/taxii2/"+root+"/collections/"+collection+"/objects/", []byte(body))
	return res.StatusCode, b
}

// withoutIDs takes out of an error body what differs each time.
func withoutIDs(body []byte) []byte {
	return regexp.MustCompile(`"error_id":"[^"]*"`).ReplaceAll(body, nil)
}

func statusIn(t *testing.T, body []byte) (st statusJSON) {
	t.Helper()
	if err := json.Unmarshal(body, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// A root without a collection for a caller is not there for that caller, and
// what is in one root is not in another.
func TestTaxiiRoots(t *testing.T) { both(t, taxiiRoots) }

func taxiiRoots(t *testing.T) {
	ana := taxiiOf(t, node.TaxiiOptions{Anonymous: true})
	ctx, n := t.Context(), ana.n
	cons := ana.as("cons", node.RoleConstituent)
	anyone := ana
	anyone.token = ""
	for _, r := range []node.TaxiiRoot{{Name: "partners", Title: "Partners", Description: "For partners", MaxContentLength: 4096}, {Name: "empty"}} {
		if err := n.PutTaxiiRoot(ctx, admin, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, alias := range []string{"here", "there"} {
		if _, err := n.AddCollection(ctx, admin, node.CollectionDraft{Alias: alias}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.OpenCollection(ctx, admin, "there", node.Opening{To: node.RoleConstituent, Write: true, Root: "partners"}); err != nil {
		t.Fatal(err)
	}
	if err := n.SetTaxiiAbout(ctx, admin, node.TaxiiAbout{Contact: "soc@alpha.example", Description: "What alpha offers"}); err != nil {
		t.Fatal(err)
	}
	roots, d := rootsSeen(cons)
	if len(roots) != 2 || d.Contact != "soc@alpha.example" || d.Description != "What alpha offers" || !slices.Contains(roots, d.Default) {
		t.Errorf("discovery: %+v", d)
	}
	if roots, _ := rootsSeen(anyone); len(roots) != 1 {
		t.Errorf("anyone sees %v", roots)
	}
	var root struct {
		Title, Description string
		Max                int64 `json:"max_content_length"`
	}
	if cons.get("/taxii2/partners/", http.StatusOK, &root); root.Title != "Partners" || root.Description != "For partners" || root.Max != 4096 {
		t.Errorf("%+v", root)
	}
	for path, x := range map[string]exchangeOf{
		"/taxii2/partners/": anyone, "/taxii2/partners/collections/": anyone, "/taxii2/partners/collections/there/": anyone,
		"/taxii2/empty/": cons, "/taxii2/empty/collections/": cons, "/taxii2/api/collections/there/": cons,
		"/taxii2/partners/collections/here/": ana, "/taxii2/api/collections/there/objects/": ana,
	} {
		x.get(path, http.StatusNotFound, nil)
	}
	hidden, a := anyone.do(http.MethodGet, "/taxii2/partners/", nil)
	missing, b := anyone.do(http.MethodGet, "/taxii2/nothere/", nil)
	if hidden.StatusCode != missing.StatusCode || len(a) == 0 || !bytes.Equal(withoutIDs(a), withoutIDs(b)) {
		t.Errorf("a hidden root: %s, one that is not there: %s", a, b)
	}
	var cs struct{ Collections []struct{ Alias string } }
	if cons.get("/taxii2/partners/collections/", http.StatusOK, &cs); len(cs.Collections) != 1 || cs.Collections[0].Alias != "there" {
		t.Errorf("%+v", cs)
	}
	statusesStay(t, cons, n)
}

// statusesStay looks at a status from the root of its post and from another one,
// and at what holds a root.
func statusesStay(t *testing.T, cons exchangeOf, n *running) {
	code, b := postTo(cons, "partners", "there", 1)
	if code != http.StatusAccepted {
		t.Fatalf("%d %s", code, b)
	}
	id := statusIn(t, b).ID
	cons.get("/taxii2/partners/status/"+id+"/", http.StatusOK, nil)
	cons.get("/taxii2/api/status/"+id+"/", http.StatusNotFound, nil)
	if res, b := cons.do(http.MethodPost, "/taxii2/partners/collections/there/objects/", append([]byte(`{"objects":[`), make([]byte, 5000)...)); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("more than the root takes: %d %s", res.StatusCode, b)
	}
	ctx := t.Context()
	for what, err := range map[string]error{
		"one with a collection": n.RemoveTaxiiRoot(ctx, admin, "partners"),
		"the default one":       n.RemoveTaxiiRoot(ctx, admin, "api"),
		"none":                  n.RemoveTaxiiRoot(ctx, admin, "nothere"),
		"by an analyst":         n.RemoveTaxiiRoot(ctx, node.Actor{Name: "ana", Role: node.RoleAnalyst}, "empty"),
	} {
		if err == nil {
			t.Errorf("removed a root: %s", what)
		}
	}
	if err := n.CloseCollection(ctx, admin, "there"); err != nil {
		t.Fatal(err)
	}
	if c, err := n.Collection(ctx, "there"); err != nil || c.Open.Root != "partners" || !c.Open.Closed() {
		t.Errorf("closed, the collection left its root: %+v %v", c.Open, err)
	}
	if err := n.RemoveTaxiiRoot(ctx, admin, "empty"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "A", "a/b", "..", "a b", "-a", "é"} {
		if err := n.PutTaxiiRoot(ctx, admin, node.TaxiiRoot{Name: name}); !comity.Is(err, comity.Usage) {
			t.Errorf("a root %q: %v", name, err)
		}
	}
	if err := n.PutTaxiiRoot(ctx, admin, node.TaxiiRoot{Name: "api", Title: "Ours"}); err != nil {
		t.Error(err)
	}
	if roots, err := n.TaxiiRoots(ctx); err != nil || len(roots) != 2 || roots[0].Title != "Ours" || roots[0].MaxContentLength == 0 {
		t.Errorf("%+v %v", roots, err)
	}
}

// Accounts named may do what they are named for, and others nothing.
func TestTaxiiAccountRights(t *testing.T) {
	ana := taxiiOf(t, node.TaxiiOptions{Anonymous: true})
	ctx, n := t.Context(), ana.n
	if _, err := n.AddCollection(ctx, admin, node.CollectionDraft{Alias: "c"}); err != nil {
		t.Fatal(err)
	}
	callers := map[string]exchangeOf{"ana": ana}
	for _, name := range []string{"reads", "writes", "both", "neither"} {
		callers[name] = ana.as(name, node.RoleCommunity)
	}
	callers["look"] = ana.as("look", node.RoleReader)
	anyone := ana
	anyone.token = ""
	callers["anyone"] = anyone
	open := node.Opening{Readers: []string{"reads", "both"}, Writers: []string{"writes", "both", "look"}}
	if err := n.OpenCollection(ctx, admin, "c", open); err != nil {
		t.Fatal(err)
	}
	i := 0
	for name, want := range map[string]struct{ list, get, post, remove int }{
		"ana":     {1, 200, 202, 200},
		"look":    {1, 200, 403, 403}, // what a role may not do, a name does not give
		"reads":   {1, 200, 403, 403},
		"writes":  {1, 403, 202, 403},
		"both":    {1, 200, 202, 403}, // only this node's own people take out
		"neither": {0, 404, 404, 404},
		"anyone":  {0, 404, 404, 404},
	} {
		x := callers[name]
		var cs struct {
			Collections []struct {
				Read  bool `json:"can_read"`
				Write bool `json:"can_write"`
			}
		}
		if x.get("/taxii2/api/collections/", http.StatusOK, &cs); len(cs.Collections) != want.list {
			t.Fatalf("%s: %+v", name, cs)
		}
		if want.list == 1 && (cs.Collections[0].Read != (want.get == 200) || cs.Collections[0].Write != (want.post == 202)) {
			t.Errorf("%s: %+v", name, cs)
		}
		for _, path := range []string{"objects/", "manifest/"} {
			x.get("/taxii2/api/collections/c/"+path, want.get, nil)
		}
		i++
		if code, b := postTo(x, "api", "c", i); code != want.post {
			t.Errorf("%s posts: %d %s", name, code, b)
		}
		postTo(ana, "api", "c", i)
		res, b := x.do(http.MethodDelete, "/taxii2/api/collections/c/objects/"+string(malwareID(i))+"/", nil)
		if res.StatusCode != want.remove {
			t.Errorf("%s removes: %d %s", name, res.StatusCode, b)
		}
	}
	if err := n.OpenCollection(ctx, admin, "c", node.Opening{Readers: []string{"nobody"}}); !comity.Is(err, comity.NotFound) {
		t.Errorf("opened to an account that is not there: %v", err)
	}
	if err := n.OpenCollection(ctx, admin, "c", node.Opening{Write: true, Readers: []string{"reads"}}); !comity.Is(err, comity.Usage) {
		t.Errorf("writing for no circle: %v", err)
	}
}

// What a query fills nobody writes by TAXII; it serves what matches.
func TestTaxiiQueryCollection(t *testing.T) {
	ana := taxiiOf(t, node.TaxiiOptions{})
	ctx, n := t.Context(), ana.n
	both := ana.as("both", node.RoleCommunity)
	for alias, query := range map[string]string{"in": "", "q": "type = malware and tlp <= green"} {
		if _, err := n.AddCollection(ctx, admin, node.CollectionDraft{Alias: alias, Query: query}); err != nil {
			t.Fatal(err)
		}
		if err := n.OpenCollection(ctx, admin, alias, node.Opening{To: node.RoleCommunity, Write: true}); err != nil {
			t.Fatal(err)
		}
	}
	if code, b := postTo(both, "api", "in", 1); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, b)
	}
	for _, x := range []exchangeOf{ana, both} {
		if code, b := postTo(x, "api", "q", 2); code != http.StatusForbidden {
			t.Errorf("posted into a query: %d %s", code, b)
		}
		if res, b := x.do(http.MethodDelete, "/taxii2/api/collections/q/objects/"+string(malwareID(1))+"/", nil); res.StatusCode != http.StatusForbidden {
			t.Errorf("removed from a query: %d %s", res.StatusCode, b)
		}
		res, b := x.do(http.MethodGet, "/taxii2/api/collections/q/objects/", nil)
		if res.StatusCode != http.StatusOK || !bytes.Contains(b, []byte(malwareID(1))) {
			t.Errorf("%d %s", res.StatusCode, b)
		}
	}
	if _, err := n.Revoke(ctx, admin, malwareID(1), "x"); err != nil {
		t.Fatal(err)
	}
	if _, b := both.do(http.MethodGet, "/taxii2/api/collections/q/objects/", nil); bytes.Contains(b, []byte(malwareID(1))) {
		t.Errorf("what was withdrawn is still collected: %s", b)
	}
}
