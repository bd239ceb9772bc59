package federation

import (
	"bytes"
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Whatever is published, erased, interrupted and in whatever pieces it is read:
// in the end the reader has exactly what the publisher has.
func TestReadingIsExactlyOnce(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	rapid.Check(t, func(rt *rapid.T) {
		p.pub.log.mu.Lock()
		p.pub.log.items, p.pub.log.tiles, p.pub.log.ch.Head = nil, map[ledger.TileID][]byte{}, comity.Head{}
		p.pub.log.mu.Unlock()
		p.pub.put(t, 10, 40)
		p.sink = newSink(p.pub)
		crash := -1
		p.sink.fail = func(string, bool) error {
			if crash--; crash == 0 {
				return errCrash
			}
			return nil
		}
		for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				p.pub.put(t, rapid.IntRange(1, 20).Draw(rt, "puts"), rapid.IntRange(4, 200).Draw(rt, "size"))
			case 1:
				p.pub.append(t, p.pub.lifecycle(t, comity.EntryRevoke, rapid.IntRange(0, 9).Draw(rt, "revoked")))
			case 2:
				i := rapid.IntRange(0, 9).Draw(rt, "erased")
				p.pub.append(t, p.pub.lifecycle(t, comity.EntryErase, i))
				p.pub.erase(i)
			}
			p.reader = NewReader(p.client, p.sub.keys, p.sink, ReaderOptions{
				Items: rapid.IntRange(1, 50).Draw(rt, "items"), Ahead: rapid.IntRange(1, 5).Draw(rt, "ahead")})
			crash = rapid.IntRange(-1, 30).Draw(rt, "crash")
			_, _ = p.sync(t) // it may fail; the prefix must hold all the same
			p.prefix(t)
		}
		crash = -1
		if _, err := p.sync(t); err != nil {
			rt.Fatal(err)
		}
		p.same(t)
	})
}

func TestStoppedInTheMiddle(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{Items: 8})
	p.pub.put(t, 100, 40)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	applied := 0
	p.sink.fail = func(call string, after bool) error {
		if call == "Apply" && after {
			if applied++; applied == 3 {
				cancel()
			}
		}
		return nil
	}
	got, err := p.reader.Sync(ctx, p.sink.ch.ID, 0)
	if !comity.Is(err, comity.Interrupted) || got.To != 24 || p.sink.faults != 0 {
		t.Fatalf("%+v %v, %d faults", got, err, p.sink.faults)
	}
	p.prefix(t)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

// Damage to the reader's own copy is its own affair: nothing is stored on top of
// it, and the peer is not blamed.
func TestOwnDamageIsNotThePeersFault(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 100, 40)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.pub.put(t, 10, 40)
	id := ledger.TileID{}
	tile := bytes.Clone(p.sink.tiles[id])
	damaged := bytes.Clone(tile)
	damaged[40] ^= 1
	p.sink.tiles[id] = damaged
	if _, err := p.sync(t); !comity.Is(err, comity.Unverified) || p.sink.faults != 0 || len(p.sink.items) != 100 {
		t.Fatalf("%v, %d faults, %d entries", err, p.sink.faults, len(p.sink.items))
	}
	p.sink.tiles[id] = tile
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

// A crash can leave a head for which the checkpoint comes only later.
func TestCheckpointCatchesUp(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 40)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.sink.ch.SignedSize, p.sink.ch.Checkpoint = 0, nil
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

// The peer's address may change; its key may not, without people.
func TestPeerMoves(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 40)
	r := p.client.For(p.pub.id)
	if p.client.For(p.pub.id) != r {
		t.Fatal("connections are not kept")
	}
	note, err := p.pub.keys.IdentityNote(p.pub.id.Profile, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	newer, err := ParseIdentity(note)
	if err != nil {
		t.Fatal(err)
	}
	if again := p.client.For(newer); again == r || again.http != r.http {
		t.Fatal("a newer note must keep the connections")
	}
	moved := *newer
	moved.URL = "https://127.0.0.1:1"
	if p.client.For(&moved).http == r.http {
		t.Fatal("another address must not use the old connections")
	}
	c, err := p.client.For(newer).Since(context.Background(), p.sink.ch.ID, 1, 2, 5)
	if err != nil || c.From != 1 || len(c.Items) != 2 || c.End.Size != 3 {
		t.Fatalf("%+v %v", c, err)
	}
}
