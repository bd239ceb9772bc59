package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
)

// asker asks a node's handler directly, as one account.
type asker struct {
	h     http.Handler
	name  string
	role  node.Role
	token string
}

// askers are one account of each role, and whoever has none.
func askers(t *testing.T, n *running, o node.TaxiiOptions) []asker {
	t.Helper()
	h, err := n.Taxii(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	out := []asker{{h: h, name: "anonymous", role: node.RolePublic}}
	for _, r := range []node.Role{node.RoleReader, node.RoleAnalyst, node.RoleAdmin, node.RoleConstituent, node.RoleCommunity, node.RolePublic} {
		name := "a-" + string(r)
		if err := n.CreateUser(t.Context(), admin, name, "", r, "en"); err != nil {
			t.Fatal(err)
		}
		token, err := n.CreateToken(t.Context(), admin, name, "test", 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, asker{h, name, r, token})
	}
	return out
}

func (a asker) ask(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", taxii.MediaTAXII)
	}
	w := httptest.NewRecorder()
	a.h.ServeHTTP(w, r)
	return w
}

// rights is the rule of who may do what with a collection, said once more.
func (a asker) rights(o node.Opening) (read, write bool) {
	width := []node.Role{node.RoleConstituent, node.RoleCommunity, node.RolePublic}
	mine := slices.Index(width, a.role)
	if mine < 0 {
		return true, a.role != node.RoleReader
	}
	in := slices.Index(width, o.To) >= mine
	if a.name == "anonymous" {
		return in, false
	}
	return in || slices.Contains(o.Readers, a.name), in && o.Write || slices.Contains(o.Writers, a.name)
}

// INVARIANT: what each role may do with each collection, by each method on each
// endpoint, is what the rule says, and nothing else is there.
func TestTaxiiRights(t *testing.T) {
	n := start(t, "alpha")
	makeCollection(t, n, "feed")
	makeCollection(t, n, "other")
	all := askers(t, n, node.TaxiiOptions{Anonymous: true})
	if err := n.PutTaxiiRoot(t.Context(), admin, node.TaxiiRoot{Name: "second", Title: "Second"}); err != nil {
		t.Fatal(err)
	}
	named := []string{}
	for _, a := range all[1:] {
		named = append(named, a.name)
	}
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(named), 0, 2, rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		openings := map[string]node.Opening{}
		for _, c := range []string{"feed", "other"} {
			o := node.Opening{To: rapid.SampledFrom([]node.Role{"", node.RoleConstituent, node.RoleCommunity, node.RolePublic}).Draw(t, "to")}
			o.Write = o.To != "" && rapid.Bool().Draw(t, "write")
			o.Readers, o.Writers = some.Draw(t, "readers"), some.Draw(t, "writers")
			if rapid.Bool().Draw(t, "elsewhere") {
				o.Root = "second"
			}
			err := n.OpenCollection(t.Context(), admin, c, o)
			if o.To == "" && len(o.Readers)+len(o.Writers) == 0 {
				err = n.CloseCollection(t.Context(), admin, c)
				o.Root = "?" // whatever closing made of it; asked below
			}
			if err != nil {
				t.Skip(err) // an opening that cannot be
			}
			v, err := n.Collection(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			openings[c] = v.Open
		}
		for _, a := range all {
			a.rightsHold(t, openings)
		}
	})
}

func (a asker) rightsHold(t *rapid.T, openings map[string]node.Opening) {
	const object = "indicator--00000000-0000-4000-8000-000000000001"
	body := fmt.Sprintf(`{"objects":[%s]}`, labelled(1, comity.Clear))
	for _, root := range []string{"api", "second", "third"} {
		want := map[string][2]bool{} // of this root: read, write
		for c, o := range openings {
			at := o.Root
			if at == "" {
				at = "api"
			}
			read, write := a.rights(o)
			if at == root && (read || write) {
				want[c] = [2]bool{read, write}
			}
		}
		a.listed(t, root, want)
		for c := range openings {
			read, write := want[c][0], want[c][1]
			none := !read && !write
			pick := func(yes bool, status int) int {
				switch {
				case none:
					return 404
				case yes:
					return status
				}
				return 403
			}
			base := "/taxii2/" + root + "/collections/" + c + "/"
			inside := a.role == node.RoleAnalyst || a.role == node.RoleAdmin
			for _, tc := range []struct {
				method, path string
				want         int
			}{
				{"GET", "", pick(!none, 200)}, {"HEAD", "", pick(!none, 200)},
				{"POST", "objects/", pick(write, 202)},
				{"GET", "objects/", pick(read, 200)}, {"HEAD", "objects/", pick(read, 200)},
				{"GET", "manifest/", pick(read, 200)},
				{"DELETE", "objects/" + object + "/", pick(inside, 200)},
				{"GET", "objects/tool--00000000-0000-4000-8000-000000000009/", pick(read, 404)},
				{"GET", "objects/tool--00000000-0000-4000-8000-000000000009/versions/", pick(read, 404)},
				{"DELETE", "objects/tool--00000000-0000-4000-8000-000000000009/", pick(inside, 404)},
				{"POST", "", 405}, {"DELETE", "", 405}, {"PUT", "objects/", 405}, {"DELETE", "objects/", 405},
				{"POST", "manifest/", 405}, {"POST", "objects/" + object + "/", 405}, {"DELETE", "objects/" + object + "/versions/", 405},
				{"GET", "nothing/", 404}, {"PATCH", "objects/" + object + "/", 405},
			} {
				if w := a.ask(tc.method, base+tc.path, body); w.Code != tc.want {
					t.Fatalf("%s: %s %s is %d, want %d (%+v): %s", a.name, tc.method, base+tc.path, w.Code, tc.want, openings[c], w.Body)
				}
			}
		}
	}
}

// listed compares what a root shows with what it should.
func (a asker) listed(t *rapid.T, root string, want map[string][2]bool) {
	w := a.ask("GET", "/taxii2/"+root+"/collections/", "")
	at := a.ask("GET", "/taxii2/"+root+"/", "")
	status := 200
	if root == "third" || root == "second" && len(want) == 0 {
		status = 404
	}
	if w.Code != status || at.Code != status {
		t.Fatalf("%s: root %s is %d and %d, want %d", a.name, root, at.Code, w.Code, status)
	}
	var disc struct {
		Roots []string `json:"api_roots"`
	}
	if err := json.Unmarshal(a.ask("GET", "/taxii2/", "").Body.Bytes(), &disc); err != nil || slices.Contains(disc.Roots, "/taxii2/"+root+"/") != (status == 200) {
		t.Fatalf("%s: discovery names %v", a.name, disc.Roots)
	}
	var got struct {
		Collections []struct {
			Alias string
			Read  bool `json:"can_read"`
			Write bool `json:"can_write"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if status == 200 && len(got.Collections) != len(want) {
		t.Fatalf("%s: %s lists %+v, want %v", a.name, root, got, want)
	}
	for _, c := range got.Collections {
		if want[c.Alias] != [2]bool{c.Read, c.Write} {
			t.Fatalf("%s: %s lists %+v, want %v", a.name, root, c, want[c.Alias])
		}
	}
}
