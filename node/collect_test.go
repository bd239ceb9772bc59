package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/store"
)

// collectWorld is a node with query collections, and the actions that change
// what they hold.
type collectWorld struct {
	n       *running
	ctx     context.Context
	round   int               // all objects of one round carry its label, and all queries ask for it
	queries map[string]string // by alias
	ids     map[comity.ObjectID]bool
	imports []comity.ImportID
}

const worldObjects = 6

func (w *collectWorld) id(i int) comity.ObjectID {
	return comity.ObjectID(fmt.Sprintf("%s--00000000-0000-4000-8000-%08d%04d", []string{"malware", "tool"}[i%2], w.round, i))
}

func (w *collectWorld) query(t *rapid.T) string {
	return fmt.Sprintf("label = r%d and (%s)", w.round, rapid.SampledFrom(worldQueries).Draw(t, "query"))
}

// object draws a version of one of few objects.
func (w *collectWorld) object(t *rapid.T) map[string]any {
	i := rapid.IntRange(0, worldObjects-1).Draw(t, "object")
	m := map[string]any{
		"type": []string{"malware", "tool"}[i%2], "spec_version": "2.1", "id": w.id(i), "created": "2026-01-01T00:00:00.000Z",
		"modified": fmt.Sprintf("2026-01-%02dT00:00:00.000Z", rapid.IntRange(1, 9).Draw(t, "day")), "name": rapid.SampledFrom([]string{"emotet", "other"}).Draw(t, "name"),
		"labels": []string{fmt.Sprint("r", w.round), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "label")},
	}
	if i%2 == 0 {
		m["is_family"] = false
	}
	if tlp := rapid.SampledFrom([]comity.TLP{comity.Unmarked, comity.Clear, comity.Green, comity.Amber}).Draw(t, "tlp"); tlp != comity.Unmarked {
		m["object_marking_refs"] = []comity.ObjectID{stix.TLPMarking(tlp)}
	}
	if rapid.IntRange(0, 9).Draw(t, "revoked") == 0 {
		m["revoked"] = true
	}
	return m
}

var worldQueries = []string{
	"type = malware", "type = tool and label = a", "label = b or tlp <= green", "tlp = amber", "exact = emotet", "not label = a", "country = KZ",
	"tlp > green and exact = emotet",
}

func (w *collectWorld) put(t *rapid.T) {
	objects := []map[string]any{}
	for range rapid.IntRange(1, 4).Draw(t, "objects") {
		objects = append(objects, w.object(t))
	}
	b, err := json.Marshal(map[string]any{"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects})
	if err != nil {
		t.Fatal(err)
	}
	im, err := w.n.Import(w.ctx, admin, node.ImportRequest{Reader: reader(string(b)), Name: "bundle.json",
		TLP: rapid.SampledFrom([]string{"", "clear", "amber"}).Draw(t, "unmarked")})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		w.ids[o["id"].(comity.ObjectID)] = true
	}
	w.imports = append(w.imports, im.ID)
}

// some draws an object that was put; "" when none was.
func (w *collectWorld) some(t *rapid.T) comity.ObjectID {
	ids := slices.Sorted(maps.Keys(w.ids))
	if len(ids) == 0 {
		return ""
	}
	return rapid.SampledFrom(ids).Draw(t, "id")
}

// may lets pass what the world refuses for a reason.
func may(t *rapid.T, err error) {
	if err != nil && !comity.Is(err, comity.Conflict) && !comity.Is(err, comity.NotFound) && !comity.Is(err, comity.Forbidden) {
		t.Fatal(err)
	}
}

// step does one thing that changes objects or queries.
func (w *collectWorld) step(t *rapid.T) {
	ctx := w.ctx
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0, 1, 2, 3:
		w.put(t)
	case 4:
		tlp := rapid.SampledFrom([]comity.TLP{comity.Clear, comity.Green, comity.Amber, comity.Red}).Draw(t, "mark")
		_, err := w.n.Mark(ctx, admin, w.some(t), tlp, "why")
		may(t, err)
	case 5:
		_, err := w.n.Revoke(ctx, admin, w.some(t), "why")
		may(t, err)
	case 6:
		_, err := w.n.Erase(ctx, admin, w.some(t), "why")
		may(t, err)
	case 7:
		if len(w.imports) > 0 {
			_, err := w.n.UndoImport(ctx, admin, string(rapid.SampledFrom(w.imports).Draw(t, "import")), rapid.Bool().Draw(t, "withdraw"))
			may(t, err)
		}
	default:
		alias := rapid.SampledFrom(slices.Sorted(maps.Keys(w.queries))).Draw(t, "alias")
		w.queries[alias] = w.query(t)
		if err := w.n.SetCollectionQuery(ctx, admin, alias, w.queries[alias]); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "fill") {
			w.fill(t)
		}
	}
}

func (w *collectWorld) fill(t *rapid.T) {
	if err := w.n.FillCollections(w.ctx, nil); err != nil {
		t.Fatal(err)
	}
}

// wanted says which versions a query collects, from what the node shows of its
// objects.
func (w *collectWorld) wanted(t *rapid.T, query string) []store.OID {
	f, err := policy.ParseFilter(query)
	if err != nil {
		t.Fatal(err)
	}
	var out []store.OID
	for id := range w.ids {
		v, err := w.n.Show(w.ctx, id)
		if comity.Is(err, comity.NotFound) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		o, _ := stix.Parse(v.Version.Raw, stix.Options{Mode: comity.Lenient})
		if v.Version.State != comity.StateActive || !f.MatchUnder(&o, v.Version.Handling) {
			continue
		}
		for _, held := range v.Versions {
			if held.State != comity.StateErased {
				out = append(out, held.OID)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (w *collectWorld) check(t *rapid.T) {
	w.fill(t)
	for alias, query := range w.queries {
		c, err := w.n.Collection(w.ctx, alias)
		if err != nil || c.Query != query || c.Filling != nil {
			t.Fatalf("%s: %+v %v", alias, c, err)
		}
		p, err := w.n.Members(w.ctx, alias, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var got []store.OID
		for _, m := range p.Members {
			got = append(got, m.Version.OID)
		}
		slices.Sort(got)
		if want := w.wanted(t, query); !slices.Equal(got, want) {
			t.Fatalf("%s holds %v, and %s matches %v", alias, got, query, want)
		}
	}
}

// INVARIANT: the members of a query collection are exactly the held versions of
// the objects whose current version matches, whatever happened to them.
func TestCollectQueryHolds(t *testing.T) { both(t, collectQueryHolds) }

func collectQueryHolds(t *testing.T) {
	n := start(t, "alpha")
	n.pause() // what is left to fill is filled where the test says
	round, ctx := 0, t.Context()
	rapid.Check(t, func(t *rapid.T) {
		round++
		w := &collectWorld{n: n, ctx: ctx, round: round, queries: map[string]string{}, ids: map[comity.ObjectID]bool{}}
		for i := range 3 {
			alias := fmt.Sprintf("q%d", i)
			w.queries[alias] = w.query(t)
			_, err := n.AddCollection(w.ctx, admin, node.CollectionDraft{Alias: alias, Query: w.queries[alias]})
			if comity.Is(err, comity.Conflict) {
				err = n.SetCollectionQuery(w.ctx, admin, alias, w.queries[alias])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			w.step(t)
			if rapid.IntRange(0, 3).Draw(t, "look") == 0 {
				w.check(t)
			}
		}
		w.check(t)
	})
	if round == 0 {
		t.Fatal("no round")
	}
}
