package federation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// memLog is a channel log in memory: a Source's own or a Sink's copy.
type memLog struct {
	mu    sync.Mutex
	ch    comity.Channel
	items []ledger.Item
	tiles map[ledger.TileID][]byte
}

func (l *memLog) Tiles(_ context.Context, ids []ledger.TileID) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([][]byte, len(ids))
	for i, id := range ids {
		out[i] = l.tiles[id]
	}
	return out, nil
}

func (l *memLog) channel() comity.Channel { l.mu.Lock(); defer l.mu.Unlock(); return l.ch }

// party is one node of a test: keys, identity, a listener, a server, and in the
// role of the publisher one channel.
type party struct {
	keys   *Keys
	id     *Identity
	server *Server
	log    *memLog
	front  func(w http.ResponseWriter, r *http.Request, next http.Handler) // a hostile front, if set
	frontM sync.Mutex

	mu       sync.Mutex
	peers    []comity.Peer
	receipts map[comity.MemberID]comity.Receipt
	inbox    []InboxDocument
	changed  chan struct{}
	refuse   error // what ReadableChannel answers
	waits    int
}

const testStream = "indicators"

var testChain = comity.AgreementID(fmt.Sprintf("%064d", 7))

// newParty makes a node that listens on loopback until the test ends.
func newParty(t testing.TB, name string) *party {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	profile := Profile{Name: name, Country: "KE", URL: "https://" + ln.Addr().String()}
	keys, err := NewKeys(rand.Reader, profile, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := &party{keys: keys, id: identityOf(t, keys, profile), receipts: map[comity.MemberID]comity.Receipt{}, changed: make(chan struct{})}
	p.log = &memLog{tiles: map[ledger.TileID][]byte{}, ch: comity.Channel{
		ID: ledger.ChannelIDOf(testChain, p.id.ID, testStream), Agreement: testChain, Publisher: p.id.ID, Stream: testStream, Own: true,
	}}
	p.server = NewServer(p, ServerOptions{Self: p.id, PeerRate: 1e6, StrangerBurst: 50})
	srv := p.server.HTTP(keys)
	srv.Handler = p
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.ServeTLS(ln, "", "") }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			srv.Close()
		}
		<-done
	})
	return p
}

