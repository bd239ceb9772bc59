package taxii

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/comity-net/comity/internal/testkit/data"
)

// attack gives the objects of the ATT&CK set, or 24,771 made ones of that size.
func attack(b testing.TB) [][]byte {
	const set = "stix/attack-enterprise-18.1.json.gz"
	if _, ok := data.Find(set); !ok {
		pad := bytes.Repeat([]byte("x"), 1000)
		var out [][]byte
		for i := range 24_771 {
			out = append(out, bytes.Replace(indicator(i), []byte("[ipv4"), append(pad, '['), 1))
		}
		return out
	}
	var in struct{ Objects []json.RawMessage }
	if err := json.NewDecoder(data.Open(b, set)).Decode(&in); err != nil {
		b.Fatal(err)
	}
	out := make([][]byte, len(in.Objects))
	for i, raw := range in.Objects {
		var c bytes.Buffer
		json.Compact(&c, raw)
		out[i] = c.Bytes()
	}
	return out
}

// bench starts a server on loopback; the client keeps connections and takes
// bodies as they are.
func bench(b *testing.B) (*httptest.Server, *http.Client) {
	m := newMemory()
	raws := attack(b)
	m.fill(testID, len(raws), func(i int) []byte { return raws[i] })
	srv := httptest.NewServer(NewServer(m, Options{}))
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, ReadBufferSize: 64 << 10}
	b.Cleanup(func() { tr.CloseIdleConnections(); srv.Close() })
	b.ResetTimer()
	return srv, &http.Client{Transport: tr}
}

func fetch(b *testing.B, hc *http.Client, url, tag string) (*http.Response, []byte) {
	r, _ := http.NewRequest("GET", url, nil)
	r.Header.Set("Authorization", "Bearer "+testToken)
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	res, err := hc.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	var head [128]byte
	n, _ := io.ReadFull(res.Body, head[:])
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res, head[:n]
}

// nextOf finds the cursor in the first bytes of an envelope.
func nextOf(head []byte) string {
	_, rest, ok := bytes.Cut(head, []byte(`"next":"`))
	if !ok {
		return ""
	}
	next, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(next)
}

func BenchmarkReadAll(b *testing.B) {
	for _, limit := range []int{100, 1000} {
		b.Run(fmt.Sprint("limit=", limit), func(b *testing.B) {
			srv, hc := bench(b)
			for b.Loop() {
				next := ""
				for {
					_, head := fetch(b, hc, fmt.Sprintf("%s%s?limit=%d&next=%s", srv.URL, objectsPath, limit, next), "")
					if next = nextOf(head); next == "" {
						break
					}
				}
			}
			b.ReportMetric(24_771*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

func BenchmarkPage(b *testing.B) {
	for name, query := range map[string]string{
		"of=100": "?limit=100", "type": "?limit=100&match[type]=malware", "id": "?match[id]=malware--00000000-0000-4000-8000-000000000001",
		"nothing": "?added_after=2199-01-01",
	} {
		b.Run(name, func(b *testing.B) {
			srv, hc := bench(b)
			took := make([]time.Duration, 0, 1<<16)
			for b.Loop() {
				start := time.Now()
				fetch(b, hc, srv.URL+objectsPath+query, "")
				took = append(took, time.Since(start))
			}
			percentiles(b, took)
		})
	}
}

func BenchmarkUnchanged(b *testing.B) {
	srv, hc := bench(b)
	res, _ := fetch(b, hc, srv.URL+objectsPath+"?added_after=2199-01-01", "")
	tag := res.Header.Get("ETag")
	took := make([]time.Duration, 0, 1<<16)
	for b.Loop() {
		start := time.Now()
		if res, _ := fetch(b, hc, srv.URL+objectsPath+"?added_after=2199-01-01", tag); res.StatusCode != 304 {
			b.Fatal(res.StatusCode)
		}
		took = append(took, time.Since(start))
	}
	percentiles(b, took)
}

func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	at := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.95), "p95-ms")
}

func BenchmarkClientPull(b *testing.B) {
	srv, _ := bench(b)
	c := client(b, srv, ClientOptions{})
	for b.Loop() {
		n := 0
		for batch, err := range c.Pull(b.Context(), Pull{Root: "/taxii2/api1/", Collection: testID, Limit: 1000}) {
			if err != nil {
				b.Fatal(err)
			}
			n += len(batch.Objects)
		}
		if n != 24_771 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(24_771*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}

// Many clients at once, with and without TLS; each reads the whole set.
func BenchmarkClients(b *testing.B) {
	for _, n := range []int{8, 64} {
		for _, secure := range []string{"plain", "tls"} {
			b.Run(fmt.Sprint(n, "/", secure), func(b *testing.B) {
				m := newMemory()
				raws := attack(b)
				m.fill(testID, len(raws), func(i int) []byte { return raws[i] })
				srv := httptest.NewUnstartedServer(NewServer(m, Options{}))
				if secure == "tls" {
					srv.StartTLS()
				} else {
					srv.Start()
				}
				defer srv.Close()
				tr := srv.Client().Transport.(*http.Transport).Clone()
				tr.DisableCompression, tr.MaxIdleConnsPerHost = true, n
				defer tr.CloseIdleConnections()
				hc := &http.Client{Transport: tr}
				b.ResetTimer()
				for b.Loop() {
					var wg sync.WaitGroup
					for range n {
						wg.Go(func() {
							for next, more := "", true; more; more = next != "" {
								_, head := fetch(b, hc, fmt.Sprintf("%s%s?limit=1000&next=%s", srv.URL, objectsPath, next), "")
								next = nextOf(head)
							}
						})
					}
					wg.Wait()
				}
				b.ReportMetric(24_771*float64(n*b.N)/b.Elapsed().Seconds(), "objects/s")
			})
		}
	}
}
