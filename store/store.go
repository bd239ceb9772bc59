// Package store says what a node must keep, as small interfaces and the plain
// records they speak of. Two keepers implement it, store/sqlite and
// store/postgres; package store/storetest is the one suite both pass.
//
// All writing happens in Update. A keeper may carry out several Updates in one
// database transaction (group commit), but each is atomic by itself: when its
// function returns an error, nothing of it is kept, and the others are not
// touched. When Update returns nil the effect is durable: it survives kill -9
// and loss of power.
//
// Not found is always a *comity.Error of kind NotFound, never a nil value.
// A full or read-only disk, or a database that is away, is kind Unavailable;
// reading goes on where it can.
package store

import (
	"context"
	"time"

	"github.com/comity-net/comity"
)

// Store is a keeper. It is safe for concurrent use, also by several processes
// on the same database.
type Store interface {
	Copier

	// View runs fn on one consistent snapshot. The Reader is valid until fn
	// returns and is used by one goroutine at a time.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in one atomic, durable unit. fn may run more than once
	// (after a serialisation conflict), so it must have no effect outside tx
	// other than overwriting its own results.
	Update(ctx context.Context, fn func(Tx) error) error

	// Changed returns a channel that receives (coalesced, never blocking the
	// writer) after anything was committed through this Store. Other processes'
	// commits need not be announced: callers poll beneath.
	Changed() <-chan struct{}

	// Check reads back what the keeper relies on (durability settings, schema
	// version, integrity) and returns one line of English for each finding.
	Check(ctx context.Context) ([]string, error)

	// Close waits for Updates under way and closes the database.
	Close() error
}

// Reader is everything that can be asked.
type Reader interface {
	ObjectReader
	ValueReader
	EdgeReader
	TextReader
	CollectionReader
	ImportReader
	ChannelReader
	PeerReader
	AgreementReader
	AccountReader
	JobReader
	AuditReader
	SettingReader
	StatusReader
}

// Tx is everything that can be asked and changed.
type Tx interface {
	Reader
	ObjectWriter
	CollectionWriter
	ImportWriter
	ChannelWriter
	PeerWriter
	AgreementWriter
	AccountWriter
	JobWriter
	AuditWriter
	SettingWriter
	StatusWriter
}

// OID is the local number of one stored object version; it rises with arrival
// and is never used again.
type OID int64

// Version is one stored object version. Index fields beyond these are read
// from Raw by package stix.
type Version struct {
	OID      OID
	ID       comity.ObjectID
	Type     string
	Created  time.Time
	Modified time.Time // zero for unversioned types
	Creator  comity.ObjectID
	Name     string
	Country  string
	Revoked  bool // the object's own revoked property

	TLP      comity.TLP // label that the object carries; Unmarked if none
	Handling comity.TLP // label in force here: the strictest of TLP, import label, later marks; never Unmarked

	State    comity.State
	Why      string // reason code of the last revoke, erase or mark
	StateAt  time.Time
	Origin   comity.MemberID // "" for this node itself
	Door     comity.Door
	Conflict bool // other bytes were already held under the same (ID, Modified); never the current version
	Latest   bool // newest by Modified among the non-conflicting
	Received time.Time

	Digest comity.Hash // SHA-256 of the bytes as they came; stays after erasure
	Size   int64
	Raw    []byte // nil once erased
}

// Arrival describes how a batch of objects came in.
type Arrival struct {
	Door     comity.Door
	Origin   comity.MemberID // "" for this node
	Import   comity.ImportID // when Door is DoorImport
	Handling comity.TLP      // label for objects that carry none; never Unmarked
	At       time.Time
}

// Fate says what became of one object given to PutObjects.
type Fate uint8

// The fates.
const (
	FateNew      Fate = iota // first version of its id
	FateNewer                // newer than the current version
	FateOlder                // stored, but a newer version is current
	FateSame                 // these bytes are held already
	FateConflict             // other bytes are held under the same version; stored as Conflict
	FateRevoked              // refused: the object was revoked by its creator, which is final
	FateErased               // refused: this very version was erased here by its origin's request
)

// Put is the answer for one object, in the order given.
type Put struct {
	OID  OID // of the stored or already held version; 0 when refused
	Fate Fate
}

