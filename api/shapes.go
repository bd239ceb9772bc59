package api

import (
	"encoding/json"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

func versionOf(v store.Version) Version {
	return Version{
		ID: v.ID, Type: v.Type, Name: v.Name, Created: v.Created, Modified: v.Modified, Creator: v.Creator,
		TLP: v.TLP, Handling: v.Handling, State: v.State, Why: v.Why, StateAt: v.StateAt, Revoked: v.Revoked,
		Conflict: v.Conflict, Origin: v.Origin, Door: v.Door, Received: v.Received, Size: v.Size, SHA256: hexOf(v.Digest),
	}
}

func objectOf(v node.ObjectView) Object {
	o := Object{
		Version: versionOf(v.Version), Versions: each(v.Versions, versionOf),
		Sources: each(v.Sources, sourceOf), Neighbours: each(v.Neighbours, neighbourOf), More: v.More,
		Holders: notNil(v.Holders), Findings: notNil(v.Findings),
	}
	raw := v.Object.Raw
	if raw == nil {
		raw = v.Version.Raw
	}
	if json.Valid(raw) {
		o.Object = raw
	}
	return o
}

func sourceOf(s node.SourceView) Source {
	return Source{
		Door: s.Door, Origin: s.Origin, Name: s.OriginName, Import: s.Import, Channel: s.Channel,
		Index: s.Index, Agreement: s.Agreement, Title: s.Title, At: s.At,
	}
}

func neighbourOf(n node.Neighbour) Neighbour {
	return Neighbour{ID: n.ID, Type: n.Type, Name: n.Name, Kind: n.Kind, Via: n.Via, Outgoing: n.Outgoing, Known: n.Known}
}

func foundOf(f node.FindResult) Found {
	return Found{
		Asked: f.Asked, Text: each(f.Text, versionOf), NotValues: notNil(f.NotValues), Truncated: f.Truncated,
		Values: each(f.Values, func(v node.FoundValue) FoundValue {
			return FoundValue{Value: v.Value, Raw: v.Raw, Refanged: v.Refanged, Hits: each(v.Hits, versionOf)}
		}),
	}
}

func importOf(im comity.Import) Import {
	return Import{
		ID: im.ID, Source: im.Source, Format: im.Format, Handling: im.Handling, By: im.By, State: im.State,
		Started: im.Started, Finished: im.Finished, Bytes: im.Bytes, Accepted: im.Accepted, Warned: im.Warned,
		Same: im.Same, Refused: im.Refused, Fault: fault(im.Fault),
	}
}

func refusalOf(r comity.Refusal) Refusal {
	return Refusal{N: r.N, At: r.At, ID: r.ID, Raw: string(r.Raw), Cut: r.Cut, Findings: notNil(r.Findings)}
}

func peerOf(p node.PeerView) Peer {
	return Peer{
		ID: p.ID, Name: p.Name, Country: p.Country, Sector: p.Sector, URL: p.URL, State: p.State,
		TheyVerified: p.TheyVerified, VerifiedAt: p.VerifiedAt, SeenAt: p.SeenAt, Fingerprint: p.Fingerprint,
		PairCode: p.PairCode, Given: p.Given, Received: p.Received, Lag: p.Lag, LastReceipt: p.LastReceipt,
		Agreements: each(p.Agreements, func(a node.AgreementView) comity.AgreementID { return a.ID }), Fault: fault(p.Fault),
	}
}

func agreementOf(a node.AgreementView) Agreement {
	return Agreement{
		Agreement: a.Agreement, SignedBy: notNil(a.SignedBy), Missing: notNil(a.Missing), MineMissing: a.MineMissing,
		Symmetry: notNil(a.Symmetry), Findings: notNil(a.Findings),
		Channels: each(a.Channels, func(c node.ChannelView) comity.ChannelID { return c.ID }),
	}
}

func channelOf(c node.ChannelView) Channel {
	return Channel{
		ID: c.ID, Agreement: c.Agreement, Title: c.Title, Publisher: c.Publisher, PublisherName: c.PublisherName,
		Stream: c.Stream, Own: c.Own, Entries: c.Head.Size, Root: hexOf(c.Head.Root), Signed: c.SignedSize,
		Receipts: c.Receipted, Confirmed: c.Confirmed, CheckedAt: c.CheckedAt, Fault: fault(c.Fault),
		Readers: each(c.Readers, func(r node.ReaderView) Reader {
			return Reader{ID: r.Member, Name: r.Name, Size: r.Size, At: r.At}
		}),
	}
}

func entryOf(e node.EntryView) Entry {
	return Entry{
		Index: e.Index, Kind: e.Kind, Handle: e.Handle, Rev: e.Rev, Mark: e.Mark, Why: e.Why,
		Object: e.Object, Type: e.Type, Name: e.Name, Held: e.Nonce != nil, At: e.At,
	}
}

func statusOf(s node.Status) Status {
	out := Status{
		ID: s.ID, Profile: s.Profile, Fingerprint: s.Fingerprint, Version: s.Version, Keeper: s.Keeper, Dir: s.Dir,
		Objects: s.Objects, Types: notNil(s.Types), Peers: s.Peers, Verified: s.Verified, Agreements: s.Agreements,
		Channels: each(s.Channels, channelOf), Faults: notNil(s.Faults), Now: s.Now,
	}
	if s.LastImport != nil {
		im := importOf(*s.LastImport)
		out.LastImport = &im
	}
	return out
}

// audit is one line of what happened.
type audit struct {
	N       int64           `json:"n"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Subject string          `json:"subject,omitempty"`
	Failed  string          `json:"failed,omitempty"` // the kind of the error; absent when it succeeded
	Message *comity.Message `json:"message,omitempty"`
}

func auditOf(a comity.Audit) audit {
	return audit{N: a.N, At: a.At, Actor: a.Actor, Action: a.Action, Subject: a.Subject, Failed: a.Kind, Message: fault(a.Msg)}
}

// user is a local account without its secrets.
type user struct {
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	Lang     string    `json:"lang,omitempty"`
	Created  time.Time `json:"created"`
	LastSeen time.Time `json:"last_seen,omitzero"`
	Disabled bool      `json:"disabled"`
}

func userOf(u store.User) user {
	return user{Name: u.Name, Role: u.Role, Lang: u.Lang, Created: u.Created, LastSeen: u.LastSeen, Disabled: u.Disabled}
}

// collection is a named, ordered set of objects.
type collection struct {
	ID          comity.CollectionID `json:"id"`
	Alias       string              `json:"alias"`
	Title       string              `json:"title,omitempty"`
	Description string              `json:"description,omitempty"`
	Size        int64               `json:"size"`
	Created     time.Time           `json:"created"`
}

func collectionOf(c store.Collection) collection {
	return collection{ID: c.ID, Alias: c.Alias, Title: c.Title, Description: c.Description, Size: c.Size, Created: c.Created}
}

// undo says what undoing an import did.
type undo struct {
	Import    comity.ImportID `json:"import"`
	Deleted   int64           `json:"deleted"`
	Withdrawn int64           `json:"withdrawn"`
	Kept      int64           `json:"kept"`
}

func undoOf(u node.UndoResult) undo {
	return undo{Import: u.Import, Deleted: u.Deleted, Withdrawn: u.Withdrawn, Kept: u.Kept}
}