func identityOf(t testing.TB, k *Keys, p Profile) *Identity {
	t.Helper()
	msg, err := k.IdentityNote(p, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := ParseIdentity(msg)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// ServeHTTP answers through the hostile front, if there is one.
func (p *party) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.frontM.Lock()
	f := p.front
	p.frontM.Unlock()
	if f == nil {
		p.server.ServeHTTP(w, r)
		return
	}
	f(w, r, p.server)
}

func (p *party) setFront(f func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	p.frontM.Lock()
	defer p.frontM.Unlock()
	p.front = f
}

// trust makes other a verified peer.
func (p *party) trust(other *party, state comity.PeerState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peers = append(p.peers, comity.Peer{ID: other.id.ID, Name: other.id.Name, Identity: other.id.Note, State: state})
}

// put makes n put entries with random payloads of about size bytes.
func (p *party) put(t testing.TB, n, size int) {
	t.Helper()
	p.append(t, makePuts(t, n, size)...)
}

func makePuts(t testing.TB, n, size int) []ledger.Item {
	t.Helper()
	items := make([]ledger.Item, n)
	for i := range items {
		handle, err := ledger.NewHandle(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		payload := make([]byte, size)
		_, _ = rand.Read(payload[:size/4])
		items[i] = makePut(t, handle, payload)
	}
	return items
}

func makePut(t testing.TB, h comity.Handle, payload []byte) ledger.Item {
	t.Helper()
	nonce, err := ledger.NewNonce(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	header := ledger.Header{O: "indicator--" + comity.ObjectID(h), F: ledger.MediaSTIX}.Encode()
	return ledger.Item{Nonce: nonce, Header: header, Payload: payload, Entry: encode(t, ledger.Entry{K: comity.EntryPut, H: h, R: 1,
		M: comity.Amber, C: ledger.Commitment(nonce, header, payload), S: int64(len(payload))})}
}

func encode(t testing.TB, e ledger.Entry) []byte {
	t.Helper()
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// append adds items to the log, signs, and wakes whoever waits.
func (p *party) append(t testing.TB, items ...ledger.Item) {
	t.Helper()
	leaves := make([]comity.Hash, len(items))
	for i := range items {
		leaves[i] = ledger.LeafHash(items[i].Entry)
	}
	tiles, next, err := ledger.Extend(context.Background(), p.log, p.log.channel().Head, leaves)
	if err != nil {
		t.Fatal(err)
	}
	note, err := ledger.SignCheckpoint(p.keys.Log(), ledger.Origin(p.id.ID, p.log.ch.ID), next)
	if err != nil {
		t.Fatal(err)
	}
	p.log.mu.Lock()
	p.log.items = append(p.log.items, items...)
	maps.Copy(p.log.tiles, tiles)
	p.log.ch.Head, p.log.ch.SignedSize, p.log.ch.Checkpoint = next, next.Size, note
	p.log.mu.Unlock()
	p.mu.Lock()
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
}

// erase removes the content of an entry, as a publisher does when it appends
// the erase entry for its handle.
func (p *party) erase(i int) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.log.items[i] = ledger.Item{Entry: p.log.items[i].Entry}
}

// --- Source

func notFound(what any) error {
	return comity.E(comity.NotFound, "test", what, comity.Msg("federation.no_channel", comity.A("channel", what)), nil)
}

func (p *party) PeerByPin(_ context.Context, pin comity.Hash) (comity.Peer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.peers {
		if id, err := ParseIdentity(q.Identity); err == nil && id.TLSPin == pin {
			return q, nil
		}
	}
	return comity.Peer{}, notFound("peer")
}

func (p *party) IdentityNote(context.Context) ([]byte, error) { return p.id.Note, nil }

func (p *party) Readable(ctx context.Context, peer comity.MemberID) ([]comity.Channel, error) {
	return []comity.Channel{p.log.channel()}, nil
}

func (p *party) ReadableChannel(_ context.Context, _ comity.MemberID, id comity.ChannelID) (comity.Channel, error) {
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if ch := p.log.channel(); refuse == nil && ch.ID == id {
		return ch, nil
	}
	if refuse == nil {
		refuse = notFound(id)
	}
	return comity.Channel{}, refuse
}

func (p *party) MirrorChannel(_ context.Context, _, _ comity.MemberID, id comity.ChannelID) (comity.Channel, error) {
	return comity.Channel{}, notFound(id)
}

func (p *party) Heads(context.Context, comity.MemberID) ([]HeldHead, error) {
	ch := p.log.channel()
	return []HeldHead{{Publisher: ch.Publisher, Channel: ch.ID, Note: ch.Checkpoint}}, nil
}

func (p *party) setRefuse(err error) { p.mu.Lock(); defer p.mu.Unlock(); p.refuse = err }

func (p *party) Items(_ context.Context, _ comity.Channel, from int64, most int, maxBytes int64) ([]ledger.Item, error) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	var out []ledger.Item
	for i := from; i < int64(len(p.log.items)) && len(out) < most; i++ {
		if maxBytes -= int64(len(p.log.items[i].Payload)); maxBytes < 0 && len(out) > 0 {
			break
		}
		out = append(out, p.log.items[i])
	}
	return out, nil
}

func (p *party) Log(comity.ChannelID) ledger.TileReader { return p.log }

func (p *party) Receipts(context.Context, comity.ChannelID) ([]comity.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []comity.Receipt
	for _, r := range p.receipts {
		out = append(out, r)
	}
	return out, nil
}

func (p *party) AddReceipt(_ context.Context, r comity.Receipt) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receipts[r.Member] = r
	return nil
}

func (p *party) receipt(m comity.MemberID) comity.Receipt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.receipts[m]
}

