package sqlite_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	zsqlite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
	"github.com/comity-net/comity/store/sqlite"
)

// TestContentOfSchema1: rows that schema 1 wrote, with values, references and
// text in columns of their own, answer as those of today and can be erased.
func TestContentOfSchema1(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "comity.db")
	s := openAt(t, path, sqlite.Options{})
	o := note("1", strings.Repeat("lorem ipsum ", 20))
	o.Refs = []comity.Ref{{Kind: "created_by_ref", Target: "identity--1"}}
	puts, err := put(ctx, s, o)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	c, err := zsqlite.OpenConn(path, zsqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	err = sqlitex.Execute(c, "UPDATE content SET codec = 0, raw = ?, pack = ?, text = ? WHERE length(text) = 0 AND length(pack) = 0",
		&sqlitex.ExecOptions{Args: []any{o.Raw, index.Pack(o.Values, o.Refs), o.Text}})
	if n := c.Changes(); err != nil || n != 1 {
		t.Fatalf("%v, %d rows", err, n)
	}
	if err := sqlitex.ExecuteTransient(c, "PRAGMA user_version = 1", nil); err != nil {
		t.Fatal(err)
	}
	c.Close()

	s = openAt(t, path, sqlite.Options{})
	if found, err := s.Check(ctx); err != nil || len(found) > 0 {
		t.Errorf("check: %v %v", found, err)
	}
	answers := func() (n int) {
		err := s.View(ctx, func(r store.Reader) error {
			v, err := r.Object(ctx, o.ID)
			if err != nil {
				return err
			}
			if bytes.Equal(v.Raw, o.Raw) {
				n++
			}
			hits, err := r.Lookup(ctx, o.Values, 5)
			if err != nil {
				return err
			}
			edges, err := r.RefsFrom(ctx, v.OID)
			if err != nil {
				return err
			}
			back, err := r.RefsTo(ctx, "identity--1", 5)
			if err != nil {
				return err
			}
			found, err := r.SearchText(ctx, "lorem", 5)
			n += len(hits) + len(edges) + len(back) + len(found)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	if n := answers(); n != 5 {
		t.Errorf("%d of 5 answers", n)
	}
	if again, err := put(ctx, s, o); err != nil || !slices.Equal(again, []store.Put{{OID: puts[0].OID, Fate: store.FateSame}}) {
		t.Errorf("put again: %+v %v", again, err)
	}
	err = s.Update(ctx, func(tx store.Tx) error {
		return tx.SetState(ctx, puts[0].OID, comity.StateErased, "asked", time.Now())
	})
	if n := answers(); err != nil || n != 0 {
		t.Errorf("after erasing: %v, %d answers", err, n)
	}
}
