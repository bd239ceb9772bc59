package federation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// The documents that nodes send to each other's inbox, by their type lines; the
// agreement itself is TypeAgreement.
const (
	TypeIntroduce   = "comity/introduce/v1"    // here is an identity note
	TypeVerified    = "comity/verified/v1"     // our people compared the pair code
	TypeSuspend     = "comity/suspend/v1"      // we stop serving, now
	TypeResume      = "comity/resume/v1"       // we serve again
	TypeEnd         = "comity/end/v1"          // we end it after the notice period
	TypeEraseAnswer = "comity/erase-answer/v1" // what became of an erasure request
	TypeMarkAnswer  = "comity/mark-answer/v1"  // how far a narrower handling was passed on
	TypeComplaint   = "comity/complaint/v1"    // an entry or its content is not served
)

const (
	maxInbox    = 1 << 20   // any document
	maxStranger = 256 << 10 // an introduction: an identity note in base64
)

// InboxDocument is one signed document from a peer, checked. Which fields are
// set depends on Type.
//
// Its signature proves who said it, not that it is new or meant for this node:
// the receiver must compare To with its own id (the Server does) and must treat
// a document that it already has as nothing new.
type InboxDocument struct {
	Type string
	ID   string          // lower-case hex SHA-256 of the signed body
	From comity.MemberID // who signed
	To   comity.MemberID // who it is for; "" for an agreement and evidence
	At   time.Time       // by the sender's clock; zero for an agreement and evidence
	Raw  []byte          // the document as received

	Subject *Identity // introduce: the node introduced; often the sender itself
	Met     string    // introduce: how they met, in the sender's words
	Scope   string    // introduce: what for

	Genesis comity.Hash // verified: SHA-256 of the receiver's genesis that people compared

	Agreement comity.Agreement   // agreement: its clauses
	Body      []byte             // agreement: what all parties sign; evidence: the evidence itself
	Line      []byte             // agreement: the sender's signature line, verified
	Others    [][]byte           // agreement: the other lines, not verified; see VerifyAgreementLine
	About     comity.AgreementID // suspend, resume, end: "" means the whole peering
	Why       string             // suspend, resume, end, complaint: reason in the sender's words, may be ""

	Origin string // evidence: the log it is about, as claimed; OpenEvidence verifies it

	Channel comity.ChannelID // erase-answer, mark-answer, complaint
	Index   int64            // of the erase or mark entry; complaint: of the first entry missed
	Done    bool             // erase-answer: false means refused
	Law     string           // erase-answer: the law on which it was refused
	Onward  int64            // mark-answer: nodes to which the object had been passed on
	Told    int64            // mark-answer: of those, how many confirmed the narrower handling
	Since   time.Time        // complaint: when it was first missed
	Tries   int64            // complaint: how often it was asked for
}

// inboxBody is the JSON of every inbox document but the agreement.
type inboxBody struct {
	To      comity.MemberID    `json:"to"`
	At      time.Time          `json:"at"`
	Note    []byte             `json:"note,omitempty"`
	Met     string             `json:"met,omitempty"`
	Scope   string             `json:"scope,omitempty"`
	Genesis string             `json:"genesis,omitempty"`
	About   comity.AgreementID `json:"agreement,omitempty"`
	Why     string             `json:"why,omitempty"`
	Channel comity.ChannelID   `json:"channel,omitempty"`
	Index   int64              `json:"index,omitzero"`
	Answer  string             `json:"answer,omitempty"` // "done" or "refused"
	Law     string             `json:"law,omitempty"`
	Onward  int64              `json:"onward,omitzero"`
	Told    int64              `json:"told,omitzero"`
	Since   time.Time          `json:"since,omitzero"`
	Tries   int64              `json:"tries,omitzero"`
}

