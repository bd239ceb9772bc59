// Package storetest is the suite that every keeper passes: each obligation that
// package store writes down is a subtest here.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Opener opens an empty store that is closed at the end of the test.
type Opener func(t *testing.T) store.Store

// Run runs the suite; open is called for each subtest.
func Run(t *testing.T, open Opener) {
	for _, g := range []struct {
		name  string
		tests []subtest
	}{
		{"Objects", objectTests()},
		{"Query", queryTests()},
		{"Find", findTests()},
		{"Erase", eraseTests()},
		{"Collections", collectionTests()},
		{"Imports", importTests()},
		{"Channels", channelTests()},
		{"Records", recordTests()},
		{"Jobs", jobTests()},
		{"Units", unitTests()},
	} {
		t.Run(g.name, func(t *testing.T) {
			for _, s := range g.tests {
				t.Run(s.name, func(t *testing.T) {
					s.fn(&kit{T: t, s: open(t), ctx: context.Background()})
				})
			}
		})
	}
}

type subtest struct {
	name string
	fn   func(k *kit)
}

// kit is a test with an open store and short words for what tests do.
type kit struct {
	*testing.T
	s   store.Store
	ctx context.Context
}

// t0 is when everything in these tests happens.
func t0() time.Time { return time.Date(2026, 3, 31, 12, 0, 0, 123456000, time.UTC) }

func minute(n int) time.Time { return t0().Add(time.Duration(n) * time.Minute) }

func (k *kit) update(fn func(store.Tx) error) {
	k.Helper()
	if err := k.s.Update(k.ctx, fn); err != nil {
		k.Fatalf("update: %v", err)
	}
}

func (k *kit) view(fn func(store.Reader) error) {
	k.Helper()
	if err := k.s.View(k.ctx, fn); err != nil {
		k.Fatalf("view: %v", err)
	}
}

// updateWant expects an error of the kind.
func (k *kit) updateWant(kind comity.Kind, fn func(store.Tx) error) {
	k.Helper()
	k.wantKind(k.s.Update(k.ctx, fn), kind)
}

func (k *kit) wantKind(err error, kind comity.Kind) {
	k.Helper()
	var e *comity.Error
	if !errors.As(err, &e) || e.Kind != kind {
		k.Errorf("error is %v, want kind %v", err, kind)
	}
}

func local() store.Arrival {
	return store.Arrival{Door: comity.DoorLocal, Handling: comity.Amber, At: t0()}
}

func imported(id comity.ImportID) store.Arrival {
	return store.Arrival{Door: comity.DoorImport, Import: id, Handling: comity.Green, At: t0()}
}

// object makes an indicator with a name, a value, a reference and a text.
func object(id string, version int) comity.Object {
	o := comity.Object{
		ID:          comity.ObjectID(id),
		Type:        comity.ObjectID(id).Type(),
		SpecVersion: "2.1",
		Created:     t0(),
		Creator:     "identity--1",
		Name:        fmt.Sprintf("Name %s v%d", id, version),
		Country:     "KE",
		Confidence:  -1,
		Values:      []comity.Value{{Kind: comity.ValueDomain, Text: fmt.Sprintf("v%d.%s.example", version, id)}},
		Refs:        []comity.Ref{{Kind: "object_refs", Target: comity.ObjectID("malware--of-" + id)}},
		Text:        fmt.Sprintf("text of %s number%d", id, version),
		Raw:         []byte(fmt.Sprintf(`{"id":%q,"version":%d}`, id, version)),
	}
	if version > 0 {
		o.Modified = minute(version)
	}
	return o
}

func (k *kit) put(a store.Arrival, objs ...comity.Object) []store.Put {
	k.Helper()
	var out []store.Put
	k.update(func(tx store.Tx) (err error) {
		out, err = tx.PutObjects(k.ctx, a, objs)
		return err
	})
	if len(out) != len(objs) {
		k.Fatalf("%d answers for %d objects", len(out), len(objs))
	}
	return out
}

// put1 puts one object and checks its fate.
func (k *kit) put1(a store.Arrival, o comity.Object, want store.Fate) store.OID {
	k.Helper()
	p := k.put(a, o)[0]
	if p.Fate != want {
		k.Fatalf("fate of %s is %d, want %d", o.ID, p.Fate, want)
	}
	if refused := want == store.FateErased || want == store.FateRevoked; refused != (p.OID == 0) {
		k.Fatalf("fate %d with OID %d", p.Fate, p.OID)
	}
	return p.OID
}

func (k *kit) object(id string) store.Version {
	k.Helper()
	var v store.Version
	k.view(func(r store.Reader) (err error) {
		v, err = r.Object(k.ctx, comity.ObjectID(id))
		return err
	})
	return v
}

func (k *kit) query(q store.Query) []store.Version {
	k.Helper()
	var vs []store.Version
	k.view(func(r store.Reader) (err error) {
		vs, err = r.Query(k.ctx, q)
		return err
	})
	return vs
}

func (k *kit) lookup(kind comity.ValueKind, texts ...string) []store.Hit {
	k.Helper()
	var values []comity.Value
	for _, t := range texts {
		values = append(values, comity.Value{Kind: kind, Text: t})
	}
	var hits []store.Hit
	k.view(func(r store.Reader) (err error) {
		hits, err = r.Lookup(k.ctx, values, 100)
		return err
	})
	return hits
}

func (k *kit) search(words string) []string {
	k.Helper()
	var ids []string
	k.view(func(r store.Reader) error {
		vs, err := r.SearchText(k.ctx, words, 100)
		for _, v := range vs {
			ids = append(ids, string(v.ID))
		}
		return err
	})
	return ids
}

func (k *kit) setState(oid store.OID, s comity.State) {
	k.Helper()
	k.update(func(tx store.Tx) error { return tx.SetState(k.ctx, oid, s, "why", minute(9)) })
}

// clean fails when the keeper's own check has something to say.
func (k *kit) clean() {
	k.Helper()
	found, err := k.s.Check(k.ctx)
	if err != nil {
		k.Fatalf("check: %v", err)
	}
	for _, f := range found {
		k.Errorf("check: %s", f)
	}
}

// ids lists the ids of versions.
func ids(vs []store.Version) []string {
	out := []string{}
	for _, v := range vs {
		out = append(out, string(v.ID))
	}
	return out
}

// head makes up a tree hash; stores do not look into it.
func head(size int64) comity.Head {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(size))
	return comity.Head{Size: size, Root: sha256.Sum256(b[:])}
}
