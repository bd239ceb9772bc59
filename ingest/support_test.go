package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/internal/testkit/data"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testDay = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

const testCreator = comity.ObjectID("identity--1f0e6a52-6d0c-4c5e-9a0b-0c7f9d5b7a41")

// collected is everything that Run delivered.
type collected struct {
	objects  []comity.Object
	refusals []comity.Refusal
	batches  int
	largest  int
}

func (c *collected) sink(_ context.Context, b Batch) error {
	if len(b.Findings) != len(b.Objects) {
		return fmt.Errorf("%d findings beside %d objects", len(b.Findings), len(b.Objects))
	}
	c.objects = append(c.objects, b.Objects...)
	c.refusals = append(c.refusals, b.Refusals...)
	c.batches++
	c.largest = max(c.largest, len(b.Objects)+len(b.Refusals))
	return nil
}

// values lists the first value of each object.
func (c *collected) values() []string {
	var out []string
	for _, o := range c.objects {
		out = append(out, o.Name)
	}
	return out
}

// rules lists where and why items were refused.
func (c *collected) rules() []string {
	var out []string
	for _, r := range c.refusals {
		s := r.At
		for _, f := range r.Findings {
			if f.Refuses {
				s += " " + f.Msg.Key
				break
			}
		}
		out = append(out, s)
	}
	return out
}

func run(t testing.TB, in io.Reader, opt Options) (*collected, Summary, error) {
	t.Helper()
	if opt.Now.IsZero() {
		opt.Now = testDay
	}
	opt.Creator = testCreator
	var c collected
	sum, err := Run(context.Background(), in, opt, c.sink)
	if int(sum.Accepted) != len(c.objects) || int(sum.Refused-sum.Unkept) != len(c.refusals) {
		t.Errorf("summary %+v beside %d objects, %d refusals", sum, len(c.objects), len(c.refusals))
	}
	if c.largest > batchItems {
		t.Errorf("a batch of %d", c.largest)
	}
	return &c, sum, err
}

func key(err error) string {
	if err == nil {
		return ""
	}
	return comity.ErrorMessage(err).Key
}

// testIndicator makes the i-th synthetic indicator.
func testIndicator(i int) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--%08x-6d0c-4c5e-9a0b-0c7f9d5b7a41",`+
		`"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"n%d",`+
		`"indicator_types":["malicious-activity"],"pattern":"[domain-name:value = 'h%d.example.com']","pattern_type":"stix",`+
		`"valid_from":"2026-01-01T00:00:00Z"}`, i, i, i)
}

func testBundle(n int) string {
	var b strings.Builder
	b.WriteString(`{"type":"bundle","id":"bundle--0f5c3e0a-6a0f-4a4f-9a0b-0c7f9d5b7a41","objects":[`)
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(testIndicator(i))
	}
	return b.String() + "]}"
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// dataFile opens a file of the optional test data folder, or skips.
func dataFile(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(data.Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// firstLines returns the first n lines of a packed list.
func firstLines(t testing.TB, name string, n int) []byte {
	t.Helper()
	z, err := gzip.NewReader(dataFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	end := 0
	for i := 0; i < n; i++ {
		j := bytes.IndexByte(all[end:], '\n')
		if j < 0 {
			return all
		}
		end += j + 1
	}
	return all[:end]
}
