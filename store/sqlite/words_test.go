package sqlite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
)

// settle waits until the background has indexed every text.
func settle(t *testing.T, s *Store) {
	t.Helper()
	for range 1000 {
		var behind int64
		err := s.View(t.Context(), func(r store.Reader) error {
			last, err := r.(*reader).mark("oid")
			if err != nil {
				return err
			}
			mark, err := r.(*reader).mark("text")
			behind = last - mark
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if behind == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("texts are not indexed")
}

// TestTextIndexFollows: what was indexed in the background leaves the index
// with its version, and comes back with it.
func TestTextIndexFollows(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, t.TempDir()+"/comity.db", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	oid := map[int]store.OID{}
	put := func(version int, im comity.ImportID) {
		err := s.Update(ctx, func(tx store.Tx) error {
			puts, err := tx.PutObjects(ctx, store.Arrival{Door: comity.DoorImport, Import: im, Handling: comity.Amber, At: time.Now()},
				[]comity.Object{{ID: "note--1", Type: "note", Modified: time.Unix(int64(version), 0), Name: "漏洞",
					Text: fmt.Sprintf("word%d", version), Raw: fmt.Append(nil, version)}})
			if err == nil {
				oid[version] = puts[0].OID
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(words string, version int) {
		t.Helper()
		settle(t, s)
		err := s.View(ctx, func(r store.Reader) error {
			vs, err := r.SearchText(ctx, words, 10)
			found := len(vs) == 1 && vs[0].OID == oid[version]
			if found != (version > 0) || version == 0 && len(vs) > 0 {
				t.Errorf("%s: %v, want version %d", words, vs, version)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(1, "a")
	want("word1", 1)
	put(2, "b")
	want("word1", 0)
	want("word2", 2)
	want("漏洞", 2)
	err = s.Update(ctx, func(tx store.Tx) error { _, _, err := tx.ForgetImport(ctx, "b", 10); return err })
	if err != nil {
		t.Fatal(err)
	}
	want("word2", 0)
	want("word1", 1)
	err = s.Update(ctx, func(tx store.Tx) error {
		return tx.SetState(ctx, oid[1], comity.StateErased, "", time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	want("word1", 0)
	want("漏", 0)
}

// TestWordsVersion: a text index made by other rules is made anew.
func TestWordsVersion(t *testing.T) {
	ctx := context.Background()
	path := t.TempDir() + "/comity.db"
	for round := range 2 {
		s, err := Open(ctx, path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			err = s.Update(ctx, func(tx store.Tx) error {
				_, err := tx.PutObjects(ctx, store.Arrival{Door: comity.DoorLocal, Handling: comity.Amber, At: time.Now()},
					[]comity.Object{{ID: "note--1", Type: "note", Text: "hello", Raw: []byte("x")}})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		settle(t, s)
		err = s.Update(ctx, func(st store.Tx) error { return st.(*tx).setMark("words", index.WordsVersion-1) })
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(ctx, func(r store.Reader) error {
			vs, err := r.SearchText(ctx, "hello", 10)
			if len(vs) != 1 {
				t.Errorf("round %d: %v", round, vs)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
