package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// collection makes a collection "col" with these versions, added at minute(1).
func (k *kit) collection(oids ...store.OID) {
	k.Helper()
	k.update(func(tx store.Tx) error {
		if err := tx.PutCollection(k.ctx, store.Collection{ID: "col", Created: t0()}); err != nil {
			return err
		}
		return tx.AddMembers(k.ctx, "col", oids, minute(1))
	})
}

func (k *kit) members(q store.MemberQuery) []store.Member {
	k.Helper()
	q.Collection = "col"
	var out []store.Member
	k.view(func(r store.Reader) (err error) {
		out, err = r.Members(k.ctx, q)
		return err
	})
	return out
}

// oidsOf lists the versions of members, in order.
func oidsOf(ms []store.Member) []store.OID {
	out := []store.OID{}
	for _, m := range ms {
		out = append(out, m.Version.OID)
	}
	return out
}

// memberQueries compares every combination of filters with a plain loop.
func memberQueries(k *kit) {
	var objs []comity.Object
	for i := range 40 {
		objs = append(objs, object(fmt.Sprintf("%s--%d", []string{"indicator", "malware", "tool", "note"}[i%4], i), 1))
	}
	var oids []store.OID
	for _, p := range k.put(local(), objs...) {
		oids = append(oids, p.OID)
	}
	k.collection()
	for i, part := range [][]store.OID{oids[30:], oids[:15], oids[15:30]} {
		k.update(func(tx store.Tx) error { return tx.AddMembers(k.ctx, "col", part, minute(1-i).Add(123)) }) // the clock runs back
	}
	k.setState(oids[7], comity.StateErased)
	k.update(func(tx store.Tx) error { return tx.RemoveMembers(k.ctx, "col", oids[20:22]) })
	all := k.members(store.MemberQuery{Limit: 1000})
	if len(all) != 37 {
		k.Fatalf("%d members, want 37", len(all))
	}
	for i, m := range all {
		if !m.First || !m.Last || m.Added.Nanosecond()%1000 != 0 || i > 0 && !m.Added.After(all[i-1].Added) {
			k.Errorf("member %d: %+v", i, m)
		}
	}
	for _, after := range []int64{0, 12, 40} {
		for _, added := range []time.Time{{}, minute(0), all[0].Added, all[20].Added, all[20].Added.Add(1), all[36].Added.Add(-1), all[36].Added, minute(9)} {
			for _, types := range [][]string{nil, {"tool"}, {"note", "malware", "note"}, {"x"}} {
				for _, ids := range [][]comity.ObjectID{nil, {"tool--2"}, {"note--39", "tool--2", "malware--1", "tool--2", "x--1", "note--7"}} {
					k.compareMembers(all, store.MemberQuery{After: after, AddedAfter: added, Types: types, IDs: ids, Limit: 9})
				}
			}
		}
	}
	leanMembers(k, all)
	size := all[0].Version.Size
	for maxBytes, want := range map[int64]int{0: 37, 1: 1, size: 1, 3 * size: 3} {
		got := k.members(store.MemberQuery{Limit: 100, WithRaw: true, MaxBytes: maxBytes})
		if d := len(got) - want; d != 0 && (want != 3 || d < -1 || d > 1) {
			k.Errorf("%d members within %d bytes, want %d", len(got), maxBytes, want)
		}
		if string(got[0].Version.Raw) != string(objs[30].Raw) {
			k.Errorf("raw %s", got[0].Version.Raw)
		}
	}
	k.clean()
}

// leanMembers wants what a lean query promises, and both labels within bounds.
func leanMembers(k *kit, all []store.Member) {
	k.update(func(tx store.Tx) error {
		for i, m := range all {
			if err := tx.SetHandling(k.ctx, m.Version.OID, comity.TLP(1+i%5), "", minute(2)); err != nil {
				return err
			}
		}
		return nil
	})
	full := k.members(store.MemberQuery{Limit: 1000, WithRaw: true})
	for most := comity.Unmarked; most <= comity.Red; most++ {
		var want []store.Member
		for _, m := range full {
			if v := m.Version; most == comity.Unmarked || comity.Stricter(v.TLP, v.Handling) <= most {
				m.Version = store.Version{OID: v.OID, ID: v.ID, Type: v.Type, Created: v.Created, Modified: v.Modified, TLP: v.TLP,
					Handling: v.Handling, State: v.State, Origin: v.Origin, Conflict: v.Conflict, Size: v.Size, Raw: v.Raw}
				want = append(want, m)
			}
		}
		got := k.members(store.MemberQuery{Limit: 1000, WithRaw: true, Lean: true, MaxLabel: most})
		if d := cmp.Diff(want, got); d != "" || len(want) == 0 {
			k.Errorf("%d members up to %v: %s", len(want), most, d)
		}
	}
}

