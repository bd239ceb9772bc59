package extract

import (
	"strings"
	"unicode"

	"github.com/comity-net/comity"
)

// Guess says what one value is that a person typed or pasted, defanged or not.
// Text of no recognisable form is a ValuePath if it looks like a file name or
// a path, else a ValueName. ok is false only for text that is empty, too long
// or holds control characters.
func Guess(text string) (v comity.Value, ok bool) {
	if len(text) > maxValue {
		return comity.Value{}, false
	}
	s := strings.Trim(strings.TrimSpace(text), "\"'`<>,;“”«» \t")
	if s == "" || strings.ContainsFunc(s, unicode.IsControl) {
		return comity.Value{}, false
	}
	r := refang(s)
	fanged := r.text
	if v, ok = guessForm(fanged, len(r.cuts) > 0); ok {
		return v, true
	}
	if looksLikePath(s) {
		return Normalize(comity.ValuePath, s)
	}
	return Normalize(comity.ValueName, s)
}

// guessForm tries the kinds that have a form of their own.
func guessForm(s string, refanged bool) (comity.Value, bool) {
	for _, k := range [...]comity.ValueKind{comity.ValueCVE, comity.ValueHash, comity.ValueIPv4, comity.ValueIPv6, comity.ValueMAC} {
		if v, ok := Normalize(k, s); ok {
			return v, true
		}
	}
	if len(s) > 2 && strings.EqualFold(s[:2], "AS") {
		if v, ok := Normalize(comity.ValueASN, s); ok {
			return v, true
		}
	}
	if i := strings.Index(s, "://"); i > 0 {
		if sch, ok := scheme(s[:i]); ok {
			return Normalize(comity.ValueURL, sch+s[i:])
		}
		return Normalize(comity.ValueURL, s)
	}
	if strings.Contains(s, "@") {
		return Normalize(comity.ValueEmail, strings.TrimPrefix(s, "mailto:"))
	}
	return guessHost(s, refanged)
}

// guessHost takes a domain or address with a port or a path behind it.
func guessHost(s string, refanged bool) (comity.Value, bool) {
	host := s
	if i := strings.IndexAny(s, "/?#"); i > 0 {
		host = s[:i]
	}
	if h, port, ok := hostPort(host); ok && strings.HasPrefix(h, "[") && validPort(port) {
		host = h
	}
	host = strings.Trim(host, "[]")
	if i := strings.LastIndexByte(host, ':'); i > 0 && validPort(host[i:]) && strings.Count(host, ":") == 1 {
		host = host[:i]
	}
	if v, ok := Normalize(comity.ValueIPv4, host); ok {
		return v, true
	}
	if v, ok := Normalize(comity.ValueIPv6, host); ok {
		return v, true
	}
	d, ok := domainName(host)
	if !ok {
		return comity.Value{}, false
	}
	n, ok := publicName(d)
	if !ok || !refanged && n == 1 && strings.Count(d, ".") == 1 && fileSuffix(d) == never {
		return comity.Value{}, false
	}
	return comity.Value{Kind: comity.ValueDomain, Text: d}, true
}

// looksLikePath reports whether s is a path or a bare file name.
func looksLikePath(s string) bool {
	if strings.HasPrefix(s, "/") || strings.Contains(s, `\`) || strings.HasPrefix(s, "~/") {
		return true
	}
	i := strings.LastIndexByte(s, '.')
	ext := s[i+1:]
	if i <= 0 || len(ext) < 1 || len(ext) > 5 {
		return false
	}
	for j := 0; j < len(ext); j++ {
		if !isAlnum(ext[j]) {
			return false
		}
	}
	return !strings.HasSuffix(s[:i], " ") && !allDigits(ext)
}
