package pattern_test

import (
	"fmt"

	"github.com/comity-net/comity/stix/pattern"
)

func ExampleParse() {
	p, err := pattern.Parse(`[ file:hashes.'SHA-256'='aec0…' OR file:size>1024 ] REPEATS 5 TIMES`, pattern.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	for c := range p.Comparisons() {
		fmt.Println(c.Path.Type, c.Op, c.Values[0].Text)
	}
	// Output:
	// [file:hashes.'SHA-256' = 'aec0…' OR file:size > 1024] REPEATS 5 TIMES
	// file = aec0…
	// file > 1024
}

func ExampleParse_error() {
	_, err := pattern.Parse("[ipv4-addr:value = '198.51.100.1'\n OR url:value ]", pattern.Limits{})
	fmt.Println(err)
	// Output:
	// parse pattern: pattern.expected line=2 column=15 offset=48 found=“]” expected=msg:pattern.token.operator
}

func ExampleEquivalent() {
	a, _ := pattern.Parse(`[url:value = 'http://b.example/' OR url:value = 'http://a.example/']`, pattern.Limits{})
	b, _ := pattern.Parse(`[url:value IN ('http://a.example/', 'http://b.example/')]`, pattern.Limits{})
	fmt.Println(pattern.Equivalent(a, b), a.Canonical())
	// Output:
	// true [url:value IN ('http://a.example/', 'http://b.example/')]
}

func ExamplePattern_Values() {
	p, _ := pattern.Parse(`[domain-name:value = 'C2.Example.com' AND domain-name:value != 'www.example.com']`, pattern.Limits{})
	fmt.Println(p.Values())
	// Output:
	// [{domain c2.example.com}]
}

func ExampleCompile() {
	p, _ := pattern.Parse(`([ipv4-addr:value ISSUBSET '198.51.100.0/24'] FOLLOWEDBY [file:name LIKE '%.exe']) WITHIN 60 SECONDS`, pattern.Limits{})
	prog, err := pattern.Compile(p, pattern.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var seen []pattern.Observation
	for _, raw := range []string{
		`{"type": "observed-data", "first_observed": "2024-05-01T10:00:30Z", "last_observed": "2024-05-01T10:00:30Z",
		  "number_observed": 1, "objects": {"0": {"type": "file", "name": "setup.exe"}}}`,
		`{"type": "observed-data", "first_observed": "2024-05-01T10:00:00Z", "last_observed": "2024-05-01T10:00:02Z",
		  "number_observed": 3, "objects": {"0": {"type": "ipv4-addr", "value": "198.51.100.7"}}}`,
	} {
		o, err := pattern.ReadObservation([]byte(raw), nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		seen = append(seen, o)
	}
	res, err := prog.Match(seen)
	fmt.Println(res.Matched, res.Observations, err)
	// Output:
	// true [0 1] <nil>
}
