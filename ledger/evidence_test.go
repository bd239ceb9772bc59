package ledger

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

// history is one log with the checkpoints that its publisher could sign.
type history struct {
	tiles memTiles
	head  comity.Head
}

func historyOf(t rapid.TB, ls []comity.Hash) history {
	tiles, head := build(t, ls)
	return history{tiles, head}
}

// at gives the head that the log had at a size.
func (h history) at(t rapid.TB, size int64) comity.Head {
	t.Helper()
	root, _, err := ProvePrefix(context.Background(), h.tiles, h.head, size)
	if err != nil {
		t.Fatal(err)
	}
	return comity.Head{Size: size, Root: root}
}

func signed(t rapid.TB, s note.Signer, h comity.Head) []byte {
	t.Helper()
	msg, err := SignCheckpoint(s, testOrigin, h)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// evidenceKeys are a publisher's and a reader's keys.
func evidenceKeys(t testing.TB) (log note.Signer, logV note.Verifier, rcv note.Signer, rcvV note.Verifier) {
	log, logV = keyPair(t, "node.example/log", 1)
	rcv, rcvV = receiptPair(t, "reader.example/rcv", 2)
	return log, logV, rcv, rcvV
}

func TestForkEvidence(t *testing.T) {
	log, logV, _, _ := evidenceKeys(t)
	_, other := keyPair(t, "other.example/log", 9)
	one := historyOf(t, leaves(1, 1777))
	two := historyOf(t, append(leaves(1, 900), leaves(2, 877)...))
	a := signed(t, log, two.at(t, 1000))
	b := signed(t, log, one.head)
	prefix, proof, err := ProvePrefix(context.Background(), one.tiles, one.head, 1000)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := MakeFork(a, b, prefix, proof, logV)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("fork evidence for sizes 1000 and 1777: %d bytes", len(doc))
	if len(doc) > 4<<10 {
		t.Errorf("evidence has %d bytes", len(doc))
	}
	e, err := OpenFork(doc, logV)
	if err != nil || e.A != two.at(t, 1000) || e.B != one.head || e.Prefix != prefix || e.Origin != testOrigin {
		t.Fatalf("%+v %v", e, err)
	}
	if e.KeyA.String() != keyName(logV.Name(), logV.KeyHash()) {
		t.Errorf("signed by %s", e.KeyA)
	}
	// The order in which they are found does not matter; a signature may stand under it.
	swapped, err := MakeFork(b, a, prefix, proof, logV)
	if err != nil || !bytes.Equal(swapped, doc) {
		t.Errorf("swapped notes give other evidence: %v", err)
	}
	line, err := Countersign(doc, log)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := JoinDocument(doc, line)
	if err != nil {
		t.Fatal(err)
	}
	if w, err := OpenFork(wrapped, logV); err != nil || w.ID != e.ID {
		t.Errorf("evidence in a signed document: %v", err)
	}
	if _, err := OpenFork(doc, other); !comity.Is(err, comity.Unverified) {
		t.Errorf("another's key: %v", err)
	}
	if _, err := OpenDoubleReceipt(doc, logV); !comity.Is(err, comity.Invalid) {
		t.Errorf("as another type: %v", err)
	}
	// The same size with another root needs no proof.
	same := signed(t, log, two.head)
	doc, err = MakeFork(b, same, comity.Hash{}, nil, logV)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFork(doc, logV); err != nil {
		t.Error(err)
	}
	if e, err := ReadEvidence(doc); err != nil || e.KeyA != (KeyID{}) {
		t.Errorf("read without keys: %v %v", e.KeyA, err)
	}
}

// A fork at any point, between any two sizes that differ, gives evidence.
func TestEveryForkGivesEvidence(t *testing.T) {
	log, logV, _, _ := evidenceKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 600).Draw(t, "size")
		at := rapid.IntRange(0, n-1).Draw(t, "fork")
		m := rapid.IntRange(at+1, n).Draw(t, "smaller")
		one := historyOf(t, leaves(1, n))
		two := historyOf(t, append(leaves(1, at), leaves(2, m-at)...))
		prefix, proof, err := ProvePrefix(context.Background(), one.tiles, one.head, int64(m))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := MakeFork(signed(t, log, two.head), signed(t, log, one.head), prefix, proof, logV)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFork(doc, logV); err != nil {
			t.Fatal(err)
		}
	})
}

