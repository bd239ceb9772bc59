package node

import (
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Actor is who does something: a signed-in user, the command line, a peer or
// the node itself. It stands in the audit.
type Actor struct {
	Name string // user name; "cli:<os user>"; "peer:<id>"; "system"
	Role Role
}

// Role is what a local account may do. Each role may do all that the ones
// before it may.
type Role string

// The roles.
const (
	RoleReader  Role = "reader"  // look
	RoleAnalyst Role = "analyst" // import, share, withdraw
	RoleAdmin   Role = "admin"   // peers, agreements, accounts
)

// Profile is what a node says of itself.
type Profile struct {
	Name    string `json:"name"`
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Sector  string `json:"sector,omitempty"`
	URL     string `json:"url,omitempty"` // base URL of the federation listener
}

// Status is the node at a glance.
type Status struct {
	ID          comity.MemberID `json:"id"`
	Profile     Profile         `json:"profile"`
	Fingerprint string          `json:"fingerprint"` // SHA-256 of the TLS key, hex in groups
	Version     string          `json:"version"`
	Keeper      string          `json:"keeper"` // "sqlite" or "postgres"
	Dir         string          `json:"dir"`
	Objects     int64           `json:"objects"` // versions stored, from roll-ups
	Types       []Count         `json:"types"`
	Peers       int             `json:"peers"`
	Verified    int             `json:"verified_peers"`
	Agreements  int             `json:"active_agreements"`
	Channels    []ChannelView   `json:"channels"`
	LastImport  *comity.Import  `json:"-"`
	Faults      []Fault         `json:"faults"`
	Now         time.Time       `json:"now"`
}

// Count is a number of things of one name.
type Count struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

// Fault is something that needs a person: a channel that stopped, a peer that
// does not answer, an unsigned log.
type Fault struct {
	Subject string         `json:"subject"`
	Msg     comity.Message `json:"message"`
	At      time.Time      `json:"at"`
}

// Finding is one line of doctor's report.
type Finding struct {
	OK   bool           `json:"ok"`
	Info bool           `json:"info"` // to be known, not to be mended
	Msg  comity.Message `json:"message"`
}

// ImportRequest is what to bring in.
type ImportRequest struct {
	Source     string // path, http(s) URL, "-" for Reader
	Reader     ReadCloser
	Name       string // shown as the source when Reader is given
	Size       int64  // bytes of Reader, for the progress; 0 when unknown
	Format     string // "" or "auto", "stix", "list", "csv", "text"
	TLP        string // label for objects that carry none; "" for the node's default
	Collection string // alias; made when it does not exist
	Mode       string // "", "strict", "standard", "lenient"
	Columns    string // "value=1,type=2" for CSV
	Labels     []string
	AllowLocal bool // let a URL lead to a private address
	Progress   func(Progress)
}

// ReadCloser is io.ReadCloser, named here so that views needs no imports.
type ReadCloser interface {
	Read(p []byte) (int, error)
	Close() error
}

// Progress is how far a long piece of work has come.
type Progress struct {
	Bytes, TotalBytes int64 // TotalBytes 0 when unknown
	Done, Total       int64 // objects or entries; Total 0 when unknown
	Refused           int64
	Rate              float64 // things a second
	Left              time.Duration
}

// UndoResult says what undoing an import did.
type UndoResult struct {
	Import    comity.ImportID
	Deleted   int64
	Withdrawn int64 // erased in the channels they had gone to
	Kept      int64 // came by another way too, or are shared and were not withdrawn
}

// FindResult answers a lookup. Nothing is stored or sent by asking.
type FindResult struct {
	Asked     string          `json:"asked"`
	Values    []FoundValue    `json:"values"`     // each indicator found in what was asked
	Text      []store.Version `json:"text"`       // objects whose text matches
	NotValues []string        `json:"not_values"` // lines of several that hold no indicator
	Found     int             `json:"found"`      // values in what was asked; more than were looked up when it was cut
	Truncated bool            `json:"truncated"`  // there is more than was looked up or is listed
}

// FoundValue is one indicator of the question and what is known of it.
type FoundValue struct {
	Value    comity.Value    `json:"value"`
	Raw      string          `json:"raw"` // as it stood in the question
	Refanged bool            `json:"refanged"`
	Hits     []store.Version `json:"hits"`
}

// ObjectView is everything the node can say of one object.
type ObjectView struct {
	Version    store.Version
	Object     comity.Object // read from the bytes; zero Raw when erased
	Versions   []store.Version
	Sources    []SourceView
	Neighbours []Neighbour
	More       bool // there are more neighbours than are listed
	Holders    []Holder
	Findings   []comity.Finding
}

// SourceView is one way by which a version came, with names.
type SourceView struct {
	store.Source
	OriginName string
	Title      string // import source or agreement title
}

// Neighbour is one object related to another.
type Neighbour struct {
	Via      comity.ObjectID // the relationship object, or "" for a direct reference
	Kind     string          // relationship_type or referring property
	Outgoing bool
	ID       comity.ObjectID
	Type     string
	Name     string
	Known    bool // held here
}

// Holder is one member that this node gave the object to, and why.
type Holder struct {
	Member    comity.MemberID    `json:"member"`
	Name      string             `json:"name"`
	Agreement comity.AgreementID `json:"agreement"`
	Title     string             `json:"title"`
	Channel   comity.ChannelID   `json:"channel"`
	Stream    string             `json:"stream"`
	Index     int64              `json:"index"`
	Kind      comity.EntryKind   `json:"kind"` // the last thing said of it
	At        time.Time          `json:"at"`
	Receipted bool               `json:"receipted"` // a receipt covers the last entry
	ReceiptAt time.Time          `json:"receipt_at"`
	Reasons   []comity.Reason    `json:"reasons"` // why it may have it, as decided now
}

// ShareRequest is what to share with whom.
type ShareRequest struct {
	IDs      []comity.ObjectID
	Query    *ShareQuery // instead of IDs
	With     string      // agreement id or a unique beginning of it
	DryRun   bool
	Progress func(Progress)
}

// ShareQuery selects what to share: the words of `--query`.
type ShareQuery struct {
	Types      []string
	Collection string
	Import     comity.ImportID
	All        bool
}

// ShareResult says what was shared, and for each refusal why.
type ShareResult struct {
	Agreement  comity.AgreementID `json:"agreement"`
	DryRun     bool               `json:"dry_run"`
	Considered int64              `json:"considered"`
	Shared     int64              `json:"shared"`
	Already    int64              `json:"already"` // this version is in the channel
	Refused    int64              `json:"refused"`
	Streams    []Count            `json:"streams"`
	// Items holds the decision for each object, refusals first, at most 1,000;
	// Refusals counts all by their deciding reason.
	Items    []ShareItem   `json:"items"`
	Refusals []ReasonCount `json:"refusals"`
}

// ReasonCount is how many objects were refused for one reason.
type ReasonCount struct {
	Reason comity.Reason `json:"reason"`
	N      int64         `json:"n"`
}

// ShareItem is the decision on one object.
type ShareItem struct {
	ID       comity.ObjectID `json:"id"`
	Type     string          `json:"type"`
	Name     string          `json:"name"`
	Decision comity.Decision `json:"decision"`
	Already  bool            `json:"already"`
}

// MemberDecision is one row of the share dialog: what a member will or will not
// receive, and the reasons.
type MemberDecision struct {
	Member   comity.MemberID  `json:"member"`
	Name     string           `json:"name"`
	State    comity.PeerState `json:"state"`
	Decision comity.Decision  `json:"decision"`
	Already  bool             `json:"already"` // it was given this version before
}

// LifecycleResult says where a withdrawal or a change of marking was announced.
type LifecycleResult struct {
	Object   comity.ObjectID  `json:"object"`
	Kind     comity.EntryKind `json:"kind"`
	Channels []Told           `json:"channels"`
}

// Told is one channel to which a lifecycle entry was appended.
type Told struct {
	Channel comity.ChannelID `json:"channel"`
	Index   int64            `json:"index"`
	Members []string         `json:"members"`
}

// PeerView is a peer with what flows between it and this node.
type PeerView struct {
	comity.Peer
	Fingerprint string
	PairCode    string // 12 groups of five digits; the same on both sides
	Agreements  []AgreementView
	Given       int64 // entries this node published to it
	Received    int64 // entries verified from it
	Lag         int64 // entries of ours that it has not receipted
	LastReceipt time.Time
}

// AgreementView is an agreement with where it stands.
type AgreementView struct {
	comity.Agreement
	Record      store.AgreementRecord
	SignedBy    []comity.Party
	Missing     []comity.Party
	MineMissing bool             // this node has not signed
	Symmetry    []Asymmetry      // clauses that do not bind all alike
	Findings    []comity.Message // what is wrong with it; each names its place
	Channels    []ChannelView
	EndsAt      time.Time // end of the notice that a party gave; zero for none
	EndsBy      string    // name of who gave notice
	StoppedBy   string    // name of who suspended or ended it; "" for nobody
	Promised    []string  // clauses present that people keep and no software enforces, as paths: "streams[0].within"
}

// Asymmetry is one clause that does not bind all parties alike.
type Asymmetry struct {
	Msg      comity.Message `json:"message"`
	Declared bool           `json:"declared"` // it stands in the agreement's own list
}

// ChannelView is a channel with names and receipts.
type ChannelView struct {
	comity.Channel
	PublisherName string
	Title         string // of the agreement
	Readers       []ReaderView
	Receipted     int   // readers whose receipt covers everything signed
	Confirmed     int64 // entries covered by the smallest receipt of the readers needed
}

// ReaderView is one reader of an own channel.
type ReaderView struct {
	Member comity.MemberID
	Name   string
	Size   int64 // of its newest receipt
	At     time.Time
}

// EntryView is one channel entry for the ledger page.
type EntryView struct {
	store.Entry
	Name string // of the object, if held
	Type string
	Mark comity.TLP
	Why  string
}

// VerifyReport says whether a channel's stored copy is whole.
type VerifyReport struct {
	Channel   comity.ChannelID `json:"channel"`
	Title     string           `json:"title"`
	Publisher string           `json:"publisher"` // its name
	Stream    string           `json:"stream"`
	Own       bool             `json:"own"`
	OK        bool             `json:"ok"`
	Entries   int64            `json:"entries"`
	Payloads  int64            `json:"payloads"` // commitments recomputed from the stored bytes
	Erased    int64            `json:"erased"`
	Receipts  int              `json:"receipts"`
	Root      string           `json:"root"` // hex
	Took      time.Duration    `json:"took_ns"`
	Problems  []comity.Message `json:"problems"`
}
