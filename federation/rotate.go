package federation

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"io"
	"slices"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// Rotation says which keys to replace and why.
type Rotation struct {
	Roles    []KeyRole // each once; RoleRoot brings up the pre-committed one
	Stolen   []KeyRole // of those, the ones that a thief may have; not RoleRoot
	LastGood LastGood  // how far the replaced log key counts, and stolen rcv and wit keys
}

// Rotate draws new keys for the roles and signs the statement that names them.
// It gives the new keys and the statement; k stays as it is. The new keys must
// be saved (Replace) before the statement is logged or shown to anyone.
//
// The root key must be here (Forbidden otherwise); to replace the root itself
// the pre-committed next one is enough, so a lost or stolen root is replaced in
// the same way. The next root after it is drawn and committed to.
func (k *Keys) Rotate(rand io.Reader, r Rotation, now time.Time) (*Keys, []byte, error) {
	const op = "rotate keys"
	if k.offline == nil {
		return nil, nil, comity.E(comity.Forbidden, op, k.id, comity.Msg("federation.root_away"), nil)
	}
	s, root := k.secret, *k.offline
	s.Chain = slices.Clone(k.secret.Chain)
	b := keysBody{ID: k.id, Seq: k.chain.Len() + 1, Prev: k.chain.hashes[k.chain.Len()], At: now.UTC().Truncate(time.Second), Compromised: r.Stolen}
	if b.At.Before(k.chain.at) {
		b.At = k.chain.at // a clock that went back must not make the chain unreadable
	}
	if needsLastGood(r) {
		b.LastGood = &lastGoodBody{Log: r.LastGood.Log, Ch: r.LastGood.Channels, Nodes: r.LastGood.Nodes}
	}
	for _, role := range r.Roles {
		if err := k.draw(rand, role, &s, &root, &b); err != nil {
			return nil, nil, err
		}
	}
	if slices.Contains(r.Stolen, RoleTLS) {
		s.OldTLS, s.OldTLSUntil = nil, time.Time{} // shown to nobody from now on
	}
	if len(root.Root) != ed25519.SeedSize {
		return nil, nil, comity.E(comity.Forbidden, op, k.id, comity.Msg("federation.root_away"), nil)
	}
	signer, err := newSigner(k.name+"/root", algEd25519, root.Root)
	if err != nil {
		return nil, nil, comity.E(comity.Internal, op, k.id, comity.Msg("federation.key_mismatch", comity.A("key", "root")), err)
	}
	statement, err := b.statement(signer, k.alsoSigning(r)...)
	if err != nil {
		return nil, nil, err
	}
	s.Chain = append(s.Chain, statement)
	next, err := openKeys(s, &root)
	if err != nil {
		return nil, nil, err
	}
	next.now = k.now
	return next, statement, nil
}

// RecoverKeys makes working keys for a node whose machine is gone: id is its
// newest identity, which every peer holds, root and next are its recovery words,
// of which one may be empty. All online keys are drawn anew; stolen and good are
// as in a Rotation. Since no peer knows the new TLS key, each fetches the identity
// anew; the chain in it begins at the genesis that it knows.
func RecoverKeys(rand io.Reader, id *Identity, root, next string, stolen []KeyRole, good LastGood, now time.Time) (*Keys, []byte, error) {
	secrets, err := rootFromWords("recover keys", id.ID, root, next)
	if err != nil {
		return nil, nil, err
	}
	fits, ok := secrets.matching(id.Keys)
	if !ok {
		return nil, nil, invalid("recover keys", id.ID, nil, "federation.key_mismatch", comity.A("key", "root"))
	}
	lost := &Keys{genesis: id.Genesis, id: id.ID, name: id.Keys.now.Name, chain: id.Keys, pub: id.Keys.keys, now: time.Now, offline: fits,
		secret: nodeSecrets{Format: keysFormat, Genesis: id.Genesis, Chain: id.Keys.Statements()}}
	r := Rotation{Roles: []KeyRole{RoleLog, RoleRcv, RoleWit, RoleDoc, RoleTLS, RoleAge}, Stolen: stolen, LastGood: good}
	if len(fits.Root) == 0 {
		r.Roles = append(r.Roles, RoleRoot)
	}
	return lost.Rotate(rand, r, now)
}

// needsLastGood: the old log key always needs its bounds, the others when stolen.
func needsLastGood(r Rotation) bool {
	return slices.Contains(r.Roles, RoleLog) || slices.Contains(r.Stolen, RoleRcv) || slices.Contains(r.Stolen, RoleWit)
}

