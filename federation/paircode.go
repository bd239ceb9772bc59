package federation

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
)

const (
	pairGroups = 12
	pairDigits = 5
)

// PairCode is what two people read to each other over a second channel: twelve
// groups of five digits from SHA-512 over both node ids in order and both
// genesis hashes in the same order. Both sides get the same; since a genesis
// holds every key, a man in the middle cannot have the same code.
func PairCode(a, b *Identity) string {
	if a.ID > b.ID {
		a, b = b, a
	}
	ga, gb := sha256.Sum256(a.Genesis), sha256.Sum256(b.Genesis)
	sum := sha512.Sum512(bytes.Join([][]byte{[]byte(a.ID), []byte(b.ID), ga[:], gb[:]}, nil))
	groups := make([]string, pairGroups)
	for i := range groups {
		var n [8]byte
		copy(n[3:], sum[5*i:5*i+5])
		groups[i] = fmt.Sprintf("%0*d", pairDigits, binary.BigEndian.Uint64(n[:])%100000)
	}
	return strings.Join(groups, " ")
}

// SamePairCode reports whether what a person typed is the wanted code. Blanks
// and dashes do not count, digits of any script do; the time it takes does not
// depend on where they differ.
func SamePairCode(typed, want string) bool {
	w := pairNumber(want)
	return len(w) == pairGroups*pairDigits && subtle.ConstantTimeCompare(pairNumber(typed), w) == 1
}

// pairNumber keeps the digits, as ASCII. Anything that is neither a digit, a
// blank nor a dash stays and makes the comparison fail.
func pairNumber(s string) []byte {
	var out []byte
	for _, r := range s {
		if len(out) > 2*pairGroups*pairDigits {
			break
		}
		if d, ok := digitValue(r); ok {
			out = append(out, '0'+d)
		} else if !unicode.IsSpace(r) && !unicode.Is(unicode.Pd, r) {
			out = append(out, string(r)...)
		}
	}
	return out
}

// digitZeros are the zeros of the digit runs that people may type: ASCII,
// Arabic, Persian and Urdu, Devanagari, full width.
var digitZeros = [...]rune{'0', 0x0660, 0x06f0, 0x0966, 0xff10}

// digitValue gives the value of a decimal digit.
func digitValue(r rune) (byte, bool) {
	for _, zero := range digitZeros {
		if r >= zero && r <= zero+9 {
			return byte(r - zero), true
		}
	}
	return 0, false
}
