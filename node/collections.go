package node

import (
	"context"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/google/uuid"
)

// ensureCollection finds a collection by alias, to put something in, or makes it.
func (n *Node) ensureCollection(ctx context.Context, tx store.Tx, alias string) (store.Collection, error) {
	c, err := tx.Collection(ctx, alias)
	if err == nil {
		return c, byHand(ctx, tx, c.ID, alias)
	}
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

// Collect puts the current versions of objects into a collection, which is made
// when there is none; what a peer sent keeps its clauses there. At most 1,000.
func (n *Node) Collect(ctx context.Context, by Actor, alias string, ids []comity.ObjectID) error {
	return n.act(ctx, by, "collection.add", alias, func(tx store.Tx) error {
		if by.Role != RoleAnalyst && by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, "collection add", alias, comity.Msg("node.collect_role"), nil)
		}
		c, err := n.ensureCollection(ctx, tx, alias)
		if err != nil {
			return err
		}
		oids := make([]store.OID, 0, len(ids))
		for _, id := range ids {
			v, err := tx.Object(ctx, id)
			if err != nil {
				return err
			}
			oids = append(oids, v.OID)
		}
		return tx.AddMembers(ctx, c.ID, oids, n.now())
	})
}
