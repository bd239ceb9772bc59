package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Bench measures a keeper: putting indicators with three values and three
// references each in durable batches, looking values up, paging, and appending
// to a channel. Rates are reported as objects/s, lookups/s and so on.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	for _, batch := range []int{1, 1000, 5000} {
		b.Run(fmt.Sprintf("Put/%d", batch), func(b *testing.B) {
			x := &bench{B: b, s: open(b)}
			b.ResetTimer()
			for b.Loop() {
				x.put(batch)
			}
			x.rate(x.objects, "objects/s")
		})
	}
	b.Run("Lookup", func(b *testing.B) {
		x := filled(b, open)
		for i := 0; b.Loop(); i++ {
			x.lookup()
		}
		x.rate(b.N, "lookups/s")
	})
	b.Run("Page", func(b *testing.B) {
		x := filled(b, open)
		for b.Loop() {
			x.page()
		}
		x.rate(b.N, "pages/s")
	})
	b.Run("RawPage", func(b *testing.B) {
		x := filled(b, open)
		for b.Loop() {
			x.rawPage()
		}
		x.rate(b.N, "pages/s")
	})
	b.Run("Members", func(b *testing.B) {
		x := filled(b, open)
		x.collect()
		b.ResetTimer()
		for b.Loop() {
			x.members(false)
		}
		x.rate(b.N, "pages/s")
	})
	b.Run("RawMembers", func(b *testing.B) {
		x := filled(b, open)
		x.collect()
		b.ResetTimer()
		for b.Loop() {
			x.members(true)
		}
		x.rate(b.N, "pages/s")
	})
	b.Run("Append/1000", func(b *testing.B) {
		x := filled(b, open)
		x.update(func(tx store.Tx) error { return tx.CreateChannel(context.Background(), newChannel("ch", true)) })
		n := 0
		b.ResetTimer()
		for b.Loop() {
			x.append(int64(n), 1000)
			n += 1000
		}
		x.rate(n, "entries/s")
	})
}

type bench struct {
	*testing.B
	s        store.Store
	objects  int
	rawBytes int64
}

// filled returns a store with 50,000 objects.
func filled(b *testing.B, open func(b *testing.B) store.Store) *bench {
	x := &bench{B: b, s: open(b)}
	for range 10 {
		x.put(5000)
	}
	b.ResetTimer()
	return x
}

func (x *bench) rate(n int, unit string) {
	x.ReportMetric(float64(n)/x.Elapsed().Seconds(), unit)
}

func (x *bench) update(fn func(store.Tx) error) {
	if err := x.s.Update(context.Background(), fn); err != nil {
		x.Fatal(err)
	}
}

func benchValue(n int) comity.Value {
	return comity.Value{Kind: comity.ValueDomain, Text: fmt.Sprintf("host%d.example", n)}
}

func (x *bench) put(n int) {
	objs := make([]comity.Object, n)
	for i := range objs {
		objs[i] = indicator(x.objects + i)
		x.rawBytes += int64(len(objs[i].Raw))
	}
	x.update(func(tx store.Tx) error {
		_, err := tx.PutObjects(context.Background(), imported("imp-1"), objs)
		return err
	})
	x.objects += n
}

func (x *bench) view(fn func(store.Reader) error) {
	if err := x.s.View(context.Background(), fn); err != nil {
		x.Fatal(err)
	}
}

func (x *bench) lookup() {
	x.view(func(r store.Reader) error {
		hits, err := r.Lookup(context.Background(), []comity.Value{benchValue(rand.IntN(x.objects))}, 10)
		if len(hits) != 1 {
			x.Fatalf("%d hits", len(hits))
		}
		return err
	})
}

func (x *bench) page() {
	x.view(func(r store.Reader) error {
		vs, err := r.Query(context.Background(), store.Query{Types: []string{"indicator"},
			After: store.OID(rand.IntN(x.objects - 200)), Limit: 100})
		if len(vs) != 100 {
			x.Fatalf("%d rows", len(vs))
		}
		return err
	})
}

func (x *bench) append(size int64, n int) {
	entries := make([]store.Entry, n)
	for i := range entries {
		entries[i] = entry(fmt.Sprintf("%016x", rand.Uint64()), store.OID(1+(int(size)+i)%x.objects), fmt.Sprintf("indicator--%d", rand.Uint64()))
		entries[i].Bytes = make([]byte, 250)
	}
	x.update(func(tx store.Tx) error {
		return tx.AppendEntries(context.Background(), "ch", head(size), entries, nil, head(size+int64(n)))
	})
}

// collect makes all objects members of a collection.
func (x *bench) collect() {
	oids := make([]store.OID, x.objects)
	for i := range oids {
		oids[i] = store.OID(i + 1)
	}
	x.update(func(tx store.Tx) error {
		if err := tx.PutCollection(context.Background(), store.Collection{ID: "col", Created: t0()}); err != nil {
			return err
		}
		return tx.AddMembers(context.Background(), "col", oids, t0())
	})
}

func (x *bench) members(raw bool) {
	x.view(func(r store.Reader) error {
		ms, err := r.Members(context.Background(), store.MemberQuery{Collection: "col", After: rand.Int64N(int64(x.objects - 200)),
			Limit: 100, WithRaw: raw, Last: true})
		if len(ms) != 100 {
			x.Fatalf("%d rows", len(ms))
		}
		return err
	})
}
