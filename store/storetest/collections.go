package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func collectionTests() []subtest {
	return []subtest{
		{"records", collectionRecords},
		{"members", collectionMembers},
		{"members by query", memberQueries},
		{"versions as members", memberVersions},
		{"members taken out", membersRemoved},
		{"a cursor never skips", collectionCursor},
	}
}

func collectionRecords(k *kit) {
	a := store.Collection{ID: "id-a", Alias: "a", Title: "A", Description: "first", Created: t0()}
	b := store.Collection{ID: "id-b", Title: "B", Created: minute(1)}
	put := func(c store.Collection) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.PutCollection(k.ctx, c) }
	}
	k.update(put(a))
	k.update(put(b))
	a.Title = "A2"
	k.update(put(a))
	k.updateWant(comity.Conflict, put(store.Collection{ID: "id-c", Alias: "a", Created: t0()}))
	k.view(func(r store.Reader) error {
		all, err := r.Collections(k.ctx)
		if d := cmp.Diff([]store.Collection{a, b}, all); d != "" {
			k.Error(d)
		}
		for _, name := range []string{"id-a", "a"} {
			if c, err := r.Collection(k.ctx, name); err != nil || c != a {
				k.Errorf("%s: %+v %v", name, c, err)
			}
		}
		for _, name := range []string{"", "x"} {
			_, missing := r.Collection(k.ctx, name)
			k.wantKind(missing, comity.NotFound)
		}
		_, missing := r.Members(k.ctx, store.MemberQuery{Collection: "x"})
		k.wantKind(missing, comity.NotFound)
		return err
	})
	k.updateWant(comity.NotFound, func(tx store.Tx) error { return tx.AddMembers(k.ctx, "x", nil, t0()) })
}

func collectionMembers(k *kit) {
	puts := k.put(local(), object("indicator--1", 1), object("indicator--2", 1), object("indicator--3", 1))
	a, b, c := puts[0].OID, puts[1].OID, puts[2].OID
	k.update(func(tx store.Tx) error {
		if err := tx.PutCollection(k.ctx, store.Collection{ID: "col", Alias: "c", Created: t0()}); err != nil {
			return err
		}
		if err := tx.AddMembers(k.ctx, "col", []store.OID{b, a, b, 9999}, minute(1)); err != nil {
			return err
		}
		return tx.AddMembers(k.ctx, "col", []store.OID{a, c}, minute(2))
	})
	members := func(after int64, limit int) (seqs []int64, oids []store.OID) {
		k.view(func(r store.Reader) error {
			ms, err := r.Members(k.ctx, store.MemberQuery{Collection: "col", After: after, Limit: limit})
			for _, m := range ms {
				seqs, oids = append(seqs, m.Seq), append(oids, m.Version.OID)
				want := []time.Time{minute(1), minute(1).Add(time.Microsecond), minute(2)}[m.Seq-1]
				if !m.Added.Equal(want) {
					k.Errorf("added %v, want %v", m.Added, want)
				}
			}
			return err
		})
		return seqs, oids
	}
	if seqs, oids := members(0, 10); !slices.Equal(seqs, []int64{1, 2, 3}) || !slices.Equal(oids, []store.OID{b, a, c}) {
		k.Errorf("members %v %v", seqs, oids)
	}
	if seqs, _ := members(1, 1); !slices.Equal(seqs, []int64{2}) {
		k.Errorf("page %v", seqs)
	}
	k.setState(a, comity.StateErased)
	if seqs, _ := members(0, 10); !slices.Equal(seqs, []int64{1, 3}) {
		k.Errorf("with an erased one: %v", seqs)
	}
	k.view(func(r store.Reader) error {
		c, err := r.Collection(k.ctx, "c")
		if c.Size != 3 {
			k.Errorf("size %d", c.Size)
		}
		return err
	})
	k.clean()
}

// collectionCursor: many writers add while readers follow by cursor; each
// reader sees every number once, in order, without gaps.
func collectionCursor(k *kit) {
	const writers, rounds = 8, 12
	var objs []comity.Object
	for i := range writers * rounds {
		objs = append(objs, object(fmt.Sprintf("indicator--%d", i), 1))
	}
	puts := k.put(local(), objs...)
	k.update(func(tx store.Tx) error {
		return tx.PutCollection(k.ctx, store.Collection{ID: "col", Created: t0()})
	})
	var done atomic.Bool
	var readers, adders sync.WaitGroup
	for range 3 {
		readers.Go(func() { k.follow(&done, writers*rounds) })
	}
	for w := range writers {
		adders.Go(func() {
			for i := range rounds {
				oid := puts[w*rounds+i].OID
				err := k.s.Update(k.ctx, func(tx store.Tx) error {
					if err := tx.AddMembers(k.ctx, "col", []store.OID{oid}, t0()); err != nil {
						return err
					}
					if i%4 == 3 { // some units fail after they took numbers
						_ = tx.PutSetting(k.ctx, "x", nil)
						return errGiveUp
					}
					return nil
				})
				if err != nil && i%4 != 3 {
					k.Errorf("add: %v", err)
				}
				if i%4 == 3 {
					_ = k.s.Update(k.ctx, func(tx store.Tx) error {
						return tx.AddMembers(k.ctx, "col", []store.OID{oid}, t0())
					})
				}
			}
		})
	}
	adders.Wait()
	done.Store(true)
	readers.Wait()
	k.clean()
}

// follow reads members until all are there.
func (k *kit) follow(done *atomic.Bool, want int64) {
	last := int64(0)
	for {
		ended := done.Load()
		err := k.s.View(k.ctx, func(r store.Reader) error {
			ms, err := r.Members(k.ctx, store.MemberQuery{Collection: "col", After: last, Limit: 5})
			for _, m := range ms {
				if m.Seq != last+1 {
					k.Errorf("number %d after %d", m.Seq, last)
				}
				last = m.Seq
			}
			return err
		})
		if err != nil {
			k.Errorf("follow: %v", err)
			return
		}
		if last == want {
			return
		}
		if ended && last < want {
			// one more look: done was set after the last commit
			n := last
			_ = k.s.View(k.ctx, func(r store.Reader) error {
				ms, err := r.Members(k.ctx, store.MemberQuery{Collection: "col", After: last, Limit: 1})
				n += int64(len(ms))
				return err
			})
			if n == last {
				k.Errorf("ended at %d of %d", last, want)
				return
			}
		}
	}
}