// Query selects object versions; zero fields select all. Only Latest,
// non-conflicting versions are returned.
type Query struct {
	Types      []string
	Creator    comity.ObjectID
	Origin     *comity.MemberID // nil any; pointer to "" this node's own
	MinTLP     comity.TLP       // handling at least; Unmarked for no bound
	MaxTLP     comity.TLP       // handling at most; Unmarked for no bound
	States     []comity.State   // empty: active only
	Import     comity.ImportID
	Collection comity.CollectionID
	After      OID  // key-set cursor; 0 from the start
	Newest     bool // descending OID; After then means "before", 0 from the end
	Limit      int  // at most 1,000; 0 means 100
	WithRaw    bool
}

// ObjectReader finds object versions.
type ObjectReader interface {
	// Object returns the current version of id.
	Object(ctx context.Context, id comity.ObjectID) (Version, error)
	// Versions returns every held version of id, newest first, conflicts last.
	Versions(ctx context.Context, id comity.ObjectID) ([]Version, error)
	// ByOID returns these versions, in the order asked; a missing one is left out.
	ByOID(ctx context.Context, oids []OID, withRaw bool) ([]Version, error)
	// Current returns the current versions of these ids, without Raw, in no
	// order; an unknown id is left out.
	Current(ctx context.Context, ids []comity.ObjectID) ([]Version, error)
	// Query returns the next versions in order.
	Query(ctx context.Context, q Query) ([]Version, error)
	// Rollups sums arrivals by day, type, country and creator for the days given
	// (inclusive; zero times mean no bound). Dashboards read nothing else.
	Rollups(ctx context.Context, from, to time.Time) ([]Rollup, error)
}

// Rollup is one sum of object versions first stored on Day.
type Rollup struct {
	Day     time.Time // midnight UTC
	Type    string
	Country string
	Creator comity.ObjectID
	N       int64
}

// ObjectWriter stores objects and their fates.
type ObjectWriter interface {
	// PutObjects stores versions with their values, references, text and
	// roll-ups, at most 5,000 at a time. Putting the same bytes again changes
	// nothing but provenance: the arrival is recorded beside the first. Order
	// within the batch matters as if each were put alone.
	PutObjects(ctx context.Context, a Arrival, objs []comity.Object) ([]Put, error)
	// SetState moves a version to StateActive, StateRevoked or StateErased.
	// Erasing deletes Raw, name, text, values and references for good (they are
	// not left in free pages); ID, times, Digest and provenance stay. There is
	// no way back from StateErased.
	SetState(ctx context.Context, oid OID, s comity.State, why string, at time.Time) error
	// SetHandling sets the label in force.
	SetHandling(ctx context.Context, oid OID, t comity.TLP, why string, at time.Time) error
}

// Hit is one object that carries a looked-up value.
type Hit struct {
	Value   comity.Value
	Version Version // without Raw
}

// ValueReader looks values up.
type ValueReader interface {
	// Lookup returns the current, non-erased versions that carry any of the
	// values (at most 1,000 values), newest first within a value, at most limit
	// in all. An address also finds the stored CIDR blocks that contain it.
	Lookup(ctx context.Context, values []comity.Value, limit int) ([]Hit, error)
}

// Edge is one reference between stored versions' ids.
type Edge struct {
	From     OID
	FromID   comity.ObjectID
	FromType string
	Kind     string // the referring property
	To       comity.ObjectID
}

// EdgeReader walks references. Only edges of current, non-erased versions count.
type EdgeReader interface {
	RefsTo(ctx context.Context, id comity.ObjectID, limit int) ([]Edge, error)
	RefsFrom(ctx context.Context, oid OID) ([]Edge, error)
}

// TextReader searches what people wrote.
type TextReader interface {
	// SearchText finds current, non-erased versions whose text matches every
	// word (prefixes count from three letters; any script), best first.
	SearchText(ctx context.Context, words string, limit int) ([]Version, error)
}

// Collection is a named, ordered set of objects.
type Collection struct {
	ID          comity.CollectionID
	Alias       string // unique; what people type
	Title       string
	Description string
	Size        int64 // sequence number of the last entry
	Created     time.Time
}

