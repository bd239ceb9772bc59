package node

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// TaxiiOptions say how a node answers by TAXII.
type TaxiiOptions struct {
	// Anonymous lets callers without credentials read, as the public, what is
	// open to the public. Without it there is no answer without an account.
	Anonymous bool
	// BaseURL is the https URL under which clients reach the server; "" for
	// relative addresses.
	BaseURL string
	// PerMinute is the quota of requests, equal for all callers; 0 for none.
	PerMinute int
	// Scan bounds the members looked at for one page; behind so many that the
	// caller may not have, it gets a page with a cursor and nothing else: 50,000.
	Scan int
	// Text says a message in the best language for an Accept-Language header.
	Text func(acceptLanguage string, m comity.Message) string
}

const (
	taxiiRoot     = "api"
	taxiiMaxPost  = 32 << 20 // bytes of one post, unpacked
	taxiiPosts    = 4 * taxiiMaxPost
	taxiiAuthLife = 2 * time.Minute // a password found right is not hashed again so long
	settingTaxii  = "taxii.key"

	anonymous = "anonymous"
)

// Taxii gives the handler of /taxii2/ and all below it: a TAXII 2.1 server over
// the collections of this node. It must be served under TLS.
func (n *Node) Taxii(ctx context.Context, o TaxiiOptions) (http.Handler, error) {
	key, err := n.taxiiKey(ctx)
	if err != nil {
		return nil, err
	}
	n.readers.start(n)
	if o.Text == nil {
		o.Text = func(_ string, m comity.Message) string { return m.String() }
	}
	o.Scan = cmp.Or(o.Scan, 50_000)
	b := &taxiiBackend{n: n, o: o, room: semaphore.NewWeighted(taxiiPosts)}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("password"))
	b.macKey = mac.Sum(nil)
	return taxii.NewServer(b, taxii.Options{
		Key: key, BaseURL: o.BaseURL, Realm: "Comity", PerMinute: o.PerMinute, Text: o.Text, Now: n.now,
		Observe: b.observe,
	}), nil
}

// taxiiKey is the secret of cursors, kept so that they work on each process and
// after each restart.
func (n *Node) taxiiKey(ctx context.Context) ([]byte, error) {
	key, err := view(ctx, n.store, func(r store.Reader) ([]byte, error) { return r.Setting(ctx, settingTaxii) })
	if !comity.Is(err, comity.NotFound) {
		return key, err
	}
	fresh := make([]byte, 32)
	if _, err := io.ReadFull(n.rand, fresh); err != nil {
		return nil, err
	}
	err = n.store.Update(ctx, func(tx store.Tx) error {
		key, err = tx.Setting(ctx, settingTaxii)
		if !comity.Is(err, comity.NotFound) {
			return err // another process was first
		}
		key = fresh
		return tx.PutSetting(ctx, settingTaxii, fresh)
	})
	return key, err
}

// taxiiBackend is what the TAXII server asks: the node, as its callers may see it.
type taxiiBackend struct {
	n      *Node
	o      TaxiiOptions
	macKey []byte
	flight singleflight.Group  // one hash for those who come at once with one password
	room   *semaphore.Weighted // bytes of posts in memory
}

func (b *taxiiBackend) observe(a taxii.Access) {
	b.n.readers.observe(&a)
	if a.Err != nil && a.Status >= 500 {
		b.n.log.Error("taxii", "endpoint", a.Endpoint, "status", a.Status, "error_id", a.ErrorID, "err", a.Err)
	}
}

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

// Discovery implements taxii.Backend.
func (b *taxiiBackend) Discovery(ctx context.Context, _ taxii.Caller) (taxii.Discovery, error) {
	p, err := b.n.profile(ctx)
	return taxii.Discovery{Title: p.Name, Default: taxiiRoot, Roots: []string{taxiiRoot}}, err
}

// Root implements taxii.Backend.
func (b *taxiiBackend) Root(ctx context.Context, _ taxii.Caller, root string) (taxii.Root, error) {
	if root != taxiiRoot {
		return taxii.Root{}, comity.E(comity.NotFound, "taxii", root, comity.Msg("taxii.no_endpoint"), nil)
	}
	p, err := b.n.profile(ctx)
	return taxii.Root{Title: p.Name, MaxContentLength: taxiiMaxPost}, err
}

// Collections implements taxii.Backend.
func (b *taxiiBackend) Collections(ctx context.Context, who taxii.Caller, root string) ([]taxii.Collection, error) {
	if _, err := b.Root(ctx, who, root); err != nil {
		return nil, err
	}
	return view(ctx, b.n.store, func(r store.Reader) ([]taxii.Collection, error) {
		all, err := r.Collections(ctx)
		if err != nil {
			return nil, err
		}
		out := []taxii.Collection{}
		for _, c := range all {
			o, err := openingOf(ctx, r, c.ID)
			if err != nil {
				return nil, err
			}
			if by := actorOf(who); o.admits(by.Role) {
				out = append(out, shown(c, o, by))
			}
		}
		return out, nil
	})
}

// shown is a collection as a caller sees it.
func shown(c store.Collection, o Opening, by Actor) taxii.Collection {
	write := by.Role == RoleAnalyst || by.Role == RoleAdmin ||
		by.Role.Outside() && o.Write && by.Name != anonymous
	return taxii.Collection{ID: c.ID, Title: c.Title, Description: c.Description, Alias: c.Alias, CanRead: true, CanWrite: write}
}

// Collection implements taxii.Backend.
func (b *taxiiBackend) Collection(ctx context.Context, who taxii.Caller, root, idOrAlias string) (taxii.Collection, error) {
	if root != taxiiRoot {
		return taxii.Collection{}, noCollection(idOrAlias)
	}
	return view(ctx, b.n.store, func(r store.Reader) (taxii.Collection, error) {
		c, o, err := openTo(ctx, r, who, idOrAlias)
		return shown(c, o, actorOf(who)), err
	})
}

// openTo finds a collection that the caller may see; one that it may not is not
// there.
func openTo(ctx context.Context, r store.Reader, who taxii.Caller, idOrAlias string) (store.Collection, Opening, error) {
	if !isText(idOrAlias) {
		return store.Collection{}, Opening{}, noCollection(idOrAlias)
	}
	c, err := r.Collection(ctx, idOrAlias)
	if err != nil {
		if comity.Is(err, comity.NotFound) {
			err = noCollection(idOrAlias)
		}
		return c, Opening{}, err
	}
	o, err := openingOf(ctx, r, c.ID)
	if err == nil && !o.admits(actorOf(who).Role) {
		err = noCollection(idOrAlias)
	}
	return c, o, err
}

func noCollection(idOrAlias string) error {
	return comity.E(comity.NotFound, "taxii", idOrAlias, comity.Msg("taxii.no_collection", comity.A("id", idOrAlias)), nil)
}
