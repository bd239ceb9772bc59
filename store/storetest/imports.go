package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

var errGiveUp = errors.New("give up")

func importTests() []subtest {
	return []subtest{
		{"records", importRecords},
		{"refusals", importRefusals},
		{"undo", undo},
		{"undo leaves what came another way", undoOtherWays},
		{"undo leaves what is in a channel", undoShared},
		{"undo brings the older version back", undoPromotes},
		{"undo takes from roll-ups", undoRollups},
	}
}

func importRecords(k *kit) {
	var want []comity.Import
	for i := range 5 {
		im := comity.Import{
			ID: comity.ImportID(fmt.Sprintf("imp-%d", i)), Source: "file", Format: "stix", Mode: comity.Strict,
			Handling: comity.Green, By: "user", State: comity.ImportRunning, Started: minute(i),
		}
		k.update(func(tx store.Tx) error { return tx.PutImport(k.ctx, im) })
		im.State, im.Finished, im.Bytes, im.Accepted, im.Warned, im.Same, im.Refused = comity.ImportFailed, minute(9), 5, 4, 3, 2, 1
		im.Fault = comity.Msg("store.busy", comity.A("n", 3))
		k.update(func(tx store.Tx) error { return tx.PutImport(k.ctx, im) })
		want = append(want, im)
	}
	slices.Reverse(want)
	k.view(func(r store.Reader) error {
		first, err := r.Imports(k.ctx, "", 3)
		if err != nil {
			return err
		}
		rest, err := r.Imports(k.ctx, first[2].ID, 3)
		if err != nil {
			return err
		}
		if d := cmp.Diff(want, append(first, rest...)); d != "" {
			k.Error(d)
		}
		one, err := r.Import(k.ctx, "imp-2")
		if d := cmp.Diff(want[2], one); d != "" {
			k.Error(d)
		}
		_, missing := r.Import(k.ctx, "imp-9")
		k.wantKind(missing, comity.NotFound)
		return err
	})
}

func importRefusals(k *kit) {
	refusal := func(n int64) comity.Refusal {
		return comity.Refusal{Import: "imp-1", N: n, At: fmt.Sprintf("line %d", n), ID: "x--1", Raw: []byte{0xff, 0}, Cut: true,
			Findings: []comity.Finding{{Rule: "required", Path: "id", Section: "2.9", Refuses: true, Msg: comity.Msg("store.busy")}}}
	}
	add := func(rs ...comity.Refusal) {
		k.update(func(tx store.Tx) error { return tx.AddRefusals(k.ctx, "imp-1", rs) })
	}
	k.update(func(tx store.Tx) error { return tx.PutImport(k.ctx, comity.Import{ID: "imp-1", Started: t0()}) })
	a, b, c := refusal(1), refusal(2), refusal(3)
	a.N, b.N = 77, 0 // numbers are given by the store
	add(a, b)
	add(c)
	k.view(func(r store.Reader) error {
		got, err := r.Refusals(k.ctx, "imp-1", 1, 10)
		if d := cmp.Diff([]comity.Refusal{refusal(2), refusal(3)}, got); d != "" {
			k.Error(d)
		}
		return err
	})
}

// forget calls ForgetImport until it deletes nothing.
func (k *kit) forget(id comity.ImportID, limit int) (total int64, shared []store.OID) {
	k.Helper()
	for {
		var n int64
		k.update(func(tx store.Tx) (err error) {
			n, shared, err = tx.ForgetImport(k.ctx, id, limit)
			return err
		})
		if n > int64(limit) {
			k.Fatalf("%d deleted, at most %d", n, limit)
		}
		if n == 0 {
			return total, shared
		}
		total += n
	}
}