// Member is one place in a collection. Each version of an object that was added
// is a member of its own.
type Member struct {
	Seq     int64     // from 1, gap-free, in commit order
	Added   time.Time // whole microseconds, strictly rising with Seq
	First   bool      // the oldest version of its object in this collection
	Last    bool      // the newest version of its object in this collection
	Version Version
}

// MemberQuery selects members of a collection; zero fields select all.
type MemberQuery struct {
	Collection comity.CollectionID
	After      int64             // members with Seq > After
	AddedAfter time.Time         // members added after this instant
	Types      []string          // any of these types
	IDs        []comity.ObjectID // any of these objects, at most 1,000
	MaxLabel   comity.TLP        // both labels (TLP and Handling) at most this; Unmarked for no bound
	First      bool              // the First of each object; with Last, either
	Last       bool              // the Last of each object
	Limit      int               // at most 1,000; 0 means 100
	WithRaw    bool
	Lean       bool  // of Version only OID, ID, Type, Created, Modified, TLP, Handling, State, Origin, Conflict, Size (and Raw) are wanted; the rest may be zero
	MaxBytes   int64 // with WithRaw: stop before this much Raw is passed, but never before the first; 0 for no bound
}

// CollectionReader reads collections.
type CollectionReader interface {
	Collections(ctx context.Context) ([]Collection, error)
	// Collection finds by id or alias.
	Collection(ctx context.Context, idOrAlias string) (Collection, error)
	// Members returns the next members in the order of Seq. Removed and erased
	// ones are skipped, their numbers are never reused. Members whose Version is a
	// Conflict are neither First nor Last.
	Members(ctx context.Context, q MemberQuery) ([]Member, error)
}

// CollectionWriter changes collections.
type CollectionWriter interface {
	PutCollection(ctx context.Context, c Collection) error
	// AddMembers appends versions that are not yet members. The numbers are
	// taken under the collection's lock inside the transaction, so commit order
	// is sequence order and a cursor can never skip one. Added is at, moved on
	// where needed so that it is unique and rises by at least a microsecond.
	AddMembers(ctx context.Context, id comity.CollectionID, oids []OID, at time.Time) error
	// RemoveMembers takes versions out of a collection; those that are no members
	// are passed over. A removed version can be added again, as a new member.
	RemoveMembers(ctx context.Context, id comity.CollectionID, oids []OID) error
}

// Source is one way by which a version came.
type Source struct {
	Door      comity.Door
	Origin    comity.MemberID
	Import    comity.ImportID  // when DoorImport
	Channel   comity.ChannelID // when DoorChannel
	Index     int64            // when DoorChannel
	Agreement comity.AgreementID
	At        time.Time
}

// ImportReader lists imports and provenance.
type ImportReader interface {
	Import(ctx context.Context, id comity.ImportID) (comity.Import, error)
	// Imports returns the newest first; before is the id to go on from, "" for
	// the newest.
	Imports(ctx context.Context, before comity.ImportID, limit int) ([]comity.Import, error)
	// Refusals returns refused items with N > after, in order.
	Refusals(ctx context.Context, id comity.ImportID, after int64, limit int) ([]comity.Refusal, error)
	// Sources returns every arrival of a version, oldest first.
	Sources(ctx context.Context, oid OID) ([]Source, error)
}

// ImportWriter records imports.
type ImportWriter interface {
	// PutImport inserts or replaces the record.
	PutImport(ctx context.Context, im comity.Import) error
	// AddRefusals appends; N is assigned here.
	AddRefusals(ctx context.Context, id comity.ImportID, rs []comity.Refusal) error
	// ForgetImport removes the import's arrivals and deletes at most limit
	// versions that came by no other way and were never put in a channel. It
	// returns how many it deleted and the versions it may not delete because
	// they are in a channel. Call again until deleted is 0.
	ForgetImport(ctx context.Context, id comity.ImportID, limit int) (deleted int64, shared []OID, err error)
}

// Entry is one stored channel entry.
type Entry struct {
	Index   int64
	Bytes   []byte           // the log entry, exactly
	Kind    comity.EntryKind // read from Bytes
	Handle  comity.Handle
	Rev     int64
	Nonce   []byte // 32 bytes; nil when there is no payload or it was erased
	Header  []byte // payload header line; nil likewise
	Object  comity.ObjectID
	OID     OID    // stored version that is the payload; 0 when none
	Blob    []byte // payload kept aside because it was not accepted as an object; nil otherwise
	Payload []byte // filled when asked for: the object's Raw, or Blob
	At      time.Time
}

