package federation

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// A peer's connection survives a rotation: before it knows of it, and after.
func TestConnectionsAcrossRotation(t *testing.T) {
	k, reader := chainKeys(t), chainKeys(t)
	at := chainTime.Add(time.Hour)
	next := rotated(t, k, Rotation{Roles: []KeyRole{RoleTLS}}, at)
	before, after := identityOf(t, k, testProfile), identityOf(t, next, testProfile)
	day := 24 * time.Hour
	for _, c := range []struct {
		name string
		when time.Duration
		id   *Identity
		want bool
	}{
		{"does not know yet", time.Hour, before, true},
		{"knows, old key shown", time.Hour, after, true},
		{"does not know at the end", 6*day - time.Hour, before, true},
		{"knows, new key shown", 6*day + time.Hour, after, true},
		{"never heard of it", 6*day + time.Hour, before, false},
		{"much later", 300 * day, after, true},
	} {
		now := func() time.Time { return at.Add(c.when) }
		next.now = now
		ln, err := tls.Listen("tcp", "127.0.0.1:0", next.ServerTLS())
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if conn, err := ln.Accept(); err == nil {
				_, _ = io.Copy(io.Discard, conn) // until the client closes
				conn.Close()
			}
		}()
		conf := reader.clientTLS(func(pin comity.Hash) bool { return c.id.AcceptsPin(pin, now()) == nil }, nil)
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", ln.Addr().String(), conf)
		if (err == nil) != c.want || (err != nil && !errors.As(err, new(errPin))) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			conn.Close()
		}
		ln.Close()
		<-done
	}
}

// What the reader finds contradicts what it holds, and convicts the publisher.
func TestSyncFindsForkEvidence(t *testing.T) {
	for name, size := range map[string]int64{"same size": 40, "smaller": 20} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, ClientOptions{}, ReaderOptions{Items: 16})
			p.pub.put(t, 40, 60)
			if _, err := p.sync(t); err != nil {
				t.Fatal(err)
			}
			origin := ledger.Origin(p.pub.id.ID, p.sink.ch.ID)
			p.pub.setFront(onPath("/checkpoint", answer(signed(t, p.pub, origin, comity.Head{Size: size, Root: comity.Hash{1}}))))
			_, err := p.sync(t)
			var found *ForkFound
			if !errors.As(err, &found) {
				t.Fatalf("no evidence: %v", err)
			}
			e, err := OpenEvidence(found.Evidence.Body, p.pub.id)
			if err != nil || e.A.Size != size || e.B.Size != 40 {
				t.Fatalf("%+v %v", e, err)
			}
		})
	}
}

// A log that is signed with a new key is read on by who knows the statement.
func TestSyncAcrossRotation(t *testing.T) {
	p := newPair(t, ClientOptions{}, ReaderOptions{Items: 16})
	p.pub.put(t, 40, 60)
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	old := p.pub.id
	next := rotated(t, p.pub.keys, Rotation{Roles: []KeyRole{RoleLog}, LastGood: LastGood{Channels: map[comity.ChannelID]int64{p.sink.ch.ID: 40}}}, time.Now())
	p.pub.keys = next
	p.pub.put(t, 10, 60)
	_, err := p.sync(t)
	wantErr(t, err, comity.Unverified, "federation.peer_unknown_key")
	p.sink.publisher = identityOf(t, next, old.Profile)
	p.pub.server.opts.Self = p.sink.publisher
	if _, err := p.sync(t); err != nil {
		t.Fatal(err)
	}
	p.prefix(t)
	if size := p.sink.channel().Head.Size; size != 50 {
		t.Errorf("read %d entries", size)
	}
}

// The machine is gone; an identity note from any peer and the words are enough.
func TestRecoverKeys(t *testing.T) {
	k := rotated(t, chainKeys(t), Rotation{Roles: []KeyRole{RoleRoot, RoleDoc}}, chainTime)
	id := identityOf(t, k, testProfile)
	root, next, err := k.RootWords()
	if err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string][2]string{"both": {root, next}, "only the next": {"", next}, "only the root": {root, ""}} {
		got, statement, err := RecoverKeys(rand.Reader, id, words[0], words[1], nil, LastGood{Log: 3}, chainTime.Add(time.Hour))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.ID() != k.ID() || got.Chain().Len() != 2 || !bytes.Equal(got.Chain().Statements()[1], statement) {
			t.Errorf("%s: other keys", name)
		}
		if err := got.Chain().Continues(id.Keys); err != nil {
			t.Errorf("%s: peers do not follow: %v", name, err)
		}
		dir := t.TempDir()
		if err := got.Save(dir, nil); err != nil {
			t.Fatal(err)
		}
		if again, err := LoadKeys(dir, nil); err != nil || again.Log().KeyHash() != got.Log().KeyHash() {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err = RecoverKeys(rand.Reader, identityOf(t, chainKeys(t), testProfile), root, next, nil, LastGood{}, chainTime)
	wantErr(t, err, comity.Invalid, "federation.key_mismatch")
}
