package ledger

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

// memWitnessed keeps the latest checkpoints in memory.
type memWitnessed struct {
	mu     sync.Mutex
	head   map[string]comity.Head
	note   map[string][]byte
	before func() // runs ahead of a compare-and-swap
}

func newWitnessed() *memWitnessed {
	return &memWitnessed{head: map[string]comity.Head{}, note: map[string][]byte{}}
}

func (m *memWitnessed) Latest(_ context.Context, origin string) (comity.Head, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head[origin], m.note[origin], nil
}

func (m *memWitnessed) Advance(_ context.Context, origin string, old, next comity.Head, checkpoint []byte) (bool, error) {
	if m.before != nil {
		m.before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.head[origin] != old {
		return false, nil
	}
	m.head[origin], m.note[origin] = next, checkpoint
	return true, nil
}

func testWitness(t testing.TB) (*Witness, *memWitnessed, note.Signer, note.Verifier) {
	log, logV := keyPair(t, "node.example/log", 1)
	wit, witV := receiptPair(t, "wit.example/wit", 2)
	state := newWitnessed()
	return &Witness{Signer: wit, State: state, Keys: func(_ context.Context, origin string) ([]note.Verifier, error) {
		if origin != testOrigin {
			return nil, nil
		}
		return []note.Verifier{logV}, nil
	}}, state, log, witV
}

// ask sends the checkpoint of a history at a size, with the honest proof from old.
func ask(t rapid.TB, w *Witness, s note.Signer, h history, old, size int64) WitnessAnswer {
	t.Helper()
	next := h.at(t, size)
	var proof []comity.Hash
	if old <= size {
		var err error
		if proof, err = ProveConsistency(context.Background(), h.tiles, next, old); err != nil {
			t.Fatal(err)
		}
	}
	a, err := w.Add(context.Background(), WitnessRequest{Old: old, Proof: proof, Checkpoint: signed(t, s, next)}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWitnessRefusesRestoredLog(t *testing.T) {
	w, state, log, witV := testWitness(t)
	one := historyOf(t, leaves(1, 200))
	restored := historyOf(t, append(leaves(1, 90), leaves(2, 110)...))
	a := ask(t, w, log, one, 0, 100)
	if a.Status != http.StatusOK || a.Size != 0 {
		t.Fatalf("first checkpoint: %+v", a)
	}
	if _, err := OpenReceipt(signed(t, log, one.at(t, 100)), a.Line, witV); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoint(state.note[testOrigin], witV, testOrigin); err != nil {
		t.Errorf("what is stored is not cosigned: %v", err)
	}
	for name, c := range map[string]struct{ old, size int64 }{
		"as it was restored":        {90, 90},
		"continued below":           {90, 95},
		"continued above":           {90, 120},
		"as if it knew nothing":     {0, 95},
		"as if it knew nothing yet": {0, 0},
	} {
		if a := ask(t, w, log, restored, c.old, c.size); a.Status != http.StatusConflict || a.Size != 100 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a := ask(t, w, log, restored, 100, 95); a.Status != http.StatusBadRequest {
		t.Errorf("smaller than what it says is known: %+v", a)
	}
	if a := ask(t, w, log, restored, 100, 120); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("another history: %+v", a)
	}
	a = ask(t, w, log, restored, 100, 100)
	if a.Status != http.StatusConflict || a.Size != 100 {
		t.Errorf("same size, another root: %+v", a)
	}
	_, logV := keyPair(t, "node.example/log", 1)
	if _, err := OpenFork(a.Fork, logV); err != nil {
		t.Errorf("the fork is not evidence: %v", err)
	}
	if state.head[testOrigin].Size != 100 {
		t.Errorf("the witness moved to %d", state.head[testOrigin].Size)
	}
	if a := ask(t, w, log, one, 100, 200); a.Status != http.StatusOK {
		t.Errorf("the honest log: %+v", a)
	}
	if a := ask(t, w, log, one, 200, 200); a.Status != http.StatusOK {
		t.Errorf("the same again: %+v", a)
	}
}

func TestWitnessStatuses(t *testing.T) {
	w, _, log, _ := testWitness(t)
	stranger, _ := keyPair(t, "other/log", 5)
	h := historyOf(t, leaves(1, 10))
	other, err := SignCheckpoint(log, "someone/log", h.head)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body []byte
		want int
	}{
		"unknown origin": {WitnessRequest{Checkpoint: other}.Encode(), http.StatusNotFound},
		"unknown key":    {WitnessRequest{Checkpoint: signed(t, stranger, h.head)}.Encode(), http.StatusForbidden},
		"empty":          {nil, http.StatusBadRequest},
		"leading zero":   {[]byte("old 01\n\nx"), http.StatusBadRequest},
		"not a hash":     {[]byte("old 1\nAAAA\n\nx"), http.StatusBadRequest},
		"no empty line":  {[]byte("old 1\n"), http.StatusBadRequest},
		"64 hashes":      {WitnessRequest{Old: 1, Proof: leaves(1, 64), Checkpoint: signed(t, log, h.head)}.Encode(), http.StatusBadRequest},
		"proof from 0":   {WitnessRequest{Proof: leaves(1, 1), Checkpoint: signed(t, log, h.head)}.Encode(), http.StatusUnprocessableEntity},
		"large":          {make([]byte, MaxWitnessRequest+1), http.StatusBadRequest},
	} {
		a, err := w.Add(context.Background(), c.body)
		if err != nil || a.Status != c.want || a.Line != nil {
			t.Errorf("%s: %+v %v, want %d", name, a, err, c.want)
		}
	}
}

// Two requests at once: the slower one is told the new size and gets nothing.
func TestWitnessRace(t *testing.T) {
	w, state, log, _ := testWitness(t)
	h := historyOf(t, leaves(1, 30))
	ask(t, w, log, h, 0, 10)
	inner := false
	state.before = func() {
		if !inner {
			inner = true
			if a := ask(t, w, log, h, 10, 30); a.Status != http.StatusOK {
				t.Errorf("the quicker one: %+v", a)
			}
		}
	}
	if a := ask(t, w, log, h, 10, 20); a.Status != http.StatusConflict || a.Size != 30 || a.Line != nil {
		t.Errorf("the slower one: %+v", a)
	}
}

// Whatever is sent in whatever order, what was cosigned is one history.
func TestWitnessNeverContradictsItself(t *testing.T) {
	log, _ := keyPair(t, "node.example/log", 1)
	rapid.Check(t, func(rt *rapid.T) {
		w, _, _, _ := testWitness(t)
		fork := rapid.IntRange(0, 30).Draw(rt, "fork")
		worlds := []history{historyOf(rt, leaves(1, 40)), historyOf(rt, append(leaves(1, fork), leaves(2, 40-fork)...))}
		var cosigned []comity.Head
		for range rapid.IntRange(1, 12).Draw(rt, "requests") {
			world := worlds[rapid.IntRange(0, 1).Draw(rt, "world")]
			old, size := rapid.Int64Range(0, 40).Draw(rt, "old"), rapid.Int64Range(0, 40).Draw(rt, "size")
			if n := len(cosigned); n > 0 && rapid.Bool().Draw(rt, "knows") {
				old = cosigned[n-1].Size
			}
			if a := ask(rt, w, log, world, old, size); a.Status == http.StatusOK {
				cosigned = append(cosigned, a.Head)
			}
		}
		for i := 1; i < len(cosigned); i++ {
			a, b := cosigned[i-1], cosigned[i]
			ok := false
			for _, world := range worlds {
				ok = ok || world.at(rt, a.Size) == a && world.at(rt, b.Size) == b
			}
			if b.Size < a.Size || !ok {
				rt.Fatalf("cosigned %v, then %v", a, b)
			}
		}
	})
}

func FuzzParseWitnessRequest(f *testing.F) {
	f.Add(WitnessRequest{Old: 7, Proof: leaves(1, 3), Checkpoint: []byte("x\n")}.Encode())
	f.Add([]byte("old 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseWitnessRequest(b)
		if err == nil && !bytes.Equal(r.Encode(), b) {
			t.Fatalf("%q has another spelling", b)
		}
	})
}

func FuzzParseNodeEntry(f *testing.F) {
	f.Add(int64(0), []byte(`{"t":"comity/genesis/v1"}`))
	f.Add(int64(1), []byte(`{"v":1,"k":"notice","at":"2026-01-01T00:00:00Z","w":"x","text":"y"}`))
	f.Add(int64(2), []byte(`{"v":1,"k":"anchor","at":"2026-01-01T00:00:00Z","n":1,"a":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`))
	f.Fuzz(func(t *testing.T, index int64, b []byte) {
		e, err := ParseNodeEntry(index, b)
		if err != nil {
			return
		}
		if !bytes.Equal(e.Raw, b) {
			t.Fatal("the bytes are not kept")
		}
		if again, err := e.Encode(); err == nil {
			if r, err := ParseNodeEntry(index, again); err != nil || r.K != e.K {
				t.Fatalf("%q became %q", b, again)
			}
		}
	})
}

func FuzzReadEvidence(f *testing.F) {
	s, v := keyPair(f, "node.example/log", 1)
	a, err1 := SignCheckpoint(s, testOrigin, comity.Head{Size: 5, Root: leafN(1, 1)})
	b, err2 := SignCheckpoint(s, testOrigin, comity.Head{Size: 5, Root: leafN(1, 2)})
	doc, err3 := MakeFork(a, b, comity.Hash{}, nil, v)
	if err1 != nil || err2 != nil || err3 != nil {
		f.Fatal(err1, err2, err3)
	}
	f.Add(doc)
	f.Fuzz(func(t *testing.T, doc []byte) {
		if e, err := OpenFork(doc, v); err == nil && e.A.Root == e.Prefix {
			t.Fatal("evidence without a contradiction")
		}
		_, _ = ReadRollback(doc)
	})
}
