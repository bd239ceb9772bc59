package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// Pattern returns the STIX pattern that matches the value in normal form; ""
// for kinds that have none (names, CVE).
func Pattern(v comity.Value) string {
	lit := quotePattern(v.Text)
	switch v.Kind {
	case comity.ValueIPv4:
		return network("ipv4-addr", v.Text, lit)
	case comity.ValueIPv6:
		return network("ipv6-addr", v.Text, lit)
	case comity.ValueDomain:
		return "[domain-name:value = " + lit + "]"
	case comity.ValueURL:
		return "[url:value = " + lit + "]"
	case comity.ValueEmail:
		return "[email-addr:value = " + lit + "]"
	case comity.ValueMAC:
		return "[mac-addr:value = " + lit + "]"
	case comity.ValueASN:
		return "[autonomous-system:number = " + v.Text + "]"
	case comity.ValuePath:
		return "[file:name = " + quotePattern(baseName(v.Text)) + "]"
	case comity.ValueHash:
		if alg := hashName(len(v.Text)); alg != "" {
			return "[file:hashes." + alg + " = " + lit + "]"
		}
	}
	return ""
}

// network uses = for one address and ISSUBSET for a block, so that every
// address inside the block matches (STIX 2.1, section 9.6.1).
func network(typ, text, lit string) string {
	if strings.Contains(text, "/") {
		return "[" + typ + ":value ISSUBSET " + lit + "]"
	}
	return "[" + typ + ":value = " + lit + "]"
}

// hashName names the algorithm by the number of hexadecimal digits, as it
// stands in a pattern.
func hashName(n int) string {
	switch n {
	case 32:
		return "MD5"
	case 40:
		return "'SHA-1'"
	case 56:
		return "'SHA-224'"
	case 64:
		return "'SHA-256'"
	case 96:
		return "'SHA-384'"
	case 128:
		return "'SHA-512'"
	}
	return ""
}

// quotePattern writes a string literal of the pattern language.
func quotePattern(s string) string {
	if !strings.ContainsAny(s, `\'`) {
		return "'" + s + "'"
	}
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `'`, `\'`) + "'"
}

func baseName(p string) string {
	if i := strings.LastIndexAny(p, `/\`); i >= 0 && i < len(p)-1 {
		return p[i+1:]
	}
	return p
}
