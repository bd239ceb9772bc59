package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/comity-net/comity"
)

func BenchmarkExtend(b *testing.B) {
	for _, bc := range []struct {
		name  string
		batch int
	}{{"1", 1}, {"256", 256}, {"4096", 4096}} {
		b.Run(bc.name, func(b *testing.B) {
			store, head := build(b, leaves(1, 100_000))
			batch := leaves(2, bc.batch)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Extend(context.Background(), store, head, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(bc.batch)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}

func BenchmarkEdgeAppend(b *testing.B) {
	var e Edge
	l := leafN(1, 1)
	b.ReportAllocs()
	for b.Loop() {
		e.Append(l)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

// BenchmarkVerifyChunk verifies 4096 entries: bare, and with their payloads.
func BenchmarkVerifyChunk(b *testing.B) {
	for _, bc := range []struct {
		name    string
		payload int
		bare    bool
	}{{"entries", 0, true}, {"payload-200B", 200, false}, {"payload-800B", 800, false}} {
		b.Run(bc.name, func(b *testing.B) {
			c := Chunk{Items: makeItems(b, 5000, bc.payload)}
			c.Items = slices.DeleteFunc(c.Items, func(it Item) bool { return it.Nonce == nil })[:4096]
			var e Edge
			for i := range c.Items {
				e.Append(LeafHash(c.Items[i].Entry))
				if bc.bare {
					c.Items[i] = Item{Entry: c.Items[i].Entry}
				}
			}
			c.End = e.Head()
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := VerifyChunk(Edge{}, c, c.End); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(4096*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}

func BenchmarkReadChunk(b *testing.B) {
	items := makeItems(b, 4096, 400)
	var buf bytes.Buffer
	if err := WriteChunk(&buf, 0, items, comity.Head{}, nil); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(buf.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadChunk(bytes.NewReader(buf.Bytes()), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 is the yardstick: the hashing that one leaf and one inner node
// need, and nothing else.
func BenchmarkSHA256(b *testing.B) {
	var leaf [125]byte
	var node [65]byte
	for b.Loop() {
		s := sha256.Sum256(leaf[:])
		node[0] ^= s[0]
		s = sha256.Sum256(node[:])
		leaf[0] ^= s[0]
	}
}
