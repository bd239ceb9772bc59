package federation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// TypeKeys is the type line of a key statement: a rotation, with or without a
// compromise. It is what a "keys" entry of the node log holds.
const TypeKeys = "comity/keys/v1"

// maxLastGood bounds the logs that one statement names.
const maxLastGood = 1500

// keysBody is the JSON of a key statement. Keys that do not change are left out.
type keysBody struct {
	ID          comity.MemberID `json:"id"`
	Seq         int             `json:"seq"`  // 1 for the first after the genesis
	Prev        string          `json:"prev"` // hex SHA-256 of the statement before, or of the genesis
	At          time.Time       `json:"at"`
	Root        string          `json:"root,omitempty"` // must match the committed next
	Next        string          `json:"next,omitempty"` // with Root only: commits to the one after
	Log         string          `json:"log,omitempty"`
	Rcv         string          `json:"rcv,omitempty"`
	Wit         string          `json:"wit,omitempty"`
	Doc         string          `json:"doc,omitempty"`
	TLS         string          `json:"tls,omitempty"`
	Age         string          `json:"age,omitempty"`
	Compromised []KeyRole       `json:"compromised,omitempty"` // of the keys replaced, those that were stolen
	LastGood    *lastGoodBody   `json:"last_good,omitempty"`
}

type lastGoodBody struct {
	Log   int64                      `json:"log"`
	Ch    map[comity.ChannelID]int64 `json:"ch,omitempty"`
	Nodes map[comity.MemberID]int64  `json:"nodes,omitempty"`
}

// vkey gives the text of the key in force for a signing role.
func (g *genesis) vkey(role KeyRole) string {
	switch role {
	case RoleRoot:
		return g.Root
	case RoleLog:
		return g.Log
	case RoleRcv:
		return g.Rcv
	case RoleWit:
		return g.Wit
	case RoleDoc:
		return g.Doc
	}
	return ""
}

// algOf is the signed-note key type of a role.
func algOf(role KeyRole) byte {
	if role == RoleRcv || role == RoleWit {
		return algCosig
	}
	return algEd25519
}

func (ks *keySet) verifiers() map[KeyRole]note.Verifier {
	return map[KeyRole]note.Verifier{RoleRoot: ks.root, RoleLog: ks.log, RoleRcv: ks.rcv, RoleWit: ks.wit, RoleDoc: ks.doc}
}

// vkeyPublic gives the bare public key of a checked verifier key, to compare.
func vkeyPublic(vkey string) string {
	raw := vkeyBytes(vkey)
	if len(raw) < 2 {
		return ""
	}
	return string(raw[1:])
}

// append checks one more statement and folds it in.
func (c *KeyChain) append(msg []byte) error {
	const op = "read keys"
	seq := len(c.statements) + 1
	if len(msg) > maxStatement {
		return tooLarge(op, c.id, nil, "key statement", maxStatement)
	}
	b, body, err := readStatement(seq, msg)
	if err != nil {
		return err
	}
	wrong := func(field string, cause error) error {
		return invalid(op, c.id, cause, "keychain.field", comity.A("seq", seq), comity.A("field", field))
	}
	switch {
	case b.ID != c.id:
		return wrong("id", nil)
	case b.Seq != seq:
		return wrong("seq", nil)
	case b.Prev != c.hashes[seq-1]:
		return unverified(op, c.id, nil, "keychain.prev", comity.A("seq", seq))
	case b.At.IsZero() || b.At.Before(c.at):
		return wrong("at", nil)
	case (b.Root == "") != (b.Next == ""):
		return wrong("next", nil)
	}
	next, err := c.replace(&b, wrong)
	if err != nil {
		return err
	}
	// The signature is by the root in force, or by the one that was committed to.
	if _, err := ledger.OpenDocument(msg, next.keys.root); err != nil {
		return unverified(op, c.id, err, "keychain.root_signature", comity.A("seq", seq), comity.A("id", c.id.Grouped()))
	}
	sum := sha256.Sum256(body)
	next.statements = append(c.statements, bytes.Clone(msg))
	next.hashes = append(c.hashes, hex.EncodeToString(sum[:]))
	next.rooted = append(c.rooted, b.Root != "")
	next.at = b.At.UTC()
	*c = next
	return nil
}

// readStatement reads the JSON of a statement; its signature is checked later.
func readStatement(seq int, msg []byte) (b keysBody, body []byte, err error) {
	const op = "read keys"
	body, _, ok := notePart(msg)
	if !ok {
		return b, nil, invalid(op, seq, nil, "keychain.malformed", comity.A("seq", seq), comity.A("cause", comity.Msg("federation.cause_no_note")))
	}
	typ, js, _ := bytes.Cut(body, []byte{'\n'})
	if string(typ) != TypeKeys {
		return b, nil, invalid(op, seq, nil, "federation.document_type", comity.A("got", clip(string(typ))), comity.A("expected", TypeKeys))
	}
	if err := readJSON(js, &b); err != nil {
		return b, nil, invalid(op, seq, err, "keychain.malformed", comity.A("seq", seq), comity.A("cause", cause(err)))
	}
	return b, body, nil
}

