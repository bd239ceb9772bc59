package stix_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// drain reads all items as "where:raw", with "!" for refused ones, and the
// error that ended the stream.
func drain(r *stix.Reader) (got []string, err error) {
	for {
		it, err := r.Next()
		if err != nil {
			return got, err
		}
		s := it.Where() + ":" + string(it.Raw)
		if it.Report.Outcome == comity.Refused {
			s = it.Where() + "!" + it.Report.Findings[0].Rule
		}
		got = append(got, s)
	}
}

const (
	a = `{"type":"x-a","id":"x-a--1"}`
	b = `{"id":"x-b--1","n":{"k":["}",{"q":"\"]"}]}}`
)

var streams = []struct {
	name, in string
	want     []string
	err      string // the message key; "" for a clean end
	remark   string // the rule of the first finding on the bundle
}{
	{"empty", "", nil, "", ""},
	{"blank", " \n\t\r\n", nil, "", ""},
	{"single", a, []string{"line 1:" + a}, "", ""},
	{"single, pretty", "\n{\n \"type\": \"x\"\n}\n", []string{"line 2:{\n \"type\": \"x\"\n}"}, "", ""},
	{"lines", a + "\n" + b + "\r\n\n" + a, []string{"line 1:" + a, "line 2:" + b, "line 4:" + a}, "", ""},
	{"concatenated", a + b + a, []string{"line 1:" + a, "line 1:" + b, "line 1:" + a}, "", ""},
	{"text sequence", "\x1e" + a + "\n\x1e" + b + "\n", []string{"line 1:" + a, "line 2:" + b}, "", ""},
	{"array", "[" + a + ", " + b + "]", []string{"[0]:" + a, "[1]:" + b}, "", ""},
	{"empty array", "[]", nil, "", ""},
	{"bundle", `{"type":"bundle","id":"bundle--` + uuid + `","objects":[` + a + "," + b + `]}`, []string{"objects[0]:" + a, "objects[1]:" + b}, "", ""},
	{"bundle, type last", `{"objects":[` + a + `],"id":"bundle--` + uuid + `","type":"bundle"}`, []string{"objects[0]:" + a}, "", ""},
	{"empty bundle", `{"type":"bundle","id":"bundle--` + uuid + `"}`, nil, "", ""},
	{"bundle of a bad id", `{"type":"bundle","id":"x","objects":[]}`, nil, "", "id-format"},
	{"bundle of nothing", `{"type":"bundle","id":"bundle--f88d31f6-486f-44da-b317-01333bde0b82","objects":[]}`, nil, "", "list"},
	{"bundle without a list", `{"type":"bundle","id":"bundle--f88d31f6-486f-44da-b317-01333bde0b82"}`, nil, "", ""},
	{"two bundles", `{"type":"bundle","id":"bundle--` + uuid + `","objects":[` + a + "]}\n" + `{"type":"bundle","id":"bundle--` + uuid + `","objects":[` + b + "]}", []string{"objects[0]:" + a, "objects[0]:" + b}, "", ""},
	{"envelope", `{"more":true,"next":"x","objects":[` + a + `]}`, []string{"objects[0]:" + a}, "", ""},
	{"envelope, more last", `{"objects":[` + a + `],"more":false}`, []string{"objects[0]:" + a}, "", ""},
	{"empty envelope", `{"more":false}`, nil, "", ""},
	{"nothing", `{}`, nil, "", ""},
	{"other type with objects", `{"objects":[` + a + `],"type":"x-y"}`, []string{"objects[0]:" + a}, "", "bundle"},
	{"custom type with objects", `{"type":"x-y","objects":[1]}`, []string{`line 1:{"type":"x-y","objects":[1]}`}, "", ""},
	{"observed-data", `{"objects":{"0":{}},"type":"observed-data"}`, []string{`line 1:{"objects":{"0":{}},"type":"observed-data"}`}, "", ""},
	{"mark", "\ufeff" + a, []string{"line 1:" + a}, "", ""},
	{"utf-16", "\xff\xfe{\x00}\x00", nil, "stix.reader.utf16", ""},
	{"utf-16 big", "\xfe\xff\x00{\x00}", nil, "stix.reader.utf16", ""},
	{"utf-16 without mark", "{\x00}\x00", nil, "stix.reader.utf16", ""},
	{"gzip", "\x1f\x8b\x08", nil, "stix.reader.not_json", ""},
	{"text", "hello", nil, "stix.reader.not_json", ""},
	{"elements that are no objects", `[1,"a]",null,` + a + `,[2,{}]]`, []string{"[0]!object", "[1]!object", "[2]!object", "[3]:" + a, "[4]!object"}, "", ""},
	{"stray commas", `[,` + a + `,,` + b + `,]`, []string{"[0]:" + a, "[1]:" + b}, "", "syntax"},
	{"missing comma", `[` + a + b + `]`, []string{"[0]:" + a, "[1]:" + b}, "", "syntax"},
	{"broken inside", `[` + a + `,{"x":[1,2},` + b + `]`, []string{"[0]:" + a, `[1]:{"x":[1,2}`, "[2]:" + b}, "", ""},
	{"open inside", `[` + a + `,{"x":{"y":1]`, []string{"[0]:" + a, `[1]:{"x":{"y":1`}, "", ""},
	{"quote missing, one a line", "[\n" + a + ",\n{\"x\":\"y},\n" + b + "]", []string{"[0]:" + a, "[1]:{\"x\":\"y},\n" + b}, "", ""},
	{"broken line", a + "\n{\"x\" 1}\n" + b, []string{"line 1:" + a, "line 2!syntax", "line 3:" + b}, "", ""},
	{"stray lines", a + "\nERROR\nERROR\n" + b + "\n]\n" + a, []string{"line 1:" + a, "line 2!syntax", "line 4:" + b, "line 5!syntax", "line 6:" + a}, "", ""},
	{"cut in an object", `{"type":"bundle","objects":[` + a + `,{"x":`, []string{"objects[0]:" + a}, "stix.reader.truncated", ""},
	{"cut between objects", `{"type":"bundle","objects":[` + a + `,`, []string{"objects[0]:" + a}, "stix.reader.truncated", ""},
	{"cut after the list", `{"type":"bundle","objects":[` + a + `]`, []string{"objects[0]:" + a}, "stix.reader.truncated", ""},
	{"cut line", a + "\n" + `{"x":"y`, []string{"line 1:" + a}, "stix.reader.truncated", ""},
	{"list broken", `[` + a + `}`, []string{"[0]:" + a}, "stix.reader.array_end", ""},
	{"bundle broken", `{"objects":[` + a + `] 7}`, []string{"objects[0]:" + a}, "stix.reader.member", ""},
}