// Placement is where an object stands in a channel: its handle and last entry.
type Placement struct {
	Channel comity.ChannelID
	Own     bool
	Object  comity.ObjectID
	Handle  comity.Handle
	Rev     int64 // last revision
	Index   int64 // of the last entry for the handle
	Kind    comity.EntryKind
	OID     OID   // version of the last put; 0 after erase
	Put     int64 // index of the last put
	At      time.Time
}

// TileID names one tile of a channel's hash tree: C2SP tlog-tiles, height 8.
type TileID struct {
	Level int
	N     int64
}

// ChannelReader reads channel logs.
type ChannelReader interface {
	Channels(ctx context.Context) ([]comity.Channel, error)
	Channel(ctx context.Context, id comity.ChannelID) (comity.Channel, error)
	// Entries returns entries from index on, at most max and (with payloads) at
	// most maxBytes of payload, but always at least one if there is one.
	Entries(ctx context.Context, id comity.ChannelID, from int64, max int, payloads bool, maxBytes int64) ([]Entry, error)
	// Tiles returns the stored hashes (32 bytes each, up to 256) of these tiles;
	// a tile that does not exist is nil.
	Tiles(ctx context.Context, id comity.ChannelID, ids []TileID) ([][]byte, error)
	// Placements returns where these objects stand, in every channel.
	Placements(ctx context.Context, objects []comity.ObjectID) ([]Placement, error)
	// ByHandle returns the placement of a handle in a channel.
	ByHandle(ctx context.Context, id comity.ChannelID, h comity.Handle) (Placement, error)
	// Receipts returns each member's newest receipt on the channel.
	Receipts(ctx context.Context, id comity.ChannelID) ([]comity.Receipt, error)
}

// ChannelWriter extends channel logs.
type ChannelWriter interface {
	CreateChannel(ctx context.Context, c comity.Channel) error
	// AppendEntries adds entries at old.Size, writes the tiles and moves the head
	// to next, by compare-and-swap on the old head: if the stored head is not
	// old, nothing is written and the error is of kind Conflict. Placements are
	// kept from the entries.
	AppendEntries(ctx context.Context, id comity.ChannelID, old comity.Head, entries []Entry, tiles map[TileID][]byte, next comity.Head) error
	// SetCheckpoint stores a signed checkpoint of the given size if it is larger
	// than, or equal to, the signed size held; a smaller one is kind Conflict.
	SetCheckpoint(ctx context.Context, id comity.ChannelID, size int64, note []byte) error
	// SetChannelStatus records a fault (zero Message clears it) and when the
	// publisher was last heard of (zero time leaves it).
	SetChannelStatus(ctx context.Context, id comity.ChannelID, fault comity.Message, at, checked time.Time) error
	// EraseHandle deletes nonce, header and blob of every entry of the handle for
	// good and unlinks their objects, so that Sources and Placements no longer
	// count them (SetState erases the objects themselves). It returns the
	// versions that were linked.
	EraseHandle(ctx context.Context, id comity.ChannelID, h comity.Handle) ([]OID, error)
	// PutReceipt keeps a member's newest receipt; an older one changes nothing.
	PutReceipt(ctx context.Context, r comity.Receipt) error
}

// PeerReader reads peers.
type PeerReader interface {
	Peer(ctx context.Context, id comity.MemberID) (comity.Peer, error)
	Peers(ctx context.Context) ([]comity.Peer, error) // ordered by id
}

// PeerWriter changes peers.
type PeerWriter interface {
	PutPeer(ctx context.Context, p comity.Peer) error
}

// AgreementRecord is an agreement as documents: the body all sign, and each
// party's signature lines.
type AgreementRecord struct {
	ID       comity.AgreementID
	Chain    comity.AgreementID
	Body     []byte // type line and JSON: what is signed and hashed
	State    comity.AgreementState
	Signed   []Signature
	Received time.Time
	StateAt  time.Time
	EndedBy  comity.MemberID // who suspended or ended it; "" for nobody
}