// Whoever holds every checkpoint that an honest publisher signed, and every
// receipt that an honest reader gave, can make no evidence of them.
func TestHonestLogIsNeverFramed(t *testing.T) {
	log, logV, rcv, rcvV := evidenceKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 600).Draw(t, "size")
		h := historyOf(t, leaves(1, n))
		sizes := rapid.SliceOfN(rapid.Int64Range(0, int64(n)), 2, 2).Draw(t, "checkpoints")
		a, b := h.at(t, min(sizes[0], sizes[1])), h.at(t, max(sizes[0], sizes[1]))
		prefix, proof, err := ProvePrefix(context.Background(), h.tiles, h.at(t, b.Size), a.Size)
		if err != nil {
			t.Fatal(err)
		}
		switch rapid.IntRange(0, 5).Draw(t, "lie") {
		case 1:
			prefix = comity.Hash{}
		case 2:
			prefix = leafN(3, 3)
		case 3:
			prefix[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		case 4:
			prefix = b.Root
		case 5:
			prefix = emptyRoot()
		}
		switch rapid.IntRange(0, 4).Draw(t, "proof") {
		case 1:
			proof = nil
		case 2:
			proof = leaves(rapid.IntRange(0, 9).Draw(t, "seed"), rapid.IntRange(0, 12).Draw(t, "hashes"))
		case 3:
			if len(proof) > 0 {
				proof[rapid.IntRange(0, len(proof)-1).Draw(t, "which")] = prefix
			}
		case 4:
			proof = append(proof, a.Root)
		}
		na, nb := signed(t, log, a), signed(t, log, b)
		if doc, err := MakeFork(na, nb, prefix, proof, logV); err == nil {
			t.Fatalf("an honest log was framed: %s", doc)
		}
		la, err1 := SignReceipt(rcv, na)
		lb, err2 := SignReceipt(rcv, nb)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if doc, err := MakeDoubleReceipt(concat(na, la), concat(nb, lb), prefix, proof, rcvV); err == nil {
			t.Fatalf("an honest reader was framed: %s", doc)
		}
		frameByHand(t, na, nb, prefix, proof, logV)
	})
}

// frameByHand writes the document without MakeFork, in both orders, with and
// without prefix.
func frameByHand(t *rapid.T, a, b []byte, prefix comity.Hash, proof []comity.Hash, v note.Verifier) {
	for _, body := range []evidenceBody{
		{Origin: testOrigin, NoteA: string(a), NoteB: string(b), PrefixRoot: prefix[:], Consistency: hashesOf(proof)},
		{Origin: testOrigin, NoteA: string(b), NoteB: string(a), PrefixRoot: prefix[:], Consistency: hashesOf(proof)},
		{Origin: testOrigin, NoteA: string(a), NoteB: string(b)},
		{Origin: testOrigin, NoteA: string(a), NoteB: string(a)},
	} {
		if _, err := OpenFork(evidenceText(t, TypeFork, body), v); err == nil {
			t.Fatalf("an honest log was framed: %+v", body)
		}
	}
}

func TestDoubleReceipt(t *testing.T) {
	log, _, rcv, rcvV := evidenceKeys(t)
	_, stranger := receiptPair(t, "other.example/rcv", 7)
	one, two := historyOf(t, leaves(1, 40)), historyOf(t, leaves(2, 40))
	var notes [2][]byte
	for i, h := range []history{one, two} {
		notes[i] = signed(t, log, h.head)
		line, err := SignReceipt(rcv, notes[i])
		if err != nil {
			t.Fatal(err)
		}
		notes[i] = append(notes[i], line...)
	}
	doc, err := MakeDoubleReceipt(notes[0], notes[1], comity.Hash{}, nil, rcvV)
	if err != nil {
		t.Fatal(err)
	}
	e, err := OpenDoubleReceipt(doc, rcvV)
	if err != nil || e.AtA.IsZero() || e.AtB.IsZero() || e.KeyB.Hash != rcvV.KeyHash() {
		t.Fatalf("%+v %v", e, err)
	}
	if bytes.Contains(doc, []byte("node.example/log")) {
		t.Error("the publisher's signature stands in evidence against a reader")
	}
	if _, err := OpenDoubleReceipt(doc, stranger); !comity.Is(err, comity.Unverified) {
		t.Errorf("another reader's key: %v", err)
	}
}

// No single changed bit of evidence leaves other evidence.
func TestEvidenceBitFlips(t *testing.T) {
	log, logV, _, _ := evidenceKeys(t)
	one, two := historyOf(t, leaves(1, 9)), historyOf(t, append(leaves(1, 4), leaves(2, 2)...))
	prefix, proof, err := ProvePrefix(context.Background(), one.tiles, one.head, 6)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := MakeFork(signed(t, log, two.head), signed(t, log, one.head), prefix, proof, logV)
	if err != nil {
		t.Fatal(err)
	}
	want, err := OpenFork(doc, logV)
	if err != nil {
		t.Fatal(err)
	}
	for i := range doc {
		for bit := range 8 {
			bad := bytes.Clone(doc)
			bad[i] ^= 1 << bit
			got, err := OpenFork(bad, logV)
			if err == nil && (got.A != want.A || got.B != want.B || got.Prefix != want.Prefix || got.Origin != want.Origin || got.KeyA != want.KeyA) {
				t.Fatalf("byte %d bit %d: another claim passes: %+v", i, bit, got)
			}
		}
	}
}
