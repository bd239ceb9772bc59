package extract

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// refanged is a text with the defanging undone, and the way back to the
// places in the original.
type refanged struct {
	text string
	cuts []cut
}

// cut is one replacement: in the new text it ends at out, in the old one at in.
type cut struct{ out, in, size int }

// origin maps an offset in the new text to the old one. An offset inside a
// replacement maps to its end.
func (r *refanged) origin(at int) int {
	i := sort.Search(len(r.cuts), func(i int) bool { return r.cuts[i].out > at })
	if i < len(r.cuts) && at > r.cuts[i].out-r.cuts[i].size {
		return r.cuts[i].in
	}
	if i == 0 {
		return at
	}
	return r.cuts[i-1].in + at - r.cuts[i-1].out
}

// touched reports whether a replacement overlaps [start,end) of the new text.
func (r *refanged) touched(start, end int) bool {
	i := sort.Search(len(r.cuts), func(i int) bool { return r.cuts[i].out > start })
	return i < len(r.cuts) && r.cuts[i].out-r.cuts[i].size < end
}

// refang undoes defanging everywhere in s in one pass. It replaces only what
// prose does not hold: brackets around a dot, an at sign, a colon or a slash,
// the words dot and at in brackets, an escaped dot, the word dot before a
// well-known last label. Schemes are undone where URLs are read.
func refang(s string) refanged {
	var b strings.Builder
	var cuts []cut
	done := 0 // everything before it has been written
	for i := 0; i < len(s); {
		if !triggers[s[i]] {
			i++
			continue
		}
		size, with := defanged(s, i)
		if size == 0 {
			i++
			continue
		}
		b.WriteString(s[done:i])
		b.WriteString(with)
		i += size
		done = i
		cuts = append(cuts, cut{out: b.Len(), in: i, size: len(with)})
	}
	if cuts == nil {
		return refanged{text: s}
	}
	b.WriteString(s[done:])
	return refanged{text: b.String(), cuts: cuts}
}

// triggers are the bytes at which a defanged piece can begin; the last two
// begin the Unicode dots and hyphens.
var triggers = [256]bool{'[': true, '(': true, '{': true, '\\': true, ' ': true, 0xe2: true, 0xef: true}

// defanged recognises a defanged piece at s[i:]: its size and what it stood for.
func defanged(s string, i int) (size int, with string) {
	switch c := s[i]; c {
	case '[', '(', '{':
		return bracketed(s, i)
	case '\\':
		if i+1 < len(s) && s[i+1] == '.' && i > 0 && isAlnum(s[i-1]) {
			return 2, "."
		}
	case ' ':
		return spokenDot(s, i)
	default:
		if c < utf8.RuneSelf {
			return 0, ""
		}
		switch r, n := utf8.DecodeRuneInString(s[i:]); r {
		case '\u2024', '\uff0e':
			return n, "."
		case '\u2010', '\u2011':
			return n, "-"
		}
	}
	return 0, ""
}

// inBrackets lists what stands in brackets for what. Longer ones come first
// where one begins another.
var inBrackets = [...]struct{ word, with string }{
	{"://", "://"}, {":", ":"}, {".", "."}, {"/", "/"}, {"@", "@"},
	{"dot", "."}, {"punkt", "."}, {"punto", "."}, {"point", "."}, {"at", "@"}, {"d", "."},
}

// bracketed reads "[.]", "(dot)", "[ at ]", "[://]" and the half-open "[.".
func bracketed(s string, i int) (size int, with string) {
	j := i + 1
	if j < len(s) && s[j] == ' ' {
		j++
	}
	for _, e := range inBrackets {
		if len(s)-j < len(e.word) || !strings.EqualFold(s[j:j+len(e.word)], e.word) {
			continue
		}
		k := j + len(e.word)
		if k < len(s) && s[k] == ' ' {
			k++
		}
		if k < len(s) && (s[k] == ']' || s[k] == ')' || s[k] == '}') {
			return k + 1 - i, e.with
		}
		halfOpen := s[i] == '[' && e.word == "." && k == i+2
		if halfOpen && i > 0 && isAlnum(s[i-1]) && k < len(s) && isAlnum(s[k]) {
			return k - i, "."
		}
	}
	return 0, ""
}

// lastLabels are the last labels before which a spoken "dot" is believed.
var lastLabels = [...]string{"com", "net", "org", "info", "biz", "gov", "edu", "mil", "int", "io", "co", "ru", "cn", "de", "uk", "fr", "br", "xyz", "top", "club", "site", "online", "shop", "onion", "su", "kz", "ir", "ke", "za", "tk"}

// spokenDot reads " dot " and " [.] " between words, if what follows is a well
// known last label, or another word followed by such a dot (at most five).
func spokenDot(s string, i int) (size int, with string) {
	if i == 0 || !isAlnum(s[i-1]) {
		return 0, ""
	}
	n := dotWord(s, i)
	if n == 0 {
		return 0, ""
	}
	if s[i+1] == '[' || s[i+1] == '(' || s[i+1] == '{' {
		return n, "."
	}
	at := i + n
	for range 5 {
		end := at
		for end < len(s) && end-at <= maxLabel && (isAlnum(s[end]) || s[end] == '-') {
			end++
		}
		for _, l := range lastLabels {
			if strings.EqualFold(s[at:end], l) {
				return n, "."
			}
		}
		m := 0
		if end < len(s) && end > at {
			m = dotWord(s, end)
		}
		if m == 0 {
			return 0, ""
		}
		at = end + m
	}
	return 0, ""
}

// dotWord returns the size of " dot " or " [.] " with its blanks, when a
// letter or digit follows; else 0.
func dotWord(s string, i int) int {
	if s[i] != ' ' || i+5 >= len(s) {
		return 0
	}
	end := 0
	if strings.EqualFold(s[i+1:i+4], "dot") {
		end = i + 4
	} else if s[i+1] == '[' || s[i+1] == '(' || s[i+1] == '{' {
		n, with := bracketed(s, i+1)
		if with != "." {
			return 0
		}
		end = i + 1 + n
	}
	if end == 0 || end+1 >= len(s) || s[end] != ' ' || !isAlnum(s[end+1]) {
		return 0
	}
	return end + 1 - i
}

// schemes maps what stands before "://", in lower case, to the real scheme.
var schemes = map[string]string{
	"http": "http", "https": "https", "ftp": "ftp", "ftps": "ftps", "sftp": "sftp",
	"ws": "ws", "wss": "wss", "tcp": "tcp", "udp": "udp", "ldap": "ldap", "ldaps": "ldaps",
	"rmi": "rmi", "smb": "smb", "ssh": "ssh", "tftp": "tftp", "irc": "irc", "ircs": "ircs",
	"hxxp": "http", "hxxps": "https", "hxtp": "http", "hxtps": "https", "htxp": "http",
	"htxps": "https", "hxp": "http", "hxps": "https", "hxxxp": "http", "hxxxps": "https",
	"h**p": "http", "h**ps": "https", "h__p": "http", "h__ps": "https", "h--p": "http", "h--ps": "https",
	"xxxp": "http", "xxxps": "https", "ttp": "http", "ttps": "https",
	"meow": "http", "meows": "https", "fxp": "ftp", "fxps": "ftps", "sfxp": "sftp",
}

// scheme returns the real scheme for a written one, defanged or not.
func scheme(s string) (string, bool) {
	r, ok := schemes[lowerASCII(s)]
	return r, ok
}
