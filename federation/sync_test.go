package federation

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is a publisher and a reader, verified with each other.
type pair struct {
	pub, sub *party
	sink     *memSink
	client   *Client
	reader   *Reader
}

// newPair makes two nodes. The reader asks for few entries at a time, so that
// little data makes many chunks.
func newPair(t testing.TB, co ClientOptions, ro ReaderOptions) *pair {
	t.Helper()
	p := &pair{pub: newParty(t, "KE-CIRT"), sub: newParty(t, "KZ-CERT")}
	p.pub.trust(p.sub, comity.PeerVerified)
	p.sub.trust(p.pub, comity.PeerVerified)
	p.sink = newSink(p.pub)
	p.client = NewClient(p.sub.keys, co)
	t.Cleanup(p.client.Close)
	p.reader = NewReader(p.client, p.sub.keys, p.sink, ro)
	return p
}

func (p *pair) sync(t testing.TB) (Progress, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return p.reader.Sync(ctx, p.sink.ch.ID, 0)
}

// same fails unless the sink holds exactly what the publisher has, with the
// publisher's checkpoint and the reader's receipt on it.
func (p *pair) same(t testing.TB) {
	t.Helper()
	p.prefix(t)
	have, want := p.sink.channel(), p.pub.log.channel()
	if have.Head != want.Head || !bytes.Equal(have.Checkpoint, want.Checkpoint) || have.SignedSize != want.SignedSize {
		t.Fatalf("the reader stands at %d of %d", have.Head.Size, want.Head.Size)
	}
	rc := p.pub.receipt(p.sub.id.ID)
	if rc.Size != want.Head.Size || rc.Root != want.Head.Root {
		t.Fatalf("the receipt is for %d entries, not %d", rc.Size, want.Head.Size)
	}
	if _, err := ledger.OpenReceipt(want.Checkpoint, rc.Line, p.sub.id.Rcv); err != nil {
		t.Fatalf("the publisher cannot verify the receipt: %v", err)
	}
	if p.sink.last == nil || p.sink.last.Size != rc.Size {
		t.Fatal("the reader did not record its receipt")
	}
}

// prefix fails unless everything in the sink is the publisher's, byte for byte,
// in order, once.
func (p *pair) prefix(t testing.TB) {
	t.Helper()
	if len(p.sink.items) > len(p.pub.log.items) {
		t.Fatalf("the reader has %d entries, the publisher %d", len(p.sink.items), len(p.pub.log.items))
	}
	var edge ledger.Edge
	for i, got := range p.sink.items {
		want := p.pub.log.items[i]
		edge.Append(ledger.LeafHash(got.Entry))
		if !bytes.Equal(got.Entry, want.Entry) {
			t.Fatalf("entry %d differs", i)
		}
		if want.Nonce != nil && (!bytes.Equal(got.Payload, want.Payload) || !bytes.Equal(got.Header, want.Header) || !bytes.Equal(got.Nonce, want.Nonce)) {
			t.Fatalf("content of entry %d differs", i)
		}
	}
	if head := p.sink.channel().Head; head.Size > 0 && edge.Head() != head {
		t.Fatal("the head is not that of the entries")
	}
}

func TestTwentyThousandObjects(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 20000, 800)
	got, err := p.sync(t)
	if err != nil {
		t.Fatal(err)
	}
	if got.From != 0 || got.To != 20000 || got.Target != 20000 || !got.Receipted || got.Payload != 20000*800 {
		t.Fatalf("progress %+v", got)
	}
	p.same(t)
	if !p.sink.fault.IsZero() {
		t.Fatalf("fault %v", p.sink.fault)
	}
	// Again: nothing new, no second receipt.
	if got, err = p.sync(t); err != nil || got.Receipted || got.To != 20000 {
		t.Fatalf("second sync: %+v, %v", got, err)
	}
}

func TestManyShapesOfBatches(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{Items: 37})
	p.pub.server.opts.ChunkBytes = 4000 // the publisher gives less than asked for
	for i, n := range []int{1, 1, 254, 1, 300, 36, 37, 38, 512} {
		p.pub.put(t, n, 100+i)
		if _, err := p.sync(t); err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
		p.same(t)
	}
}

