package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/google/uuid"
)

// Feed is a collection of somebody's TAXII server that this node reads again
// and again.
type Feed struct {
	Name string `json:"name"` // unique, lower case; what people type
	URL  string `json:"url"`  // of the server's discovery or of its API root
	// Root is the API root, absolute or relative to URL; "" for the one that the
	// server calls its default.
	Root       string `json:"root,omitempty"`
	Collection string `json:"collection"`     // id or alias over there
	Into       string `json:"into,omitempty"` // alias of the collection here; "" for none
	// Host is the host[:port] other than that of URL which an administrator has
	// confirmed as the place of the API root; credentials then go there.
	Host     string        `json:"host,omitempty"`
	Handling comity.TLP    `json:"handling"` // label of objects that carry none; Unmarked for the node's default
	Every    time.Duration `json:"every"`    // between polls: 10 s to 30 days; 15 min when zero
	// Overlap is read again at each poll, for servers that give objects a date in
	// the past: at most 30 days.
	Overlap time.Duration `json:"overlap"`
	Types   []string      `json:"types,omitempty"`   // STIX types; none for all
	Spec20  bool          `json:"spec20,omitempty"`  // the server speaks TAXII 2.0; false finds out
	Upgrade bool          `json:"upgrade,omitempty"` // STIX 2.0 objects become STIX 2.1
	CAPEM   []byte        `json:"ca,omitempty"`      // certificates to trust besides the system's
	Paused  bool          `json:"paused,omitempty"`
	User    string        `json:"user,omitempty"` // for HTTP Basic
	// HasSecret says that credentials are kept sealed. Given to PutFeed with an
	// empty FeedSecret, true keeps them and false removes them.
	HasSecret bool      `json:"has_secret"`
	Created   time.Time `json:"created"`
}

// FeedSecret is what a feed signs in with. It goes in and never comes out.
type FeedSecret struct {
	Password, Token string // Password belongs to Feed.User; a Token comes first
	CertPEM, KeyPEM []byte // client certificate and its key
}

// FeedState is where a feed stands.
type FeedState string

// The states of a feed.
const (
	FeedIdle    FeedState = "idle"    // the last poll went well
	FeedPolling FeedState = "polling" // under way, here or in another process
	FeedWaiting FeedState = "waiting" // the server asked to wait
	FeedPaused  FeedState = "paused"
	FeedFault   FeedState = "fault" // the last poll failed; Fault says why
)

// FeedView is a feed as people see it.
type FeedView struct {
	Feed
	State    FeedState `json:"state"`
	LastPoll time.Time `json:"last_poll"` // end of the last poll; zero before the first
	NextPoll time.Time `json:"next_poll"` // zero when paused
	LastNew  time.Time `json:"last_new"`  // when something new last came
	// LastImport is the last import that had something; "" when there is none.
	LastImport comity.ImportID `json:"last_import"`
	Polls      int64           `json:"polls"`
	Accepted   int64           `json:"accepted"` // of all polls
	Same       int64           `json:"same"`
	Refused    int64           `json:"refused"`
	Fault      *comity.Message `json:"fault,omitempty"` // why the last poll failed and what to do
	// Position is the newest date added that was read; zero before the first, or
	// when the server does not say.
	Position time.Time `json:"position"`
	// Behind says that the last poll ended at a bound: more waits over there.
	Behind bool `json:"behind"`
}

const (
	settingFeeds = "feeds" // all of them, by name
	maxFeeds     = 500

	feedEvery    = 15 * time.Minute
	feedEveryMin = 10 * time.Second
	feedLongest  = 30 * 24 * time.Hour
)

// feedRecord is what is kept of a feed.
type feedRecord struct {
	Feed
	ID     string            `json:"id"` // so that a new feed of an old name begins anew
	Sealed map[string][]byte `json:"sealed,omitempty"`
}

func feedsIn(ctx context.Context, r store.SettingReader) (map[string]feedRecord, error) {
	out := map[string]feedRecord{}
	return out, readSetting(ctx, r, settingFeeds, &out)
}

func feedIn(ctx context.Context, r store.SettingReader, name string) (feedRecord, error) {
	all, err := feedsIn(ctx, r)
	if err != nil {
		return feedRecord{}, err
	}
	f, ok := all[name]
	if !ok {
		return f, comity.E(comity.NotFound, "feed", name, comity.Msg("feed.none", comity.A("name", name)), nil)
	}
	return f, nil
}

