package api

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// Version is one stored object version without its content.
type Version struct {
	ID       comity.ObjectID `json:"id"`
	Type     string          `json:"type"`
	Name     string          `json:"name,omitempty"`
	Created  time.Time       `json:"created,omitzero"`
	Modified time.Time       `json:"modified,omitzero"`
	Creator  comity.ObjectID `json:"created_by,omitempty"`
	TLP      comity.TLP      `json:"tlp,omitempty"`      // on the object itself
	Handling comity.TLP      `json:"handling,omitempty"` // in force at this node
	State    comity.State    `json:"state"`
	Why      string          `json:"why,omitempty"`
	StateAt  time.Time       `json:"state_at,omitzero"`
	Revoked  bool            `json:"revoked,omitempty"` // by its creator, in the object
	Conflict bool            `json:"conflict,omitempty"`
	Origin   comity.MemberID `json:"origin,omitempty"` // empty for this node
	Door     comity.Door     `json:"door"`
	Received time.Time       `json:"received,omitzero"`
	Size     int64           `json:"size"`
	SHA256   string          `json:"sha256"` // of the bytes as they came
}

// Object is everything a node says of one object.
type Object struct {
	Version
	Object     json.RawMessage  `json:"object,omitempty"` // absent once erased
	Versions   []Version        `json:"versions"`
	Sources    []Source         `json:"sources"`
	Neighbours []Neighbour      `json:"neighbours"`
	More       bool             `json:"more_neighbours"`
	Holders    []node.Holder    `json:"holders"`
	Findings   []comity.Finding `json:"findings"`
}

// Source is one way by which a version came.
type Source struct {
	Door      comity.Door        `json:"door"`
	Origin    comity.MemberID    `json:"origin,omitempty"`
	Name      string             `json:"origin_name,omitempty"`
	Import    comity.ImportID    `json:"import,omitempty"`
	Channel   comity.ChannelID   `json:"channel,omitempty"`
	Index     int64              `json:"index"`
	Agreement comity.AgreementID `json:"agreement,omitempty"`
	Title     string             `json:"title,omitempty"`
	At        time.Time          `json:"at"`
}

// Neighbour is one related object.
type Neighbour struct {
	ID       comity.ObjectID `json:"id"`
	Type     string          `json:"type"`
	Name     string          `json:"name,omitempty"`
	Kind     string          `json:"kind"`
	Via      comity.ObjectID `json:"via,omitempty"`
	Outgoing bool            `json:"outgoing"`
	Known    bool            `json:"known"`
}

// Found answers a lookup.
type Found struct {
	Asked     string       `json:"asked"`
	Values    []FoundValue `json:"values"`
	Text      []Version    `json:"text"`
	NotValues []string     `json:"not_values"` // lines of several that hold no indicator
	Truncated bool         `json:"truncated"`
}

// FoundValue is one indicator of the question.
type FoundValue struct {
	comity.Value
	Raw      string    `json:"raw"`
	Refanged bool      `json:"refanged"`
	Hits     []Version `json:"hits"`
}

// Import is one unit of what came in.
type Import struct {
	ID       comity.ImportID    `json:"id"`
	Source   string             `json:"source"`
	Format   string             `json:"format"`
	Handling comity.TLP         `json:"tlp,omitempty"`
	By       string             `json:"by"`
	State    comity.ImportState `json:"state"`
	Started  time.Time          `json:"started"`
	Finished time.Time          `json:"finished,omitzero"`
	Bytes    int64              `json:"bytes"`
	Accepted int64              `json:"accepted"`
	Warned   int64              `json:"warned"`
	Same     int64              `json:"same"`
	Refused  int64              `json:"refused"`
	Fault    *comity.Message    `json:"fault,omitempty"`
}

// Refusal is one item that an import did not accept.
type Refusal struct {
	N        int64            `json:"n"`
	At       string           `json:"at"`
	ID       comity.ObjectID  `json:"id,omitempty"`
	Raw      string           `json:"raw"` // the beginning, if cut
	Cut      bool             `json:"cut"`
	Findings []comity.Finding `json:"findings"`
}

