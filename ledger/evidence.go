package ledger

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json"
	cosig "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// Evidence documents, by their type lines. Each proves by itself, to anybody
// who has the accused's key, that one key signed what an honest log or reader
// never signs (federation.md 4.10).
const (
	TypeFork          = "comity/fork/v1"           // a publisher signed two histories of one log
	TypeDoubleReceipt = "comity/double-receipt/v1" // a reader or witness cosigned two histories
	TypeRollback      = "comity/rollback/v1"       // a publisher's anchors show a channel that shrank
)

// Evidence is what a fork or double-receipt document says: two checkpoints of
// one origin, of which B's tree does not begin with A's.
type Evidence struct {
	Type   string
	ID     string // lower-case hex SHA-256 of Body
	Body   []byte // the document without signatures: it needs none
	Origin string
	A, B   comity.Head // 1 ≤ A.Size ≤ B.Size
	Prefix comity.Hash // what the root of B's tree was at A.Size; proved, and not A.Root

	NoteA, NoteB []byte    // the two checkpoints with the accused's signature lines
	KeyA, KeyB   KeyID     // which keys signed; zero until opened with keys
	AtA, AtB     time.Time // double receipts: the times in the cosignatures
}

// KeyID is what a signature line says of its key: name and key hash.
type KeyID struct {
	Name string
	Hash uint32
}

// String spells the key as configuration and messages do.
func (k KeyID) String() string { return keyName(k.Name, k.Hash) }

// evidenceBody is the JSON of both kinds.
type evidenceBody struct {
	Origin      string   `json:"origin"`
	NoteA       string   `json:"note_a"`
	NoteB       string   `json:"note_b"`
	PrefixRoot  []byte   `json:"prefix_root,omitempty"` // base64; only when the sizes differ
	Consistency [][]byte `json:"consistency,omitempty"`
}

// MakeFork makes a comity/fork/v1 document out of two checkpoints of one origin
// that keys of vs signed. For equal sizes prefix and proof are empty; otherwise
// prefix is the root that the larger tree had at the smaller size, and proof
// leads from there to the larger checkpoint (ProvePrefix gives both). It
// refuses, as OpenFork would, what is not a contradiction.
func MakeFork(a, b []byte, prefix comity.Hash, proof []comity.Hash, vs ...note.Verifier) ([]byte, error) {
	return makeEvidence(TypeFork, a, b, prefix, proof, vs)
}

// MakeDoubleReceipt does the same for one reader's or witness's cosignatures on
// two checkpoints that contradict each other; vs are its cosignature keys.
func MakeDoubleReceipt(a, b []byte, prefix comity.Hash, proof []comity.Hash, vs ...note.Verifier) ([]byte, error) {
	return makeEvidence(TypeDoubleReceipt, a, b, prefix, proof, vs)
}

// OpenFork verifies a fork document offline, with or without signature lines
// under it, given the publisher's keys: Unverified unless both notes are signed
// and contradict each other. The caller compares Origin with whom it accuses.
//
// INVARIANT: nothing that is made from one honest log passes, whatever prefix
// root or proof stands in it (TestHonestLogIsNeverFramed).
func OpenFork(doc []byte, vs ...note.Verifier) (Evidence, error) {
	return openEvidence(TypeFork, doc, vs)
}

// OpenDoubleReceipt verifies a double-receipt document offline, given the
// cosignature keys of the reader or witness.
func OpenDoubleReceipt(doc []byte, vs ...note.Verifier) (Evidence, error) {
	return openEvidence(TypeDoubleReceipt, doc, vs)
}

func makeEvidence(typ string, a, b []byte, prefix comity.Hash, proof []comity.Hash, vs []note.Verifier) ([]byte, error) {
	const op = "make evidence"
	a, ha, err := onlyBy(op, a, vs)
	if err != nil {
		return nil, err
	}
	b, hb, err := onlyBy(op, b, vs)
	if err != nil {
		return nil, err
	}
	if ha.Size > hb.Size {
		a, b, ha, hb = b, a, hb, ha
	}
	origin, _, _ := bytes.Cut(a, []byte{'\n'})
	body := evidenceBody{Origin: string(origin), NoteA: string(a), NoteB: string(b)}
	if ha.Size != hb.Size {
		body.PrefixRoot = prefix[:]
		body.Consistency = hashesOf(proof)
	}
	js, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return nil, comity.E(comity.Internal, op, typ, comity.Msg("proof.document", comity.A("type", typ), comity.A("cause", err)), err)
	}
	doc := concat([]byte(typ+"\n"), js, []byte{'\n'})
	_, err = openEvidence(typ, doc, vs)
	return doc, err
}

// onlyBy cuts a checkpoint down to its text and the lines of the keys vs.
func onlyBy(op string, msg []byte, vs []note.Verifier) ([]byte, comity.Head, error) {
	n, err := openNote(op, "", msg, maxCheckpoint, vs...)
	if err != nil {
		return nil, comity.Head{}, err
	}
	_, h, err := parseCheckpoint(n.Text)
	if err != nil {
		return nil, h, unverified(op, "", err, "ledger.bad_checkpoint", comity.A("cause", err))
	}
	out := []byte(n.Text + "\n")
	for _, s := range n.Sigs {
		out = append(out, "— "+s.Name+" "+s.Base64+"\n"...)
	}
	return out, h, nil
}

