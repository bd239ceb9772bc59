package node_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/node"
)

// TestShareTwiceAtOnce: the same object named twice goes once.
func TestShareTwiceAtOnce(t *testing.T) {
	a, b, id := agreed(t)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	res, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{note1, note1}, With: id})
	if err != nil || res.Shared != 1 || res.Already != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	reads(t, b, a, 1)
	p, err := a.Peer(t.Context(), "beta")
	if err != nil || p.Given != 1 {
		t.Fatalf("%d entries, %v", p.Given, err)
	}
}

// another opens the same node once more, as the command line does beside a
// running server.
func another(t *testing.T, n *running) *node.Node {
	t.Helper()
	m, err := node.Open(t.Context(), node.Config{Dir: n.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestShareAgainstRevoke: two processes share and revoke the same object at the
// same time. Either it is not shared, or the revocation follows it.
func TestShareAgainstRevoke(t *testing.T) { both(t, shareAgainstRevoke) }

func shareAgainstRevoke(t *testing.T) {
	a, b, id := agreed(t)
	b.pause()
	cli := another(t, a)
	for i := range 40 {
		f, err := a.Import(t.Context(), admin, node.ImportRequest{Reader: reader(fmt.Sprintf("198.51.100.%d\n", i)), Name: "l", Format: "list", TLP: "green"})
		if err != nil {
			t.Fatal(err)
		}
		dry, err := a.Share(t.Context(), admin, node.ShareRequest{Query: &node.ShareQuery{Import: f.ID}, With: id, DryRun: true})
		if err != nil || len(dry.Items) != 1 {
			t.Fatal(err)
		}
		object := dry.Items[0].ID
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := a.Share(t.Context(), admin, node.ShareRequest{IDs: []comity.ObjectID{object}, With: id}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := cli.Revoke(t.Context(), admin, object, "x"); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		v, err := a.Show(t.Context(), object)
		if err != nil || v.Version.State != comity.StateRevoked {
			t.Fatalf("%s %v", v.Version.State, err)
		}
		for _, h := range v.Holders {
			if h.Kind != comity.EntryRevoke {
				t.Fatalf("object %d was shared and beta is not told that it is revoked", i)
			}
		}
	}
}

// TestReadTwiceAtOnce: two processes read the same channel at the same time.
func TestReadTwiceAtOnce(t *testing.T) { both(t, readTwiceAtOnce) }

func readTwiceAtOnce(t *testing.T) {
	a, b, id := agreed(t)
	b.pause()
	cli := another(t, b)
	for i := range 10 {
		give(t, a, id, fmt.Sprintf("198.51.100.%d\n", i))
		var wg sync.WaitGroup
		for _, n := range []*node.Node{b.Node, cli} {
			wg.Go(func() {
				if err := n.SyncNow(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	received(t, a, b, 10)
	clean(t, b)
}

// hook runs something before the first answer of a kind is handed on.
type hook struct {
	http.RoundTripper
	path string
	once *sync.Once
	fn   *atomic.Pointer[func()]
}

func (h hook) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.RoundTripper.RoundTrip(r)
	if strings.Contains(r.URL.Path, h.path) {
		if fn := h.fn.Load(); fn != nil {
			h.once.Do(*fn)
		}
	}
	return resp, err
}

// TestSuspendedWhileReading: what was under way when an agreement was suspended
// is not lost when it is resumed.
func TestSuspendedWhileReading(t *testing.T) {
	var fn atomic.Pointer[func()]
	var once sync.Once
	a := start(t, "alpha")
	b := startWith(t, "beta", federation.ClientOptions{Wrap: func(rt http.RoundTripper) http.RoundTripper {
		return hook{rt, "/since/", &once, &fn}
	}})
	pair(t, a, b)
	id := string(agree(t, a, b))
	suspend := func() {
		if _, err := b.SuspendAgreement(context.Background(), admin, id, true); err != nil {
			t.Error(err)
		}
	}
	fn.Store(&suspend)
	bring(t, a, noteOf(t, "2026-01-01T00:00:00.000Z", "x", comity.Green))
	shareNote(t, a, id)
	stateOf(t, b, id, comity.AgreementSuspended)
	stateOf(t, a, id, comity.AgreementSuspended)
	if _, err := b.SuspendAgreement(t.Context(), admin, id, false); err != nil {
		t.Fatal(err)
	}
	sees(t, b, "it arrives", func(node.ObjectView) bool { return true })
	clean(t, a, b)
}

// TestInterruptedImport: an import that was stopped says so.
func TestInterruptedImport(t *testing.T) { both(t, interruptedImport) }

func interruptedImport(t *testing.T) {
	n := start(t, "alpha")
	ctx, cancel := context.WithCancel(t.Context())
	im, err := n.Import(ctx, admin, node.ImportRequest{Reader: stopping{cancel, ctx}, Name: "l", Format: "list"})
	if !comity.Is(err, comity.Interrupted) {
		t.Fatal(err)
	}
	held, err := n.ImportByID(t.Context(), string(im.ID))
	if err != nil || held.State != comity.ImportFailed {
		t.Fatalf("%s %v", held.State, err)
	}
}

// stopping ends its import's context when it is read.
type stopping struct {
	cancel context.CancelFunc
	ctx    context.Context
}

func (s stopping) Read([]byte) (int, error) { s.cancel(); <-s.ctx.Done(); return 0, s.ctx.Err() }
func (s stopping) Close() error             { return nil }
