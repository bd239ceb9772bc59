package federation

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// lifecycle makes an entry other than put for the handle of item i.
func (p *party) lifecycle(t testing.TB, k comity.EntryKind, i int) ledger.Item {
	t.Helper()
	e, err := ledger.ParseEntry(p.log.items[i].Entry)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Item{Entry: encode(t, ledger.Entry{K: k, H: e.H, R: e.R + 1, M: comity.Red, Why: "test"})}
}

func TestLifecycleEntriesArrive(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{Items: 4})
	p.pub.put(t, 6, 40)
	p.pub.append(t, p.pub.lifecycle(t, comity.EntryRevoke, 1), p.pub.lifecycle(t, comity.EntryMark, 2),
		ledger.Item{Entry: encode(t, ledger.Entry{K: comity.EntryCtl, Ctl: []byte(`{"note":"x"}`)})})
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
	if got := p.sink.kinds[6:]; got[0] != comity.EntryRevoke || got[1] != comity.EntryMark || got[2] != comity.EntryCtl {
		t.Fatalf("kinds %v", got)
	}
}

// A payload may be missing exactly when a later, signed entry erases it, whether
// that stands in the same chunk or far behind.
func TestErasedPayloads(t *testing.T) {
	for name, between := range map[string]int{"same chunk": 1, "later chunk": 50} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			p := newPair(t, ClientOptions{}, ReaderOptions{Items: 8})
			p.pub.put(t, 3, 40)
			p.pub.put(t, between, 40)
			p.pub.append(t, p.pub.lifecycle(t, comity.EntryErase, 1), p.pub.lifecycle(t, comity.EntryErase, 2))
			p.pub.erase(1)
			p.pub.erase(2)
			if _, err := p.sync(t); err != nil {
				t.Fatal(err)
			}
			p.same(t)
			if p.sink.items[1].Nonce != nil || p.sink.items[0].Nonce == nil {
				t.Fatal("wrong payload is missing")
			}
		})
	}
}

// Nothing behind a withheld payload is stored or signed for; what stands before
// it is.
func TestWithheldPayloadStopsThere(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{Items: 8})
	p.pub.put(t, 30, 40)
	held := p.pub.log.items[13]
	p.pub.erase(13)
	// A revocation and the erasure of another handle do not excuse it; neither
	// does an erasure that came before the put.
	p.pub.append(t, p.pub.lifecycle(t, comity.EntryRevoke, 13), p.pub.lifecycle(t, comity.EntryErase, 14))
	p.pub.erase(14)
	got, err := p.sync(t)
	wantErr(t, err, comity.Unverified, "federation.payload_withheld")
	if got.To != 13 || got.Receipted || len(p.sink.items) != 13 || p.pub.receipt(p.sub.id.ID).Size != 0 {
		t.Fatalf("stands at %+v", got)
	}
	p.prefix(t)
	p.pub.log.mu.Lock()
	p.pub.log.items[13] = held
	p.pub.log.mu.Unlock()
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

// rawEntry is an entry of a kind that no version knows yet.
func rawEntry(must string) ledger.Item {
	return ledger.Item{Entry: []byte(`{"v":1,"k":"frobnicate","h":"3vK0Yx2mQ9aLr7Tz","r":1` + must + `}`)}
}

func TestUnknownKinds(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 40)
	p.pub.append(t, rawEntry(""))
	p.pub.put(t, 5, 40)
	if _, err := p.sync(t); err != nil {
		t.Fatalf("an unknown kind without must is kept: %v", err)
	}
	p.same(t)
	p.pub.put(t, 3, 40)
	p.pub.append(t, rawEntry(`,"must":true`))
	p.pub.put(t, 3, 40)
	for range 2 { // it stays that way until the software knows it
		got, err := p.sync(t)
		if wantErr(t, err, comity.Invalid, "federation.unknown_kind"); !strings.Contains(err.Error(), "index=14 kind=frobnicate") {
			t.Fatal(err)
		}
		if got.To != 14 || got.Receipted || p.sink.fault.Key != "federation.unknown_kind" {
			t.Fatalf("%+v %v", got, p.sink.fault)
		}
	}
	p.prefix(t)
}

