package node_test

import (
	"strings"
	"testing"

	"github.com/comity-net/comity"
)

// TestAbsentPeerIsNoFaultOfTheStream: a peer that cannot be reached is told at
// the peer, with that kind in the audit, and never as a verification failure.
func TestAbsentPeerIsNoFaultOfTheStream(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	agree(t, a, b)
	a.stop()
	if err := b.SyncNow(t.Context()); !comity.Is(err, comity.Unreachable) {
		t.Fatalf("reading from a node that is away: %v", err)
	}
	chs, err := b.Channels(t.Context())
	if err != nil || len(chs) == 0 {
		t.Fatalf("%d channels, %v", len(chs), err)
	}
	for _, c := range chs {
		if !c.Fault.IsZero() {
			t.Errorf("channel %s has the fault %s", c.Stream, c.Fault)
		}
	}
	p, err := b.Peer(t.Context(), "alpha")
	if err != nil || !strings.HasPrefix(p.Fault.Key, "federation.") {
		t.Errorf("the peer's fault is %q, %v", p.Fault, err)
	}
	lines, err := b.Audits(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	told := false
	for _, l := range lines {
		told = told || l.Action == "peer.fault" && l.Kind == comity.Unreachable.String()
		if l.Action == "channel.fault" {
			t.Errorf("the audit says %s %s", l.Kind, l.Msg)
		}
	}
	if !told {
		t.Error("the audit does not say that the peer cannot be reached")
	}
}
