package ingest

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/comity-net/comity"
)

func TestRunATTACK(t *testing.T) {
	f := dataFile(t, "stix/attack-enterprise-18.1.json.gz")
	var at int
	whole, err := gzip.NewReader(dataFile(t, "stix/attack-enterprise-18.1.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(whole)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Run(context.Background(), f, Options{Name: f.Name(), Now: testDay}, func(_ context.Context, b Batch) error {
		for _, o := range b.Objects {
			i := bytes.Index(text[at:], o.Raw) // byte for byte, in order
			if i < 0 || i > 4096 {
				t.Fatalf("%s is not next in the file", o.ID)
			}
			at += i + len(o.Raw)
		}
		for _, r := range b.Refusals {
			t.Errorf("%s %s refused: %v", r.At, r.ID, r.Findings)
		}
		return nil
	})
	if err != nil || sum.Accepted != 24_771 || sum.Refused != 0 || sum.Format != FormatSTIX || sum.Unpacked != int64(len(text)) {
		t.Errorf("%+v, %v", sum, err)
	}
	t.Logf("%+v", sum)
}

func TestRunRealLists(t *testing.T) {
	for name, kinds := range map[string][]comity.ValueKind{
		"indicators/ips.txt.gz":     {comity.ValueIPv4, comity.ValueIPv6},
		"indicators/domains.txt.gz": {comity.ValueDomain},
		"indicators/hashes.txt.gz":  {comity.ValueHash},
	} {
		t.Run(name, func(t *testing.T) {
			lines := firstLines(t, name, 100_000)
			n := int64(bytes.Count(lines, []byte{'\n'}))
			got, sum, err := run(t, bytes.NewReader(lines), Options{})
			if err != nil || sum.Format != FormatList || sum.Accepted+sum.Refused != n {
				t.Fatalf("%+v of %d lines, %v", sum, n, err)
			}
			for i, r := range got.refusals {
				if i < 10 {
					t.Logf("refused %s %q", r.At, r.Raw)
				}
			}
			if sum.Refused*1000 > n {
				t.Errorf("%d of %d refused", sum.Refused, n)
			}
			ids := map[comity.ObjectID]bool{}
			for _, o := range got.objects {
				if len(o.Values) != 1 || (o.Values[0].Kind != kinds[0] && o.Values[0].Kind != kinds[len(kinds)-1]) {
					t.Fatalf("values %v of %s", o.Values, o.Raw)
				}
				ids[o.ID] = true
			}
			t.Logf("%d lines: %d accepted, %d different, %d warned, %d refused", n, sum.Accepted, len(ids), sum.Warned, sum.Refused)
		})
	}
}

func benchmark(b *testing.B, in []byte, opt Options) {
	opt.Now = testDay
	var n int64
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		sum, err := Run(context.Background(), bytes.NewReader(in), opt, func(context.Context, Batch) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		n += sum.Accepted
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkRunATTACK(b *testing.B) {
	in, err := io.ReadAll(dataFile(b, "stix/attack-enterprise-18.1.json.gz"))
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, in, Options{})
}

func BenchmarkRunList(b *testing.B) {
	benchmark(b, firstLines(b, "indicators/ips.txt.gz", 100_000), Options{Creator: testCreator, Handling: comity.Amber})
}
