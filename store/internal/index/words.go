package index

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// WordsVersion changes whenever Words gives other words for the same text; a
// keeper that finds another one stored rebuilds its text index.
const WordsVersion = 1

const (
	maxWord    = 64   // bytes of one word; longer ones are cut, in texts and queries alike
	maxWords   = 8192 // different words of one text that are indexed
	maxQuery   = 16   // words of one query that count
	minPrefix  = 3    // letters from which a query word is a prefix
	maxScanned = 1 << 20
)

// NameMark stands before a word that occurs in the object's name, beside the
// word itself, so that hits in names can be found first.
const NameMark = "="

// Words returns the different words of a name and a text, ready for a word
// index that splits at spaces: lower case, accents and vowel signs removed,
// scripts without spaces (Chinese, Japanese, Thai …) as single letters and
// pairs. Words of the name come twice, once with NameMark.
func Words(name, text string) string {
	seen := make(map[string]struct{}, 64)
	var b strings.Builder
	b.Grow(min(len(text), maxScanned) + 3*len(name))
	add := func(w string) {
		if _, dup := seen[w]; dup || len(seen) >= maxWords {
			return
		}
		seen[w] = struct{}{}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	split(name, func(w string, kind wordKind) {
		add(NameMark + w)
		add(w)
	})
	split(text, func(w string, kind wordKind) { add(w) })
	return b.String()
}

// Term is one word of a query.
type Term struct {
	Text   string
	Prefix bool
}

// Query returns the terms of what a person typed; all must match.
func Query(words string) []Term {
	var out []Term
	seen := map[string]bool{}
	add := func(w string, prefix bool) {
		if !seen[w] && len(out) < maxQuery {
			seen[w] = true
			out = append(out, Term{w, prefix})
		}
	}
	pending := "" // a single letter of an unspaced script counts only when no pair follows
	split(words, func(w string, kind wordKind) {
		if pending != "" && kind != pair {
			add(pending, false)
			pending = ""
		}
		switch kind {
		case inPair:
		case single:
			pending = w
		case pair:
			pending = ""
			add(w, false)
		default:
			add(w, utf8.RuneCountInString(w) >= minPrefix)
		}
	})
	if pending != "" {
		add(pending, false)
	}
	return out
}

// Match reports whether words, as Words returned them, hold every term, and
// whether all of them stand in the name.
func Match(words string, terms []Term) (all, named bool) {
	all, named = len(terms) > 0, len(terms) > 0
	padded := " " + words + " "
	for _, t := range terms {
		end := " "
		if t.Prefix {
			end = ""
		}
		all = all && strings.Contains(padded, " "+t.Text+end)
		named = named && strings.Contains(padded, " "+NameMark+t.Text+end)
	}
	return all, named
}

type wordKind int

const (
	whole  wordKind = iota
	single          // one letter of an unspaced script
	pair            // two neighbouring letters of one
	inPair          // a letter that stands in a pair: texts index it, queries pass it over
)

// split calls emit for each word of s in order. A run of an unspaced script
// gives: first letter, then for each further letter the pair and the letter.
func split(s string, emit func(string, wordKind)) {
	if len(s) > maxScanned {
		s = strings.ToValidUTF8(s[:maxScanned], "")
	}
	if isASCII(s) {
		splitASCII(s, emit)
		return
	}
	s = norm.NFKD.String(s)
	var word []byte
	var before rune // the letter before, within a run of an unspaced script
	flush := func() {
		if len(word) > 0 {
			emit(cut(word), whole)
			word = word[:0]
		}
	}
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || r == '\u0640': // accents, vowel signs, tatweel
		case unspaced(r):
			flush()
			if before != 0 {
				emit(string([]rune{before, r}), pair)
				emit(string(r), inPair)
			} else {
				emit(string(r), single)
			}
			before = r
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mc, r):
			word = utf8.AppendRune(word, unicode.ToLower(r))
			before = 0
		default:
			flush()
			before = 0
		}
	}
	flush()
}

func splitASCII(s string, emit func(string, wordKind)) {
	var buf [maxWord]byte
	n := 0
	in := false
	for i := 0; i <= len(s); i++ {
		var c byte
		if i < len(s) {
			c = s[i]
		}
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		default:
			if in {
				emit(string(buf[:n]), whole)
				n, in = 0, false
			}
			continue
		}
		in = true
		if n < maxWord {
			buf[n] = c
			n++
		}
	}
}

func cut(w []byte) string {
	if len(w) > maxWord {
		w = w[:maxWord]
		for len(w) > 0 && !utf8.Valid(w) {
			w = w[:len(w)-1]
		}
	}
	return string(w)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unspaced reports whether r belongs to a script written without spaces.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
