package node_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/internal/testkit/pg"
	"github.com/comity-net/comity/node"
)

var admin = node.Actor{Name: "test", Role: node.RoleAdmin}

var server pg.Lazy

func TestMain(m *testing.M) { pg.Main(m, &server) }

// both runs a test on each keeper; startWith sees by the test's name which.
func both(t *testing.T, test func(t *testing.T)) {
	t.Run("sqlite", test)
	t.Run("postgres", test)
}

// running is one node with its federation listener and background work.
type running struct {
	*node.Node
	url   string
	pause func() // ends the background work, not the server
	stop  func()
}

// start makes and runs a node in a folder of its own.
func start(t testing.TB, name string) *running {
	t.Helper()
	return startWith(t, name, federation.ClientOptions{})
}

func startWith(t testing.TB, name string, opt federation.ClientOptions) *running {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	o := node.InitOptions{Dir: dir, Profile: node.Profile{Name: name, Country: "KZ"}}
	if strings.Contains(t.Name(), "/postgres") {
		o.DB = server.Database(t)
	}
	if _, err := node.Init(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return open(t, dir, opt)
}

func open(t testing.TB, dir string, opt federation.ClientOptions) *running {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Client: opt})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Node: n, url: "https://" + ln.Addr().String()}
	if err := n.SetURL(t.Context(), admin, r.url); err != nil {
		t.Fatal(err)
	}
	srv, err := n.Federation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg, bg sync.WaitGroup
	bg.Go(func() { n.Run(ctx) })
	wg.Go(func() { srv.ServeTLS(ln, "", "") })
	r.pause = func() { cancel(); bg.Wait() }
	r.stop = sync.OnceFunc(func() {
		r.pause()
		srv.Close()
		wg.Wait()
		n.Close()
	})
	t.Cleanup(r.stop)
	return r
}

// eventually waits until fn succeeds.
func eventually(t testing.TB, what string, fn func() error) {
	t.Helper()
	var err error
	for range 300 {
		if err = fn(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s: %v", what, err)
}

// pair introduces two nodes and lets both confirm the code.
func pair(t testing.TB, a, b *running) {
	t.Helper()
	ctx := t.Context()
	if _, err := a.AddPeer(ctx, admin, b.url, nil); err != nil {
		t.Fatal(err)
	}
	var code string
	eventually(t, "introduction arrives", func() error {
		p, err := b.Peer(ctx, string(a.ID()))
		code = p.PairCode
		return err
	})
	if _, err := a.VerifyPeer(ctx, admin, string(b.ID()), code); err != nil {
		t.Fatal(err)
	}
	if _, err := b.VerifyPeer(ctx, admin, string(a.ID()), code); err != nil {
		t.Fatal(err)
	}
}

// agree makes and signs a bilateral agreement from the template.
func agree(t testing.TB, a, b *running) comity.AgreementID {
	t.Helper()
	ctx := t.Context()
	text, err := a.AgreementTemplate(ctx, "bilateral", string(b.ID()))
	if err != nil {
		t.Fatal(err)
	}
	av, err := a.ProposeAgreement(ctx, admin, text)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "proposal arrives", func() error {
		_, err := b.SignAgreement(ctx, admin, string(av.ID))
		return err
	})
	eventually(t, "agreement active", func() error {
		for _, n := range []*running{a, b} {
			v, err := n.Agreement(ctx, string(av.ID))
			if err != nil {
				return err
			}
			if v.State != comity.AgreementActive {
				return fmt.Errorf("%s: %s", n.ID().Short(), v.State)
			}
		}
		return nil
	})
	return av.ID
}

func TestExchange(t *testing.T) { both(t, exchange) }

func exchange(t *testing.T) {
	ctx := t.Context()
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agree(t, a, b)
	im, err := a.Import(ctx, admin, node.ImportRequest{Reader: reader("198.51.100.7\nevil.example.com\n"), Name: "list.txt", Format: "list", TLP: "green"})
	if err != nil || im.Accepted != 2 {
		t.Fatalf("import: %+v %v", im, err)
	}
	res, err := a.Share(ctx, admin, node.ShareRequest{Query: &node.ShareQuery{Import: im.ID}, With: string(id)})
	if err != nil || res.Shared != 2 {
		t.Fatalf("share: %+v %v", res, err)
	}
	var object comity.ObjectID
	eventually(t, "found at beta", func() error {
		f, err := b.Find(ctx, "198.51.100[.]7")
		if err != nil {
			return err
		}
		if len(f.Values) != 1 || len(f.Values[0].Hits) != 1 {
			return errors.New("not yet")
		}
		object = f.Values[0].Hits[0].ID
		return nil
	})
	if _, err := a.Revoke(ctx, admin, object, "false positive"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "revoked at beta", func() error {
		v, err := b.Show(ctx, object)
		if err == nil && v.Version.State != comity.StateRevoked {
			err = errors.New(v.Version.State.String())
		}
		return err
	})
	for _, n := range []*running{a, b} {
		reps, err := n.Verify(ctx, admin, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reps {
			if !r.OK {
				t.Errorf("%s: %v", r.Channel, r.Problems)
			}
		}
		oneAuditLine(t, n, len(reps))
	}
}

// oneAuditLine: a run over all channels without fault leaves one line.
func oneAuditLine(t *testing.T, n *running, channels int) {
	t.Helper()
	list, err := n.Audits(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, a := range list {
		if a.Action == "ledger.verify" {
			lines++
			if a.Kind != "" || a.Msg.Key != "node.verified" || a.Msg.Args[0].Value != strconv.Itoa(channels) {
				t.Errorf("audit %+v", a)
			}
		}
	}
	if channels < 2 || lines != 1 {
		t.Errorf("%d audit lines for %d channels", lines, channels)
	}
}

type closer struct{ *strings.Reader }

func (closer) Close() error { return nil }

func reader(s string) node.ReadCloser { return closer{strings.NewReader(s)} }
