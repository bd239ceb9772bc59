package federation

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
	cosig "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Signed-note key types (C2SP signed-note).
const (
	algEd25519 = 0x01 // plain signatures: root, log, doc
	algCosig   = 0x04 // cosignature/v1: rcv, wit
)

const (
	genesisType = "comity/genesis/v1"
	maxGenesis  = 16 << 10
	maxDepth    = 32
)

// genesis is the first statement of a node: its keys, for good. The node id is
// the hash of these bytes, so whoever holds the id can check the keys.
type genesis struct {
	T       string    `json:"t"`
	Name    string    `json:"name"` // prefix of the key names
	Root    string    `json:"root"` // vkeys from here on
	Next    string    `json:"next"` // hex SHA-256 of the next root vkey (pre-rotation)
	Log     string    `json:"log"`
	Rcv     string    `json:"rcv"`
	Wit     string    `json:"wit"`
	Doc     string    `json:"doc"`
	TLS     string    `json:"tls"` // hex SHA-256 of the SPKI
	Age     string    `json:"age"` // recipient for files
	Created time.Time `json:"created"`
	Nonce   string    `json:"nonce"`

	Succeeds comity.MemberID `json:"succeeds,omitempty"` // the node that this one says it goes on from
}

// keySet is what a checked genesis gives.
type keySet struct {
	root, log, rcv, wit, doc note.Verifier
	pin                      comity.Hash
	age                      string
	created                  time.Time
}

// memberID computes the node id of genesis bytes.
func memberID(genesis []byte) comity.MemberID {
	sum := sha256.Sum256(genesis)
	return comity.MemberID(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20])))
}

// validMemberID reports whether s has the shape of a node id.
func validMemberID(s comity.MemberID) bool {
	return len(s) == 32 && !strings.ContainsFunc(string(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// parseGenesis checks every field: a genesis that cannot be used in full is not
// used at all.
func parseGenesis(b []byte) (genesis, keySet, error) {
	const op = "read genesis"
	var g genesis
	var ks keySet
	if len(b) > maxGenesis {
		return g, ks, tooLarge(op, "", nil, "genesis", maxGenesis)
	}
	if err := readJSON(b, &g); err != nil {
		return g, ks, invalid(op, "", err, "federation.genesis_malformed", comity.A("cause", cause(err)))
	}
	if g.T != genesisType {
		return g, ks, invalid(op, "", nil, "federation.genesis_version", comity.A("got", clip(g.T)), comity.A("expected", genesisType))
	}
	wrong := func(field string, cause error) (genesis, keySet, error) {
		return g, ks, invalid(op, clip(g.Name), cause, "federation.genesis_field", comity.A("field", field))
	}
	if keyName(g.Name) != g.Name {
		return wrong("name", nil)
	}
	seen := map[string]bool{}
	for _, k := range []struct {
		role, vkey string
		alg        byte
		to         *note.Verifier
	}{
		{"root", g.Root, algEd25519, &ks.root}, {"log", g.Log, algEd25519, &ks.log}, {"doc", g.Doc, algEd25519, &ks.doc},
		{"rcv", g.Rcv, algCosig, &ks.rcv}, {"wit", g.Wit, algCosig, &ks.wit},
	} {
		v, pub, err := openVKey(k.vkey, g.Name+"/"+k.role, k.alg)
		if err != nil {
			return wrong(k.role, err)
		}
		// INVARIANT: one key, one kind of statement (C2SP tlog-cosignature).
		if seen[string(pub)] {
			return wrong(k.role, fmt.Errorf("key is used twice"))
		}
		seen[string(pub)] = true
		*k.to = v
	}
	pin, err := parsePin(g.TLS)
	if err != nil {
		return wrong("tls", err)
	}
	ks.pin = pin
	if next, err := hex.DecodeString(g.Next); err != nil || len(next) != sha256.Size {
		return wrong("next", err)
	}
	if nonce, err := base64.StdEncoding.DecodeString(g.Nonce); err != nil || len(nonce) != 32 {
		return wrong("nonce", err)
	}
	if err := checkRecipient(g.Age); err != nil {
		return wrong("age", err)
	}
	if g.Succeeds != "" && !validMemberID(g.Succeeds) {
		return wrong("succeeds", nil)
	}
	if g.Created.IsZero() {
		return wrong("created", nil)
	}
	ks.age, ks.created = g.Age, g.Created.UTC()
	return g, ks, nil
}

// parsePin reads the hexadecimal SHA-256 of an SPKI.
func parsePin(s string) (pin comity.Hash, err error) {
	b, err := hex.DecodeString(s)
	if err == nil && len(b) != len(pin) {
		err = fmt.Errorf("a pin of %d bytes", len(b))
	}
	copy(pin[:], b)
	return pin, err
}

// checkRecipient accepts exactly one age recipient.
func checkRecipient(s string) error {
	rs, err := age.ParseRecipients(strings.NewReader(s))
	if err == nil && (len(rs) != 1 || strings.ContainsAny(s, "\n\r# ")) {
		err = fmt.Errorf("not one recipient")
	}
	return err
}

// vkeyBytes decodes the typed public key of a verifier key; nil when it is none.
func vkeyBytes(vkey string) []byte {
	_, rest, _ := strings.Cut(vkey, "+")
	_, b64, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return nil
	}
	return raw
}

// openVKey reads a verifier key and insists on its name, type and key hash.
func openVKey(vkey, name string, alg byte) (note.Verifier, []byte, error) {
	got, _, _ := strings.Cut(vkey, "+")
	raw := vkeyBytes(vkey)
	if len(raw) != 1+ed25519.PublicKeySize || raw[0] != alg {
		return nil, nil, fmt.Errorf("not an Ed25519 key of type %d", alg)
	}
	if got != name {
		return nil, nil, fmt.Errorf("key is named %q, not %q", clip(got), name)
	}
	if vkey != makeVKey(name, alg, raw[1:]) {
		return nil, nil, fmt.Errorf("key hash does not match")
	}
	var v note.Verifier
	var err error
	if alg == algCosig {
		v, err = cosig.NewVerifierForCosignatureV1(vkey)
	} else {
		v, err = note.NewVerifier(vkey)
	}
	return v, raw[1:], err
}

// makeVKey spells a verifier key as signed notes do.
func makeVKey(name string, alg byte, pub []byte) string {
	key := append([]byte{alg}, pub...)
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, key), base64.StdEncoding.EncodeToString(key))
}

