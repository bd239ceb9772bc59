package node

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-net/comity/store"
	"golang.org/x/crypto/argon2"
	"golang.org/x/time/rate"
)

// argon2id parameters: RFC 9106's second recommended option (64 MiB, 3 passes).
const (
	argonTime    = 3
	argonMemory  = 64 * 1024 // KiB
	argonThreads = 4
	argonKey     = 32
)

// hashPassword returns the argon2id hash in PHC string format.
func hashPassword(password string) (string, error) {
	var salt [16]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return "", err
	}
	key := argon2.IDKey([]byte(password), salt[:], argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, b64(salt[:]), b64(key)), nil
}

// checkPassword compares in constant time. An empty or malformed hash costs as
// much as a good one and never matches.
func checkPassword(phc, password string) bool {
	salt, want := make([]byte, 16), []byte(nil)
	var memory, passes uint32 = argonMemory, argonTime
	var threads uint8 = argonThreads
	if p := strings.Split(phc, "$"); len(p) == 6 && p[1] == "argon2id" {
		var m, t uint32
		var th uint8
		if _, err := fmt.Sscanf(p[3], "m=%d,t=%d,p=%d", &m, &t, &th); err == nil && m <= 1<<20 && t > 0 && t <= 16 && th > 0 {
			memory, passes, threads = m, t, th
			if s, err := base64.RawStdEncoding.DecodeString(p[4]); err == nil {
				salt = s
			}
			want, _ = base64.RawStdEncoding.DecodeString(p[5])
		}
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, argonKey)
	return len(want) == argonKey && subtle.ConstantTimeCompare(got, want) == 1
}

// hashing bounds how many passwords are hashed at once: each takes 64 MiB, and a
// stranger can ask for one by trying to sign in.
type hashing struct {
	mu    [2]sync.Mutex
	queue atomic.Int32
}

const maxHashing = 64 // who hash or wait for it; the last waits some seconds

// full reports whether a stranger should come back later.
func (h *hashing) full() bool { return h.queue.Load() >= maxHashing }

func (h *hashing) slot() func() {
	h.queue.Add(1)
	m := &h.mu[0]
	if !m.TryLock() {
		m = &h.mu[1]
		m.Lock()
	}
	return func() {
		m.Unlock()
		h.queue.Add(-1)
	}
}

func (h *hashing) hash(password string) (string, error) {
	defer h.slot()()
	return hashPassword(password)
}

func (h *hashing) check(phc, password string) bool {
	defer h.slot()()
	return checkPassword(phc, password)
}

// How many guesses are free at once; then one in ten seconds is.
const (
	perName    = 5
	perAddress = 30
)

// tries limits guesses for each key. The number of keys is bounded; when full,
// all are forgotten.
type tries struct {
	mu   sync.Mutex
	keys map[string]*rate.Limiter
}

const maxTries = 10_000

func (t *tries) allow(key string, free int, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys == nil || len(t.keys) >= maxTries {
		t.keys = map[string]*rate.Limiter{}
	}
	l := t.keys[key]
	if l == nil {
		l = rate.NewLimiter(rate.Every(10*time.Second), free)
		t.keys[key] = l
	}
	return l.AllowN(now, 1)
}

// returned gives back a try that turned out to be no guess.
func (t *tries) returned(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.keys[key]; l != nil {
		l.AllowN(now, -1) // never above its burst
	}
}

func (t *tries) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.keys, key)
}

// sessionCache keeps who a session belongs to for a few minutes, so that a page
// does not write to the store. It is bounded and forgotten as a whole when full.
type sessionCache struct {
	mu   sync.Mutex
	held map[string]heldSession
	gen  uint64
}

type heldSession struct {
	user  store.User
	until time.Time
}

const maxSessions = 4096

// generation is taken before an account is read, and given to put.
func (c *sessionCache) generation() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gen
}

func (c *sessionCache) get(session string, now time.Time) (store.User, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.held[session]
	return h.user, ok && now.Before(h.until)
}

// INVARIANT: what was read before an account changed is not kept after it.
func (c *sessionCache) put(session string, u store.User, until time.Time, gen uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen != c.gen {
		return
	}
	if c.held == nil || len(c.held) >= maxSessions {
		c.held = map[string]heldSession{}
	}
	c.held[session] = heldSession{u, until}
}

func (c *sessionCache) drop(session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, session)
	c.gen++
}

func (c *sessionCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = nil
	c.gen++
}