// SignInbox makes and signs a document of any type but the agreement, whose
// body and lines ledger.JoinDocument puts together. Type, To, At and the fields
// of the type are used; for an introduction Subject.Note is what is sent. Of
// evidence only Body is used: it is signed as it stands, to say who passes it on.
func (k *Keys) SignInbox(d InboxDocument) ([]byte, error) {
	if isEvidence(d.Type) {
		return k.passOn(d.Body)
	}
	b := inboxBody{To: d.To, At: d.At.UTC().Truncate(time.Second), Met: d.Met, Scope: d.Scope, About: d.About, Why: d.Why,
		Channel: d.Channel, Index: d.Index, Law: d.Law, Onward: d.Onward, Told: d.Told, Tries: d.Tries}
	if !d.Since.IsZero() {
		b.Since = d.Since.UTC().Truncate(time.Second)
	}
	switch d.Type {
	case TypeIntroduce:
		if d.Subject != nil {
			b.Note = d.Subject.Note
		}
	case TypeVerified:
		b.Genesis = hex.EncodeToString(d.Genesis[:])
	case TypeEraseAnswer:
		b.Answer = "refused"
		if d.Done {
			b.Answer = "done"
		}
	}
	if _, err := b.document(d.Type); err != nil {
		return nil, err
	}
	js, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return nil, comity.E(comity.Internal, "sign document", d.Type, comity.Msg("federation.document_malformed", comity.A("type", d.Type), comity.A("cause", err)), err)
	}
	return ledger.SignDocument(d.Type, js, k.doc)
}

// OpenInbox reads a document of at most 1 MiB and checks that from signed it
// with its document key. from is nil for a stranger: then only the introduction
// of the sender itself is accepted, verified with the keys in it.
func OpenInbox(doc []byte, from *Identity) (InboxDocument, error) {
	const op = "open document"
	if len(doc) > maxInbox {
		return InboxDocument{}, tooLarge(op, "", nil, "document", maxInbox)
	}
	text, sigs, ok := notePart(doc)
	if !ok {
		return InboxDocument{}, invalid(op, "", nil, "federation.document_malformed", comity.A("type", "?"), comity.A("cause", comity.Msg("federation.cause_no_note")))
	}
	typ, js, _ := bytes.Cut(text, []byte{'\n'})
	if string(typ) == TypeAgreement {
		return openInboxAgreement(doc, sigs, from)
	}
	if from == nil && string(typ) != TypeIntroduce {
		return InboxDocument{}, comity.E(comity.Unauthenticated, op, clip(string(typ)), comity.Msg("federation.stranger"), nil)
	}
	if isEvidence(string(typ)) {
		return openInboxEvidence(doc, string(typ), from)
	}
	var b inboxBody
	if err := readJSON(js, &b); err != nil {
		return InboxDocument{}, invalid(op, clip(string(typ)), err, "federation.document_malformed", comity.A("type", clip(string(typ))), comity.A("cause", cause(err)))
	}
	d, err := b.document(string(typ))
	if err != nil {
		return InboxDocument{}, err
	}
	if from == nil {
		from = d.Subject
	}
	signed, err := from.Keys.Document(doc)
	if err != nil {
		return InboxDocument{}, notSignedBy(op, string(typ), from, err)
	}
	d.ID, d.From, d.Raw = signed.ID, from.ID, bytes.Clone(doc)
	return d, nil
}

func notSignedBy(op, typ string, from *Identity, err error) error {
	return unverified(op, typ, err, "federation.document_signature", comity.A("type", typ), comity.A("name", from.Name))
}

// openInboxAgreement reads an agreement that from, a party, has signed.
func openInboxAgreement(doc, sigs []byte, from *Identity) (InboxDocument, error) {
	const op = "open document"
	if from == nil {
		return InboxDocument{}, comity.E(comity.Unauthenticated, op, TypeAgreement, comity.Msg("federation.stranger"), nil)
	}
	signed, err := from.Keys.Document(doc)
	if err != nil {
		return InboxDocument{}, notSignedBy(op, TypeAgreement, from, err)
	}
	a, err := ParseAgreement(signed.Body)
	if err != nil {
		return InboxDocument{}, err
	}
	if !a.Has(from.ID) {
		return InboxDocument{}, unverified(op, a.ID, nil, "federation.agreement_not_party", comity.A("id", from.ID.Grouped()))
	}
	d := InboxDocument{Type: TypeAgreement, ID: signed.ID, From: from.ID, Raw: bytes.Clone(doc),
		Agreement: a, Body: bytes.Clone(signed.Body), Line: bytes.Clone(signed.Signed[0].Line)}
	for line := range bytes.Lines(sigs) {
		if !signedBy(line, from.Keys.every(RoleDoc, false)...) {
			d.Others = append(d.Others, bytes.Clone(line))
		}
	}
	return d, nil
}

