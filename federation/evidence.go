package federation

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Evidence is verified evidence against one node: its keys, at sizes for which
// they count, signed what an honest node never signs.
type Evidence struct {
	Type    string // ledger.TypeFork, TypeDoubleReceipt or TypeRollback
	ID      string // lower-case hex SHA-256 of Body
	Body    []byte // the document without signatures; what is passed on
	Accused comity.MemberID
	Origin  string      // of the log that was forked, cosigned twice, or whose anchors tell
	A, B    comity.Head // fork and double receipt: the two states; rollback: before and after
	At      time.Time   // double receipt: the later of the two cosignatures' times
}

// OpenEvidence verifies an evidence document against the node that it accuses,
// offline. It is Unverified when the node is not the one, when the signatures
// are by keys that did not count there (stolen ones, for instance: then the
// thief lied, not the node), or when nothing contradicts.
func OpenEvidence(doc []byte, accused *Identity) (Evidence, error) {
	const op = "open evidence"
	typ, _, _ := strings.Cut(string(doc), "\n")
	switch typ {
	case ledger.TypeRollback:
		r, err := ledger.OpenRollback(doc, accused.Keys.every(RoleLog, true)...)
		if err == nil {
			err = accused.owns(op, r.Origin)
		}
		if err == nil {
			_, err = accused.Keys.LogKey(r.Key, r.Origin, r.Head.Size)
		}
		if err != nil {
			return Evidence{}, err
		}
		return Evidence{Type: typ, ID: r.ID, Body: r.Body, Accused: accused.ID, Origin: r.Origin, A: r.First.Anchor.Head, B: r.Second.Anchor.Head}, nil
	case ledger.TypeFork:
		e, err := ledger.OpenFork(doc, accused.Keys.every(RoleLog, true)...)
		if err == nil {
			err = accused.owns(op, e.Origin)
		}
		if err == nil {
			_, err = accused.Keys.LogKey(e.KeyA, e.Origin, e.A.Size)
		}
		if err == nil {
			_, err = accused.Keys.LogKey(e.KeyB, e.Origin, e.B.Size)
		}
		return accused.evidence(e), err
	case ledger.TypeDoubleReceipt:
		role := cosigns(string(doc))
		e, err := ledger.OpenDoubleReceipt(doc, accused.Keys.every(role, true)...)
		if err == nil {
			err = accused.Keys.counts(role, e.KeyA, e.Origin, e.A.Size, e.AtA)
		}
		if err == nil {
			err = accused.Keys.counts(role, e.KeyB, e.Origin, e.B.Size, e.AtB)
		}
		return accused.evidence(e), err
	}
	return Evidence{}, invalid(op, clip(typ), nil, "proof.not_evidence", comity.A("type", clip(typ)))
}

func (id *Identity) evidence(e ledger.Evidence) Evidence {
	out := Evidence{Type: e.Type, ID: e.ID, Body: e.Body, Accused: id.ID, Origin: e.Origin, A: e.A, B: e.B, At: e.AtA}
	if e.AtB.After(out.At) {
		out.At = e.AtB
	}
	return out
}

// owns refuses an origin that is not one of this node's logs.
func (id *Identity) owns(op, origin string) error {
	if !strings.HasPrefix(origin, string(id.ID)+"/") {
		return unverified(op, clip(origin), nil, "proof.file_origin", comity.A("origin", clip(origin)), comity.A("id", id.ID.Grouped()))
	}
	return nil
}

// cosigns tells which key cosigns the log that evidence is about: channels by
// rcv, node logs by wit.
func cosigns(doc string) KeyRole {
	if e, err := ledger.ReadEvidence([]byte(doc)); err == nil && strings.HasSuffix(e.Origin, "/log") {
		return RoleWit
	}
	return RoleRcv
}

// ForkEvidence makes fork evidence against a publisher whose log this node holds:
// r and mine are the verified copy and the checkpoint on it, theirs is another
// checkpoint of the same log that is no larger. For a larger one, what the
// publisher served above mine must be verified first, and the roles change.
func ForkEvidence(ctx context.Context, r ledger.TileReader, mine, theirs []byte, accused *Identity) (Evidence, error) {
	const op = "make evidence"
	origin, _, err := ledger.CheckpointOf(theirs)
	if err != nil {
		return Evidence{}, err
	}
	own, _, err := accused.Keys.Checkpoint(mine, origin)
	if err != nil {
		return Evidence{}, err
	}
	other, _, err := accused.Keys.Checkpoint(theirs, origin)
	if err != nil {
		return Evidence{}, err
	}
	if other.Size > own.Size {
		return Evidence{}, invalid(op, origin, nil, "federation.beyond_end", comity.A("index", other.Size), comity.A("size", own.Size))
	}
	prefix, proof, err := ledger.ProvePrefix(ctx, r, own, other.Size)
	if err != nil {
		return Evidence{}, err
	}
	doc, err := ledger.MakeFork(theirs, mine, prefix, proof, accused.Keys.every(RoleLog, true)...)
	if err != nil {
		return Evidence{}, err
	}
	return OpenEvidence(doc, accused)
}

// isEvidence reports whether a type is evidence: a document that proves itself and
// that its sender only passes on (federation.md 4.10). See OpenEvidence.
func isEvidence(typ string) bool {
	return typ == ledger.TypeFork || typ == ledger.TypeDoubleReceipt || typ == ledger.TypeRollback
}

// passOn signs evidence as the one who found it or passes it on.
func (k *Keys) passOn(body []byte) ([]byte, error) {
	if _, err := readEvidence(body); err != nil {
		return nil, err
	}
	line, err := ledger.Countersign(body, k.doc)
	if err != nil {
		return nil, err
	}
	return ledger.JoinDocument(body, line)
}

// readEvidence checks the form of evidence, and the contradiction but for the
// signatures; it gives the log that it is about.
func readEvidence(body []byte) (origin string, err error) {
	if bytes.HasPrefix(body, []byte(ledger.TypeRollback+"\n")) {
		r, err := ledger.ReadRollback(body)
		return r.Origin, err
	}
	e, err := ledger.ReadEvidence(body)
	return e.Origin, err
}

// openInboxEvidence reads evidence that from passes on.
func openInboxEvidence(doc []byte, typ string, from *Identity) (InboxDocument, error) {
	const op = "open document"
	signed, err := from.Keys.Document(doc)
	if err != nil {
		return InboxDocument{}, notSignedBy(op, typ, from, err)
	}
	origin, err := readEvidence(signed.Body)
	if err != nil {
		return InboxDocument{}, err
	}
	return InboxDocument{Type: typ, ID: signed.ID, From: from.ID, Raw: bytes.Clone(doc), Body: bytes.Clone(signed.Body), Origin: origin}, nil
}
