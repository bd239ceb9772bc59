package pattern

import "testing"

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"address": `[ipv4-addr:value = '198.51.100.1']`,
		"hash":    `[file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f']`,
		"traffic": `([network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'example.com'] FOLLOWEDBY [file:size > 7 OR file:name LIKE 'a%']) WITHIN 1800 SECONDS`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Parse(text, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValues(b *testing.B) {
	p, err := Parse(`[ipv4-addr:value = '198.51.100.1']`, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(p.Values()) != 1 {
			b.Fatal("no value")
		}
	}
}
