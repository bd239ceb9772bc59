package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// taxiiAuthLife is how long a password found right is not hashed again;
// taxiiRecheck how long an account is believed unchanged while another process
// may change it. What this process changes counts at once.
const (
	taxiiAuthLife = 15 * time.Minute
	taxiiRecheck  = time.Second
)

// Authenticate implements taxii.Backend. A request that brings credentials in
// its header is judged by these, whatever its connection shows.
func (b *taxiiBackend) Authenticate(ctx context.Context, c taxii.Credentials) (taxii.Caller, error) {
	var u store.User
	var err error
	switch {
	case c.Bearer != "":
		u, err = b.byToken(ctx, c)
	case c.User != "":
		u, err = b.byPassword(ctx, c)
	case c.Cert != nil:
		u, err = b.byCertificate(ctx, c)
	case b.o.Anonymous:
		return callerOf(RolePublic, anonymous), nil
	default:
		err = comity.E(comity.Unauthenticated, "taxii", c.Remote, comity.Msg("taxii.credentials"), nil)
	}
	if err != nil {
		return taxii.Caller{}, err
	}
	return callerOf(Role(u.Role), u.Name), nil
}

// callerOf names a caller. Whoever reads as the same circle sees the same.
func callerOf(r Role, name string) taxii.Caller {
	return taxii.Caller{ID: string(r) + ":" + name, Name: name, Audience: r.circle().String()}
}

// actorOf is the inverse of callerOf.
func actorOf(who taxii.Caller) Actor {
	role, name, _ := strings.Cut(who.ID, ":")
	return Actor{Name: name, Role: Role(role)}
}

// byPassword hashes a password once and then knows it by a keyed MAC of it and
// of the hash it was found to fit: another password of the account makes another
// MAC, in whatever process it was set.
func (b *taxiiBackend) byPassword(ctx context.Context, c taxii.Credentials) (store.User, error) {
	name := signInName(c.User)
	if !isText(name) {
		return store.User{}, wrongPassword("")
	}
	now, gen := b.n.now(), b.n.sessions.generation()
	fresh := b.macOf("fresh", name, c.Password)
	if u, ok := b.n.sessions.get(fresh, now); ok {
		return u, nil
	}
	u, err := view(ctx, b.n.store, func(r store.Reader) (store.User, error) { return r.User(ctx, name) })
	if err != nil && !comity.Is(err, comity.NotFound) {
		return store.User{}, err
	}
	proven := b.macOf("proven", name, c.Password, u.Password)
	if _, ok := b.n.sessions.get(proven, now); ok && err == nil && !u.Disabled {
		b.n.sessions.put(fresh, u, now.Add(taxiiRecheck), gen)
		return u, nil
	}
	v, err, _ := b.flight.Do(proven, func() (any, error) {
		ctx := context.WithoutCancel(ctx) // others wait for it, too
		u, err := b.n.byPassword(ctx, name, c.Password, c.Remote)
		if err == nil {
			b.n.sessions.put(b.macOf("proven", name, c.Password, u.Password), u, b.n.now().Add(taxiiAuthLife), gen)
		}
		return u, err
	})
	return v.(store.User), err
}

// macOf names texts in the cache without keeping them. The lengths make it
// unambiguous.
func (b *taxiiBackend) macOf(texts ...string) string {
	mac := hmac.New(sha256.New, b.macKey)
	for _, t := range texts {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(t))))
		mac.Write([]byte(t))
	}
	return "basic:" + hex.EncodeToString(mac.Sum(nil))
}

func (b *taxiiBackend) byToken(ctx context.Context, c taxii.Credentials) (store.User, error) {
	u, err := b.n.tokenHolder(ctx, c.Bearer)
	if comity.Is(err, comity.Unauthenticated) {
		b.n.auditSignIn(ctx, Actor{Name: "taxii"}, c.Remote, err)
	}
	return u, err
}
