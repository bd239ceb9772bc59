package comity

import "strings"

// TLP is a Traffic Light Protocol 2.0 label (FIRST, August 2022), ordered from
// the widest to the narrowest audience. TLP 1 WHITE reads as Clear; the other
// TLP 1 colours keep their names.
type TLP uint8

// The labels. Unmarked is no label at all: whoever decides must first replace
// it by a default (see policy).
const (
	Unmarked TLP = iota
	Clear
	Green
	Amber
	AmberStrict
	Red
)

var tlpWords = [...]string{"", "clear", "green", "amber", "amber+strict", "red"}

// String returns the label in lower case as it stands in a channel entry:
// "clear", "green", "amber", "amber+strict", "red"; "" for Unmarked.
func (t TLP) String() string {
	if int(t) < len(tlpWords) {
		return tlpWords[t]
	}
	return "red"
}

// Label returns the label as people write it: "TLP:AMBER+STRICT"; "" for Unmarked.
func (t TLP) Label() string {
	if t == Unmarked {
		return ""
	}
	return "TLP:" + strings.ToUpper(t.String())
}

// ParseTLP reads a label with or without the "TLP:" prefix, in any case; WHITE
// is Clear. An empty or unknown text gives false.
func ParseTLP(s string) (TLP, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(s, "tlp:")
	if s == "white" {
		return Clear, true
	}
	for i, w := range tlpWords {
		if i > 0 && w == s {
			return TLP(i), true
		}
	}
	return Unmarked, false
}

// MarshalText writes the label as String does.
func (t TLP) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what ParseTLP reads, and "" as Unmarked.
func (t *TLP) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*t = Unmarked
		return nil
	}
	v, ok := ParseTLP(string(b))
	if !ok {
		return E(Invalid, "parse", string(b), Msg("marking.unknown_tlp", A("label", string(b))), nil)
	}
	*t = v
	return nil
}

// Stricter returns the narrower of two labels.
func Stricter(a, b TLP) TLP { return max(a, b) }

// Granular is one granular marking of an object (STIX 2.1, section 7.2.3): a
// label, a marking definition or a language on the properties that Selectors
// name.
type Granular struct {
	Ref       ObjectID // the marking definition; "" when Lang is set
	Lang      string
	TLP       TLP // resolved from Ref when it is a TLP definition, else Unmarked
	Selectors []string
}
