package pattern_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comity-net/comity/stix/pattern"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// The generators make patterns as text over a small world, so that they match
// often enough.

func pick(t *rapid.T, label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func comparisonText(t *rapid.T, depth int) string {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "join") == 0 {
		n := rapid.IntRange(2, 4).Draw(t, "n")
		parts := make([]string, n)
		for i := range parts {
			parts[i] = comparisonText(t, depth-1)
		}
		return "(" + strings.Join(parts, pick(t, "op", " AND ", " OR ", " OR ")) + ")"
	}
	path := pick(t, "path", "a:x", "a:y", "a:l[*]", "a:l[1]", "a:'k-1'.z", "a:z_hex", "a:s", "a:s")
	not := pick(t, "not", "", "", "NOT ")
	number := func() string { return pick(t, "number", "1", "2", "1.0", "2.50", "-3") }
	text := func() string { return pick(t, "text", "'1'", "'ab'", "'b'", "''", "'a%'", "'%_b'", "'it\\'s'") }
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return not + "EXISTS " + path
	case 1:
		return path + " " + not + "IN (" + number() + ", " + number() + ")"
	case 2:
		return path + " " + not + "IN (" + text() + ", " + text() + ", " + text() + ")"
	case 3:
		return path + " " + not + pick(t, "op", "=", "!=", ">", "<", ">=", "<=") + " " + number()
	case 4:
		return path + " " + not + "LIKE " + text()
	case 5:
		return path + " " + not + pick(t, "op", "=", "!=") + pick(t, "bytes", " h'6162'", " b'YWI='", " true", " t'1970-01-01T00:00:01.0Z'", " t'1970-01-01T00:00:01Z'")
	case 6:
		return path + " " + not + pick(t, "op", "ISSUBSET", "ISSUPERSET") + pick(t, "net", " '198.51.100.7'", " '198.51.100.7/32'", " '198.51.100.9/24'", " '198.51.100.0/24'")
	}
	return path + " " + not + pick(t, "op", "=", "!=") + " " + text()
}

func observationText(t *rapid.T, depth int) string {
	var s string
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "branch") > 0 {
		n := rapid.IntRange(2, 3).Draw(t, "n")
		parts := make([]string, n)
		for i := range parts {
			parts[i] = observationText(t, depth-1)
		}
		s = "(" + strings.Join(parts, pick(t, "op", " AND ", " OR ", " FOLLOWEDBY ")) + ")"
	} else {
		s = "[" + comparisonText(t, 1) + "]"
	}
	switch rapid.IntRange(0, 7).Draw(t, "qualifier") {
	case 0:
		s += " REPEATS " + pick(t, "times", "1", "2", "3") + " TIMES"
	case 1:
		s += " WITHIN " + pick(t, "within", "1", "2.5", "3", "3.0") + " SECONDS"
	case 2:
		s += " START t'1970-01-01T00:00:02Z' STOP t'1970-01-01T00:00:0" + pick(t, "stop", "4", "5.0", "9") + "Z'"
	case 3:
		s = "(" + s + " WITHIN 4 SECONDS REPEATS 2 TIMES) REPEATS 1 TIMES"
	}
	return s
}

func observations(t *rapid.T) []pattern.Observation {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pattern.Observation {
		first := rapid.IntRange(0, 8).Draw(t, "first")
		object := fmt.Sprintf(`{"type":"a","x":%s,"l":[%s],"k-1":{"z":%s},"z_hex":%s,"s":%s}`,
			pick(t, "x", `1`, `2`, `"ab"`, `true`, `"198.51.100.7"`), pick(t, "l", ``, `1,2`, `"ab","b"`), pick(t, "z", `1`, `2.5`, `"1"`),
			pick(t, "hex", `"6162"`, `"31"`, `1`), pick(t, "s", `"1"`, `"ab"`, `"b"`, `"it's"`, `"198.51.100.0/24"`, `"1970-01-01T00:00:01Z"`, `null`))
		return observed(t, first, first+rapid.IntRange(0, 3).Draw(t, "lasts"), rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "number"), object)
	}), 0, 5).Draw(t, "observations")
}