func (k *kit) compareMembers(all []store.Member, q store.MemberQuery) {
	k.Helper()
	want := []store.OID{}
	for _, m := range all {
		if m.Seq > q.After && (q.AddedAfter.IsZero() || m.Added.After(q.AddedAfter)) &&
			(len(q.Types) == 0 || slices.Contains(q.Types, m.Version.Type)) &&
			(len(q.IDs) == 0 || slices.Contains(q.IDs, m.Version.ID)) && len(want) < q.Limit {
			want = append(want, m.Version.OID)
		}
	}
	if d := cmp.Diff(want, oidsOf(k.members(q))); d != "" {
		k.Errorf("%+v: %s", q, d)
	}
}

// memberVersions: every version is a member of its own; First and Last follow
// what is added, taken out, erased and forgotten.
func memberVersions(k *kit) {
	oid := func(a store.Arrival, version int) store.OID {
		return k.put(a, object("indicator--1", version))[0].OID
	}
	v2 := oid(local(), 2)
	k.collection(v2, k.put(local(), object("tool--1", 1))[0].OID)
	flags := func(want string) {
		k.Helper()
		got := ""
		for _, m := range k.members(store.MemberQuery{IDs: []comity.ObjectID{"indicator--1"}}) {
			got += fmt.Sprint(m.Version.Modified.Minute())
			if m.First {
				got += "f"
			}
			if m.Last {
				got += "l"
			}
			got += " "
		}
		if got != want {
			k.Errorf("versions are %q, want %q", got, want)
		}
	}
	add := func(oids ...store.OID) {
		k.update(func(tx store.Tx) error { return tx.AddMembers(k.ctx, "col", oids, minute(3)) })
	}
	flags("2fl ")
	v4, v1, v3 := oid(imported("imp-1"), 4), oid(local(), 1), oid(local(), 3)
	flags("2fl ")
	add(v4, v1, v3)
	flags("2 4l 1f 3 ")
	other := object("indicator--1", 3)
	other.Raw = []byte("other bytes")
	conflict := k.put1(local(), other, store.FateConflict)
	add(conflict)
	flags("2 4l 1f 3 3 ")
	for _, c := range []struct {
		q    store.MemberQuery
		want []store.OID
	}{
		{store.MemberQuery{Last: true, Types: []string{"indicator"}}, []store.OID{v4}},
		{store.MemberQuery{First: true, Types: []string{"indicator"}}, []store.OID{v1}},
		{store.MemberQuery{First: true, Last: true, IDs: []comity.ObjectID{"indicator--1"}}, []store.OID{v4, v1}},
	} {
		if d := cmp.Diff(c.want, oidsOf(k.members(c.q))); d != "" {
			k.Errorf("%+v: %s", c.q, d)
		}
	}
	if got := k.members(store.MemberQuery{Last: true}); len(got) != 2 {
		k.Errorf("%d last versions, want 2", len(got))
	}
	k.update(func(tx store.Tx) error { return tx.RemoveMembers(k.ctx, "col", []store.OID{v1, v1, 999}) })
	flags("2f 4l 3 3 ")
	k.setState(v2, comity.StateErased)
	flags("4l 3f 3 ")
	k.update(func(tx store.Tx) error {
		_, _, err := tx.ForgetImport(k.ctx, "imp-1", 10)
		return err
	})
	flags("3fl 3 ")
	add(v1)
	flags("3l 3 1f ")
	k.clean()
}

func membersRemoved(k *kit) {
	puts := k.put(local(), object("indicator--1", 1), object("indicator--2", 1))
	a, b := puts[0].OID, puts[1].OID
	k.collection(a, b)
	remove := func(oids ...store.OID) {
		k.Helper()
		k.update(func(tx store.Tx) error { return tx.RemoveMembers(k.ctx, "col", oids) })
	}
	remove(b)
	if got := oidsOf(k.members(store.MemberQuery{})); !slices.Equal(got, []store.OID{a}) {
		k.Errorf("left: %v", got)
	}
	k.update(func(tx store.Tx) error { return tx.AddMembers(k.ctx, "col", []store.OID{b}, minute(0)) })
	ms := k.members(store.MemberQuery{AddedAfter: minute(1).Add(time.Microsecond)})
	if len(ms) != 1 || ms[0].Seq != 3 || !ms[0].Added.Equal(minute(1).Add(2*time.Microsecond)) {
		k.Errorf("added again: %+v", ms)
	}
	remove(a, b)
	if got := k.members(store.MemberQuery{AddedAfter: minute(0)}); len(got) != 0 {
		k.Errorf("left: %v", got)
	}
	k.updateWant(comity.NotFound, func(tx store.Tx) error { return tx.RemoveMembers(k.ctx, "x", nil) })
	if len(ids(k.query(store.Query{}))) != 2 {
		k.Error("the objects are gone too")
	}
}
