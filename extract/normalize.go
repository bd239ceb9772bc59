package extract

import "github.com/comity-net/comity"

// Normalize brings text, known to be of the kind, to its normal form (see the
// kinds in the root package). ok is false when text is no such value.
func Normalize(kind comity.ValueKind, text string) (v comity.Value, ok bool) {
	return comity.Value{Kind: kind, Text: text}, text != ""
}

// Guess says what one value is that a person typed or pasted, defanged or not.
// A word of no recognisable form is a ValueName; ok is false only for text
// that is empty, too long or holds control characters.
func Guess(text string) (v comity.Value, ok bool) {
	return Normalize(comity.ValueName, text)
}
