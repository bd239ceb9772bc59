package pattern_test

import (
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix/pattern"
)

func must(t testing.TB, text string) *pattern.Pattern {
	t.Helper()
	p, err := pattern.Parse(text, pattern.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// What is valid, and how it is printed; "" is as it came. Many are the examples
// of sections 9.3 to 9.8 of the standard.
func TestParseAndPrint(t *testing.T) {
	for text, want := range map[string]string{
		`[ipv4-addr:value = '198.51.100.1/32']`: "",
		`[ipv4-addr:value = '198.51.100.1/32' OR ipv4-addr:value = '203.0.113.33/32' OR ipv6-addr:value = '2001:0db8:dead:beef:dead:beef:dead:0001/128'] REPEATS 5 TIMES`: "",
		`([ipv4-addr:value = '198.51.100.1/32'] FOLLOWEDBY [domain-name:value = 'example.com']) WITHIN 600 SECONDS`:                                                       "",
		`[file:name = 'foo.dll'] START t'2016-06-01T00:00:00Z' STOP t'2016-07-01T00:00:00Z'`:                                                                              "",
		`[(type_a:j = 'W' AND type_a:k = 'X') OR (type-b:m = 'Y' AND type-b:n = 'Z')]`:                                                                                    `[type_a:j = 'W' AND type_a:k = 'X' OR type-b:m = 'Y' AND type-b:n = 'Z']`,
		`[email-message:from_ref.value MATCHES '.+\\@example\\.com$' AND email-message:body_multipart[*].body_raw_ref.name MATCHES '^Final Report.+\\.exe$']`:             "",
		`[artifact:payload_bin MATCHES '\\xd4\\xc3']`:                                                                                                                     "",
		`[file:extensions.'windows-pebinary-ext'.sections[*].entropy > 7.0]`:                                                                                              "",
		`[network-traffic:protocols[0] = 'tcp']`:                                                                                                                          "",
		`[file:mime_type = 'image/bmp' AND file:magic_number_hex = h'FFd8']`:                                                                                              `[file:mime_type = 'image/bmp' AND file:magic_number_hex = h'ffd8']`,
		`[(file:name = 'pdf.exe' OR file:size = 371712) AND file:created = t'2014-01-13T07:03:17Z']`:                                                                      "",
		`[a:b MATCHES'x'] FOLLOWEDBY [a:b MATCHES 'y'] WITHIN 300 SECONDS`:                                                                                                `[a:b MATCHES 'x'] FOLLOWEDBY [a:b MATCHES 'y'] WITHIN 300 SECONDS`,
		`([file:name = 'foo.dll'] AND [w:key = 'HKEY\\foo']) OR [process:image_ref.name = 'fooproc']`:                                                                     `[file:name = 'foo.dll'] AND [w:key = 'HKEY\\foo'] OR [process:image_ref.name = 'fooproc']`,
		`[ EXISTS windows-registry-key:values ]`:                                                                                                                          `[EXISTS windows-registry-key:values]`,
		`[NOT EXISTS a:b]`:                                                                                                                                                "",
		`[a:b NOT = 5 AND a:c NOT IN ('x') AND a:d <> 1 AND a:e == .5]`:                                                                                                   `[a:b NOT = 5 AND a:c NOT IN ('x') AND a:d != 1 AND a:e = .5]`,
		`[a:b IN () OR a:b IN (1, -2.5, 3) OR a:b IN (true,false)]`:                                                                                                       `[a:b IN () OR a:b IN (1, -2.5, 3) OR a:b IN (true, false)]`,
		`[a:b = b'A BI=']`:  "error",
		"[a:b = b'AB\nI=']": `[a:b = b'ABI=']`,
		`( [(network-traffic:dst_port IN(443,6443) AND network-traffic:src_packets != 0) ])`:    `[network-traffic:dst_port IN (443, 6443) AND network-traffic:src_packets != 0]`,
		`([a:b = 1]) WITHIN 5 SECONDS WITHIN 6 SECONDS`:                                         "error",
		`([a:b = 1] WITHIN 5 SECONDS) WITHIN 6 SECONDS`:                                         "",
		`([a:b = 1] REPEATS 2 TIMES) REPEATS 2 TIMES`:                                           "",
		`([a:b = 1] AND ([a:b = 2] AND [a:b = 3])) REPEATS 2 TIMES WITHIN .5 SECONDS`:           "",
		`[a:b = 1] AND [a:b = 2] OR [a:b = 3] FOLLOWEDBY [a:b = 4]`:                             "",
		`[a:b = 1] AND ([a:b = 2] OR [a:b = 3])`:                                                "",
		"[a:b\u2003=\u00a01]":                                                                   `[a:b = 1]`,
		"[a:b /* one\n */ = 1] // the end":                                                      `[a:b = 1]`,
		`[a:'b c'.'it\'s'.'AND'.x_1 = 'back\\slash']`:                                           "",
		"[a:b = 'ünï\n\t😀']":                                                                    "",
		`[(a:x = 1 OR b:y = 2) AND a:z = 3]`:                                                    "",
		`[network-traffic:dst_ref.value ISSUBSET '2001:0db8:dead:beef:0000:0000:0000:0000/64']`: "",
		`[ipv4-addr:value NOT ISSUPERSET '198.51.100.7/24']`:                                    "",
		`[a:b = t'2016-12-31T23:59:60.5Z']`:                                                     "",
		`[a:b = 123456789012345678901234567890.000000000000000000000000001]`:                    "",
		`[a:b = 1] WITHIN 5 HOURS`:                                                              "error",
		`[foo:bar=1] within 2 seconds`:                                                          "error",
	} {
		p, err := pattern.Parse(text, pattern.Limits{})
		if want == "error" {
			if err == nil {
				t.Errorf("%s: was read", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want == "" {
			want = text
		}
		if got := p.String(); got != want {
			t.Errorf("%s\nprinted %s\nwant    %s", text, got, want)
		}
	}
}

// What is invalid, with the key and the place of the error.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:                                            `pattern.expected line=1 column=1 offset=0 found=msg:pattern.token.end expected=msg:pattern.token.observation`,
		`file:size = 1280`:                            `pattern.expected line=1 column=1 offset=0 found=“file” expected=msg:pattern.token.observation`,
		`[file:size = ]`:                              `pattern.expected line=1 column=14 offset=13 found=“]” expected=msg:pattern.token.literal`,
		`[file:hashes.MD5 = cead]`:                    `pattern.expected line=1 column=20 offset=19 found=“cead” expected=msg:pattern.token.literal`,
		`[file.size = 1280]`:                          `pattern.expected line=1 column=6 offset=5 found=“.” expected=“:”`,
		`[file:name MATCHES /.*\\.dll/]`:              `pattern.expected line=1 column=20 offset=19 found=“/” expected=msg:pattern.token.string`,
		`[a:b = 1] WITHIN ]`:                          `pattern.expected line=1 column=18 offset=17 found=“]” expected=msg:pattern.token.positive`,
		`[a:b = 1] WITHIN -5 SECONDS`:                 `pattern.expected line=1 column=18 offset=17 found=“-5” expected=msg:pattern.token.positive`,
		`[a:b = 1] WITHIN 0.00 SECONDS`:               `pattern.zero line=1 column=18 offset=17`,
		`[a:b = 1] REPEATS 0 TIMES`:                   `pattern.zero line=1 column=19 offset=18`,
		`[a:b = 1] REPEATS 1.5 TIMES`:                 `pattern.expected line=1 column=19 offset=18 found=“1.5” expected=msg:pattern.token.positive_integer`,
		`[a:b = 1] WITHIN 5 HOURS`:                    `pattern.expected line=1 column=20 offset=19 found=“HOURS” expected=“SECONDS”`,
		`[a:b =? 'x']`:                                `pattern.expected line=1 column=7 offset=6 found=“?” expected=msg:pattern.token.literal`,
		`[a:b ~ 'x']`:                                 `pattern.expected line=1 column=6 offset=5 found=“~” expected=msg:pattern.token.operator`,
		`[a:b == t'2457-73-22T32:81:84.1Z']`:          `pattern.timestamp line=1 column=9 offset=8`,
		`[a:b = t'2023-02-29T00:00:00Z']`:             `pattern.timestamp line=1 column=8 offset=7`,
		`[a:b = t'2023-02-28t00:00:00Z']`:             `pattern.timestamp line=1 column=8 offset=7`,
		`[a:b = t'2023-02-28T00:00:00.Z']`:            `pattern.timestamp line=1 column=8 offset=7`,
		`[a:b = b'====']`:                             `pattern.binary line=1 column=8 offset=7`,
		`[a:b = h'abc']`:                              `pattern.hex line=1 column=8 offset=7`,
		`[a:b > true]`:                                `pattern.expected line=1 column=8 offset=7 found=“true” expected=msg:pattern.token.literal`,
		`[a:b = null]`:                                `pattern.expected line=1 column=8 offset=7 found=“null” expected=msg:pattern.token.literal`,
		`[a:b = +5]`:                                  `pattern.plus line=1 column=8 offset=7`,
		`[a:b = 007]`:                                 `pattern.expected line=1 column=9 offset=8 found=“0” expected=“]”`,
		`[a:b = 'x\n']`:                               `pattern.escape line=1 column=10 offset=9`,
		`[a:b = 'x]`:                                  `pattern.unterminated line=1 column=8 offset=7`,
		"[a:ü\n = 1]":                                 `pattern.expected line=1 column=4 offset=3 found=“ü” expected=msg:pattern.token.name`,
		"[a:b = 'ü' AND\n  a:c ! 1]":                  `pattern.expected line=2 column=7 offset=22 found=“!” expected=msg:pattern.token.operator`,
		"[a:b = '\xff']":                              `pattern.utf8 line=1 column=9 offset=8`,
		`[file:hashes.SHA-256 = 'f00']`:               `pattern.quote_name line=1 column=14 offset=13 name=SHA-256`,
		`[a:b.IN = 1]`:                                `pattern.quote_name line=1 column=6 offset=5 name=IN`,
		`[a:'' = 1]`:                                  `pattern.empty_name line=1 column=4 offset=3`,
		`[a:b[-1] = 1]`:                               `pattern.expected line=1 column=6 offset=5 found=“-1” expected=msg:pattern.token.index`,
		`[a:b IN (1, 'a')]`:                           `pattern.mixed line=1 column=13 offset=12`,
		`[a:b IN (1,)]`:                               `pattern.expected line=1 column=12 offset=11 found=“)” expected=msg:pattern.token.literal`,
		`[a:b ISSUBSET 'example.com']`:                `pattern.network line=1 column=15 offset=14`,
		`[NOT a:b = 1]`:                               `pattern.expected line=1 column=6 offset=5 found=“a” expected=“EXISTS”`,
		`[a:b = 1 AND c:d = 2]`:                       `pattern.types line=1 column=2 offset=1`,
		`[(a:b = 1 OR c:d = 2) AND e:f = 1]`:          `pattern.types line=1 column=2 offset=1`,
		`[a:b = 1] WITHIN 5 SECONDS WITHIN 5 SECONDS`: `pattern.twice line=1 column=28 offset=27 word=WITHIN`,
		`[a:b = 1] START '2016-06-01T00:00:00Z' STOP t'2016-06-01T00:00:00Z'`: `pattern.expected line=1 column=17 offset=16 found=“'2016-06-01T00:00:00Z'” expected=msg:pattern.token.timestamp`,
		`[a:b = 1] START t'2016-06-01T00:00:00Z'`:                             `pattern.expected line=1 column=40 offset=39 found=msg:pattern.token.end expected=“STOP”`,
		`[a:b = 1] [a:b = 1]`: `pattern.expected line=1 column=11 offset=10 found=“[” expected=msg:pattern.token.end_or_operator`,
		`([a:b = 1]`:          `pattern.expected line=1 column=11 offset=10 found=msg:pattern.token.end expected=“)”`,
		`[a:b = 1] /* open`:   `pattern.comment line=1 column=11 offset=10`,
		`[a:b = 1] AND`:       `pattern.expected line=1 column=14 offset=13 found=msg:pattern.token.end expected=msg:pattern.token.observation`,
		`[a:b LIKE 5]`:        `pattern.expected line=1 column=11 offset=10 found=“5” expected=msg:pattern.token.string`,
		`[a = 1]`:             `pattern.expected line=1 column=4 offset=3 found=“=” expected=“:”`,
	} {
		_, err := pattern.Parse(text, pattern.Limits{})
		if got := comity.ErrorMessage(err).String(); err == nil || got != want || !comity.Is(err, comity.Invalid) {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestParseLenient(t *testing.T) {
	for text, want := range map[string]string{
		`[file:hashes.SHA-256 = 'f00']`:                                            `[file:hashes.'SHA-256' = 'f00']`,
		`[a:b = 1 and a:c not like 'x%'] followedby [a:d = TRUE] within 2 seconds`: `[a:b = 1 AND a:c NOT LIKE 'x%'] FOLLOWEDBY [a:d = true] WITHIN 2 SECONDS`,
		`[a:b = 'C:\Windows\x']`:                                                   `[a:b = 'C:\\Windows\\x']`,
		`[a:b = +5] START '2016-06-01T00:00:00Z' STOP '2016-07-01T00:00:00Z'`:      `[a:b = 5] START t'2016-06-01T00:00:00Z' STOP t'2016-07-01T00:00:00Z'`,
		`[a:b = 1 AND c:d IN (1, 'x')]`:                                            "",
	} {
		if _, err := pattern.Parse(text, pattern.Limits{}); err == nil {
			t.Errorf("%s: Parse takes it", text)
		}
		p, err := pattern.ParseLenient(text, pattern.Limits{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want == "" {
			want = text
		} else {
			must(t, want)
		}
		if p.String() != want {
			t.Errorf("%s\nprinted %s\nwant    %s", text, p, want)
		}
	}
}

// INVARIANT: no text makes Parse take more than its limits.
func TestParseLimits(t *testing.T) {
	many := strings.Repeat("a:b = 1 OR ", 99) + "a:b = 1"
	for name, c := range map[string]struct {
		text string
		lim  pattern.Limits
		key  string
	}{
		"length":      {"[" + many + "]", pattern.Limits{Length: 50}, "pattern.length"},
		"comparisons": {"[" + many + "]", pattern.Limits{Comparisons: 99}, "pattern.comparisons"},
		"set":         {"[a:b IN (1, 2, 3)]", pattern.Limits{Set: 2}, "pattern.set"},
		"depth":       {strings.Repeat("(", 70), pattern.Limits{}, "pattern.depth"},
		"inner depth": {"[" + strings.Repeat("(", 70), pattern.Limits{}, "pattern.depth"},
	} {
		_, err := pattern.Parse(c.text, c.lim)
		if !comity.Is(err, comity.TooLarge) || comity.ErrorMessage(err).Key != c.key {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, "["+many+"]")
	must(t, strings.Repeat("(", 64)+"[a:b = 1]"+strings.Repeat(")", 64))
}

func TestValues(t *testing.T) {
	p := must(t, `[ipv4-addr:value = '198.51.100.1/32' OR ipv4-addr:value ISSUBSET '203.0.113.9/24' OR ipv4-addr:value != '192.0.2.1']
		AND [file:hashes.'SHA-256' = 'AEC070645FE53EE3B3763059376134F058CC337247C978ADD178B6CCDFB0019F' OR file:hashes.SSDEEP = '3:a:b']
		AND [domain-name:value IN ('Example.COM', 'example.com', 'example.org') AND domain-name:value NOT IN ('a.example')]
		AND [network-traffic:dst_ref.value = 'c2.example.net' OR file:name LIKE 'a%' OR file:name LIKE 'b.exe' OR autonomous-system:number = 64500]
		AND [email-message:from_ref.value = 'A@Example.com' OR url:value > 'http://x' OR x:unknown = 'y' OR domain-name:value MATCHES 'z']`)
	want := []string{"ipv4 198.51.100.1", "ipv4 203.0.113.0/24",
		"hash aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f", "other 3:a:b",
		"domain example.com", "domain example.org", "domain c2.example.net", "path b.exe", "asn 64500", "email A@example.com"}
	var got []string
	for _, v := range p.Values() {
		got = append(got, v.Kind.String()+" "+v.Text)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
	n := 0
	for range p.Comparisons() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d comparisons", n)
	}
}

// Many values are found once each, too.
func TestValuesOfALongSet(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		b.WriteString("'")
		b.WriteString(strings.Repeat("a", i%100+1))
		b.WriteString(".example', ")
	}
	p := must(t, "[domain-name:value IN ("+b.String()+"'b.example')]")
	if n := len(p.Values()); n != 64 { // labels end at 63
		t.Errorf("%d values", n)
	}
}

// Every path that a lookup knows, with a value in normal form; "" for none.
func TestValuePaths(t *testing.T) {
	for path, want := range map[string]string{
		`ipv6-addr:value = '2001:DB8::1'`:                    "ipv6 2001:db8::1",
		`email-addr:value = 'A@Example.com'`:                 "email A@example.com",
		`mac-addr:value = '00-00-5E-00-53-01'`:               "mac 00:00:5e:00:53:01",
		`url:value = 'HTTP://Example.com/A'`:                 "url http://example.com/A",
		`directory:path = 'C:\\x'`:                           `path C:\x`,
		`windows-registry-key:key = 'HKLM\\x'`:               `path HKLM\x`,
		`mutex:name = 'Mx'`:                                  "name mx",
		`software:name = 'Word'`:                             "name word",
		`user-account:account_login = 'Root'`:                "name root",
		`domain-name:resolves_to_refs[*].value = '::1'`:      "ipv6 ::1",
		`file:hashes.MD5 = h'00'`:                            "",
		`process:name = 'x'`:                                 "",
		`file:value = 'x'`:                                   "",
		`x:path = 'x' OR x:key = 'x' OR x:number = 5`:        "",
		`network-traffic:protocols[*] = 'tcp'`:               "",
		`network-traffic:extensions.'http-ext'.host = 'tcp'`: "",
	} {
		got := ""
		for _, v := range must(t, "["+path+"]").Values() {
			got += v.Kind.String() + " " + v.Text
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestPartsPrintThemselves(t *testing.T) {
	p := must(t, `[a:b.'c-d'[*].e NOT IN ('x', 'y')] WITHIN 5 SECONDS`)
	for c := range p.Comparisons() {
		if c.String() != `a:b.'c-d'[*].e NOT IN ('x', 'y')` || c.Path.String() != `a:b.'c-d'[*].e` {
			t.Errorf("%s, %s", c, c.Path)
		}
	}
	if p.Root().String() != p.String() {
		t.Errorf("%s", p.Root())
	}
	if s := new(pattern.Pattern).String(); s != "" {
		t.Errorf("an empty pattern is %q", s)
	}
}