// replace gives the chain with the keys of b in force. c stays as it is.
func (c *KeyChain) replace(b *keysBody, wrong func(string, error) error) (KeyChain, error) {
	const op = "read keys"
	next := *c
	next.spans, next.seen = maps.Clone(c.spans), maps.Clone(c.seen)
	good, err := b.lastGood(wrong)
	if err != nil {
		return next, err
	}
	changed := map[KeyRole]bool{}
	retire := func(role KeyRole, fresh keySpan) {
		spans := slices.Clone(next.spans[role])
		last := &spans[len(spans)-1]
		last.replaced, last.until, last.good = true, b.At.UTC(), good
		last.stolen = slices.Contains(b.Compromised, role)
		next.spans[role] = append(spans, fresh)
		changed[role] = true
	}
	if b.Root != "" {
		if sum := sha256.Sum256([]byte(b.Root)); hex.EncodeToString(sum[:]) != c.now.Next {
			return next, unverified(op, c.id, nil, "keychain.next_mismatch", comity.A("seq", b.Seq))
		}
		if !hexID.MatchString(b.Next) || b.Next == c.now.Next {
			return next, wrong("next", nil)
		}
		next.now.Next = b.Next
	}
	for _, r := range []struct {
		role    KeyRole
		vkey    string
		text    *string
		current *note.Verifier
	}{
		{RoleRoot, b.Root, &next.now.Root, &next.keys.root}, {RoleLog, b.Log, &next.now.Log, &next.keys.log},
		{RoleRcv, b.Rcv, &next.now.Rcv, &next.keys.rcv}, {RoleWit, b.Wit, &next.now.Wit, &next.keys.wit},
		{RoleDoc, b.Doc, &next.now.Doc, &next.keys.doc},
	} {
		if r.vkey == "" {
			continue
		}
		v, pub, err := openVKey(r.vkey, c.now.Name+"/"+string(r.role), algOf(r.role))
		if err != nil {
			return next, wrong(string(r.role), err)
		}
		// INVARIANT: one key, one kind of statement, once (C2SP tlog-cosignature).
		if next.seen[string(pub)] {
			return next, unverified(op, c.id, nil, "keychain.key_twice", comity.A("seq", b.Seq), comity.A("key", r.role))
		}
		next.seen[string(pub)] = true
		*r.text, *r.current = r.vkey, v
		retire(r.role, keySpan{v: v})
	}
	if err := next.replaceRest(b, retire, wrong); err != nil {
		return next, err
	}
	if len(changed) == 0 {
		return next, wrong("log", nil)
	}
	if changed[RoleLog] && b.LastGood == nil {
		return next, wrong("last_good", nil)
	}
	for i, role := range b.Compromised {
		if role == RoleRoot || !changed[role] || slices.Contains(b.Compromised[:i], role) {
			return next, wrong("compromised", nil)
		}
	}
	return next, nil
}

// replaceRest takes the keys that sign nothing.
func (c *KeyChain) replaceRest(b *keysBody, retire func(KeyRole, keySpan), wrong func(string, error) error) error {
	if b.TLS != "" {
		pin, err := parsePin(b.TLS)
		if err != nil {
			return wrong("tls", err)
		}
		for _, s := range c.spans[RoleTLS] {
			if s.pin == pin {
				return wrong("tls", nil)
			}
		}
		c.now.TLS, c.keys.pin = b.TLS, pin
		retire(RoleTLS, keySpan{pin: pin})
	}
	if b.Age != "" {
		if err := checkRecipient(b.Age); err != nil {
			return wrong("age", err)
		}
		if len(c.spans[RoleAge]) == 0 {
			c.spans[RoleAge] = []keySpan{{}}
		}
		c.now.Age, c.keys.age = b.Age, b.Age
		retire(RoleAge, keySpan{})
	}
	return nil
}

// lastGood checks the sizes of a statement.
func (b *keysBody) lastGood(wrong func(string, error) error) (LastGood, error) {
	if b.LastGood == nil {
		return LastGood{}, nil
	}
	g := b.LastGood
	bad := g.Log < 0 || g.Log > ledger.MaxSize || len(g.Ch)+len(g.Nodes) > maxLastGood
	for id, n := range g.Ch {
		bad = bad || !validChannelID(id) || n < 0 || n > ledger.MaxSize
	}
	for id, n := range g.Nodes {
		bad = bad || !validMemberID(id) || n < 0 || n > ledger.MaxSize
	}
	if bad {
		return LastGood{}, wrong("last_good", nil)
	}
	return LastGood{Log: g.Log, Channels: g.Ch, Nodes: g.Nodes}, nil
}

// statement makes the signed document for a body. extra signs too: the old log
// key, where it still exists.
func (b *keysBody) statement(root note.Signer, extra ...note.Signer) ([]byte, error) {
	js, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return nil, comity.E(comity.Internal, "sign keys", b.ID, comity.Msg("keychain.malformed", comity.A("seq", b.Seq), comity.A("cause", err)), err)
	}
	return ledger.SignDocument(TypeKeys, js, append([]note.Signer{root}, extra...)...)
}