// Peer is another node and what flows between it and this one.
type Peer struct {
	ID           comity.MemberID      `json:"id"`
	Name         string               `json:"name"`
	Country      string               `json:"country,omitempty"`
	Sector       string               `json:"sector,omitempty"`
	URL          string               `json:"url,omitempty"`
	State        comity.PeerState     `json:"state"`
	TheyVerified bool                 `json:"they_verified"`
	VerifiedAt   time.Time            `json:"verified_at,omitzero"`
	SeenAt       time.Time            `json:"seen_at,omitzero"`
	Fingerprint  string               `json:"fingerprint"`
	PairCode     string               `json:"pair_code"`
	Agreements   []comity.AgreementID `json:"agreements"`
	Given        int64                `json:"given"`
	Received     int64                `json:"received"`
	Lag          int64                `json:"lag"`
	LastReceipt  time.Time            `json:"last_receipt,omitzero"`
	Fault        *comity.Message      `json:"fault,omitempty"`
}

// Agreement is an agreement and where it stands.
type Agreement struct {
	comity.Agreement
	SignedBy    []comity.Party     `json:"signed_by"`
	Missing     []comity.Party     `json:"missing"`
	MineMissing bool               `json:"mine_missing"`
	Symmetry    []node.Asymmetry   `json:"symmetry"`
	Findings    []comity.Message   `json:"findings"`
	Channels    []comity.ChannelID `json:"channels"`
}

// Channel is one log and who has confirmed it.
type Channel struct {
	ID            comity.ChannelID   `json:"id"`
	Agreement     comity.AgreementID `json:"agreement"`
	Title         string             `json:"title,omitempty"`
	Publisher     comity.MemberID    `json:"publisher"`
	PublisherName string             `json:"publisher_name"`
	Stream        string             `json:"stream"`
	Own           bool               `json:"own"`
	Entries       int64              `json:"entries"`
	Root          string             `json:"root"` // hex
	Signed        int64              `json:"signed"`
	Readers       []Reader           `json:"readers"`
	Receipts      int                `json:"receipts"` // readers who hold all that is signed
	Confirmed     int64              `json:"confirmed"`
	CheckedAt     time.Time          `json:"checked_at,omitzero"`
	Fault         *comity.Message    `json:"fault,omitempty"`
}

// Reader is one reader's newest receipt.
type Reader struct {
	ID   comity.MemberID `json:"id"`
	Name string          `json:"name"`
	Size int64           `json:"size"`
	At   time.Time       `json:"at,omitzero"`
}

// Entry is one channel entry.
type Entry struct {
	Index  int64            `json:"index"`
	Kind   comity.EntryKind `json:"kind"`
	Handle comity.Handle    `json:"handle,omitempty"`
	Rev    int64            `json:"rev"`
	Mark   comity.TLP       `json:"mark,omitempty"`
	Why    string           `json:"why,omitempty"`
	Object comity.ObjectID  `json:"object,omitempty"`
	Type   string           `json:"type,omitempty"`
	Name   string           `json:"name,omitempty"`
	Held   bool             `json:"held"` // the payload can still be opened
	At     time.Time        `json:"at"`
}

// Status is the node at a glance.
type Status struct {
	ID          comity.MemberID `json:"id"`
	Profile     node.Profile    `json:"profile"`
	Fingerprint string          `json:"fingerprint"`
	Version     string          `json:"version"`
	Keeper      string          `json:"keeper"`
	Dir         string          `json:"dir,omitempty"`
	Objects     int64           `json:"objects"`
	Types       []node.Count    `json:"types"`
	Peers       int             `json:"peers"`
	Verified    int             `json:"verified_peers"`
	Agreements  int             `json:"active_agreements"`
	Channels    []Channel       `json:"channels"`
	LastImport  *Import         `json:"last_import,omitempty"`
	Faults      []node.Fault    `json:"faults"`
	Now         time.Time       `json:"now"`
}

// Shape gives the documented JSON form of what a use case returned; what has
// one already, it returns as it is.
func Shape(v any) any {
	switch v := v.(type) {
	case store.Version:
		return versionOf(v)
	case node.ObjectView:
		return objectOf(v)
	case node.FindResult:
		return foundOf(v)
	case comity.Import:
		return importOf(v)
	case comity.Refusal:
		return refusalOf(v)
	case node.PeerView:
		return peerOf(v)
	case node.AgreementView:
		return agreementOf(v)
	case node.ChannelView:
		return channelOf(v)
	case node.EntryView:
		return entryOf(v)
	case node.Status:
		return statusOf(v)
	case comity.Audit:
		return auditOf(v)
	case store.User:
		return userOf(v)
	case store.Collection:
		return collectionOf(v)
	case node.FeedView:
		return feedOf(v)
	case node.UndoResult:
		return undoOf(v)
	}
	return v
}

func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

func notNil[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

func fault(m comity.Message) *comity.Message {
	if m.IsZero() {
		return nil
	}
	return &m
}

func hexOf(h comity.Hash) string { return hex.EncodeToString(h[:]) }
