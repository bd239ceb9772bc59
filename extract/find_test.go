package extract_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/google/go-cmp/cmp"
)

// words renders what was found as "kind:text", with "!" for refanged ones.
func words(found []extract.Found) []string {
	var out []string
	for _, f := range found {
		s := f.Value.Kind.String() + ":" + f.Value.Text
		if f.Refanged {
			s += "!"
		}
		out = append(out, s)
	}
	return out
}

func TestFind(t *testing.T) {
	const sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	tests := []struct {
		text string
		want string // separated by blanks
	}{
		{"", ""},
		{"Nothing to see here.", ""},
		{"C2 at 198.51.100.3, then 198.51.100.3 again.", "ipv4:198.51.100.3"},
		{"198[.]51[.]100[.]3:443 and 198.51.100[.]4", "ipv4:198.51.100.3! ipv4:198.51.100.4!"},
		{"(198.51.100.7)", "ipv4:198.51.100.7"},
		{"block 203.0.113.0/24 and 203.0.113.77/32", "ipv4:203.0.113.0/24 ipv4:203.0.113.77"},
		{"range 192.0.2.1-192.0.2.9", "ipv4:192.0.2.1 ipv4:192.0.2.9"},
		{"192.0.2.1/login", "ipv4:192.0.2.1"},
		{"release 1.2.3.4.5, version 10.2.3.4 and v1.2.3.4, 256.1.1.1, 1.2.3", ""},
		{"Build 10.0.19041.1 of 12.10.2024 at 12:30:45, 2024-01-02", ""},
		{"Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36", ""},
		{"host 2001:DB8::1 and [2001:db8::2]:443, fe80::1, 2001:db8:1::/48", "ipv6:2001:db8::1 ipv6:2001:db8::2 ipv6:fe80::1 ipv6:2001:db8:1::/48"},
		{"2001:db8::/32", "ipv6:2001:db8::/32"},
		{"std::string a::b ::1 :: foo::bar", ""},
		{"2001[:]db8[:][:]5", "ipv6:2001:db8::5!"},
		{"evil.example.com", "domain:evil.example.com"},
		{"evil[.]example[.]com evil(.)com bad{.}net x[dot]org y(dot)info z [.] biz", "domain:evil.example.com! domain:evil.com! domain:bad.net! domain:x.org! domain:y.info! domain:z.biz!"},
		{"evil\\.example\\.com", "domain:evil.example.com!"},
		{"evil dot example dot com is bad; the red dot in a field", "domain:evil.example.com!"},
		{"evil[.com and evil[.]co[.]uk", "domain:evil.com! domain:evil.co.uk!"},
		{"report.zip setup.py run.sh lib.so main.rs README.md a.exe b.dll", ""},
		{"report[.]zip", "domain:report.zip!"},
		{"www.set.gov.py", "domain:www.set.gov.py"},
		{"wp.pl\n", "domain:wp.pl"},
		{"edit script.pl now", ""},
		{`C:\Windows\system.com $obj.name System.IO foo.call()`, ""},
		{"e.g. this, i.e. that. No.It is", ""},
		{"com co.uk localhost", ""},
		{"hxxp://evil[.]example/path?a=1 hxxps[:]//bad[.]com/x.php", "url:http://evil.example/path?a=1! url:https://bad.com/x.php!"},
		{"h**p://a.example.org/ meow://b.example.org/c hXXps://c.example.org", "url:http://a.example.org/! url:http://b.example.org/c! url:https://c.example.org/!"},
		{"HTTP://EVIL.example.COM/CaseMatters", "url:http://evil.example.com/CaseMatters"},
		{"see http://example.org/a_(b)), and <http://example.org/q>.", "url:http://example.org/a_(b) url:http://example.org/q"},
		{"[text](https://example.org/x)", "url:https://example.org/x"},
		{"http://198.51.100.3:8080/a.sh", "url:http://198.51.100.3:8080/a.sh"},
		{"http[://]evil.com[/]a", "url:http://evil.com/a!"},
		{"http://[2001:db8::1]/x", "url:http://[2001:db8::1]/x"},
		{"download report at http://dl.example.org/report.zip", "url:http://dl.example.org/report.zip"},
		{"mail bad@evil.example.com, user[@]evil[.]com, john(at)evil(dot)org", "email:bad@evil.example.com email:user@evil.com! email:john@evil.org!"},
		{"mailto:Some.One@Example.ORG", "email:Some.One@example.org"},
		{"@handle and a@b", ""},
		{"D41D8CD98F00B204E9800998ECF8427E", "hash:d41d8cd98f00b204e9800998ecf8427e"},
		{"sha256:" + sha256, "hash:" + sha256},
		{"00000000000000000000000000000000 d41d8cd98f00b204e9800998ecf8427", ""},
		{sha256 + sha256, "hash:" + sha256 + sha256},
		{"cve-2021-44228 CVE-2024-1234/CVE-2024-12345 CVE-24-1", "cve:CVE-2021-44228 cve:CVE-2024-1234 cve:CVE-2024-12345"},
		{"CVE\u20112021\u201144228", "cve:CVE-2021-44228!"},
		{"from AS64496 and ASN64497, AS2 as123", "asn:64496 asn:64497"},
		{"пример.рф и bücher.de", "domain:xn--e1afmkfd.xn--p1ai domain:xn--bcher-kva.de"},
		{"访问evil.com下载，以及198.51.100.3。", "domain:evil.com ipv4:198.51.100.3"},
		{"xn--e1afmkfd.xn--p1ai", "domain:xn--e1afmkfd.xn--p1ai"},
		{"http://пример.рф/путь", "url:http://xn--e1afmkfd.xn--p1ai/путь"},
		{"abcdefghij234567.onion", "domain:abcdefghij234567.onion"},
		{"evil.github.io", "domain:evil.github.io"},
		{"example.com:8080 example.org/path", "domain:example.com domain:example.org"},
		{"\xff\xfe198.51.100.3\xff", "ipv4:198.51.100.3"},
	}
	for _, tt := range tests {
		got := strings.Join(words(extract.Find(tt.text, extract.Limits{})), " ")
		if got != tt.want {
			t.Errorf("Find(%q)\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestFindPlaces(t *testing.T) {
	text := "Ünïcode: hxxp://evil[.]com/a then 198[.]51[.]100[.]3."
	got := extract.Find(text, extract.Limits{})
	if len(got) != 2 {
		t.Fatalf("found %v", words(got))
	}
	for i, want := range []string{"hxxp://evil[.]com/a", "198[.]51[.]100[.]3"} {
		if got[i].Raw != want || text[got[i].Start:got[i].End] != want {
			t.Errorf("%d: raw %q, at %d-%d %q, want %q", i, got[i].Raw, got[i].Start, got[i].End, text[got[i].Start:got[i].End], want)
		}
	}
}

func TestFindLimits(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "198.51.100.%d\n", i)
	}
	if n := len(extract.Find(b.String(), extract.Limits{MaxFound: 7})); n != 7 {
		t.Errorf("MaxFound 7 gave %d", n)
	}
	if n := len(extract.Find(b.String(), extract.Limits{MaxBytes: 26})); n != 2 {
		t.Errorf("MaxBytes 26 gave %d", n)
	}
}

func TestGuess(t *testing.T) {
	tests := []struct {
		text string
		kind comity.ValueKind
		want string
	}{
		{" 198.51.100[.]3 ", comity.ValueIPv4, "198.51.100.3"},
		{"198.51.100.3:8080", comity.ValueIPv4, "198.51.100.3"},
		{"198.51.100.77/24", comity.ValueIPv4, "198.51.100.0/24"},
		{"2001:DB8:0::1", comity.ValueIPv6, "2001:db8::1"},
		{"[2001:db8::1]:443", comity.ValueIPv6, "2001:db8::1"},
		{"EVIL[.]Example.COM.", comity.ValueDomain, "evil.example.com"},
		{"evil.com/path", comity.ValueDomain, "evil.com"},
		{"hxxps://Evil[.]com", comity.ValueURL, "https://evil.com/"},
		{"http://evil.com:80?a", comity.ValueURL, "http://evil.com/?a"},
		{"D41D8CD98F00B204E9800998ECF8427E", comity.ValueHash, "d41d8cd98f00b204e9800998ecf8427e"},
		{"Bob[@]Evil[.]org", comity.ValueEmail, "Bob@evil.org"},
		{"cve-2021-44228", comity.ValueCVE, "CVE-2021-44228"},
		{"as64496", comity.ValueASN, "64496"},
		{"ASN 64496", comity.ValueASN, "64496"},
		{"AA-BB-CC-00-11-22", comity.ValueMAC, "aa:bb:cc:00:11:22"},
		{"Cobalt  Strike", comity.ValueName, "cobalt strike"},
		{"T1059.001", comity.ValueName, "t1059.001"},
		{"APT29", comity.ValueName, "apt29"},
		{"STRASSE", comity.ValueName, "strasse"},
		{"Straße", comity.ValueName, "strasse"},
		{"invoice.exe", comity.ValuePath, "invoice.exe"},
		{"setup.py", comity.ValuePath, "setup.py"},
		{`C:\Temp\a.txt`, comity.ValuePath, `C:\Temp\a.txt`},
		{"/etc/passwd", comity.ValuePath, "/etc/passwd"},
		{"1.2.3.4.5", comity.ValueName, "1.2.3.4.5"},
	}
	for _, tt := range tests {
		got, ok := extract.Guess(tt.text)
		if !ok || got != (comity.Value{Kind: tt.kind, Text: tt.want}) {
			t.Errorf("Guess(%q) = %v %q %v, want %v %q", tt.text, got.Kind, got.Text, ok, tt.kind, tt.want)
		}
	}
	for _, bad := range []string{"", "  ", "a\x00b", strings.Repeat("a", 9000), "\xff"} {
		if v, ok := extract.Guess(bad); ok {
			t.Errorf("Guess(%.20q) = %v", bad, v)
		}
	}
}

func TestNormalizeRefuses(t *testing.T) {
	tests := []struct {
		kind comity.ValueKind
		text string
	}{
		{comity.ValueIPv4, "010.1.1.1"}, {comity.ValueIPv4, "2001:db8::1"}, {comity.ValueIPv6, "fe80::1%eth0"},
		{comity.ValueIPv4, "1.1.1.1/33"}, {comity.ValueDomain, "-a.com"}, {comity.ValueDomain, "a..com"},
		{comity.ValueDomain, "1.2.3.4"}, {comity.ValueDomain, strings.Repeat("a", 64) + ".com"},
		{comity.ValueURL, "evil.com"}, {comity.ValueURL, "http://"}, {comity.ValueURL, "http://a b/"},
		{comity.ValueURL, "http://a:99999/"}, {comity.ValueHash, "abc"}, {comity.ValueHash, strings.Repeat("g", 32)},
		{comity.ValueEmail, "@a.com"}, {comity.ValueEmail, "a@"}, {comity.ValueCVE, "CVE-1-1"},
		{comity.ValueASN, "4294967296"}, {comity.ValueASN, "-1"}, {comity.ValueMAC, "aa:bb"}, {comity.ValueName, " "},
		{comity.ValueOther, "a\x00"},
	}
	for _, tt := range tests {
		if v, ok := extract.Normalize(tt.kind, tt.text); ok {
			t.Errorf("Normalize(%v, %q) = %q", tt.kind, tt.text, v.Text)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"hxxp://evil[.]com/a", "198[.]51(.)100 dot 3", "2001:db8::1/32 :: ::", "a[@]b[dot]com",
		"пример.рф 访问evil.com", "CVE-2021-44228", "[.", "h**p://[::", "\u2024.\u2011", " [.] "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		last := map[comity.Value]bool{}
		for _, x := range extract.Find(s, extract.Limits{}) {
			if x.Start < 0 || x.End > len(s) || x.Start >= x.End || s[x.Start:x.End] != x.Raw {
				t.Fatalf("%+v does not stand in %q", x, s)
			}
			if last[x.Value] {
				t.Fatalf("%v twice", x.Value)
			}
			last[x.Value] = true
			again, ok := extract.Normalize(x.Value.Kind, x.Value.Text)
			if !ok || again != x.Value {
				t.Fatalf("normal form of %+v is not stable: %+v %v", x.Value, again, ok)
			}
			if !utf8.ValidString(x.Value.Text) {
				t.Fatalf("value %q is not UTF-8", x.Value.Text)
			}
		}
		if v, ok := extract.Guess(s); ok {
			if again, ok := extract.Normalize(v.Kind, v.Text); !ok || again != v {
				t.Fatalf("Guess(%q) = %+v, normalized %+v %v", s, v, again, ok)
			}
		}
	})
}

// report is a text like those that analysts paste, for the benchmark.
func report() string {
	const page = `On 2026-03-04 the group used hxxps://update[.]example[.]com/a/b.php?id=%d and 198.51.100.%d for
command and control. The loader (SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b785%05x) drops
setup.py and report.zip, mails ops%d@mail.example.org and exploits CVE-2021-%d from AS64496. Version 1.2.3.4 of the
tool is not affected. Nothing else of note stood in this paragraph, which goes on for a while as prose does.
`
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, page, i, i%250, i, i, 10000+i)
	}
	return b.String()
}

func BenchmarkFind(b *testing.B) {
	text := report()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		extract.Find(text, extract.Limits{})
	}
}

func BenchmarkFindHostile(b *testing.B) {
	text := strings.Repeat("a[.", 1<<18) + strings.Repeat("http://", 1<<16) + strings.Repeat(" dot a", 1<<16) +
		strings.Repeat("http://-(", 1<<16) + strings.Repeat("http://a.com/(", 1<<12)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		extract.Find(text, extract.Limits{})
	}
}

func TestReportIsRead(t *testing.T) {
	kinds := map[string]int{}
	for _, f := range extract.Find(report(), extract.Limits{}) {
		kinds[f.Value.Kind.String()]++
	}
	want := map[string]int{"url": 2000, "ipv4": 250, "hash": 2000, "email": 2000, "cve": 2000, "asn": 1}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
}
