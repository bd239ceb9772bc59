package extract

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxValue bounds one value in bytes. Longer ones are no use as a key.
const maxValue = 8192

// Normalize brings text, known to be of the kind, to its normal form (see the
// kinds in the root package). ok is false when text is no such value; text is
// not refanged here. Normalizing a normal form changes nothing.
func Normalize(kind comity.ValueKind, text string) (v comity.Value, ok bool) {
	if len(text) > maxValue || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return comity.Value{}, false
	}
	s := strings.TrimSpace(text)
	if s == "" {
		return comity.Value{}, false
	}
	switch kind {
	case comity.ValueIPv4, comity.ValueIPv6:
		s, ok = address(s, kind == comity.ValueIPv4)
	case comity.ValueDomain:
		s, ok = domainName(s)
	case comity.ValueURL:
		s, ok = urlText(s)
	case comity.ValueHash:
		s, ok = lowerASCII(s), hashLength(len(s)) && allHex(s)
	case comity.ValueEmail:
		s, ok = email(s)
	case comity.ValueName:
		s, ok = name(s)
	case comity.ValueCVE:
		s, ok = cve(s)
	case comity.ValueASN:
		s, ok = asn(s)
	case comity.ValueMAC:
		s, ok = mac(s)
	case comity.ValuePath:
		s, ok = text, true
	default:
		ok = true
	}
	if !ok {
		return comity.Value{}, false
	}
	return comity.Value{Kind: kind, Text: s}, true
}

// address reads an address or a CIDR block. A block of one address is that
// address; bits beyond the prefix are cleared. Leading zeros are refused:
// readers disagree on whether they mean octal.
func address(s string, v4 bool) (string, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String(), a.Is4() == v4 && a.Zone() == ""
	}
	if !strings.Contains(s, "/") {
		return "", false
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4() != v4 {
		return "", false
	}
	if p.IsSingleIP() {
		return p.Addr().String(), true
	}
	return p.Masked().String(), true
}

// hashLength says whether a hexadecimal text of n digits can be one of MD5,
// SHA-1, SHA-224, SHA-256, SHA-384, SHA-512 or their SHA-3 kin.
func hashLength(n int) bool {
	switch n {
	case 32, 40, 56, 64, 96, 128:
		return true
	}
	return false
}

// urlText lowers scheme and host, turns the host into A-labels, drops a default
// port and gives an empty path its slash (RFC 3986, section 6.2.3). The rest
// stays as it came: servers tell letters apart there.
func urlText(s string) (string, bool) {
	i := strings.Index(s, "://")
	if i <= 0 || !validScheme(s[:i]) || hasSpaceOrControl(s) {
		return "", false
	}
	scheme := lowerASCII(s[:i])
	rest := s[i+3:]
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	user := ""
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, authority = authority[:at+1], authority[at+1:]
	}
	host, port, ok := hostPort(authority)
	if !ok && scheme != "file" {
		return "", false
	}
	if scheme == "http" && port == ":80" || scheme == "https" && port == ":443" || port == ":" {
		port = ""
	}
	if tail == "" || tail[0] != '/' {
		tail = "/" + tail
	}
	return scheme + "://" + user + host + port + tail, true
}

// hostPort splits an authority without user into the normal-form host and the
// port with its colon.
func hostPort(s string) (host, port string, ok bool) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", "", false
		}
		a, okA := address(s[1:end], false)
		return "[" + a + "]", s[end+1:], okA && !strings.Contains(a, "/") && validPort(s[end+1:])
	}
	host = s
	if c := strings.LastIndexByte(s, ':'); c >= 0 {
		host, port = s[:c], s[c:]
	}
	if !validPort(port) {
		return "", "", false
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return a.String(), port, true
	}
	host, ok = domainName(host)
	return host, port, ok
}

func validPort(p string) bool {
	if p == "" || p == ":" {
		return true
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(p, ":"), 10, 16)
	return p[0] == ':' && err == nil && n > 0
}

func validScheme(s string) bool {
	if s == "" || !isAlpha(s[0]) || len(s) > 32 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '+' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func hasSpaceOrControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// email lowers the domain and keeps the local part, whose letter case may matter.
func email(s string) (string, bool) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at > 64 || hasSpaceOrControl(s) || strings.ContainsAny(s[:at], "@<>,;") {
		return "", false
	}
	d, ok := domainName(s[at+1:])
	return s[:at] + "@" + d, ok
}

// name folds case and white space, so that "Cobalt  Strike" finds "COBALT
// STRIKE".
func name(s string) (string, bool) {
	s = strings.Join(strings.Fields(s), " ")
	if isASCII(s) {
		return lowerASCII(s), true
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s))), true
}

// cve reads "CVE-2024-1234" in any case.
func cve(s string) (string, bool) {
	if len(s) < 13 || len(s) > 28 || !strings.EqualFold(s[:4], "CVE-") || s[8] != '-' {
		return "", false
	}
	if !allDigits(s[4:8]) || !allDigits(s[9:]) {
		return "", false
	}
	return "CVE-" + s[4:], true
}

// asn reads "AS64496", "ASN 64496" or the bare number.
func asn(s string) (string, bool) {
	if len(s) > 2 && strings.EqualFold(s[:2], "AS") {
		s = s[2:]
		if s[0]|0x20 == 'n' {
			s = s[1:]
		}
		s = strings.TrimLeft(s, " ")
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return strconv.FormatUint(n, 10), err == nil && allDigits(s)
}

// mac reads six octets with colons, hyphens or Cisco's dots.
func mac(s string) (string, bool) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return "", false
	}
	return hw.String(), true
}
