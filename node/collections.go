package node

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/google/uuid"
)

// ensureCollection finds a collection by alias or makes it.
func (n *Node) ensureCollection(ctx context.Context, tx store.Tx, alias string) (store.Collection, error) {
	c, err := tx.Collection(ctx, alias)
	if !comity.Is(err, comity.NotFound) {
		return c, err
	}
	if !userName.MatchString(alias) {
		return c, comity.E(comity.Usage, "collection", alias, comity.Msg("node.alias_bad", comity.A("alias", alias)), nil)
	}
	c = store.Collection{ID: comity.CollectionID(uuid.NewString()), Alias: alias, Title: alias, Created: n.now()}
	return c, tx.PutCollection(ctx, c)
}

// Collections lists the collections.
func (n *Node) Collections(ctx context.Context) ([]store.Collection, error) {
	return view(ctx, n.store, func(r store.Reader) ([]store.Collection, error) { return r.Collections(ctx) })
}
