package federation

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// fuzzKeys makes the same keys (but the age key) in each process of a fuzzing
// run, so that the signatures of the seeds hold everywhere.
func fuzzKeys(f testing.TB, name string) (*Keys, *Identity) {
	p, at := testProfile, time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC)
	p.Name = name
	k, err := NewKeys(mathrand.NewChaCha8([32]byte{1, name[0]}), p, at)
	if err != nil {
		f.Fatal(err)
	}
	return k, identityOf(f, k, p)
}

// Whatever is accepted says what it is: the id is the hash of the genesis, and
// the note parses to the same again.
func FuzzParseIdentity(f *testing.F) {
	_, id := fuzzKeys(f, "a")
	f.Add(id.Note)
	f.Add(bytes.Replace(id.Note, []byte("\n"), []byte("\n\n"), 1))
	f.Add([]byte("comity/identity/v1\n{\"genesis\":\"\",\"profile\":{}}\n\n— a AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := ParseIdentity(b)
		if (id == nil) == (err == nil) {
			t.Fatal("neither or both of identity and error")
		}
		if err != nil {
			named(t, err)
			return
		}
		if id.ID != memberID(id.Genesis) || !bytes.Equal(id.Note, b) {
			t.Fatal("the identity is not what the note says")
		}
	})
}

// The keys in a genesis are reached without any signature; so it gets a fuzzer
// of its own.
func FuzzParseGenesis(f *testing.F) {
	_, id := fuzzKeys(f, "a")
	f.Add(id.Genesis)
	f.Add([]byte(`{"t":"comity/genesis/v1","name":"a","root":"a/root+00000000+AQ=="}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, keys, err := parseGenesis(b)
		if err != nil {
			named(t, err)
			return
		}
		if keys.root == nil || keys.log == nil || keys.rcv == nil || keys.wit == nil || keys.doc == nil || keys.age == "" {
			t.Fatal("accepted without a key")
		}
	})
}

// What is accepted can be drafted again and means the same.
func FuzzParseAgreement(f *testing.F) {
	_, a := fuzzKeys(f, "a")
	_, b := fuzzKeys(f, "b")
	body, _, err := NewAgreement(draft(f, a, b))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte("comity/agreement/v1\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAgreement(b)
		if err != nil {
			named(t, err)
			return
		}
		if len(a.Parties) < 2 || len(a.Streams) == 0 || len(a.ID) != 64 || len(a.Chain) != 64 {
			t.Fatalf("accepted %+v", a)
		}
		text, err := DraftAgreement(a, rand.Reader)
		if err != nil {
			t.Fatalf("accepted what cannot be written: %v", err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, text); err != nil {
			t.Fatal(err)
		}
		again, err := ParseAgreement([]byte(TypeAgreement + "\n" + line.String() + "\n"))
		if err != nil || again.Kind != a.Kind || len(again.Streams) != len(a.Streams) || !again.ValidFrom.Equal(a.ValidFrom) || again.Quota != a.Quota {
			t.Fatalf("drafted again: %v", err)
		}
	})
}

func FuzzOpenInbox(f *testing.F) {
	ka, a := fuzzKeys(f, "a")
	_, b := fuzzKeys(f, "b")
	for _, d := range []InboxDocument{{Type: TypeIntroduce, Subject: a}, {Type: TypeVerified}, {Type: TypeEnd}, {Type: TypeEraseAnswer, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa"}} {
		d.To, d.At = b.ID, time.Now()
		raw, err := ka.SignInbox(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, from := range []*Identity{a, b, nil} {
			d, err := OpenInbox(raw, from)
			if err != nil {
				named(t, err)
				continue
			}
			if from != nil && d.From != from.ID {
				t.Fatal("accepted as from somebody else")
			}
			if from == nil && (d.Type != TypeIntroduce || d.Subject.ID != d.From) {
				t.Fatal("a stranger got more than an introduction in")
			}
		}
	})
}

// A checkpoint answer is taken apart before it is verified.
func FuzzCheckpointResponse(f *testing.F) {
	k, id := fuzzKeys(f, "a")
	origin := ledger.Origin(id.ID, "aaaaaaaaaaaaaaaaaaaaaaaaaa")
	cp, err := ledger.SignCheckpoint(k.Log(), origin, comity.Head{Size: 3, Root: comity.Hash{1}})
	if err != nil {
		f.Fatal(err)
	}
	line, err := ledger.SignReceipt(k.Rcv(), cp)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(bytes.Clone(cp), line...))
	f.Add(cp)
	f.Add([]byte("\n\n— a b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		own, others, ok := splitNote(b, id.Log)
		if !ok {
			return
		}
		for _, o := range others {
			if signedBy(o, id.Log) {
				t.Fatal("the publisher's line stands among the receipts")
			}
			_, _ = ledger.OpenReceipt(b, o, id.Rcv)
		}
		head, err := ledger.OpenCheckpoint(own, id.Log, origin)
		if err == nil && (head.Size != 3 || head.Root != (comity.Hash{1})) {
			t.Fatal("another head was accepted under this key")
		}
	})
}

// Whatever a peer answers with, the reader gets a message that can be shown.
func FuzzProblem(f *testing.F) {
	f.Add([]byte(`{"kind":"forbidden","message":{"key":"federation.stranger","args":[{"name":"a","value":"b"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p problem
		if json.Unmarshal(b, &p) == nil && sound(p.Message) {
			for _, a := range p.Message.Args {
				if len(a.Value) > 1000 {
					t.Fatal("long argument")
				}
			}
		}
	})
}

func FuzzTilePath(f *testing.F) {
	f.Add("x001/x234/067.p/9")
	f.Fuzz(func(t *testing.T, s string) {
		if n, w, ok := parseTilePath(s); ok && (n < 0 || w < 1 || w > tileWidth) {
			t.Fatalf("%d %d", n, w)
		}
	})
}

// named fails unless an error can be shown to a person.
func named(t *testing.T, err error) {
	t.Helper()
	if comity.ErrorMessage(err).Key == "error.internal" || comity.Is(err, comity.Internal) {
		t.Fatalf("not an error for a person: %v", err)
	}
	complete(t, comity.ErrorMessage(err))
}
