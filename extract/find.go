package extract

import "github.com/comity-net/comity"

// Found is one indicator that stood in a text.
type Found struct {
	Value    comity.Value // in normal form
	Raw      string       // as it stood in the text
	Start    int          // byte offset of Raw in the text
	End      int          // byte offset after Raw
	Refanged bool         // it stood defanged: hxxp, [.], (at) …
}

// Limits bounds the work of Find. The zero value means the defaults.
type Limits struct {
	MaxBytes int // bytes of text looked at; 0 for 64 MiB
	MaxFound int // different values returned; 0 for 100,000
}

// Find returns the indicators in text, in order of first appearance, each
// value once.
func Find(text string, lim Limits) []Found { return nil }
