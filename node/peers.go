package node

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/store"
)

// AddPeer introduces a peer, by the https URL of its federation listener or by
// its identity note. Nothing is trusted yet: people compare the pair code next.
func (n *Node) AddPeer(ctx context.Context, by Actor, url string, note []byte) (PeerView, error) {
	id, err := n.identityAt(ctx, url, note)
	if err != nil {
		n.audit(ctx, by, "peer.add", url, err)
		return PeerView{}, err
	}
	if id.ID == n.ID() {
		return PeerView{}, comity.E(comity.Conflict, "peer add", id.Name, comity.Msg("node.peer_self"), nil)
	}
	if url != "" {
		id.URL = url
	}
	self, err := n.self(ctx)
	if err != nil {
		return PeerView{}, err
	}
	err = n.act(ctx, by, "peer.add", string(id.ID), func(tx store.Tx) error {
		if err := n.introduce(ctx, tx, id); err != nil {
			return err
		}
		if id.URL == "" {
			return nil
		}
		return n.queueDocument(ctx, tx, "introduce", federation.InboxDocument{Type: federation.TypeIntroduce, To: id.ID, Subject: self})
	})
	if err != nil {
		return PeerView{}, err
	}
	n.flushOutbox(ctx)
	return n.Peer(ctx, string(id.ID))
}

func (n *Node) identityAt(ctx context.Context, url string, note []byte) (*federation.Identity, error) {
	if note != nil {
		return federation.ParseIdentity(note)
	}
	if err := checkURL(url); err != nil || url == "" {
		return nil, comity.E(comity.Usage, "peer add", url, comity.Msg("node.url_bad", comity.A("url", url)), err)
	}
	return n.client.FetchIdentity(ctx, url)
}

// introduce stores an identity note. A known peer keeps its state; its address
// and profile follow its newest note. Its keys cannot change this way: they are
// bound to its id by the genesis.
func (n *Node) introduce(ctx context.Context, tx store.Tx, id *federation.Identity) error {
	p, err := tx.Peer(ctx, id.ID)
	if comity.Is(err, comity.NotFound) {
		p = comity.Peer{ID: id.ID, State: comity.PeerIntroduced, Introduced: n.now()}
	} else if err != nil {
		return err
	} else if old, err := n.identity(p.Identity); err == nil && old.At.After(id.At) {
		return nil // an older note, replayed
	}
	p.Name, p.Country, p.Sector, p.Identity = id.Name, id.Country, id.Sector, id.Note
	if id.URL != "" {
		p.URL = id.URL
	}
	return tx.PutPeer(ctx, p)
}

// VerifyPeer records that people compared the pair code over another channel:
// code is what the other side read out. A wrong code is Unverified and changes
// nothing.
func (n *Node) VerifyPeer(ctx context.Context, by Actor, who, code string) (PeerView, error) {
	p, err := n.Peer(ctx, who)
	if err != nil {
		return p, err
	}
	if !federation.SamePairCode(code, p.PairCode) {
		err := comity.E(comity.Unverified, "peer verify", p.Name, comity.Msg("node.pair_code_wrong", comity.A("name", p.Name)), nil).
			WithHint(comity.Msg("node.pair_code_wrong_hint"))
		n.audit(ctx, by, "peer.verify", string(p.ID), err)
		return p, err
	}
	id, err := n.identity(p.Identity)
	if err != nil {
		return p, err
	}
	err = n.act(ctx, by, "peer.verify", string(p.ID), func(tx store.Tx) error {
		peer, err := tx.Peer(ctx, p.ID)
		if err != nil {
			return err
		}
		if peer.State != comity.PeerIntroduced && peer.State != comity.PeerEnded {
			return nil // confirming twice is no fault
		}
		peer.State, peer.VerifiedAt = comity.PeerVerified, n.now()
		if err := tx.PutPeer(ctx, peer); err != nil {
			return err
		}
		return n.queueDocument(ctx, tx, "verified", federation.InboxDocument{
			Type: federation.TypeVerified, To: p.ID, Genesis: sha256.Sum256(id.Genesis),
		})
	})
	if err != nil {
		return p, err
	}
	n.flushOutbox(ctx)
	return n.Peer(ctx, string(p.ID))
}

// SuspendPeer stops (or, with suspend false, resumes) all exchange with a peer.
func (n *Node) SuspendPeer(ctx context.Context, by Actor, who string, suspend bool) (PeerView, error) {
	if suspend {
		return n.movePeer(ctx, by, who, "peer.suspend", comity.PeerSuspended, comity.PeerVerified, comity.PeerActive)
	}
	return n.movePeer(ctx, by, who, "peer.resume", comity.PeerActive, comity.PeerSuspended)
}