func TestEmptyChannel(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	if got, err := p.sync(t); err != nil || got != (Progress{}) {
		t.Fatalf("nothing signed: %+v, %v", got, err)
	}
	p.pub.append(t) // a signed checkpoint of size 0
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.pub.put(t, 3, 50)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

func TestLongPollWakesAtOnce(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 50)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	// The wait is far longer than the test may take: only being woken ends it.
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	go func() {
		_, err := p.reader.Sync(ctx, p.sink.ch.ID, time.Minute)
		done <- err
	}()
	p.waiting(t)
	p.pub.put(t, 2, 50)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

// waiting returns when a long poll has reached the publisher.
func (p *pair) waiting(t testing.TB) {
	t.Helper()
	for range 1000 {
		p.pub.mu.Lock()
		n := p.pub.waits
		p.pub.mu.Unlock()
		if n > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("no long poll arrived")
}

func TestShutdownEndsLongPolls(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 50)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.reader.Sync(context.Background(), p.sink.ch.ID, time.Minute)
		done <- err
	}()
	p.waiting(t)
	p.pub.server.close()
	if err := <-done; err != nil {
		t.Fatalf("a poll ended by shutdown is an answer without news, got %v", err)
	}
}

func TestCancelledSyncIsNoFault(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 50)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := p.reader.Sync(ctx, p.sink.ch.ID, time.Minute)
		done <- err
	}()
	p.waiting(t)
	cancel()
	if err := <-done; !comity.Is(err, comity.Interrupted) {
		t.Fatalf("want interrupted, got %v", err)
	}
	if p.sink.faults != 0 {
		t.Fatal("stopping was put down to the peer")
	}
}

func TestReceiptIsRenewedAndRetried(t *testing.T) {
	now := time.Now()
	p := newPair(t, ClientOptions{}, ReaderOptions{Now: func() time.Time { return now }})
	p.pub.put(t, 5, 50)
	p.pub.setFront(onPath("/receipt", status(503)))
	if _, err := p.sync(t); err == nil {
		t.Fatal("the receipt was refused, but sync did not say so")
	}
	p.prefix(t)
	if len(p.sink.items) != 5 {
		t.Fatal("entries must be stored even if the receipt is not delivered")
	}
	p.pub.setFront(nil)
	if got, err := p.sync(t); err != nil || !got.Receipted {
		t.Fatalf("retry: %+v, %v", got, err)
	}
	p.same(t)
	if got, _ := p.sync(t); got.Receipted {
		t.Fatal("receipt sent again without need")
	}
	now = now.Add(61 * time.Minute)
	if got, err := p.sync(t); err != nil || !got.Receipted {
		t.Fatalf("not renewed after an hour: %+v, %v", got, err)
	}
}

// TestCrashAnywhere injects a failure before and after the effect of every Sink
// call in turn and goes on with a fresh reader, as after kill -9. INVARIANT: the
// result is always the same; nothing is lost, nothing comes twice.
func TestCrashAnywhere(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{Items: 16})
	p.pub.put(t, 100, 60)
	total := func() int { // number of failure points of an undisturbed sync
		n := 0
		s := newSink(p.pub)
		s.fail = func(string, bool) error { n++; return nil }
		if _, err := NewReader(p.client, p.sub.keys, s, p.reader.opts).Sync(context.Background(), s.ch.ID, 0); err != nil {
			t.Fatal(err)
		}
		return n
	}()
	if total < 20 {
		t.Fatalf("only %d failure points: the test does not test", total)
	}
	for point := range total {
		p.sink = newSink(p.pub)
		n, where := 0, ""
		p.sink.fail = func(call string, after bool) error {
			if n++; n == point+1 {
				where = fmt.Sprintf("%s after=%v", call, after)
				return errCrash
			}
			return nil
		}
		p.reader = NewReader(p.client, p.sub.keys, p.sink, p.reader.opts)
		_, err := p.sync(t)
		if err == nil {
			t.Fatalf("point %d (%s): the failure was swallowed", point, where)
		}
		if p.sink.faults != 0 {
			t.Fatalf("point %d (%s): our own failure was put down to the peer", point, where)
		}
		p.prefix(t)
		p.reader = NewReader(p.client, p.sub.keys, p.sink, p.reader.opts)
		if _, err := p.sync(t); err != nil {
			t.Fatalf("point %d (%s): sync after the crash: %v", point, where, err)
		}
		p.same(t)
	}
}

// Many channels read at once from one peer stay below its limits.
func TestManySyncsAtOnceStayBelowTheLimits(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{Items: 8})
	p.pub.put(t, 400, 50)
	errs := make(chan error, 12)
	for range cap(errs) {
		s := newSink(p.pub)
		go func() {
			_, err := NewReader(p.client, p.sub.keys, s, p.reader.opts).Sync(context.Background(), s.ch.ID, 0)
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
