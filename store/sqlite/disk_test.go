//go:build linux

package sqlite_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zombiezen.com/go/sqlite/sqlitex"

	zsqlite "zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/sqlite"
)

func openAt(t *testing.T, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(ctx context.Context, s store.Store, objs ...comity.Object) ([]store.Put, error) {
	var out []store.Put
	err := s.Update(ctx, func(tx store.Tx) (err error) {
		out, err = tx.PutObjects(ctx, store.Arrival{Door: comity.DoorLocal, Handling: comity.Amber, At: time.Now()}, objs)
		return err
	})
	return out, err
}

func note(id, text string) comity.Object {
	return comity.Object{ID: comity.ObjectID("note--" + id), Type: "note", Name: "name " + text, Text: text,
		Values: []comity.Value{{Kind: comity.ValueName, Text: text}}, Raw: []byte(`{"content":"` + text + `"}`)}
}

func wantKey(t *testing.T, err error, kind comity.Kind, key string) {
	t.Helper()
	if !comity.Is(err, kind) || comity.ErrorMessage(err).Key != key {
		t.Errorf("error is %v, want %v %s", err, kind, key)
	}
}

// TestErasedBytesLeaveNoTrace looks for erased bytes in every file.
func TestErasedBytesLeaveNoTrace(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "comity.db")
	s := openAt(t, path, sqlite.Options{})
	secret := make([]byte, 16)
	rand.Read(secret)
	word := "qz" + hex.EncodeToString(secret)
	var objs []comity.Object
	for i := range 300 {
		objs = append(objs, note(fmt.Sprint(i), fmt.Sprintf("%s%d lorem ipsum", word, i)))
	}
	puts, err := put(ctx, s, objs...)
	if err != nil {
		t.Fatal(err)
	}
	traces := func() int {
		n := 0
		files, _ := filepath.Glob(path + "*")
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(b, []byte(word))
		}
		return n
	}
	if traces() == 0 {
		t.Fatal("the text is in no file: the test proves nothing")
	}
	time.Sleep(500 * time.Millisecond) // lets the background index the texts, so that it is tested too
	err = s.Update(ctx, func(tx store.Tx) error {
		for _, p := range puts {
			if err := tx.SetState(ctx, p.OID, comity.StateErased, "asked", time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(15 * time.Second); traces() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d traces are left", traces())
		}
	}
	if err := s.Close(); err != nil || traces() > 0 {
		t.Errorf("after closing: %v, %d traces", err, traces())
	}
}

// TestFullDisk: a bounded file refuses to grow; nothing is half done, reading
// goes on, and so does writing what fits.
func TestFullDisk(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, filepath.Join(t.TempDir(), "comity.db"), sqlite.Options{MaxMiB: 2})
	big := make([]byte, 300_000)
	rand.Read(big) // nothing packs it smaller
	held := 0
	var err error
	for ; held < 50 && err == nil; held++ {
		o := note(fmt.Sprint(held), "text")
		o.Raw = append(bytes.Clone(big), byte(held))
		_, err = put(ctx, s, o)
	}
	held--
	wantKey(t, err, comity.Unavailable, "store.disk_full")
	if held < 2 {
		t.Fatalf("only %d objects fitted", held)
	}
	err = s.View(ctx, func(r store.Reader) error {
		vs, err := r.Query(ctx, store.Query{WithRaw: true})
		if len(vs) != held {
			t.Errorf("%d objects are there, want %d", len(vs), held)
		}
		return err
	})
	if err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, err := put(ctx, s, note("small", "small")); err != nil {
		t.Errorf("a small one still fits: %v", err)
	}
	if found, err := s.Check(ctx); err != nil || len(found) > 0 {
		t.Errorf("check: %v %v", found, err)
	}
}

// TestFullFileSystem does the same with a real full disk, where the test may
// mount one.
func TestFullFileSystem(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	s, err := sqlite.Open(ctx, filepath.Join(dir, "comity.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	held := 0
	for ; held < 200 && err == nil; held++ {
		o := note(fmt.Sprint(held), "text")
		o.Raw = make([]byte, 100_000+held)
		rand.Read(o.Raw)
		_, err = put(ctx, s, o)
	}
	held--
	wantKey(t, err, comity.Unavailable, "store.disk_full")
	err = s.View(ctx, func(r store.Reader) error {
		vs, err := r.Query(ctx, store.Query{Limit: 1000})
		if len(vs) != held {
			t.Errorf("%d objects are there, want %d", len(vs), held)
		}
		return err
	})
	if err != nil {
		t.Errorf("reading: %v", err)
	}
}

// TestReadOnly: in a folder that nobody can write, reading goes, writing says
// why not.
func TestReadOnly(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	path := filepath.Join(dir, "comity.db")
	s := openAt(t, path, sqlite.Options{})
	if _, err := put(ctx, s, note("1", "text")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
			t.Skipf("cannot mount: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
		if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("cannot mount read-only: %v", err)
		}
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	ro, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	_, err = put(ctx, ro, note("2", "text"))
	wantKey(t, err, comity.Unavailable, "store.read_only")
	err = ro.View(ctx, func(r store.Reader) error {
		_, err := r.Object(ctx, "note--1")
		return err
	})
	if err != nil {
		t.Errorf("reading: %v", err)
	}
	if found, err := ro.Check(ctx); err != nil || len(found) > 0 {
		t.Errorf("check: %v %v", found, err)
	}
}

// TestRefusals: files that must not be opened.
func TestRefusals(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	script := func(name, sql string) string {
		path := filepath.Join(dir, name)
		c, err := zsqlite.OpenConn(path, zsqlite.OpenReadWrite|zsqlite.OpenCreate)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := sqlitex.ExecuteScript(c, sql, nil); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := openAt(t, filepath.Join(dir, "newer.db"), sqlite.Options{})
	s.Close()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no database "), 999), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		kind comity.Kind
		key  string
	}{
		{script("newer.db", "PRAGMA user_version = 99"), comity.Unavailable, "store.newer_schema"},
		{script("other.db", "CREATE TABLE t (x)"), comity.Invalid, "store.not_ours"},
		{garbage, comity.Unavailable, "store.damaged"},
		{filepath.Join(dir, "no", "comity.db"), comity.Unavailable, "store.no_folder"},
	} {
		_, err := sqlite.Open(ctx, c.path, sqlite.Options{})
		wantKey(t, err, c.kind, c.key)
	}
}

// TestSecondProcess: two stores on one file, as the command line beside a
// server.
func TestSecondProcess(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "comity.db")
	a, b := openAt(t, path, sqlite.Options{}), openAt(t, path, sqlite.Options{})
	for i := range 20 {
		for j, s := range []store.Store{a, b} {
			if puts, err := put(ctx, s, note(fmt.Sprint(i), "text")); err != nil || (puts[0].Fate == store.FateSame) != (j == 1) {
				t.Fatalf("round %d store %d: %v %v", i, j, puts, err)
			}
		}
	}
	if found, err := b.Check(ctx); err != nil || len(found) > 0 {
		t.Errorf("check: %v %v", found, err)
	}
}