// document checks the fields that the type asks for.
func (b *inboxBody) document(typ string) (InboxDocument, error) {
	const op = "read document"
	d := InboxDocument{Type: typ, To: b.To, At: b.At.UTC(), Met: b.Met, Scope: b.Scope, About: b.About, Why: b.Why,
		Channel: b.Channel, Index: b.Index, Done: b.Answer == "done", Law: b.Law, Onward: b.Onward, Told: b.Told, Since: b.Since.UTC(), Tries: b.Tries}
	wrong := func(field string, cause error) (InboxDocument, error) {
		return InboxDocument{}, invalid(op, clip(typ), cause, "federation.document_field", comity.A("type", clip(typ)), comity.A("field", field))
	}
	switch {
	case !validMemberID(b.To):
		return wrong("to", nil)
	case b.At.IsZero():
		return wrong("at", nil)
	case !showable(b.Met, 500), !showable(b.Scope, 500):
		return wrong("met", nil)
	case !showable(b.Why, 1000):
		return wrong("why", nil)
	case !showable(b.Law, 500):
		return wrong("law", nil)
	case b.About != "" && !hexID.MatchString(string(b.About)):
		return wrong("agreement", nil)
	}
	switch typ {
	case TypeIntroduce:
		id, err := ParseIdentity(b.Note)
		if err != nil {
			return wrong("note", err)
		}
		d.Subject = id
	case TypeVerified:
		sum, err := hex.DecodeString(b.Genesis)
		if err != nil || len(sum) != sha256.Size {
			return wrong("genesis", err)
		}
		copy(d.Genesis[:], sum)
	case TypeSuspend, TypeResume, TypeEnd:
	case TypeEraseAnswer, TypeMarkAnswer, TypeComplaint:
		if field := b.wrongAboutEntry(typ); field != "" {
			return wrong(field, nil)
		}
	default:
		return InboxDocument{}, invalid(op, clip(typ), nil, "federation.document_unknown", comity.A("type", clip(typ)))
	}
	return d, nil
}

// wrongAboutEntry names the field that is wrong in a document about one entry of
// a channel.
func (b *inboxBody) wrongAboutEntry(typ string) string {
	const most = 1 << 20 // nodes, or tries
	switch {
	case !validChannelID(b.Channel):
		return "channel"
	case b.Index < 0 || b.Index > ledger.MaxSize:
		return "index"
	case typ == TypeEraseAnswer && b.Answer != "done" && b.Answer != "refused":
		return "answer"
	case typ == TypeMarkAnswer && (b.Onward < 0 || b.Onward > most):
		return "onward"
	case typ == TypeMarkAnswer && (b.Told < 0 || b.Told > b.Onward):
		return "told"
	case typ == TypeComplaint && (b.Since.IsZero() || b.Since.After(b.At)):
		return "since"
	case typ == TypeComplaint && (b.Tries < 1 || b.Tries > most):
		return "tries"
	}
	return ""
}

// validChannelID reports whether s has the shape of a channel id.
func validChannelID(s comity.ChannelID) bool {
	if len(s) != 26 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// signedBy reports whether a signature line claims to be by one of these keys.
func signedBy(line []byte, vs ...note.Verifier) bool {
	name, hash, ok := lineKey(line)
	return ok && slices.ContainsFunc(vs, func(v note.Verifier) bool { return name == v.Name() && hash == v.KeyHash() })
}
