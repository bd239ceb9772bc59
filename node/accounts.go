package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// How long each kind of secret lets its bearer in.
const (
	sessionIdle  = 12 * time.Hour
	sessionTouch = 5 * time.Minute // a session's use is written down this often
	linkLife     = 24 * time.Hour
	setupLife    = 30 * time.Minute
	tokenLife    = 365 * 24 * time.Hour
)

// Kinds of secret, as stored.
const (
	secretSession = "session"
	secretToken   = "token"
	secretLink    = "link"
	secretSetup   = "setup"
)

const minPassword = 12

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

// Users lists the local accounts.
func (n *Node) Users(ctx context.Context) ([]store.User, error) {
	return view(ctx, n.store, func(r store.Reader) ([]store.User, error) { return r.Users(ctx) })
}

// CreateUser makes a local account. password "" makes one that signs in by
// link only. The name is lower case letters, digits and ". _ @ -".
func (n *Node) CreateUser(ctx context.Context, by Actor, name, password string, role Role, lang string) error {
	u, err := n.newUser(name, password, role, lang)
	if err != nil {
		return err
	}
	return n.act(ctx, by, "user.add", name, func(tx store.Tx) error { return putNewUser(ctx, tx, u) })
}

func putNewUser(ctx context.Context, tx store.Tx, u store.User) error {
	if _, err := tx.User(ctx, u.Name); err == nil {
		return comity.E(comity.Conflict, "user add", u.Name, comity.Msg("node.user_exists", comity.A("name", u.Name)), nil)
	} else if !comity.Is(err, comity.NotFound) {
		return err
	}
	return tx.PutUser(ctx, u)
}

func (n *Node) newUser(name, password string, role Role, lang string) (store.User, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if !userName.MatchString(name) {
		return store.User{}, comity.E(comity.Invalid, "user add", name, comity.Msg("node.user_name_bad", comity.A("name", name)), nil)
	}
	switch role {
	case RoleReader, RoleAnalyst, RoleAdmin:
	default:
		return store.User{}, comity.E(comity.Invalid, "user add", name, comity.Msg("node.role_unknown", comity.A("role", role)), nil)
	}
	u := store.User{Name: name, Role: string(role), Lang: lang, Created: n.now()}
	if password == "" {
		return u, nil
	}
	if len(password) < minPassword {
		return store.User{}, comity.E(comity.Invalid, "user add", name,
			comity.Msg("node.password_short", comity.A("n", minPassword)), nil)
	}
	hash, err := n.hashing.hash(password)
	u.Password = hash
	return u, err
}

// SetupLink makes the one-time token for the first-run page, valid for 30
// minutes. It is a Conflict once there is an administrator.
func (n *Node) SetupLink(ctx context.Context) (string, error) {
	var token string
	err := n.store.Update(ctx, func(tx store.Tx) error {
		if err := noAdmin(ctx, tx); err != nil {
			return err
		}
		var err error
		token, err = n.putSecret(ctx, tx, store.Secret{Kind: secretSetup, Expires: n.now().Add(setupLife)})
		return err
	})
	return token, err
}

func noAdmin(ctx context.Context, r store.Reader) error {
	users, err := r.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if Role(u.Role) == RoleAdmin {
			return comity.E(comity.Conflict, "setup", "", comity.Msg("node.setup_done"), nil)
		}
	}
	return nil
}

// CheckSetup says whether the set-up token is still good, without using it.
func (n *Node) CheckSetup(ctx context.Context, token string) error {
	_, err := n.secret(ctx, secretSetup, token)
	return err
}

// Setup uses the token to make the first administrator and signs them in.
func (n *Node) Setup(ctx context.Context, token, name, password, lang string) (string, error) {
	if password == "" {
		return "", comity.E(comity.Invalid, "setup", name, comity.Msg("node.password_short", comity.A("n", minPassword)), nil)
	}
	s, err := n.secret(ctx, secretSetup, token)
	if err != nil {
		return "", err
	}
	u, err := n.newUser(name, password, RoleAdmin, lang)
	if err != nil {
		return "", err
	}
	var session string
	err = n.act(ctx, Actor{Name: u.Name, Role: RoleAdmin}, "setup", u.Name, func(tx store.Tx) error {
		if err := noAdmin(ctx, tx); err != nil {
			return err
		}
		if err := putNewUser(ctx, tx, u); err != nil {
			return err
		}
		if err := tx.DeleteSecret(ctx, s.Hash); err != nil {
			return err
		}
		session, err = n.openSession(ctx, tx, u.Name)
		return err
	})
	return session, err
}

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
	name = strings.ToLower(strings.TrimSpace(name))
	if len(name) > 64 {
		name = name[:64]
	}
	if !n.signIns.allow(from, perAddress, n.now()) || !n.signIns.allow(name+"\x00"+from, perName, n.now()) {
		return "", comity.E(comity.Limited, "sign in", name, comity.Msg("node.signin_limited"), nil)
	}
	u, err := view(ctx, n.store, func(r store.Reader) (store.User, error) { return r.User(ctx, name) })
	if err != nil && !comity.Is(err, comity.NotFound) {
		return "", err
	}
	// An unknown name costs the same hash as a known one, so that the time
	// taken does not tell which names exist.
	good := n.hashing.check(u.Password, password)
	if err != nil || !good || u.Disabled {
		n.audit(ctx, Actor{Name: name}, "signin", from, comity.E(comity.Unauthenticated, "sign in", name, comity.Msg("node.signin_wrong"), nil))
		return "", comity.E(comity.Unauthenticated, "sign in", name, comity.Msg("node.signin_wrong"), nil)
	}
	n.signIns.forget(name + "\x00" + from)
	var session string
	err = n.act(ctx, Actor{Name: name}, "signin", from, func(tx store.Tx) error {
		u.LastSeen = n.now()
		if err := tx.PutUser(ctx, u); err != nil {
			return err
		}
		session, err = n.openSession(ctx, tx, name)
		return err
	})
	return session, err
}

