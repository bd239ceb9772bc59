package extract

import (
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// url reads the URL whose "://" stands at colon, with its scheme not before
// start. It returns the offset after it, or 0 when there is none.
func (f *finder) url(start, colon int) int {
	s := f.r.text
	from := colon
	for from > start && colon-from < 8 && (isAlpha(s[from-1]) || strings.IndexByte("*_-", s[from-1]) >= 0) {
		from--
	}
	real, ok := "", false
	for ; from < colon && !ok; from++ { // "xhttp" glued to a word: the longest scheme wins
		real, ok = scheme(s[from:colon])
	}
	if !ok {
		return 0
	}
	from--
	// The host comes first: looking for the end of what is no URL, again and
	// again, would not be linear.
	if !plausibleHost(s[colon+3 : min(len(s), colon+3+2*maxName)]) {
		return 0
	}
	end := urlEnd(s, colon+3)
	f.add(comity.ValueURL, real+s[colon:end], from, end)
	return max(end, colon+3)
}

// plausibleHost reports whether s begins with the authority of a URL.
func plausibleHost(s string) bool {
	if i := strings.IndexAny(s, "/?# \t\r\n\"'<>`{}|\\^(),;"); i >= 0 {
		s = s[:i]
	}
	s = strings.TrimRight(s, ".:!*_~")
	if strings.Count(s, "[") < strings.Count(s, "]") {
		s = s[:strings.LastIndexByte(s, ']')]
	}
	_, _, ok := hostPort(s[strings.LastIndexByte(s, '@')+1:])
	return ok
}

// urlEnd returns where a URL that goes on at i ends: before a blank, a quote,
// an angle bracket or a control character, and before closing punctuation that
// opens nowhere inside it.
func urlEnd(s string, i int) int {
	open := 0
	end := i
	for end < len(s) && end-i < maxValue {
		c := s[end]
		if c <= ' ' || c == 0x7f || strings.IndexByte("\"<>`{}|\\^", c) >= 0 {
			break
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[end:])
			if r == utf8.RuneError || r < 0xa1 || r >= 0x2000 && r < 0x2070 || r >= 0x3000 && r < 0x3030 || r >= 0xff00 && r < 0xff66 || r == '«' || r == '»' {
				break
			}
			end += n
			continue
		}
		if c == '(' {
			open++
		}
		if c == ')' {
			if open == 0 {
				break
			}
			open--
		}
		end++
	}
	for end > i && strings.IndexByte(".,;:!?'*_~[", s[end-1]) >= 0 {
		end--
	}
	if end > i && s[end-1] == ']' && strings.LastIndexByte(s[i:end], '[') < 0 {
		end--
	}
	return end
}

// email reads "user@example.org" out of a run ("mailto:…", "To:…").
func (f *finder) email(a, b int) {
	s := f.r.text
	at := a + strings.LastIndexByte(s[a:b], '@')
	from := at
	for from > a && (isAlnum(s[from-1]) || strings.IndexByte("._%+-", s[from-1]) >= 0) {
		from--
	}
	for from < at && s[from] == '.' {
		from++
	}
	end := at + 1
	for end < b && (isAlnum(s[end]) || s[end] == '.' || s[end] == '-' || s[end] == '_') {
		end++
	}
	d, ok := domainName(s[at+1 : end])
	if !ok || from == at {
		return
	}
	if _, ok := publicName(d); ok {
		f.add(comity.ValueEmail, s[from:at+1]+d, from, end)
	}
}

// ipv4 reads an address or a block that begins the run: "192.0.2.1",
// "192.0.2.0/24", "192.0.2.1:443", "192.0.2.1/path", "192.0.2.1-192.0.2.9".
// More or fewer than four numbers, or a word such as "version" before, make it
// something else.
func (f *finder) ipv4(a, b int) bool {
	s := f.r.text
	e := a
	for e < b && (isDigit(s[e]) || s[e] == '.') {
		e++
	}
	if strings.Count(s[a:e], ".") != 3 || versionBefore(s, a) {
		return false
	}
	if e == b {
		return f.add(comity.ValueIPv4, s[a:e], a, e)
	}
	switch s[e] {
	case '/':
		n := e + 1
		for n < b && isDigit(s[n]) {
			n++
		}
		if n > e+1 && n == b && f.add(comity.ValueIPv4, s[a:n], a, n) {
			return true
		}
		return f.add(comity.ValueIPv4, s[a:e], a, e)
	case ':':
		return f.add(comity.ValueIPv4, s[a:e], a, e)
	case '-':
		if _, ok := Normalize(comity.ValueIPv4, s[e+1:b]); !ok {
			return false
		}
		return f.add(comity.ValueIPv4, s[a:e], a, e) && f.add(comity.ValueIPv4, s[e+1:b], e+1, b)
	}
	return false
}

// versionBefore reports whether the word before a is one that introduces a
// version number.
func versionBefore(s string, a int) bool {
	e := a
	for e > 0 && a-e < 3 && (s[e-1] == ' ' || s[e-1] == ':' || s[e-1] == '=') {
		e--
	}
	w := e
	for w > 0 && e-w < 10 && isAlpha(s[w-1]) {
		w--
	}
	switch lowerASCII(s[w:e]) {
	case "version", "versions", "ver", "v", "release", "build", "firmware", "rev":
		return true
	}
	return false
}