// What the publisher signed but nobody can read stops the channel before it.
func TestSignedGarbage(t *testing.T) {
	put := makePut(t, "3vK0Yx2mQ9aLr7Tz", []byte("x"))
	badHeader := put
	badHeader.Header = []byte("{}\n")
	badHeader.Entry = encode(t, ledger.Entry{K: comity.EntryPut, H: "3vK0Yx2mQ9aLr7Tz", R: 1, M: comity.Green,
		C: ledger.Commitment(put.Nonce, badHeader.Header, put.Payload), S: 1})
	badSize := put
	badSize.Entry = encode(t, ledger.Entry{K: comity.EntryPut, H: "3vK0Yx2mQ9aLr7Tz", R: 1, M: comity.Green,
		C: ledger.Commitment(put.Nonce, put.Header, put.Payload), S: 2})
	revoke := put
	revoke.Entry = encode(t, ledger.Entry{K: comity.EntryRevoke, H: "3vK0Yx2mQ9aLr7Tz", R: 2})
	for name, c := range map[string]struct {
		item ledger.Item
		kind comity.Kind
		key  string
	}{
		"not json":          {ledger.Item{Entry: []byte("garbage")}, comity.Invalid, "federation.peer_entry_unreadable"},
		"duplicate keys":    {ledger.Item{Entry: []byte(`{"v":1,"k":"ctl","k":"put"}`)}, comity.Invalid, "federation.peer_entry_unreadable"},
		"header":            {badHeader, comity.Invalid, "federation.peer_header_unreadable"},
		"size":              {badSize, comity.Unverified, "federation.peer_wrong_size"},
		"content of revoke": {revoke, comity.Unverified, "federation.peer_unexpected_payload"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			p := newPair(t, ClientOptions{}, ReaderOptions{Items: 5})
			p.pub.put(t, 5, 40)
			p.pub.append(t, c.item)
			got, err := p.sync(t)
			if wantErr(t, err, c.kind, c.key); !strings.Contains(err.Error(), "index=5") {
				t.Fatal(err)
			}
			if got.To != 5 {
				t.Fatalf("stands at %d", got.To)
			}
			p.prefix(t)
		})
	}
}

func TestAgreementBoundsReading(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 40)
	good := p.sink.agreement
	for _, c := range []struct {
		key    string
		change func(a *comity.Agreement)
	}{
		{"federation.agreement_not_yet", func(a *comity.Agreement) { a.ValidFrom = time.Now().Add(time.Hour) }},
		{"federation.agreement_state", func(a *comity.Agreement) { a.State = comity.AgreementProposed }},
		{"federation.agreement_state", func(a *comity.Agreement) { a.State = comity.AgreementSuspended }},
	} {
		bad := good
		c.change(&bad)
		// The reader does not ask ...
		p.sink.agreement = bad
		p.pub.setFront(func(http.ResponseWriter, *http.Request, http.Handler) { t.Error("asked without an agreement in force") })
		_, err := p.sync(t)
		wantErr(t, err, comity.Forbidden, c.key)
		// ... and a publisher refuses with the reason.
		p.sink.agreement = good
		p.pub.setFront(nil)
		p.pub.setRefuse(MayFollow(&bad, time.Now()))
		_, err = p.sync(t)
		if wantErr(t, err, comity.Forbidden, c.key); p.sink.fault.Key != c.key || len(p.sink.items) != 0 {
			t.Fatalf("fault %v, %d entries", p.sink.fault, len(p.sink.items))
		}
	}
	p.pub.setRefuse(nil)
	// What has ended is followed for withdrawals.
	p.sink.agreement.State, p.sink.agreement.ValidUntil = comity.AgreementEnded, time.Now().Add(-time.Minute)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

func TestWrongTLSKey(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 40)
	middle := newParty(t, "middle")
	url := p.pub.id.URL
	p.pub.id.URL = middle.id.URL // the name now leads to another machine
	middle.setFront(func(http.ResponseWriter, *http.Request, http.Handler) { t.Error("a request reached the wrong machine") })
	_, err := p.sync(t)
	wantErr(t, err, comity.Unverified, "federation.pin_mismatch")
	if len(p.sink.items) != 0 || p.sink.fault.Key != "federation.pin_mismatch" {
		t.Fatal("something was stored or no fault recorded")
	}
	moved := *p.pub.id
	moved.URL = url
	p.sink.publisher = &moved
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.same(t)
}