// keyHash is the signed-note key id of a typed public key.
func keyHash(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// newSigner makes the signer for an Ed25519 seed.
func newSigner(name string, alg byte, seed []byte) (note.Signer, error) {
	pub := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, keyHash(name, append([]byte{alg}, pub...)),
		base64.StdEncoding.EncodeToString(append([]byte{alg}, seed...)))
	if alg == algCosig {
		return cosig.NewSignerForCosignatureV1(skey)
	}
	return note.NewSigner(skey)
}

// keyName turns a display name into the prefix of key names: signed notes
// allow neither spaces nor plus signs, and the prefix is for reading only.
func keyName(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') || r == '.' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return name
	}
	return "node"
}

// readJSON reads one JSON object strictly: duplicate keys, wrong case, depth
// over the bound and trailing bytes are refused, unknown members ignored.
func readJSON(b []byte, v any) error {
	if err := ledger.CheckJSON(b, maxDepth); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// cause is what readJSON found wrong, as a person reads it inside a sentence.
func cause(err error) comity.Message {
	var known *comity.Error
	if errors.As(err, &known) {
		return known.Msg
	}
	at := ""
	if where := (*json.SemanticError)(nil); errors.As(err, &where) {
		at = clip(string(where.JSONPointer))
	}
	return comity.Msg("federation.json_value", comity.A("at", at))
}

// clip bounds foreign text that goes into a message.
func clip(s string) string {
	const limit = 120
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// equalHash compares two hashes in constant time.
func equalHash(a, b comity.Hash) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// notePart splits a signed note at its last blank line.
func notePart(msg []byte) (text, sigs []byte, ok bool) {
	i := bytes.LastIndex(msg, []byte("\n\n"))
	if i < 0 {
		return nil, nil, false
	}
	return msg[:i+1], msg[i+2:], true
}
