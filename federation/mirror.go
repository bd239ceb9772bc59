package federation

import (
	"context"
	"net/http"

	stdjson "encoding/json"

	"github.com/go-json-experiment/json"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// HeldHead is the newest checkpoint of a channel that a node holds: its own, or
// one that it read and verified. The note is the publisher's, so nothing depends
// on who passes it on.
type HeldHead struct {
	Publisher comity.MemberID  `json:"publisher"`
	Channel   comity.ChannelID `json:"channel"`
	Note      []byte           `json:"note"`
}

// maxHeads bounds the checkpoints of one answer.
const maxHeads = 4096

// getHeads tells which checkpoints this node holds of the channels that it
// shares with the caller (federation.md 4.10). Comparing them shows a fork; a
// node that lost its disk learns from them how far it had come.
func (s *Server) getHeads(w http.ResponseWriter, r *http.Request, c *caller) error {
	heads, err := s.src.Heads(r.Context(), c.peer.ID)
	if err != nil {
		return err
	}
	body, err := stdjson.Marshal(heads[:min(len(heads), maxHeads)])
	if err != nil {
		return err
	}
	return send(w, "application/json", "no-store", body)
}

// Heads returns the checkpoints that the peer holds of channels shared with it.
// No signature is checked here.
func (r *Remote) Heads(ctx context.Context) ([]HeldHead, error) {
	const op = "fetch heads"
	b, err := r.get(ctx, op, "/heads", nil, 0, 8<<20)
	if err != nil {
		return nil, err
	}
	var heads []HeldHead
	if err = ledger.CheckJSON(b, maxDepth); err == nil {
		err = json.Unmarshal(b, &heads)
	}
	if err != nil || len(heads) > maxHeads {
		return nil, invalid(op, r.id.ID, err, "federation.bad_answer", comity.A("peer", r.id.Name))
	}
	return heads, nil
}

// Mirror returns the peer's copy of another member's channels, in place of its
// own (federation.md 4.13). It needs no trust: everything is verified against
// the publisher's signature, exactly as if the publisher had sent it.
func (r *Remote) Mirror(of *Identity) *Remote {
	m := *r
	m.of = of
	return &m
}

// publisher is whose channels the remote serves.
func (r *Remote) publisher() *Identity {
	if r.of != nil {
		return r.of
	}
	return r.id
}

// channelPath is where a channel is served.
func (r *Remote) channelPath(ch comity.ChannelID) string {
	if r.of != nil {
		return "/mirror/" + string(r.of.ID) + "/" + string(ch)
	}
	return "/ch/" + string(ch)
}

// SyncFrom is Sync from another member's copy of the channel, for when the
// publisher is away: mirror is that member. What is behind the stored copy is no
// error and changes nothing. No receipt is sent; the next Sync does. Faults are
// returned, not recorded: they are the mirror's until a signature says otherwise.
func (r *Reader) SyncFrom(ctx context.Context, id comity.ChannelID, mirror *Identity) (Progress, error) {
	ch, err := r.sink.Channel(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	s := &syncing{r: r, ch: ch, mirror: mirror, p: Progress{From: ch.Head.Size, To: ch.Head.Size}}
	err = s.run(ctx, 0)
	return s.p, unowned(err)
}
