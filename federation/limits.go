package federation

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/comity-net/comity"
)

// limits bounds what callers may ask of this node at once and over time. Each
// peer has its own bounds, so that none can take another's share; strangers
// share one and are counted by address besides.
type limits struct {
	opts ServerOptions

	mu        sync.Mutex
	peers     map[comity.MemberID]*share
	strangers map[netip.Prefix]*rate.Limiter
	all       *rate.Limiter
}

// share is what one peer uses now.
type share struct {
	rate     *rate.Limiter
	requests int
	polls    int
}

// maxStrangers bounds the addresses remembered.
const maxStrangers = 4096

func newLimits(o ServerOptions) *limits {
	return &limits{
		opts:      o,
		peers:     map[comity.MemberID]*share{},
		strangers: map[netip.Prefix]*rate.Limiter{},
		all:       rate.NewLimiter(rate.Limit(o.AllStrangers), max(1, int(o.AllStrangers*2))),
	}
}

// enter admits a request or says Limited. release must be called after it.
func (l *limits) enter(r *http.Request, c *caller) (release func(), err error) {
	now := l.opts.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.id == nil {
		if !l.stranger(remoteNet(r), now) {
			return nil, limited("federation.limit_stranger")
		}
		return func() {}, nil
	}
	sh := l.peers[c.peer.ID] // one for each known peer: bounded by their number
	if sh == nil {
		sh = &share{rate: rate.NewLimiter(rate.Limit(l.opts.PeerRate), max(1, int(4*l.opts.PeerRate)))}
		l.peers[c.peer.ID] = sh
	}
	if !sh.rate.AllowN(now, 1) {
		return nil, limited("federation.limit_rate", comity.A("limit", l.opts.PeerRate))
	}
	used, most := &sh.requests, l.opts.PeerRequests
	if strings.HasSuffix(r.URL.Path, "/checkpoint") {
		used, most = &sh.polls, l.opts.PeerPolls
	}
	if *used >= most {
		return nil, limited("federation.limit_concurrent", comity.A("limit", most))
	}
	*used++
	return func() { l.mu.Lock(); *used--; l.mu.Unlock() }, nil
}

// stranger counts one request by an unknown caller.
func (l *limits) stranger(from netip.Prefix, now time.Time) bool {
	lim := l.strangers[from]
	if lim == nil {
		if len(l.strangers) >= maxStrangers {
			l.forget(now)
		}
		lim = rate.NewLimiter(rate.Limit(l.opts.StrangerRate), l.opts.StrangerBurst)
		l.strangers[from] = lim
	}
	// The address first: one noisy address must not use up what all share.
	return lim.AllowN(now, 1) && l.all.AllowN(now, 1)
}

// forget drops addresses that have their full burst back; if all are busy it
// drops every one, and the bound for all strangers holds alone.
func (l *limits) forget(now time.Time) {
	for p, lim := range l.strangers {
		if lim.TokensAt(now) >= float64(l.opts.StrangerBurst) {
			delete(l.strangers, p)
		}
	}
	if len(l.strangers) >= maxStrangers {
		clear(l.strangers)
	}
}

func limited(key string, args ...comity.Arg) error {
	return comity.E(comity.Limited, "serve", "", comity.Msg(key, args...), nil)
}
