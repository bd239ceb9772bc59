package extract

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// lookupNames is the profile of UTS 46 that resolvers use: it maps case and
// width, checks labels and lengths, and gives A-labels.
var lookupNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

const (
	maxName  = 253 // octets of a domain name, RFC 1035
	maxLabel = 63
)

// domainName returns the normal form of a host name: lower-case A-labels, no
// final dot. Underscores are let through because malicious names hold them.
func domainName(s string) (string, bool) {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 4*maxName {
		return "", false
	}
	if !isASCII(s) {
		a, err := lookupNames.ToASCII(s)
		if err != nil {
			return "", false
		}
		s = strings.TrimSuffix(a, ".")
	}
	if !validName(s) {
		return "", false
	}
	return lowerASCII(s), true
}

// validName checks the letters, digits, hyphens and underscores of each label
// and that the last label is not a number (that would be an address).
func validName(s string) bool {
	if len(s) > maxName {
		return false
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' {
				return false
			}
			continue
		}
		l := s[start:i]
		if l == "" || len(l) > maxLabel || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		if i == len(s) && allDigits(l) {
			return false
		}
		start = i + 1
	}
	return true
}

// publicName reports whether a normal-form name stands under a suffix that the
// public suffix list knows from the DNS root, and how many labels that has.
// A name that is itself such a suffix is no host.
func publicName(s string) (suffixLabels int, ok bool) {
	suffix, icann := publicsuffix.PublicSuffix(s)
	if !icann {
		// A privately managed suffix (github.io) still ends in a real one.
		tld := s[strings.LastIndexByte(s, '.')+1:]
		if _, known := publicsuffix.PublicSuffix("x." + tld); !known && tld != "onion" {
			return 0, false
		}
		suffix = tld
	}
	if suffix == s || !strings.Contains(s, ".") {
		return 0, false
	}
	return strings.Count(suffix, ".") + 1, true
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func allHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isHex(s[i]) {
			return false
		}
	}
	return s != ""
}

// lowerASCII lowers A–Z only and allocates only if there is one.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}