// SignOut ends a session; an unknown one is no error.
func (n *Node) SignOut(ctx context.Context, session string) error {
	n.sessions.drop(session)
	return n.store.Update(ctx, func(tx store.Tx) error { return tx.DeleteSecret(ctx, secretHash(session)) })
}

// Session says who holds the session. Unauthenticated when it is unknown,
// expired, or its account is disabled.
func (n *Node) Session(ctx context.Context, session string) (store.User, error) {
	now := n.now()
	if u, ok := n.sessions.get(session, now); ok {
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
	n.sessions.put(session, u, now.Add(sessionTouch))
	s.Used, s.Expires = now, now.Add(sessionIdle)
	// On a full or read-only disk people must still be able to read.
	if err := n.store.Update(ctx, func(tx store.Tx) error { return tx.PutSecret(ctx, s) }); err != nil {
		n.log.Warn("session use not recorded", "user", u.Name, "err", err)
	}
	return u, nil
}

// SetLang remembers a user's language.
func (n *Node) SetLang(ctx context.Context, user, lang string) error {
	n.sessions.clear()
	return n.store.Update(ctx, func(tx store.Tx) error {
		u, err := tx.User(ctx, user)
		if err != nil {
			return err
		}
		u.Lang = lang
		return tx.PutUser(ctx, u)
	})
}

// CreateToken makes an API token for a user; ttl 0 means a year. The text is
// returned once and only its hash is kept.
func (n *Node) CreateToken(ctx context.Context, by Actor, user, label string, ttl time.Duration) (string, error) {
	if ttl <= 0 {
		ttl = tokenLife
	}
	var token string
	err := n.act(ctx, by, "token.add", user, func(tx store.Tx) error {
		if _, err := tx.User(ctx, user); err != nil {
			return err
		}
		var err error
		token, err = n.putSecret(ctx, tx, store.Secret{Kind: secretToken, User: user, Label: label, Expires: n.now().Add(ttl)})
		return err
	})
	return token, err
}

// ByToken says whose API token it is.
func (n *Node) ByToken(ctx context.Context, token string) (store.User, error) {
	if u, ok := n.sessions.get("token:"+token, n.now()); ok {
		return u, nil
	}
	s, err := n.secret(ctx, secretToken, token)
	if err != nil {
		return store.User{}, err
	}
	u, err := n.holder(ctx, s)
	if err == nil {
		n.sessions.put("token:"+token, u, n.now().Add(time.Minute))
	}
	return u, err
}

// holder returns the account of a secret, unless it is disabled.
func (n *Node) holder(ctx context.Context, s store.Secret) (store.User, error) {
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

// putSecret stores a fresh secret's hash and returns its text: 256 random bits.
func (n *Node) putSecret(ctx context.Context, tx store.Tx, s store.Secret) (string, error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(b[:])
	s.Hash, s.Created = secretHash(text), n.now()
	return text, tx.PutSecret(ctx, s)
}

// secret finds an unexpired secret of a kind. Lookup is by hash, so no
// comparison of secret bytes takes place.
func (n *Node) secret(ctx context.Context, kind, text string) (store.Secret, error) {
	s, err := view(ctx, n.store, func(r store.Reader) (store.Secret, error) { return r.Secret(ctx, secretHash(text)) })
	if err != nil {
		return store.Secret{}, badSecret(err)
	}
	if s.Kind != kind || n.now().After(s.Expires) {
		return store.Secret{}, badSecret(comity.E(comity.NotFound, "sign in", kind, comity.Msg("node.signin_expired"), nil))
	}
	return s, nil
}

// badSecret turns "not found" into the answer for a stranger.
func badSecret(err error) error {
	if comity.Is(err, comity.NotFound) {
		return comity.E(comity.Unauthenticated, "sign in", "", comity.Msg("node.signin_expired"), nil)
	}
	return err
}

func secretHash(text string) comity.Hash { return sha256.Sum256([]byte(text)) }
