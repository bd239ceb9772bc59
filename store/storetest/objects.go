package storetest

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func objectTests() []subtest {
	return []subtest{
		{"every field comes back", fieldsComeBack},
		{"fates", fates},
		{"fates within one batch", fatesInBatch},
		{"unversioned", unversioned},
		{"revoked by its creator is final", revokedIsFinal},
		{"same bytes change only provenance", sameBytes},
		{"handling", handling},
		{"states", states},
		{"batch bound", batchBound},
		{"roll-ups", rollups},
	}
}

func fieldsComeBack(k *kit) {
	o := object("indicator--1", 1)
	o.TLP, o.Revoked = comity.AmberStrict, true
	a := store.Arrival{Door: comity.DoorChannel, Origin: "peer", Handling: comity.Red, At: minute(5)}
	oid := k.put1(a, o, store.FateNew)
	want := store.Version{
		OID: oid, ID: o.ID, Type: "indicator", Created: o.Created, Modified: o.Modified, Creator: o.Creator,
		Name: o.Name, Country: "KE", Revoked: true, TLP: comity.AmberStrict, Handling: comity.AmberStrict,
		Origin: "peer", Door: comity.DoorChannel, Latest: true, Received: minute(5),
		Digest: sha256.Sum256(o.Raw), Size: int64(len(o.Raw)), Raw: o.Raw,
	}
	if d := cmp.Diff(want, k.object("indicator--1")); d != "" {
		k.Error(d)
	}
	want.Raw = nil
	k.view(func(r store.Reader) error {
		vs, err := r.Current(k.ctx, []comity.ObjectID{"x--unknown", o.ID, o.ID})
		if d := cmp.Diff([]store.Version{want}, vs); d != "" {
			k.Error(d)
		}
		if err != nil {
			return err
		}
		vs, err = r.ByOID(k.ctx, []store.OID{oid + 99, oid}, false)
		if d := cmp.Diff([]store.Version{want}, vs); d != "" {
			k.Error(d)
		}
		_, missing := r.Object(k.ctx, "x--unknown")
		k.wantKind(missing, comity.NotFound)
		return err
	})
}

func fates(k *kit) {
	id := "indicator--1"
	second := k.put1(local(), object(id, 2), store.FateNew)
	older := k.put1(local(), object(id, 1), store.FateOlder)
	newer := k.put1(local(), object(id, 3), store.FateNewer)
	other := object(id, 3)
	other.Raw = []byte("other bytes")
	clash := k.put1(local(), other, store.FateConflict)
	if again := k.put1(local(), other, store.FateSame); again != clash {
		k.Errorf("same conflicting bytes are %d, then %d", clash, again)
	}
	if v := k.object(id); v.OID != newer || !v.Latest || v.Conflict {
		k.Errorf("current is %+v, want %d", v, newer)
	}
	k.view(func(r store.Reader) error {
		vs, err := r.Versions(k.ctx, comity.ObjectID(id))
		var got []store.OID
		for _, v := range vs {
			got = append(got, v.OID)
			if v.Conflict != (v.OID == clash) || v.Latest != (v.OID == newer) || v.Raw == nil {
				k.Errorf("version %+v", v)
			}
		}
		if want := []store.OID{newer, second, older, clash}; !slices.Equal(got, want) {
			k.Errorf("versions %v, want %v", got, want)
		}
		return err
	})
	if len(k.lookup(comity.ValueDomain, "v2.indicator--1.example", "v1.indicator--1.example")) != 0 {
		k.Error("values of old versions are found")
	}
	if len(k.lookup(comity.ValueDomain, "v3.indicator--1.example")) != 1 {
		k.Error("the value of the current version is not found")
	}
	k.clean()
}

func fatesInBatch(k *kit) {
	id := "indicator--1"
	clash := object(id, 2)
	clash.Raw = []byte("other bytes")
	puts := k.put(local(), object(id, 1), object(id, 2), object(id, 1), clash, object(id, 3), object(id, 0))
	want := []store.Fate{store.FateNew, store.FateNewer, store.FateSame, store.FateConflict, store.FateNewer, store.FateOlder}
	for i, p := range puts {
		if p.Fate != want[i] {
			k.Errorf("fate %d is %d, want %d", i, p.Fate, want[i])
		}
	}
	if puts[2].OID != puts[0].OID {
		k.Errorf("the same bytes got another number: %v", puts)
	}
	for n, hits := range []int{0, 0, 0, 1} {
		value := object(id, n).Values[0].Text
		if got := len(k.lookup(comity.ValueDomain, value)); got != hits {
			k.Errorf("%d hits for %s, want %d", got, value, hits)
		}
	}
	k.clean()
}

func unversioned(k *kit) {
	o := object("ipv4-addr--1", 0)
	oid := k.put1(local(), o, store.FateNew)
	k.put1(local(), o, store.FateSame)
	o.Raw = []byte("other bytes")
	k.put1(local(), o, store.FateConflict)
	if v := k.object("ipv4-addr--1"); v.OID != oid || !v.Modified.IsZero() {
		k.Errorf("current is %+v", v)
	}
}

