package comity

import "time"

// Agreement is what the parties signed (federation.md 4.7), read from the body
// of a comity/agreement/v1 document. The bytes are the truth; this is an index.
type Agreement struct {
	ID      AgreementID `json:"id"`
	Chain   AgreementID `json:"chain"` // the first version's id; channels hang on it
	Prev    AgreementID `json:"prev,omitempty"`
	Kind    string      `json:"kind"` // "bilateral" or "group"
	Title   string      `json:"title,omitempty"`
	Parties []Party     `json:"parties"`
	Streams []Stream    `json:"streams"`
	Quota   Quota       `json:"quota"`

	ReceiptsWithin Period `json:"receipts_within,omitempty"`
	ErasureWithin  Period `json:"erasure_within,omitempty"`
	Confirm        string `json:"confirm,omitempty"` // "2/3"
	Notice         Period `json:"notice,omitempty"`

	// Asymmetries lists, in the parties' own words, every clause that does not
	// bind all of them alike.
	Asymmetries []string `json:"asymmetries,omitempty"`

	ValidFrom  time.Time `json:"valid_from"`
	ValidUntil time.Time `json:"valid_until,omitzero"`

	State AgreementState `json:"state"`
}

// Party is one signatory.
type Party struct {
	ID   MemberID `json:"id"`
	Name string   `json:"name"`
}

// Stream is one named flow of objects under an agreement and the clauses that
// hold for it.
type Stream struct {
	Name       string     `json:"name"`
	Publishers []MemberID `json:"publishers,omitempty"` // empty means all parties
	Max        TLP        `json:"max"`                  // the ceiling
	Types      []string   `json:"types,omitempty"`      // STIX types; empty means every type
	Filter     string     `json:"filter,omitempty"`     // see policy.ParseFilter
	Purpose    []string   `json:"purpose,omitempty"`    // what the receiver may use it for
	Within     Period     `json:"within,omitempty"`
	Backfill   string     `json:"backfill,omitempty"` // "none", a period, "all"
	Onward     Onward     `json:"onward"`
	Retention  Period     `json:"retention,omitempty"` // receivers delete after this; "" means no limit
}

// Period is an ISO 8601 duration such as "PT15M" or "P365D"; "" means none.
type Period string

// Quota bounds what one publisher may send in a day; zero means no bound.
type Quota struct {
	ObjectsDay int64 `json:"objects_day,omitempty"`
	BytesDay   int64 `json:"bytes_day,omitempty"`
}

// Onward is the clause that says who may get it from the receiver.
type Onward string

// The onward clauses: nobody; the receiver's own constituency; whoever the TLP
// label allows.
const (
	OnwardNone         Onward = "none"
	OnwardConstituency Onward = "constituency"
	OnwardTLP          Onward = "tlp"
)

// AgreementState is where an agreement stands in its life.
type AgreementState string

// The states of an agreement.
const (
	AgreementDraft      AgreementState = "draft"
	AgreementProposed   AgreementState = "proposed"   // signed by some, not all
	AgreementComplete   AgreementState = "complete"   // signed by all, not yet in force
	AgreementActive     AgreementState = "active"     // in force
	AgreementSuspended  AgreementState = "suspended"  // stopped by one side
	AgreementSuperseded AgreementState = "superseded" // replaced by a later version
	AgreementEnded      AgreementState = "ended"
)

// Has reports whether m is a party.
func (a *Agreement) Has(m MemberID) bool {
	for _, p := range a.Parties {
		if p.ID == m {
			return true
		}
	}
	return false
}

// Others returns the parties other than m, in the order of the document.
func (a *Agreement) Others(m MemberID) []Party {
	var out []Party
	for _, p := range a.Parties {
		if p.ID != m {
			out = append(out, p)
		}
	}
	return out
}

// Publishes reports whether m may publish in the stream.
func (s *Stream) Publishes(m MemberID) bool {
	if len(s.Publishers) == 0 {
		return true
	}
	for _, p := range s.Publishers {
		if p == m {
			return true
		}
	}
	return false
}