// Feeds lists the feeds by name.
func (n *Node) Feeds(ctx context.Context) ([]FeedView, error) {
	return view(ctx, n.store, func(r store.Reader) ([]FeedView, error) {
		all, err := feedsIn(ctx, r)
		if err != nil {
			return nil, err
		}
		out := make([]FeedView, 0, len(all))
		for _, f := range all {
			s, err := feedStateIn(ctx, r, f)
			if err != nil {
				return nil, err
			}
			out = append(out, n.feedView(f, s))
		}
		slices.SortFunc(out, func(a, b FeedView) int { return strings.Compare(a.Name, b.Name) })
		return out, nil
	})
}

// Feed finds a feed by name.
func (n *Node) Feed(ctx context.Context, name string) (FeedView, error) {
	return view(ctx, n.store, func(r store.Reader) (FeedView, error) {
		f, err := feedIn(ctx, r, name)
		if err != nil {
			return FeedView{}, err
		}
		s, err := feedStateIn(ctx, r, f)
		return n.feedView(f, s), err
	})
}

// PutFeed makes or changes the feed f.Name. Reading goes on where it stands
// unless server, collection or types change. Kept credentials are for the host
// they were given for: a feed that moves to another needs them again.
func (n *Node) PutFeed(ctx context.Context, by Actor, f Feed, s FeedSecret) error {
	f, err := f.check()
	if err != nil {
		return err
	}
	if err := s.check(f); err != nil {
		return err
	}
	return n.act(ctx, by, "feed.put", f.Name, func(tx store.Tx) error {
		if err := mayAdminFeeds(by, f.Name); err != nil {
			return err
		}
		all, err := feedsIn(ctx, tx)
		if err != nil {
			return err
		}
		old, was := all[f.Name]
		if !was && len(all) >= maxFeeds {
			return comity.E(comity.TooLarge, "feed", f.Name, comity.Msg("feed.too_many", comity.A("limit", maxFeeds)), nil)
		}
		rec := feedRecord{Feed: f, ID: old.ID}
		if rec.Created = old.Created; !was {
			rec.ID, rec.Created = uuid.NewString(), n.now()
		}
		if rec.Into != "" {
			if _, err := n.ensureCollection(ctx, tx, rec.Into); err != nil {
				return err
			}
		}
		if rec.Sealed, err = n.sealFeed(rec, s, old); err != nil {
			return err
		}
		rec.HasSecret = len(rec.Sealed) > 0
		all[f.Name] = rec
		if err := putSetting(ctx, tx, settingFeeds, all); err != nil {
			return err
		}
		// What was wrong may be right now: it is tried at once.
		return n.changeFeedState(ctx, tx, rec, func(st *feedState) error {
			st.Fails, st.Fault, st.Next = 0, nil, n.now()
			return nil
		})
	})
}

// PauseFeed stops the polls of a feed, or lets them go on.
func (n *Node) PauseFeed(ctx context.Context, by Actor, name string, paused bool) error {
	action := "feed.resume"
	if paused {
		action = "feed.pause"
	}
	return n.act(ctx, by, action, name, func(tx store.Tx) error {
		if err := mayPollFeeds(by, name); err != nil {
			return err
		}
		all, err := feedsIn(ctx, tx)
		if err != nil {
			return err
		}
		f, err := feedIn(ctx, tx, name)
		if err != nil {
			return err
		}
		f.Paused = paused
		all[name] = f
		if err := putSetting(ctx, tx, settingFeeds, all); err != nil || paused {
			return err
		}
		return n.changeFeedState(ctx, tx, f, func(st *feedState) error { st.Next = n.now(); return nil })
	})
}

// RemoveFeed forgets a feed with its credentials and its position. What it
// brought stays.
func (n *Node) RemoveFeed(ctx context.Context, by Actor, name string) error {
	return n.act(ctx, by, "feed.remove", name, func(tx store.Tx) error {
		if err := mayAdminFeeds(by, name); err != nil {
			return err
		}
		f, err := feedIn(ctx, tx, name)
		if err != nil {
			return err
		}
		all, err := feedsIn(ctx, tx)
		if err != nil {
			return err
		}
		delete(all, name)
		if err := putSetting(ctx, tx, settingFeeds, all); err != nil {
			return err
		}
		return tx.PutSetting(ctx, f.stateName(), []byte("{}"))
	})
}

