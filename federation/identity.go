package federation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Profile is what a node says of itself; unlike the id it may change. URL is
// the base URL of its federation listener, such as https://cert.example:8844,
// or "" when it has none (it then only reads).
type Profile struct {
	Name    string `json:"name"`
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Sector  string `json:"sector,omitempty"`
	URL     string `json:"url,omitempty"`
}

// Identity is a node as its identity note states it, checked: the id is the
// hash of the genesis, the genesis holds the keys, root and log signed the note.
type Identity struct {
	ID comity.MemberID
	Profile
	Genesis     []byte // the exact bytes that ID is the hash of
	Note        []byte // the identity note as received
	At          time.Time
	Created     time.Time // when the genesis was made, by its own account
	Fingerprint string    // hex SHA-256 of Genesis, in groups of four

	// The keys in force. What may have been signed earlier is judged by Keys.
	Log, Rcv, Wit, Doc note.Verifier // checkpoints, receipts, witness cosignatures, documents
	TLSPin             comity.Hash   // SHA-256 of the TLS key's SPKI
	Age                string        // age recipient for files

	Keys     *KeyChain       // every key this node ever had, with what each counts for
	Succeeds comity.MemberID // the node that it says it goes on from; people must confirm
}

// AcceptsPin reports, as an error, why a TLS key is not accepted from this node
// at t. A node's replaced key still is for PinOverlap.
func (id *Identity) AcceptsPin(pin comity.Hash, t time.Time) error { return id.Keys.AcceptsPin(pin, t) }

// identityType is the type line of identity notes.
const identityType = "comity/identity/v1"

// maxIdentity bounds an identity note; a usual one has 5 kB, and each key
// statement adds about 1 kB, one with a new age recipient 3 kB.
const maxIdentity = 512 << 10

// identityBody is the JSON of an identity note.
type identityBody struct {
	Genesis []byte    `json:"genesis"`        // base64
	Keys    [][]byte  `json:"keys,omitempty"` // the key statements since, in order, base64 each
	Profile Profile   `json:"profile"`
	At      time.Time `json:"at"`
}

// ParseIdentity reads and checks an identity note of at most 512 KiB: the form,
// the genesis and every key in it, the key statements since, and the signatures
// by the root and log keys in force. Errors are Invalid (form), TooLarge or
// Unverified (signatures).
func ParseIdentity(msg []byte) (*Identity, error) {
	const op = "read identity"
	if len(msg) > maxIdentity {
		return nil, tooLarge(op, "", nil, "identity note", maxIdentity)
	}
	body, err := identityJSON(msg)
	if err != nil {
		return nil, err
	}
	chain, err := OpenKeyChain(body.Genesis, body.Keys...)
	if err != nil {
		return nil, err
	}
	id, keys := chain.id, chain.keys
	for role, v := range map[string]note.Verifier{"root": keys.root, "log": keys.log} {
		if _, err := ledger.OpenDocument(msg, v); err != nil {
			return nil, unverified(op, id, err, "federation.identity_signature", comity.A("id", id.Grouped()), comity.A("key", role))
		}
	}
	if err := body.Profile.check(op); err != nil {
		return nil, err
	}
	if body.At.IsZero() {
		return nil, invalid(op, id, nil, "federation.identity_malformed", comity.A("cause", comity.Msg("federation.cause_no_time")))
	}
	sum := sha256.Sum256(body.Genesis)
	return &Identity{
		ID: id, Profile: body.Profile, Genesis: body.Genesis, Note: bytes.Clone(msg), At: body.At.UTC(), Created: keys.created,
		Fingerprint: grouped(hex.EncodeToString(sum[:])),
		Log:         keys.log, Rcv: keys.rcv, Wit: keys.wit, Doc: keys.doc, TLSPin: keys.pin, Age: keys.age,
		Keys: chain, Succeeds: chain.now.Succeeds,
	}, nil
}

// identityJSON reads the note's JSON before any signature can be checked: the
// keys stand in it.
func identityJSON(msg []byte) (identityBody, error) {
	const op = "read identity"
	var body identityBody
	text, _, ok := notePart(msg)
	if !ok {
		return body, invalid(op, "", nil, "federation.identity_malformed", comity.A("cause", comity.Msg("federation.cause_no_note")))
	}
	typ, js, _ := bytes.Cut(text, []byte{'\n'})
	if string(typ) != identityType {
		return body, invalid(op, "", nil, "federation.document_type", comity.A("got", clip(string(typ))), comity.A("expected", identityType))
	}
	if err := readJSON(js, &body); err != nil {
		return body, invalid(op, "", err, "federation.identity_malformed", comity.A("cause", cause(err)))
	}
	return body, nil
}

// check refuses a profile that could not be shown or reached.
func (p *Profile) check(op string) error {
	wrong := func(field string) error {
		return invalid(op, clip(p.Name), nil, "federation.profile_field", comity.A("field", field))
	}
	if p.Name == "" || !showable(p.Name, 200) {
		return wrong("name")
	}
	if len(p.Country) != 0 && (len(p.Country) != 2 || strings.ContainsFunc(p.Country, func(r rune) bool { return r < 'A' || r > 'Z' })) {
		return wrong("country")
	}
	if !showable(p.Sector, 100) {
		return wrong("sector")
	}
	if p.URL != "" {
		if _, err := baseURL(p.URL); err != nil {
			return wrong("url")
		}
	}
	return nil
}

// showable reports whether s is short text without control characters or
// characters that turn the reading direction of what stands around them.
func showable(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return unicode.IsControl(r) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)
		})
}

// baseURL reads the base URL of a federation listener: https, a host, and
// nothing that could smuggle something into a request.
func baseURL(s string) (*url.URL, error) {
	bad := func(cause error) error {
		return invalid("read address", clip(s), cause, "federation.bad_url", comity.A("url", clip(s)))
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > 500 {
		return nil, bad(err)
	}
	if u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, bad(nil)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// grouped puts a space after every four characters.
func grouped(s string) string { return comity.MemberID(s).Grouped() }