func read(t *rapid.T, text string) *pattern.Pattern {
	p, err := pattern.Parse(text, pattern.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func evaluate(t *rapid.T, p *pattern.Pattern, obs []pattern.Observation) pattern.Result {
	res, err := p.Match(obs, pattern.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	return res
}

// INVARIANT: Parse reads what String prints as the same pattern.
func TestPrintingRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := read(t, observationText(t, 3))
		again := read(t, p.String())
		if d := sameTree(p, again); d != "" {
			t.Fatalf("%s\n%s", p, d)
		}
	})
}

func sameTree(a, b *pattern.Pattern) string {
	return cmp.Diff(a.Root(), b.Root(), cmpopts.IgnoreFields(pattern.Comparison{}, "Pos"), cmpopts.EquateEmpty())
}

// INVARIANT: the canonical form is a pattern, is its own canonical form, and
// matches what the pattern matches.
func TestCanonicalLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := read(t, observationText(t, 2))
		c := p.Canonical()
		q := read(t, c)
		if again := q.Canonical(); again != c {
			t.Fatalf("%s\ncanonical %s\nagain     %s", p, c, again)
		}
		obs := observations(t)
		if a, b := evaluate(t, p, obs).Matched, evaluate(t, q, obs).Matched; a != b {
			t.Fatalf("%s: %v\n%s: %v\n%v", p, a, c, b, obs)
		}
	})
}

// Order under AND and OR does not change the canonical form.
func TestCanonicalForgetsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return observationText(t, 1) }), 2, 4).Draw(t, "parts")
		other := rapid.Permutation(parts).Draw(t, "other")
		op := pick(t, "op", " AND ", " OR ")
		group := func(list []string) *pattern.Pattern { return read(t, "("+strings.Join(list, ")"+op+"(")+")") }
		if a, b := group(parts), group(other); !pattern.Equivalent(a, b) {
			t.Fatalf("%s\n%s", a.Canonical(), b.Canonical())
		}
	})
}

func TestEquivalent(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`[a:x = 1 OR a:x = 2]`, `[a:x IN (2, 1.0, 2)]`, true},
		{`[a:x != 1]`, `[a:x NOT = 1]`, true},
		{`[a:x[*] != 1]`, `[a:x[*] NOT = 1]`, false},
		{`[a:x NOT = 1 AND a:x != 2]`, `[a:x NOT IN (1, 2)]`, true},
		{`[a:x = 1 OR a:x = 1 AND a:y = 2]`, `[a:x = 1]`, true},
		{`[a:x = 1 AND (a:x = 1 OR a:y = 2)]`, `[a:x = 1]`, true},
		{`[a:x IN ('a', 'b') OR a:x = 'a' AND a:y = 2]`, `[a:x = 'b' OR a:x = 'a']`, true},
		{`[a:x = 1] OR [a:x = 2]`, `[a:x = 2 OR a:x = 1]`, true},
		{`[a:x = 1] AND [a:x = 2]`, `[a:x = 2 AND a:x = 1]`, false},
		{`[a:x = 1] AND [a:x = 1]`, `[a:x = 1] REPEATS 2 TIMES`, true},
		{`[a:x = 1] AND [a:x = 1]`, `[a:x = 1]`, false},
		{`[a:x = 1] OR ([a:y = 1] AND [a:x = 1])`, `[a:x = 1]`, true},
		{`([a:x = 1] FOLLOWEDBY [a:x = 2]) FOLLOWEDBY [a:x = 3]`, `[a:x = 1] FOLLOWEDBY ([a:x = 2] FOLLOWEDBY [a:x = 3])`, true},
		{`[a:x = 1] FOLLOWEDBY [a:x = 2]`, `[a:x = 2] FOLLOWEDBY [a:x = 1]`, false},
		{`[a:x = 1] WITHIN 5 SECONDS`, `[a:x = 1.0]`, true},
		{`([a:x = 1] REPEATS 2 TIMES) REPEATS 3 TIMES`, `[a:x = 1] REPEATS 6 TIMES`, true},
		{`[a:x = 1] REPEATS 2 TIMES WITHIN 5 SECONDS`, `[a:x = 1] WITHIN 5 SECONDS REPEATS 2 TIMES`, false},
		{`[a:x ISSUBSET '198.51.100.7/24']`, `[a:x ISSUBSET '198.51.100.0/24']`, true},
		{`[a:x = '198.51.100.7']`, `[a:x = '198.51.100.7/32']`, false},
		{`[a:x = 'A']`, `[a:x = 'a']`, false},
		{`[a:x = h'6162']`, `[a:x = b'YWI=']`, true},
		{`[a:x = 'ab']`, `[a:x = b'YWI=']`, false},
		{`[a:x LIKE '%%_']`, `[a:x LIKE '_%']`, true},
		{`[a:x = t'2020-01-01T00:00:00.10Z']`, `[a:x = t'2020-01-01T00:00:00.1Z']`, true},
		{`[a:x > 1]`, `[a:x NOT <= 1]`, false},
	} {
		if got := pattern.Equivalent(must(t, c.a), must(t, c.b)); got != c.same {
			t.Errorf("%s (%s)\n%s (%s)\n%v", c.a, must(t, c.a).Canonical(), c.b, must(t, c.b).Canonical(), got)
		}
	}
}

