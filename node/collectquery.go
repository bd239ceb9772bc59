package node

import (
	"context"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// CollectionDraft is a collection to be made.
type CollectionDraft struct {
	Alias       string // what people type
	Title       string // "" for the alias
	Description string
	Query       string // in the language of policy.Filter; "" for one filled by hand
}

// AddCollection makes a collection, one that a query fills if the draft has one.
// An alias that is taken is Conflict.
func (n *Node) AddCollection(ctx context.Context, by Actor, d CollectionDraft) (CollectionView, error) {
	const action = "collection.add"
	if err := checkQuery(d.Alias, d.Query); err != nil {
		return CollectionView{}, err
	}
	var c store.Collection
	err := n.act(ctx, by, action, d.Alias, func(tx store.Tx) error {
		if err := mayCollect(by, d.Alias); err != nil {
			return err
		}
		_, err := tx.Collection(ctx, d.Alias)
		if err == nil {
			return comity.E(comity.Conflict, "collection add", d.Alias, comity.Msg("collect.taken", comity.A("alias", d.Alias)), nil)
		}
		if c, err = n.ensureCollection(ctx, tx, d.Alias); err != nil {
			return err
		}
		if d.Title != "" || d.Description != "" {
			if c.Title, c.Description = d.Title, d.Description; c.Title == "" {
				c.Title = d.Alias
			}
			if err := tx.PutCollection(ctx, c); err != nil {
				return err
			}
		}
		if d.Query == "" {
			return nil
		}
		return setQuery(ctx, tx, c.ID, d.Query)
	})
	if err != nil {
		return CollectionView{}, err
	}
	return n.Collection(ctx, string(c.ID))
}

// SetCollectionQuery lets a query fill a collection, in the language of
// policy.Filter. Its members are then the versions of the objects that match;
// others leave. The walk through the store that this needs goes on behind: Run
// and FillCollections carry it out, and Collection says how far it is. "" makes
// the collection one by hand again; its members stay.
func (n *Node) SetCollectionQuery(ctx context.Context, by Actor, idOrAlias, query string) error {
	if err := checkQuery(idOrAlias, query); err != nil {
		return err
	}
	return n.act(ctx, by, "collection.query", idOrAlias, func(tx store.Tx) error {
		if err := mayCollect(by, idOrAlias); err != nil {
			return err
		}
		c, err := tx.Collection(ctx, idOrAlias)
		if err != nil {
			return err
		}
		return setQuery(ctx, tx, c.ID, query)
	})
}

// mayCollect asks for a role that may change what is in collections.
func mayCollect(by Actor, alias string) error {
	if by.Role != RoleAnalyst && by.Role != RoleAdmin {
		return comity.E(comity.Forbidden, "collection", alias, comity.Msg("node.collect_role"), nil)
	}
	return nil
}

func checkQuery(alias, query string) error {
	_, err := policy.ParseFilter(query)
	if err != nil {
		return comity.E(comity.Usage, "collection query", alias, comity.ErrorMessage(err), err)
	}
	if query != "" && strings.TrimSpace(query) == "" {
		return comity.E(comity.Usage, "collection query", alias, comity.Msg("collect.blank"), nil)
	}
	return nil
}

// setQuery changes what fills a collection, under the lock of all that change
// objects: whoever comes later sees the new query.
func setQuery(ctx context.Context, tx store.Tx, id comity.CollectionID, query string) error {
	if err := turn(ctx, tx); err != nil {
		return err
	}
	qs, err := queriesOf(ctx, tx)
	if err != nil {
		return err
	}
	if was := qs[id]; was.Query == query {
		return nil
	}
	if query == "" {
		delete(qs, id)
		return putQueries(ctx, tx, qs)
	}
	if _, has := qs[id]; !has && len(qs) == maxQueries {
		return comity.E(comity.Limited, "collection query", id, comity.Msg("collect.many", comity.A("limit", maxQueries)), nil)
	}
	qs[id] = collectionQuery{Query: query, Filling: true}
	if err := putQueries(ctx, tx, qs); err != nil {
		return err
	}
	return putWalk(ctx, tx, id, walk{})
}

// maxQueries bounds the collections made by query: each costs a little of every
// import.
const maxQueries = 200

// byHand refuses to change by hand what a query fills.
func byHand(ctx context.Context, r store.SettingReader, id comity.CollectionID, alias string) error {
	qs, err := queriesOf(ctx, r)
	if q := qs[id].Query; q != "" {
		return byQuery(alias, q)
	}
	return err
}

func byQuery(alias, query string) error {
	return comity.E(comity.Forbidden, "collection", alias, comity.Msg("collect.by_query", comity.A("alias", alias), comity.A("query", query)), nil)
}

// Preview is what a query would collect.
type Preview struct {
	Found  []store.Version // current versions that match, the newest first, without Raw
	Looked int64           // objects looked at
	More   bool            // there may be more objects than were looked at
}

// maxPreview bounds the objects that a preview looks at.
const maxPreview = 20_000

// PreviewQuery says which objects a query would collect, without changing
// anything: at most limit of the newest, among the 20,000 that came last.
func (n *Node) PreviewQuery(ctx context.Context, query string, limit int) (Preview, error) {
	if err := checkQuery("", query); err != nil {
		return Preview{}, err
	}
	f, err := policy.ParseFilter(query)
	if err != nil {
		return Preview{}, err
	}
	return view(ctx, n.store, func(r store.Reader) (Preview, error) {
		p := Preview{Found: []store.Version{}}
		for after := store.OID(0); p.Looked < maxPreview && !p.More; {
			vs, err := r.Query(ctx, store.Query{After: after, Newest: true, Limit: fillStep})
			if err != nil || len(vs) == 0 {
				return p, err
			}
			p.Looked += int64(len(vs))
			after = vs[len(vs)-1].OID
			err = fitting(ctx, r, &f, vs, func(v *store.Version) (bool, error) {
				if p.More = len(p.Found) >= limit; !p.More {
					v.Raw = nil
					p.Found = append(p.Found, *v)
				}
				return !p.More, nil
			})
			if err != nil {
				return p, err
			}
		}
		p.More = true
		return p, nil
	})
}
