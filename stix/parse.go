package stix

import "github.com/comity-net/comity"

// Options say how Parse judges an object. The zero value is standard mode with
// the default limits.
type Options struct {
	Mode     comity.Mode
	MaxDepth int // deepest nesting of arrays and objects; 0 for 64
	MaxBytes int // largest object; 0 for 16 MiB

	// Own lets the object keep the slice given to Parse as its Raw, without
	// a copy. The caller must not change it afterwards.
	Own bool

	// Markings resolves a marking definition that is not one of the fixed
	// TLP definitions to a label; may be nil.
	Markings func(comity.ObjectID) (comity.TLP, bool)
}

// Report is the verdict on one object.
type Report struct {
	Outcome  comity.Outcome
	Findings []comity.Finding // at most 64; the first that refuses is kept
}

// Parse reads one STIX object from raw: its index fields and the verdict.
//
// INVARIANT: Object.Raw equals raw, byte for byte, whatever the verdict.
// A refused object has at least one finding with Refuses set; its fields are
// filled as far as they could be read.
func Parse(raw []byte, opt Options) (comity.Object, Report) {
	return comity.Object{Raw: raw, Confidence: -1}, Report{}
}

// CanonicalID returns the deterministic id that STIX 2.1 section 2.9 gives the
// SCO in raw; false for other types and where no contributing property stands.
func CanonicalID(raw []byte) (comity.ObjectID, bool) { return "", false }
