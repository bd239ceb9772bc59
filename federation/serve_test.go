package federation

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// raw makes a request to pub as the client's node and gives status and body.
func (p *pair) raw(t testing.TB, method, path string, body io.Reader, headers ...string) (int, []byte, http.Header) {
	t.Helper()
	return rawAs(t, p.client.For(p.pub.id).http, method, p.pub.id.URL+prefix+path, body, headers...)
}

func rawAs(t testing.TB, c *http.Client, method, url string, body io.Reader, headers ...string) (int, []byte, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b, res.Header
}

// problemKey reads the message key of a problem document.
func problemKey(t testing.TB, body []byte) string {
	t.Helper()
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return p.Message.Key
}

func TestTilesAreC2SP(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 600, 20)
	base := "/ch/" + string(p.sink.ch.ID) + "/"
	// The paths of package tlog itself lead to what it computes.
	var hashes []tlog.Hash
	get := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = hashes[x]
		}
		return out, nil
	})
	for i, it := range p.pub.log.items {
		more, err := tlog.StoredHashes(int64(i), it.Entry, get)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	for _, tile := range []tlog.Tile{{H: 8, L: 0, N: 0, W: 256}, {H: 8, L: 0, N: 1, W: 256}, {H: 8, L: 0, N: 2, W: 88}, {H: 8, L: 0, N: 2, W: 7}, {H: 8, L: 1, N: 0, W: 2}} {
		want, err := tlog.ReadTileData(tile, get)
		if err != nil {
			t.Fatal(err)
		}
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		code, got, head := p.raw(t, "GET", base+path, nil)
		if code != 200 || !bytes.Equal(got, want) || !strings.Contains(head.Get("Cache-Control"), "immutable") {
			t.Fatalf("%s: %d, %d bytes, want %d", path, code, len(got), len(want))
		}
	}
	for _, path := range []string{"tile/0/002", "tile/0/003", "tile/0/002.p/89", "tile/0/0", "tile/0/x000/001", "tile/6/000", "tile/00/000", "tile/-1/000",
		"tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/+1", "tile/1/000", "tile/entries/002", "tile/entries/x", "data/003", "data/000.p/3"} {
		if code, body, _ := p.raw(t, "GET", base+path, nil); code != 404 || problemKey(t, body) != "federation.no_tile" {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	p.checkBundles(t, base)
}

// checkBundles reads entry and payload bundles and compares them.
func (p *pair) checkBundles(t *testing.T, base string) {
	code, b, _ := p.raw(t, "GET", base+"tile/entries/002.p/88", nil)
	for i := 512; i < 600; i++ {
		if code != 200 || len(b) < 2 {
			t.Fatalf("entry bundle: %d", code)
		}
		n := int(binary.BigEndian.Uint16(b))
		if !bytes.Equal(b[2:2+n], p.pub.log.items[i].Entry) {
			t.Fatalf("entry %d differs", i)
		}
		b = b[2+n:]
	}
	if len(b) != 0 {
		t.Fatal("bytes after the last entry")
	}
	p.pub.erase(513)
	code, b, head := p.raw(t, "GET", base+"data/002", nil)
	for i := 512; i < 600; i++ {
		if code != 200 || len(b) < 4 {
			t.Fatalf("payload bundle: %d", code)
		}
		n, it := int(binary.BigEndian.Uint32(b)), p.pub.log.items[i]
		if !bytes.Equal(b[4:4+n], bytes.Join([][]byte{it.Nonce, it.Header, it.Payload}, nil)) || (n == 0) != (i == 513) {
			t.Fatalf("frame %d differs", i)
		}
		b = b[4+n:]
	}
	etag := head.Get("ETag")
	if code, _, _ := p.raw(t, "GET", base+"data/002", nil, "If-None-Match", etag); code != http.StatusNotModified {
		t.Fatalf("unchanged bundle: %d", code)
	}
	p.pub.erase(514)
	if code, _, head := p.raw(t, "GET", base+"data/002", nil, "If-None-Match", etag); code != 200 || head.Get("ETag") == etag {
		t.Fatalf("bundle after erasure: %d", code)
	}
}

func TestTilePaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, w := rapid.Int64Range(0, ledger.MaxSize).Draw(t, "n"), rapid.IntRange(1, 256).Draw(t, "w")
		path := strings.TrimPrefix(tlog.Tile{H: 8, L: 0, N: n, W: w}.Path(), "tile/8/0/")
		gn, gw, ok := parseTilePath(path)
		if !ok || gn != n || gw != w {
			t.Fatalf("%s: %d %d %v", path, gn, gw, ok)
		}
	})
}

