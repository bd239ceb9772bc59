package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Grow measures how a keeper changes on the way to many objects: as many as
// $COMITY_BENCH_GROW says; without it the benchmark is skipped. It reports the
// rate of putting at the start and at the end, the median time of a page and of
// a lookup at a twentieth of the way and at the end, and the memory of this
// process. size gives the bytes on disk; nil when that cannot be told.
func Grow(b *testing.B, s store.Store, size func() int64) {
	total, _ := strconv.Atoi(os.Getenv("COMITY_BENCH_GROW"))
	if total == 0 {
		b.Skip("set COMITY_BENCH_GROW to a number of objects, such as 1000000")
	}
	const batch = 5000
	x := &bench{B: b, s: s}
	part := max(total/20/batch, 1) * batch
	rate := func(until int) float64 {
		start, from := time.Now(), x.objects
		for x.objects < until {
			x.put(batch)
		}
		return float64(x.objects-from) / time.Since(start).Seconds()
	}
	first := rate(part)
	b.ReportMetric(first, "first/s")
	x.medians("small")
	for x.objects < total-part {
		r := rate(min(x.objects+2*part, total-part))
		b.Logf("%8d objects: %6.0f/s, resident %d MB", x.objects, r, resident()>>20)
	}
	last := rate(total)
	b.ReportMetric(last, "last/s")
	b.ReportMetric(last/first, "last/first")
	x.medians("large")
	b.ReportMetric(float64(resident()>>20), "MB")
	if size != nil {
		b.ReportMetric(float64(size())/float64(x.rawBytes), "disk/raw")
	}
}

// medians reports the median time of a page of 100 with raw and of a lookup.
func (x *bench) medians(when string) {
	for name, fn := range map[string]func(){"page": x.rawPage, "lookup": x.lookup} {
		var ts []time.Duration
		for range 500 {
			start := time.Now()
			fn()
			ts = append(ts, time.Since(start))
		}
		slices.Sort(ts)
		x.ReportMetric(float64(ts[len(ts)/2].Microseconds()), name+"-µs-"+when)
	}
}

func (x *bench) rawPage() {
	x.view(func(r store.Reader) error {
		vs, err := r.Query(context.Background(), store.Query{After: store.OID(rand.IntN(x.objects - 200)), Limit: 100, WithRaw: true})
		if len(vs) != 100 || len(vs[0].Raw) == 0 {
			x.Fatalf("%d rows", len(vs))
		}
		return err
	})
}

// resident returns the resident memory of this process, 0 where it is unknown.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// indicator is an object as a feed brings it, about 700 bytes of STIX.
func indicator(k int) comity.Object {
	id := fmt.Sprintf("indicator--%08x-%04x-4%03x-8000-%012x", rand.Uint32(), rand.N(1<<16), rand.N(1<<12), k)
	hash := fmt.Sprintf("%016x%016x%016x%016x", rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64())
	host, sample := benchValue(k).Text, fmt.Sprintf("malware--%08x-0000-4000-8000-%012x", rand.Uint32(), rand.N(1<<40))
	at := t0().Add(time.Duration(k) * time.Second)
	raw := fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":%q,"created_by_ref":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff",`+
		`"created":%q,"modified":%q,"name":"Download of sample %d","description":"The host served a loader of the family %x to visitors of a mirror; %s",`+
		`"indicator_types":["malicious-activity"],"pattern":"[domain-name:value = '%s' AND file:hashes.'SHA-256' = '%s']","pattern_type":"stix",`+
		`"valid_from":%q,"external_references":[{"source_name":"report","url":"https://example.org/r/%x"}],"object_marking_refs":["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"]}`,
		id, at.Format(time.RFC3339), at.Format(time.RFC3339), k, rand.N(5000), strings.Repeat("seen again ", rand.N(9)), host, hash, at.Format(time.RFC3339), rand.Uint64())
	return comity.Object{ID: comity.ObjectID(id), Type: "indicator", Created: at, Modified: at, Creator: "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff",
		Name: fmt.Sprintf("Download of sample %d", k), Country: "KE",
		Values: []comity.Value{benchValue(k), {Kind: comity.ValueHash, Text: hash},
			{Kind: comity.ValueIPv4, Text: fmt.Sprintf("10.%d.%d.%d", k>>16&255, k>>8&255, k&255)}},
		Refs: []comity.Ref{{Kind: "created_by_ref", Target: "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff"},
			{Kind: "object_marking_refs", Target: "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"},
			{Kind: "sample_ref", Target: comity.ObjectID(sample)}},
		Text: "The host served a loader to visitors of a mirror", Raw: []byte(raw)}
}
