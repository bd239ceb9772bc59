package api

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// Feed is a feed and where it stands. What it signs in with is never told.
type Feed struct {
	Name       string          `json:"name"`
	URL        string          `json:"url"`
	Root       string          `json:"root,omitempty"`
	Collection string          `json:"collection"`
	Into       string          `json:"into,omitempty"`
	Host       string          `json:"host,omitempty"`
	Handling   comity.TLP      `json:"tlp,omitempty"`
	Every      string          `json:"every"` // as in 15m0s
	Overlap    string          `json:"overlap,omitempty"`
	Types      []string        `json:"types,omitempty"`
	Spec20     bool            `json:"spec20,omitempty"`
	Upgrade    bool            `json:"upgrade,omitempty"`
	CA         string          `json:"ca,omitempty"` // PEM
	User       string          `json:"user,omitempty"`
	HasSecret  bool            `json:"has_secret"`
	Created    time.Time       `json:"created"`
	State      node.FeedState  `json:"state"`
	LastPoll   time.Time       `json:"last_poll,omitzero"`
	NextPoll   time.Time       `json:"next_poll,omitzero"`
	LastNew    time.Time       `json:"last_new,omitzero"`
	LastImport comity.ImportID `json:"last_import,omitempty"`
	Polls      int64           `json:"polls"`
	Accepted   int64           `json:"accepted"`
	Same       int64           `json:"same"`
	Refused    int64           `json:"refused"`
	Position   time.Time       `json:"position,omitzero"` // the newest date added that was read
	Behind     bool            `json:"behind"`            // more waits over there
	Fault      *comity.Message `json:"fault,omitempty"`
}

func feedOf(v node.FeedView) Feed {
	f := Feed{
		Name: v.Name, URL: v.URL, Root: v.Root, Collection: v.Collection, Into: v.Into, Host: v.Host, Handling: v.Handling,
		Every: v.Every.String(), Types: v.Types, Spec20: v.Spec20, Upgrade: v.Upgrade, CA: string(v.CAPEM), User: v.User,
		HasSecret: v.HasSecret, Created: v.Created, State: v.State, LastPoll: v.LastPoll, NextPoll: v.NextPoll, LastNew: v.LastNew,
		LastImport: v.LastImport, Polls: v.Polls, Accepted: v.Accepted, Same: v.Same, Refused: v.Refused,
		Position: v.Position, Behind: v.Behind, Fault: v.Fault,
	}
	if v.Overlap > 0 {
		f.Overlap = v.Overlap.String()
	}
	return f
}

// feedIn makes a feed or changes the one of that name.
type feedIn struct {
	Body struct {
		Name       string   `json:"name" minLength:"1" maxLength:"64"`
		URL        string   `json:"url" maxLength:"2048"`
		Root       string   `json:"root,omitempty" maxLength:"2048"`
		Collection string   `json:"collection" maxLength:"256"`
		Into       string   `json:"into,omitempty" maxLength:"64"`
		Host       string   `json:"host,omitempty" maxLength:"300" doc:"other host that is confirmed as the place of the API root"`
		TLP        string   `json:"tlp,omitempty" maxLength:"20"`
		Every      string   `json:"every,omitempty" maxLength:"20" doc:"as in 30s, 15m, 6h; 15m when absent"`
		Overlap    string   `json:"overlap,omitempty" maxLength:"20" doc:"read again each time"`
		Types      []string `json:"types,omitempty" maxItems:"100"`
		Spec20     bool     `json:"spec20,omitempty" doc:"the server speaks TAXII 2.0"`
		Upgrade    bool     `json:"upgrade,omitempty" doc:"STIX 2.0 objects become STIX 2.1"`
		CA         string   `json:"ca,omitempty" maxLength:"65536" doc:"PEM"`
		Paused     bool     `json:"paused,omitempty"`
		User       string   `json:"user,omitempty" maxLength:"256"`
		Password   string   `json:"password,omitempty" maxLength:"4096" writeOnly:"true"`
		Token      string   `json:"token,omitempty" maxLength:"16384" writeOnly:"true"`
		Cert       string   `json:"cert,omitempty" maxLength:"131072" writeOnly:"true" doc:"PEM"`
		Key        string   `json:"key,omitempty" maxLength:"131072" writeOnly:"true" doc:"PEM"`
		HasSecret  bool     `json:"has_secret,omitempty" doc:"keep the credentials that are kept, when none are given"`
	}
}

func (s *server) feeds(ctx context.Context, _ *none) (listed[Feed], error) {
	list, err := s.n.Feeds(ctx)
	return items(list, feedOf), err
}

func (s *server) feed(ctx context.Context, in *nameIn) (Feed, error) {
	v, err := s.n.Feed(ctx, in.ID)
	return feedOf(v), err
}

func (s *server) feedPut(ctx context.Context, in *feedIn) (Feed, error) {
	b := in.Body
	f := node.Feed{Name: b.Name, URL: b.URL, Root: b.Root, Collection: b.Collection, Into: b.Into, Host: b.Host, Types: b.Types,
		Spec20: b.Spec20, Upgrade: b.Upgrade, CAPEM: []byte(b.CA), Paused: b.Paused, User: b.User, HasSecret: b.HasSecret}
	ok := true
	if b.TLP != "" {
		f.Handling, ok = comity.ParseTLP(b.TLP)
	}
	if !ok {
		return Feed{}, comity.E(comity.Usage, "feed", b.TLP, comity.Msg("api.bad_tlp"), nil)
	}
	var err error
	if f.Every, err = spanOf(b.Name, b.Every); err != nil {
		return Feed{}, err
	}
	if f.Overlap, err = spanOf(b.Name, b.Overlap); err != nil {
		return Feed{}, err
	}
	secret := node.FeedSecret{Password: b.Password, Token: b.Token, CertPEM: []byte(b.Cert), KeyPEM: []byte(b.Key)}
	if err := s.n.PutFeed(ctx, actor(ctx), f, secret); err != nil {
		return Feed{}, err
	}
	return s.feed(ctx, &nameIn{b.Name})
}

// spanOf reads a time span; 0 when there is none.
func spanOf(name, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		err = comity.E(comity.Usage, "feed", name, comity.Msg("web.feed.bad_span", comity.A("text", text)), err)
	}
	return d, err
}

// pauseIn stops a feed or lets it go on.
type pauseIn struct {
	ID   string `path:"id" maxLength:"300"`
	Body struct {
		Paused bool `json:"paused"`
	}
}

func (s *server) feedPause(ctx context.Context, in *pauseIn) (Feed, error) {
	if err := s.n.PauseFeed(ctx, actor(ctx), in.ID, in.Body.Paused); err != nil {
		return Feed{}, err
	}
	return s.feed(ctx, &nameIn{in.ID})
}

// feedPoll reads a feed now. One that takes long goes on: the state then says
// polling.
func (s *server) feedPoll(ctx context.Context, in *nameIn) (Feed, error) {
	if _, _, err := s.n.StartPoll(ctx, actor(ctx), in.ID); err != nil {
		return Feed{}, err
	}
	return s.feed(ctx, in)
}

func (s *server) feedRemove(ctx context.Context, in *nameIn) (changed, error) {
	err := s.n.RemoveFeed(ctx, actor(ctx), in.ID)
	return changed{err == nil}, err
}
