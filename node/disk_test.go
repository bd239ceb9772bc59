//go:build linux

package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/node"
)

// TestFullAndReadOnlyDisk fills a small disk, then makes it read-only: imports
// fail with a clear word, everything acknowledged stays whole, reading goes on.
func TestFullAndReadOnlyDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("cannot mount a file system here: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	dir := filepath.Join(disk, "n")
	if _, err := node.Init(t.Context(), node.InitOptions{Dir: dir, Profile: node.Profile{Name: "alpha"}}); err != nil {
		t.Fatal(err)
	}
	n := open(t, dir, federation.ClientOptions{})
	if _, err := list(t, n, 0, 100); err != nil {
		t.Fatal(err)
	}
	full, held := error(nil), int64(0)
	for i := 1; i < 100 && full == nil; i++ {
		var im comity.Import
		im, full = list(t, n, i*2000, 2000)
		held += im.Accepted
	}
	if !comity.Is(full, comity.Unavailable) || comity.ErrorMessage(full).Key != "store.disk_full" {
		t.Fatalf("full disk: %v", full)
	}
	answers(t, n)
	st, err := n.Status(t.Context())
	if err != nil || st.Objects < held {
		t.Fatalf("%d of %d acknowledged objects, %v", st.Objects, held, err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=12m"); err != nil {
		// Files are open for writing: stop the node, which is what a crash does,
		// and open it again on the disk that became read-only.
		n.stop()
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=12m"); err != nil {
			t.Fatal(err)
		}
		m, err := node.Open(t.Context(), node.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		n = &running{Node: m}
	}
	if _, err := list(t, n, 0, 10); !comity.Is(err, comity.Unavailable) {
		t.Fatalf("read-only disk: %v", err)
	}
	answers(t, n)
}

// list imports addresses from a number on.
func list(t *testing.T, n *running, from, count int) (comity.Import, error) {
	t.Helper()
	var b strings.Builder
	for i := from; i < from+count; i++ {
		fmt.Fprintf(&b, "2001:db8::%x\n", i+1)
	}
	return n.Import(t.Context(), admin, node.ImportRequest{Reader: reader(b.String()), Name: "list", Format: "list", TLP: "green"})
}

func answers(t *testing.T, n *running) {
	t.Helper()
	f, err := n.Find(t.Context(), "2001:db8::1")
	if err != nil || len(f.Values) != 1 || len(f.Values[0].Hits) != 1 {
		t.Fatalf("reading stopped: %+v %v", f, err)
	}
}