func TestReader(t *testing.T) {
	for _, tt := range streams {
		for _, one := range []bool{false, true} {
			var in io.Reader = strings.NewReader(tt.in)
			if one {
				in = iotest.OneByteReader(in) // the result must not depend on how bytes arrive
			}
			r := stix.NewReader(in, stix.Limits{})
			got, err := drain(r)
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("%s (one byte %v):\n got %q\nwant %q", tt.name, one, got, tt.want)
			}
			key := ""
			if err != io.EOF {
				key = comity.ErrorMessage(err).Key
			}
			if key != tt.err || err != io.EOF && comity.ErrorKind(err) != comity.Invalid {
				t.Errorf("%s: ended with %v, want %q", tt.name, err, tt.err)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("%s: then ended with %v", tt.name, again)
			}
			rule := ""
			if f := r.Report().Findings; len(f) > 0 {
				rule = f[0].Rule
			}
			if rule != tt.remark {
				t.Errorf("%s: remark %q, want %q", tt.name, rule, tt.remark)
			}
		}
	}
}

func TestReaderNamesTheOffset(t *testing.T) {
	in := `{"type":"bundle","objects":[` + a + `,{"x":`
	_, err := drain(stix.NewReader(strings.NewReader(in), stix.Limits{}))
	if !strings.Contains(err.Error(), fmt.Sprint(len(in))) {
		t.Errorf("%v does not name byte %d", err, len(in))
	}
}

func TestReaderPlaces(t *testing.T) {
	in := "{\"objects\":[\n" + a + ",\n" + b + "]}\n" + a
	r := stix.NewReader(strings.NewReader(in), stix.Limits{})
	for _, line := range []int64{2, 3, 4} {
		it, err := r.Next()
		if err != nil || it.Line != line || !bytes.HasPrefix([]byte(in[it.Offset:]), it.Raw) {
			t.Errorf("line %d offset %d (%v), want line %d", it.Line, it.Offset, err, line)
		}
	}
}

func TestReaderTooLarge(t *testing.T) {
	big := `{"type":"x-big","s":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, in := range []string{"[" + a + "," + big + "," + b + "]", a + "\n" + big + "\n" + b} {
		got, err := drain(stix.NewReader(strings.NewReader(in), stix.Limits{MaxObject: 1000}))
		if err != io.EOF || len(got) != 3 || !strings.HasSuffix(got[1], "!size") || !strings.HasSuffix(got[2], b) {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	boom := errors.New("boom")
	r := stix.NewReader(io.MultiReader(strings.NewReader("["+a+","), iotest.ErrReader(boom)), stix.Limits{})
	got, err := drain(r)
	if len(got) != 1 || !errors.Is(err, boom) {
		t.Errorf("got %q, %v", got, err)
	}
	r = stix.NewReader(io.MultiReader(strings.NewReader("["+a+","), iotest.ErrReader(io.ErrUnexpectedEOF)), stix.Limits{})
	if _, err = drain(r); comity.ErrorMessage(err).Key != "stix.reader.truncated" {
		t.Errorf("a cut archive gives %v", err)
	}
}

// endless gives a bundle of n copies of one object without holding it.
type endless struct {
	n    int
	rest []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.n == 0 {
			return 0, io.EOF
		}
		e.n--
		e.rest = []byte("," + a)
		if e.n == 0 {
			e.rest = []byte("]}")
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// Memory does not grow with the stream.
func TestReaderIsConstantInMemory(t *testing.T) {
	const n = 300_000
	r := stix.NewReader(io.MultiReader(strings.NewReader(`{"type":"bundle","id":"bundle--`+uuid+`","objects":[`+a), &endless{n: n}), stix.Limits{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	count := 0
	for {
		if _, err := r.Next(); err != nil {
			if err != io.EOF {
				t.Fatal(err)
			}
			break
		}
		count++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if count != n {
		t.Errorf("%d objects, want %d", count, n)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the reader holds %d bytes more than before", grown)
	}
	runtime.KeepAlive(r)
}

// The reader cuts the real bundle exactly as the standard library does.
func TestReaderOnATTACK(t *testing.T) {
	data := dataFile(t, "stix/attack-enterprise-18.1.json.gz")
	want := bundleObjects(t, data)
	r := stix.NewReader(bytes.NewReader(data), stix.Limits{})
	for i := range want {
		it, err := r.Next()
		if err != nil || !bytes.Equal(it.Raw, want[i]) || it.Path != fmt.Sprintf("objects[%d]", i) {
			t.Fatalf("object %d: %s %v", i, it.Path, err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}
