package federation

import (
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"unicode"

	"github.com/tyler-smith/go-bip39/wordlists"

	"github.com/comity-net/comity"
)

// Recovery words are BIP-39 with the English list: 256 bits and the first 8 bits
// of their SHA-256, eleven bits a word.
const (
	seedWords = 24
	wordBits  = 11
)

// wordsOf spells a 32-byte secret.
func wordsOf(seed []byte) string {
	sum := sha256.Sum256(seed)
	bits := append(append([]byte{}, seed...), sum[0])
	words := make([]string, seedWords)
	for i := range words {
		n := 0
		for b := i * wordBits; b < (i+1)*wordBits; b++ {
			n = n<<1 | int(bits[b/8]>>(7-b%8)&1)
		}
		words[i] = wordlists.English[n]
	}
	return strings.Join(words, " ")
}

// seedOf reads the words back. Case, line breaks, numbers before the words and
// how many blanks stand between them do not count. A wrong word is named by its
// place, never quoted: error texts end up in logs.
func seedOf(words string) ([]byte, error) {
	const op = "read recovery words"
	fields := strings.FieldsFunc(strings.ToLower(words), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) > 4096 || len(fields) != seedWords {
		return nil, comity.E(comity.Usage, op, "", comity.Msg("keychain.words_count", comity.A("expected", seedWords), comity.A("got", len(fields))), nil)
	}
	index := make(map[string]int, len(wordlists.English))
	for i, w := range wordlists.English {
		index[w] = i
	}
	bits := make([]byte, ed25519.SeedSize+1)
	for i, w := range fields {
		n, ok := index[w]
		if !ok {
			return nil, comity.E(comity.Usage, op, "", comity.Msg("keychain.words_unknown", comity.A("place", i+1)), nil)
		}
		for b := range wordBits {
			if at := i*wordBits + b; n>>(wordBits-1-b)&1 == 1 {
				bits[at/8] |= 1 << (7 - at%8)
			}
		}
	}
	seed := bits[:ed25519.SeedSize]
	if sum := sha256.Sum256(seed); sum[0] != bits[ed25519.SeedSize] {
		return nil, comity.E(comity.Usage, op, "", comity.Msg("keychain.words_checksum"), nil)
	}
	return seed, nil
}
