package i18n

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/comity-net/comity"
)

func catalog(t *testing.T) *Catalog {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct{ accept, chosen, want string }{
		{"", "", "en"},
		{"fr-CH, fr;q=0.9, en;q=0.8", "", "fr"},
		{"fr", "ar", "ar"},
		{"fr", "xx", "fr"},
		{"zh-Hant-TW", "", "zh"},
		{"ar-EG", "", "ar"},
		{"sw", "", "en"},
		{"es_MX.UTF-8", "", "es"},
		{"C.UTF-8", "", "en"},
		{"\x00;;;,,", "", "en"},
		{strings.Repeat("ru,", 100000), "", "ru"},
	} {
		if got := Match(tc.accept, tc.chosen); got != tc.want {
			t.Errorf("Match(%.20q, %q) = %q, want %q", tc.accept, tc.chosen, got, tc.want)
		}
	}
}

func TestFallback(t *testing.T) {
	c := catalog(t)
	for _, l := range Languages() {
		p := c.Lang(l.Tag)
		if p.Tag() != l.Tag || p.Dir() != l.Dir {
			t.Errorf("Lang(%q) is %q %q", l.Tag, p.Tag(), p.Dir())
		}
		if got := p.T(comity.Msg("no.such_key")); got != "no.such_key" {
			t.Errorf("%s: missing key gives %q", l.Tag, got)
		}
		if got := p.T(comity.Message{}); got != "" {
			t.Errorf("%s: zero message gives %q", l.Tag, got)
		}
	}
	if got := c.Lang("tlh").Tag(); got != "en" {
		t.Errorf("unknown language gives %q", got)
	}
}

func TestArguments(t *testing.T) {
	en := catalog(t).Lang("en")
	for _, tc := range []struct {
		arg, want string
	}{
		{"5", "5 B"},
		{"msg:i18n.never", "never B"},
		{"msg:i18n.no_such", "i18n.no_such B"},
		{"{{.v}}", "{{.v}} B"},
		{"سيرت", "\u2068سيرت\u2069 B"},
	} {
		if got := en.T(comity.Msg("i18n.bytes.b", comity.A("v", tc.arg))); got != tc.want {
			t.Errorf("argument %q gives %q, want %q", tc.arg, got, tc.want)
		}
	}
}

func TestNumbersHaveLatinDigits(t *testing.T) {
	c := catalog(t)
	now := time.Date(2026, 11, 23, 20, 36, 0, 0, time.UTC)
	for _, l := range Languages() {
		p := c.Lang(l.Tag)
		for _, s := range []string{p.Number(1234567), p.Decimal(1234.5, 1), p.Bytes(33_900_000), p.Time(now), p.Ago(now.Add(-72*time.Hour), now), p.Duration(90 * time.Minute)} {
			for _, r := range s {
				if unicode.IsDigit(r) && r > '9' {
					t.Errorf("%s: %q has the digit %c", l.Tag, s, r)
				}
			}
		}
	}
	en := c.Lang("en")
	for _, tc := range []struct{ got, want string }{
		{en.Number(1234567), "1,234,567"},
		{en.Number(-5), "-5"},
		{en.Bytes(0), "0 B"},
		{en.Bytes(999), "999 B"},
		{en.Bytes(999_999), "1 MB"},
		{en.Bytes(33_900_000), "33.9 MB"},
		{en.Decimal(0.256, 2), "0.26"},
		{en.Time(now), "2026-11-23 20:36 UTC"},
		{en.Time(time.Time{}), ""},
		{en.Date(now), "2026-11-23"},
		{en.Ago(time.Time{}, now), "never"},
		{en.Ago(now.Add(time.Hour), now), "just now"},
		{en.Ago(now.Add(-time.Minute), now), "1 minute ago"},
		{en.Ago(now.Add(-50*time.Hour), now), "2 days ago"},
		{en.Duration(1500 * time.Microsecond), "1 ms"},
		{en.Duration(3 * time.Hour), "3 hours"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

// TestArabicPlurals checks that each of the six forms is chosen where CLDR says.
func TestArabicPlurals(t *testing.T) {
	ar := catalog(t).Lang("ar")
	same := [][]int64{{0}, {1}, {2}, {3, 10, 103}, {11, 99, 111}, {100, 102, 200}}
	seen := map[string]bool{}
	for _, group := range same {
		var form string
		for i, n := range group {
			s := ar.T(comity.Msg("i18n.ago.days", comity.A("n", n)))
			f := strings.Replace(s, ar.Number(n), "#", 1)
			if i > 0 && f != form {
				t.Errorf("%d gives %q, others of its form %q", n, f, form)
			}
			form = f
		}
		seen[form] = true
	}
	if len(seen) < 5 {
		t.Errorf("only %d different Arabic forms", len(seen))
	}
}

func TestConcurrent(t *testing.T) {
	p := catalog(t).Lang("fr")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range int64(200) {
				p.T(comity.Msg("i18n.ago.days", comity.A("n", i)))
				p.Bytes(i * 1000)
			}
		})
	}
	wg.Wait()
}

// TestMessageInsideMessage: a cause that is a message itself is said in the
// reader's language, with its own arguments, at most three deep.
func TestMessageInsideMessage(t *testing.T) {
	c := catalog(t)
	inner := comity.E(comity.Invalid, "x", "", comity.Msg("ledger.bad_json", comity.A("offset", 7), comity.A("cause", comity.Msg("ledger.json_cut"))), nil)
	m := comity.Msg("federation.identity_malformed", comity.A("cause", fmt.Errorf("wrapped: %w", inner)))
	for lang, want := range map[string]string{
		"en": "The identity note cannot be read: This is not well-formed JSON, near byte 7: it ends too early.",
		"zh": "无法读取身份说明：",
	} {
		got := c.Lang(lang).T(m)
		if !strings.HasPrefix(got, want) || strings.Contains(got, "ledger.") || strings.Contains(got, "no value") {
			t.Errorf("%s: %s", lang, got)
		}
	}
	odd := comity.Msg("federation.json_value", comity.A("at", "a&b=c?d %41 msg:x"))
	if got := c.Lang("en").T(comity.Msg("web.as_is", comity.A("text", odd))); !strings.Contains(got, "a&b=c?d %41 msg:x") {
		t.Error(got)
	}
	for range 9 {
		odd = comity.Msg("web.as_is", comity.A("text", odd))
	}
	c.Lang("en").T(odd) // ends
	for _, s := range []string{"msg:", "msg:?", "msg:web.as_is?text=%zz&&=&text", "msg:web.as_is?%zz"} {
		c.Lang("ar").T(comity.Msg("web.as_is", comity.A("text", s)))
	}
}
