package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// Status is the node at a glance. Counts come from roll-ups.
func (n *Node) Status(ctx context.Context) (Status, error) {
	s := Status{ID: n.ID(), Version: n.cfg.Version, Keeper: n.keeper, Dir: n.dir, Now: n.now()}
	self, err := n.self(ctx)
	if err != nil {
		return s, err
	}
	s.Profile, s.Fingerprint = Profile(self.Profile), self.Fingerprint
	if s.Channels, err = n.Channels(ctx); err != nil {
		return s, err
	}
	err = n.store.View(ctx, func(r store.Reader) error { return n.statusIn(ctx, r, &s) })
	for _, c := range s.Channels {
		if !c.Fault.IsZero() {
			s.Faults = append(s.Faults, Fault{Subject: c.PublisherName, Msg: c.Fault, At: c.FaultAt})
		}
	}
	return s, err
}

func (n *Node) statusIn(ctx context.Context, r store.Reader, s *Status) error {
	rolls, err := r.Rollups(ctx, time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	types := map[string]int64{}
	for _, x := range rolls {
		s.Objects += x.N
		types[x.Type] += x.N
	}
	for t, k := range types {
		s.Types = append(s.Types, Count{Name: t, N: k})
	}
	sortCounts(s.Types)
	peers, err := r.Peers(ctx)
	if err != nil {
		return err
	}
	s.Peers = len(peers)
	for _, p := range peers {
		if p.Verified() {
			s.Verified++
		}
		if !p.Fault.IsZero() && p.Verified() {
			s.Faults = append(s.Faults, Fault{Subject: p.Name, Msg: p.Fault, At: p.FaultAt})
		}
	}
	recs, err := r.Agreements(ctx)
	if err != nil {
		return err
	}
	for _, a := range recs {
		if a.State == comity.AgreementActive {
			s.Agreements++
		}
	}
	last, err := r.Imports(ctx, "", 1)
	if err == nil && len(last) > 0 {
		s.LastImport = &last[0]
	}
	return err
}

// Doctor checks what the node relies on and says of each thing whether it is well.
func (n *Node) Doctor(ctx context.Context) ([]Finding, error) {
	var out []Finding
	say := func(ok bool, key string, args ...comity.Arg) {
		out = append(out, Finding{OK: ok, Msg: comity.Msg(key, args...)})
	}
	info := func(key string, args ...comity.Arg) {
		out = append(out, Finding{OK: true, Info: true, Msg: comity.Msg(key, args...)})
	}
	problems, err := n.store.Check(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		say(false, "node.doctor_store", comity.A("problem", p))
	}
	if len(problems) == 0 {
		say(true, "node.doctor_store_ok", comity.A("keeper", n.keeper))
	}
	self, err := n.self(ctx)
	if err != nil {
		return nil, err
	}
	say(self.URL != "", map[bool]string{true: "node.doctor_url_ok", false: "node.doctor_url_missing"}[self.URL != ""], comity.A("url", self.URL))
	if _, err := os.Stat(filepath.Join(n.dir, "keys", "root.key")); errors.Is(err, fs.ErrNotExist) {
		info("node.doctor_root_key_away")
	}
	peers, err := n.Peers(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		switch {
		case p.State == comity.PeerIntroduced:
			// A stranger who introduced itself must not turn the node red.
			info("node.doctor_peer_unverified", comity.A("name", p.Name))
		case p.Verified() && !p.Fault.IsZero():
			say(false, "node.doctor_peer_fault", comity.A("name", p.Name))
		case p.Verified():
			say(true, "node.doctor_peer_ok", comity.A("name", p.Name))
		}
	}
	channels, err := n.Channels(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range channels {
		if !c.Fault.IsZero() {
			say(false, "node.doctor_channel_fault", comity.A("stream", c.Stream), comity.A("name", c.PublisherName))
		}
	}
	return out, nil
}
