package taxii

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/comity-net/comity"
)

const (
	maxUsages = 1 << 16
	loanWait  = 5 * time.Second
)

// quota keeps what each caller has used: requests, failed attempts, memory. All
// callers get the same.
type quota struct {
	perMinute, burst, failures int
	memory, share              int64
	all                        *semaphore.Weighted

	mu    sync.Mutex
	users map[string]*usage
	tries map[string]*rate.Limiter
}

// usage is what one caller has used.
type usage struct {
	requests *rate.Limiter
	memory   *semaphore.Weighted
}

func newQuota(o Options) *quota {
	return &quota{
		perMinute: o.PerMinute, burst: o.Burst, failures: o.FailuresPerMinute,
		memory: o.Memory, share: max(o.Memory/2, o.PageBytes), all: semaphore.NewWeighted(o.Memory),
		users: map[string]*usage{}, tries: map[string]*rate.Limiter{},
	}
}

func (q *quota) of(key string) *usage {
	q.mu.Lock()
	defer q.mu.Unlock()
	u, ok := q.users[key]
	if !ok {
		makeRoom(q.users)
		u = &usage{
			requests: rate.NewLimiter(rate.Limit(float64(q.perMinute)/60), q.burst),
			memory:   semaphore.NewWeighted(q.share),
		}
		q.users[key] = u
	}
	return u
}

// makeRoom drops any one entry of a full map. Whoever it was starts afresh,
// which costs less than remembering everybody.
func makeRoom[V any](m map[string]V) {
	for k := range m {
		if len(m) < maxUsages {
			return
		}
		delete(m, k)
	}
}

// take takes one request; it says how many are left, and how long to wait when
// there was none.
func (u *usage) take(now time.Time) (left int, wait time.Duration) {
	r := u.requests.ReserveN(now, 1)
	if !r.OK() {
		return 0, time.Minute
	}
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return 0, wait
	}
	return max(0, int(u.requests.TokensAt(now))), 0
}

// tryKeys names the two counts of failures, narrow and wide.
func tryKeys(c Credentials) (narrow, wide string) {
	at := network(c.Remote)
	return "one:" + at + " " + clip(c.User), "all:" + at
}

func (q *quota) limiter(key string, perMinute int) *rate.Limiter {
	l, ok := q.tries[key]
	if !ok {
		makeRoom(q.tries)
		l = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
		q.tries[key] = l
	}
	return l
}

// mayTry refuses an attempt to authenticate after too many failures.
func (q *quota) mayTry(c Credentials, now time.Time) error {
	if c.Anonymous() {
		return nil
	}
	narrow, wide := tryKeys(c)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, key := range []string{narrow, wide} {
		// Only those who failed are in the map.
		if l, ok := q.tries[key]; ok && l.TokensAt(now) < 1 {
			p := refuse(http.StatusTooManyRequests, comity.Msg("taxii.attempts"))
			p.retry = time.Minute / time.Duration(q.failures)
			return p
		}
	}
	return nil
}

func (q *quota) failed(c Credentials, now time.Time) {
	narrow, wide := tryKeys(c)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limiter(narrow, q.failures).AllowN(now, 1)
	q.limiter(wide, 10*q.failures).AllowN(now, 1)
}

// loan is memory that a page may use until it is sent.
type loan struct {
	q *quota
	u *usage
	n int64
}

// borrow waits a little for memory; a caller who uses its share waits for
// itself, not others for it.
func (q *quota) borrow(ctx context.Context, u *usage, n int64) (*loan, error) {
	ctx, cancel := context.WithTimeout(ctx, loanWait)
	defer cancel()
	busy := refuse(http.StatusTooManyRequests, comity.Msg("taxii.busy"))
	busy.retry = loanWait
	if u.memory.Acquire(ctx, n) != nil {
		return nil, busy
	}
	if q.all.Acquire(ctx, n) != nil {
		u.memory.Release(n)
		return nil, busy
	}
	return &loan{q, u, n}, nil
}

// keep gives back all but n.
func (l *loan) keep(n int64) {
	if give := l.n - min(n, l.n); give > 0 {
		l.q.all.Release(give)
		l.u.memory.Release(give)
		l.n -= give
	}
}