func TestStrangers(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 3, 20)
	p.pub.peers = nil // the reader is a stranger now
	ch := "/ch/" + string(p.sink.ch.ID)
	for _, path := range []string{"/ch", ch + "/checkpoint", ch + "/since/0", ch + "/tile/0/000.p/3", ch + "/data/000"} {
		if code, body, _ := p.raw(t, "GET", path, nil); code != 401 || problemKey(t, body) != "federation.stranger" {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body, _ := p.raw(t, "GET", "/id", nil); code != 200 || !bytes.Equal(body, p.pub.id.Note) {
		t.Errorf("/id: %d", code)
	}
	ctx, remote := context.Background(), p.client.For(p.pub.id)
	doc := func(d InboxDocument) []byte {
		d.At = time.Now()
		raw, err := p.sub.keys.SignInbox(d)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	wantErr(t, remote.PostInbox(ctx, doc(InboxDocument{Type: TypeSuspend, To: p.pub.id.ID})), comity.Unauthenticated, "federation.stranger")
	wantErr(t, remote.PostInbox(ctx, doc(InboxDocument{Type: TypeIntroduce, To: p.sub.id.ID, Subject: p.sub.id})), comity.Invalid, "federation.document_addressee")
	wantErr(t, remote.PostInbox(ctx, make([]byte, maxStranger+1)), comity.TooLarge, "federation.too_large")
	if len(p.pub.inbox) != 0 {
		t.Fatal("something was taken")
	}
	knock := doc(InboxDocument{Type: TypeIntroduce, To: p.pub.id.ID, Subject: p.sub.id})
	if err := remote.PostInbox(ctx, knock); err != nil || len(p.pub.inbox) != 1 || p.pub.inbox[0].Subject.ID != p.sub.id.ID {
		t.Fatalf("introduction: %v", err)
	}
	// The same bytes from another machine: somebody replays them.
	other, _ := testKeys(t, "other")
	c := NewClient(other, ClientOptions{})
	defer c.Close()
	wantErr(t, c.For(p.pub.id).PostInbox(ctx, knock), comity.Unverified, "federation.introduction_other_key")
}

func TestStrangersAreLimited(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 3, 20)
	other, _ := testKeys(t, "other")
	c := NewClient(other, ClientOptions{})
	defer c.Close()
	refused := 0
	for range 60 {
		code, body, head := rawAs(t, c.For(p.pub.id).http, "GET", p.pub.id.URL+prefix+"/id", nil)
		if code == 429 {
			refused++
			if problemKey(t, body) != "federation.limit_stranger" || head.Get("Retry-After") == "" {
				t.Fatalf("%s", body)
			}
		}
	}
	if refused == 0 {
		t.Fatal("a stranger was never limited")
	}
	if _, err := p.sync(t); err != nil {
		t.Fatalf("a noisy stranger took a peer's share: %v", err)
	}
}

func TestPeerLimits(t *testing.T) {
	now := time.Now()
	l := newLimits(ServerOptions{PeerRequests: 2, PeerPolls: 3, PeerRate: 5, Now: func() time.Time { return now }}.withDefaults())
	get := func(path, peer string) (func(), error) {
		return l.enter(&http.Request{URL: mustURL(path)}, &caller{id: &Identity{}, peer: comity.Peer{ID: comity.MemberID(peer)}})
	}
	a1, err1 := get("/since/0", "a")
	_, err2 := get("/since/0", "a")
	_, err3 := get("/since/0", "a")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	wantErr(t, err3, comity.Limited, "federation.limit_concurrent")
	if _, err := get("/since/0", "b"); err != nil {
		t.Fatalf("one peer took another's share: %v", err)
	}
	if _, err := get("/ch/x/checkpoint", "a"); err != nil {
		t.Fatalf("requests took the share of long polls: %v", err)
	}
	a1()
	if _, err := get("/since/0", "a"); err != nil {
		t.Fatalf("not released: %v", err)
	}
	var err error
	for range 50 {
		var release func()
		if release, err = get("/x", "c"); err != nil {
			break
		}
		release()
	}
	wantErr(t, err, comity.Limited, "federation.limit_rate")
	now = now.Add(time.Second)
	if _, err := get("/x", "c"); err != nil {
		t.Fatalf("after a second: %v", err)
	}
}

func TestStrangerTableIsBounded(t *testing.T) {
	l := newLimits(ServerOptions{StrangerRate: 1e-9, AllStrangers: 1e9}.withDefaults())
	for i := range 3 * maxStrangers {
		r := &http.Request{RemoteAddr: fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), URL: mustURL("/")}
		if _, err := l.enter(r, &caller{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.strangers) > maxStrangers {
		t.Fatalf("%d addresses remembered", len(l.strangers))
	}
}

func TestPeerStates(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 3, 20)
	for state, open := range map[comity.PeerState]bool{comity.PeerIntroduced: false, comity.PeerVerified: true, comity.PeerActive: true,
		comity.PeerSuspended: false, comity.PeerEnded: false, comity.PeerDisputed: false} {
		p.pub.peers = nil
		p.pub.trust(p.sub, state)
		code, body, _ := p.raw(t, "GET", "/ch", nil)
		if (code == 200) != open || (!open && (code != 403 || problemKey(t, body) != "federation.not_verified")) {
			t.Errorf("%s: %d %s", state, code, body)
		}
		// A document always comes through: even a suspended peer may end it.
		raw, err := p.sub.keys.SignInbox(InboxDocument{Type: TypeEnd, To: p.pub.id.ID, At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.client.For(p.pub.id).PostInbox(context.Background(), raw); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// The index that finds a peer is not what decides who the caller is.
func TestWrongPeerRecordIsRefused(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	third := newParty(t, "third")
	src := &confused{p.pub, comity.Peer{ID: third.id.ID, Identity: third.id.Note, State: comity.PeerActive}}
	s := NewServer(src, ServerOptions{Self: p.pub.id})
	p.pub.setFront(func(w http.ResponseWriter, r *http.Request, _ http.Handler) { s.ServeHTTP(w, r) })
	if code, body, _ := p.raw(t, "GET", "/ch", nil); code != 500 || problemKey(t, body) != "federation.internal" {
		t.Fatalf("%d %s", code, body)
	}
}

type confused struct {
	*party
	peer comity.Peer
}

func (c *confused) PeerByPin(context.Context, comity.Hash) (comity.Peer, error) { return c.peer, nil }

func TestBadRequests(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 3, 20)
	ch := "/ch/" + string(p.sink.ch.ID)
	for _, c := range []struct {
		method, path string
		code         int
		key          string
	}{
		{"GET", ch + "/since/3", 422, "federation.beyond_end"},
		{"GET", ch + "/since/0?to=4", 422, "federation.beyond_end"},
		{"GET", ch + "/since/-1", 400, "federation.bad_parameter"},
		{"GET", ch + "/since/99999999999999999999", 400, "federation.bad_parameter"},
		{"GET", ch + "/since/0?max=x", 400, "federation.bad_parameter"},
		{"GET", ch + "/checkpoint?wait=x", 400, "federation.bad_parameter"},
		{"GET", ch + "/checkpoint?wait=-1s", 400, "federation.bad_parameter"},
		{"GET", ch + "/checkpoint?after=-5", 400, "federation.bad_parameter"},
		{"GET", "/ch/aaaaaaaaaaaaaaaaaaaaaaaaaa/checkpoint", 404, "federation.no_channel"},
		{"GET", "/ch/..%2f..%2fetc/checkpoint", 404, "federation.no_channel"},
		{"GET", "/mirror/x/y/checkpoint", 404, "federation.no_channel"},
		{"GET", "/wit", 404, "federation.no_route"},
		{"POST", "/id", 404, "federation.no_route"},
		{"POST", "/inbox", 422, "federation.document_malformed"},
		{"POST", ch + "/receipt", 422, "ledger.note_malformed"},
	} {
		code, body, _ := p.raw(t, c.method, c.path, strings.NewReader("hello"))
		if code != c.code || problemKey(t, body) != c.key {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, body)
		}
	}
	if code, body, _ := p.raw(t, "POST", ch+"/receipt", strings.NewReader(strings.Repeat("x", 1<<17))); code != 413 {
		t.Errorf("large receipt: %d %s", code, body)
	}
}

func TestReceiptsAreVerified(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 20)
	ctx, remote, id := context.Background(), p.client.For(p.pub.id), p.sink.ch.ID
	note := p.pub.log.channel().Checkpoint
	sign := func(k *Keys, note []byte) []byte {
		line, err := ledger.SignReceipt(k.Rcv(), note)
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	other, _ := testKeys(t, "other")
	good := sign(p.sub.keys, note)
	forged := bytes.Replace(note, []byte("\n5\n"), []byte("\n6\n"), 1)
	wantErr(t, remote.PostReceipt(ctx, id, note, sign(other, note)), comity.Unverified, "federation.receipt_missing")
	wantErr(t, remote.PostReceipt(ctx, id, note, nil), comity.Unverified, "federation.receipt_missing")
	wantErr(t, remote.PostReceipt(ctx, id, forged, sign(p.sub.keys, forged)), comity.Unverified, "ledger.bad_signature")
	broken := flipSignature(good)
	wantErr(t, remote.PostReceipt(ctx, id, note, broken), comity.Unverified, "ledger.bad_signature")
	// Signed by this node, but not its history: it lost data or forked.
	origin := ledger.Origin(p.pub.id.ID, id)
	for _, h := range []comity.Head{{Size: 9, Root: comity.Hash{1}}, {Size: 5, Root: comity.Hash{1}}, {Size: 3, Root: comity.Hash{1}}} {
		lost := signed(t, p.pub, origin, h)
		wantErr(t, remote.PostReceipt(ctx, id, lost, sign(p.sub.keys, lost)), comity.Conflict, "federation.receipt_conflict")
	}
	if p.pub.receipt(p.sub.id.ID).Size != 0 {
		t.Fatal("a wrong receipt was kept")
	}
	// A receipt on an earlier checkpoint counts, and travels with the checkpoint
	// it is on.
	p.pub.put(t, 5, 20)
	if err := remote.PostReceipt(ctx, id, note, good); err != nil || p.pub.receipt(p.sub.id.ID).Size != 5 {
		t.Fatalf("earlier checkpoint: %v", err)
	}
	if _, lines, err := remote.Checkpoint(ctx, id, 0, 0); err != nil || len(lines) != 0 {
		t.Fatalf("a receipt stands on another checkpoint: %v", err)
	}
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	cp, lines, err := remote.Checkpoint(ctx, id, 0, 0)
	if err != nil || len(lines) != 1 {
		t.Fatalf("%d receipts, %v", len(lines), err)
	}
	if _, err := ledger.OpenReceipt(cp, lines[0], p.sub.id.Rcv); err != nil {
		t.Fatal(err)
	}
}

// Nothing secret and no payload gets into the log, whatever goes wrong.
func TestLogHoldsNoSecrets(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.server.opts.Log = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.pub.put(t, 3, 200)
	secret := p.pub.log.items[0]
	p.raw(t, "GET", "/nothing?token=hunter2", nil)
	p.raw(t, "POST", "/inbox", bytes.NewReader(secret.Payload))
	p.raw(t, "GET", "/ch/x%0Aforged/checkpoint", nil)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if log.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	for _, bad := range [][]byte{[]byte("hunter2"), secret.Nonce, secret.Payload[:32], []byte(base64.StdEncoding.EncodeToString(p.pub.keys.secret.Log)), []byte("\nforged")} {
		if bytes.Contains(log.Bytes(), bad) {
			t.Errorf("the log holds %q", bad)
		}
	}
}

func TestServerBounds(t *testing.T) {
	p := newParty(t, "a")
	srv := p.server.HTTP(p.keys)
	if srv.ReadHeaderTimeout <= 0 || srv.ReadTimeout <= 0 || srv.WriteTimeout <= p.server.opts.MaxWait || srv.IdleTimeout <= 0 || srv.MaxHeaderBytes <= 0 {
		t.Fatalf("%+v", srv)
	}
	if srv.TLSConfig.MinVersion != 0x0304 {
		t.Fatal("not TLS 1.3 only")
	}
}
