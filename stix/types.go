package stix

// Versioned reports whether objects of the type have versions: all but the
// observables and the marking definitions (section 3.6). A type that the
// standard does not define has.
func Versioned(typ string) bool {
	s := types[typ]
	return s == nil || s.class != classSCO && typ != "marking-definition"
}
