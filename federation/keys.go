package federation

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"io"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Keys are the secret keys of this node and the genesis that names their public
// halves. The root key may be kept away from the machine; everything but
// IdentityNote works without it. Safe for concurrent use.
type Keys struct {
	genesis []byte
	id      comity.MemberID
	name    string
	secret  nodeSecrets
	offline *rootSecrets // nil when root.key is not here

	log, rcv, wit, doc note.Signer
	chain              *KeyChain
	pub                keySet // the keys in force
	cert, oldCert      tls.Certificate
	now                func() time.Time // decides which certificate to show
}

// nodeSecrets is what node.key holds.
type nodeSecrets struct {
	Format  string `json:"format"`
	Genesis []byte `json:"genesis"`
	Log     []byte `json:"log"` // Ed25519 seeds from here on
	Rcv     []byte `json:"rcv"`
	Wit     []byte `json:"wit"`
	Doc     []byte `json:"doc"`
	TLS     []byte `json:"tls"`
	Age     string `json:"age"` // AGE-SECRET-KEY-PQ-1…

	Chain       [][]byte  `json:"chain,omitempty"`   // key statements since the genesis
	OldAge      []string  `json:"old_age,omitempty"` // files made for earlier recipients stay readable
	OldTLS      []byte    `json:"old_tls,omitempty"` // shown until peers can know the new one
	OldTLSUntil time.Time `json:"old_tls_until,omitzero"`
}

// rootSecrets is what root.key holds.
type rootSecrets struct {
	Format string    `json:"format"`
	Root   []byte    `json:"root,omitempty"`
	Next   []byte    `json:"next,omitempty"` // the root key to come; its hash is committed to
	Prev   *rootPair `json:"prev,omitempty"` // before a rotation that may not have been carried through
}

const keysFormat = "comity/keys/v1"

// NewKeys draws all keys and makes the genesis. rand is used for every key but
// the age one, which its library draws itself. Only p.Name goes into the
// genesis, as the prefix of the key names.
func NewKeys(rand io.Reader, p Profile, now time.Time) (*Keys, error) {
	return newKeys(rand, p, "", now)
}

// NewSuccessor does the same for a node whose root keys are all lost. The genesis
// says which node it goes on from; nobody has to believe it: people compare the
// pair code again, and each peer decides for itself (federation.md 4.11).
func NewSuccessor(rand io.Reader, p Profile, old comity.MemberID, now time.Time) (*Keys, error) {
	if !validMemberID(old) {
		return nil, invalid("make keys", clip(string(old)), nil, "federation.genesis_field", comity.A("field", "succeeds"))
	}
	return newKeys(rand, p, old, now)
}

func newKeys(rand io.Reader, p Profile, old comity.MemberID, now time.Time) (*Keys, error) {
	const op = "make keys"
	if err := p.check(op); err != nil {
		return nil, err
	}
	fail := func(err error) (*Keys, error) {
		return nil, comity.E(comity.Internal, op, "", comity.Msg("federation.no_randomness"), err)
	}
	s := nodeSecrets{Format: keysFormat}
	r := rootSecrets{Format: keysFormat}
	nonce := make([]byte, 32)
	for _, to := range []*[]byte{&s.Log, &s.Rcv, &s.Wit, &s.Doc, &s.TLS, &r.Root, &r.Next} {
		*to = make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(rand, *to); err != nil {
			return fail(err)
		}
	}
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return fail(err)
	}
	file, err := age.GenerateHybridIdentity()
	if err != nil {
		return fail(err)
	}
	s.Age = file.String()
	name := keyName(p.Name)
	pin, err := pinOf(s.TLS)
	if err != nil {
		return fail(err)
	}
	next := sha256.Sum256([]byte(vkeyOf(name+"/root", algEd25519, r.Next)))
	s.Genesis, err = json.Marshal(genesis{
		T: genesisType, Name: name,
		Root: vkeyOf(name+"/root", algEd25519, r.Root), Next: hex.EncodeToString(next[:]),
		Log: vkeyOf(name+"/log", algEd25519, s.Log), Doc: vkeyOf(name+"/doc", algEd25519, s.Doc),
		Rcv: vkeyOf(name+"/rcv", algCosig, s.Rcv), Wit: vkeyOf(name+"/wit", algCosig, s.Wit),
		TLS: hex.EncodeToString(pin[:]), Age: file.Recipient().String(),
		Created: now.UTC().Truncate(time.Second), Nonce: base64.StdEncoding.EncodeToString(nonce),
		Succeeds: old,
	}, json.Deterministic(true))
	if err != nil {
		return fail(err)
	}
	return openKeys(s, &r)
}

