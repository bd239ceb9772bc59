package stix

import "github.com/comity-net/comity"

// TLPOf returns the label of one of the nine fixed TLP marking definitions
// (four of TLP 1, five of TLP 2.0).
func TLPOf(id comity.ObjectID) (comity.TLP, bool) { return comity.Unmarked, false }

// TLPMarking returns the id of the TLP 2.0 marking definition of t; "" for
// Unmarked.
func TLPMarking(t comity.TLP) comity.ObjectID { return "" }

// TLPDefinition returns the bytes of the TLP 2.0 marking definition of t; nil
// for Unmarked.
func TLPDefinition(t comity.TLP) []byte { return nil }