// EndPeer ends the relation with a peer. To begin again, people compare the
// code again.
func (n *Node) EndPeer(ctx context.Context, by Actor, who string) (PeerView, error) {
	return n.movePeer(ctx, by, who, "peer.end", comity.PeerEnded,
		comity.PeerIntroduced, comity.PeerVerified, comity.PeerActive, comity.PeerSuspended, comity.PeerDisputed)
}

func (n *Node) movePeer(ctx context.Context, by Actor, who, action string, to comity.PeerState, from ...comity.PeerState) (PeerView, error) {
	p, err := n.Peer(ctx, who)
	if err != nil {
		return p, err
	}
	err = n.act(ctx, by, action, string(p.ID), func(tx store.Tx) error {
		peer, err := tx.Peer(ctx, p.ID)
		if err != nil {
			return err
		}
		for _, s := range from {
			if peer.State == s {
				peer.State = to
				return tx.PutPeer(ctx, peer)
			}
		}
		return comity.E(comity.Conflict, strings.ReplaceAll(action, ".", " "), p.Name,
			comity.Msg("node.peer_state", comity.A("state", "msg:peer.state."+string(peer.State))), nil)
	})
	if err != nil {
		return p, err
	}
	return n.Peer(ctx, string(p.ID))
}

// Peers lists the peers with what flows each way, ordered by name.
func (n *Node) Peers(ctx context.Context) ([]PeerView, error) {
	self, err := n.self(ctx)
	if err != nil {
		return nil, err
	}
	ags, err := n.Agreements(ctx)
	if err != nil {
		return nil, err
	}
	return view(ctx, n.store, func(r store.Reader) ([]PeerView, error) {
		peers, err := r.Peers(ctx)
		if err != nil {
			return nil, err
		}
		out := make([]PeerView, 0, len(peers))
		for _, p := range peers {
			out = append(out, n.peerView(p, self, ags))
		}
		return out, nil
	})
}

func (n *Node) peerView(p comity.Peer, self *federation.Identity, ags []AgreementView) PeerView {
	v := PeerView{Peer: p}
	if id, err := n.identity(p.Identity); err == nil {
		v.Fingerprint, v.PairCode = id.Fingerprint, federation.PairCode(self, id)
	}
	for _, a := range ags {
		if !a.Has(p.ID) {
			continue
		}
		v.Agreements = append(v.Agreements, a)
		if a.State == comity.AgreementSuperseded {
			continue // its channels are counted with the version that replaced it
		}
		for _, c := range a.Channels {
			v.addFlow(c)
		}
	}
	return v
}

func (v *PeerView) addFlow(c ChannelView) {
	if !c.Own {
		if c.Publisher == v.ID {
			v.Received += c.Head.Size
		}
		return
	}
	v.Given += c.Head.Size
	var size int64
	for _, r := range c.Readers {
		if r.Member == v.ID {
			size = r.Size
			if r.At.After(v.LastReceipt) {
				v.LastReceipt = r.At
			}
		}
	}
	v.Lag += c.Head.Size - size
}

// Peer finds one by id, a unique beginning of the id, or name.
func (n *Node) Peer(ctx context.Context, who string) (PeerView, error) {
	all, err := n.Peers(ctx)
	if err != nil {
		return PeerView{}, err
	}
	return unique(all, "peer", strings.ReplaceAll(who, " ", ""), func(v PeerView) []string {
		return []string{string(v.ID), strings.ReplaceAll(v.Name, " ", "")}
	})
}

// heard records that a peer answered, or why it did not; at most one write a
// minute when nothing changed.
func (n *Node) heard(ctx context.Context, id comity.MemberID, fault error) {
	err := n.store.Update(ctx, func(tx store.Tx) error {
		p, err := tx.Peer(ctx, id)
		if err != nil {
			return err
		}
		now := n.now()
		if fault == nil {
			if p.Fault.IsZero() && now.Sub(p.SeenAt) < time.Minute {
				return nil
			}
			p.SeenAt, p.Fault, p.FaultAt = now, comity.Message{}, time.Time{}
			return tx.PutPeer(ctx, p)
		}
		msg := comity.ErrorMessage(fault)
		if p.Fault.Key == msg.Key && now.Sub(p.FaultAt) < time.Minute {
			return nil
		}
		if p.Fault.Key != msg.Key {
			if err := tx.AddAudit(ctx, comity.Audit{At: now, Actor: "peer:" + string(id), Action: "peer.fault", Subject: p.Name, Kind: comity.ErrorKind(fault).String(), Msg: msg}); err != nil {
				return err
			}
		}
		p.Fault, p.FaultAt = msg, now
		return tx.PutPeer(ctx, p)
	})
	if err != nil && ctx.Err() == nil {
		n.log.Warn("peer state", "peer", id, "err", err)
	}
}