// ipv6 reads an address or block of at least three groups, or one that begins
// with a full group, so that "a::b" of a program is left alone.
func (f *finder) ipv6(a, b int) bool {
	s := f.r.text
	e, groups, digits, first := a, 0, 0, 0
	for e < b && (isHex(s[e]) || s[e] == ':' || s[e] == '.') {
		if s[e] == ':' {
			digits = 0
		} else if digits++; digits == 1 {
			groups++
		}
		if groups == 1 && digits > 0 {
			first = digits
		}
		e++
	}
	// A block such as 2001::/16 needs no more than a full first group.
	block := e < b && s[e] == '/'
	if groups < 3 && (first < 4 || groups < 2 && !block) {
		return false
	}
	if block {
		n := e + 1
		for n < b && isDigit(s[n]) {
			n++
		}
		if f.add(comity.ValueIPv6, s[a:n], a, n) {
			return true
		}
	}
	return (block || e == b) && f.add(comity.ValueIPv6, s[a:e], a, e)
}

// suspicion says when a name under a last label that is also a file ending is
// believed without having been defanged.
type suspicion uint8

const (
	always suspicion = iota
	alone            // when it is all that stands on its line
	never
)

// fileSuffix judges the last label of a normal-form name.
func fileSuffix(d string) suspicion {
	switch d[strings.LastIndexByte(d, '.')+1:] {
	case "zip", "py", "sh", "mov", "cab", "ps", "bat", "java":
		return never
	case "pl", "rs", "md", "so", "name", "call", "id":
		return alone
	}
	return always
}

// host reads a domain name at the head of a run: "example.org",
// "example.org:8080", "example.org/path".
func (f *finder) host(a, b int) {
	s := f.r.text
	if s[a] == '/' || a > 0 && (s[a-1] == '\\' || s[a-1] == '$') {
		return
	}
	for a < b && (s[a] == '_' || s[a] == ':') {
		a++
	}
	e := a
	for e < b && s[e] != '/' && s[e] != ':' {
		e++
	}
	for e > a && (s[e-1] == '.' || s[e-1] == '-') {
		e--
	}
	if strings.IndexByte(s[a:e], '.') < 0 {
		f.split(a, b)
		return
	}
	d, ok := domainName(s[a:e])
	if !ok {
		f.split(a, b)
		return
	}
	n, ok := publicName(d)
	if ok && (f.r.touched(a, e) || f.believed(d, n, a, e)) {
		f.add(comity.ValueDomain, d, a, e)
	}
}

// split gives a run of mixed scripts a second chance: its longest ASCII part.
func (f *finder) split(a, b int) {
	s := f.r.text
	if isASCII(s[a:b]) {
		return
	}
	from, to := 0, 0
	for i := a; i < b; {
		for i < b && s[i] >= utf8.RuneSelf {
			i++
		}
		j := i
		for j < b && s[j] < utf8.RuneSelf {
			j++
		}
		if j-i > to-from {
			from, to = i, j
		}
		i = j
	}
	from, to = trimRun(s, from, to)
	if to-from >= 3 {
		f.classify(from, to, true)
	}
}

// believed decides on a name that was not defanged: whether it is rather a
// file, a program text or a slip of typing.
func (f *finder) believed(d string, suffixLabels, a, e int) bool {
	s := f.r.text
	written := s[a:e]
	labels := strings.Count(d, ".") + 1
	tld := written[strings.LastIndexByte(written, '.')+1:]
	if isASCII(written) && tld != lowerASCII(tld) && strings.ToUpper(written) != written {
		return false // "System.IO", "end.It"
	}
	if e < len(s) && (s[e] == '(' || s[e] == '\\') || strings.IndexByte(written, '%') >= 0 {
		return false // a call, a path
	}
	last := d[:strings.LastIndexByte(d, '.')]
	if strings.IndexByte(last[strings.LastIndexByte(last, '.')+1:], '_') >= 0 {
		return false // no registry sells names with underscores
	}
	if labels == 2 && len(last) <= 2 && allDigits(last) {
		return false // "3.am"
	}
	if labels > 2 && suffixLabels > 1 {
		return true
	}
	switch fileSuffix(d) {
	case never:
		return false
	case alone:
		return labels > 2 && !strings.HasSuffix(d, ".name") || f.aloneOnLine(a, e)
	}
	return true
}

// aloneOnLine reports whether nothing but blanks, quotes and commas stands
// beside [a,e) on its line. It looks at most a few bytes to each side.
func (f *finder) aloneOnLine(a, e int) bool {
	s := f.r.text
	for n := 0; a > 0 && s[a-1] != '\n'; n++ {
		if n > 4 || strings.IndexByte(" \t\"',;*-", s[a-1]) < 0 {
			return false
		}
		a--
	}
	for n := 0; e < len(s) && s[e] != '\n'; n++ {
		if n > 4 || strings.IndexByte(" \t\r\"',;", s[e]) < 0 {
			return false
		}
		e++
	}
	return true
}
