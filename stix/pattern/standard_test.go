package pattern_test

import (
	"fmt"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix/pattern"
)

// people makes observations of the people named by single letters, a second
// apart each.
func people(t testing.TB, letters string) []pattern.Observation {
	var out []pattern.Observation
	for i, l := range letters {
		if l != '-' {
			out = append(out, person(t, i, i, 1, string(l)))
		}
	}
	return out
}

// Section 9.5: how many observations qualifiers and operators ask for, and in
// what order. A letter is an observation at that second.
func TestQualifiersOfTheStandard(t *testing.T) {
	const a, b = `[p:n = 'a']`, `[p:n = 'b']`
	for _, tt := range []struct {
		text, seen string
		want       bool
	}{
		// Qualifiers bind to what stands right before them: one a, five b.
		{a + ` FOLLOWEDBY ` + b + ` REPEATS 5 TIMES`, "abbbbb", true},
		{a + ` FOLLOWEDBY ` + b + ` REPEATS 5 TIMES`, "abbbb", false},
		{a + ` FOLLOWEDBY ` + b + ` REPEATS 5 TIMES`, "bbbbba", false},
		{a + ` FOLLOWEDBY (` + b + ` REPEATS 5 TIMES)`, "abbbbb", true},
		// With parentheses: five pairs.
		{`(` + a + ` FOLLOWEDBY ` + b + `) REPEATS 5 TIMES`, "ababababab", true},
		{`(` + a + ` FOLLOWEDBY ` + b + `) REPEATS 5 TIMES`, "aaaaabbbbb", true},
		{`(` + a + ` FOLLOWEDBY ` + b + `) REPEATS 5 TIMES`, "abbbbb", false},
		{`(` + a + ` FOLLOWEDBY ` + b + `) REPEATS 5 TIMES`, "bababababa", false},
		{`(` + a + ` AND ` + b + ` REPEATS 5 TIMES) WITHIN 300 SECONDS`, "bbabbb", true},
		{`(` + a + ` AND ` + b + ` REPEATS 5 TIMES) WITHIN 300 SECONDS`, "aaabbb", false},
		{`(` + a + ` AND ` + b + `) REPEATS 5 TIMES WITHIN 300 SECONDS`, "aaaaabbbbb", true},
		{`(` + a + ` AND ` + b + `) REPEATS 5 TIMES WITHIN 300 SECONDS`, "abbbbb", false},
		{`(` + a + ` AND ` + b + `) REPEATS 5 TIMES WITHIN 9 SECONDS`, "aaaaabbbbb", false},
		// The window is open at its end.
		{`(` + a + ` AND ` + b + `) WITHIN 2 SECONDS`, "a-b", false},
		{`(` + a + ` AND ` + b + `) WITHIN 2.5 SECONDS`, "a-b", true},
		{`(` + a + ` AND ` + b + `) WITHIN 2 SECONDS`, "ab", true},
		{a + ` AND ` + b + ` WITHIN 2 SECONDS`, "a--------b", true},
		// START counts, STOP does not.
		{a + ` START t'1970-01-01T00:00:02Z' STOP t'1970-01-01T00:00:03Z'`, "--a", true},
		{a + ` START t'1970-01-01T00:00:01Z' STOP t'1970-01-01T00:00:02Z'`, "--a", false},
		// FOLLOWEDBY takes the same time, never the same observation.
		{a + ` FOLLOWEDBY ` + a, "a", false},
		{a + ` FOLLOWEDBY ` + a, "aa", true},
		{a + ` AND ` + a, "a", false},
		{a + ` OR ` + b, "b", true},
	} {
		if got := matches(t, tt.text, people(t, tt.seen)...); got != tt.want {
			t.Errorf("%s over %s: %v", tt.text, tt.seen, got)
		}
	}
	same := []pattern.Observation{person(t, 7, 7, 1, "b"), person(t, 7, 7, 1, "a")}
	if !matches(t, a+` FOLLOWEDBY `+b, same...) {
		t.Error("at the same second b does not follow a")
	}
}

