package pattern_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comity-net/comity/stix/pattern"
)

// BenchmarkMatch evaluates compiled patterns over 200 observations, of which
// the last is the first that matches.
func BenchmarkMatch(b *testing.B) {
	var obs []pattern.Observation
	for i := range 200 {
		obs = append(obs, observed(b, i, i+1, 1,
			fmt.Sprintf(`{"type":"network-traffic","dst_ref":"1","dst_port":%d}`, i),
			fmt.Sprintf(`{"type":"ipv4-addr","value":"198.51.100.%d"}`, i)))
	}
	for name, text := range map[string]string{
		"equal":      `[ipv4-addr:value = '198.51.100.199']`,
		"references": `[network-traffic:dst_ref.value ISSUBSET '198.51.100.199/32' AND network-traffic:dst_port > 100]`,
		"search":     `[ipv4-addr:value MATCHES '\\.19{2}$']`,
		"followed":   `([network-traffic:dst_port = 190] FOLLOWEDBY [ipv4-addr:value = '198.51.100.199']) WITHIN 60 SECONDS`,
		"repeats":    `[network-traffic:dst_port >= 100] REPEATS 100 TIMES WITHIN 100 SECONDS`,
	} {
		b.Run(name, func(b *testing.B) {
			prog, err := pattern.Compile(must(b, text), pattern.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if res, err := prog.Match(obs); err != nil || !res.Matched {
					b.Fatal(res, err)
				}
			}
		})
	}
}

// BenchmarkCanonical takes a large pattern.
func BenchmarkCanonical(b *testing.B) {
	p := must(b, "["+strings.Repeat("a:b = 1 AND (a:c > 2 OR a:d = 'x') OR ", 2000)+"a:b = 1]")
	b.ReportAllocs()
	for b.Loop() {
		p.Canonical()
	}
}
