package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	cosig "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// keyPair makes an Ed25519 key (note type 1) that is the same for each seed.
func keyPair(t testing.TB, name string, seed byte) (note.Signer, note.Verifier) {
	s, v, _ := keyTexts(t, name, seed)
	return s, v
}

func keyTexts(t testing.TB, name string, seed byte) (note.Signer, note.Verifier, [2]string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.NewChaCha8([32]byte{seed}), name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return s, v, [2]string{skey, vkey}
}

// receiptPair makes a cosignature/v1 key.
func receiptPair(t testing.TB, name string, seed byte) (note.Signer, note.Verifier) {
	t.Helper()
	_, _, keys := keyTexts(t, name, seed)
	s, err := cosig.NewSignerForCosignatureV1(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	v, err := cosig.NewVerifierForCosignatureV1(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

const testOrigin = "abcdefghijklmnopqrstuvwxyz234567/ch/abcdefghijklmnopqrstuvwxyz"

func TestCheckpointRoundTrip(t *testing.T) {
	s, v := keyPair(t, "node.example/log", 1)
	want := comity.Head{Size: 1777, Root: leafN(1, 1)}
	msg, err := SignCheckpoint(s, testOrigin, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenCheckpoint(msg, v, testOrigin)
	if err != nil || got != want {
		t.Fatalf("%v %v", got, err)
	}
	// Another implementation of C2SP tlog-checkpoint reads the same.
	c, _, n, err := log.ParseCheckpoint(msg, testOrigin, v)
	if err != nil || c.Size != 1777 || !bytes.Equal(c.Hash, want.Root[:]) || len(n.Sigs) != 1 {
		t.Fatalf("transparency-dev/formats reads %+v %v", c, err)
	}
	empty, err := SignCheckpoint(s, testOrigin, comity.Head{})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := OpenCheckpoint(empty, v, testOrigin); err != nil || h.Root != emptyRoot() {
		t.Fatalf("empty log: %v %v", h, err)
	}
}

func TestOpenCheckpointRefuses(t *testing.T) {
	s, v := keyPair(t, "node.example/log", 1)
	other, otherV := keyPair(t, "node.example/log", 2)
	named, _ := keyPair(t, "other.example/log", 3)
	h := comity.Head{Size: 12, Root: leafN(1, 1)}
	msg, err := SignCheckpoint(s, testOrigin, h)
	if err != nil {
		t.Fatal(err)
	}
	root := base64.StdEncoding.EncodeToString(h.Root[:])
	signed := func(sg note.Signer, text string) []byte {
		b, err := note.Sign(&note.Note{Text: text}, sg)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	zero := base64.StdEncoding.EncodeToString(make([]byte, 32))
	cases := map[string][]byte{
		"other key":        signed(other, testOrigin+"\n12\n"+root+"\n"),
		"other name":       signed(named, testOrigin+"\n12\n"+root+"\n"),
		"extension line":   signed(s, testOrigin+"\n12\n"+root+"\next\n"),
		"leading zero":     signed(s, testOrigin+"\n012\n"+root+"\n"),
		"plus sign":        signed(s, testOrigin+"\n+12\n"+root+"\n"),
		"negative":         signed(s, testOrigin+"\n-12\n"+root+"\n"),
		"over MaxSize":     signed(s, testOrigin+"\n9223372036854775807\n"+root+"\n"),
		"short root":       signed(s, testOrigin+"\n12\nAAAA\n"),
		"no root":          signed(s, testOrigin+"\n12\n"),
		"empty, zero root": signed(s, testOrigin+"\n0\n"+zero+"\n"),
		"no note":          []byte("hello"),
		"empty":            nil,
		"cut":              msg[:len(msg)-2],
	}
	for i := range msg { // every byte counts
		b := bytes.Clone(msg)
		b[i] ^= 1
		cases[fmt.Sprint("byte ", i)] = b
	}
	for name, b := range cases {
		got, err := OpenCheckpoint(b, v, testOrigin)
		if !comity.Is(err, comity.Unverified) {
			t.Errorf("%s: %v %v", name, got, err)
		}
		fits(t, err)
	}
	if _, err := OpenCheckpoint(msg, otherV, testOrigin); !comity.Is(err, comity.Unverified) {
		t.Errorf("other verifier: %v", err)
	}
	if _, err := OpenCheckpoint(msg, v, testOrigin+"x"); comity.ErrorMessage(err).Key != "ledger.other_origin" {
		t.Errorf("other origin: %v", err)
	}
	if _, err := OpenCheckpoint(msg, nil, testOrigin); err == nil {
		t.Error("no key: accepted")
	}
	huge := append(bytes.Repeat([]byte("x"), maxCheckpoint), msg...)
	if _, err := OpenCheckpoint(huge, v, testOrigin); !comity.Is(err, comity.TooLarge) {
		t.Errorf("huge: %v", err)
	}
}

func TestSignCheckpointRefuses(t *testing.T) {
	s, _ := keyPair(t, "a", 1)
	for _, o := range []string{"", "a b", "a\nb", "a\tb"} {
		if _, err := SignCheckpoint(s, o, comity.Head{}); err == nil {
			t.Errorf("origin %q accepted", o)
		}
	}
	if _, err := SignCheckpoint(s, "a", comity.Head{Size: -1}); err == nil {
		t.Error("size -1 accepted")
	}
}

func TestReceipt(t *testing.T) {
	log, logV := keyPair(t, "node.example/log", 1)
	rcv, rcvV := receiptPair(t, "reader.example/rcv", 2)
	_, strangerV := receiptPair(t, "reader.example/rcv", 3)
	checkpoint, err := SignCheckpoint(log, testOrigin, comity.Head{Size: 5, Root: leafN(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	line, err := SignReceipt(rcv, checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	at, err := OpenReceipt(checkpoint, line, rcvV)
	if err != nil || time.Since(at).Abs() > time.Hour || at.Location() != time.UTC {
		t.Fatalf("%v %v", at, err)
	}
	// A checkpoint with the line appended is one note with both signatures.
	both, err := note.Open(append(bytes.Clone(checkpoint), line...), note.VerifierList(logV, rcvV))
	if err != nil || len(both.Sigs) != 2 {
		t.Fatalf("%+v %v", both, err)
	}
	if _, err := OpenCheckpoint(append(bytes.Clone(checkpoint), line...), logV, testOrigin); err != nil {
		t.Errorf("checkpoint with a receipt: %v", err)
	}
	if _, err := OpenReceipt(append(bytes.Clone(checkpoint), line...), line, rcvV); err != nil {
		t.Errorf("receipt on a checkpoint with receipts: %v", err)
	}
	next, err := SignCheckpoint(log, testOrigin, comity.Head{Size: 6, Root: leafN(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	mustFail(t, second(OpenReceipt(next, line, rcvV)))
	mustFail(t, second(OpenReceipt(checkpoint, line, strangerV)))
	mustFail(t, second(OpenReceipt(checkpoint, append(bytes.Clone(line), line...), rcvV)))
	mustFail(t, second(OpenReceipt(checkpoint, nil, rcvV)))
	for i := range line[:len(line)-1] { // without its newline it is the same line
		bad := bytes.Clone(line)
		bad[i] ^= 1
		if _, err := OpenReceipt(checkpoint, bad, rcvV); err == nil {
			t.Errorf("byte %d changed: accepted", i)
		}
	}
	if _, err := SignReceipt(log, checkpoint); err == nil {
		t.Error("a plain Ed25519 key signs a receipt")
	}
	if _, err := SignReceipt(rcv, []byte("no checkpoint\n\n")); err == nil {
		t.Error("a receipt on what is no checkpoint")
	}
}

func second(_ time.Time, err error) error { return err }

func TestChannelID(t *testing.T) {
	sum := sha256.Sum256([]byte("c\x00p\x00s"))
	got := ChannelIDOf("c", "p", "s")
	if len(got) != 26 || string(got) != strings.ToLower(lowerBase32.EncodeToString(sum[:]))[:26] {
		t.Errorf("channel id %q", got)
	}
	if Origin("p", got) != "p/ch/"+string(got) {
		t.Errorf("origin %q", Origin("p", got))
	}
	if ChannelIDOf("c", "ps", "") == ChannelIDOf("c", "p", "s") {
		t.Error("the parts run into each other")
	}
}

func TestDocument(t *testing.T) {
	a, av := keyPair(t, "a.example/doc", 1)
	b, bv := keyPair(t, "b.example/doc", 2)
	_, cv := keyPair(t, "c.example/doc", 3)
	msg, err := SignDocument("comity/agreement/v1", []byte(" {\"a\":1,\n\n\"b\":\"é\"}\n"), a)
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenDocument(msg, av, bv)
	if err != nil {
		t.Fatal(err)
	}
	body := "comity/agreement/v1\n{\"a\":1,\n\n\"b\":\"é\"}\n"
	sum := sha256.Sum256([]byte(body))
	if string(d.Body) != body || d.Type != "comity/agreement/v1" || d.ID != hex.EncodeToString(sum[:]) ||
		string(d.JSON) != "{\"a\":1,\n\n\"b\":\"é\"}" || len(d.Signed) != 1 || d.Signed[0].Name != "a.example/doc" {
		t.Fatalf("%+v", d)
	}
	line, err := Countersign(d.Body, b)
	if err != nil {
		t.Fatal(err)
	}
	full, err := JoinDocument(d.Body, d.Signed[0].Line, line, line)
	if err != nil {
		t.Fatal(err)
	}
	d2, err := OpenDocument(full, av, bv)
	if err != nil || len(d2.Signed) != 2 || d2.ID != d.ID {
		t.Fatalf("%+v %v", d2, err)
	}
	once, err := SignDocument("comity/agreement/v1", d.JSON, a, b)
	if err != nil || !bytes.Equal(once, full) {
		t.Errorf("signing at once gives other bytes: %v", err)
	}
	if d3, err := OpenDocument(full, bv); err != nil || len(d3.Signed) != 1 {
		t.Errorf("one known key: %+v %v", d3, err)
	}
	_, err = OpenDocument(full, cv)
	mustFail(t, err)
	_, err = OpenDocument(full)
	mustFail(t, err)
	for i := range len(body) {
		bad := bytes.Clone(full)
		bad[i] ^= 1
		if _, err := OpenDocument(bad, av, bv); err == nil {
			t.Errorf("byte %d changed: accepted", i)
		}
	}
}

func TestDocumentRefuses(t *testing.T) {
	s, v := keyPair(t, "a.example/doc", 1)
	for name, in := range map[string]string{
		"duplicate":  `{"a":1,"a":2}`,
		"deep":       strings.Repeat("[", 33) + strings.Repeat("]", 33),
		"two values": `{} {}`,
		"no value":   ``,
		"tab":        "{\t}",
		"bad utf-8":  "\"\xff\"",
		"big":        `"` + strings.Repeat("x", maxDocument) + `"`,
	} {
		if _, err := SignDocument("comity/agreement/v1", []byte(in), s); err == nil {
			t.Errorf("%s: signed", name)
		}
		// A careless other node may sign it all the same.
		msg, err := note.Sign(&note.Note{Text: "comity/agreement/v1\n" + in + "\n"}, s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = OpenDocument(msg, v)
		if err == nil {
			t.Errorf("%s: opened", name)
		}
		fits(t, err)
	}
	for _, typ := range []string{"", "x", "comity/", "comity/Agreement/v1", "comity agreement v1", "a\nb/v1", strings.Repeat("a", 70) + "/v1"} {
		if _, err := SignDocument(typ, []byte("{}"), s); err == nil {
			t.Errorf("type %q: signed", typ)
		}
	}
	if _, err := SignDocument("comity/agreement/v1", []byte("{}")); err == nil {
		t.Error("a document without a signature")
	}
	many := "comity/x/v1\n{}\n\n" + strings.Repeat("— k AAAAAAAA\n", 101)
	if _, err := OpenDocument([]byte(many), v); comity.ErrorMessage(err).Key != "ledger.many_signatures" {
		t.Errorf("101 signatures: %v", err)
	}
}

func TestCheckJSON(t *testing.T) {
	for _, ok := range []string{`{}`, ` [1, 2] `, `"x"`, `null`, `1e9`, `{"a":{"a":[{}]}}`, "{}\n"} {
		if err := CheckJSON([]byte(ok), 4); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{``, ` `, `{`, `{}{}`, `1 2`, `{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, "\"\xc3\"", `[[[[[]]]]]`, `"\ud800"`, `{}x`, `nul`} {
		if err := CheckJSON([]byte(bad), 4); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}