func undo(k *kit) {
	var objs []comity.Object
	for i := range 25 {
		objs = append(objs, object(fmt.Sprintf("indicator--%d", i), 1))
	}
	puts := k.put(imported("imp-1"), objs...)
	k.put(imported("imp-2"), object("indicator--other", 1))
	if n, shared := k.forget("imp-1", 10); n != 25 || len(shared) != 0 {
		k.Errorf("%d deleted, shared %v", n, shared)
	}
	if got := ids(k.query(store.Query{})); !slices.Equal(got, []string{"indicator--other"}) {
		k.Errorf("left: %v", got)
	}
	if len(k.lookup(comity.ValueDomain, objs[3].Values[0].Text)) != 0 || len(k.search("number1")) != 1 {
		k.Error("values or text are off")
	}
	again := k.put(imported("imp-3"), objs[0])
	if again[0].Fate != store.FateNew || again[0].OID <= puts[24].OID {
		k.Errorf("put again: %+v", again)
	}
	k.updateWant(comity.NotFound, func(tx store.Tx) error {
		_, _, err := tx.ForgetImport(k.ctx, "imp-9", 10)
		return err
	})
	k.clean()
}

func undoOtherWays(k *kit) {
	a, b := object("indicator--1", 1), object("indicator--2", 1)
	puts := k.put(imported("imp-1"), a, b)
	k.put(imported("imp-2"), b)
	if n, _ := k.forget("imp-1", 10); n != 1 {
		k.Errorf("%d deleted", n)
	}
	k.view(func(r store.Reader) error {
		from, err := r.Sources(k.ctx, puts[1].OID)
		if len(from) != 1 || from[0].Import != "imp-2" {
			k.Errorf("sources: %v", from)
		}
		return err
	})
	if n, _ := k.forget("imp-2", 10); n != 1 {
		k.Errorf("%d deleted", n)
	}
	if left := k.query(store.Query{}); len(left) != 0 {
		k.Errorf("left: %v", ids(left))
	}
	k.clean()
}

func undoShared(k *kit) {
	puts := k.put(imported("imp-1"), object("indicator--1", 1), object("indicator--2", 1))
	k.channel("ch", true)
	k.append("ch", 0, entry("h1", puts[0].OID, "indicator--1"))
	n, shared := k.forget("imp-1", 10)
	if n != 1 || !slices.Equal(shared, []store.OID{puts[0].OID}) {
		k.Errorf("%d deleted, shared %v", n, shared)
	}
	if got := ids(k.query(store.Query{})); !slices.Equal(got, []string{"indicator--1"}) {
		k.Errorf("left: %v", got)
	}
	k.clean()
}

func undoPromotes(k *kit) {
	k.put(imported("imp-1"), object("indicator--1", 1))
	k.put(imported("imp-2"), object("indicator--1", 2))
	clash := object("indicator--1", 2)
	clash.Raw = []byte("other bytes")
	k.put1(imported("imp-3"), clash, store.FateConflict)
	k.forget("imp-2", 10)
	if v := k.object("indicator--1"); string(v.Raw) != "other bytes" || v.Conflict || !v.Latest {
		k.Errorf("after the first undo: %+v", v)
	}
	k.clean()
	k.forget("imp-3", 10)
	if v := k.object("indicator--1"); !v.Modified.Equal(minute(1)) {
		k.Errorf("after the second undo: %+v", v)
	}
	if n := len(k.lookup(comity.ValueDomain, "v1.indicator--1.example")); n != 1 {
		k.Errorf("%d hits of the version that is current again", n)
	}
	if got := k.search("number1"); len(got) != 1 {
		k.Errorf("text: %v", got)
	}
	k.clean()
}

func undoRollups(k *kit) {
	k.put(imported("imp-1"), object("indicator--1", 1))
	k.put(imported("imp-2"), object("indicator--2", 1), object("malware--1", 1))
	k.forget("imp-2", 10)
	k.view(func(r store.Reader) error {
		sums, err := r.Rollups(k.ctx, t0(), t0())
		if len(sums) != 1 || sums[0].N != 1 || sums[0].Type != "indicator" {
			k.Errorf("%+v", sums)
		}
		return err
	})
}
