package formats

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
)

// readAll gives one line of text for each row: its line, and its value or rules.
func readAll(t testing.TB, table string, opt CSVOptions) []string {
	t.Helper()
	c, err := NewCSV(strings.NewReader(table), opt)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		r, err := c.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		e, fs := c.Entry(r)
		s := fmt.Sprintf("%d %s", r.Line, e.Value.Text)
		for _, f := range fs {
			s += " !" + f.Msg.Key
		}
		out = append(out, s)
	}
}

func TestCSVRows(t *testing.T) {
	for _, c := range []struct {
		name, table string
		opt         CSVOptions
		want        []string
	}{
		{"comma and header", "value,type\n192.0.2.1,ip\n192.0.2.2,ipv4\n", CSVOptions{}, []string{"2 192.0.2.1", "3 192.0.2.2"}},
		{"semicolon", "Type;Indicator\r\ndomain;bad.example.com\r\n", CSVOptions{}, []string{"2 bad.example.com"}},
		{"tab", "ioc\tcomment\nbad.example.com\ta, b; c | d\n", CSVOptions{}, []string{"2 bad.example.com"}},
		{"bar", "x|ioc\n1|bad.example.com\n", CSVOptions{}, []string{"2 bad.example.com"}},
		{"quotes and line ends", "value,comment\n\"192.0.2.1\",\"two\nlines \"\"quoted\"\"\"\n192.0.2.2,x\n", CSVOptions{}, []string{"2 192.0.2.1", "4 192.0.2.2"}},
		{"stray quote", "value,comment\n192.0.2.1,5\" disk\n192.0.2.2,x\n", CSVOptions{}, []string{"2 192.0.2.1", "3 192.0.2.2"}},
		{"header in a comment", "# made today\n# first_seen,ioc_value\n2026-01-01,192.0.2.1\n", CSVOptions{}, []string{"3 192.0.2.1"}},
		{"no header", "2026-01-01,192.0.2.1\n2026-01-02,192.0.2.2\n", CSVOptions{}, []string{"1 192.0.2.1", "2 192.0.2.2"}},
		{"chosen columns", "a,192.0.2.1\nb,192.0.2.2\n", CSVOptions{Columns: Columns{Value: 2}}, []string{"1 192.0.2.1", "2 192.0.2.2"}},
		{"refanged", "value,type\nbad[.]example[.]com,domain\nhxxp://bad[.]example[.]com/x,url\n", CSVOptions{}, []string{"2 bad.example.com", "3 http://bad.example.com/x"}},
		{"blank lines and comments", "value\n\n192.0.2.1\n# no\n\n192.0.2.2", CSVOptions{}, []string{"3 192.0.2.1", "6 192.0.2.2"}},
		{"empty", "", CSVOptions{}, nil},
		{"bad cells", "value,type,tlp,confidence,first_seen\n" +
			"nothing here,,,,\n,,,,\n192.0.2.1,domain,,,\n192.0.2.1,,purple,,\n192.0.2.1,,,101,\n192.0.2.1,,,,03/04/2026\n", CSVOptions{},
			[]string{"2  !formats.not_a_value", "3  !formats.empty_value", "4  !formats.not_a_value",
				"5 192.0.2.1 !formats.not_a_tlp", "6 192.0.2.1 !formats.not_a_confidence", "7 192.0.2.1 !formats.not_a_date"}},
		{"short row", "type,value\nip\nip,192.0.2.1\n", CSVOptions{}, []string{"2  !formats.empty_value", "3 192.0.2.1"}},
		{"long row", "value\n" + strings.Repeat("a", 200) + "\n192.0.2.1\n", CSVOptions{MaxRow: 100}, []string{"2  !formats.long_line", "3 192.0.2.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, readAll(t, c.table, c.opt)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCSVEntry(t *testing.T) {
	c, err := NewCSV(strings.NewReader("value,type,tlp,confidence,first_seen,valid_until,last_seen,tags,comment,source,country\n"+
		"192.0.2.1,ip,TLP:AMBER,high,2026-01-02 03:04:05,2027-01-01,2026-02-01T00:00:00.123456Z,\"a;b, c\",seen twice,partner,ke\n"), CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := c.Next()
	got, fs := c.Entry(r)
	if len(fs) > 0 {
		t.Fatal(fs)
	}
	want := Entry{Indicator: Indicator{
		Value: comity.Value{Kind: comity.ValueIPv4, Text: "192.0.2.1"}, TLP: comity.Amber, Confidence: 85,
		ValidFrom: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ValidUntil: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Labels: []string{"a", "b", "c"}, Description: "seen twice", Source: "partner", Country: "KE"},
		Seen: time.Date(2026, 2, 1, 0, 0, 0, 123e6, time.UTC)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCSVOpenQuote(t *testing.T) {
	table := "value,comment\n192.0.2.1,\"never closed\n" + strings.Repeat("192.0.2.2,x\n", 500)
	got := readAll(t, table, CSVOptions{})
	if len(got) != 501 || got[0] != "2  !formats.open_quote" || got[1] != "3 192.0.2.2" {
		t.Errorf("%d rows, first %q", len(got), got[:2])
	}
}

func TestCSVNoValueColumn(t *testing.T) {
	_, err := NewCSV(strings.NewReader("name,colour\napple,red\n"), CSVOptions{})
	if comity.ErrorMessage(err).Key != "formats.no_value_column" || !comity.Is(err, comity.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestParseColumns(t *testing.T) {
	got, err := ParseColumns("value=3, type=1,first-seen=2")
	if err != nil || got != (Columns{Value: 3, Type: 1, From: 2}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for in, key := range map[string]string{"value": "formats.bad_column", "value=0": "formats.bad_column", "value=x": "formats.bad_column",
		"colour=1": "formats.unknown_column", "type=1": "formats.no_value_named", "value=99999": "formats.bad_column"} {
		if _, err := ParseColumns(in); comity.ErrorMessage(err).Key != key || !comity.Is(err, comity.Usage) {
			t.Errorf("%s: got %v", in, err)
		}
	}
}

func TestMatchHeaderPrefersValue(t *testing.T) {
	got, ok := MatchHeader([]string{"ip", "Value", "# First Seen (UTC)", "TLP"})
	if !ok || got.Value != 2 || got.From != 3 || got.TLP != 4 {
		t.Errorf("got %+v", got)
	}
}

func TestLines(t *testing.T) {
	l := NewLines(strings.NewReader("a\r\n\nbb\n"+strings.Repeat("x", 300<<10)+"\nlast"), 10)
	var got []string
	for {
		n, err := l.Next()
		if err != nil {
			if err != io.EOF {
				t.Fatal(err)
			}
			break
		}
		got = append(got, fmt.Sprintf("%d %s %v", n.N, n.Text, n.Long))
	}
	want := []string{"1 a false", "2  false", "3 bb false", "4 xxxxxxxxxx true", "5 last false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLinesPartial(t *testing.T) {
	broken := errors.New("line is down")
	l := NewLines(io.MultiReader(strings.NewReader("evil.com\nevil.co"), iotest.ErrReader(broken)), 0)
	a, err1 := l.Next()
	if err1 != nil || a.Partial {
		t.Errorf("first line: %+v %v", a, err1)
	}
	b, err2 := l.Next()
	if err2 != nil || !b.Partial {
		t.Errorf("second line: %+v %v", b, err2)
	}
	if _, err := l.Next(); !errors.Is(err, broken) {
		t.Errorf("end: %v", err)
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"value,type\n192.0.2.1,ip\n", "a;\"b\nc\";d\n", "\"", "value\n\"\"\"", "#ioc\n", "\x00,\xff\n"} {
		f.Add([]byte(s), byte(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, comma byte) {
		if comma != 0 && comma != ';' {
			comma = ','
		}
		c, err := NewCSV(strings.NewReader(string(b)), CSVOptions{Comma: comma, MaxRow: 1000})
		if err != nil {
			return
		}
		rows, last := 0, int64(0)
		for {
			r, err := c.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Line <= last {
				t.Fatalf("line %d after %d", r.Line, last)
			}
			last = r.Line
			if rows++; rows > len(b)+1 {
				t.Fatalf("%d rows of %d bytes", rows, len(b))
			}
			if e, fs := c.Entry(r); len(fs) == 0 {
				e.Created, e.Modified = testDay, testDay
				_, _ = e.Encode()
			}
		}
	})
}
