package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Restorer makes a store from a backup, with these settings in it, and opens it.
// It is closed at the end of the test.
type Restorer func(t *testing.T, next store.Parts, settings map[string][]byte) (store.Store, error)

type backupPiece struct {
	name string
	body []byte
}

func backedUp(t *testing.T, s store.Store) []backupPiece {
	t.Helper()
	var out []backupPiece
	err := s.Backup(t.Context(), func(name string, size int64, body io.Reader) error {
		b, err := io.ReadAll(body)
		if err == nil && int64(len(b)) != size {
			err = fmt.Errorf("part %s has %d bytes, said %d", name, len(b), size)
		}
		out = append(out, backupPiece{name, b})
		return err
	})
	if err != nil {
		t.Fatalf("backup: %v", err)
	}
	return out
}

func parts(ps []backupPiece) store.Parts {
	return func() (string, io.Reader, error) {
		if len(ps) == 0 {
			return "", nil, io.EOF
		}
		p := ps[0]
		ps = ps[1:]
		return p.name, bytes.NewReader(p.body), nil
	}
}

// Backup checks that a copy made under writing is whole, and that a restored
// store goes on where the copied one stood.
func Backup(t *testing.T, open Opener, restore Restorer) {
	k := &kit{T: t, s: open(t), ctx: context.Background()}
	var oids []store.OID
	for i := range 300 {
		oids = append(oids, k.put1(imported("imp-1"), object(fmt.Sprintf("indicator--%d", i), 1), store.FateNew))
	}
	k.setState(oids[3], comity.StateErased)
	k.collection(oids[:10]...)
	k.channel("ch-1", true)
	k.append("ch-1", 0, entry("h1", oids[0], "indicator--0"), entry("h2", oids[1], "indicator--1"))
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	wg.Go(func() {
		for i := 1000; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			err := k.s.Update(k.ctx, func(tx store.Tx) error {
				_, err := tx.PutObjects(k.ctx, local(), []comity.Object{object(fmt.Sprintf("indicator--%d", i), 1)})
				return err
			})
			if err != nil {
				t.Errorf("put while copying: %v", err)
				return
			}
		}
	})
	pieces := backedUp(t, k.s)
	close(stop)
	wg.Wait()

	s, err := restore(t, parts(pieces), map[string][]byte{"restored": []byte("yes")})
	if err != nil {
		t.Fatalf("restore: %v", err)
	}
	back := &kit{T: t, s: s, ctx: k.ctx}
	back.clean()
	if v, err := back.setting("restored"); err != nil || v != "yes" {
		t.Errorf("setting is %q, %v", v, err)
	}
	for _, id := range []string{"indicator--0", "indicator--299"} {
		if v := back.object(id); v.Digest != k.object(id).Digest {
			t.Errorf("%s came back as other bytes", id)
		}
	}
	if n := len(back.lookup(comity.ValueDomain, "v1.indicator--7.example")); n != 1 {
		t.Errorf("%d hits, want 1", n)
	}
	if got := back.search("number1 indicator--5"); len(got) == 0 {
		t.Error("texts were lost")
	}
	if ms := back.members(store.MemberQuery{}); len(ms) != 9 { // one is erased
		t.Errorf("%d members, want 9", len(ms))
	}
	if es := back.entries("ch-1", 0, 10, true, 1<<20); len(es) != 2 || !bytes.Equal(es[0].Payload, []byte(`{"id":"indicator--0","version":1}`)) {
		t.Errorf("entries are %v", es)
	}
	// Numbers go on behind those that were given.
	fresh := back.put1(local(), object("indicator--fresh", 1), store.FateNew)
	if fresh <= oids[len(oids)-1] {
		t.Errorf("number %d is used twice", fresh)
	}
	back.channel("ch-2", true)
	back.update(func(tx store.Tx) error { return tx.AddAudit(back.ctx, comity.Audit{At: t0(), Action: "x"}) })
	back.clean()
	badBackups(t, pieces, restore)
}

// badBackups checks that nothing is kept of what is not whole.
func badBackups(t *testing.T, pieces []backupPiece, restore Restorer) {
	broken := func() store.Parts {
		good := parts(pieces)
		return func() (string, io.Reader, error) {
			name, body, err := good()
			if err == io.EOF {
				err = errGiveUp
			}
			return name, body, err
		}
	}
	for name, next := range map[string]store.Parts{
		"refused at the end": broken(),
		"foreign":            parts([]backupPiece{{"passwd", []byte("x")}}),
		"empty":              parts(nil),
	} {
		if _, err := restore(t, next, nil); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
}