// Section 9.6.2: strings compare by code point, without normalisation.
func TestStringOrderOfTheStandard(t *testing.T) {
	order := []string{"o", "oz", "o\u0300", "z", "\u00f2"}
	for i, x := range order {
		o := observed(t, 0, 0, 1, fmt.Sprintf(`{"type":"p","n":"%s"}`, x))
		for j, y := range order {
			for op, want := range map[string]bool{"<": i < j, "<=": i <= j, "=": i == j, "!=": i != j, ">=": i >= j, ">": i > j} {
				if got := matches(t, "[p:n "+op+" '"+y+"']", o); got != want {
					t.Errorf("%q %s %q: %v", x, op, y, got)
				}
			}
		}
	}
}

// Section 9.6.4: binary properties compare as the bytes they stand for.
func TestNativeFormatOfTheStandard(t *testing.T) {
	o := observed(t, 0, 0, 1, `{"type":"artifact","payload_bin":"bm90IGEgdGVzdA=="}`)
	for text, want := range map[string]bool{
		`'bm90IGEgdGVzdA=='`: false, `'not a test'`: true, `b'bm90IGEgdGVzdA=='`: true, `h'6e6f7420612074657374'`: true,
	} {
		if got := matches(t, "[artifact:payload_bin = "+text+"]", o); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// Section 9.6.1: sets of addresses, in both directions and as the same set.
func TestSetsOfTheStandard(t *testing.T) {
	for _, tt := range []struct {
		value, test string
		want        bool
	}{
		{"203.0.113.0/27", "ISSUBSET '203.0.113.0/24'", true},
		{"203.0.113.0/24", "ISSUBSET '203.0.113.0/27'", false},
		{"203.0.113.0/24", "ISSUPERSET '203.0.113.0/27'", true},
		{"203.0.113.0/24", "ISSUBSET '203.0.113.0/24'", true},
		{"203.0.113.0/24", "ISSUPERSET '203.0.113.0/24'", true},
		{"203.0.113.7", "ISSUBSET '203.0.113.7'", true},
		{"203.0.113.7", "ISSUPERSET '203.0.113.7/32'", true},
		{"203.0.113.7", "NOT ISSUBSET '198.51.100.0/24'", true},
	} {
		o := observed(t, 0, 0, 1, `{"type":"ipv4-addr","value":"`+tt.value+`"}`)
		if got := matches(t, "[ipv4-addr:value "+tt.test+"]", o); got != tt.want {
			t.Errorf("%s %s: %v", tt.value, tt.test, got)
		}
	}
}

// Section 9.7.4: only what object_refs lists is there to be followed.
func TestReferencesOfTheStandard(t *testing.T) {
	objects := map[comity.ObjectID]string{
		"network-traffic--1": `{"type":"network-traffic","id":"network-traffic--1","src_ref":"ipv4-addr--1","dst_ref":"ipv4-addr--2"}`,
		"ipv4-addr--1":       `{"type":"ipv4-addr","id":"ipv4-addr--1","value":"203.0.113.1"}`,
		"ipv4-addr--2":       `{"type":"ipv4-addr","id":"ipv4-addr--2","value":"203.0.113.2"}`,
	}
	raw := `{"type":"observed-data","first_observed":"2026-01-01T00:00:00Z","last_observed":"2026-01-01T00:00:00Z","number_observed":1,
		"object_refs":["network-traffic--1","ipv4-addr--1"]}`
	o, err := pattern.ReadObservation([]byte(raw), func(id comity.ObjectID) []byte { return []byte(objects[id]) })
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`[network-traffic:src_ref.value = '203.0.113.1']`: true,
		`[network-traffic:dst_ref.value = '203.0.113.2']`: false,
		`[EXISTS network-traffic:dst_ref.value]`:          false,
		`[network-traffic:dst_ref.value != 'x']`:          false,
	} {
		if got := matches(t, text, o); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