func (p *party) Inbox(_ context.Context, from comity.MemberID, d InboxDocument) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inbox = append(p.inbox, d)
	return nil
}

func (p *party) Wait(ctx context.Context, _ comity.ChannelID, after int64) error {
	p.mu.Lock()
	changed := p.changed
	p.waits++
	p.mu.Unlock()
	if p.log.channel().SignedSize > after {
		return nil
	}
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// --- Sink

var errCrash = errors.New("crash")

// memSink is a reader's storage. fail, if set, is asked before and after every
// call: what it returns is the call's error.
type memSink struct {
	memLog
	publisher *Identity
	agreement comity.Agreement
	kinds     []comity.EntryKind
	receiptMu sync.Mutex
	last      *comity.Receipt
	fault     comity.Message
	faults    int
	fail      func(call string, after bool) error
}

func newSink(p *party) *memSink {
	ch := p.log.channel()
	return &memSink{publisher: p.id,
		agreement: comity.Agreement{ID: testChain, State: comity.AgreementActive, ValidFrom: time.Now().Add(-time.Hour)},
		memLog: memLog{tiles: map[ledger.TileID][]byte{}, ch: comity.Channel{
			ID: ch.ID, Agreement: ch.Agreement, Publisher: ch.Publisher, Stream: ch.Stream}}}
}

func (s *memSink) at(call string, after bool) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(call, after)
}

func (s *memSink) around(call string, do func() error) error {
	if err := s.at(call, false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.at(call, true)
}

func (s *memSink) Channel(_ context.Context, id comity.ChannelID) (ch comity.Channel, err error) {
	err = s.around("Channel", func() error { ch = s.channel(); return nil })
	return ch, err
}

func (s *memSink) Terms(context.Context, comity.Channel) (id *Identity, a comity.Agreement, err error) {
	err = s.around("Terms", func() error { id, a = s.publisher, s.agreement; return nil })
	return id, a, err
}

func (s *memSink) Log(comity.ChannelID) ledger.TileReader { return &s.memLog }

func (s *memSink) Apply(_ context.Context, ch comity.Channel, a Advance) error {
	return s.around("Apply", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.ch.Head != a.Old || a.Old.Size != int64(len(s.items)) || a.Next.Size != a.Old.Size+int64(len(a.Items)) ||
			len(a.Entries) != len(a.Items) || len(a.Headers) != len(a.Items) {
			return comity.E(comity.Conflict, "apply", ch.ID, comity.Msg("test.conflict"), nil)
		}
		s.items = append(s.items, a.Items...)
		for _, e := range a.Entries {
			s.kinds = append(s.kinds, e.K)
		}
		maps.Copy(s.tiles, a.Tiles)
		s.ch.Head = a.Next
		if a.Checkpoint != nil {
			s.ch.Checkpoint, s.ch.SignedSize = a.Checkpoint, a.Next.Size
		}
		return nil
	})
}

func (s *memSink) Receipt(_ context.Context, id comity.ChannelID) (r comity.Receipt, err error) {
	err = s.around("Receipt", func() error {
		s.receiptMu.Lock()
		defer s.receiptMu.Unlock()
		if s.last == nil {
			return notFound(id)
		}
		r = *s.last
		return nil
	})
	return r, err
}

func (s *memSink) Receipted(_ context.Context, r comity.Receipt) error {
	return s.around("Receipted", func() error {
		s.receiptMu.Lock()
		defer s.receiptMu.Unlock()
		s.last = &r
		return nil
	})
}

func (s *memSink) Fault(_ context.Context, _ comity.ChannelID, msg comity.Message, _ time.Time) error {
	return s.around("Fault", func() error { s.fault = msg; s.faults++; return nil })
}

func (s *memSink) Clear(context.Context, comity.ChannelID, time.Time) error {
	return s.around("Clear", func() error { s.fault = comity.Message{}; return nil })
}