// vkeyOf spells the verifier key of a seed.
func vkeyOf(name string, alg byte, seed []byte) string {
	return makeVKey(name, alg, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

// openKeys makes the signers and refuses secrets that are not those of the newest
// state of the key chain beside them: a mixed-up folder must not sign.
func openKeys(s nodeSecrets, r *rootSecrets) (*Keys, error) {
	const op = "open keys"
	chain, err := OpenKeyChain(s.Genesis, s.Chain...)
	if err != nil {
		return nil, err
	}
	k := &Keys{genesis: s.Genesis, id: chain.id, name: chain.now.Name, secret: s, chain: chain, pub: chain.keys, now: time.Now}
	wrong := func(key string, cause error) (*Keys, error) {
		return nil, invalid(op, k.id, cause, "federation.key_mismatch", comity.A("key", key))
	}
	for _, x := range []struct {
		role KeyRole
		seed []byte
		to   *note.Signer
	}{{RoleLog, s.Log, &k.log}, {RoleDoc, s.Doc, &k.doc}, {RoleRcv, s.Rcv, &k.rcv}, {RoleWit, s.Wit, &k.wit}} {
		name := k.name + "/" + string(x.role)
		if len(x.seed) != ed25519.SeedSize || vkeyOf(name, algOf(x.role), x.seed) != chain.now.vkey(x.role) {
			return wrong(string(x.role), nil)
		}
		if *x.to, err = newSigner(name, algOf(x.role), x.seed); err != nil {
			return wrong(string(x.role), err)
		}
	}
	if r != nil {
		fits, ok := r.matching(chain)
		if !ok {
			return wrong("root", nil)
		}
		fits.Prev = r.Prev
		k.offline = fits
	}
	if len(s.TLS) != ed25519.SeedSize {
		return wrong("tls", nil)
	}
	if pin, err := pinOf(s.TLS); err != nil || pin != chain.keys.pin {
		return wrong("tls", err)
	}
	file, err := age.ParseHybridIdentity(s.Age)
	if err != nil || file.Recipient().String() != chain.now.Age {
		return wrong("age", err)
	}
	if k.cert, err = k.certificate(s.TLS); err != nil {
		return nil, err
	}
	if len(s.OldTLS) == ed25519.SeedSize {
		if k.oldCert, err = k.certificate(s.OldTLS); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// ID returns the node id.
func (k *Keys) ID() comity.MemberID { return k.id }

// Log returns the signer of channel checkpoints.
func (k *Keys) Log() note.Signer { return k.log }

// Rcv returns the signer of receipts (cosignature/v1).
func (k *Keys) Rcv() note.Signer { return k.rcv }

// Wit returns the signer of witness cosignatures on others' node logs.
func (k *Keys) Wit() note.Signer { return k.wit }

// Doc returns the signer of agreements and inbox documents.
func (k *Keys) Doc() note.Signer { return k.doc }

// IdentityNote states who this node is: a comity/identity/v1 document over
// genesis, profile and time, signed by root and log. It needs the root key and
// is Forbidden without it.
func (k *Keys) IdentityNote(p Profile, at time.Time) ([]byte, error) {
	const op = "sign identity"
	if err := p.check(op); err != nil {
		return nil, err
	}
	if k.offline == nil || len(k.offline.Root) == 0 {
		return nil, comity.E(comity.Forbidden, op, k.id, comity.Msg("federation.root_away"), nil)
	}
	root, err := newSigner(k.name+"/root", algEd25519, k.offline.Root)
	if err != nil {
		return nil, comity.E(comity.Internal, op, k.id, comity.Msg("federation.key_mismatch", comity.A("key", "root")), err)
	}
	body, err := json.Marshal(identityBody{Genesis: bytes.Clone(k.genesis), Keys: k.chain.statements, Profile: p, At: at.UTC().Truncate(time.Second)}, json.Deterministic(true))
	if err != nil {
		return nil, comity.E(comity.Internal, op, k.id, comity.Msg("federation.identity_malformed", comity.A("cause", err)), err)
	}
	return ledger.SignDocument(identityType, body, root, k.log)
}
