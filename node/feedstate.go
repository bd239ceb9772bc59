package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// feedState is what becomes of a feed as it is polled. The position moves in
// the same transaction as the objects it has passed.
//
// A poll holds a lease. Each transaction of the poll asks for it, so that a
// process that slept through its lease stores nothing beside the one that took
// over: a job's claim alone would not stop it.
type feedState struct {
	At taxii.Resume `json:"at"`
	Of string       `json:"of,omitempty"` // what At is a position in

	Last       time.Time       `json:"last,omitzero"`
	Next       time.Time       `json:"next,omitzero"`
	New        time.Time       `json:"new,omitzero"`
	Import     comity.ImportID `json:"import,omitempty"`
	Polls      int64           `json:"polls,omitempty"`
	Accepted   int64           `json:"accepted,omitempty"`
	Same       int64           `json:"same,omitempty"`
	Refused    int64           `json:"refused,omitempty"`
	Behind     bool            `json:"behind,omitempty"`
	Fails      int             `json:"fails,omitempty"`
	ToldToWait bool            `json:"told_to_wait,omitempty"`
	Fault      *comity.Message `json:"fault,omitempty"`

	Lease string    `json:"lease,omitempty"` // who polls
	Until time.Time `json:"until,omitzero"`
}

func (f feedRecord) stateName() string { return "feed.state." + f.ID }

// of names what is read: another server, collection or set of types is read
// from its beginning.
func (f feedRecord) of() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.URL, f.Root, f.Collection, strings.Join(f.Types, ",")}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func feedStateIn(ctx context.Context, r store.SettingReader, f feedRecord) (feedState, error) {
	var s feedState
	if err := readSetting(ctx, r, f.stateName(), &s); err != nil {
		return s, err
	}
	if of := f.of(); s.Of != of {
		s.Of, s.At, s.Behind = of, taxii.Resume{}, false
	}
	return s, nil
}

// changeFeedState reads, changes and writes the state in a transaction.
func (n *Node) changeFeedState(ctx context.Context, tx store.Tx, f feedRecord, change func(*feedState) error) error {
	s, err := feedStateIn(ctx, tx, f)
	if err != nil {
		return err
	}
	if err := change(&s); err != nil {
		return err
	}
	return putSetting(ctx, tx, f.stateName(), s)
}

func (n *Node) feedView(f feedRecord, s feedState) FeedView {
	v := FeedView{
		Feed: f.Feed, State: FeedIdle, LastPoll: s.Last, NextPoll: s.Next, LastNew: s.New, LastImport: s.Import,
		Polls: s.Polls, Accepted: s.Accepted, Same: s.Same, Refused: s.Refused, Fault: s.Fault, Position: s.At.AddedAfter, Behind: s.Behind,
	}
	switch {
	case n.now().Before(s.Until):
		v.State = FeedPolling
	case f.Paused:
		v.State = FeedPaused
	case s.Fault != nil && s.ToldToWait:
		v.State = FeedWaiting
	case s.Fault != nil:
		v.State = FeedFault
	}
	if f.Paused {
		v.NextPoll = time.Time{}
	}
	return v
}

// readSetting reads a JSON setting; into is left alone when there is none.
func readSetting(ctx context.Context, r store.SettingReader, name string, into any) error {
	b, err := r.Setting(ctx, name)
	if comity.Is(err, comity.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func putSetting(ctx context.Context, tx store.SettingWriter, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, name, b)
}
