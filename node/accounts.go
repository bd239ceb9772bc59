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
	tokenRecheck = time.Second
	usedEvery    = time.Hour // that a token or certificate was used is written down this often
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

// ChangePassword sets an account's password. Whoever changes their own gives
// the old one; an administrator may set another's. All the account's sessions
// end.
func (n *Node) ChangePassword(ctx context.Context, by Actor, name, old, password string) error {
	if len(password) < minPassword {
		return comity.E(comity.Invalid, "password", name, comity.Msg("node.password_short", comity.A("n", minPassword)), nil)
	}
	u, err := view(ctx, n.store, func(r store.Reader) (store.User, error) { return r.User(ctx, name) })
	if err != nil {
		return err
	}
	if by.Name == name && !n.signIns.allow(name+"\x00change", perName, n.now()) {
		return comity.E(comity.Limited, "password", name, comity.Msg("node.signin_limited"), nil)
	}
	// An account that only ever signed in by link has no old password.
	if by.Name == name && u.Password != "" && !n.hashing.check(u.Password, old) {
		err := comity.E(comity.Forbidden, "password", name, comity.Msg("node.password_old_wrong"), nil)
		n.audit(ctx, by, "password", name, err)
		return err
	}
	if by.Name != name && by.Role != RoleAdmin {
		return comity.E(comity.Forbidden, "password", name, comity.Msg("node.password_others"), nil)
	}
	hash, err := n.hashing.hash(password)
	if err != nil {
		return err
	}
	defer n.sessions.clear()
	return n.act(ctx, by, "password", name, func(tx store.Tx) error {
		u, err := tx.User(ctx, name)
		if err != nil {
			return err
		}
		u.Password = hash
		if err := tx.PutUser(ctx, u); err != nil {
			return err
		}
		return endSessions(ctx, tx, name)
	})
}

func endSessions(ctx context.Context, tx store.Tx, name string) error {
	list, err := tx.Secrets(ctx, secretSession)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.User == name {
			if err := tx.DeleteSecret(ctx, s.Hash); err != nil {
				return err
			}
		}
	}
	return nil
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
	case RoleReader, RoleAnalyst, RoleAdmin, RoleConstituent, RoleCommunity, RolePublic:
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
		// Read again inside: of two who use one link at once only one gets in.
		if _, err := tx.Secret(ctx, s.Hash); err != nil {
			return badSecret(err)
		}
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

// CreateToken makes an API token for oneself or, as an administrator, for any
// user; ttl 0 means a year. The text is returned once and only its hash is kept.
func (n *Node) CreateToken(ctx context.Context, by Actor, user, label string, ttl time.Duration) (string, error) {
	if ttl <= 0 {
		ttl = tokenLife
	}
	var token string
	err := n.act(ctx, by, "token.add", user, func(tx store.Tx) error {
		if by.Name != user && by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, "token add", user, comity.Msg("node.token_others"), nil)
		}
		if _, err := tx.User(ctx, user); err != nil {
			return err
		}
		var err error
		token, err = n.putSecret(ctx, tx, store.Secret{Kind: secretToken, User: user, Label: label, Expires: n.now().Add(ttl)})
		return err
	})
	return token, err
}

// ByToken says whose API token it is. Those of people outside are for TAXII only.
func (n *Node) ByToken(ctx context.Context, token string) (store.User, error) {
	u, err := n.tokenHolder(ctx, token)
	if err == nil && Role(u.Role).Outside() {
		return store.User{}, badSecret(comity.E(comity.NotFound, "sign in", u.Name, comity.Msg("node.signin_expired"), nil))
	}
	return u, err
}

// tokenHolder says whose token it is, whatever the role. A revocation in another
// process counts after tokenRecheck.
func (n *Node) tokenHolder(ctx context.Context, token string) (store.User, error) {
	now, gen := n.now(), n.sessions.generation()
	if u, ok := n.sessions.get("token:"+token, now); ok {
		return u, nil
	}
	s, err := n.secret(ctx, secretToken, token)
	if err != nil {
		return store.User{}, err
	}
	u, err := n.anyHolder(ctx, s)
	if err == nil {
		n.sessions.put("token:"+token, u, now.Add(tokenRecheck), gen)
		n.noteUse(ctx, s, "")
	}
	return u, err
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
