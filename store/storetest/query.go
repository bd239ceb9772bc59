package storetest

import (
	"fmt"
	"slices"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func queryTests() []subtest {
	return []subtest{
		{"filters", queryFilters},
		{"pages by key", queryPages},
		{"raw", queryRaw},
	}
}

func queryFilters(k *kit) {
	a, b, c, d := object("indicator--1", 1), object("malware--1", 1), object("tool--1", 1), object("indicator--2", 1)
	a.TLP, b.TLP, c.TLP, d.TLP = comity.Clear, comity.Green, comity.Amber, comity.Red
	b.Creator, c.Creator = "identity--2", ""
	peer := local()
	peer.Origin, peer.Door = "peer", comity.DoorChannel
	first := k.put(imported("imp-1"), a, b)
	rest := k.put(peer, c, d)
	k.put(imported("imp-2"), b)
	k.setState(rest[1].OID, comity.StateRevoked)
	k.update(func(tx store.Tx) error {
		if err := tx.PutCollection(k.ctx, store.Collection{ID: "col", Alias: "col", Created: t0()}); err != nil {
			return err
		}
		return tx.AddMembers(k.ctx, "col", []store.OID{rest[0].OID, first[0].OID}, t0())
	})
	own, theirs := comity.MemberID(""), comity.MemberID("peer")
	for _, c := range []struct {
		name string
		q    store.Query
		want []string
	}{
		{"all", store.Query{}, []string{"indicator--1", "malware--1", "tool--1"}},
		{"newest", store.Query{Newest: true}, []string{"tool--1", "malware--1", "indicator--1"}},
		{"types", store.Query{Types: []string{"tool", "indicator", "tool"}}, []string{"indicator--1", "tool--1"}},
		{"types newest", store.Query{Types: []string{"tool", "indicator"}, Newest: true, Limit: 1}, []string{"tool--1"}},
		{"creator", store.Query{Creator: "identity--2"}, []string{"malware--1"}},
		{"own", store.Query{Origin: &own}, []string{"indicator--1", "malware--1"}},
		{"peer", store.Query{Origin: &theirs}, []string{"tool--1"}},
		{"at least", store.Query{MinTLP: comity.Green}, []string{"malware--1", "tool--1"}},
		{"at most", store.Query{MaxTLP: comity.Green}, []string{"indicator--1", "malware--1"}},
		{"revoked", store.Query{States: []comity.State{comity.StateRevoked}}, []string{"indicator--2"}},
		{"two states", store.Query{States: []comity.State{comity.StateRevoked, comity.StateActive}, Types: []string{"indicator"}}, []string{"indicator--1", "indicator--2"}},
		{"import", store.Query{Import: "imp-1"}, []string{"indicator--1", "malware--1"}},
		{"second import", store.Query{Import: "imp-2"}, []string{"malware--1"}},
		{"no import", store.Query{Import: "imp-3"}, []string{}},
		{"collection", store.Query{Collection: "col"}, []string{"indicator--1", "tool--1"}},
		{"collection and import", store.Query{Collection: "col", Import: "imp-1"}, []string{"indicator--1"}},
		{"collection and type, newest", store.Query{Collection: "col", Types: []string{"tool"}, Newest: true}, []string{"tool--1"}},
		{"nothing", store.Query{Types: []string{"tool"}, MaxTLP: comity.Clear}, []string{}},
	} {
		if got := ids(k.query(c.q)); !slices.Equal(got, c.want) {
			k.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	k.wantKind(k.s.View(k.ctx, func(r store.Reader) error {
		_, err := r.Query(k.ctx, store.Query{Collection: "unknown"})
		return err
	}), comity.NotFound)
}

func queryPages(k *kit) {
	var objs []comity.Object
	for i := range 1200 {
		objs = append(objs, object(fmt.Sprintf("%s--%d", []string{"indicator", "malware", "tool"}[i%3], i), 1))
	}
	k.put(local(), objs...)
	for _, q := range []store.Query{
		{Limit: 7}, {Newest: true, Limit: 7}, {Types: []string{"tool", "malware"}, Limit: 7},
		{Types: []string{"tool", "malware"}, Newest: true, Limit: 7},
	} {
		want := 1200
		if len(q.Types) > 0 {
			want = 800
		}
		seen := map[comity.ObjectID]bool{}
		for {
			page := k.query(q)
			if len(page) == 0 {
				break
			}
			for _, v := range page {
				after := q.After == 0 || v.OID > q.After != q.Newest
				if seen[v.ID] || !after {
					k.Fatalf("%+v: %s comes again or out of order", q, v.ID)
				}
				seen[v.ID], q.After = true, v.OID
			}
		}
		if len(seen) != want {
			k.Errorf("%+v: %d of %d", q, len(seen), want)
		}
	}
	if n := len(k.query(store.Query{})); n != 100 {
		k.Errorf("page of %d without a limit, want 100", n)
	}
	if n := len(k.query(store.Query{Limit: 5000})); n != 1000 {
		k.Errorf("page of %d, at most 1,000", n)
	}
}

func queryRaw(k *kit) {
	o := object("indicator--1", 1)
	k.put(local(), o)
	if v := k.query(store.Query{WithRaw: true})[0]; string(v.Raw) != string(o.Raw) {
		k.Errorf("raw is %q", v.Raw)
	}
	if v := k.query(store.Query{})[0]; v.Raw != nil {
		k.Errorf("raw without asking: %q", v.Raw)
	}
}
