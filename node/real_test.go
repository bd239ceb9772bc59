package node_test

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/internal/testkit/data"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// TestRealInput takes the ATT&CK bundle and 100,000 indicators through the
// whole way: into alpha, shared, read and verified by beta, found on both,
// withdrawn on alpha and seen on beta.
func TestRealInput(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute; runs in the full test")
	}
	ctx := t.Context()
	bundle := data.Path(t, "stix/attack-enterprise-18.1.json.gz")
	list := indicatorList(t, 100_000)
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agree(t, a, b)
	var total int64
	for _, req := range []node.ImportRequest{{Source: bundle, TLP: "clear"}, {Source: list, Format: "list", TLP: "amber"}} {
		im, err := a.Import(ctx, admin, req)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d accepted, %d warned, %d same, %d refused, in %v", im.Source, im.Accepted, im.Warned, im.Same, im.Refused, im.Finished.Sub(im.Started))
		res, err := a.Share(ctx, admin, node.ShareRequest{Query: &node.ShareQuery{Import: im.ID}, With: string(id)})
		if err != nil || res.Refused > 0 || res.Shared != im.Accepted {
			t.Fatalf("share %s: %d of %d, %v, %v", im.Source, res.Shared, im.Accepted, res.Refusals, err)
		}
		total += res.Shared
	}
	received(t, a, b, total)
	sameBytes(t, a, b, total)
	clean(t, a, b)
	foundOnBoth(t, list, a, b)
}

// received waits until beta holds all that alpha gave.
func received(t *testing.T, a, b *running, total int64) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		p, err := b.Peer(t.Context(), string(a.ID()))
		if err != nil {
			t.Fatal(err)
		}
		if p.Received == total {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("received %d of %d, fault %v", p.Received, total, p.Fault)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// sameBytes compares every object that beta got with alpha's, by the hash of
// the bytes that each stores.
func sameBytes(t *testing.T, a, b *running, total int64) {
	t.Helper()
	own, from := comity.MemberID(""), a.ID()
	given := hashes(t, a, store.Query{Origin: &own})
	got := hashes(t, b, store.Query{Origin: &from})
	if int64(len(got)) != total {
		t.Fatalf("beta holds %d objects of %d", len(got), total)
	}
	for id, h := range got {
		if given[id] != h {
			t.Fatalf("%s differs", id)
		}
	}
}

func hashes(t *testing.T, n *running, q store.Query) map[comity.ObjectID]comity.Hash {
	t.Helper()
	q.Limit, q.WithRaw = 1000, true
	out := map[comity.ObjectID]comity.Hash{}
	for {
		page, err := n.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			out[v.ID] = sha256.Sum256(v.Raw)
		}
		if len(page) < q.Limit {
			return out
		}
		q.After = page[len(page)-1].OID
	}
}

// clean verifies every channel of the nodes.
func clean(t *testing.T, nodes ...*running) {
	t.Helper()
	for _, n := range nodes {
		reps, err := n.Verify(t.Context(), admin, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reps {
			if !r.OK {
				t.Errorf("%s: %v", r.Channel, r.Problems)
			}
		}
	}
}

// foundOnBoth looks one in a thousand of the list's indicators up on both
// nodes, then revokes one.
func foundOnBoth(t *testing.T, list string, a, b *running) {
	t.Helper()
	ctx := t.Context()
	f, err := os.Open(list)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var object comity.ObjectID
	sc := bufio.NewScanner(f)
	for i := 0; sc.Scan(); i++ {
		if i%1000 != 0 {
			continue
		}
		for _, n := range []*running{a, b} {
			res, err := n.Find(ctx, sc.Text())
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Values) == 0 || len(res.Values[0].Hits) == 0 {
				t.Fatalf("%q is not found at %s", sc.Text(), n.ID().Short())
			}
			object = res.Values[0].Hits[0].ID
		}
	}
	if _, err := a.Revoke(ctx, admin, object, "no longer true"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "revoked at beta", func() error {
		v, err := b.Show(ctx, object)
		if err == nil && v.Version.State != comity.StateRevoked {
			err = errors.New(fmt.Sprint("still ", v.Version.State))
		}
		return err
	})
}
