package comity

import "time"

// Object is one version of one STIX 2.1 object: the bytes exactly as they came,
// and the fields that index them. Nothing re-serialises Raw: signatures,
// commitments and round trips depend on it.
type Object struct {
	ID          ObjectID
	Type        string
	SpecVersion string // "2.1"; "2.0" or "" where the object has none

	// Created and Modified are zero where the type has none (SCOs, marking
	// definitions have no modified). A version is (ID, Modified).
	Created, Modified time.Time
	Creator           ObjectID // created_by_ref, or ""
	Revoked           bool

	Name       string // what a list shows: name, value, path, abstract …; may be ""
	Lang       string // RFC 5646, or ""
	Confidence int    // 0–100, or -1 for none
	Labels     []string
	Country    string // ISO 3166-1 alpha-2 where the object states one, else ""

	ValidFrom, ValidUntil time.Time // indicators; zero for none

	TLP      TLP        // the strictest TLP of object_marking_refs; Unmarked if none
	Markings []ObjectID // object_marking_refs, as they came
	Granular []Granular

	Values []Value // what a lookup finds it by
	Refs   []Ref   // every reference but created_by_ref and object_marking_refs
	Text   string  // what a person wrote: name, description, content …, for full text

	// Canonical is the deterministic id that STIX section 2.9 gives an SCO, a
	// key for finding the same observable under other ids; "" for other types.
	Canonical ObjectID

	Raw []byte
}

// Versioned reports whether the object has a modified property.
func (o *Object) Versioned() bool { return !o.Modified.IsZero() }

// ValueKind says what sort of thing a Value is.
type ValueKind uint8

// The kinds of value. The numbers are stored; add at the end.
const (
	ValueOther  ValueKind = iota
	ValueIPv4             // dotted quad, or CIDR in canonical form
	ValueIPv6             // RFC 5952, or CIDR in canonical form
	ValueDomain           // lower-case A-labels, no final dot
	ValueURL              // scheme and host in lower case
	ValueHash             // lower-case hexadecimal
	ValueEmail            // domain in lower case
	ValueName             // a name of a malware, actor, tool …, case folded
	ValueCVE              // "CVE-2024-1234"
	ValueASN              // decimal number without "AS"
	ValueMAC              // lower case, colons
	ValuePath             // file name or path as it came
)

var valueKindWords = [...]string{"other", "ipv4", "ipv6", "domain", "url", "hash", "email", "name", "cve", "asn", "mac", "path"}

// String returns the word for the kind used in JSON and message keys.
func (k ValueKind) String() string {
	if int(k) < len(valueKindWords) {
		return valueKindWords[k]
	}
	return "other"
}

// MarshalText writes the word.
func (k ValueKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the word; an unknown one is ValueOther.
func (k *ValueKind) UnmarshalText(b []byte) error {
	*k = ValueOther
	for i, w := range valueKindWords {
		if w == string(b) {
			*k = ValueKind(i)
		}
	}
	return nil
}

// Value is one thing that a lookup finds an object by, in its normal form.
type Value struct {
	Kind ValueKind `json:"kind"`
	Text string    `json:"text"`
}

// Ref is one reference from an object to another.
type Ref struct {
	Kind   string // the property: "source_ref", "object_refs", "sighting_of_ref" …
	Target ObjectID
}

// Mode says how strictly input is judged.
type Mode uint8

// The modes. Strict refuses every breach of a MUST and warns of a SHOULD;
// Standard refuses what cannot be stored or meant safely and warns of the
// rest; Lenient refuses only what cannot be identified or understood at all.
const (
	Standard Mode = iota
	Strict
	Lenient
)

// ParseMode reads "strict", "standard" or "lenient".
func ParseMode(s string) (Mode, bool) {
	switch s {
	case "standard", "":
		return Standard, true
	case "strict":
		return Strict, true
	case "lenient":
		return Lenient, true
	}
	return Standard, false
}

// Outcome is the verdict on one object.
type Outcome uint8

// The outcomes.
const (
	Accepted Outcome = iota
	Warned
	Refused
)

// String returns the word for the outcome.
func (o Outcome) String() string {
	return [...]string{"accepted", "warned", "refused"}[min(o, Refused)]
}

// Finding is one thing that validation has to say of an object.
type Finding struct {
	Rule    string  `json:"rule"`    // short stable name: "required", "id-format"
	Path    string  `json:"path"`    // property path: "granular_markings[0].selectors"
	Section string  `json:"section"` // of the STIX 2.1 text, e.g. "2.9"
	Refuses bool    `json:"refuses"` // it made the verdict Refused
	Msg     Message `json:"message"`
}
