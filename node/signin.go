package node

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// SignInLink makes a one-time sign-in token for a user, valid for a day.
func (n *Node) SignInLink(ctx context.Context, by Actor, name string) (string, error) {
	var token string
	err := n.act(ctx, by, "user.link", name, func(tx store.Tx) error {
		u, err := tx.User(ctx, name)
		if err != nil {
			return err
		}
		token, err = n.putSecret(ctx, tx, store.Secret{Kind: secretLink, User: u.Name, Expires: n.now().Add(linkLife)})
		return err
	})
	return token, err
}

// SignInByLink uses a one-time link and returns a session.
func (n *Node) SignInByLink(ctx context.Context, token string) (string, error) {
	s, err := n.secret(ctx, secretLink, token)
	if err != nil {
		return "", err
	}
	var session string
	err = n.act(ctx, Actor{Name: s.User}, "signin.link", s.User, func(tx store.Tx) error {
		// Read again inside: of two clicks on one link only one gets in.
		if _, err := tx.Secret(ctx, s.Hash); err != nil {
			return badSecret(err)
		}
		if err := tx.DeleteSecret(ctx, s.Hash); err != nil {
			return err
		}
		session, err = n.openSession(ctx, tx, s.User)
		return err
	})
	return session, err
}

// SignIn checks a password and returns a session. from is the caller's network
// address; tries are limited for each name and address together.
func (n *Node) SignIn(ctx context.Context, name, password, from string) (string, error) {
	u, err := n.byPassword(ctx, name, password, from)
	if err != nil {
		return "", err
	}
	name = u.Name
	if Role(u.Role).Outside() { // the same answer as for a wrong password: it has no use here
		n.auditSignIn(ctx, Actor{Name: name}, from, wrongPassword(name))
		return "", wrongPassword(name)
	}
	var session string
	err = n.act(ctx, Actor{Name: name}, "signin", from, func(tx store.Tx) error {
		// Read again inside: the account may have changed while the hash was made.
		u, err := tx.User(ctx, name)
		if err != nil {
			return err
		}
		if u.Disabled {
			return wrongPassword(name)
		}
		u.LastSeen = n.now()
		if err := tx.PutUser(ctx, u); err != nil {
			return err
		}
		session, err = n.openSession(ctx, tx, name)
		return err
	})
	return session, err
}

// byPassword finds the account that a name and password let in, whatever its
// role. Tries are limited for each name and address together; failures are
// audited.
func (n *Node) byPassword(ctx context.Context, name, password, from string) (store.User, error) {
	name = signInName(name)
	at := n.now()
	if n.hashing.full() || !n.signIns.allow(from, perAddress, at) || !n.signIns.allow(name+"\x00"+from, perName, at) {
		return store.User{}, comity.E(comity.Limited, "sign in", name, comity.Msg("node.signin_limited"), nil)
	}
	u, err := view(ctx, n.store, func(r store.Reader) (store.User, error) { return r.User(ctx, name) })
	if err != nil && !comity.Is(err, comity.NotFound) {
		return store.User{}, err
	}
	// An unknown name costs the same hash as a known one, so that the time
	// taken does not tell which names exist.
	good := n.hashing.check(u.Password, password)
	if err != nil || !good || u.Disabled {
		n.auditSignIn(ctx, Actor{Name: name}, from, wrongPassword(name))
		return store.User{}, wrongPassword(name)
	}
	n.signIns.forget(name + "\x00" + from)
	n.signIns.returned(from, at)
	return u, nil
}

// signInName is the name of an account as somebody typed it.
func signInName(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	return name[:min(len(name), 64)]
}

// auditSignIn audits a failure to sign in. Strangers cause these lines: beyond
// some a minute they are only counted, and the count stands in one line later.
func (n *Node) auditSignIn(ctx context.Context, by Actor, from string, err error) {
	ok, left := n.failures.allow(n.now())
	if !ok {
		return
	}
	n.audit(ctx, by, "signin", from, err)
	if left > 0 {
		n.audit(ctx, Actor{Name: "system"}, "signin", "", comity.E(comity.Limited, "sign in", "",
			comity.Msg("node.signin_more", comity.A("n", left)), nil))
	}
}

// failed counts failures to sign in that were not audited one by one.
type failed struct {
	mu     sync.Mutex
	lines  *rate.Limiter
	hidden int
}

const auditedFailures = 60 // at once; then one a second

func (f *failed) allow(now time.Time) (ok bool, hidden int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lines == nil {
		f.lines = rate.NewLimiter(1, auditedFailures)
	}
	if !f.lines.AllowN(now, 1) {
		f.hidden++
		return false, 0
	}
	hidden, f.hidden = f.hidden, 0
	return true, hidden
}

func wrongPassword(name string) error {
	return comity.E(comity.Unauthenticated, "sign in", name, comity.Msg("node.signin_wrong"), nil)
}

// SignOut ends a session; an unknown one is no error.
func (n *Node) SignOut(ctx context.Context, session string) error {
	err := n.store.Update(ctx, func(tx store.Tx) error { return tx.DeleteSecret(ctx, secretHash(session)) })
	n.sessions.drop("session:" + session)
	return err
}

// Session says who holds the session. Unauthenticated when it is unknown,
// expired, or its account is disabled.
func (n *Node) Session(ctx context.Context, session string) (store.User, error) {
	now, gen := n.now(), n.sessions.generation()
	if u, ok := n.sessions.get("session:"+session, now); ok {
		return u, nil
	}
	s, err := n.secret(ctx, secretSession, session)
	if err != nil {
		return store.User{}, err
	}
	u, err := n.holder(ctx, s)
	if err != nil {
		return store.User{}, err
	}
	s.Used, s.Expires = now, now.Add(sessionIdle)
	err = n.store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Secret(ctx, s.Hash); err != nil {
			return badSecret(err) // signed out meanwhile: it must not come back
		}
		return tx.PutSecret(ctx, s)
	})
	if comity.Is(err, comity.Unauthenticated) {
		return store.User{}, err
	}
	if err != nil { // on a full or read-only disk people must still be able to read
		n.log.Warn("session use not recorded", "user", u.Name, "err", err)
	}
	n.sessions.put("session:"+session, u, now.Add(sessionTouch), gen)
	return u, nil
}

// holder returns the account of a secret, unless it is disabled or of somebody
// outside, who comes by TAXII only.
func (n *Node) holder(ctx context.Context, s store.Secret) (store.User, error) {
	u, err := n.anyHolder(ctx, s)
	if err == nil && Role(u.Role).Outside() {
		return store.User{}, badSecret(comity.E(comity.NotFound, "sign in", u.Name, comity.Msg("node.signin_expired"), nil))
	}
	return u, err
}

// anyHolder is holder for TAXII.
func (n *Node) anyHolder(ctx context.Context, s store.Secret) (store.User, error) {
	u, err := view(ctx, n.store, func(r store.Reader) (store.User, error) { return r.User(ctx, s.User) })
	if err != nil {
		return store.User{}, badSecret(err)
	}
	if u.Disabled {
		return store.User{}, badSecret(comity.E(comity.NotFound, "sign in", u.Name, comity.Msg("node.signin_expired"), nil))
	}
	return u, nil
}

func (n *Node) openSession(ctx context.Context, tx store.Tx, user string) (string, error) {
	return n.putSecret(ctx, tx, store.Secret{Kind: secretSession, User: user, Expires: n.now().Add(sessionIdle)})
}
