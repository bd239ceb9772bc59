package federation

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// KeyRole names what a key of a node is for (federation.md 4.1).
type KeyRole string

// The roles. Root signs key statements; the others work online.
const (
	RoleRoot KeyRole = "root"
	RoleLog  KeyRole = "log" // checkpoints
	RoleRcv  KeyRole = "rcv" // receipts on channels
	RoleWit  KeyRole = "wit" // witness cosignatures on node logs
	RoleDoc  KeyRole = "doc" // agreements and inbox documents
	RoleTLS  KeyRole = "tls" // connections
	RoleAge  KeyRole = "age" // files
)

// PinOverlap is how long a replaced TLS key is still accepted, unless it was
// stolen. For that time the node itself goes on showing it, so that peers who
// do not know the new one yet can fetch the statement that names it.
const PinOverlap = 7 * 24 * time.Hour

const (
	maxChain     = 128             // statements
	clockSlack   = 5 * time.Minute // between a reader's own statements and receipts
	maxStatement = 64 << 10
)

// KeyChain is every key that a node ever had, folded from its genesis and its
// signed key statements, each of which follows the one before (federation.md
// 4.11). It is immutable and safe for concurrent use.
//
// INVARIANT: without the root key, or the next one whose hash was committed to,
// nobody extends it (TestThiefCannotExtendChain); an honest chain is accepted
// after any number of rotations (TestHonestChainIsAccepted).
type KeyChain struct {
	id         comity.MemberID
	genesis    []byte
	statements [][]byte
	hashes     []string // hex SHA-256 of genesis, then of each statement's body
	rooted     []bool   // which statements replaced the root

	now   genesis // the keys in force, as text
	keys  keySet
	at    time.Time
	spans map[KeyRole][]keySpan
	seen  map[string]bool // every public key ever used
}

// keySpan is one key in the time it was in force.
type keySpan struct {
	v        note.Verifier // nil for tls
	pin      comity.Hash   // tls only
	replaced bool
	until    time.Time // when it was replaced
	stolen   bool
	good     LastGood // how far it counts once it is replaced
}

// LastGood says how far the signatures of a replaced key count: what is larger
// is void, and what is not named is void from the start.
type LastGood struct {
	Log      int64                      // log key: size of the own node log
	Channels map[comity.ChannelID]int64 // log key: own channels; rcv key: channels read
	Nodes    map[comity.MemberID]int64  // wit key: others' node logs
}

// size gives the last good size of an origin.
func (g *LastGood) size(self comity.MemberID, origin string) int64 {
	node, rest, _ := strings.Cut(origin, "/")
	if rest == "log" {
		if node == string(self) {
			return g.Log
		}
		return g.Nodes[comity.MemberID(node)]
	}
	ch, ok := strings.CutPrefix(rest, "ch/")
	if !ok {
		return 0
	}
	return g.Channels[comity.ChannelID(ch)]
}