func mayAdminFeeds(by Actor, name string) error {
	if by.Role != RoleAdmin {
		return comity.E(comity.Forbidden, "feed", name, comity.Msg("feed.admin_only"), nil)
	}
	return nil
}

func mayPollFeeds(by Actor, name string) error {
	if by.Role != RoleAdmin && by.Role != RoleAnalyst {
		return comity.E(comity.Forbidden, "feed", name, comity.Msg("feed.analyst_only"), nil)
	}
	return nil
}

// check reads what was typed.
func (f Feed) check() (Feed, error) {
	wrong := func(key string, args ...comity.Arg) (Feed, error) {
		return f, comity.E(comity.Usage, "feed", f.Name, comity.Msg(key, args...), nil)
	}
	if !userName.MatchString(f.Name) {
		return wrong("feed.name", comity.A("name", f.Name))
	}
	if f.Every == 0 {
		f.Every = feedEvery
	}
	switch {
	case f.Every < feedEveryMin || f.Every > feedLongest:
		return wrong("feed.every", comity.A("least", feedEveryMin))
	case f.Overlap < 0 || f.Overlap > feedLongest:
		return wrong("feed.overlap")
	case f.Collection == "" || len(f.Collection) > 256:
		return wrong("feed.collection")
	case f.Into != "" && !userName.MatchString(f.Into):
		return wrong("node.alias_bad", comity.A("alias", f.Into))
	case len(f.Types) > 100 || len(f.URL) > 2048 || len(f.Root) > 2048 || len(f.CAPEM) > 64<<10 || len(f.User) > 256:
		return wrong("feed.long")
	}
	if _, err := f.origin(); err != nil {
		return f, err
	}
	if !strings.HasSuffix(f.URL, "/") {
		f.URL += "/" // what is relative is so to the folder
	}
	return f, nil
}

// origin is scheme and host that the feed's requests and credentials go to.
func (f Feed) origin() (*url.URL, error) {
	u, err := url.Parse(f.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, comity.E(comity.Usage, "feed", f.Name, comity.Msg("taxii.client.url"), err)
	}
	root, err := u.Parse(f.Root)
	if err != nil || root.User != nil {
		return nil, comity.E(comity.Usage, "feed", f.Name, comity.Msg("taxii.client.url"), err)
	}
	if f.Root == "" || root.Scheme == u.Scheme && root.Host == u.Host {
		return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
	}
	if f.Host != root.Host || root.Scheme != "https" && u.Scheme == "https" {
		return nil, otherHost(f.Name, root.Host)
	}
	return &url.URL{Scheme: root.Scheme, Host: root.Host}, nil
}

func otherHost(name, host string) error {
	return comity.E(comity.Forbidden, "feed", name, comity.Msg("feed.other_host", comity.A("host", host)), nil)
}

// check reads the credentials; a certificate and its key go together.
func (s FeedSecret) check(f Feed) error {
	wrong := func(key string, err error) error {
		return comity.E(comity.Usage, "feed", f.Name, comity.Msg(key), err)
	}
	if len(s.Password) > 4096 || len(s.Token) > 16<<10 || len(s.CertPEM)+len(s.KeyPEM) > 256<<10 {
		return wrong("feed.long", nil)
	}
	if strings.ContainsFunc(s.Password+s.Token+f.User, func(r rune) bool { return r < ' ' }) {
		return wrong("feed.secret_control", nil)
	}
	if s.Password != "" && f.User == "" {
		return wrong("feed.password_user", nil)
	}
	if len(s.CertPEM)+len(s.KeyPEM) > 0 {
		if _, err := tls.X509KeyPair(s.CertPEM, s.KeyPEM); err != nil {
			return wrong("feed.certificate", nil) // the cause may quote the key
		}
	}
	if len(f.CAPEM) > 0 && !x509.NewCertPool().AppendCertsFromPEM(f.CAPEM) {
		return wrong("feed.ca", nil)
	}
	return nil
}