func revokedIsFinal(k *kit) {
	id := "indicator--1"
	last := object(id, 2)
	last.Revoked = true
	k.put1(local(), object(id, 1), store.FateNew)
	k.put1(local(), last, store.FateNewer)
	k.put1(local(), object(id, 3), store.FateRevoked)
	k.put1(local(), object(id, 1), store.FateSame)
	k.put1(local(), object(id, 0), store.FateOlder)
	if v := k.object(id); !v.Revoked || v.Modified != minute(2) {
		k.Errorf("current is %+v", v)
	}
}

func sameBytes(k *kit) {
	o := object("indicator--1", 1)
	oid := k.put1(local(), o, store.FateNew)
	before := k.object("indicator--1")
	again := imported("imp-1")
	again.At = minute(3)
	if got := k.put1(again, o, store.FateSame); got != oid {
		k.Errorf("number %d, then %d", oid, got)
	}
	k.put1(again, o, store.FateSame)
	if d := cmp.Diff(before, k.object("indicator--1")); d != "" {
		k.Error(d)
	}
	k.view(func(r store.Reader) error {
		got, err := r.Sources(k.ctx, oid)
		want := []store.Source{
			{Door: comity.DoorLocal, At: t0()},
			{Door: comity.DoorImport, Import: "imp-1", At: minute(3)},
		}
		if d := cmp.Diff(want, got); d != "" {
			k.Error(d)
		}
		return err
	})
}

func handling(k *kit) {
	bare, marked := object("indicator--1", 1), object("indicator--2", 1)
	marked.TLP = comity.Clear
	puts := k.put(local(), bare, marked)
	if v := k.object("indicator--1"); v.TLP != comity.Unmarked || v.Handling != comity.Amber {
		k.Errorf("unmarked: %v %v", v.TLP, v.Handling)
	}
	if v := k.object("indicator--2"); v.TLP != comity.Clear || v.Handling != comity.Clear {
		k.Errorf("marked: %v %v", v.TLP, v.Handling)
	}
	k.update(func(tx store.Tx) error {
		return tx.SetHandling(k.ctx, puts[1].OID, comity.Red, "partner", minute(4))
	})
	v := k.object("indicator--2")
	if v.Handling != comity.Red || v.TLP != comity.Clear || v.Why != "partner" || !v.StateAt.Equal(minute(4)) {
		k.Errorf("after mark: %+v", v)
	}
	k.updateWant(comity.NotFound, func(tx store.Tx) error {
		return tx.SetHandling(k.ctx, 9999, comity.Red, "", t0())
	})
	none := local()
	none.Handling = comity.Unmarked
	k.updateWant(comity.Invalid, func(tx store.Tx) error {
		_, err := tx.PutObjects(k.ctx, none, []comity.Object{object("indicator--3", 1)})
		return err
	})
}

func states(k *kit) {
	oid := k.put1(local(), object("indicator--1", 1), store.FateNew)
	k.setState(oid, comity.StateRevoked)
	if v := k.object("indicator--1"); v.State != comity.StateRevoked || v.Why != "why" || !v.StateAt.Equal(minute(9)) || v.Raw == nil {
		k.Errorf("revoked: %+v", v)
	}
	k.setState(oid, comity.StateActive)
	if v := k.object("indicator--1"); v.State != comity.StateActive {
		k.Errorf("active again: %+v", v)
	}
	k.updateWant(comity.NotFound, func(tx store.Tx) error {
		return tx.SetState(k.ctx, 9999, comity.StateErased, "", t0())
	})
}

func batchBound(k *kit) {
	k.updateWant(comity.TooLarge, func(tx store.Tx) error {
		_, err := tx.PutObjects(k.ctx, local(), make([]comity.Object, 5001))
		return err
	})
}

func rollups(k *kit) {
	b := object("malware--1", 1)
	b.Country, b.Creator = "", ""
	k.put(local(), object("indicator--1", 1), object("indicator--2", 1), object("indicator--1", 2), b)
	next := local()
	next.At = t0().Add(24 * time.Hour)
	k.put(next, object("indicator--3", 1), object("indicator--1", 2))
	first := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	second := first.Add(24 * time.Hour)
	all := []store.Rollup{
		{Day: first, Type: "indicator", Country: "KE", Creator: "identity--1", N: 3},
		{Day: first, Type: "malware", N: 1},
		{Day: second, Type: "indicator", Country: "KE", Creator: "identity--1", N: 1},
	}
	for _, c := range []struct {
		from, to time.Time
		want     []store.Rollup
	}{{time.Time{}, time.Time{}, all}, {second, time.Time{}, all[2:]}, {time.Time{}, first, all[:2]}, {t0(), t0(), all[:2]}} {
		k.view(func(r store.Reader) error {
			got, err := r.Rollups(k.ctx, c.from, c.to)
			if d := cmp.Diff(c.want, got); d != "" {
				k.Error(d)
			}
			return err
		})
	}
}