// alsoSigning is the log key in force, where nobody else has it.
func (k *Keys) alsoSigning(r Rotation) []note.Signer {
	if k.log == nil || slices.Contains(r.Stolen, RoleLog) {
		return nil
	}
	return []note.Signer{k.log}
}

// draw makes one new key: the secret goes to s or root, its name to b.
func (k *Keys) draw(rand io.Reader, role KeyRole, s *nodeSecrets, root *rootSecrets, b *keysBody) error {
	const op = "rotate keys"
	seed := make([]byte, ed25519.SeedSize)
	if role != RoleAge {
		if _, err := io.ReadFull(rand, seed); err != nil {
			return comity.E(comity.Internal, op, k.id, comity.Msg("federation.no_randomness"), err)
		}
	}
	vkey := func() string { return vkeyOf(k.name+"/"+string(role), algOf(role), seed) }
	switch role {
	case RoleRoot:
		if len(root.Next) != ed25519.SeedSize {
			return comity.E(comity.Forbidden, op, k.id, comity.Msg("keychain.no_next"), nil)
		}
		next := sha256.Sum256([]byte(vkey()))
		b.Root, b.Next = vkeyOf(k.name+"/root", algEd25519, root.Next), hex.EncodeToString(next[:])
		was := rootPair{Root: root.Root, Next: root.Next}
		root.Prev, root.Root, root.Next = &was, root.Next, seed
	case RoleLog:
		s.Log, b.Log = seed, vkey()
	case RoleRcv:
		s.Rcv, b.Rcv = seed, vkey()
	case RoleWit:
		s.Wit, b.Wit = seed, vkey()
	case RoleDoc:
		s.Doc, b.Doc = seed, vkey()
	case RoleTLS:
		pin, err := pinOf(seed)
		if err != nil {
			return comity.E(comity.Internal, op, k.id, comity.Msg("federation.key_mismatch", comity.A("key", "tls")), err)
		}
		// One day less than peers accept it: their clocks may be ahead.
		s.OldTLS, s.OldTLSUntil = s.TLS, b.At.Add(PinOverlap-24*time.Hour)
		s.TLS, b.TLS = seed, hex.EncodeToString(pin[:])
	case RoleAge:
		file, err := age.GenerateHybridIdentity()
		if err != nil {
			return comity.E(comity.Internal, op, k.id, comity.Msg("federation.no_randomness"), err)
		}
		if s.Age != "" {
			s.OldAge = append(slices.Clone(s.OldAge), s.Age)
		}
		s.Age, b.Age = file.String(), file.Recipient().String()
	default:
		return comity.E(comity.Usage, op, k.id, comity.Msg("keychain.role", comity.A("role", clip(string(role)))), nil)
	}
	return nil
}

// pinOf is the SHA-256 of the SPKI of a TLS seed.
func pinOf(seed []byte) (comity.Hash, error) {
	spki, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(seed).Public())
	return sha256.Sum256(spki), err
}

// Chain returns the chain of this node's own keys.
func (k *Keys) Chain() *KeyChain { return k.chain }

// rootPair is one state of the root secrets.
type rootPair struct {
	Root []byte `json:"root,omitempty"`
	Next []byte `json:"next,omitempty"`
}

// matching gives the state of the root secrets that fits the chain: the newest
// or, after a rotation that was not carried through, the one before. Either
// secret may be missing, but not both.
func (r *rootSecrets) matching(c *KeyChain) (*rootSecrets, bool) {
	for _, p := range []*rootPair{{r.Root, r.Next}, r.Prev} {
		if p == nil || len(p.Root)+len(p.Next) == 0 {
			continue
		}
		root := len(p.Root) == 0 || len(p.Root) == ed25519.SeedSize && vkeyOf(c.now.Name+"/root", algEd25519, p.Root) == c.now.Root
		next := len(p.Next) == 0 || len(p.Next) == ed25519.SeedSize && committed(c, p.Next)
		if root && next {
			return &rootSecrets{Format: keysFormat, Root: bytes.Clone(p.Root), Next: bytes.Clone(p.Next)}, true
		}
	}
	return nil, false
}

// committed reports whether a seed is the next root that the chain commits to.
func committed(c *KeyChain, seed []byte) bool {
	sum := sha256.Sum256([]byte(vkeyOf(c.now.Name+"/root", algEd25519, seed)))
	return hex.EncodeToString(sum[:]) == c.now.Next
}
