package storetest

import (
	"crypto/sha256"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func eraseTests() []subtest {
	return []subtest{
		{"content goes, the rest stays", eraseKeeps},
		{"the version does not come back", eraseStays},
		{"an old version", eraseOld},
		{"there is no way back", eraseFinal},
	}
}

func eraseKeeps(k *kit) {
	o := object("indicator--1", 1)
	oid := k.put1(imported("imp-1"), o, store.FateNew)
	k.setState(oid, comity.StateErased)
	v := k.object("indicator--1")
	if v.Raw != nil || v.Name != "" || v.State != comity.StateErased || !v.Latest {
		k.Errorf("after erasure: %+v", v)
	}
	if v.Digest != sha256.Sum256(o.Raw) || v.Size != int64(len(o.Raw)) || !v.Modified.Equal(o.Modified) || v.Why != "why" || !v.StateAt.Equal(minute(9)) {
		k.Errorf("what must stay: %+v", v)
	}
	if hits := k.lookup(comity.ValueDomain, o.Values[0].Text); len(hits) != 0 {
		k.Errorf("value: %+v", hits)
	}
	k.view(func(r store.Reader) error {
		if edges, err := r.RefsTo(k.ctx, o.Refs[0].Target, 10); len(edges) != 0 || err != nil {
			k.Errorf("references to: %v %v", edges, err)
		}
		if edges, err := r.RefsFrom(k.ctx, oid); len(edges) != 0 || err != nil {
			k.Errorf("references from: %v %v", edges, err)
		}
		from, err := r.Sources(k.ctx, oid)
		if len(from) != 1 || from[0].Import != "imp-1" {
			k.Errorf("provenance: %v", from)
		}
		return err
	})
	if got := ids(k.query(store.Query{States: []comity.State{comity.StateErased}, WithRaw: true})); len(got) != 1 {
		k.Errorf("erased ones: %v", got)
	}
	k.clean()
}

func eraseStays(k *kit) {
	o := object("indicator--1", 1)
	k.setState(k.put1(local(), o, store.FateNew), comity.StateErased)
	k.put1(local(), o, store.FateErased)
	other := o
	other.Raw = []byte("written otherwise")
	k.put1(local(), other, store.FateErased)
	k.put1(local(), object("indicator--1", 2), store.FateNewer)
	k.put1(local(), object("indicator--1", 0), store.FateOlder)
	if v := k.object("indicator--1"); v.Raw == nil || v.State != comity.StateActive {
		k.Errorf("the newer version: %+v", v)
	}
	k.clean()
}

func eraseOld(k *kit) {
	old := k.put1(local(), object("indicator--1", 1), store.FateNew)
	k.put1(local(), object("indicator--1", 2), store.FateNewer)
	k.setState(old, comity.StateErased)
	if n := len(k.lookup(comity.ValueDomain, "v2.indicator--1.example")); n != 1 {
		k.Errorf("%d hits of the current version", n)
	}
	if v := k.object("indicator--1"); v.State != comity.StateActive || v.Raw == nil {
		k.Errorf("current: %+v", v)
	}
}

func eraseFinal(k *kit) {
	oid := k.put1(local(), object("indicator--1", 1), store.FateNew)
	k.setState(oid, comity.StateErased)
	k.setState(oid, comity.StateErased)
	for _, s := range []comity.State{comity.StateActive, comity.StateRevoked} {
		k.updateWant(comity.Conflict, func(tx store.Tx) error { return tx.SetState(k.ctx, oid, s, "", t0()) })
	}
}
