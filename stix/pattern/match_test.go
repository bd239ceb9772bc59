package pattern_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix/pattern"
)

// observed makes an observation of objects in JSON, keyed "0", "1" …, seen from
// second first to second last.
func observed(t interface{ Fatalf(string, ...any) }, first, last, number int, objects ...string) pattern.Observation {
	var b strings.Builder
	for i, o := range objects {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%d":%s`, i, o)
	}
	stamp := func(s int) string { return time.Unix(int64(s), 0).UTC().Format(time.RFC3339) }
	raw := fmt.Sprintf(`{"type":"observed-data","first_observed":"%s","last_observed":"%s","number_observed":%d,"objects":{%s}}`,
		stamp(first), stamp(last), number, b.String())
	o, err := pattern.ReadObservation([]byte(raw), nil)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return o
}

func matches(t testing.TB, text string, obs ...pattern.Observation) bool {
	t.Helper()
	res, err := must(t, text).Match(obs, pattern.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if res.Matched != (len(res.Observations) > 0) || !slices.IsSorted(res.Observations) {
		t.Errorf("%s: %+v", text, res)
	}
	return res.Matched
}

// Comparisons on one object; the first word says whether each matches.
func TestComparisons(t *testing.T) {
	o := observed(t, 0, 0, 1, `{"type":"t","int":5,"float":12.658,"whole":12.0,"big":9007199254740993,"huge":1e400,"bool":true,
		"s":"hello","u":"\u0103lice","nfd":"cafe\u0301","nfc":"caf\u00e9","null":null,"empty":"","ip":"198.51.100.44","cidr":"198.51.100.0/27","ip6":"2001:DB8::1",
		"name_hex":"616c696365","name_bin":"YWxpY2U=","bad_bin":"?","raw_bin":"1MOyoQIABAA=","time":"2014-01-13T08:03:17.500Z","nl":"one\ntwo\n",
		"list":["a","b"],"nums":[1,2,3],"dict":{"k-1":{"x":1}},"objs":[{"v":1},{"v":"x"},{"w":2}],"has.dot":2}`)
	for _, line := range strings.Split(strings.TrimSpace(`
yes t:int = 5|t:int = 5.0|t:int NOT != 5|t:int > 4.9|t:int < 5.1|t:int >= 5|t:int NOT < 5|t:int != true|t:int != 'world'|t:int != h'05'
yes t:int IN (-4, 5, 6.6)|t:int NOT IN ('a')|t:int NOT LIKE 'he%'|t:int NOT MATCHES 'l+'|t:int NOT ISSUBSET '198.51.100.0/24'|t:int != t'2014-01-13T08:03:17Z'
no t:int NOT = 5|t:int NOT != 8|t:int > 5|t:int = '5'|t:int = true|t:int > h'01'|t:int LIKE '5'|t:int MATCHES '5'|t:int IN ('5')|t:int = t'2014-01-13T08:03:17Z'
yes t:float = 12.658|t:float = 12.6580|t:float > 12.65799|t:float < 12.65801|t:whole = 12|t:whole IN (11, 12)|t:big = 9007199254740993|t:big > 9007199254740992|t:huge > 5
no t:float = 12.6580000000000000000001|t:big = 9007199254740992|t:float NOT != 'x'|t:huge < 5|t:int = -5
yes t:bool = true|t:bool != false|t:bool NOT = false|t:bool != 1|t:bool IN (false, true)|t:bool != 'true'
no t:bool = false|t:bool != true|t:bool = 1|t:bool = 'true'|t:bool LIKE 'true'
yes t:s = 'hello'|t:s > 'alice'|t:s < 'hello!'|t:s >= 'hello'|t:s <= 'hello'|t:s LIKE 'he%'|t:s LIKE 'he__o'|t:s LIKE '%l%o'|t:s MATCHES 'l+'|t:s MATCHES '.lo$'|t:s IN ('x', 'hello')|t:s NOT IN ()|t:empty = ''|t:empty LIKE '%'|t:empty LIKE ''|t:empty MATCHES ''
yes t:s IN ('0','1','2','3','4','5','6','7','8','hello')|t:s NOT IN ('0','1','2','3','4','5','6','7','8','9')|t:s = h'68656c6c6f'|t:s = b'aGVsbG8='|t:s > h'00'
no t:s = 'Hello'|t:s LIKE 'he'|t:s LIKE 'he___o'|t:s LIKE '_'|t:s LIKE ''|t:s MATCHES 'L'|t:s IN ()|t:s IN ('0','1','2','3','4','5','6','7','8','9')|t:s = 1|t:s NOT != 'world'
yes t:nfd LIKE 'caf_'|t:nfc LIKE 'caf_'|t:nfd MATCHES '^caf.$'|t:nfd MATCHES 'é'|t:nfd != 'café'|t:nfc = 'café'|t:nfc > 'cafz'|t:nfd < 'cafz'|t:nfd LIKE 'café'
no t:nfd = 'café'|t:nfd LIKE 'caf__'
yes t:name_hex = 'alice'|t:name_hex = h'616c696365'|t:name_hex = b'YWxpY2U='|t:name_bin = 'alice'|t:name_bin = h'616c696365'|t:name_bin > 'aardvark'|t:name_bin LIKE '%lic%'|t:name_bin MATCHES '\\x61li[c\\x01]e'|t:name_bin IN ('x', 'alice')|t:name_bin IN ('0','1','2','3','4','5','6','7','8','alice')
yes t:name_bin != 'ălice'|t:raw_bin MATCHES '^\\xd4\\xc3\\xb2\\xa1\\x02\\x00\\x04\\x00$'|t:raw_bin > 'ÔÃ²¡'|t:bad_bin != 'x'|t:u != h'616c696365'
no t:name_bin = 'YWxpY2U='|t:name_bin = 'ălice'|t:name_bin > 'ălice'|t:name_bin < 'ălice'|t:name_bin NOT != 'ălice'|t:u = h'616c696365'|t:u < h'ff'|t:bad_bin = 'x'|t:bad_bin LIKE '%'|t:name_hex NOT MATCHES '\\x61li'
yes t:time = t'2014-01-13T08:03:17.5Z'|t:time > t'2014-01-13T08:03:17Z'|t:time < t'2014-01-13T08:03:17.50000000001Z'|t:time = '2014-01-13T08:03:17.500Z'|t:s != t'2014-01-13T08:03:17.5Z'
no t:time = '2014-01-13T08:03:17.5Z'|t:s = t'2014-01-13T08:03:17.5Z'|t:s < t'2014-01-13T08:03:17.5Z'
yes t:ip ISSUBSET '198.51.100.0/24'|t:ip ISSUBSET '198.51.100.99/24'|t:ip ISSUBSET '198.51.100.44'|t:cidr ISSUBSET '198.51.100.0/27'|t:cidr ISSUPERSET '198.51.100.3'|t:cidr ISSUPERSET '198.51.100.8/29'|t:ip6 ISSUBSET '2001:db8::/32'|t:ip ISSUPERSET '198.51.100.44/32'|t:ip NOT ISSUBSET '2001:db8::/32'|t:ip ISSUBSET '0.0.0.0/0'
no t:ip ISSUBSET '203.0.113.0/24'|t:cidr ISSUBSET '198.51.100.0/28'|t:cidr ISSUPERSET '198.51.100.0/24'|t:s ISSUBSET '0.0.0.0/0'|t:ip6 ISSUBSET '0.0.0.0/0'
yes t:list[0] = 'a'|t:list[1] = 'b'|t:list[*] = 'b'|t:list[*] != 'b'|t:nums[*] > 2|t:objs[*].v = 1|t:objs[1].v = 'x'|t:dict.'k-1'.x = 1|t:'has.dot' = 2|t:list[*] NOT IN ('c')|t:nums[*] IN (9, 3)|t:list != 'a'
no t:list[2] = 'a'|t:list[2] != 'a'|t:list[*] = 'c'|t:list[*] NOT = 'b'|t:list = 'a'|t:dict[*].x = 1|t:s[0] = 'h'|t:objs[*].z != 1|t:dict.k = 1|t:list.a != 1
yes EXISTS t:s|EXISTS t:null|EXISTS t:list[*]|EXISTS t:objs[*].w|NOT EXISTS t:nothing|NOT EXISTS t:list[7]|t:null != 'x'|t:null NOT = 'x'
no EXISTS t:nothing|NOT EXISTS t:s|EXISTS u:s|NOT EXISTS u:s|t:nothing = 1|t:nothing != 1|t:nothing NOT = 1|t:nothing NOT IN ()|u:s != 'x'|t:null = 'x'|t:null <= 'x'|t:null LIKE '%'
yes t:nl MATCHES 'two$'|t:nl MATCHES 'one.two'|t:nl MATCHES '^one'|t:nl MATCHES '(?m)one$'|t:s MATCHES '(?i)HELLO'
no t:nl MATCHES 'two\\z'|t:nl MATCHES 'one$'|t:nl MATCHES '^two'
yes t:s = 'hello' AND t:int = 5|t:s = 'x' OR t:int = 5|t:s = 'x' OR t:int = 5 AND t:bool = true|(t:s = 'x' OR t:int = 5) AND t:bool = true|u:x = 1 OR t:int = 5
no t:s = 'hello' AND t:int = 6|t:s = 'x' OR t:int = 6|(t:s = 'x' OR t:int = 5) AND t:bool = false`), "\n") {
		word, tests, _ := strings.Cut(line, " ")
		for _, test := range strings.Split(tests, "|") {
			if got := matches(t, "["+test+"]", o); got != (word == "yes") {
				t.Errorf("%s: %v", test, got)
			}
		}
	}
}

// One object must satisfy all that AND joins; references lead to others.
func TestObjectsAndReferences(t *testing.T) {
	apart := observed(t, 0, 0, 1, // the example of section 9.5
		`{"type":"network-traffic","src_ref":"1"}`, `{"type":"ipv4-addr","value":"203.0.113.10"}`,
		`{"type":"network-traffic","dst_ref":"3"}`, `{"type":"ipv4-addr","value":"198.51.100.58"}`)
	joined := observed(t, 0, 0, 1,
		`{"type":"network-traffic","src_ref":"1","dst_ref":"2","my_refs":["1"]}`,
		`{"type":"ipv4-addr","value":"203.0.113.10","resolves_to_refs":["3","4","9"],"belongs_to_ref":"1"}`,
		`{"type":"ipv4-addr","value":"198.51.100.58"}`, `{"type":"mac-addr","value":"a"}`, `{"type":"mac-addr","value":"b"}`)
	for text, want := range map[string][2]bool{
		`[network-traffic:src_ref.value = '203.0.113.10' AND network-traffic:dst_ref.value = '198.51.100.58']`: {false, true},
		`[network-traffic:src_ref.value = '203.0.113.10' OR network-traffic:dst_ref.value = 'x']`:              {true, true},
		`[network-traffic:src_ref.type = 'ipv4-addr']`:                                                         {true, true},
		`[network-traffic:src_ref = '1']`:                                                                      {true, true},
		`[network-traffic:my_refs.value = 'x' OR network-traffic:my_refs[0].value = '203.0.113.10']`:           {false, true},
		`[network-traffic:src_ref.resolves_to_refs[*].value = 'b']`:                                            {false, true},
		`[network-traffic:src_ref.resolves_to_refs[0].value = 'b']`:                                            {false, false},
		`[ipv4-addr:resolves_to_refs[*].value NOT IN ('c', 'd')]`:                                              {false, true},
		`[EXISTS ipv4-addr:resolves_to_refs[2].value]`:                                                         {false, false},
		`[ipv4-addr:belongs_to_ref.belongs_to_ref.belongs_to_ref.value = '203.0.113.10']`:                      {false, true},
	} {
		if got := [2]bool{matches(t, text, apart), matches(t, text, joined)}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func person(t testing.TB, first, last, number int, name string) pattern.Observation {
	return observed(t, first, last, number, fmt.Sprintf(`{"type":"p","n":"%s"}`, name))
}

// Operators between observations and qualifiers, over alice at 52, bob at 57
// and carol at 62.
func TestObservationExpressions(t *testing.T) {
	obs := []pattern.Observation{person(t, 52, 52, 1, "alice"), person(t, 57, 57, 1, "bob"), person(t, 62, 62, 1, "carol")}
	at := func(s int) string { return time.Unix(int64(s), 0).UTC().Format("t'" + time.RFC3339 + "'") }
	span := func(a, b int) string { return " START " + at(a) + " STOP " + at(b) }
	for text, want := range map[string]bool{
		`[p:n = 'alice'] AND [p:n = 'bob']`:                                             true,
		`[p:n = 'alice'] AND [p:n < 'b']`:                                               false,
		`[p:n = 'alice'] AND [p:n = 'zelda']`:                                           false,
		`[p:n = 'alice'] OR [p:n = 'zelda']`:                                            true,
		`[p:n = 'mary'] OR [p:n = 'zelda']`:                                             false,
		`[p:n = 'alice'] FOLLOWEDBY [p:n > 'b']`:                                        true,
		`[p:n = 'carol'] FOLLOWEDBY [p:n < 'c']`:                                        false,
		`[p:n = 'alice'] FOLLOWEDBY [p:n < 'b']`:                                        false,
		`[p:n = 'alice'] FOLLOWEDBY [p:n = 'bob'] FOLLOWEDBY [p:n = 'carol']`:           true,
		`[p:n = 'bob'] FOLLOWEDBY ([p:n = 'alice'] OR [p:n = 'carol'])`:                 true,
		`[p:n = 'bob'] FOLLOWEDBY [p:n = 'alice'] OR [p:n = 'x']`:                       false,
		`([p:n = 'alice'] FOLLOWEDBY [p:n = 'carol']) AND [p:n = 'bob']`:                true,
		`([p:n = 'carol'] OR [p:n = 'x']) AND [p:n < 'a']`:                              false,
		`[p:n = 'carol'] OR [p:n = 'x'] AND [p:n < 'a']`:                                true,
		`[p:n MATCHES ''] REPEATS 3 TIMES`:                                              true,
		`[p:n MATCHES ''] REPEATS 4 TIMES`:                                              false,
		`[p:n MATCHES ''] REPEATS 2 TIMES AND [p:n = 'carol']`:                          true,
		`[p:n MATCHES ''] REPEATS 3 TIMES AND [p:n = 'carol']`:                          false,
		`([p:n = 'alice'] OR [p:n = 'bob']) REPEATS 2 TIMES`:                            true,
		`([p:n = 'alice'] AND [p:n LIKE '%']) REPEATS 2 TIMES`:                          false,
		`[p:n = 'bob'] WITHIN .0001 SECONDS`:                                            true,
		`[p:n = 'alice'] AND [p:n < 'carol'] WITHIN 1 SECONDS`:                          true,
		`([p:n = 'alice'] AND [p:n < 'carol']) WITHIN 4.9999 SECONDS`:                   false,
		`([p:n = 'alice'] AND [p:n < 'carol']) WITHIN 5 SECONDS`:                        false, // the window is open at its end
		`([p:n = 'alice'] AND [p:n < 'carol']) WITHIN 5.000000001 SECONDS`:              true,
		`[p:n MATCHES ''] REPEATS 3 TIMES WITHIN 10 SECONDS`:                            false,
		`[p:n MATCHES ''] REPEATS 3 TIMES WITHIN 10.1 SECONDS`:                          true,
		`[p:n MATCHES ''] WITHIN 1 SECONDS REPEATS 3 TIMES`:                             true,
		`([p:n = 'alice'] FOLLOWEDBY [p:n = 'carol']) WITHIN 99999999999999999 SECONDS`: true,
		`[p:n = 'bob']` + span(57, 58):                                                  true,
		`[p:n = 'bob']` + span(58, 58):                                                  false,
		`[p:n = 'bob']` + span(59, 58):                                                  false,
		`[p:n = 'bob']` + span(56, 57):                                                  false,
		`([p:n = 'alice'] AND [p:n = 'bob'])` + span(50, 58):                            true,
		`([p:n = 'alice'] AND [p:n = 'bob'])` + span(50, 57):                            false,
		`[p:n = 'alice'] OR [p:n = 'x']` + span(57, 58):                                 true,
		`[p:n MATCHES ''] REPEATS 2 TIMES` + span(50, 58):                               true,
		`[p:n MATCHES ''] REPEATS 3 TIMES` + span(50, 58):                               false,
		`[p:n NOT LIKE 'foo']` + span(50, 57) + ` REPEATS 2 TIMES`:                      false,
	} {
		if got := matches(t, text, obs...); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// A number counts as so many observations, and what lasts may have been at any
// time of its span.
func TestNumbersAndSpans(t *testing.T) {
	for _, c := range []struct {
		text string
		obs  []pattern.Observation
		want bool
	}{
		{`[p:n = 'a'] REPEATS 5 TIMES`, []pattern.Observation{person(t, 0, 9, 5, "a")}, true},
		{`[p:n = 'a'] REPEATS 5 TIMES`, []pattern.Observation{person(t, 0, 9, 4, "a"), person(t, 0, 9, 4, "b")}, false},
		{`[p:n = 'a'] REPEATS 5 TIMES`, []pattern.Observation{person(t, 0, 9, 4, "a"), person(t, 20, 30, 1, "a")}, true},
		{`[p:n = 'a'] AND [p:n LIKE '%']`, []pattern.Observation{person(t, 0, 9, 2, "a")}, true},
		{`[p:n = 'a'] REPEATS 9007199254740991 TIMES`, []pattern.Observation{person(t, 0, 9, 4, "a")}, false},
		{`([p:n = 'a'] FOLLOWEDBY [p:n = 'b']) REPEATS 2 TIMES`, []pattern.Observation{person(t, 0, 9, 2, "a"), person(t, 4, 5, 2, "b")}, true},
		{`([p:n = 'a'] FOLLOWEDBY [p:n = 'b']) REPEATS 2 TIMES`, []pattern.Observation{person(t, 6, 9, 2, "a"), person(t, 4, 5, 2, "b")}, false},
		{`([p:n = 'a'] AND [p:n = 'b']) WITHIN 1 SECONDS`, []pattern.Observation{person(t, 0, 1, 1, "a"), person(t, 1, 2, 1, "b")}, true},
		{`([p:n = 'a'] AND [p:n = 'b']) WITHIN 2 SECONDS`, []pattern.Observation{person(t, 0, 1, 1, "a"), person(t, 3, 4, 1, "b")}, false},
		{`([p:n = 'a'] AND [p:n = 'b']) WITHIN 2.5 SECONDS`, []pattern.Observation{person(t, 0, 1, 1, "a"), person(t, 3, 4, 1, "b")}, true},
		{`[p:n = 'a']`, nil, false},
		{`[p:n = 'a'] AND [p:n = 'b']`, nil, false},
	} {
		if got := matches(t, c.text, c.obs...); got != c.want {
			t.Errorf("%s: %v", c.text, got)
		}
	}
}

func TestResultNamesTheObservations(t *testing.T) {
	obs := []pattern.Observation{person(t, 0, 0, 1, "x"), person(t, 5, 5, 1, "b"), person(t, 0, 0, 1, "x"), person(t, 1, 1, 1, "a")}
	res, err := must(t, `[p:n = 'a'] FOLLOWEDBY [p:n = 'b']`).Match(obs, pattern.Limits{})
	if err != nil || !slices.Equal(res.Observations, []int{1, 3}) {
		t.Errorf("%+v %v", res, err)
	}
}

func TestExpressionsThatAreRefused(t *testing.T) {
	for re, key := range map[string]string{
		`(?=x)`: "pattern.expression_unsupported", `(?<!x)y`: "pattern.expression_unsupported", `(a)\\1`: "pattern.expression_unsupported",
		`a++`: "pattern.expression_unsupported", `(?>a)`: "pattern.expression_unsupported", `a{1,5000}`: "pattern.expression_unsupported",
		`(`: "pattern.expression", `[z-a]`: "pattern.expression", `*`: "pattern.expression",
		`((a{30}){30}){3}(b{900}){1,999}`: "pattern.expression_unsupported",
	} {
		_, err := pattern.Compile(must(t, `[a:b = 1 OR a:c MATCHES '`+re+`']`), pattern.Limits{})
		if m := comity.ErrorMessage(err); err == nil || m.Key != key || m.Args[0].Value != "12" {
			t.Errorf("%s: %v", re, err)
		}
	}
	_, err := pattern.Compile(must(t, `[a:b MATCHES '(\\pL{100}){9}' OR a:b MATCHES '(\\pL{100}){9}']`), pattern.Limits{Expression: 1000})
	if comity.ErrorMessage(err).Key != "pattern.expression_size" {
		t.Errorf("size: %v", err)
	}
}

// INVARIANT: a match that would take too long ends with an error of kind
// Limited, whatever it is that takes long.
func TestMatchIsBounded(t *testing.T) {
	var many []pattern.Observation
	for i := range 60 {
		many = append(many, person(t, i, i, 1, "a"), person(t, i+100, i+100, 1, "b"))
	}
	refs := observed(t, 0, 0, 1, `{"type":"p","x_refs":[`+strings.Repeat(`"0",`, 50)+`"0"],"n":"`+strings.Repeat("ab", 5000)+`"}`)
	for name, c := range map[string]struct {
		text string
		obs  []pattern.Observation
	}{
		"order":      {`([p:n = 'a'] FOLLOWEDBY [p:n = 'b']) WITHIN 70 SECONDS REPEATS 40 TIMES`, many},
		"copies":     {`([p:n = 'a'] FOLLOWEDBY [p:n = 'a']) REPEATS 1000000 TIMES`, []pattern.Observation{person(t, 0, 1, 1<<40, "a")}},
		"references": {`[p:x_refs[*].x_refs[*].x_refs[*].x_refs[*].x_refs[*].n = 'x']`, []pattern.Observation{refs}},
		"like":       {`[p:n LIKE '%` + strings.Repeat("ab", 2450) + `c%']`, []pattern.Observation{refs}},
		"search":     {`[p:n MATCHES '(.*a){900}c' OR p:n MATCHES '(.*a){900}d' OR p:n MATCHES '(.*a){900}e']`, []pattern.Observation{refs}},
	} {
		if _, err := must(t, c.text).Match(c.obs, pattern.Limits{Steps: 500_000}); !comity.Is(err, comity.Limited) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadObservation(t *testing.T) {
	scos := map[comity.ObjectID]string{"ipv4-addr--1": `{"type":"ipv4-addr","value":"198.51.100.1","big":9007199254740993}`}
	find := func(id comity.ObjectID) []byte {
		if s, ok := scos[id]; ok {
			return []byte(s)
		}
		return nil
	}
	raw := `{"type":"observed-data","first_observed":"2020-01-01T00:00:00Z","last_observed":"2020-01-01T00:00:01.5Z","number_observed":3,"object_refs":["ipv4-addr--1","ipv4-addr--2"]}`
	o, err := pattern.ReadObservation([]byte(raw), find)
	if err != nil || len(o.Objects) != 1 || o.Number != 3 || o.Last.Sub(o.First) != 1500*time.Millisecond {
		t.Fatalf("%+v %v", o, err)
	}
	if !matches(t, `[ipv4-addr:big = 9007199254740993] REPEATS 3 TIMES`, o) {
		t.Error("not matched")
	}
	for property, raw := range map[string]string{
		"objects":         `{"type":"observed-data","objects":[]}`,
		"type":            `{"type":"note"}`,
		"first_observed":  `{"type":"observed-data","first_observed":"yesterday"}`,
		"last_observed":   `{"type":"observed-data","first_observed":"2020-01-01T00:00:00Z","last_observed":"2019-01-01T00:00:00Z"}`,
		"number_observed": `{"type":"observed-data","first_observed":"2020-01-01T00:00:00Z","last_observed":"2020-01-01T00:00:00Z","number_observed":0}`,
	} {
		_, err := pattern.ReadObservation([]byte(raw), find)
		if m := comity.ErrorMessage(err); err == nil || m.Args[0].Value != property {
			t.Errorf("%s: %v", raw, err)
		}
	}
	scos["ipv4-addr--2"] = `{`
	if _, err := pattern.ReadObservation([]byte(raw), find); !comity.Is(err, comity.Invalid) {
		t.Errorf("a broken object: %v", err)
	}
}

// Objects made by hand may hold Go numbers.
func TestGoNumbers(t *testing.T) {
	o := pattern.Observation{Objects: map[comity.ObjectID]map[string]any{
		"a--1": {"type": "a", "i": 5, "l": int64(-7), "f": 1e21, "b": []byte("5")},
		"a--2": {"note": "no type"},
	}}
	if !matches(t, `[a:i = 5.0 AND a:l = -7 AND a:f = 1000000000000000000000 AND a:f > 0.5 AND a:b != 5]`, o) {
		t.Error("not matched")
	}
}

// Numbers and times compare exactly, however they are written.
func TestExactValues(t *testing.T) {
	for value, yes := range map[string]string{
		"0":                       `a:x = 0.0 AND a:x > -0.001 AND a:x < .001 AND a:x = -0`,
		"-0.0":                    `a:x = 0`,
		"1e-3":                    `a:x = 0.001 AND a:x < 0.01`,
		"-1.5E+2":                 `a:x = -150 AND a:x < -149.9 AND a:x > -150.1`,
		"1e999999999999999999999": `a:x > 5`,
		`"2016-12-31T23:59:60Z"`:  `a:x = t'2017-01-01T00:00:00.0Z' AND a:x > t'2016-12-31T23:59:59.999999999999Z'`,
		`"0000-01-01T00:00:00Z"`:  `a:x < t'0000-01-01T00:00:00.000000000001Z'`,
	} {
		if !matches(t, "["+yes+"]", observed(t, 0, 0, 1, `{"type":"a","x":`+value+`}`)) {
			t.Errorf("%s: %s does not match", value, yes)
		}
	}
}

// START and STOP with more digits than a nanosecond are not rounded the wrong way.
func TestStartStopDigits(t *testing.T) {
	o := person(t, 10, 10, 1, "a")
	for span, want := range map[string]bool{
		`START t'1970-01-01T00:00:10Z' STOP t'1970-01-01T00:00:10.00000000000001Z'`: true,
		`START t'1970-01-01T00:00:10.00000000000001Z' STOP t'1970-01-01T00:00:11Z'`: false,
		`START t'1970-01-01T00:00:09.9999999999999Z' STOP t'1970-01-01T00:00:10Z'`:  false,
		`START t'1970-01-01T00:00:09.9999999999999Z' STOP t'1970-01-01T00:00:11Z'`:  true,
	} {
		if got := matches(t, `[p:n = 'a'] `+span, o); got != want {
			t.Errorf("%s: %v", span, got)
		}
	}
}
