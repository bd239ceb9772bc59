package node_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/node"
)

// dbFor is an empty database when the test runs on PostgreSQL.
func dbFor(t *testing.T) string {
	if strings.Contains(t.Name(), "/postgres") {
		return server.Database(t)
	}
	return ""
}

// load imports a short list.
func load(t *testing.T, n *running) {
	t.Helper()
	im, err := n.Import(t.Context(), admin, node.ImportRequest{Reader: reader("198.51.100.7\nevil.example.com\n"), Name: "list.txt", Format: "list", TLP: "green"})
	if err != nil || im.Accepted != 2 {
		t.Fatalf("import: %+v %v", im, err)
	}
}

// count is how many objects a node has.
func count(t *testing.T, n *node.Node) int64 {
	t.Helper()
	s, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Objects
}

func TestBackup(t *testing.T) { both(t, backup) }

func backup(t *testing.T) {
	ctx := t.Context()
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agree(t, a, b)
	load(t, a)
	if _, err := a.Share(ctx, admin, node.ShareRequest{Query: &node.ShareQuery{All: true}, With: string(id)}); err != nil {
		t.Fatal(err)
	}
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	info, err := a.Backup(ctx, admin, &file, []age.Recipient{secret.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Channels) == 0 || info.Channels[0].Size == 0 {
		t.Errorf("channels are %v", info.Channels)
	}
	open := []age.Identity{secret}
	rep, err := node.VerifyBackup(ctx, bytes.NewReader(file.Bytes()), node.RestoreOptions{Dir: t.TempDir(), DB: dbFor(t), Open: open})
	if err != nil || !rep.Opened || len(rep.Findings) > 0 || len(rep.Channels) == 0 {
		t.Errorf("rehearsal: %+v, %v", rep, err)
	}
	for _, c := range rep.Channels {
		if !c.OK {
			t.Errorf("channel %s: %v", c.Channel, c.Problems)
		}
	}

	dir := filepath.Join(t.TempDir(), "again")
	if _, err := node.RestoreBackup(ctx, bytes.NewReader(file.Bytes()), node.RestoreOptions{Dir: dir, DB: dbFor(t), Open: open}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(ctx, node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if n.ID() != a.ID() {
		t.Error("another node came back")
	}
	if got, want := count(t, n), count(t, a.Node); got != want {
		t.Errorf("%d objects came back of %d", got, want)
	}
	if p, err := n.Peer(ctx, string(b.ID())); err != nil || !p.Verified() {
		t.Errorf("peer: %v, %v", p.State, err)
	}
	_, err = node.RestoreBackup(ctx, bytes.NewReader(file.Bytes()), node.RestoreOptions{Dir: dir, Open: open})
	if !comity.Is(err, comity.Conflict) {
		t.Errorf("restored over a node: %v", err)
	}
}

// Whatever happened to a backup on its way, it restores whole or not at all.
func TestBackupDamaged(t *testing.T) {
	ctx := t.Context()
	a := startWith(t, "alpha", federation.ClientOptions{})
	load(t, a)
	var file bytes.Buffer
	if _, err := a.Backup(ctx, admin, &file, nil); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	other := startWith(t, "other", federation.ClientOptions{})
	var foreign bytes.Buffer
	if _, err := other.Backup(ctx, admin, &foreign, nil); err != nil {
		t.Fatal(err)
	}
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	if _, err := a.Backup(ctx, admin, &sealed, []age.Recipient{secret.Recipient()}); err != nil {
		t.Fatal(err)
	}
	cases := map[string][]byte{
		"empty":             nil,
		"text":              []byte("this is no backup\n"),
		"cut":               whole[:len(whole)/2],
		"cut by a byte":     whole[:len(whole)-1],
		"sealed, cut":       sealed.Bytes()[:sealed.Len()-20],
		"sealed without":    sealed.Bytes(),
		"two halves of two": append(bytes.Clone(whole[:len(whole)/2]), foreign.Bytes()[foreign.Len()/2:]...),
	}
	for range 40 {
		flipped := bytes.Clone(whole)
		var at [2]byte
		_, _ = rand.Read(at[:])
		i := (int(at[0])<<8 | int(at[1])) * len(whole) >> 16
		flipped[i] ^= 1 << (at[0] % 8)
		cases[fmt.Sprint("flipped at ", i)] = flipped
	}
	for name, b := range cases {
		dir := filepath.Join(t.TempDir(), "x")
		_, err := node.RestoreBackup(ctx, bytes.NewReader(b), node.RestoreOptions{Dir: dir})
		var known *comity.Error
		if err != nil && !errors.As(err, &known) {
			t.Errorf("%s: %v has no words", name, err)
		}
		if err == nil {
			// A flip that packing does not notice must change nothing.
			n, err := node.Open(ctx, node.Config{Dir: dir})
			if err != nil {
				t.Errorf("%s: restored, and does not open: %v", name, err)
				continue
			}
			if count(t, n) != count(t, a.Node) {
				t.Errorf("%s: restored something else", name)
			}
			n.Close()
			continue
		}
		if _, left := os.Stat(dir); left == nil {
			t.Errorf("%s: left a folder", name)
		}
	}
}