func TestUnreachable(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	gone := httptest.NewServer(nil)
	gone.Close()
	for url, cause := range map[string]string{strings.Replace(gone.URL, "http", "https", 1): "cause_refused", "https://no-such-host.invalid": "cause_name"} {
		id := *p.pub.id
		id.URL = url
		p.sink.publisher = &id
		_, err := p.sync(t)
		if wantErr(t, err, comity.Unreachable, "federation.unreachable"); !strings.Contains(err.Error(), cause) {
			t.Fatalf("want %s, got %v", cause, err)
		}
	}
}

func TestFetchIdentity(t *testing.T) {
	a, b := newParty(t, "a"), newParty(t, "b")
	c := NewClient(a.keys, ClientOptions{})
	defer c.Close()
	ctx := context.Background()
	id, err := c.FetchIdentity(ctx, b.id.URL+"/")
	if err != nil || id.ID != b.id.ID {
		t.Fatalf("%v %v", id, err)
	}
	// A proxy shows the note of b but has its own key.
	p := newParty(t, "proxy")
	p.setFront(answer(b.id.Note))
	_, err = c.FetchIdentity(ctx, p.id.URL)
	wantErr(t, err, comity.Unverified, "federation.identity_other_key")
	p.setFront(answer(bytes.Repeat([]byte("x"), maxIdentity+1)))
	_, err = c.FetchIdentity(ctx, p.id.URL)
	wantErr(t, err, comity.TooLarge, "federation.peer_too_large")
	p.setFront(answer([]byte("x")))
	_, err = c.FetchIdentity(ctx, p.id.URL)
	wantErr(t, err, comity.Invalid, "federation.identity_malformed")
	p.setFront(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, b.id.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	_, err = c.FetchIdentity(ctx, p.id.URL)
	wantErr(t, err, comity.Unverified, "federation.redirected")
	_, err = c.FetchIdentity(ctx, "http://127.0.0.1")
	wantErr(t, err, comity.Invalid, "federation.bad_url")

	careful := NewClient(a.keys, ClientOptions{PublicOnly: true})
	defer careful.Close()
	_, err = careful.FetchIdentity(ctx, b.id.URL)
	wantErr(t, err, comity.Forbidden, "federation.private_address")
}

func TestPublicOnly(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8:1": true, "[2001:4860:4860::8888]:1": true, "127.0.0.1:1": false, "10.1.2.3:1": false, "192.168.1.1:1": false, "172.16.0.1:1": false,
		"169.254.169.254:1": false, "100.64.0.1:1": false, "0.0.0.0:1": false, "[::1]:1": false, "[fe80::1]:1": false, "[fd00::1]:1": false,
		"[::ffff:127.0.0.1]:1": false, "[64:ff9b::7f00:1]:1": false, "224.0.0.1:1": false, "[ff02::1]:1": false, "nonsense": false,
	} {
		if got := publicOnly("tcp", addr, nil) == nil; got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

func TestChannels(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{})
	p.pub.put(t, 5, 40)
	r := p.client.For(p.pub.id)
	chs, err := r.Channels(context.Background())
	if err != nil || len(chs) != 1 || chs[0].ID != p.sink.ch.ID || chs[0].SignedSize != 5 || chs[0].Publisher != p.pub.id.ID {
		t.Fatalf("%+v %v", chs, err)
	}
	p.pub.setFront(onPath("/ch", rewrite(func(b []byte) []byte { return bytes.Replace(b, []byte(testStream), []byte("otherstuff"), 1) })))
	_, err = r.Channels(context.Background())
	wantErr(t, err, comity.Unverified, "federation.channel_id")
	p.pub.setFront(onPath("/ch", answer([]byte(`[{"id":"a","id":"b"}]`))))
	_, err = r.Channels(context.Background())
	wantErr(t, err, comity.Invalid, "federation.bad_answer")
}

func TestInboxDocuments(t *testing.T) {
	ka, a := testKeys(t, "a")
	_, b := testKeys(t, "b")
	_, c := testKeys(t, "c")
	now := time.Now().UTC().Truncate(time.Second)
	agreement := comity.AgreementID(strings.Repeat("ab", 32))
	docs := []InboxDocument{
		{Type: TypeIntroduce, Subject: a, Met: "in person 2026-05-03", Scope: "indicators"},
		{Type: TypeIntroduce, Subject: c},
		{Type: TypeVerified, Genesis: comity.Hash{1, 2}},
		{Type: TypeSuspend, About: agreement, Why: "pausing"},
		{Type: TypeSuspend},
		{Type: TypeEnd, About: agreement},
		{Type: TypeEraseAnswer, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Index: 7, Done: true},
		{Type: TypeEraseAnswer, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Index: 8, Law: "evidence act"},
		{Type: TypeMarkAnswer, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Index: 9, Onward: 3, Told: 2},
		{Type: TypeComplaint, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Index: 10, Since: now.Add(-time.Hour), Tries: 12, Why: "no payload"},
		{Type: TypeResume, About: agreement},
	}
	for _, d := range docs {
		d.To, d.At = b.ID, now
		raw, err := ka.SignInbox(d)
		if err != nil {
			t.Fatalf("%s: %v", d.Type, err)
		}
		got, err := OpenInbox(raw, a)
		if err != nil {
			t.Fatalf("%s: %v", d.Type, err)
		}
		if got.Subject != nil && !bytes.Equal(got.Subject.Note, d.Subject.Note) {
			t.Fatal("another node was introduced")
		}
		if got.From != a.ID || got.To != b.ID || !got.At.Equal(now) || got.Met != d.Met || got.Genesis != d.Genesis || got.About != d.About ||
			got.Why != d.Why || got.Channel != d.Channel || got.Index != d.Index || got.Done != d.Done || got.Law != d.Law ||
			got.Onward != d.Onward || got.Told != d.Told || got.Tries != d.Tries || !got.Since.Equal(d.Since) || len(got.ID) != 64 {
			t.Fatalf("%s came back as %+v", d.Type, got)
		}
		_, err = OpenInbox(raw, b)
		wantErr(t, err, comity.Unverified, "federation.document_signature")
		_, err = OpenInbox(bytes.Replace(raw, []byte(`"to":"`+string(b.ID)), []byte(`"to":"`+string(c.ID)), 1), a)
		wantErr(t, err, comity.Unverified, "federation.document_signature")
		_, err = OpenInbox(raw, nil)
		switch {
		case d.Type != TypeIntroduce:
			wantErr(t, err, comity.Unauthenticated, "federation.stranger")
		case d.Subject == c: // a stranger cannot introduce others
			wantErr(t, err, comity.Unverified, "federation.document_signature")
		case err != nil:
			t.Fatalf("a stranger introduces itself: %v", err)
		}
	}
	for field, d := range map[string]InboxDocument{
		"to": {Type: TypeEnd, At: now}, "at": {Type: TypeEnd, To: b.ID}, "why": {Type: TypeEnd, To: b.ID, At: now, Why: "a\nb"},
		"note": {Type: TypeIntroduce, To: b.ID, At: now}, "channel": {Type: TypeEraseAnswer, To: b.ID, At: now},
		"agreement": {Type: TypeEnd, To: b.ID, At: now, About: "x"},
		"told":      {Type: TypeMarkAnswer, To: b.ID, At: now, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Onward: 1, Told: 2},
		"onward":    {Type: TypeMarkAnswer, To: b.ID, At: now, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Onward: -1},
		"tries":     {Type: TypeComplaint, To: b.ID, At: now, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Since: now},
		"since":     {Type: TypeComplaint, To: b.ID, At: now, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Since: now.Add(time.Hour), Tries: 1},
		"index":     {Type: TypeComplaint, To: b.ID, At: now, Channel: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Index: -1},
	} {
		_, err := ka.SignInbox(d)
		if wantErr(t, err, comity.Invalid, "federation.document_field"); !strings.Contains(err.Error(), "field="+field) {
			t.Fatal(err)
		}
	}
	_, err := ka.SignInbox(InboxDocument{Type: "comity/other/v1", To: b.ID, At: now})
	wantErr(t, err, comity.Invalid, "federation.document_unknown")
	_, err = OpenInbox(make([]byte, maxInbox+1), a)
	wantErr(t, err, comity.TooLarge, "federation.too_large")
	noise := make([]byte, 500)
	_, _ = rand.Read(noise)
	_, err = OpenInbox(noise, a)
	if err == nil {
		t.Fatal("noise was accepted")
	}
}