// INVARIANT: Match finds a match exactly when the model, which tries all sets
// of observations, has one.
func TestMatchAgreesWithTheModel(t *testing.T) {
	matched, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 10 { // of so many each way is one, also in a short run
			p := read(t, observationText(t, 2))
			obs := observations(t)
			m := newModel(t, obs)
			want := len(m.bindings(p.Root())) > 0
			if got := evaluate(t, p, obs); got.Matched != want {
				t.Fatalf("%s: %v, the model %v\n%v", p, got.Matched, want, obs)
			}
			all++
			if want {
				matched++
			}
		}
	})
	if matched < all/20 || matched > all*19/20 {
		t.Errorf("%d of %d match: the generators should be better", matched, all)
	}
}

// model evaluates observation expressions in the plainest way: by all sets of
// single observations, a bit each, that satisfy them.
type model struct {
	t   *rapid.T
	obs []pattern.Observation // one for each number
}

func newModel(t *rapid.T, obs []pattern.Observation) *model {
	m := &model{t: t}
	for _, o := range obs {
		for range o.Number {
			m.obs = append(m.obs, o)
		}
	}
	return m
}

func (m *model) bindings(e *pattern.Expr) map[int]bool {
	var out map[int]bool
	switch e.Op {
	case "[]":
		out = map[int]bool{}
		leaf := read(m.t, (&pattern.Expr{Op: "[]", Args: e.Args}).String())
		for i, o := range m.obs {
			if evaluate(m.t, leaf, []pattern.Observation{o}).Matched {
				out[1<<i] = true
			}
		}
	case "OR":
		out = map[int]bool{}
		for i := range e.Args {
			for s := range m.bindings(&e.Args[i]) {
				out[s] = true
			}
		}
	default:
		out = m.bindings(&e.Args[0])
		for i := range e.Args[1:] {
			out = m.product(out, m.bindings(&e.Args[i+1]), e.Op == "FOLLOWEDBY")
		}
	}
	for _, q := range e.Qualifiers {
		out = m.qualify(out, q)
	}
	return out
}

// product joins sets without common observations; in order if they must be.
func (m *model) product(a, b map[int]bool, inOrder bool) map[int]bool {
	out := map[int]bool{}
	for s := range a {
		for r := range b {
			if s&r == 0 && (!inOrder || m.before(s, r)) {
				out[s|r] = true
			}
		}
	}
	return out
}

func (m *model) before(s, r int) bool {
	for i, a := range m.obs {
		for j, b := range m.obs {
			if s>>i&1 == 1 && r>>j&1 == 1 && a.First.After(b.Last) {
				return false
			}
		}
	}
	return true
}

func (m *model) qualify(sets map[int]bool, q pattern.Qualifier) map[int]bool {
	if q.Op == "REPEATS" {
		out := sets
		for n := 1; fmt.Sprint(n) != q.A.Text; n++ {
			out = m.product(out, sets, false)
		}
		return out
	}
	out := map[int]bool{}
	for s := range sets {
		ok := true
		for i, a := range m.obs {
			if s>>i&1 == 0 {
				continue
			}
			if q.Op == "START" {
				// The generator writes seconds below ten with one digit of fraction.
				start, stop := int64(q.A.Text[18]-'0'), int64(q.B.Text[18]-'0')
				ok = ok && a.First.Unix() < stop && a.Last.Unix() >= start
				continue
			}
			var window float64
			fmt.Sscan(q.A.Text, &window)
			for j, b := range m.obs {
				ok = ok && (s>>j&1 == 0 || a.First.Sub(b.Last).Seconds() < window)
			}
		}
		if ok {
			out[s] = true
		}
	}
	return out
}
