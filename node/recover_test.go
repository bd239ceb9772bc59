package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/node"
)

// publish imports a list and shares it.
func publish(t *testing.T, n *running, agreement comity.AgreementID, lines string) comity.Import {
	t.Helper()
	im, err := n.Import(t.Context(), admin, node.ImportRequest{Reader: reader(lines), Name: "list.txt", Format: "list", TLP: "green"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Share(t.Context(), admin, node.ShareRequest{Query: &node.ShareQuery{Import: im.ID}, With: string(agreement)}); err != nil {
		t.Fatal(err)
	}
	return im
}

// ownSize is the size of the node's own channel that has entries.
func ownSize(t *testing.T, n *node.Node) (id comity.ChannelID, size int64) {
	t.Helper()
	list, err := n.Channels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.Own && c.Head.Size > size {
			id, size = c.ID, c.Head.Size
		}
	}
	return id, size
}

// holds waits until the node holds so many entries of a channel.
func holds(t *testing.T, n *node.Node, ch comity.ChannelID, size int64) {
	t.Helper()
	eventually(t, "entries arrive", func() error {
		c, err := n.Channel(t.Context(), string(ch))
		if err == nil && c.Head.Size != size {
			err = fmt.Errorf("%d of %d: %s", c.Head.Size, size, c.Fault)
		}
		return err
	})
}

func sound(t *testing.T, ns ...*node.Node) {
	t.Helper()
	for _, n := range ns {
		reps, err := n.Verify(t.Context(), admin, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reps {
			if !r.OK {
				t.Errorf("channel %s of %s: %v", r.Stream, r.Publisher, r.Problems)
			}
		}
	}
}

// An old backup is restored: what was signed since comes back from the reader,
// and the log goes on without a fork.
func TestRecover(t *testing.T) { both(t, recovers) }

func recovers(t *testing.T) {
	ctx := t.Context()
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agree(t, a, b)
	publish(t, a, id, "198.51.100.7\nevil.example.com\n")
	var file bytes.Buffer
	if _, err := a.Backup(ctx, admin, &file, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, a, id, "198.51.100.8\nworse.example.com\n")
	found, err := a.Find(ctx, "198.51.100.7")
	if err != nil {
		t.Fatal(err)
	}
	revoked := found.Values[0].Hits[0].ID
	if _, err := a.Revoke(ctx, admin, revoked, "false positive"); err != nil {
		t.Fatal(err)
	}
	ch, size := ownSize(t, a.Node)
	holds(t, b.Node, ch, size)
	objects := count(t, a.Node)
	a.stop()

	dir := filepath.Join(t.TempDir(), "again")
	if _, err := node.RestoreBackup(ctx, bytes.NewReader(file.Bytes()), node.RestoreOptions{Dir: dir, DB: dbFor(t)}); err != nil {
		t.Fatal(err)
	}
	quiet, err := node.Open(ctx, node.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, got := ownSize(t, quiet); got >= size {
		t.Fatalf("the backup is not old: %d entries", got)
	}
	_, err = quiet.Revoke(ctx, admin, found.Values[0].Hits[0].ID, "again")
	if !comity.Is(err, comity.Unavailable) {
		t.Errorf("a channel in doubt was appended to: %v", err)
	}
	quiet.Close()

	back := open(t, dir, federation.ClientOptions{})
	eventually(t, "recovery", func() error {
		r, err := back.Recovery(ctx)
		for _, c := range r.Channels {
			if !c.Settled {
				p, _ := back.Peer(ctx, string(b.ID()))
				err = errors.Join(err, fmt.Errorf("waits for %v: %s", c.Waiting, p.Fault))
			}
		}
		return err
	})
	if _, got := ownSize(t, back.Node); got != size {
		t.Errorf("%d entries came back of %d", got, size)
	}
	if got := count(t, back.Node); got != objects {
		t.Errorf("%d objects came back of %d", got, objects)
	}
	if v, err := back.Show(ctx, revoked); err != nil || v.Version.State != comity.StateRevoked {
		t.Errorf("the revocation was lost: %v, %v", v.Version.State, err)
	}
	publish(t, back, id, "198.51.100.9\n")
	_, size = ownSize(t, back.Node)
	eventually(t, "beta knows the new address", func() error {
		_, err := b.AddPeer(ctx, admin, back.url, nil)
		return err
	})
	holds(t, b.Node, ch, size)
	sound(t, back.Node, b.Node)
}

// While a reader is away, a restored node waits: it reads, and signs nothing.
func TestRecoverWaits(t *testing.T) {
	ctx := t.Context()
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agree(t, a, b)
	publish(t, a, id, "198.51.100.7\n")
	ch, size := ownSize(t, a.Node)
	holds(t, b.Node, ch, size)
	var file bytes.Buffer
	if _, err := a.Backup(ctx, admin, &file, nil); err != nil {
		t.Fatal(err)
	}
	a.stop()
	b.stop()
	dir := filepath.Join(t.TempDir(), "again")
	if _, err := node.RestoreBackup(ctx, bytes.NewReader(file.Bytes()), node.RestoreOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	back := open(t, dir, federation.ClientOptions{})
	open, err := back.Recover(ctx)
	if err != nil || !open {
		t.Errorf("open is %v, %v", open, err)
	}
	r, err := back.Recovery(ctx)
	if err != nil || len(r.Channels) == 0 || len(r.Channels[0].Waiting) != 1 || r.Channels[0].Waiting[0].ID != b.ID() {
		t.Errorf("recovery is %+v, %v", r, err)
	}
	im, err := back.Import(ctx, admin, node.ImportRequest{Reader: reader("198.51.100.9\n"), Name: "list.txt", Format: "list", TLP: "green"})
	if err != nil {
		t.Errorf("a waiting node takes nothing in: %v", err)
	}
	_, err = back.Share(ctx, admin, node.ShareRequest{Query: &node.ShareQuery{Import: im.ID}, With: string(id)})
	if comity.ErrorMessage(err).Key != "node.recovering" {
		t.Errorf("share says %v", err)
	}
	if _, got := ownSize(t, back.Node); got != size {
		t.Errorf("the channel grew to %d", got)
	}
}

// threeParty makes one agreement of three members out of the template of two.
func threeParty(t *testing.T, a, b, c *running) comity.AgreementID {
	t.Helper()
	ctx := t.Context()
	text, err := a.AgreementTemplate(ctx, "bilateral", string(b.ID()))
	if err != nil {
		t.Fatal(err)
	}
	draft := strings.Replace(string(text), `"bilateral"`, `"group"`, 1)
	party := fmt.Sprintf(`{"id": %q, "name": "gamma"},`, c.ID())
	draft = strings.Replace(draft, `"parties": [`, `"parties": [`+party, 1)
	av, err := a.ProposeAgreement(ctx, admin, []byte(draft))
	if err != nil {
		t.Fatalf("%v\n%s", err, draft)
	}
	for _, n := range []*running{b, c} {
		eventually(t, "proposal arrives", func() error {
			_, err := n.SignAgreement(ctx, admin, string(av.ID))
			if err != nil {
				as, _ := n.Audits(ctx, 0, 5)
				err = fmt.Errorf("%w %v", err, as)
			}
			return err
		})
	}
	eventually(t, "agreement active", func() error {
		for _, n := range []*running{a, b, c} {
			v, err := n.Agreement(ctx, string(av.ID))
			if err == nil && v.State != comity.AgreementActive {
				err = fmt.Errorf("%s: %s", n.ID().Short(), v.State)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return av.ID
}

// The publisher is off the net: a third member reads everything from the
// second's copy, byte for byte.
func TestMirror(t *testing.T) {
	ctx := t.Context()
	a, b, c := start(t, "alpha"), start(t, "beta"), start(t, "gamma")
	pair(t, a, b)
	pair(t, a, c)
	pair(t, b, c)
	id := threeParty(t, a, b, c)
	c.pause()
	publish(t, a, id, "198.51.100.7\nevil.example.com\n")
	ch, size := ownSize(t, a.Node)
	holds(t, b.Node, ch, size)
	a.stop()
	if err := c.SyncNow(ctx); err == nil {
		t.Error("the publisher is away, and nothing was said")
	}
	holds(t, c.Node, ch, size)
	sound(t, b.Node, c.Node)
	want, err := b.Find(ctx, "198.51.100.7")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Find(ctx, "198.51.100.7")
	if err != nil || len(got.Values[0].Hits) != 1 || got.Values[0].Hits[0].Digest != want.Values[0].Hits[0].Digest {
		t.Errorf("found %v, %v", got, err)
	}
}