// ReadEvidence reads a fork or double-receipt document and checks everything
// but the signatures, for which the keys are needed: whom to ask for them, the
// origin says. What it gives is a claim, not a proof.
func ReadEvidence(doc []byte) (Evidence, error) {
	const op = "read evidence"
	var e Evidence
	d, err := parseBody(op, documentBody(doc))
	if err != nil {
		return e, err
	}
	if d.Type != TypeFork && d.Type != TypeDoubleReceipt {
		return e, invalid(op, d.Type, nil, "proof.not_evidence", comity.A("type", d.Type))
	}
	var b evidenceBody
	if err := parseObject(d.JSON, &b); err != nil {
		return e, invalid(op, d.Type, err, "proof.document", comity.A("type", d.Type), comity.A("cause", err))
	}
	e = Evidence{Type: d.Type, ID: d.ID, Body: bytes.Clone(d.Body), Origin: b.Origin, NoteA: []byte(b.NoteA), NoteB: []byte(b.NoteB)}
	for _, n := range []struct {
		field string
		msg   []byte
		to    *comity.Head
	}{{"note_a", e.NoteA, &e.A}, {"note_b", e.NoteB, &e.B}} {
		text, err := checkpointText(op, n.msg)
		if err != nil {
			return Evidence{}, fieldOf(op, d.Type, n.field, err)
		}
		origin, h, err := parseCheckpoint(string(text))
		if err != nil || origin != b.Origin {
			return Evidence{}, fieldOf(op, d.Type, n.field, err)
		}
		*n.to = h
	}
	return e, e.contradiction(op, &b)
}

// contradiction accepts nothing but a proof that B's tree does not begin with
// A's.
func (e *Evidence) contradiction(op string, b *evidenceBody) error {
	if e.A.Size < 1 || e.A.Size > e.B.Size { // every log continues the empty one
		return fieldOf(op, e.Type, "note_a", nil)
	}
	if e.A.Size == e.B.Size {
		if len(b.PrefixRoot) != 0 || len(b.Consistency) != 0 {
			return fieldOf(op, e.Type, "prefix_root", nil)
		}
		e.Prefix = e.B.Root
	} else {
		proof, ok := hashes(b.Consistency)
		if len(b.PrefixRoot) != hashSize || !ok {
			return fieldOf(op, e.Type, "prefix_root", nil)
		}
		e.Prefix = comity.Hash(b.PrefixRoot)
		if err := CheckConsistency(comity.Head{Size: e.A.Size, Root: e.Prefix}, e.B, proof); err != nil {
			return err
		}
	}
	if e.Prefix == e.A.Root {
		return unverified(op, e.Origin, nil, "proof.no_contradiction",
			comity.A("origin", e.Origin), comity.A("a", e.A.Size), comity.A("b", e.B.Size))
	}
	return nil
}

func openEvidence(typ string, doc []byte, vs []note.Verifier) (Evidence, error) {
	const op = "open evidence"
	e, err := ReadEvidence(doc)
	if err != nil {
		return Evidence{}, err
	}
	if e.Type != typ {
		return Evidence{}, invalid(op, e.Type, nil, "proof.not_evidence", comity.A("type", e.Type))
	}
	for _, n := range []struct {
		msg []byte
		key *KeyID
		at  *time.Time
	}{{e.NoteA, &e.KeyA, &e.AtA}, {e.NoteB, &e.KeyB, &e.AtB}} {
		opened, err := openNote(op, e.Origin, n.msg, maxCheckpoint, vs...)
		if err != nil {
			return Evidence{}, err
		}
		s := opened.Sigs[0]
		*n.key = KeyID{s.Name, s.Hash}
		if typ != TypeDoubleReceipt {
			continue
		}
		if *n.at, err = cosig.CoSigV1Timestamp(s); err != nil {
			return Evidence{}, unverified(op, s.Name, err, "ledger.receipt_time")
		}
		*n.at = n.at.UTC()
	}
	return e, nil
}

// documentBody cuts signature lines off a document. Inside JSON a line cannot
// begin as they do.
func documentBody(doc []byte) []byte {
	if i := bytes.LastIndex(doc, []byte("\n\n— ")); i >= 0 {
		// The first of the lines follows the only blank line before them.
		return doc[:i+1]
	}
	return doc
}

// hashes reads a list of 32-byte values within the bound of a proof.
func hashes(list [][]byte) ([]comity.Hash, bool) {
	if len(list) > maxProof {
		return nil, false
	}
	out := make([]comity.Hash, len(list))
	for i, b := range list {
		if len(b) != hashSize {
			return nil, false
		}
		out[i] = comity.Hash(b)
	}
	return out, true
}

// fieldOf says which part of a document is wrong.
func fieldOf(op, typ, field string, cause error) error {
	return invalid(op, typ, cause, "proof.document_field", comity.A("type", typ), comity.A("field", field))
}

// hashesOf gives hashes as the byte strings that JSON documents carry.
func hashesOf(list []comity.Hash) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}
