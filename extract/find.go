package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// Found is one indicator that stood in a text.
type Found struct {
	Value    comity.Value // in normal form
	Raw      string       // as it stood in the text
	Start    int          // byte offset of Raw in the text
	End      int          // byte offset after Raw
	Refanged bool         // it stood defanged: hxxp, [.], (at) …
}

// Limits bounds the work of Find. The zero value means the defaults.
type Limits struct {
	MaxBytes int // bytes of text looked at; 0 for 64 MiB
	MaxFound int // different values returned; 0 for 100,000
}

// Find returns the addresses, blocks, domains, URLs, hashes, e-mail addresses,
// CVE names and AS numbers in text, in order of first appearance, each value
// once. The host of a URL is not reported beside it. Private and reserved
// addresses are reported: whether they mean anything is for the caller.
//
// A bare name that could as well be a file (setup.py, report.zip) is taken
// only if it stood defanged or inside a URL.
func Find(text string, lim Limits) []Found {
	if lim.MaxBytes <= 0 {
		lim.MaxBytes = 64 << 20
	}
	if lim.MaxFound <= 0 {
		lim.MaxFound = 100_000
	}
	if len(text) > lim.MaxBytes {
		text = text[:lim.MaxBytes]
	}
	f := finder{src: text, r: refang(text), max: lim.MaxFound, seen: map[comity.Value]struct{}{}}
	f.scan()
	return f.found
}

// finder is one pass of Find over the refanged text.
type finder struct {
	src   string
	r     refanged
	max   int
	seen  map[comity.Value]struct{}
	found []Found
}

// scan cuts the text into runs of characters that indicators are made of. Each
// run is looked at a fixed number of times, so the whole is linear.
func (f *finder) scan() {
	s := f.r.text
	for i := 0; i < len(s) && len(f.found) < f.max; {
		if c := s[i]; c < utf8.RuneSelf && !runByte[c] {
			i++
			continue
		}
		end, ascii, size := run(s, i)
		if size > 0 { // a character that belongs to no run
			i += size
			continue
		}
		i = f.take(i, end, ascii)
	}
}

// runByte holds the ASCII characters of a run.
var runByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c < utf8.RuneSelf && (isAlnum(byte(c)) || strings.IndexByte("._-@:/%+*", byte(c)) >= 0)
	}
	return t
}()

// run returns the end of the run that begins at i and whether it is all ASCII.
// Letters of scripts written without blanks never join ASCII ones, so that a
// domain in the middle of a Chinese sentence stands alone. skip is the size of
// a leading character that belongs to no run, else 0.
func run(s string, i int) (end int, ascii bool, skip int) {
	ascii = true
	prev := rune(-1)
	for end = i; end < len(s); {
		c := s[end]
		if c < utf8.RuneSelf {
			if !runByte[c] || glued(prev) && isAlnum(c) {
				break
			}
			prev = rune(c)
			end++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[end:])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
			if end == i {
				return i, false, n
			}
			break
		}
		if glued(r) && prev >= 0 && prev < utf8.RuneSelf && isAlnum(byte(prev)) {
			break
		}
		ascii = false
		prev = r
		end += n
	}
	return end, ascii, 0
}

// glued reports whether r belongs to a script that is written without blanks
// or that joins prefixes to foreign words.
func glued(r rune) bool {
	return r >= 0x590 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Arabic, unicode.Hebrew)
}

// take looks at the run [start,end) and returns where the scan goes on.
func (f *finder) take(start, end int, ascii bool) int {
	s := f.r.text
	if i := strings.Index(s[start:end], "://"); i > 0 {
		if next := f.url(start, start+i); next > 0 {
			return next
		}
	}
	a, b := trimRun(s, start, end)
	if b-a < 3 {
		return end
	}
	f.classify(a, b, ascii)
	return end
}

// trimRun drops punctuation around a run that is no part of an indicator.
func trimRun(s string, a, b int) (int, int) {
	for a < b && strings.IndexByte(".-@%+*", s[a]) >= 0 || a < b && s[a] == ':' && !strings.HasPrefix(s[a:b], "::") {
		a++
	}
	for b > a && strings.IndexByte(".-@:/%+*_", s[b-1]) >= 0 && !(s[b-1] == ':' && strings.HasSuffix(s[a:b], "::")) {
		b--
	}
	return a, b
}

// classify tries the forms from the most to the least telling.
func (f *finder) classify(a, b int, ascii bool) {
	s := f.r.text[a:b]
	if !ascii {
		f.host(a, b)
		return
	}
	switch {
	case strings.IndexByte(s, '@') > 0:
		f.email(a, b)
	case strings.Count(s, ":") >= 2 && f.ipv6(a, b):
	case isDigit(s[0]) && f.ipv4(a, b):
	default:
		if !f.words(a, b) {
			f.host(a, b)
		}
	}
}

// words looks for hashes, CVE names and AS numbers among the parts of a run
// that colons and slashes separate ("sha256:…", "CVE-2024-1/CVE-2024-2").
func (f *finder) words(a, b int) bool {
	s := f.r.text
	any := false
	for a < b {
		e := a
		for e < b && s[e] != ':' && s[e] != '/' {
			e++
		}
		w := s[a:e]
		switch {
		case isFoundHash(w):
			any = f.add(comity.ValueHash, w, a, e) || any
		case len(w) >= 13 && w[0]|0x20 == 'c' && w[3] == '-':
			any = f.add(comity.ValueCVE, w, a, e) || any
		case len(w) >= 5 && strings.HasPrefix(w, "AS") && allDigits(strings.TrimPrefix(w[2:], "N")):
			any = f.add(comity.ValueASN, w, a, e) || any
		}
		a = e + 1
	}
	return any
}

// isFoundHash takes the hash lengths that are common enough to be believed in
// running text. A row of one digit is filler, not a hash.
func isFoundHash(w string) bool {
	switch len(w) {
	case 32, 40, 64, 128:
		return allHex(w) && strings.Trim(w, w[:1]) != ""
	}
	return false
}

// add records a value of the kind that stood at [a,b) of the refanged text.
// It reports whether text was such a value, seen before or not.
func (f *finder) add(kind comity.ValueKind, text string, a, b int) bool {
	v, ok := Normalize(kind, text)
	if !ok {
		return false
	}
	if _, dup := f.seen[v]; dup || len(f.found) >= f.max {
		return true
	}
	f.seen[v] = struct{}{}
	from, to := f.r.origin(a), f.r.origin(b)
	raw := f.src[from:to]
	fanged := f.r.touched(a, b) || kind == comity.ValueURL && !strings.EqualFold(raw[:strings.IndexByte(raw+":", ':')], text[:strings.IndexByte(text, ':')])
	f.found = append(f.found, Found{Value: v, Raw: raw, Start: from, End: to, Refanged: fanged})
	return true
}
