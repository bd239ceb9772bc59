package federation

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/transparency-dev/formats/proof"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// provable is a small world with everything that proof files are made of.
type provable struct {
	keys   []*Keys // the publisher, then the readers
	notes  [][]byte
	ch     comity.ChannelID
	origin string
	items  []ledger.Item
	tiles  provableTiles
	head   comity.Head
	signed []byte // agreement with all lines
	check  []byte // checkpoint with all receipts
}

type provableTiles map[ledger.TileID][]byte

func (m provableTiles) Tiles(_ context.Context, ids []ledger.TileID) ([][]byte, error) {
	out := make([][]byte, len(ids))
	for i, id := range ids {
		out[i] = m[id]
	}
	return out, nil
}

func newProvable(t testing.TB, readers int) *provable {
	t.Helper()
	w := &provable{tiles: provableTiles{}}
	a := comity.Agreement{Kind: "group", Confirm: "2/3", ValidFrom: chainTime, Streams: []comity.Stream{
		{Name: "indicators", Max: comity.AmberStrict, Onward: comity.OnwardNone, Backfill: "all"}}}
	for i := range readers + 1 {
		k := chainKeys(t)
		note, err := k.IdentityNote(Profile{Name: fmt.Sprintf("node %d", i)}, chainTime)
		if err != nil {
			t.Fatal(err)
		}
		w.keys, w.notes = append(w.keys, k), append(w.notes, note)
		a.Parties = append(a.Parties, comity.Party{ID: k.ID(), Name: fmt.Sprintf("node %d", i)})
	}
	w.agree(t, a)
	var leaves []comity.Hash
	for i := range 5 {
		w.items = append(w.items, provableItem(t, i))
		leaves = append(leaves, ledger.LeafHash(w.items[i].Entry))
	}
	var err error
	if _, w.head, err = ledger.Extend(context.Background(), w.tiles, comity.Head{}, nil); err != nil {
		t.Fatal(err)
	}
	tiles, head, err := ledger.Extend(context.Background(), w.tiles, comity.Head{}, leaves)
	if err != nil {
		t.Fatal(err)
	}
	w.tiles, w.head = tiles, head
	w.check = w.checkpoint(t, w.origin, w.head)
	return w
}

