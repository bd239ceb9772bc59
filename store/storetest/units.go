package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func unitTests() []subtest {
	return []subtest{
		{"an error keeps nothing", unitError},
		{"a panic keeps nothing", unitPanic},
		{"a failing unit leaves the others", unitOthers},
		{"a view is one snapshot", unitSnapshot},
		{"a unit sees its own writes", unitOwnWrites},
		{"contexts", unitContext},
		{"changed", unitChanged},
		{"closed", unitClosed},
	}
}

func (k *kit) setting(name string) (string, error) {
	var v []byte
	err := k.s.View(k.ctx, func(r store.Reader) (err error) {
		v, err = r.Setting(k.ctx, name)
		return err
	})
	return string(v), err
}

func unitError(k *kit) {
	err := k.s.Update(k.ctx, func(tx store.Tx) error {
		if _, err := tx.PutObjects(k.ctx, imported("imp-1"), []comity.Object{object("indicator--1", 1)}); err != nil {
			return err
		}
		if err := tx.PutSetting(k.ctx, "a", []byte("x")); err != nil {
			return err
		}
		return errGiveUp
	})
	if !errors.Is(err, errGiveUp) {
		k.Errorf("error is %v", err)
	}
	_, missing := k.setting("a")
	k.wantKind(missing, comity.NotFound)
	if got := ids(k.query(store.Query{})); len(got) != 0 {
		k.Errorf("left: %v", got)
	}
	k.put1(imported("imp-1"), object("indicator--1", 1), store.FateNew)
	k.clean()
}

func unitPanic(k *kit) {
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				k.Errorf("recovered %v", p)
			}
		}()
		_ = k.s.Update(k.ctx, func(tx store.Tx) error {
			_ = tx.PutSetting(k.ctx, "a", []byte("x"))
			panic("boom")
		})
	}()
	_, missing := k.setting("a")
	k.wantKind(missing, comity.NotFound)
	k.put1(local(), object("indicator--1", 1), store.FateNew)
}

func unitOthers(k *kit) {
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			name := fmt.Sprint("s", i)
			err := k.s.Update(k.ctx, func(tx store.Tx) error {
				if err := tx.PutSetting(k.ctx, name, []byte("x")); err != nil {
					return err
				}
				if _, err := tx.PutObjects(k.ctx, local(), []comity.Object{object(fmt.Sprint("indicator--", i), 1)}); err != nil {
					return err
				}
				if i%3 == 0 {
					return errGiveUp
				}
				return nil
			})
			if failed := i%3 == 0; failed != errors.Is(err, errGiveUp) || !failed && err != nil {
				k.Errorf("unit %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range 60 {
		_, err := k.setting(fmt.Sprint("s", i))
		if gone := comity.Is(err, comity.NotFound); gone != (i%3 == 0) {
			k.Errorf("setting %d: %v", i, err)
		}
	}
	if got := k.query(store.Query{Limit: 1000}); len(got) != 40 {
		k.Errorf("%d objects, want 40", len(got))
	}
	k.clean()
}

func unitSnapshot(k *kit) {
	put := func(v string) {
		k.update(func(tx store.Tx) error {
			if err := tx.PutSetting(k.ctx, "a", []byte(v)); err != nil {
				return err
			}
			return tx.PutSetting(k.ctx, "b", []byte(v))
		})
	}
	put("1")
	k.view(func(r store.Reader) error {
		before, err := r.Setting(k.ctx, "a")
		if err != nil {
			return err
		}
		put("2")
		after, err := r.Setting(k.ctx, "b")
		if string(before) != "1" || string(after) != "1" {
			k.Errorf("one snapshot has %s and %s", before, after)
		}
		return err
	})
	if v, err := k.setting("b"); v != "2" || err != nil {
		k.Errorf("afterwards %s %v", v, err)
	}
}

func unitOwnWrites(k *kit) {
	k.update(func(tx store.Tx) error {
		o := object("indicator--1", 1)
		if _, err := tx.PutObjects(k.ctx, local(), []comity.Object{o}); err != nil {
			return err
		}
		hits, err := tx.Lookup(k.ctx, o.Values, 10)
		if len(hits) != 1 || err != nil {
			k.Errorf("lookup: %v %v", hits, err)
		}
		vs, err := tx.SearchText(k.ctx, "number1", 10)
		if len(vs) != 1 || err != nil {
			k.Errorf("search: %v %v", vs, err)
		}
		_, err = tx.Object(k.ctx, o.ID)
		return err
	})
}

func unitContext(k *kit) {
	gone, cancel := context.WithCancel(k.ctx)
	cancel()
	ran := false
	k.wantKind(k.s.Update(gone, func(store.Tx) error { ran = true; return nil }), comity.Interrupted)
	if ran {
		k.Error("an ended context ran a unit")
	}
	// The context ends while the unit runs: what Update answers is what holds.
	ctx, stop := context.WithCancel(k.ctx)
	err := k.s.Update(ctx, func(tx store.Tx) error {
		stop()
		return tx.PutSetting(k.ctx, "a", []byte("x"))
	})
	_, held := k.setting("a")
	if (err == nil) != (held == nil) {
		k.Errorf("update says %v, the store %v", err, held)
	}
}

func unitChanged(k *kit) {
	for range 3 { // coalesced: several commits, nobody listening
		k.update(func(tx store.Tx) error { return tx.PutSetting(k.ctx, "a", []byte("x")) })
	}
	select {
	case <-k.s.Changed():
	case <-time.After(10 * time.Second):
		k.Error("nothing was announced")
	}
}

func unitClosed(k *kit) {
	if err := k.s.Close(); err != nil {
		k.Fatal(err)
	}
	k.updateWant(comity.Unavailable, func(store.Tx) error { return nil })
	k.wantKind(k.s.View(k.ctx, func(store.Reader) error { return nil }), comity.Unavailable)
	if err := k.s.Close(); err != nil {
		k.Errorf("closed twice: %v", err)
	}
}

// Reopen checks that what a store called name holds is there after closing,
// that opening again changes nothing (migrations are idempotent), also when
// several open at once.
func Reopen(t *testing.T, name string, open OpenAt) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s, err := open(t.Context(), name)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			k := &kit{T: t, s: s, ctx: t.Context()}
			err = s.Update(k.ctx, func(tx store.Tx) error {
				_, err := tx.PutObjects(k.ctx, local(), []comity.Object{object(fmt.Sprint("indicator--", i), 1)})
				return err
			})
			if err != nil {
				t.Errorf("put: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	wg.Wait()
	for range 2 {
		s, err := open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		k := &kit{T: t, s: s, ctx: t.Context()}
		if got := k.query(store.Query{}); len(got) != 4 {
			t.Errorf("%d objects, want 4", len(got))
		}
		if n := len(k.lookup(comity.ValueDomain, "v1.indicator--2.example")); n != 1 {
			t.Errorf("%d hits", n)
		}
		k.clean()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
