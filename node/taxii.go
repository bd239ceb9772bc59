package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"net/http"

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
	// Text says a message in the best language for an Accept-Language header.
	Text func(acceptLanguage string, m comity.Message) string
}

const (
	taxiiRoot    = "api"
	taxiiMaxPost = 32 << 20 // bytes of one post, unpacked
	taxiiPosts   = 4 * taxiiMaxPost
	settingTaxii = "taxii.key"

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
			if by := actorOf(who); o.root() == root && o.sees(by) {
				t, err := shownNow(ctx, r, c, o, by)
				if err != nil {
					return nil, err
				}
				if t.CanRead || t.CanWrite {
					out = append(out, t)
				}
			}
		}
		return out, nil
	})
}

// shown is a collection as a caller sees it.
func shown(c store.Collection, o Opening, by Actor) taxii.Collection {
	t := taxii.Collection{ID: c.ID, Title: c.Title, Description: c.Description, Alias: c.Alias}
	t.CanRead, t.CanWrite = o.rights(by)
	return t
}

// Collection implements taxii.Backend.
func (b *taxiiBackend) Collection(ctx context.Context, who taxii.Caller, root, idOrAlias string) (taxii.Collection, error) {
	return view(ctx, b.n.store, func(r store.Reader) (taxii.Collection, error) {
		c, o, err := collectionNamed(ctx, r, idOrAlias)
		if err != nil {
			return taxii.Collection{}, err
		}
		t, err := shownNow(ctx, r, c, o, actorOf(who))
		if err == nil && (o.root() != root || !t.CanRead && !t.CanWrite) {
			err = noCollection(idOrAlias)
		}
		return t, err
	})
}

// shownNow is shown, with what a query fills writable by nobody.
func shownNow(ctx context.Context, r store.SettingReader, c store.Collection, o Opening, by Actor) (taxii.Collection, error) {
	t := shown(c, o, by)
	if !t.CanWrite {
		return t, nil
	}
	qs, err := queriesOf(ctx, r)
	t.CanWrite = qs[c.ID].Query == ""
	return t, err
}

// openTo finds a collection that the caller may read; one that it may not is
// not there.
func openTo(ctx context.Context, r store.Reader, who taxii.Caller, idOrAlias string) (store.Collection, Opening, error) {
	c, o, err := collectionNamed(ctx, r, idOrAlias)
	if err == nil {
		if read, _ := o.rights(actorOf(who)); !read {
			err = noCollection(idOrAlias)
		}
	}
	return c, o, err
}

// collectionNamed finds a collection for somebody who comes by TAXII.
func collectionNamed(ctx context.Context, r store.Reader, idOrAlias string) (store.Collection, Opening, error) {
	if !isText(idOrAlias) {
		return store.Collection{}, Opening{}, noCollection(idOrAlias)
	}
	c, err := r.Collection(ctx, idOrAlias)
	if comity.Is(err, comity.NotFound) {
		err = noCollection(idOrAlias)
	}
	if err != nil {
		return c, Opening{}, err
	}
	o, err := openingOf(ctx, r, c.ID)
	return c, o, err
}

func noCollection(idOrAlias string) error {
	return comity.E(comity.NotFound, "taxii", idOrAlias, comity.Msg("taxii.no_collection", comity.A("id", idOrAlias)), nil)
}
