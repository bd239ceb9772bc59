package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/formats"
)

func TestRunFormats(t *testing.T) {
	three := []string{"n0", "n1", "n2"}
	for _, c := range []struct {
		name, in, file, format string
		values, refused        []string
	}{
		{"bundle", testBundle(3), "", "stix", three, nil},
		{"BOM", "\xef\xbb\xbf" + testBundle(3), "", "stix", three, nil},
		{"object", testIndicator(0), "", "stix", []string{"n0"}, nil},
		{"lines", testIndicator(0) + "\n" + testIndicator(1) + "\n" + testIndicator(2) + "\n", "", "stix", three, nil},
		{"array", "[" + testIndicator(0) + "," + testIndicator(1) + "," + testIndicator(2) + "]", "", "stix", three, nil},
		{"envelope", `{"more":false,"objects":[` + testIndicator(0) + "," + testIndicator(1) + "," + testIndicator(2) + "]}", "", "stix", three, nil},
		{"list", "# bad ones\n192.0.2.1\n\nbad[.]example[.]com # why\n; more\nhxxp://bad.example.com/#x\nnonsense\n", "", "list",
			[]string{"192.0.2.1", "bad.example.com", "http://bad.example.com/#x"}, []string{"line 7 ingest.not_an_indicator"}},
		{"list with counts", "192.0.2.1\t9\n192.0.2.2\t8\n", "", "csv", []string{"192.0.2.1", "192.0.2.2"}, nil},
		{"hosts", "0.0.0.0 bad.example.com\n127.0.0.1\tworse.example.com\n", "", "list", []string{"bad.example.com", "worse.example.com"}, nil},
		{"one line", "192.0.2.1", "", "list", []string{"192.0.2.1"}, nil},
		{"table", "value,comment\n192.0.2.1,x\n,y\n", "", "csv", []string{"192.0.2.1"}, []string{"line 3 formats.empty_value"}},
		{"table by name", "192.0.2.1\n192.0.2.2\n", "feed.CSV.gz", "csv", []string{"192.0.2.1", "192.0.2.2"}, nil},
		{"text", "Dear all,\nplease block hxxp://bad[.]example[.]com/a and 192.0.2.9 today.\nIt is 192.0.2.9 again.\n", "", "text",
			[]string{"http://bad.example.com/a", "192.0.2.9"}, nil},
		{"several on a line", "192.0.2.1, bad.example.com, 192.0.2.3", "", "text", []string{"192.0.2.1", "bad.example.com", "192.0.2.3"}, nil},
		{"one line with a count", "192.0.2.1 (seen 9 times)", "", "list", []string{"192.0.2.1"}, nil},
		{"empty", "", "", "text", nil, nil},
		{"blank", " \n\t\n", "", "text", nil, nil},
	} {
		for _, pack := range []string{"", "gzip", "zstd", "zstd in gzip"} {
			t.Run(c.name+" "+pack, func(t *testing.T) {
				in := packed(t, pack, []byte(c.in))
				got, sum, err := run(t, bytes.NewReader(in), Options{Name: c.file})
				if err != nil {
					t.Fatal(err)
				}
				if sum.Format != c.format || sum.Bytes != int64(len(in)) || sum.Unpacked != int64(len(c.in)) {
					t.Errorf("summary %+v of %d bytes", sum, len(in))
				}
				if d := cmp.Diff(c.values, got.values()); d != "" {
					t.Error(d)
				}
				if d := cmp.Diff(c.refused, got.rules()); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func packed(t *testing.T, how string, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	switch how {
	case "gzip":
		return gz(b)
	case "zstd":
		return z.EncodeAll(b, nil)
	case "zstd in gzip":
		return gz(z.EncodeAll(b, nil))
	}
	return b
}

func TestRunRefusesWhole(t *testing.T) {
	b := testBundle(3)
	for name, c := range map[string]struct {
		in   string
		opt  Options
		want string
		kind comity.Kind
	}{
		"MISP event":     {`{"Event":{"id":"1","Attribute":[]}}`, Options{}, "ingest.misp_later", comity.Invalid},
		"MISP search":    {`{"response":[{"Event":{"id":"1"}}]}`, Options{}, "ingest.misp_later", comity.Invalid},
		"other JSON":     {`{"vulnerabilities":[]}`, Options{}, "ingest.not_stix", comity.Invalid},
		"UTF-16":         {"\xff\xfe{\x00", Options{}, "ingest.utf16", comity.Invalid},
		"UTF-16 no BOM":  {"{\x00\"\x00a\x00", Options{}, "ingest.utf16", comity.Invalid},
		"binary":         {"\x7fELF\x02\x01\x01\x00\x00", Options{}, "ingest.binary", comity.Invalid},
		"zip":            {"PK\x03\x04xxxx", Options{}, "ingest.packed", comity.Invalid},
		"three layers":   {string(gz(gz(gz([]byte(b))))), Options{}, "ingest.nested", comity.Invalid},
		"gzip header":    {"\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff", Options{}, "ingest.corrupt", comity.Invalid},
		"gzip cut short": {"\x1f\x8b\x08", Options{}, "ingest.truncated", comity.Invalid},
		"zstd window":    {"\x28\xb5\x2f\xfd\x00\xa0\x29\x00\x00hello", Options{}, "ingest.window", comity.TooLarge},
		"no such format": {b, Options{Format: "xml"}, "ingest.unknown_format", comity.Usage},
		"no column":      {"a,b\nc,d\n", Options{Format: FormatCSV}, "formats.no_value_column", comity.Invalid},
		"input limit":    {b, Options{Limits: Limits{Input: 100}}, "ingest.input_too_large", comity.TooLarge},
		"unpacked limit": {string(gz([]byte(b))), Options{Limits: Limits{Unpacked: 100}}, "ingest.unpacked_too_large", comity.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := run(t, strings.NewReader(c.in), c.opt)
			if key(err) != c.want || !comity.Is(err, c.kind) {
				t.Errorf("got %v", err)
			}
			if len(got.objects) > 0 {
				t.Errorf("%d objects", len(got.objects))
			}
		})
	}
}

func TestRunKeepsWhatCameBefore(t *testing.T) {
	lines := strings.Repeat("192.0.2.1\n", 2000)
	for name, c := range map[string]struct {
		in   io.Reader
		opt  Options
		want string
		n    int
	}{
		"count":      {strings.NewReader(lines), Options{Limits: Limits{Count: 1500}}, "ingest.too_many", 1500},
		"read error": {io.MultiReader(strings.NewReader(lines), errReader{}), Options{}, "ingest.read", 2000},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := run(t, c.in, c.opt)
			if key(err) != c.want || len(got.objects) != c.n {
				t.Errorf("%d objects, %v", len(got.objects), err)
			}
		})
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("disk trouble") }

// A cut at any place delivers a beginning of what the whole delivers, and says so.
func TestRunTruncated(t *testing.T) {
	for name, whole := range map[string][]byte{
		"plain": []byte(testBundle(40)), "gzip": packed(t, "gzip", []byte(testBundle(400))), "zstd": packed(t, "zstd", []byte(testBundle(400))),
		"list": gz([]byte(strings.Repeat("192.0.2.1\nbad.example.com\n", 500))),
	} {
		t.Run(name, func(t *testing.T) {
			full, _, err := run(t, bytes.NewReader(whole), Options{Format: formatOf(name)})
			if err != nil {
				t.Fatal(err)
			}
			for cut := 20; cut < len(whole)-1; cut += 1 + len(whole)/150 {
				got, _, err := run(t, bytes.NewReader(whole[:cut]), Options{Format: formatOf(name)})
				if err == nil || !comity.Is(err, comity.Invalid) {
					t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
				}
				if name != "plain" && key(err) != "ingest.truncated" {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				for i, o := range got.objects {
					if !bytes.Equal(o.Raw, full.objects[i].Raw) {
						t.Fatalf("cut at %d: object %d is %s", cut, i, o.Raw)
					}
				}
			}
		})
	}
}

func formatOf(name string) string {
	if name == "list" {
		return FormatList
	}
	return FormatSTIX
}

func TestRunOrder(t *testing.T) {
	const n = 20_000
	got, sum, err := run(t, strings.NewReader(testBundle(n)), Options{})
	if err != nil || sum.Accepted != n || got.batches < 4 {
		t.Fatalf("%+v, %d batches, %v", sum, got.batches, err)
	}
	for i, o := range got.objects {
		if string(o.Raw) != testIndicator(i) {
			t.Fatalf("object %d is %s", i, o.Raw)
		}
	}
}

// Objects near the bound must not make the reader wait for room for ever.
func TestRunLargeObjects(t *testing.T) {
	big := strings.Repeat("x", 15<<20)
	var in strings.Builder
	for i := range 5 {
		in.WriteString(strings.Replace(testIndicator(i), `"indicator_types"`, `"description":"`+big+`","indicator_types"`, 1) + "\n")
	}
	got, _, err := run(t, strings.NewReader(in.String()), Options{})
	if err != nil || len(got.objects) != 5 {
		t.Errorf("%d objects, %v, %v", len(got.objects), got.rules(), err)
	}
}

func TestRunSinkError(t *testing.T) {
	full := errors.New("disk full")
	sum, err := Run(context.Background(), strings.NewReader(testBundle(20_000)), Options{Now: testDay}, func(context.Context, Batch) error { return full })
	if !errors.Is(err, full) || sum.Accepted > 12_000 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestRunCancelInSink(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	_, err := Run(ctx, strings.NewReader(testBundle(30_000)), Options{Now: testDay}, func(context.Context, Batch) error {
		calls++
		cancel()
		return nil
	})
	if !comity.Is(err, comity.Interrupted) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// A Read that blocks for ever is ended by closing what can be closed.
func TestRunCancelBlockedRead(t *testing.T) {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.WriteString(w, `{"type":"bundle","id":"b","objects":[`)
		cancel()
	}()
	_, err := Run(ctx, r, Options{Format: FormatSTIX, Now: testDay}, (&collected{}).sink)
	if !comity.Is(err, comity.Interrupted) {
		t.Errorf("got %v", err)
	}
}

func TestRunRefusalsBounded(t *testing.T) {
	got, sum, err := run(t, strings.NewReader(strings.Repeat("no indicator at all in here\n", 1000)), Options{Format: FormatList, Limits: Limits{Refusals: 100}})
	if err != nil || sum.Refused != 1000 || sum.Unkept != 900 || len(got.refusals) != 100 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestRunRefusalCut(t *testing.T) {
	got, _, err := run(t, strings.NewReader(`{"type":"bundle","id":"bundle--0f5c3e0a-6a0f-4a4f-9a0b-0c7f9d5b7a41","objects":[{"type":"indicator","x_pad":"`+strings.Repeat("x", 100<<10)+`"}]}`), Options{})
	if err != nil || len(got.refusals) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := got.refusals[0]; !r.Cut || len(r.Raw) != keptRaw || r.At != "objects[0]" || len(r.Findings) == 0 {
		t.Errorf("at %s, %d bytes, cut %v, %v", r.At, len(r.Raw), r.Cut, r.Findings)
	}
}

func TestRunMakesIndicators(t *testing.T) {
	in := "value,tlp,labels,valid_from\n192.0.2.1,RED,x,2026-01-01\n192.0.2.2,,,\n"
	got, _, err := run(t, strings.NewReader(in), Options{Handling: comity.Green, Labels: []string{"feed"}})
	if err != nil || len(got.objects) != 2 {
		t.Fatalf("%d objects, %v", len(got.objects), err)
	}
	a, b := got.objects[0], got.objects[1]
	if a.TLP != comity.Red || b.TLP != comity.Green || a.Creator != testCreator || !a.Created.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || !b.Modified.Equal(testDay) {
		t.Errorf("got %s\n%s", a.Raw, b.Raw)
	}
	if d := cmp.Diff([]string{"x", "feed"}, a.Labels); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]comity.Value{{Kind: comity.ValueIPv4, Text: "192.0.2.1"}}, a.Values); d != "" {
		t.Error(d)
	}
}

func TestRunColumns(t *testing.T) {
	got, sum, err := run(t, strings.NewReader("x,192.0.2.1\ny,192.0.2.2\n"), Options{Columns: formats.Columns{Value: 2}})
	if err != nil || sum.Format != FormatCSV || len(got.objects) != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestProgress(t *testing.T) {
	now := testDay
	var seen []Progress
	in := testBundle(20_000)
	_, err := Run(context.Background(), strings.NewReader(in), Options{
		Now: testDay, Size: int64(len(in)), Progress: func(p Progress) { seen = append(seen, p) },
		Clock: func() time.Time { now = now.Add(30 * time.Millisecond); return now },
	}, (&collected{}).sink)
	if err != nil || len(seen) < 3 {
		t.Fatalf("%d calls, %v", len(seen), err)
	}
	last := seen[len(seen)-1]
	if !last.Done || last.Accepted != 20_000 || last.Bytes != int64(len(in)) || last.Rate <= 0 || last.Left != 0 {
		t.Errorf("last %+v", last)
	}
	if chunks := 20_000/chunkUnits + 1; len(seen) > chunks*30/100+2 {
		t.Errorf("%d calls for %d chunks 30 ms apart", len(seen), chunks)
	}
}
