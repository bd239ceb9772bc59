package node_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/comity-net/comity/internal/testkit/data"
	"github.com/comity-net/comity/node"
)

// benchQueries are twenty queries as people ask them; together they collect
// about as much as is imported.
func benchQueries() []string {
	qs := []string{
		"type = relationship", "type = attack-pattern and not label = revoked", "type in (course-of-action, tool)", "type = intrusion-set and tlp <= green",
		"creator = identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5 and type = campaign", "exact = emotet", "domain = gov.example", "cidr = 5.0.0.0/8",
		"cidr in (198.51.100.0/24, 2001:db8::/32)", "label = phishing and confidence >= 50", "sector in (finance, energy)", "country = KZ",
		"marking = marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168 and type = x-mitre-tactic", "value = ipv4", "tlp > amber",
	}
	for i := len(qs); i < 20; i++ {
		qs = append(qs, fmt.Sprintf("domain in (d%d.example, com.d%d) or cidr = %d.0.0.0/8", i, i, i))
	}
	return qs
}

// BenchmarkImportCollecting is an import beside no and beside twenty query
// collections.
func BenchmarkImportCollecting(b *testing.B) {
	attack := node.ImportRequest{Source: data.Path(b, "stix/attack-enterprise-18.1.json.gz")}
	list := node.ImportRequest{Source: indicatorList(b, 50_000), Format: "list"}
	newer := attack
	newer.Source = laterVersions(b, attack.Source)
	for _, c := range []struct {
		name  string
		first *node.ImportRequest
		req   node.ImportRequest
	}{{"attack", nil, attack}, {"list", nil, list}, {"newer", &attack, newer}} {
		for _, queries := range [][]string{nil, benchQueries()} {
			b.Run(fmt.Sprintf("%s/%d", c.name, len(queries)), func(b *testing.B) { benchCollecting(b, c.first, c.req, queries) })
		}
	}
}

// laterVersions writes the set once more with each object changed later.
func laterVersions(b *testing.B, path string) string {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := io.ReadAll(zr)
	if err != nil {
		b.Fatal(err)
	}
	raw = regexp.MustCompile(`"modified": ?"20`).ReplaceAll(raw, []byte(`"modified":"21`))
	out := filepath.Join(b.TempDir(), "later.json")
	if err := os.WriteFile(out, raw, 0o600); err != nil {
		b.Fatal(err)
	}
	return out
}

func benchCollecting(b *testing.B, first *node.ImportRequest, req node.ImportRequest, queries []string) {
	var objects, members int64
	for b.Loop() {
		b.StopTimer()
		n := start(b, "alpha")
		for i, q := range queries {
			if _, err := n.AddCollection(b.Context(), admin, node.CollectionDraft{Alias: fmt.Sprint("q", i), Query: q}); err != nil {
				b.Fatal(err)
			}
		}
		if err := n.FillCollections(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		if first != nil {
			if _, err := n.Import(b.Context(), admin, *first); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		im, err := n.Import(b.Context(), admin, req)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		objects += im.Accepted
		cs, err := n.Collections(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range cs {
			members += c.Size
		}
		n.stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
	b.ReportMetric(float64(members)/float64(b.N), "members")
}
