package federation

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// lied is a publisher's log, and a second history that shares its first entries.
type lied struct {
	k      *Keys
	ch     comity.ChannelID
	origin string
	tiles  provableTiles
	mine   comity.Head // what this node verified
	theirs comity.Head // what it was shown elsewhere
}

func newLie(t testing.TB, k *Keys, n, at, m int) lied {
	t.Helper()
	l := lied{k: k, ch: comity.ChannelID(strings.Repeat("a", 26))}
	l.origin = ledger.Origin(k.ID(), l.ch)
	grow := func(n int, second bool) (provableTiles, comity.Head) {
		leaves := make([]comity.Hash, n)
		for i := range leaves {
			leaves[i] = comity.Hash{byte(i), byte(i >> 8), 1}
			if second && i >= at {
				leaves[i][2] = 2
			}
		}
		tiles, head, err := ledger.Extend(context.Background(), provableTiles{}, comity.Head{}, leaves)
		if err != nil {
			t.Fatal(err)
		}
		return tiles, head
	}
	l.tiles, l.mine = grow(n, false)
	_, l.theirs = grow(m, true)
	return l
}

func (l *lied) sign(t testing.TB, k *Keys, h comity.Head) []byte {
	t.Helper()
	msg, err := ledger.SignCheckpoint(k.Log(), l.origin, h)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestForkEvidenceAgainstNode(t *testing.T) {
	k := chainKeys(t)
	id, other := identityOf(t, k, testProfile), identityOf(t, chainKeys(t), testProfile)
	l := newLie(t, k, 300, 100, 200)
	e, err := ForkEvidence(context.Background(), l.tiles, l.sign(t, k, l.mine), l.sign(t, k, l.theirs), id)
	if err != nil {
		t.Fatal(err)
	}
	if e.Accused != id.ID || e.A != l.theirs || e.B != l.mine || e.Type != ledger.TypeFork {
		t.Fatalf("%+v", e)
	}
	_, err = OpenEvidence(e.Body, other)
	wantErr(t, err, comity.Unverified, "ledger.unknown_key")
	// It goes from hand to hand; each says who passes it on, the evidence stays the same.
	b, c := chainKeys(t), chainKeys(t)
	for _, by := range []*Keys{b, c} {
		raw, err := by.SignInbox(InboxDocument{Type: e.Type, Body: e.Body})
		if err != nil {
			t.Fatal(err)
		}
		d, err := OpenInbox(raw, identityOf(t, by, testProfile))
		if err != nil || d.From != by.ID() || d.Origin != l.origin || d.ID != e.ID || d.To != "" {
			t.Fatalf("%+v %v", d, err)
		}
		if got, err := OpenEvidence(d.Body, id); err != nil || got.ID != e.ID {
			t.Fatal(err)
		}
		_, err = OpenInbox(raw, id)
		wantErr(t, err, comity.Unverified, "federation.document_signature")
		_, err = OpenInbox(raw, nil)
		wantErr(t, err, comity.Unauthenticated, "federation.stranger")
	}
	if _, err := b.SignInbox(InboxDocument{Type: ledger.TypeFork, Body: []byte("comity/fork/v1\n{}\n")}); err == nil {
		t.Error("what is no evidence was signed")
	}
	_, err = OpenEvidence([]byte("comity/agreement/v1\n{}\n"), id)
	wantErr(t, err, comity.Invalid, "proof.not_evidence")
	// The same history is no evidence, and a larger one cannot be compared.
	_, err = ForkEvidence(context.Background(), l.tiles, l.sign(t, k, l.mine), l.sign(t, k, l.mine), id)
	wantErr(t, err, comity.Unverified, "proof.no_contradiction")
	_, err = ForkEvidence(context.Background(), l.tiles, l.sign(t, k, l.theirs), l.sign(t, k, l.mine), id)
	wantErr(t, err, comity.Invalid, "federation.beyond_end")
}

// Another node's log in the evidence does not convict this one.
func TestEvidenceIsAboutOwnLogs(t *testing.T) {
	k := chainKeys(t)
	id := identityOf(t, k, testProfile)
	l := newLie(t, k, 30, 10, 20)
	l.origin = ledger.Origin(chainKeys(t).ID(), l.ch)
	_, err := ForkEvidence(context.Background(), l.tiles, l.sign(t, k, l.mine), l.sign(t, k, l.theirs), id)
	wantErr(t, err, comity.Unverified, "proof.file_origin")
}

// What a thief signed beyond the last good size does not convict the owner; what
// was signed within does.
func TestThiefsForkIsNotTheOwners(t *testing.T) {
	k := chainKeys(t)
	l := newLie(t, k, 300, 100, 200)
	mine, theirs := l.sign(t, k, l.mine), l.sign(t, k, l.theirs)
	e, err := ForkEvidence(context.Background(), l.tiles, mine, theirs, identityOf(t, k, testProfile))
	if err != nil {
		t.Fatal(err)
	}
	for good, convicts := range map[int64]bool{100: false, 299: false, 300: true} {
		after := rotated(t, k, Rotation{Roles: []KeyRole{RoleLog}, Stolen: []KeyRole{RoleLog}, LastGood: LastGood{Channels: map[comity.ChannelID]int64{l.ch: good}}}, chainTime)
		_, err := OpenEvidence(e.Body, identityOf(t, after, testProfile))
		if convicts != (err == nil) {
			t.Errorf("last good size %d: %v", good, err)
		}
		if err != nil {
			wantErr(t, err, comity.Unverified, "keychain.key_void")
		}
	}
}

func TestDoubleReceiptAgainstNode(t *testing.T) {
	k, reader := chainKeys(t), chainKeys(t)
	id, publisher := identityOf(t, reader, testProfile), identityOf(t, k, testProfile)
	for name, by := range map[string]struct {
		origin string
		sign   func(msg []byte) ([]byte, error)
		role   KeyRole
	}{
		"channel":  {ledger.Origin(k.ID(), comity.ChannelID(strings.Repeat("b", 26))), func(msg []byte) ([]byte, error) { return ledger.SignReceipt(reader.Rcv(), msg) }, RoleRcv},
		"node log": {ledger.NodeOrigin(k.ID()), func(msg []byte) ([]byte, error) { return ledger.SignReceipt(reader.Wit(), msg) }, RoleWit},
	} {
		l := newLie(t, k, 40, 10, 40)
		l.origin = by.origin
		var notes [2][]byte
		for i, h := range []comity.Head{l.mine, l.theirs} {
			msg := l.sign(t, k, h)
			line, err := by.sign(msg)
			if err != nil {
				t.Fatal(err)
			}
			notes[i] = append(bytes.Clone(msg), line...)
		}
		doc, err := ledger.MakeDoubleReceipt(notes[0], notes[1], comity.Hash{}, nil, id.Keys.Key(by.role))
		if err != nil {
			t.Fatal(err)
		}
		e, err := OpenEvidence(doc, id)
		if err != nil || e.Accused != id.ID || e.At.IsZero() {
			t.Fatalf("%s: %+v %v", name, e, err)
		}
		if _, err = OpenEvidence(doc, publisher); !comity.Is(err, comity.Unverified) {
			t.Errorf("%s: the publisher is accused of its reader's lie: %v", name, err)
		}
	}
}

func TestRollbackAgainstNode(t *testing.T) {
	k := chainKeys(t)
	id := identityOf(t, k, testProfile)
	entries := [][]byte{k.genesis}
	var shown []ledger.AnchoredHead
	for i, size := range []int64{100, 90} {
		a, err := ledger.NewAnchor([]ledger.Anchored{{Channel: comity.ChannelID(strings.Repeat("a", 26)), Head: comity.Head{Size: size, Root: comity.Hash{1}}, Salt: bytes.Repeat([]byte{byte(i)}, 32)}})
		if err != nil {
			t.Fatal(err)
		}
		entry, err := a.Entry(chainTime).Encode()
		if err != nil {
			t.Fatal(err)
		}
		p, err := a.Prove(comity.ChannelID(strings.Repeat("a", 26)))
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, ledger.AnchoredHead{Index: int64(len(entries)), Entry: entry, Anchor: p})
		entries = append(entries, entry)
	}
	leaves := make([]comity.Hash, len(entries))
	for i := range entries {
		leaves[i] = ledger.LeafHash(entries[i])
	}
	tiles, head, err := ledger.Extend(context.Background(), provableTiles{}, comity.Head{}, leaves)
	if err != nil {
		t.Fatal(err)
	}
	for i := range shown {
		if shown[i].Proof, err = ledger.ProveInclusion(context.Background(), provableTiles(tiles), head, shown[i].Index); err != nil {
			t.Fatal(err)
		}
	}
	msg, err := ledger.SignCheckpoint(k.Log(), ledger.NodeOrigin(k.ID()), head)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := ledger.MakeRollback(msg, shown[0], shown[1], id.Log)
	if err != nil {
		t.Fatal(err)
	}
	e, err := OpenEvidence(doc, id)
	if err != nil || e.A.Size != 100 || e.B.Size != 90 {
		t.Fatalf("%+v %v", e, err)
	}
	raw, err := chainKeys(t).SignInbox(InboxDocument{Type: ledger.TypeRollback, Body: doc})
	if err != nil || !bytes.HasPrefix(raw, doc) {
		t.Fatal(err)
	}
}
