package comity

import "time"

// Door says how something entered the node.
type Door string

// The doors.
const (
	DoorImport  Door = "import"  // a file, URL, stdin or paste, by a person or a feed
	DoorChannel Door = "channel" // a peer's channel
	DoorLocal   Door = "local"   // made here
)

// State is what has become of an object version at this node.
type State uint8

// The states. They are stored; add at the end.
const (
	StateActive  State = iota
	StateRevoked       // withdrawn as no longer true; the content stays
	StateErased        // the content is deleted; that it existed stays
)

var stateWords = [...]string{"active", "revoked", "erased"}

// String returns the word for the state.
func (s State) String() string { return stateWords[min(int(s), len(stateWords)-1)] }

// MarshalText writes the word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *State) UnmarshalText(b []byte) error {
	for i, w := range stateWords {
		if w == string(b) {
			*s = State(i)
			return nil
		}
	}
	return E(Invalid, "parse", string(b), Msg("object.unknown_state", A("state", string(b))), nil)
}

// ImportState is where an import stands.
type ImportState string

// The states of an import.
const (
	ImportRunning ImportState = "running"
	ImportDone    ImportState = "done"
	ImportFailed  ImportState = "failed" // stopped by an error; what was committed stays
	ImportUndone  ImportState = "undone"
)

// Import is one unit of what came in through the import door: it can be listed,
// inspected and undone as a whole.
type Import struct {
	ID       ImportID
	Source   string // file name, URL, "stdin" or "paste"
	Format   string
	Mode     Mode
	Handling TLP // label for objects that carry none
	By       string
	State    ImportState
	Started  time.Time
	Finished time.Time

	Bytes    int64 // read so far
	Accepted int64 // new versions stored
	Warned   int64 // of those, with warnings
	Same     int64 // already held, byte for byte
	Refused  int64 // kept with reasons
	Fault    Message
}

// Refusal is one item that an import did not accept, kept so that nothing is
// lost: its bytes (cut at a bound) and the findings.
type Refusal struct {
	Import   ImportID
	N        int64  // its number among the import's refused items, from 1
	At       string // where in the input: "objects[17]", "line 204"
	ID       ObjectID
	Raw      []byte
	Cut      bool // Raw is only the beginning
	Findings []Finding
}

// Audit is one line of what happened at this node and who did it.
type Audit struct {
	N       int64
	At      time.Time
	Actor   string // user name, "peer:<id>" or "system"
	Action  string // "import", "share", "peer.verify", "channel.fault" …
	Subject string
	Kind    string // "" when it succeeded, else the word of the error kind
	Msg     Message
}
