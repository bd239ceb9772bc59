package extract_test

import (
	"bufio"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/comity-net/comity/internal/testkit/data"
)

// Nearly every line of the real lists is taken for what it is, by Guess as by
// Normalize.
func TestRealLists(t *testing.T) {
	for _, tt := range []struct {
		file  string
		kinds []comity.ValueKind
		least float64
	}{
		{"ips.txt.gz", []comity.ValueKind{comity.ValueIPv4, comity.ValueIPv6}, 0.9999},
		{"hashes.txt.gz", []comity.ValueKind{comity.ValueHash}, 0.999},
		{"domains.txt.gz", []comity.ValueKind{comity.ValueDomain}, 0.97},
	} {
		total, good := 0, 0
		var odd []string
		for line := range lines(t, tt.file) {
			total++
			v, ok := extract.Guess(line)
			for _, k := range tt.kinds {
				if ok && v.Kind == k {
					good++
					ok = false
				}
			}
			if ok && len(odd) < 8 {
				odd = append(odd, v.Kind.String()+":"+line)
			}
			if total == 200_000 {
				break
			}
		}
		share := float64(good) / float64(total)
		t.Logf("%s: %d of %d; others %q", tt.file, good, total, odd)
		if share < tt.least {
			t.Errorf("%s: only %.4f are taken for what they are", tt.file, share)
		}
	}
}

// lines yields the lines of an optional test data file; the test is skipped
// where it is absent.
func lines(t *testing.T, name string) func(func(string) bool) {
	t.Helper()
	z := data.Open(t, "indicators/"+name)
	return func(yield func(string) bool) {
		for sc := bufio.NewScanner(z); sc.Scan(); {
			if sc.Text() != "" && !yield(sc.Text()) {
				return
			}
		}
	}
}
