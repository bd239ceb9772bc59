package federation

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// fixedLatest is a witness's memory that takes one step.
type fixedLatest struct{ head comity.Head }

func (f fixedLatest) Latest(context.Context, string) (comity.Head, []byte, error) {
	return f.head, nil, nil
}

func (f fixedLatest) Advance(context.Context, string, comity.Head, comity.Head, []byte) (bool, error) {
	return true, nil
}

// jsonText spells a text as documents do, without the quotes.
func jsonText(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	e := stdjson.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	text := bytes.TrimSpace(b.Bytes())
	return string(text[1 : len(text)-1])
}

func (w *vectorWorld) identity(t *testing.T) any {
	next := vectorKeys(t, 2, "heir.example", w.ids[0].ID)
	return obj{"genesis": string(w.ids[0].Genesis), "node_id": w.ids[0].ID, "fingerprint": w.ids[0].Fingerprint, "note": string(w.ids[0].Note),
		"tls_pin": hexOf(w.ids[0].TLSPin), "other_genesis": string(w.ids[1].Genesis), "other_node_id": w.ids[1].ID,
		"pair_code": PairCode(w.ids[0], w.ids[1]), "successor_genesis": string(next.genesis), "successor_node_id": next.id}
}

// keysFile is a life: an orderly rotation, a theft, a root that is replaced.
func (w *vectorWorld) keysFile(t *testing.T) any {
	k, at := w.keys[0], vectorTime
	var statements []obj
	seeded := &seeds{}
	for i, r := range []Rotation{
		{Roles: []KeyRole{RoleLog, RoleTLS}, LastGood: LastGood{Log: 4, Channels: map[comity.ChannelID]int64{w.ch: 7}}},
		{Roles: []KeyRole{RoleLog, RoleRcv}, Stolen: []KeyRole{RoleLog, RoleRcv}, LastGood: LastGood{Log: 9, Channels: map[comity.ChannelID]int64{w.ch: 20}}},
		{Roles: []KeyRole{RoleRoot, RoleDoc}},
	} {
		at = at.AddDate(0, 1, 0)
		next, statement, err := k.Rotate(seeded, r, at)
		if err != nil {
			t.Fatal(err)
		}
		k = next
		statements = append(statements, obj{"seq": i + 1, "statement": string(statement), "hash": k.chain.hashes[i+1]})
	}
	var checks []obj
	for _, c := range []struct {
		key  int
		size int64
	}{{0, 7}, {0, 8}, {1, 20}, {1, 21}, {2, 1000}} {
		span := k.chain.spans[RoleLog][c.key]
		key := ledger.KeyID{Name: span.v.Name(), Hash: span.v.KeyHash()}
		_, err := k.chain.LogKey(key, w.origin, c.size)
		checks = append(checks, obj{"key": key.String(), "origin": w.origin, "size": c.size, "counts": err == nil})
	}
	var pins []obj
	for _, after := range []time.Duration{0, 6 * 24 * time.Hour, 7 * 24 * time.Hour} {
		when := vectorTime.AddDate(0, 1, 0).Add(after)
		var accepted []string
		for _, p := range k.chain.Pins(when) {
			accepted = append(accepted, hexOf(p))
		}
		pins = append(pins, obj{"at": when.Format(time.RFC3339), "accepted": accepted})
	}
	msg, err := k.IdentityNote(vectorProfile(0), at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseIdentity(msg); err != nil {
		t.Fatal(err)
	}
	// A thief with the log key in force, but without the root.
	thief := keysBody{ID: k.id, Seq: 4, Prev: k.chain.hashes[3], At: at, Doc: vkeyOf(k.name+"/doc", algEd25519, seedN(99, 1))}
	forged, err := thief.statement(k.log)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenKeyChain(k.genesis, append(k.chain.Statements(), forged)...)
	wantErr(t, err, comity.Unverified, "keychain.root_signature")
	return obj{"genesis": string(k.genesis), "statements": statements, "refused": string(forged), "log_checks": checks, "tls_pins": pins, "identity_note": string(msg)}
}

// seeds gives fixed seeds one after another.
type seeds struct{ n byte }

func (s *seeds) Read(p []byte) (int, error) {
	s.n++
	return copy(p, seedN(100, s.n)), nil
}

func (w *vectorWorld) agreementFile(t *testing.T) any {
	a, err := ParseAgreement(w.agreement)
	if err != nil {
		t.Fatal(err)
	}
	channels := obj{}
	for _, id := range w.ids {
		channels[string(id.ID)] = ledger.ChannelIDOf(a.Chain, id.ID, "indicators")
	}
	return obj{"signed": string(w.signed), "id": a.ID, "chain": a.Chain, "channels": channels,
		"vkeys": []string{w.keys[0].chain.now.Doc, w.keys[1].chain.now.Doc, w.keys[2].chain.now.Doc}}
}

func (w *vectorWorld) inbox(t *testing.T) any {
	a, err := ParseAgreement(w.agreement)
	if err != nil {
		t.Fatal(err)
	}
	var out []obj
	for _, d := range []InboxDocument{
		{Type: TypeIntroduce, Subject: w.ids[2], Met: "in person 2026-05-03", Scope: "indicators"},
		{Type: TypeVerified, Genesis: comity.Hash(seedN(3, 3))},
		{Type: TypeSuspend, About: a.ID, Why: "maintenance"},
		{Type: TypeResume, About: a.ID},
		{Type: TypeEnd, About: a.ID, Why: "new treaty"},
		{Type: TypeEraseAnswer, Channel: w.ch, Index: 5, Law: "evidence act"},
		{Type: TypeEraseAnswer, Channel: w.ch, Index: 5, Done: true},
		{Type: TypeMarkAnswer, Channel: w.ch, Index: 3, Onward: 3, Told: 3},
		{Type: TypeComplaint, Channel: w.ch, Index: 6, Since: vectorTime.Add(-time.Hour), Tries: 12},
	} {
		d.To, d.At = w.ids[0].ID, vectorTime
		raw, err := w.keys[1].SignInbox(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenInbox(raw, w.ids[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, obj{"type": d.Type, "id": got.ID, "document": string(raw)})
	}
	return obj{"from": w.ids[1].ID, "to": w.ids[0].ID, "vkey": w.keys[1].chain.now.Doc, "documents": out}
}

func (w *vectorWorld) proofFile(t *testing.T) any {
	path, err := ledger.ProveInclusion(t.Context(), w.tiles, w.head, 1)
	if err != nil {
		t.Fatal(err)
	}
	full := ProofFile{Index: 1, Item: w.items[1], Inclusion: path, Checkpoint: []byte(w.cosigned(t, w.origin, w.head, w.rcv(1, 1), w.rcv(2, 4))),
		Publisher: w.ids[0].Note, Readers: [][]byte{w.ids[1].Note, w.ids[2].Note}, Agreement: w.signed}
	b, err := EncodeProof(full)
	if err != nil {
		t.Fatal(err)
	}
	bare := full
	bare.Item, bare.Readers, bare.Agreement = ledger.Item{Entry: full.Item.Entry}, nil, nil
	small, err := EncodeProof(bare)
	if err != nil {
		t.Fatal(err)
	}
	p, err := VerifyProof(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var receipts []obj
	for _, r := range p.Receipts {
		receipts = append(receipts, obj{"reader": r.Reader.ID, "time": r.At.Unix()})
	}
	return obj{"file_base64": base64.StdEncoding.EncodeToString(b), "publisher": p.Publisher.ID, "channel": p.Channel, "index": p.Index, "size": p.Head.Size, "root": hexOf(p.Head.Root),
		"entry": string(p.EntryBytes), "payload": string(p.Content.Payload), "receipts": receipts, "median": p.Median.Unix(), "stream": p.Stream, "agreement": p.Agreement.ID,
		"entry_only": string(small)}
}

func (w *vectorWorld) words(*testing.T) any {
	return []obj{{"secret": hex.EncodeToString(w.keys[0].offline.Root), "words": wordsOf(w.keys[0].offline.Root)},
		{"secret": hex.EncodeToString(make([]byte, 32)), "words": wordsOf(make([]byte, 32))}}
}

// What is published is accepted when it is read from the files, as another
// implementation would.
func TestVectorsAreAccepted(t *testing.T) {
	w := newVectorWorld(t)
	var keys struct {
		Note string `json:"identity_note"`
	}
	readVector(t, "keys", &keys)
	id, err := ParseIdentity([]byte(keys.Note))
	if err != nil || id.ID != w.ids[0].ID || id.Keys.Len() != 3 {
		t.Errorf("keys.json: %v", err)
	}
	var ev map[string]struct {
		Document string `json:"document"`
	}
	readVector(t, "evidence", &ev)
	for name, by := range map[string]*Identity{"fork": w.ids[0], "double_receipt": w.ids[1], "rollback": w.ids[0]} {
		if _, err := OpenEvidence([]byte(ev[name].Document), by); err != nil {
			t.Errorf("evidence.json %s: %v", name, err)
		}
	}
	var p struct {
		File  []byte `json:"file_base64"`
		Small string `json:"entry_only"`
	}
	readVector(t, "proof", &p)
	for _, b := range [][]byte{p.File, []byte(p.Small)} {
		if _, err := VerifyProof(bytes.NewReader(b)); err != nil {
			t.Errorf("proof.json: %v", err)
		}
	}
}

func readVector(t *testing.T, name string, v any) {
	t.Helper()
	b, err := vectorFile(name)
	if err == nil {
		err = stdjson.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}
