package node_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// BenchmarkTaxiiQuestions measures what clients ask most, of the ATT&CK set: one
// type, one object, what is new where nothing is, and the whole as a caller
// from outside reads it; and posts of one object.
func BenchmarkTaxiiQuestions(b *testing.B) {
	x := taxiiOf(b, node.TaxiiOptions{})
	makeCollection(b, x.n, "feed")
	objects := attackObjects(b, 1<<30)
	for from := 0; from < len(objects); from += 500 {
		x.post("feed", objects[from:min(from+500, len(objects))]...)
	}
	const at = "/taxii2/api/collections/feed/objects/"
	b.Run("type", func(b *testing.B) { x.benchAsk(b, at+"?limit=100&match[type]=malware") })
	b.Run("id", func(b *testing.B) { x.benchAsk(b, at+"?match[id]="+idOf(objects[len(objects)/2])) })
	b.Run("manifest", func(b *testing.B) { x.benchAsk(b, "/taxii2/api/collections/feed/manifest/?limit=100") })
	b.Run("new", func(b *testing.B) {
		x.benchAsk(b, at+"?added_after="+time.Now().UTC().Add(time.Hour).Format("2006-01-02T15:04:05.000Z"))
	})
	if err := x.n.OpenCollection(b.Context(), admin, "feed", node.Opening{To: node.RoleConstituent}); err != nil {
		b.Fatal(err)
	}
	con := x.as("con", node.RoleConstituent)
	b.Run("outside1000", func(b *testing.B) { con.benchRead(b, 1000) })
	b.Run("post1", func(b *testing.B) {
		var took []time.Duration
		for i := 0; b.Loop(); i++ {
			o := labelled(i+int(time.Now().UnixNano()%1e9), comity.Clear)
			began := time.Now()
			x.post("feed", o)
			took = append(took, time.Since(began))
		}
		quantiles(b, took)
	})
}

func (x exchangeOf) benchAsk(b *testing.B, path string) {
	plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	var took []time.Duration
	for b.Loop() {
		r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, x.url+path, nil)
		r.Header.Set("Authorization", "Bearer "+x.token)
		began := time.Now()
		res, err := plain.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		took = append(took, time.Since(began))
		if err != nil || n == 0 || res.StatusCode != http.StatusOK {
			b.Fatal(fmt.Sprint(res.StatusCode, n, err))
		}
	}
	quantiles(b, took)
}

func quantiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
}
