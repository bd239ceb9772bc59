package node_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/node"
)

// slow gives one line, then waits until it is closed.
type slow struct {
	first  *strings.Reader
	closed chan struct{}
}

func (s slow) Read(p []byte) (int, error) {
	if n, err := s.first.Read(p); err == nil {
		return n, nil
	}
	<-s.closed
	return 0, io.EOF
}

func (s slow) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func TestImportInTheBackground(t *testing.T) {
	n := start(t, "alpha")
	im, err := n.StartImport(t.Context(), admin, node.ImportRequest{Reader: reader("192.0.2.1\n"), Name: "small", Format: "list"})
	if err != nil || im.State != comity.ImportDone || im.Accepted != 1 {
		t.Fatalf("a small one is done at once: %+v %v", im, err)
	}
	s := slow{strings.NewReader("192.0.2.2\n"), make(chan struct{})}
	im, err = n.StartImport(t.Context(), admin, node.ImportRequest{Reader: s, Name: "slow", Format: "list"})
	if err != nil || im.State != comity.ImportRunning {
		t.Fatalf("%+v %v", im, err)
	}
	s.Close()
	eventually(t, "it ends by itself", func() error {
		im, err := n.ImportByID(t.Context(), string(im.ID))
		if err == nil && (im.State != comity.ImportDone || im.Accepted != 1) {
			err = errors.New(string(im.State))
		}
		return err
	})
	if _, ok := n.ImportProgress(im.ID); ok {
		t.Error("progress is kept after the end")
	}
}

// TestCloseEndsImports: Close does not wait for a stalled input, and the record
// says that the import was cut off.
func TestCloseEndsImports(t *testing.T) {
	n := start(t, "alpha")
	s := slow{strings.NewReader("192.0.2.2\n"), make(chan struct{})}
	im, err := n.StartImport(t.Context(), admin, node.ImportRequest{Reader: s, Name: "slow", Format: "list"})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	n.stop()
	if time.Since(begin) > 30*time.Second {
		t.Error("Close waited for the input")
	}
	m := open(t, n.Dir(), federation.ClientOptions{})
	got, err := m.ImportByID(t.Context(), string(im.ID))
	if err != nil || got.State != comity.ImportFailed || !strings.HasSuffix(got.Fault.Key, ".interrupted") {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestChangePassword(t *testing.T) {
	n := start(t, "alpha")
	ctx, anna := t.Context(), node.Actor{Name: "anna", Role: node.RoleReader}
	if err := n.CreateUser(ctx, admin, "anna", "first password 1", node.RoleReader, "en"); err != nil {
		t.Fatal(err)
	}
	session, err := n.SignIn(ctx, "anna", "first password 1", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by            node.Actor
		old, password string
		kind          comity.Kind
	}{
		{anna, "wrong", "second password 2", comity.Forbidden},
		{anna, "first password 1", "short", comity.Invalid},
		{node.Actor{Name: "ben", Role: node.RoleAnalyst}, "", "second password 2", comity.Forbidden},
	} {
		if err := n.ChangePassword(ctx, c.by, "anna", c.old, c.password); !comity.Is(err, c.kind) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := n.Session(ctx, session); err != nil {
		t.Fatalf("a refused change ended the session: %v", err)
	}
	if err := n.ChangePassword(ctx, anna, "anna", "first password 1", "second password 2"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Session(ctx, session); !comity.Is(err, comity.Unauthenticated) {
		t.Fatalf("the old session lives on: %v", err)
	}
	if _, err := n.SignIn(ctx, "anna", "second password 2", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
}
