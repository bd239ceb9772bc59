package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// malwareID names the objects of a filling.
func malwareID(i int) comity.ObjectID {
	return comity.ObjectID(fmt.Sprintf("malware--00000000-0000-4000-8000-%012d", i))
}

// bundleOf is a bundle of malware objects from first to last, of one day, under
// a label.
func bundleOf(t *testing.T, first, last, day int, label string) string {
	t.Helper()
	var objects []map[string]any
	for i := first; i < last; i++ {
		objects = append(objects, map[string]any{
			"type": "malware", "spec_version": "2.1", "id": malwareID(i), "created": "2026-01-01T00:00:00.000Z",
			"modified": fmt.Sprintf("2026-01-%02dT00:00:00.000Z", day), "is_family": false, "name": "x", "labels": []string{label},
		})
	}
	b, err := json.Marshal(map[string]any{"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// held counts the members by object.
func held(t *testing.T, n *node.Node, alias string) map[comity.ObjectID]int {
	t.Helper()
	out := map[comity.ObjectID]int{}
	for before := int64(0); ; {
		p, err := n.Members(t.Context(), alias, before, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range p.Members {
			out[m.Version.ID]++
		}
		if before = p.Next; before == 0 {
			return out
		}
	}
}

// INVARIANT: what arrives, changes or goes while a collection is filled is
// neither missed nor kept, and a filling that was stopped goes on in another
// process from where it was.
func TestFillAmidChanges(t *testing.T) { both(t, fillAmidChanges) }

func fillAmidChanges(t *testing.T) {
	n := start(t, "alpha")
	n.pause()
	const many = 1300 // two transactions of a filling and a half
	bring(t, n, bundleOf(t, 0, many, 2, "a"))
	if _, err := n.AddCollection(t.Context(), admin, node.CollectionDraft{Alias: "q", Query: "label = b"}); err != nil {
		t.Fatal(err)
	}
	if err := n.FillCollections(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := held(t, n.Node, "q"); len(got) != 0 {
		t.Fatalf("%d members match nothing", len(got))
	}
	if err := n.SetCollectionQuery(t.Context(), admin, "q", "label = a"); err != nil {
		t.Fatal(err)
	}
	var steps int
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err := n.FillCollections(ctx, func(_ comity.CollectionID, f node.Filling) {
		if steps++; f.Done < 0 || f.Done > f.Total {
			t.Errorf("%d of %d places", f.Done, f.Total)
		}
		if c, err := n.Collection(t.Context(), "q"); err != nil || steps == 2 && c.Filling == nil {
			t.Errorf("%+v %v", c, err)
		}
		if steps != 3 { // by then 500 or 1,000 objects were looked at
			return
		}
		bring(t, n, bundleOf(t, 0, 10, 3, "b"))         // gone from behind the walk
		bring(t, n, bundleOf(t, many-10, many, 3, "b")) // and from before it
		bring(t, n, bundleOf(t, 20, 30, 3, "a"))        // a further version
		bring(t, n, bundleOf(t, many, many+5, 2, "a"))  // new
		if _, err := n.Erase(t.Context(), admin, malwareID(40), "x"); err != nil {
			t.Error(err)
		}
		stop()
	})
	if !comity.Is(err, comity.Interrupted) {
		t.Fatalf("a filling that was stopped: %v", err)
	}
	other := another(t, n)
	if c, err := other.Collection(t.Context(), "q"); err != nil || c.Filling == nil || c.Filling.Done == 0 {
		t.Fatalf("%+v %v", c.Filling, err)
	}
	if err := other.FillCollections(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if c, err := n.Collection(t.Context(), "q"); err != nil || c.Filling != nil {
		t.Fatalf("still filling: %+v %v", c, err)
	}
	got := held(t, n.Node, "q")
	for i := range many + 5 {
		want := 1
		switch {
		case i < 10, i >= many-10 && i < many, i == 40:
			want = 0
		case i >= 20 && i < 30:
			want = 2
		}
		if got[malwareID(i)] != want {
			t.Errorf("object %d: %d versions, want %d", i, got[malwareID(i)], want)
		}
	}
}

// What a query fills is refused by hand, with the query in the reason, and is
// free again without it; its members stay then.
func TestQueryNotByHand(t *testing.T) {
	n := start(t, "alpha")
	bring(t, n, bundleOf(t, 0, 3, 2, "a"))
	ctx := t.Context()
	analyst := node.Actor{Name: "ana", Role: node.RoleAnalyst}
	if _, err := n.AddCollection(ctx, analyst, node.CollectionDraft{Alias: "q", Title: "Q", Query: "label = a"}); err != nil {
		t.Fatal(err)
	}
	if err := n.FillCollections(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"add": n.Collect(ctx, analyst, "q", []comity.ObjectID{malwareID(0)}),
		"import": func() error {
			_, err := n.Import(ctx, analyst, node.ImportRequest{Reader: reader(bundleOf(t, 5, 6, 2, "z")), Name: "b.json", Collection: "q"})
			return err
		}(),
	} {
		if m := comity.ErrorMessage(err); !comity.Is(err, comity.Forbidden) || m.Key != "collect.by_query" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"a reader": n.SetCollectionQuery(ctx, node.Actor{Name: "r", Role: node.RoleReader}, "q", "label = b"),
		"nonsense": n.SetCollectionQuery(ctx, analyst, "q", "label ="),
		"blanks":   n.SetCollectionQuery(ctx, analyst, "q", "  "),
		"nowhere":  n.SetCollectionQuery(ctx, analyst, "none", "label = b"),
	} {
		if err == nil {
			t.Errorf("%s may set a query", what)
		}
	}
	if err := n.SetCollectionQuery(ctx, analyst, "q", ""); err != nil {
		t.Fatal(err)
	}
	if got := held(t, n.Node, "q"); len(got) != 3 {
		t.Errorf("%d members stayed", len(got))
	}
	if err := n.Collect(ctx, analyst, "q", []comity.ObjectID{malwareID(0)}); err != nil {
		t.Error(err)
	}
}

// A preview says what a query would collect, and changes nothing.
func TestPreviewQuery(t *testing.T) {
	n := start(t, "alpha")
	bring(t, n, bundleOf(t, 0, 30, 2, "a"))
	bring(t, n, bundleOf(t, 30, 40, 2, "b"))
	for _, c := range []struct {
		query       string
		limit, want int
		more        bool
	}{{"label = b", 50, 10, false}, {"label = b", 4, 4, true}, {"label = c", 5, 0, false}, {"type = malware", 50, 40, false}} {
		p, err := n.PreviewQuery(t.Context(), c.query, c.limit)
		if err != nil || len(p.Found) != c.want || p.More != c.more {
			t.Errorf("%s: %d found, more %v, %v", c.query, len(p.Found), p.More, err)
		}
	}
	if _, err := n.PreviewQuery(t.Context(), "label", 5); !comity.Is(err, comity.Usage) {
		t.Error(err)
	}
	if cs, err := n.Collections(t.Context()); err != nil || len(cs) != 0 {
		t.Errorf("a preview left %d collections, %v", len(cs), err)
	}
}