// OpenKeyChain checks a genesis and the statements after it, in order, and folds
// them. Errors name the statement and what is wrong with it.
func OpenKeyChain(genesis []byte, statements ...[]byte) (*KeyChain, error) {
	g, ks, err := parseGenesis(genesis)
	if err != nil {
		return nil, err
	}
	if len(statements) > maxChain {
		return nil, tooLarge("read keys", memberID(genesis), nil, "key chain", maxChain)
	}
	sum := sha256.Sum256(genesis)
	c := &KeyChain{id: memberID(genesis), genesis: slices.Clone(genesis), hashes: []string{hex.EncodeToString(sum[:])},
		now: g, keys: ks, at: ks.created, seen: map[string]bool{}}
	c.spans = map[KeyRole][]keySpan{RoleTLS: {{pin: ks.pin}}}
	for role, v := range ks.verifiers() {
		c.spans[role] = []keySpan{{v: v}}
		c.seen[vkeyPublic(g.vkey(role))] = true
	}
	for _, s := range statements {
		if err := c.append(s); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// ID returns the node id: the hash of the genesis, whatever keys came since.
func (c *KeyChain) ID() comity.MemberID { return c.id }

// Len returns the number of statements after the genesis.
func (c *KeyChain) Len() int { return len(c.statements) }

// At is when the newest statement was made, by the node's own account; the
// creation of the genesis when there is none.
func (c *KeyChain) At() time.Time { return c.at }

// Statements returns the signed statements, oldest first, as they came.
func (c *KeyChain) Statements() [][]byte { return slices.Clone(c.statements) }

// Key returns the key in force for a role that signs; nil for tls and age.
func (c *KeyChain) Key(role KeyRole) note.Verifier {
	if spans := c.spans[role]; len(spans) > 0 {
		return spans[len(spans)-1].v
	}
	return nil
}

// every returns the keys of a role, newest first; those that were stolen too
// only when asked for.
func (c *KeyChain) every(role KeyRole, stolen bool) []note.Verifier {
	var out []note.Verifier
	for _, s := range slices.Backward(c.spans[role]) {
		if stolen || !s.stolen {
			out = append(out, s.v)
		}
	}
	return out
}

// span finds the key that a signature names.
func (c *KeyChain) span(role KeyRole, key ledger.KeyID) (keySpan, error) {
	for _, s := range slices.Backward(c.spans[role]) {
		if s.v != nil && s.v.Name() == key.Name && s.v.KeyHash() == key.Hash {
			return s, nil
		}
	}
	return keySpan{}, unverified("check key", c.id, nil, "keychain.key_unknown", comity.A("key", clip(key.String())), comity.A("id", c.id.Grouped()))
}

// LogKey gives the key with this name and hash if its signature counts for a
// checkpoint of this origin and size, or says why not: never this node's key,
// or replaced at a smaller size.
func (c *KeyChain) LogKey(key ledger.KeyID, origin string, size int64) (note.Verifier, error) {
	s, err := c.span(RoleLog, key)
	if err != nil {
		return nil, err
	}
	return s.v, c.within(&s, key, origin, size)
}

// within refuses what a replaced key signed beyond its last good size.
func (c *KeyChain) within(s *keySpan, key ledger.KeyID, origin string, size int64) error {
	if good := s.good.size(c.id, origin); s.replaced && size > good {
		return unverified("check key", origin, nil, "keychain.key_void", comity.A("key", clip(key.String())), comity.A("origin", clip(origin)),
			comity.A("size", size), comity.A("good", good), comity.A("since", s.until.Format(time.RFC3339)))
	}
	return nil
}

// Checkpoint opens a checkpoint of one of this node's logs: signed by a key that
// counts for this origin and size.
func (c *KeyChain) Checkpoint(msg []byte, origin string) (comity.Head, ledger.KeyID, error) {
	var first error
	for _, s := range slices.Backward(c.spans[RoleLog]) {
		h, err := ledger.OpenCheckpoint(msg, s.v, origin)
		if err == nil {
			key := ledger.KeyID{Name: s.v.Name(), Hash: s.v.KeyHash()}
			err = c.within(&s, key, origin, h.Size)
			if err == nil {
				return h, key, nil
			}
			first = err // the key is known: this says more than "unknown key"
		}
		if first == nil {
			first = err
		}
		if comity.ErrorMessage(err).Key != "ledger.unknown_key" && comity.ErrorMessage(err).Key != "keychain.key_void" {
			return comity.Head{}, ledger.KeyID{}, err
		}
	}
	return comity.Head{}, ledger.KeyID{}, first
}

// Receipt opens this node's cosignature on a checkpoint of another's: role is
// RoleRcv for channels and RoleWit for node logs. A stolen key counts up to its
// last good size, a retired one up to when it was replaced.
func (c *KeyChain) Receipt(role KeyRole, checkpoint, line []byte) (time.Time, ledger.KeyID, error) {
	const op = "open receipt"
	name, hash, ok := lineKey(line)
	if !ok {
		return time.Time{}, ledger.KeyID{}, unverified(op, c.id, nil, "federation.receipt_missing", comity.A("name", c.now.Name))
	}
	key := ledger.KeyID{Name: name, Hash: hash}
	s, err := c.span(role, key)
	if err != nil {
		return time.Time{}, key, err
	}
	at, err := ledger.OpenReceipt(checkpoint, line, s.v)
	if err != nil {
		return time.Time{}, key, err
	}
	origin, size, err := ledger.CheckpointOf(checkpoint)
	if err != nil {
		return time.Time{}, key, err
	}
	return at, key, c.counts(role, key, origin, size, at)
}

// counts reports, as an error, why a cosignature by a key of this node does not
// count.
func (c *KeyChain) counts(role KeyRole, key ledger.KeyID, origin string, size int64, at time.Time) error {
	s, err := c.span(role, key)
	switch {
	case err != nil:
		return err
	case s.stolen:
		return c.within(&s, key, origin, size)
	case s.replaced && at.After(s.until.Add(clockSlack)):
		return unverified("check key", c.id, nil, "keychain.receipt_late", comity.A("key", key),
			comity.A("until", s.until.Format(time.RFC3339)), comity.A("at", at.Format(time.RFC3339)))
	}
	return nil
}

// Document opens a document that this node signed with its document key. One
// that was replaced still counts, for agreements live long; a stolen one does
// not: what was accepted before stays with who accepted it.
func (c *KeyChain) Document(msg []byte) (ledger.Document, error) {
	return ledger.OpenDocument(msg, c.every(RoleDoc, false)...)
}

// Pins returns the TLS pins that are accepted at t, the newest first.
func (c *KeyChain) Pins(t time.Time) []comity.Hash {
	var out []comity.Hash
	for _, s := range slices.Backward(c.spans[RoleTLS]) {
		if c.AcceptsPin(s.pin, t) == nil {
			out = append(out, s.pin)
		}
	}
	return out
}

// AcceptsPin reports, as an error, why a TLS key is not accepted at t: never
// this node's, stolen, or replaced more than PinOverlap ago.
func (c *KeyChain) AcceptsPin(pin comity.Hash, t time.Time) error {
	const op = "check connection"
	for _, s := range slices.Backward(c.spans[RoleTLS]) {
		if !equalHash(s.pin, pin) {
			continue
		}
		switch {
		case !s.replaced:
			return nil
		case s.stolen:
			return unverified(op, c.id, nil, "keychain.pin_stolen", comity.A("since", s.until.Format(time.RFC3339)))
		case t.Before(s.until.Add(PinOverlap)):
			return nil
		}
		return unverified(op, c.id, nil, "keychain.pin_retired", comity.A("until", s.until.Add(PinOverlap).Format(time.RFC3339)))
	}
	return unverified(op, c.id, nil, "keychain.pin_unknown", comity.A("id", c.id.Grouped()))
}

// Continues reports, as an error, why this chain may not take the place of known,
// an earlier state of the same node's: it must begin with it. One exception: a
// statement that brings up the pre-committed root overrules what the root before
// it signed at the same place, for that root may be in a thief's hands, and the
// thief does not have the next one.
func (c *KeyChain) Continues(known *KeyChain) error {
	const op = "follow keys"
	if c.id != known.id {
		return unverified(op, c.id, nil, "keychain.other_node", comity.A("expected", known.id.Grouped()), comity.A("got", c.id.Grouped()))
	}
	same := 1
	for same < min(len(c.hashes), len(known.hashes)) && c.hashes[same] == known.hashes[same] {
		same++
	}
	switch {
	case same == len(known.hashes):
		return nil
	case same == len(c.hashes):
		return unverified(op, c.id, nil, "keychain.rolled_back", comity.A("known", known.Len()), comity.A("got", c.Len()))
	case c.rooted[same-1] && !known.rooted[same-1]:
		return nil
	}
	return unverified(op, c.id, nil, "keychain.other_chain", comity.A("seq", same))
}

// FoldKeyLog gives the key chain that a node log states: its genesis and its
// "keys" entries, in order. A later entry may take an earlier one's place only
// as Continues allows.
func FoldKeyLog(entries []ledger.NodeEntry) (*KeyChain, error) {
	const op = "read keys"
	if len(entries) == 0 || entries[0].K != ledger.NodeGenesis {
		return nil, invalid(op, "", nil, "keychain.no_genesis")
	}
	chain, err := OpenKeyChain(entries[0].Raw)
	for _, e := range entries[1:] {
		if err != nil {
			return nil, err
		}
		if e.K != ledger.NodeKeys {
			continue
		}
		seq := chain.Len() + 1
		if b, _, readErr := readStatement(seq, e.Keys); readErr == nil && b.Seq >= 1 && b.Seq < seq {
			seq = b.Seq
		}
		longer, openErr := OpenKeyChain(chain.genesis, append(chain.Statements()[:seq-1], e.Keys)...)
		if err = openErr; err == nil {
			err = longer.Continues(chain)
			chain = longer
		}
	}
	return chain, err
}
