package federation

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	stdjson "encoding/json"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

var updateVectors = flag.Bool("update", false, "write docs/vectors anew")

// TestVectors makes the test vectors of docs/protocol.md from fixed seeds and
// compares them with the files; -update writes them. A change of a vector is a
// change of the protocol.
func TestVectors(t *testing.T) {
	w := newVectorWorld(t)
	for name, written := range map[string]func(*testing.T) any{
		"names": w.names, "entries": w.entries, "tree": w.tree, "notes": w.notesFile, "chunk": w.chunk, "identity": w.identity, "keys": w.keysFile,
		"agreement": w.agreementFile, "inbox": w.inbox, "nodelog": w.nodeLog, "evidence": w.evidence, "proof": w.proofFile, "witness": w.witness, "words": w.words,
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			e := stdjson.NewEncoder(&out)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(written(t)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("..", "docs", "vectors", name+".json")
			if *updateVectors {
				if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%s differs from what the code makes; if that is meant, run with -update and say so in the changelog", path)
			}
		})
	}
}

// vectorAge are recipients' secrets that only the vectors use.
var vectorAge = [3]string{
	"AGE-SECRET-KEY-PQ-1DSJ4QF2D8ZD54VPRLRDZYJ7VFQKA0YX693AA7UXCWQ3TMP7JQV7SMEWRNC",
	"AGE-SECRET-KEY-PQ-10D5D9730YZEMZJXTM8078YUL38VTLZGWAWK6TEM77HH35TEU209SYGWX0Y",
	"AGE-SECRET-KEY-PQ-1WMDUXRWPRXFUM4UQ0EDJUP75E6428R3ER8GQ3XK0WA68NHHT2M6SD4EACJ",
}

var vectorTime = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

// vectorWorld is three nodes whose every secret is fixed, a channel and an
// agreement. Node 0 publishes, the others read.
type vectorWorld struct {
	keys      [3]*Keys
	ids       [3]*Identity
	rand      *mathrand.ChaCha8
	agreement []byte // body
	signed    []byte // with all lines
	ch        comity.ChannelID
	origin    string
	items     []ledger.Item
	tiles     provableTiles
	head      comity.Head
}

func seedN(node, key byte) []byte {
	sum := sha256.Sum256([]byte{'v', node, key})
	return sum[:]
}