// Signature is one party's signature on a document.
type Signature struct {
	Member comity.MemberID
	Line   []byte // the signed-note line "— name base64"
	At     time.Time
}

// AgreementReader reads agreements.
type AgreementReader interface {
	Agreement(ctx context.Context, id comity.AgreementID) (AgreementRecord, error)
	Agreements(ctx context.Context) ([]AgreementRecord, error) // oldest first
}

// AgreementWriter changes agreements.
type AgreementWriter interface {
	PutAgreement(ctx context.Context, a AgreementRecord) error
}

// User is a local account.
type User struct {
	Name     string // unique, lower case
	Password string // argon2id in PHC format; "" for sign-in by link only
	Role     string // "admin", "analyst", "reader"
	Lang     string
	Created  time.Time
	LastSeen time.Time
	Disabled bool
}

// Secret is something that lets its bearer in: a session, an API token, a
// one-time sign-in or set-up link. Only its SHA-256 is kept.
type Secret struct {
	Hash    comity.Hash
	Kind    string // "session", "token", "link", "setup", "certificate"
	User    string
	Label   string // what the token is for
	Data    []byte // session data
	Created time.Time
	Expires time.Time
	Used    time.Time // last use
}

// AccountReader reads accounts.
type AccountReader interface {
	User(ctx context.Context, name string) (User, error)
	Users(ctx context.Context) ([]User, error)
	Secret(ctx context.Context, hash comity.Hash) (Secret, error)
	Secrets(ctx context.Context, kind string) ([]Secret, error)
}

// AccountWriter changes accounts.
type AccountWriter interface {
	PutUser(ctx context.Context, u User) error
	PutSecret(ctx context.Context, s Secret) error
	DeleteSecret(ctx context.Context, hash comity.Hash) error
	// DeleteExpired forgets secrets and statuses that expired before now.
	DeleteExpired(ctx context.Context, now time.Time) error
}

// Job is a piece of background work, done at least once.
type Job struct {
	ID    int64
	Kind  string
	Key   string // unique with Kind while the job waits
	Body  []byte
	RunAt time.Time
	Tries int
	Last  string // the last error, English
}

// JobReader lists jobs.
type JobReader interface {
	Jobs(ctx context.Context, kind string) ([]Job, error)
}

// JobWriter queues and takes jobs.
type JobWriter interface {
	// PutJob queues a job, or replaces the waiting one with the same Kind and Key.
	PutJob(ctx context.Context, j Job) error
	// ClaimJob takes one due job of the kind and moves its RunAt to until, so
	// that no other process takes it meanwhile. Not found when none is due.
	ClaimJob(ctx context.Context, kind string, now, until time.Time) (Job, error)
	DeleteJob(ctx context.Context, id int64) error
	// RetryJob puts a claimed job back with its error.
	RetryJob(ctx context.Context, id int64, runAt time.Time, last string) error
}

// AuditReader reads the audit.
type AuditReader interface {
	// Audits returns lines with N < before (0 for the newest), newest first.
	Audits(ctx context.Context, before int64, limit int) ([]comity.Audit, error)
}

// AuditWriter appends to the audit; N is assigned here.
type AuditWriter interface {
	AddAudit(ctx context.Context, a comity.Audit) error
}

// Status is the outcome of something that a caller may ask for later, such as
// what became of a TAXII post.
type Status struct {
	ID      string
	Body    []byte
	Expires time.Time // DeleteExpired forgets it after this; zero: never
}

// StatusReader reads statuses.
type StatusReader interface {
	Status(ctx context.Context, id string) (Status, error)
	// Statuses returns the statuses whose ID begins with prefix and comes after
	// the ID after, by ID; limit at most 1,000.
	Statuses(ctx context.Context, prefix, after string, limit int) ([]Status, error)
}

// StatusWriter keeps statuses.
type StatusWriter interface {
	PutStatus(ctx context.Context, s Status) error
}

// SettingReader reads small named values.
type SettingReader interface {
	Setting(ctx context.Context, name string) ([]byte, error)
}

// SettingWriter changes them.
type SettingWriter interface {
	PutSetting(ctx context.Context, name string, value []byte) error
}
