package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// Authenticate implements taxii.Backend.
func (b *taxiiBackend) Authenticate(ctx context.Context, c taxii.Credentials) (taxii.Caller, error) {
	var u store.User
	var err error
	switch {
	case c.Bearer != "":
		u, err = b.byToken(ctx, c)
	case c.User != "":
		u, err = b.byPassword(ctx, c)
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

// byPassword hashes a password once and remembers a keyed MAC of it for some
// minutes; a change of any account forgets all.
func (b *taxiiBackend) byPassword(ctx context.Context, c taxii.Credentials) (store.User, error) {
	if !isText(c.User) {
		return store.User{}, wrongPassword("")
	}
	mac := hmac.New(sha256.New, b.macKey)
	mac.Write([]byte(c.User))
	mac.Write([]byte{0})
	mac.Write([]byte(c.Password))
	key := "basic:" + hex.EncodeToString(mac.Sum(nil))
	if u, ok := b.n.sessions.get(key, b.n.now()); ok {
		return u, nil
	}
	v, err, _ := b.flight.Do(key, func() (any, error) {
		ctx := context.WithoutCancel(ctx) // others wait for it, too
		u, err := b.n.byPassword(ctx, c.User, c.Password, c.Remote)
		if err == nil {
			b.n.sessions.put(key, u, b.n.now().Add(taxiiAuthLife))
		}
		return u, err
	})
	return v.(store.User), err
}

func (b *taxiiBackend) byToken(ctx context.Context, c taxii.Credentials) (store.User, error) {
	u, err := b.n.tokenHolder(ctx, c.Bearer)
	if comity.Is(err, comity.Unauthenticated) {
		b.n.audit(ctx, Actor{Name: "taxii"}, "signin", c.Remote, err)
	}
	return u, err
}
