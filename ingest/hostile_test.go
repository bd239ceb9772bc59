package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
)

// repeat gives b again and again, n bytes in all.
type repeat struct {
	b    []byte
	n, i int64
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.i >= r.n {
		return 0, io.EOF
	}
	at := r.i % int64(len(r.b))
	n := copy(p, r.b[at:])
	n = int(min(int64(n), r.n-r.i))
	r.i += int64(n)
	return n, nil
}

// Ten gigabytes behind ten megabytes: members of one file, one after the other.
func TestRunBombs(t *testing.T) {
	const each = 64 << 20
	for _, fill := range []string{" ", "a", "# comment\n", "["} {
		plain := bytes.Repeat([]byte(fill), each/len(fill))
		for _, pack := range []string{"gzip", "zstd"} {
			member := packed(t, pack, plain)
			for _, format := range []string{FormatSTIX, FormatList, FormatCSV, FormatText} {
				if format == FormatText && fill != "a" {
					continue // slow, and the same way
				}
				t.Run(fmt.Sprintf("%q %s %s", fill, pack, format), func(t *testing.T) {
					in := &repeat{b: member, n: int64(len(member)) * 160}
					_, sum, err := run(t, in, Options{Format: format})
					if sum.Unpacked > 2*each {
						t.Errorf("unpacked %d bytes", sum.Unpacked)
					}
					if err == nil {
						t.Errorf("no error: %+v", sum)
					}
				})
			}
		}
	}
}

func TestRunBombSaysHowFar(t *testing.T) {
	member := gz(bytes.Repeat([]byte(" "), 64<<20))
	_, _, err := run(t, &repeat{b: member, n: int64(len(member)) * 160}, Options{Format: FormatSTIX})
	m := comity.ErrorMessage(err)
	if m.Key != "ingest.bomb" || !comity.Is(err, comity.TooLarge) || len(m.Args) != 3 {
		t.Errorf("got %v", err)
	}
}

// hostile are inputs that must neither crash nor be taken for good.
var hostile = map[string]string{
	"deep arrays":        strings.Repeat("[", 1_000_000),
	"deep objects":       strings.Repeat(`{"a":`, 1_000_000),
	"deep in a bundle":   `{"type":"bundle","id":"b","objects":[{"type":"x-a","id":"x-a--1f0e6a52-6d0c-4c5e-9a0b-0c7f9d5b7a41","a":` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `}]}`,
	"duplicate keys":     strings.Replace(testIndicator(0), `"type":"indicator"`, `"type":"indicator","type":"malware"`, 1),
	"duplicate objects":  `{"type":"bundle","id":"b","objects":[],"objects":[` + testIndicator(0) + `]}`,
	"invalid UTF-8":      strings.Replace(testIndicator(0), `"n0"`, "\"\xff\xfe\"", 1),
	"lone surrogate":     strings.Replace(testIndicator(0), `"n0"`, `"\ud800"`, 1),
	"huge number":        strings.Replace(testIndicator(0), `"name"`, `"confidence":1e999999,"name"`, 1),
	"long number":        strings.Replace(testIndicator(0), `"name"`, `"confidence":`+strings.Repeat("9", 1_000_000)+`,"name"`, 1),
	"zero bytes":         testIndicator(0) + "\x00\x00\x00",
	"trailing comma":     `{"type":"bundle","id":"b","objects":[` + testIndicator(0) + `,]}`,
	"two bundles":        testBundle(1) + testBundle(1),
	"garbage behind":     testBundle(1) + "garbage",
	"object is a string": `{"type":"bundle","id":"b","objects":["` + strings.Repeat("x", 1000) + `",` + testIndicator(0) + `]}`,
	"objects no array":   `{"type":"bundle","id":"b","objects":{"a":1}}`,
	"id of megabytes":    `{"type":"x-a","id":"x-a--` + strings.Repeat("f", 2_000_000) + `"}`,
}

func TestRunHostile(t *testing.T) {
	for name, in := range hostile {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []comity.Mode{comity.Strict, comity.Standard, comity.Lenient} {
				got, sum, err := run(t, strings.NewReader(in), Options{Mode: mode})
				for _, o := range got.objects {
					if !strings.Contains(in, string(o.Raw)) {
						t.Errorf("delivered %q", clip(string(o.Raw)))
					}
				}
				if err == nil && sum.Accepted > 0 && sum.Refused == 0 && sum.Warned == 0 && len(sum.Remarks) == 0 && name != "two bundles" && mode == comity.Strict {
					t.Errorf("nobody objected: %+v", sum)
				}
			}
		})
	}
}

