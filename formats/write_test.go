package formats

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

const testBundle = comity.ObjectID("bundle--0f5c3e0a-6a0f-4a4f-9a0b-0c7f9d5b7a41")

func seq[T any](vs ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range vs {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func TestWriteSTIXKeepsBytes(t *testing.T) {
	raws := [][]byte{
		[]byte(`{"type":"x-a","id":"x-a--1f0e6a52-6d0c-4c5e-9a0b-0c7f9d5b7a41" , "n":1.00}`),
		[]byte("{\n\t\"type\": \"x-b\",\n\t\"id\": \"x-b--1f0e6a52-6d0c-4c5e-9a0b-0c7f9d5b7a42\"\n}"),
	}
	var out bytes.Buffer
	if err := WriteSTIX(&out, testBundle, seq(raws...)); err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	for r := stix.NewReader(&out, stix.Limits{}); ; {
		it, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, it.Raw)
	}
	if !slices.EqualFunc(got, raws, bytes.Equal) {
		t.Errorf("got %q", got)
	}
}

func TestWriteSTIXEmpty(t *testing.T) {
	var out bytes.Buffer
	if err := WriteSTIX(&out, testBundle, seq[[]byte]()); err != nil || strings.Contains(out.String(), "objects") {
		t.Errorf("got %s, %v", out.String(), err)
	}
}

func TestWriteSTIXStopsOpen(t *testing.T) {
	broken := errors.New("no more")
	var out bytes.Buffer
	err := WriteSTIX(&out, testBundle, func(yield func([]byte, error) bool) {
		_ = yield([]byte(`{}`), nil) && yield(nil, broken)
	})
	if !errors.Is(err, broken) || strings.HasSuffix(strings.TrimSpace(out.String()), "}\n]}") {
		t.Errorf("got %v: %s", err, out.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteErrors(t *testing.T) {
	if err := WriteSTIX(fullDisk{}, testBundle, seq([]byte(`{}`))); !comity.Is(err, comity.Unavailable) {
		t.Errorf("STIX: %v", err)
	}
	if err := WriteCSV(fullDisk{}, seq(comity.Object{}), func(*comity.Object) comity.TLP { return comity.Clear }); !comity.Is(err, comity.Unavailable) {
		t.Errorf("CSV: %v", err)
	}
}

func TestWriteCSVReadsBack(t *testing.T) {
	obj := comity.Object{
		ID: "indicator--1f0e6a52-6d0c-4c5e-9a0b-0c7f9d5b7a41", Name: "=cmd|' /C calc'!A0", Confidence: 50, Labels: []string{"a", "b"},
		ValidFrom: testDay, Modified: testDay, Values: []comity.Value{{Kind: comity.ValueIPv4, Text: "192.0.2.1"}, {Kind: comity.ValueURL, Text: "http://example.com/,\"x"}},
	}
	var out bytes.Buffer
	if err := WriteCSV(&out, seq(obj), func(*comity.Object) comity.TLP { return comity.AmberStrict }); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), ",=cmd") {
		t.Errorf("a formula: %s", out.String())
	}
	if d := cmp.Diff([]string{"2 192.0.2.1", "3 http://example.com/,\"x"}, readAll(t, out.String(), CSVOptions{})); d != "" {
		t.Error(d)
	}
	c, err := NewCSV(&out, CSVOptions{})
	if err == nil && c.Columns().TLP != 3 {
		t.Errorf("columns %+v", c.Columns())
	}
}
