package comity

// Verdict is the answer of a policy decision.
type Verdict uint8

// The verdicts. The zero value refuses: deny by default.
const (
	Refuse        Verdict = iota
	NeedsDecision         // a person must decide, e.g. TLP:RED to named persons
	Allow
)

// String returns the word for the verdict.
func (v Verdict) String() string {
	return [...]string{"refuse", "needs-decision", "allow"}[min(v, Allow)]
}

// MarshalText writes the word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the word; an unknown one refuses.
func (v *Verdict) UnmarshalText(b []byte) error {
	*v = Refuse
	for w := Refuse; w <= Allow; w++ {
		if w.String() == string(b) {
			*v = w
		}
	}
	return nil
}

// Reason is one step of the chain that led to a decision. Source says where
// the rule stands: "marking", "agreement", "state", "member" or "default".
type Reason struct {
	Source    string      `json:"source"`
	Effect    Verdict     `json:"effect"`              // what this step alone would answer
	Agreement AgreementID `json:"agreement,omitempty"` // when Source is "agreement"
	Stream    string      `json:"stream,omitempty"`
	Msg       Message     `json:"message"`
}

// Decision says whether one receiver may have one object, and why. The same
// reasons stand on the page, the terminal, the API and in the audit.
type Decision struct {
	Verdict   Verdict     `json:"verdict"`
	Receiver  MemberID    `json:"receiver,omitempty"`
	Agreement AgreementID `json:"agreement,omitempty"` // the one that allows, when allowed
	Stream    string      `json:"stream,omitempty"`
	Handling  TLP         `json:"handling"` // the label that travels with it
	Reasons   []Reason    `json:"reasons"`
}

// Allowed reports whether the receiver may have the object.
func (d Decision) Allowed() bool { return d.Verdict == Allow }
