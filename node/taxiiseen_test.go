package node_test

import (
	"fmt"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/node"
)

func TestTaxiiReaders(t *testing.T) { both(t, taxiiReaders) }

func taxiiReaders(t *testing.T) {
	x := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, x.n, "feed") // with one object that is RED: no caller sees it
	var all [][]byte
	for i := range 30 {
		all = append(all, labelled(i, comity.Amber))
	}
	x.post("feed", all...)
	if err := x.n.OpenCollection(t.Context(), admin, "feed", node.Opening{To: node.RoleCommunity}); err != nil {
		t.Fatal(err)
	}
	com := x.as("com", node.RoleCommunity)
	const objects = "/taxii2/api/collections/feed/objects/"
	of := func(name string) node.TaxiiReader {
		t.Helper()
		list, err := x.n.TaxiiReaders(t.Context(), node.Actor{Name: "r", Role: node.RoleReader})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if r.Caller == name {
				return r
			}
		}
		return node.TaxiiReader{}
	}
	if r := of("ana"); r.Posts != 1 || r.Position != 0 || r.Lag != 31 || r.Role != node.RoleAnalyst || !r.LastPoll.IsZero() {
		t.Errorf("after a post: %+v", r)
	}
	x.get(objects+"?limit=10", 200, nil) // the first is hidden
	if r := of("ana"); r.Position != 11 || r.Lag != 20 || r.Records != 10 || r.Requests != 2 || r.Bytes < 3000 || r.LastPoll.IsZero() {
		t.Errorf("after a page: %+v", r)
	}
	x.get(objects+"?match[id]="+idOf(all[29]), 200, nil)
	x.get(objects+idOf(all[29])+"/", 200, nil)
	if r := of("ana"); r.Position != 11 || r.Requests != 4 {
		t.Errorf("a single object moved the position: %+v", r)
	}
	com.get(objects, 200, nil) // nothing of it is for the community
	if r := of("com"); r.Position != 31 || r.Lag != 0 || r.Records != 0 || r.Status != 200 {
		t.Errorf("who read to the end: %+v", r)
	}
	x.post("feed", labelled(100, comity.Amber))
	if r := of("com"); r.Position != 31 || r.Lag != 1 {
		t.Errorf("behind by one: %+v", r)
	}
	if _, err := x.n.TaxiiReaders(t.Context(), node.Actor{Name: "com", Role: node.RoleCommunity}); !comity.Is(err, comity.Forbidden) {
		t.Errorf("somebody outside sees the readers: %v", err)
	}
}

// What was observed is there after a restart, also what was not yet written.
func TestTaxiiReadersSurvive(t *testing.T) {
	x := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, x.n, "feed")
	for range 3 {
		x.get("/taxii2/api/collections/feed/manifest/", 200, nil)
	}
	dir := x.n.Dir()
	x.n.stop()
	again := open(t, dir, federation.ClientOptions{})
	list, err := again.TaxiiReaders(t.Context(), admin)
	if err != nil || len(list) != 1 || list[0].Requests != 3 || list[0].Position != 1 || list[0].Lag != 0 {
		t.Fatalf("%+v %v", list, err)
	}
}

func TestTaxiiPosts(t *testing.T) { both(t, taxiiPosts) }

func taxiiPosts(t *testing.T) {
	x := taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, x.n, "feed")
	broken := []byte(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-00000000ffff"}`)
	var ids []string
	for i := range 5 {
		st := x.post("feed", labelled(i, comity.Green), broken)
		if st.Success != 1 || st.Failure != 1 {
			t.Fatalf("%+v", st)
		}
		ids = append([]string{st.ID}, ids...)
	}
	var got []string
	for after := ""; ; {
		page, err := x.n.TaxiiPosts(t.Context(), admin, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, p := range page {
			got, after = append(got, p.ID), p.ID
			if p.Caller != "ana" || p.Success != 1 || p.Failure != 1 || len(p.Rules) != 1 || p.Rules[0].N != 1 || p.Root != "api" {
				t.Errorf("%+v", p)
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("listed %v, posted %v", got, ids)
	}
	p, err := x.n.TaxiiPost(t.Context(), admin, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	rs, err := x.n.Refusals(t.Context(), p.Import, 0, 10)
	if err != nil || len(rs) != 1 || len(rs[0].Findings) == 0 || rs[0].Findings[0].Msg.Key == "" {
		t.Errorf("%+v %v", rs, err)
	}
	for _, id := range []string{"x", "\x00", ids[0] + "0"} {
		if _, err := x.n.TaxiiPost(t.Context(), admin, id); !comity.Is(err, comity.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := x.n.TaxiiPosts(t.Context(), node.Actor{Role: node.RolePublic}, "", 5); !comity.Is(err, comity.Forbidden) {
		t.Errorf("the public sees posts: %v", err)
	}
}

// BenchmarkTaxiiNothingNew is the cheapest request, where observing would show.
func BenchmarkTaxiiNothingNew(b *testing.B) {
	x := taxiiOf(b, node.TaxiiOptions{})
	makeCollection(b, x.n, "feed")
	for b.Loop() {
		x.get("/taxii2/api/collections/feed/objects/?added_after="+"2036-01-01T00:00:00Z", 200, nil)
	}
}
