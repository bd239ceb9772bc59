package sqlite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/sqlite"
)

// TestRunsMerge puts enough batches that runs are written, merged and merged
// again, with newer versions, erasures and a reference that all objects share,
// and compares what is found with what was put.
func TestRunsMerge(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, filepath.Join(t.TempDir(), "comity.db"), sqlite.Options{})
	const hot = comity.ObjectID("identity--hot")
	current := map[comity.ObjectID]store.OID{} // by object: its version
	version := map[comity.ObjectID]int{}
	value := func(id comity.ObjectID, version int) comity.Value {
		return comity.Value{Kind: comity.ValueName, Text: fmt.Sprintf("%s v%d", id, version)}
	}
	for batch := range 75 {
		n := 360 // objects; with four pairs each more than a run's least
		if batch%5 == 4 {
			n = 130
		}
		var objs []comity.Object
		for i := range n {
			id := comity.ObjectID(fmt.Sprintf("note--%d-%d", batch%40, i))
			v := version[id] + 1
			version[id] = v
			objs = append(objs, comity.Object{ID: id, Type: "note", Modified: time.Unix(int64(v), 0), Raw: fmt.Append(nil, id, v),
				Values: []comity.Value{value(id, v), {Kind: comity.ValueName, Text: fmt.Sprint("shared ", i)}},
				Refs:   []comity.Ref{{Kind: "a_ref", Target: hot}, {Kind: "b_ref", Target: "tool--" + id}}})
		}
		puts, err := put(ctx, s, objs...)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range puts {
			current[objs[i].ID] = p.OID
		}
	}
	err := s.Update(ctx, func(tx store.Tx) error {
		for i := range 100 {
			id := comity.ObjectID(fmt.Sprintf("note--%d-%d", i%40, i))
			if err := tx.SetState(ctx, current[id], comity.StateErased, "", time.Now()); err != nil {
				return err
			}
			delete(current, id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []store.OID
	for _, oid := range current {
		want = append(want, oid)
	}
	slices.Sort(want)
	err = s.View(ctx, func(r store.Reader) error {
		looked := 0
		for id, v := range version { // some of them: in no order
			if looked++; looked > 3000 {
				break
			}
			oid, there := current[id]
			hits, err := r.Lookup(ctx, []comity.Value{value(id, v)}, 10)
			if err != nil || len(hits) != 1 && there || len(hits) != 0 && !there || there && hits[0].Version.OID != oid {
				t.Fatalf("%s v%d (%v): %v %v", id, v, there, hits, err)
			}
			if old, err := r.Lookup(ctx, []comity.Value{value(id, v-1)}, 10); err != nil || len(old) != 0 {
				t.Fatalf("%s v%d is past: %v %v", id, v-1, old, err)
			}
		}
		for _, limit := range []int{1, 7, 1000, 10000} {
			edges, err := r.RefsTo(ctx, hot, limit)
			if err != nil {
				return err
			}
			var got []store.OID
			for _, e := range edges {
				got = append(got, e.From)
			}
			if !slices.Equal(got, want[:min(limit, len(want))]) {
				t.Errorf("limit %d: %d edges, want %d", limit, len(got), min(limit, len(want)))
			}
		}
		sharedFound(t, r, current)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.Check(ctx); err != nil || len(found) > 0 {
		t.Errorf("check: %v %v", found, err)
	}
}

// sharedFound looks up the values that one object of each batch has.
func sharedFound(t *testing.T, r store.Reader, current map[comity.ObjectID]store.OID) {
	t.Helper()
	for i := range 360 {
		hits, err := r.Lookup(t.Context(), []comity.Value{{Kind: comity.ValueName, Text: fmt.Sprint("shared ", i)}}, 1000)
		var mine []store.OID
		for batch := range 40 {
			if oid, there := current[comity.ObjectID(fmt.Sprintf("note--%d-%d", batch, i))]; there {
				mine = append(mine, oid)
			}
		}
		slices.Sort(mine)
		slices.Reverse(mine)
		var got []store.OID
		for _, h := range hits {
			got = append(got, h.Version.OID)
		}
		if err != nil || !slices.Equal(got, mine) {
			t.Fatalf("shared %d: %v, want %v; %v", i, got, mine, err)
		}
	}
}
