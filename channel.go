package comity

import "time"

// EntryKind says what a channel entry does (federation.md 4.3).
type EntryKind string

// The kinds of entry.
const (
	EntryPut    EntryKind = "put"    // a new object or a new version of one
	EntryRevoke EntryKind = "revoke" // no longer true; keep it
	EntryErase  EntryKind = "erase"  // please delete; the publisher has
	EntryMark   EntryKind = "mark"   // the handling changed
	EntryCtl    EntryKind = "ctl"    // agreement version, key notice, end of stream
)

// Hash is a SHA-256 value.
type Hash [32]byte

// Head is the state of a log: how many entries, and the RFC 6962 tree hash.
type Head struct {
	Size int64
	Root Hash
}

// Channel is the log of one audience: one agreement, one publisher, one stream.
// The publisher and each reader keep the same entries under the same numbers.
type Channel struct {
	ID        ChannelID
	Agreement AgreementID // the chain id: the first version of the agreement
	Publisher MemberID
	Stream    string
	Own       bool // this node is the publisher

	Head       Head   // entries stored here; for a reader, verified
	SignedSize int64  // size of Checkpoint
	Checkpoint []byte // the publisher's latest signed checkpoint held here (a C2SP note)

	Fault     Message   // why reading stopped; zero when all is well
	FaultAt   time.Time // when it stopped
	CheckedAt time.Time // reader: when the publisher last answered
	Created   time.Time
}

// Receipt is a reader's cosignature on a channel checkpoint: "I hold and
// verified entries 0…Size-1 and every payload not erased".
type Receipt struct {
	Channel ChannelID
	Member  MemberID
	Size    int64
	Root    Hash
	Line    []byte // the C2SP cosignature/v1 signature line
	At      time.Time
}

// PeerState is where a peer stands in this node's own view (federation.md 4.6).
type PeerState string

// The states of a peer.
const (
	PeerIntroduced PeerState = "introduced" // its identity note is here; nothing else is trusted
	PeerVerified   PeerState = "verified"   // two people compared the pair code
	PeerActive     PeerState = "active"     // verified, and under an active agreement
	PeerSuspended  PeerState = "suspended"  // stopped by this node
	PeerEnded      PeerState = "ended"
	PeerDisputed   PeerState = "disputed" // valid fork evidence is held
)

// Peer is another node as this node knows it.
type Peer struct {
	ID       MemberID
	Name     string
	Country  string // ISO 3166-1 alpha-2, or ""
	Sector   string
	URL      string // base URL of its federation listener
	Identity []byte // its identity note, as received
	State    PeerState

	TheyVerified bool      // it told us that its people confirmed the code too
	Introduced   time.Time // when the identity arrived
	VerifiedAt   time.Time
	SeenAt       time.Time // last successful exchange
	Fault        Message   // why the last exchange failed; zero when it did not
	FaultAt      time.Time
}

// Verified reports whether people compared the code and nobody has stopped it.
func (p *Peer) Verified() bool { return p.State == PeerVerified || p.State == PeerActive }