func TestRunMillionBadRows(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	row := []byte("nothing,\"x\n")
	in := io.MultiReader(strings.NewReader("value,comment\n"), &repeat{b: row, n: int64(len(row)) * 1_000_000})
	runtime.GC() // what other tests left does not count
	var m memory
	sum, err := Run(context.Background(), in, Options{Now: testDay}, m.sink)
	if err != nil || sum.Refused != 1_000_000 || sum.Unkept != 990_000 || sum.Accepted != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	m.check(t)
}

// bundleReader makes a bundle of about n bytes while it is read.
type bundleReader struct {
	n, done int64
	i       int
	rest    []byte
}

func (b *bundleReader) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		switch {
		case b.i == 0:
			b.rest = []byte(`{"type":"bundle","id":"bundle--0f5c3e0a-6a0f-4a4f-9a0b-0c7f9d5b7a41","objects":[` + testIndicator(0))
		case b.done < b.n:
			b.rest = append(b.rest[:0], ",\n"...)
			b.rest = append(b.rest, testIndicator(b.i)...)
		case b.done < b.n*2:
			b.rest, b.done = []byte("]}"), b.n*2
		default:
			return 0, io.EOF
		}
		b.i++
	}
	k := copy(p, b.rest)
	b.rest = b.rest[k:]
	b.done += int64(k)
	return k, nil
}

// memory is a sink that watches the heap.
type memory struct {
	most  uint64
	calls int
	held  Batch // a store holds the last batch while it writes
}

func (m *memory) sink(_ context.Context, b Batch) error {
	m.held = b
	m.calls++
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.most = max(m.most, s.HeapInuse)
	return nil
}

func (m *memory) check(t *testing.T) {
	t.Helper()
	const bound = 160 << 20
	t.Logf("at most %d MiB of heap over %d batches", m.most>>20, m.calls)
	if m.most > bound {
		t.Errorf("%d MiB of heap in use", m.most>>20)
	}
}

func TestRunConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("300 MB")
	}
	runtime.GC() // as above
	var m memory
	sum, err := Run(context.Background(), &bundleReader{n: 300 << 20}, Options{Now: testDay}, m.sink)
	if err != nil || sum.Accepted < 600_000 || sum.Refused > 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	m.check(t)
}

func FuzzRun(f *testing.F) {
	for _, s := range hostile {
		if len(s) < 10_000 {
			f.Add([]byte(s), byte(0))
		}
	}
	z, _ := zstd.NewWriter(nil)
	f.Add(gz([]byte(testBundle(2))), byte(1))
	f.Add(z.EncodeAll([]byte(testBundle(2)), nil), byte(2))
	z.Close()
	f.Add([]byte("value,type\n192.0.2.1,ip\n\"a\nb"), byte(3))
	f.Add([]byte("192.0.2.1\n# x\nbad.example.com\n"), byte(4))
	f.Add([]byte("see hxxp://bad[.]example[.]com\n"), byte(5))
	formats := []string{FormatAuto, FormatSTIX, FormatList, FormatCSV, FormatText}
	f.Fuzz(func(t *testing.T, b []byte, how byte) {
		opt := Options{Format: formats[int(how)%len(formats)], Mode: comity.Mode(how / 8 % 3),
			Limits: Limits{Unpacked: 8 << 20, Object: 1 << 20, Refusals: 50}}
		got, sum, err := run(t, bytes.NewReader(b), opt)
		if sum.Accepted+sum.Refused > sum.Unpacked+1 {
			t.Fatalf("more items than bytes: %+v", sum)
		}
		if int64(len(got.refusals)) != min(sum.Refused, 50) {
			t.Fatalf("%d refusals kept: %+v", len(got.refusals), sum)
		}
		if err == nil && sum.Format == "" {
			t.Fatalf("no format: %+v", sum)
		}
		for _, r := range got.refusals {
			if r.At == "" || len(r.Findings) == 0 || len(r.Raw) > keptRaw {
				t.Fatalf("refusal %+v", r)
			}
		}
	})
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{testIndicator(0), "192.0.2.1\n", "a,b\n", "[", "[2001:db8::1]", "\xef\xbb\xbf{", "words and words"} {
		f.Add("x.csv", []byte(s))
		f.Add("", []byte(s))
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		format, err := Detect(name, b)
		if (err == nil) == (format == "") {
			t.Fatalf("%q, %v", format, err)
		}
	})
}
