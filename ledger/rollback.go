package ledger

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// AnchoredHead is one channel head as an entry of a node log shows it, with what
// proves it under a checkpoint of that log.
type AnchoredHead struct {
	Index  int64  // of the entry in the node log
	Entry  []byte // its bytes, of kind anchor
	Proof  []comity.Hash
	Anchor AnchorProof
}

// Rollback is verified evidence that a publisher's channel shrank or changed:
// two entries of its own node log, in this order, of which the second shows
// fewer entries, or as many with another root. The order is that of the log; no
// clock is believed.
type Rollback struct {
	ID            string // lower-case hex SHA-256 of Body
	Body          []byte
	Origin        string // of the node log
	Head          comity.Head
	Channel       comity.ChannelID
	First, Second AnchoredHead
	Key           KeyID // who signed; zero from ReadRollback
}

type rollbackBody struct {
	Note   string       `json:"note"`
	First  anchoredBody `json:"first"`
	Second anchoredBody `json:"second"`
}

type anchoredBody struct {
	Index int64            `json:"index"`
	Entry []byte           `json:"entry"`
	Proof [][]byte         `json:"proof"`
	Ch    comity.ChannelID `json:"ch"`
	Size  int64            `json:"size"`
	Root  []byte           `json:"root"`
	Salt  []byte           `json:"salt"`
	Leaf  int64            `json:"leaf"` // index under the anchor
	Path  [][]byte         `json:"path"`
}

// MakeRollback makes a comity/rollback/v1 document from a checkpoint of a node
// log and two of its anchors. It refuses what OpenRollback would refuse.
func MakeRollback(checkpoint []byte, first, second AnchoredHead, vs ...note.Verifier) ([]byte, error) {
	const op = "make evidence"
	msg, _, err := onlyBy(op, checkpoint, vs)
	if err != nil {
		return nil, err
	}
	js, err := json.Marshal(rollbackBody{string(msg), first.body(), second.body()}, json.Deterministic(true))
	if err != nil {
		return nil, comity.E(comity.Internal, op, TypeRollback, comity.Msg("proof.document", comity.A("type", TypeRollback), comity.A("cause", err)), err)
	}
	doc := concat([]byte(TypeRollback+"\n"), js, []byte{'\n'})
	_, err = OpenRollback(doc, vs...)
	return doc, err
}

// OpenRollback verifies such a document offline, given the keys of the node log.
//
// INVARIANT: anchors of a log that only grew give no evidence
// (TestHonestAnchorsAreNeverFramed).
func OpenRollback(doc []byte, vs ...note.Verifier) (Rollback, error) {
	const op = "open evidence"
	r, b, err := readRollback(doc)
	if err != nil {
		return Rollback{}, err
	}
	n, err := openNote(op, r.Origin, []byte(b.Note), maxCheckpoint, vs...)
	if err != nil {
		return Rollback{}, err
	}
	r.Key = KeyID{n.Sigs[0].Name, n.Sigs[0].Hash}
	return r, nil
}

// ReadRollback checks everything but the signature, for which the key is
// needed: a claim, not a proof.
func ReadRollback(doc []byte) (Rollback, error) {
	r, _, err := readRollback(doc)
	return r, err
}

func readRollback(doc []byte) (Rollback, rollbackBody, error) {
	const op = "read evidence"
	var b rollbackBody
	d, err := parseBody(op, documentBody(doc))
	if err != nil {
		return Rollback{}, b, err
	}
	if d.Type != TypeRollback {
		return Rollback{}, b, invalid(op, d.Type, nil, "proof.not_evidence", comity.A("type", d.Type))
	}
	if err := parseObject(d.JSON, &b); err != nil {
		return Rollback{}, b, invalid(op, d.Type, err, "proof.document", comity.A("type", d.Type), comity.A("cause", err))
	}
	text, err := checkpointText(op, []byte(b.Note))
	if err != nil {
		return Rollback{}, b, fieldOf(op, d.Type, "note", err)
	}
	r := Rollback{ID: d.ID, Body: bytes.Clone(d.Body), Channel: b.First.Ch}
	if r.Origin, r.Head, err = parseCheckpoint(string(text)); err != nil {
		return Rollback{}, b, fieldOf(op, d.Type, "note", err)
	}
	if r.First, err = b.First.under(op, "first", r.Head); err != nil {
		return Rollback{}, b, err
	}
	if r.Second, err = b.Second.under(op, "second", r.Head); err != nil {
		return Rollback{}, b, err
	}
	was, is := r.First.Anchor.Head, r.Second.Anchor.Head
	shrank := is.Size < was.Size || is.Size == was.Size && is.Root != was.Root
	if b.First.Ch != b.Second.Ch || r.First.Index >= r.Second.Index || !shrank {
		return Rollback{}, b, unverified(op, r.Origin, nil, "proof.no_contradiction",
			comity.A("origin", r.Origin), comity.A("a", was.Size), comity.A("b", is.Size))
	}
	return r, b, nil
}

func (h *AnchoredHead) body() anchoredBody {
	return anchoredBody{Index: h.Index, Entry: h.Entry, Proof: hashesOf(h.Proof), Ch: h.Anchor.Channel, Size: h.Anchor.Head.Size,
		Root: h.Anchor.Head.Root[:], Salt: h.Anchor.Salt, Leaf: h.Anchor.Index, Path: hashesOf(h.Anchor.Proof)}
}

// under checks one anchored head up to the node log's head.
func (b *anchoredBody) under(op, field string, log comity.Head) (AnchoredHead, error) {
	proof, ok := hashes(b.Proof)
	path, ok2 := hashes(b.Path)
	if !ok || !ok2 || len(b.Root) != hashSize {
		return AnchoredHead{}, fieldOf(op, TypeRollback, field, nil)
	}
	h := AnchoredHead{Index: b.Index, Entry: b.Entry, Proof: proof, Anchor: AnchorProof{
		Anchored: Anchored{Channel: b.Ch, Head: comity.Head{Size: b.Size, Root: comity.Hash(b.Root)}, Salt: b.Salt}, Index: b.Leaf, Proof: path}}
	if b.Size == 0 { // one spelling of nothing
		h.Anchor.Head.Root = emptyRoot()
	}
	if err := CheckInclusion(LeafHash(b.Entry), b.Index, log, proof); err != nil {
		return AnchoredHead{}, err
	}
	e, err := ParseNodeEntry(b.Index, b.Entry)
	if err != nil {
		return AnchoredHead{}, fieldOf(op, TypeRollback, field, err)
	}
	return h, CheckAnchor(e, h.Anchor)
}