// agree has all parties sign an agreement, and names the publisher's channel.
func (w *provable) agree(t testing.TB, a comity.Agreement) {
	t.Helper()
	js, err := DraftAgreement(a, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body := slices.Concat([]byte(TypeAgreement+"\n"), bytes.TrimSpace(js), []byte("\n"))
	var lines [][]byte
	for _, k := range w.keys {
		line, err := k.SignAgreement(body)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if w.signed, err = ledger.JoinDocument(body, lines...); err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseAgreement(body)
	if err != nil {
		t.Fatal(err)
	}
	w.ch = ledger.ChannelIDOf(parsed.Chain, w.keys[0].ID(), "indicators")
	w.origin = ledger.Origin(w.keys[0].ID(), w.ch)
}

// checkpoint signs a head as the publisher, and as every reader.
func (w *provable) checkpoint(t testing.TB, origin string, h comity.Head) []byte {
	t.Helper()
	msg, err := ledger.SignCheckpoint(w.keys[0].Log(), origin, h)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(msg)
	for _, k := range w.keys[1:] {
		s := k.Rcv()
		if origin == ledger.NodeOrigin(w.keys[0].ID()) {
			s = k.Wit()
		}
		line, err := ledger.SignReceipt(s, msg)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line...)
	}
	return out
}

func provableItem(t testing.TB, i int) ledger.Item {
	t.Helper()
	it := ledger.Item{Nonce: bytes.Repeat([]byte{byte(i)}, 32), Payload: fmt.Appendf(nil, `{"type":"indicator","n":%d}`, i),
		Header: ledger.Header{O: comity.ObjectID(fmt.Sprintf("indicator--%d", i)), F: ledger.MediaSTIX}.Encode()}
	e := ledger.Entry{K: comity.EntryPut, H: comity.Handle(fmt.Sprintf("%016d", i)), R: 1, M: comity.Green,
		C: ledger.Commitment(it.Nonce, it.Header, it.Payload), S: int64(len(it.Payload))}
	var err error
	if it.Entry, err = e.Encode(); err != nil {
		t.Fatal(err)
	}
	return it
}

// parts are what a proof of entry i is made of.
func (w *provable) parts(t testing.TB, i int) ProofFile {
	t.Helper()
	path, err := ledger.ProveInclusion(context.Background(), w.tiles, w.head, int64(i))
	if err != nil {
		t.Fatal(err)
	}
	return ProofFile{Index: int64(i), Item: w.items[i], Inclusion: path, Checkpoint: w.check, Publisher: w.notes[0], Readers: w.notes[1:], Agreement: w.signed}
}

func encoded(t testing.TB, p ProofFile) []byte {
	t.Helper()
	b, err := EncodeProof(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProofFile(t *testing.T) {
	w := newProvable(t, 3)
	b := encoded(t, w.parts(t, 3))
	t.Logf("proof file with content, agreement and three receipts: %d bytes", len(b))
	p, err := VerifyProof(iotest.OneByteReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Publisher.ID != w.keys[0].ID() || p.Channel != w.ch || p.Index != 3 || p.Head != w.head || !bytes.Equal(p.EntryBytes, w.items[3].Entry) ||
		p.Content == nil || !bytes.Equal(p.Content.Payload, w.items[3].Payload) || p.Content.Header.O != "indicator--3" ||
		len(p.Receipts) != 3 || p.Median != p.Receipts[1].At || p.Stream != "indicators" || len(p.Signed) != 4 {
		t.Fatalf("%+v", p)
	}
	for _, m := range append(p.Claims(), p.NotProved()...) {
		complete(t, m)
	}
	// Other tools read place, path and checkpoint out of it.
	var other proof.TLogProof
	if err := other.Unmarshal(b); err != nil || other.Index != 3 || len(other.Hashes) != len(w.parts(t, 3).Inclusion) || !bytes.Equal(other.Checkpoint, w.check) {
		t.Errorf("transparency-dev/formats reads %+v %v", other, err)
	}
	if _, err := VerifyProof(iotest.ErrReader(errors.New("gone"))); !comity.Is(err, comity.Unavailable) {
		t.Error(err)
	}
	if _, err := VerifyProof(bytes.NewReader(make([]byte, maxProofFile+1))); !comity.Is(err, comity.TooLarge) {
		t.Error(err)
	}
}

// With less in the file, less is claimed.
func TestProofFileClaimsNoMore(t *testing.T) {
	w := newProvable(t, 3)
	full := w.parts(t, 2)
	bare := ProofFile{Index: 2, Item: ledger.Item{Entry: full.Item.Entry}, Inclusion: full.Inclusion, Checkpoint: full.Checkpoint, Publisher: full.Publisher}
	p, err := VerifyProof(bytes.NewReader(encoded(t, bare)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Content != nil || len(p.Receipts) != 0 || !p.Median.IsZero() || p.Agreement != nil || len(p.Claims()) != 1 || len(p.NotProved()) != 5 {
		t.Errorf("%+v", p)
	}
	// A reader whose identity is not enclosed is not counted.
	some := full
	some.Readers = full.Readers[1:2]
	if p, err = VerifyProof(bytes.NewReader(encoded(t, some))); err != nil || len(p.Receipts) != 1 || p.Receipts[0].Reader.ID != w.keys[2].ID() {
		t.Fatalf("%+v %v", p.Receipts, err)
	}
	// Not a party, though its receipt is good.
	stranger := newProvable(t, 1)
	bad := full
	bad.Agreement = stranger.signed
	if _, err := EncodeProof(bad); !comity.Is(err, comity.Unverified) {
		t.Errorf("another agreement: %v", err)
	}
	for name, change := range map[string]func(*ProofFile){
		"another's log":    func(p *ProofFile) { p.Publisher = w.notes[1] },
		"another entry":    func(p *ProofFile) { p.Item = w.items[1] },
		"another index":    func(p *ProofFile) { p.Index = 1 },
		"index beyond":     func(p *ProofFile) { p.Index = 7 },
		"another content":  func(p *ProofFile) { p.Item.Payload = w.items[1].Payload },
		"another nonce":    func(p *ProofFile) { p.Item.Nonce = bytes.Repeat([]byte{9}, 32) },
		"short nonce":      func(p *ProofFile) { p.Item.Nonce = []byte{} },
		"no path":          func(p *ProofFile) { p.Inclusion = nil },
		"one reader twice": func(p *ProofFile) { p.Readers = append(p.Readers, p.Readers[0]) },
		"publisher reads":  func(p *ProofFile) { p.Readers = append(p.Readers, p.Publisher) },
		"no checkpoint":    func(p *ProofFile) { p.Checkpoint = nil },
	} {
		p := full
		p.Readers = slices.Clone(full.Readers)
		change(&p)
		b := p.text()
		if _, err := VerifyProof(bytes.NewReader(b)); err == nil {
			t.Errorf("%s passes", name)
		} else {
			complete(t, comity.ErrorMessage(err))
		}
	}
}

// The old key's checkpoints stay provable after a rotation, but not beyond.
func TestProofAfterRotation(t *testing.T) {
	w := newProvable(t, 1)
	for good, want := range map[int64]bool{5: true, 4: false} {
		next := rotated(t, w.keys[0], Rotation{Roles: []KeyRole{RoleLog}, Stolen: []KeyRole{RoleLog},
			LastGood: LastGood{Channels: map[comity.ChannelID]int64{w.ch: good}}}, chainTime)
		note, err := next.IdentityNote(Profile{Name: "node 0"}, chainTime)
		if err != nil {
			t.Fatal(err)
		}
		p := w.parts(t, 0)
		p.Publisher = note
		if _, err := EncodeProof(p); (err == nil) != want {
			t.Errorf("last good size %d: %v", good, err)
		}
	}
}

func TestProofOfNodeEntry(t *testing.T) {
	w := newProvable(t, 2)
	salted, err := ledger.NodeCommitment(bytes.Repeat([]byte{1}, 32), []byte("agreement"))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := ledger.NodeEntry{K: ledger.NodeCommit, At: chainTime, Commit: salted}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	tiles, head, err := ledger.Extend(context.Background(), provableTiles{}, comity.Head{}, []comity.Hash{ledger.LeafHash(w.keys[0].genesis), ledger.LeafHash(entry)})
	if err != nil {
		t.Fatal(err)
	}
	path, err := ledger.ProveInclusion(context.Background(), provableTiles(tiles), head, 1)
	if err != nil {
		t.Fatal(err)
	}
	f := ProofFile{Index: 1, Item: ledger.Item{Entry: entry}, Inclusion: path, Checkpoint: w.checkpoint(t, ledger.NodeOrigin(w.keys[0].ID()), head),
		Publisher: w.notes[0], Readers: w.notes[1:]}
	p, err := VerifyProof(bytes.NewReader(encoded(t, f)))
	if err != nil || p.Channel != "" || p.NodeEntry.Commit != salted || len(p.Receipts) != 2 {
		t.Fatalf("%+v %v", p, err)
	}
	f.Item = w.items[0]
	f.Item.Entry = entry
	if _, err := EncodeProof(f); err == nil {
		t.Error("content beside an entry of a node log")
	}
}

// said is everything that a file claims, as one hash.
func said(p Proved) [32]byte {
	var b strings.Builder
	fmt.Fprintln(&b, p.Claims(), p.NotProved(), p.Origin, p.Channel, p.Index, p.Head, p.Key, p.Median, p.Stream, p.Entry, p.NodeEntry)
	fmt.Fprintf(&b, "%q", p.EntryBytes)
	if p.Content != nil {
		fmt.Fprintf(&b, "%q %q", p.Content.Header, p.Content.Payload)
	}
	ids := []*Identity{p.Publisher}
	for _, r := range p.Receipts {
		fmt.Fprintln(&b, r.At, r.Key)
		ids = append(ids, r.Reader)
	}
	for _, id := range append(ids, p.Signed...) {
		fmt.Fprintf(&b, "%q %q %q %v %s %x\n", id.ID, id.Profile, id.Genesis, id.At, id.Age, id.TLSPin)
	}
	if p.Agreement != nil {
		fmt.Fprintf(&b, "%+v", *p.Agreement)
	}
	return sha256.Sum256([]byte(b.String()))
}

// A changed bit is noticed, or changes nothing that is claimed. Every byte is
// tried, with one bit drawn for it; where a line tells who signed, every bit.
func TestProofBitFlips(t *testing.T) {
	w := newProvable(t, 1)
	b := encoded(t, w.parts(t, 1))
	p, err := VerifyProof(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want, passed := said(p), 0
	try := func(i, bit int) {
		b[i] ^= 1 << bit
		got, err := VerifyProof(bytes.NewReader(b))
		b[i] ^= 1 << bit
		if err != nil {
			return
		}
		passed++
		if said(got) != want {
			t.Fatalf("byte %d (%q) bit %d: other claims pass", i, b[max(0, i-20):min(len(b), i+20)], bit)
		}
	}
	plain := bytes.Index(b, []byte("\nindex "))
	step := 1
	if testing.Short() {
		step = 16
	}
	for i := 0; i < plain; i += step {
		n, err := rand.Int(rand.Reader, big.NewInt(8))
		if err != nil {
			t.Fatal(err)
		}
		try(i, int(n.Int64()))
	}
	for i := plain; i < len(b); i++ {
		for bit := range 8 {
			try(i, bit)
		}
	}
	t.Logf("%d bytes, %d changes that change nothing", len(b), passed)
}

func FuzzVerifyProof(f *testing.F) {
	w := newProvable(f, 1)
	full, bare := w.parts(f, 1), w.parts(f, 4)
	bare.Item, bare.Readers, bare.Agreement = ledger.Item{Entry: bare.Item.Entry}, nil, nil
	f.Add(encoded(f, full))
	f.Add(encoded(f, bare))
	f.Add([]byte(proofMagic + "extra \nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := VerifyProof(bytes.NewReader(b))
		if err == nil && (p.Publisher.ID != memberID(p.Publisher.Genesis) || !strings.HasPrefix(p.Origin, string(p.Publisher.ID)+"/")) {
			t.Fatal("a proof of somebody else's log")
		}
		if err != nil {
			named(t, err)
		}
		if parts, err := parseProof(b); err == nil && !bytes.Equal(parts.text(), b) {
			t.Fatal("another spelling")
		}
	})
}
