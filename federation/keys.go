package federation

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
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

	log, rcv, doc note.Signer
	pub           keySet
	cert          tls.Certificate
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
}

// rootSecrets is what root.key holds.
type rootSecrets struct {
	Format string `json:"format"`
	Root   []byte `json:"root"`
	Next   []byte `json:"next"` // the root key to come; its hash stands in the genesis
}

const keysFormat = "comity/keys/v1"

// NewKeys draws all keys and makes the genesis. rand is used for every key but
// the age one, which its library draws itself. Only p.Name goes into the
// genesis, as the prefix of the key names.
func NewKeys(rand io.Reader, p Profile, now time.Time) (*Keys, error) {
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
	spki, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(s.TLS).Public())
	if err != nil {
		return fail(err)
	}
	next, pin := sha256.Sum256([]byte(vkeyOf(name+"/root", algEd25519, r.Next))), sha256.Sum256(spki)
	s.Genesis, err = json.Marshal(genesis{
		T: genesisType, Name: name,
		Root: vkeyOf(name+"/root", algEd25519, r.Root), Next: hex.EncodeToString(next[:]),
		Log: vkeyOf(name+"/log", algEd25519, s.Log), Doc: vkeyOf(name+"/doc", algEd25519, s.Doc),
		Rcv: vkeyOf(name+"/rcv", algCosig, s.Rcv), Wit: vkeyOf(name+"/wit", algCosig, s.Wit),
		TLS: hex.EncodeToString(pin[:]), Age: file.Recipient().String(),
		Created: now.UTC().Truncate(time.Second), Nonce: base64.StdEncoding.EncodeToString(nonce),
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

// openKeys makes the signers and refuses secrets that do not belong to the
// genesis beside them: a mixed-up folder must not sign.
func openKeys(s nodeSecrets, r *rootSecrets) (*Keys, error) {
	const op = "open keys"
	g, pub, err := parseGenesis(s.Genesis)
	if err != nil {
		return nil, err
	}
	k := &Keys{genesis: s.Genesis, id: memberID(s.Genesis), name: g.Name, secret: s, offline: r, pub: pub}
	wrong := func(key string, cause error) (*Keys, error) {
		return nil, invalid(op, k.id, cause, "federation.key_mismatch", comity.A("key", key))
	}
	signers := []struct {
		role, vkey string
		alg        byte
		seed       []byte
		to         *note.Signer
	}{
		{"log", g.Log, algEd25519, s.Log, &k.log}, {"doc", g.Doc, algEd25519, s.Doc, &k.doc},
		{"rcv", g.Rcv, algCosig, s.Rcv, &k.rcv}, {"wit", g.Wit, algCosig, s.Wit, new(note.Signer)},
	}
	if r != nil {
		signers = append(signers, struct {
			role, vkey string
			alg        byte
			seed       []byte
			to         *note.Signer
		}{"root", g.Root, algEd25519, r.Root, new(note.Signer)})
	}
	for _, x := range signers {
		if len(x.seed) != ed25519.SeedSize || vkeyOf(g.Name+"/"+x.role, x.alg, x.seed) != x.vkey {
			return wrong(x.role, nil)
		}
		if *x.to, err = newSigner(g.Name+"/"+x.role, x.alg, x.seed); err != nil {
			return wrong(x.role, err)
		}
	}
	if len(s.TLS) != ed25519.SeedSize {
		return wrong("tls", nil)
	}
	spki, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(s.TLS).Public())
	if err != nil || sha256.Sum256(spki) != pub.pin {
		return wrong("tls", err)
	}
	file, err := age.ParseHybridIdentity(s.Age)
	if err != nil || file.Recipient().String() != g.Age {
		return wrong("age", err)
	}
	if k.cert, err = k.certificate(); err != nil {
		return nil, err
	}
	return k, nil
}

// ID returns the node id.
func (k *Keys) ID() comity.MemberID { return k.id }

// Log returns the signer of channel checkpoints.
func (k *Keys) Log() note.Signer { return k.log }

// Rcv returns the signer of receipts (cosignature/v1).
func (k *Keys) Rcv() note.Signer { return k.rcv }

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
	if k.offline == nil {
		return nil, comity.E(comity.Forbidden, op, k.id, comity.Msg("federation.root_away"), nil)
	}
	root, err := newSigner(k.name+"/root", algEd25519, k.offline.Root)
	if err != nil {
		return nil, comity.E(comity.Internal, op, k.id, comity.Msg("federation.key_mismatch", comity.A("key", "root")), err)
	}
	body, err := json.Marshal(identityBody{Genesis: bytes.Clone(k.genesis), Profile: p, At: at.UTC().Truncate(time.Second)}, json.Deterministic(true))
	if err != nil {
		return nil, comity.E(comity.Internal, op, k.id, comity.Msg("federation.identity_malformed", comity.A("cause", err)), err)
	}
	return ledger.SignDocument(identityType, body, root, k.log)
}
