package taxii

import (
	"context"
	"crypto/x509"
	"io"
	"time"

	"github.com/comity-net/comity"
)

// Backend is what the server asks for everything it says. Each method gets the
// caller and must behave, for that caller, as if whatever it may not have did
// not exist: not in lists, counts, positions or errors. Methods are called by
// many goroutines at once. Errors are *comity.Error; the kind chooses the HTTP
// status (NotFound 404, Forbidden 403, Usage 400, Invalid 422, TooLarge 413,
// Limited 429, Unavailable 503; anything else is a defect and 500).
type Backend interface {
	// Authenticate says who asks. Zero credentials (only Remote set) are the
	// anonymous caller, whom the operator may allow. Unknown ones give an error
	// of kind Unauthenticated. It is called for every request: cache inside.
	Authenticate(ctx context.Context, c Credentials) (Caller, error)
	// Discovery gives the answer to GET /taxii2/.
	Discovery(ctx context.Context, who Caller) (Discovery, error)
	// Root gives one API root; NotFound hides it.
	Root(ctx context.Context, who Caller, root string) (Root, error)
	// Collections lists those of a root that the caller may see, always in the
	// same order.
	Collections(ctx context.Context, who Caller, root string) ([]Collection, error)
	// Collection finds one by id or alias; NotFound hides it.
	Collection(ctx context.Context, who Caller, root, idOrAlias string) (Collection, error)
	// Page reads one page. See Query and Page for what must hold.
	Page(ctx context.Context, who Caller, q Query) (Page, error)
	// Post stores the objects of an envelope. The body ends with an error when
	// it is longer than the root's MaxContentLength. A body that is no envelope
	// is Usage, one that cannot be processed as a whole Invalid; whatever is
	// wrong with one object goes into the status, and the others are stored. An
	// exact duplicate is a success (TAXII 2.1, section 5.5).
	Post(ctx context.Context, who Caller, root string, c comity.CollectionID, body io.Reader) (Status, error)
	// Status gives the status of an earlier post of this caller, for at least
	// 24 hours after it was complete; then NotFound.
	Status(ctx context.Context, who Caller, root, id string) (Status, error)
	// Delete removes the versions of one object that match Versions and
	// SpecVersions of f, all of them when Versions is zero; NotFound when there
	// is none to remove.
	Delete(ctx context.Context, who Caller, root string, c comity.CollectionID, id comity.ObjectID, f Filter) error
}

// Credentials are what a request brought to show who asks.
type Credentials struct {
	User, Password string            // HTTP Basic
	Bearer         string            // a token, from "Bearer" or "Token"
	Cert           *x509.Certificate // the client certificate of the TLS connection
	Remote         string            // the address of the other side, without port
}

// Anonymous reports whether nothing was shown.
func (c Credentials) Anonymous() bool {
	return c.User == "" && c.Password == "" && c.Bearer == "" && c.Cert == nil
}

// Caller is who asks, once known.
type Caller struct {
	ID   string // stable; quotas are counted by it
	Name string // for logs and pages
	// Audience is what a cursor is bound to: callers who may see the same may
	// share it. "" stands for ID.
	Audience string
}

func (c Caller) audience() string {
	if c.Audience != "" {
		return c.Audience
	}
	return c.ID
}

// Discovery answers GET /taxii2/ (section 4.1.1).
type Discovery struct {
	Title, Description, Contact string
	// Default and Roots name API roots: one path segment each, served at
	// /taxii2/<name>/, or a whole https URL of a root elsewhere. Default must
	// be one of Roots or "".
	Default string
	Roots   []string
}

// Root is one API root (section 4.2.1).
type Root struct {
	Title, Description string
	MaxContentLength   int64 // bytes of a posted body, unpacked
}

// Collection is one collection as the caller sees it (section 5.2.1).
type Collection struct {
	ID                 comity.CollectionID
	Title, Description string
	Alias              string
	CanRead, CanWrite  bool
	MediaTypes         []string // empty stands for STIX 2.1 alone
}

// Position is a place in a collection, in order of arrival. As a start it is
// exclusive; the zero value is the beginning.
type Position struct {
	Seq   int64
	Added time.Time // UTC, whole microseconds
}

// IsZero reports whether p is the beginning.
func (p Position) IsZero() bool { return p.Seq == 0 && p.Added.IsZero() }

// Query asks for a page: of a collection, the records that match Filter, in
// order of Added, strictly after After.
type Query struct {
	Root       string
	Collection comity.CollectionID
	Filter     Filter
	After      Position
	Limit      int   // at most so many records; at least 1
	MaxBytes   int64 // stop before Raw of all records exceeds it, but give at least one
	Raw        bool  // whether Raw is wanted
}

// Filter is what a request matches. Different fields are ANDed, the values of
// one are ORed; an empty field matches all.
type Filter struct {
	AddedAfter time.Time // strictly; zero for none
	IDs        []comity.ObjectID
	Types      []string
	// Versions chooses among the versions of an object that the caller may see,
	// whenever they were added.
	Versions VersionFilter
	// SpecVersions is "2.0", "2.1" …; empty means only the newest one that each
	// object has (section 3.4.1).
	SpecVersions []string
}

// picks reports whether f asks for certain objects or versions.
func (f *Filter) picks() bool {
	v := &f.Versions
	return len(f.IDs) > 0 || !v.All && !v.Last && !v.IsZero()
}

// VersionFilter chooses versions of an object: the union of what is set. The
// zero value means the latest for reading, and all for Delete.
type VersionFilter struct {
	First, Last, All bool
	At               []time.Time // modified (or created, or date added) is this instant
}

// IsZero reports whether nothing was chosen.
func (v VersionFilter) IsZero() bool { return !v.First && !v.Last && !v.All && len(v.At) == 0 }

// Record is one version of one object in a collection.
type Record struct {
	ID comity.ObjectID
	// Added is unique and strictly increasing within the collection, in whole
	// microseconds, and so is Seq.
	Added time.Time
	Seq   int64
	// Version is the text of modified, else of created, else Added as
	// FormatTime writes it (section 5.3.1).
	Version   string
	MediaType string // "application/stix+json;version=2.1"; "" for the same
	Raw       []byte // the object as it came: one JSON object, no blanks around it
}

// Page is one page. More says that at least one further visible record matches;
// it is never set on a page without records, unless Reached is set.
type Page struct {
	Records []Record
	More    bool
	// Reached says, with More, that the backend stopped looking there to bound
	// its work: the next page begins behind it. There may be no further record.
	Reached Position
}

// Status is the state of a post (section 4.3.1). Total is the sum of the three
// lists unless they are not kept, when the counts alone say it.
type Status struct {
	ID        string // a UUID, version 4
	Complete  bool
	Requested time.Time

	Successes, Failures, Pendings []StatusDetail
	// The counts stand where a list is not kept; a list counts itself.
	SuccessCount, FailureCount, PendingCount int
}

// StatusDetail is the verdict on one object of a post.
type StatusDetail struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message,omitempty"`
}