func newVectorWorld(t *testing.T) *vectorWorld {
	t.Helper()
	w := &vectorWorld{rand: mathrand.NewChaCha8([32]byte{42})}
	for i := range w.keys {
		w.keys[i] = vectorKeys(t, byte(i), fmt.Sprintf("node%d.example", i), "")
		msg, err := w.keys[i].IdentityNote(vectorProfile(i), vectorTime)
		if err != nil {
			t.Fatal(err)
		}
		if w.ids[i], err = ParseIdentity(msg); err != nil {
			t.Fatal(err)
		}
	}
	a := comity.Agreement{Kind: "group", Title: "Vectors", Confirm: "2/3", ValidFrom: vectorTime, Streams: []comity.Stream{
		{Name: "indicators", Max: comity.AmberStrict, Onward: comity.OnwardNone, Backfill: "all", Purpose: []string{"defence"}}},
		ReceiptsWithin: "PT1H", ErasureWithin: "PT72H"}
	var lines [][]byte
	for _, id := range w.ids {
		a.Parties = append(a.Parties, comity.Party{ID: id.ID, Name: id.Name})
	}
	js, err := DraftAgreement(a, w.rand)
	if err != nil {
		t.Fatal(err)
	}
	w.agreement = append(append([]byte(TypeAgreement+"\n"), bytes.TrimSpace(js)...), '\n')
	for _, k := range w.keys {
		line, err := k.SignAgreement(w.agreement)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if w.signed, err = ledger.JoinDocument(w.agreement, lines...); err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseAgreement(w.agreement)
	if err != nil {
		t.Fatal(err)
	}
	w.ch = ledger.ChannelIDOf(parsed.Chain, w.ids[0].ID, "indicators")
	w.origin = ledger.Origin(w.ids[0].ID, w.ch)
	w.items = vectorItems(t)
	leaves := make([]comity.Hash, len(w.items))
	for i := range leaves {
		leaves[i] = ledger.LeafHash(w.items[i].Entry)
	}
	tiles, head := extended(t, leaves)
	w.tiles, w.head = tiles, head
	return w
}

func vectorProfile(i int) Profile {
	return Profile{Name: fmt.Sprintf("Node %d", i), Country: "KE", Sector: "government", URL: fmt.Sprintf("https://node%d.example:8844", i)}
}

// vectorKeys makes all keys of a node from fixed seeds.
func vectorKeys(t *testing.T, n byte, name string, succeeds comity.MemberID) *Keys {
	t.Helper()
	s := nodeSecrets{Format: keysFormat, Log: seedN(n, 1), Rcv: seedN(n, 2), Wit: seedN(n, 3), Doc: seedN(n, 4), TLS: seedN(n, 5), Age: vectorAge[n%3]}
	r := rootSecrets{Format: keysFormat, Root: seedN(n, 6), Next: seedN(n, 7)}
	file, err := age.ParseHybridIdentity(s.Age)
	if err != nil {
		t.Fatal(err)
	}
	pin, err := pinOf(s.TLS)
	if err != nil {
		t.Fatal(err)
	}
	next := sha256.Sum256([]byte(vkeyOf(name+"/root", algEd25519, r.Next)))
	s.Genesis, err = json.Marshal(genesis{T: genesisType, Name: name,
		Root: vkeyOf(name+"/root", algEd25519, r.Root), Next: hex.EncodeToString(next[:]),
		Log: vkeyOf(name+"/log", algEd25519, s.Log), Doc: vkeyOf(name+"/doc", algEd25519, s.Doc),
		Rcv: vkeyOf(name+"/rcv", algCosig, s.Rcv), Wit: vkeyOf(name+"/wit", algCosig, s.Wit),
		TLS: hex.EncodeToString(pin[:]), Age: file.Recipient().String(), Created: vectorTime,
		Nonce: base64.StdEncoding.EncodeToString(seedN(n, 8)), Succeeds: succeeds}, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	k, err := openKeys(s, &r)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// cosigner makes cosignature/v1 signatures with a fixed time, which the library
// cannot.
type cosigner struct {
	name string
	seed []byte
	at   time.Time
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	pub := ed25519.NewKeyFromSeed(c.seed).Public().(ed25519.PublicKey)
	return keyHash(c.name, append([]byte{algCosig}, pub...))
}

func (c cosigner) Sign(msg []byte) ([]byte, error) {
	text := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", c.at.Unix(), msg)
	sig := binary.BigEndian.AppendUint64(nil, uint64(c.at.Unix()))
	return append(sig, ed25519.Sign(ed25519.NewKeyFromSeed(c.seed), text)...), nil
}

var _ note.Signer = cosigner{}

// rcv is a node's receipt key that signs at a fixed time.
func (w *vectorWorld) rcv(i int, minutes int) cosigner {
	return cosigner{w.keys[i].name + "/rcv", w.keys[i].secret.Rcv, vectorTime.Add(time.Duration(minutes) * time.Minute)}
}

func (w *vectorWorld) wit(i int, minutes int) cosigner {
	return cosigner{w.keys[i].name + "/wit", w.keys[i].secret.Wit, vectorTime.Add(time.Duration(minutes) * time.Minute)}
}

func vectorItems(t *testing.T) []ledger.Item {
	t.Helper()
	var items []ledger.Item
	add := func(e ledger.Entry, it ledger.Item) {
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		it.Entry = b
		items = append(items, it)
	}
	for i := range 3 {
		it := ledger.Item{Nonce: seedN(9, byte(i)), Payload: fmt.Appendf(nil, `{"type":"indicator","id":"indicator--%d"}`, i),
			Header: ledger.Header{O: comity.ObjectID(fmt.Sprintf("indicator--%d", i)), F: ledger.MediaSTIX}.Encode()}
		add(ledger.Entry{K: comity.EntryPut, H: comity.Handle(fmt.Sprintf("handle%010d", i)), R: 1, M: comity.Green,
			C: ledger.Commitment(it.Nonce, it.Header, it.Payload), S: int64(len(it.Payload))}, it)
	}
	add(ledger.Entry{K: comity.EntryMark, H: "handle0000000000", R: 2, M: comity.AmberStrict, Why: "request", Must: true}, ledger.Item{})
	add(ledger.Entry{K: comity.EntryRevoke, H: "handle0000000001", R: 2, Why: "false-positive"}, ledger.Item{})
	add(ledger.Entry{K: comity.EntryErase, H: "handle0000000002", R: 2, Why: "law", Must: true}, ledger.Item{})
	add(ledger.Entry{K: comity.EntryCtl, Ctl: []byte(`{"agreement":"next"}`)}, ledger.Item{})
	return items
}

func extended(t *testing.T, leaves []comity.Hash) (provableTiles, comity.Head) {
	t.Helper()
	tiles, head, err := ledger.Extend(t.Context(), provableTiles{}, comity.Head{}, leaves)
	if err != nil {
		t.Fatal(err)
	}
	return tiles, head
}

// cosigned is a checkpoint of node 0 with the receipts given.
func (w *vectorWorld) cosigned(t *testing.T, origin string, h comity.Head, by ...note.Signer) string {
	t.Helper()
	msg, err := ledger.SignCheckpoint(w.keys[0].Log(), origin, h)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(msg)
	for _, s := range by {
		line, err := ledger.SignReceipt(s, msg)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line...)
	}
	return string(out)
}

func hexes(list []comity.Hash) []string {
	out := []string{}
	for _, h := range list {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

func hexOf[T ~[32]byte](h T) string { b := [32]byte(h); return hex.EncodeToString(b[:]) }

// vectorFile reads one file of docs/vectors.
func vectorFile(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join("..", "docs", "vectors", name+".json"))
}
