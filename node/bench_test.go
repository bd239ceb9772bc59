package node_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/internal/testkit/data"
	"github.com/comity-net/comity/node"
)

// indicatorList writes the first n lines of the optional domains and addresses
// into a file.
func indicatorList(tb testing.TB, n int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "indicators.txt")
	out, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Close()
	for _, name := range []string{"indicators/ips.txt.gz", "indicators/domains.txt.gz"} {
		sc := bufio.NewScanner(data.Open(tb, name))
		for i := 0; i < n/2 && sc.Scan(); i++ {
			fmt.Fprintln(out, sc.Text())
		}
	}
	return path
}

func BenchmarkImportATTACK(b *testing.B) {
	path := data.Path(b, "stix/attack-enterprise-18.1.json.gz")
	benchImport(b, node.ImportRequest{Source: path})
}

func BenchmarkImportIndicators(b *testing.B) {
	path := indicatorList(b, 100_000)
	benchImport(b, node.ImportRequest{Source: path, Format: "list"})
}

func benchImport(b *testing.B, req node.ImportRequest) {
	var objects int64
	for b.Loop() {
		b.StopTimer()
		n := start(b, "alpha")
		b.StartTimer()
		im, err := n.Import(b.Context(), admin, req)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		objects += im.Accepted
		n.stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
}

// delayed adds a pause to every request, as a far peer would.
type delayed struct {
	http.RoundTripper
	by time.Duration
}

func (d delayed) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(d.by)
	return d.RoundTripper.RoundTrip(r)
}

func BenchmarkExchange(b *testing.B) {
	b.Run("loopback", func(b *testing.B) { benchExchange(b, 0) })
	b.Run("150ms", func(b *testing.B) { benchExchange(b, 150*time.Millisecond) })
}

// benchExchange measures how fast a peer reads, verifies and stores the ATT&CK
// set that the other has shared.
func benchExchange(b *testing.B, delay time.Duration) {
	path := data.Path(b, "stix/attack-enterprise-18.1.json.gz")
	ctx := b.Context()
	var objects int64
	for b.Loop() {
		b.StopTimer()
		x := start(b, "alpha")
		y := startWith(b, "beta", federation.ClientOptions{Wrap: func(t http.RoundTripper) http.RoundTripper { return delayed{t, delay} }})
		pair(b, x, y)
		id := agree(b, x, y)
		im, err := x.Import(ctx, admin, node.ImportRequest{Source: path, TLP: "clear"})
		if err != nil {
			b.Fatal(err)
		}
		y.pause()
		begin := time.Now()
		res, err := x.Share(ctx, admin, node.ShareRequest{Query: &node.ShareQuery{Import: im.ID}, With: string(id)})
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("shared %d in %v", res.Shared, time.Since(begin))
		b.StartTimer()
		if err := y.SyncNow(ctx); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		p, err := y.Peer(ctx, string(x.ID()))
		if err != nil || p.Received != res.Shared {
			b.Fatal(errors.Join(err, fmt.Errorf("received %d of %d", p.Received, res.Shared)))
		}
		objects += p.Received
		x.stop()
		y.stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkFind(b *testing.B) {
	n := start(b, "alpha")
	path := indicatorList(b, 100_000)
	if _, err := n.Import(b.Context(), admin, node.ImportRequest{Source: path, Format: "list"}); err != nil {
		b.Fatal(err)
	}
	f, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	lines := strings.Split(string(f), "\n")
	i := 0
	for b.Loop() {
		i = (i + 7919) % (len(lines) - 1)
		if _, err := n.Find(b.Context(), lines[i]); err != nil {
			b.Fatal(err)
		}
	}
}

var _ io.Closer = closer{}
