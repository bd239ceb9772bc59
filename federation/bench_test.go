package federation

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"
)

// BenchmarkSync reads 50,000 objects of 1 kB over TLS on loopback into memory,
// everything verified, and shows objects/s; once as it is, once with 150 ms
// added to each request.
func BenchmarkSync(b *testing.B) {
	const n, size = 50000, 1000
	for _, c := range []struct {
		name  string
		delay time.Duration
	}{{"loopback", 0}, {"150ms", 150 * time.Millisecond}} {
		b.Run(c.name, func(b *testing.B) {
			p := newPair(b, ClientOptions{Wrap: func(rt http.RoundTripper) http.RoundTripper { return delayed{rt, c.delay} }}, ReaderOptions{})
			for range 10 {
				p.pub.put(b, n/10, size)
			}
			b.SetBytes(n * size)
			b.ResetTimer()
			for range b.N {
				p.sink = newSink(p.pub)
				r := NewReader(p.client, p.sub.keys, p.sink, ReaderOptions{})
				if got, err := r.Sync(context.Background(), p.sink.ch.ID, 0); err != nil || got.To != n {
					b.Fatalf("%+v %v", got, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// delayed adds a round trip's time to each request.
type delayed struct {
	http.RoundTripper
	by time.Duration
}

func (d delayed) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.by > 0 {
		t := time.NewTimer(d.by)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return d.RoundTripper.RoundTrip(r)
}

func (d delayed) CloseIdleConnections() {
	if c, ok := d.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func BenchmarkParseIdentity(b *testing.B) {
	_, id := testKeys(b, "a")
	for range b.N {
		if got, err := ParseIdentity(id.Note); err != nil || !bytes.Equal(got.Note, id.Note) {
			b.Fatal(err)
		}
	}
}
