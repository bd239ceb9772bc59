package pattern_test

import (
	"errors"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix/pattern"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		`[ipv4-addr:value = '198.51.100.1']`,
		`([a:b[*].'c-d' NOT IN (1, -2.5) AND EXISTS a:e_ref.f] FOLLOWEDBY [a:b LIKE '%_']) WITHIN .5 SECONDS REPEATS 3 TIMES`,
		`[a:b MATCHES '^x(y|z){3}$' OR a:b ISSUBSET '2001:db8::/32'] START t'2020-01-01T00:00:00.5Z' STOP t'2021-01-01T00:00:60Z'`,
		`[a:b = h'00ff' OR a:b = b'ABI=' OR a:b != 'it\'s \\' OR a:b <> true] /* c */ // d`,
		`([a:x = 1] WITHIN 5 SECONDS) WITHIN 6 SECONDS OR ([a:x = 1] AND [a:x = 1])`,
		"[a:x = '\u00e9\U0001f600'\u2003]",
	} {
		f.Add(s)
	}
}

// FuzzParse checks that every text gives a pattern that prints and reads back
// as itself, or an error with a place.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := pattern.Parse(text, pattern.Limits{})
		lenient, lenientErr := pattern.ParseLenient(text, pattern.Limits{})
		if err != nil {
			var e *comity.Error
			if !errors.As(err, &e) || e.Kind != comity.Invalid && e.Kind != comity.TooLarge {
				t.Fatalf("%q: %v", text, err)
			}
			if lenientErr == nil {
				_, _, _ = lenient.String(), lenient.Canonical(), lenient.Values()
			}
			return
		}
		if lenientErr != nil || sameTree(p, lenient) != "" {
			t.Fatalf("%q: leniently it is %v, %v", text, lenient, lenientErr)
		}
		again, err := pattern.Parse(p.String(), pattern.Limits{Length: 1 << 30})
		if err != nil {
			t.Fatalf("%q printed as %q: %v", text, p, err)
		}
		if d := sameTree(p, again); d != "" {
			t.Fatalf("%q printed as %q: %s", text, p, d)
		}
		p.Values()
		c := p.Canonical()
		q, err := pattern.Parse(c, pattern.Limits{Length: 1 << 30})
		if err != nil {
			t.Fatalf("%q has the canonical form %q: %v", text, c, err)
		}
		if again := q.Canonical(); again != c {
			t.Fatalf("%q has the canonical form %q, and that %q", text, c, again)
		}
	})
}

// FuzzMatch checks that no pattern and no observation makes Match fail but by
// its limits, and that the canonical form gives the same verdict.
func FuzzMatch(f *testing.F) {
	one := `{"type":"observed-data","first_observed":"2020-01-01T00:00:00Z","last_observed":"2020-01-01T00:00:01Z","number_observed":3,
		"objects":{"0":{"type":"a","x":1,"b":["\u00e9",{"c-d":2}],"e_ref":"0","f":"h","y_hex":"00","z_bin":"AA=="}}}`
	for _, s := range []string{
		`[a:x = 1] FOLLOWEDBY [a:b[0] LIKE '_']`,
		`([a:e_ref.e_ref.f MATCHES '^h$'] REPEATS 2 TIMES OR [a:y_hex = b'AA=='] AND [EXISTS a:b[*].'c-d']) WITHIN 3 SECONDS`,
		`[a:z_bin NOT LIKE 'x'] START t'2020-01-01T00:00:00Z' STOP t'2021-01-01T00:00:00Z'`,
	} {
		f.Add(s, one, one)
	}
	f.Fuzz(func(t *testing.T, text, first, second string) {
		p, err := pattern.Parse(text, pattern.Limits{})
		if err != nil {
			return
		}
		var obs []pattern.Observation
		for _, raw := range []string{first, second} {
			if o, err := pattern.ReadObservation([]byte(raw), nil); err == nil {
				obs = append(obs, o)
			}
		}
		lim := pattern.Limits{Steps: 200_000, Expression: 10_000}
		res, err := p.Match(obs, lim)
		if err != nil {
			var e *comity.Error
			if !errors.As(err, &e) || e.Kind == comity.Internal {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		q, err := pattern.Parse(p.Canonical(), pattern.Limits{Length: 1 << 30})
		if err != nil {
			t.Fatalf("%q: %v", p.Canonical(), err)
		}
		if other, err := q.Match(obs, lim); err == nil && other.Matched != res.Matched {
			t.Fatalf("%q is %v, its canonical form %q is %v", text, res, q, other)
		}
	})
}
