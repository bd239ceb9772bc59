package node

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// Opening says who from outside may use a collection by TAXII. The zero value
// closes it to all but this node's own people.
type Opening struct {
	To    Role `json:"to"`              // the widest circle; narrower ones may read, too; "" for closed
	Write bool `json:"write,omitempty"` // accounts of these circles may add objects; nobody without an account
	// Purpose and Retention are what the readers have promised for what came from
	// peers under such clauses.
	Purpose   []string      `json:"purpose,omitempty"`
	Retention comity.Period `json:"retention,omitempty"`
	By        string        `json:"by"`
	At        time.Time     `json:"at"`
}

// CollectionView is a collection and who may use it from outside.
type CollectionView struct {
	store.Collection
	Open Opening
}

// admits reports whether somebody of the role may read.
func (o *Opening) admits(r Role) bool {
	return r.circle() == policy.Organisation ||
		r.circle() != policy.Nobody && r.circle() <= o.To.circle()
}

// audience is what the policy is asked for.
func (o *Opening) audience(r Role) policy.Audience {
	return policy.Audience{Circle: r.circle(), Purpose: o.Purpose, Retention: o.Retention}
}

func openingName(id comity.CollectionID) string { return "collection.open." + string(id) }

// openingOf reads who may use a collection.
func openingOf(ctx context.Context, r store.SettingReader, id comity.CollectionID) (Opening, error) {
	var o Opening
	b, err := r.Setting(ctx, openingName(id))
	if comity.Is(err, comity.NotFound) || err == nil && len(b) == 0 {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(b, &o)
}

// Collection finds a collection by id or alias, and who may use it.
func (n *Node) Collection(ctx context.Context, idOrAlias string) (CollectionView, error) {
	return view(ctx, n.store, func(r store.Reader) (CollectionView, error) {
		c, err := r.Collection(ctx, idOrAlias)
		if err != nil {
			return CollectionView{}, err
		}
		o, err := openingOf(ctx, r, c.ID)
		return CollectionView{c, o}, err
	})
}

// OpenCollection lets people from outside use a collection by TAXII, or changes
// who may.
func (n *Node) OpenCollection(ctx context.Context, by Actor, idOrAlias string, o Opening) error {
	if c := o.To.circle(); c <= policy.Organisation {
		return comity.E(comity.Usage, "collection open", idOrAlias, comity.Msg("node.open_to", comity.A("role", o.To)), nil)
	}
	if _, err := policy.ParsePeriod(o.Retention); err != nil && o.Retention != "" {
		return comity.E(comity.Usage, "collection open", idOrAlias, comity.Msg("node.open_retention", comity.A("period", o.Retention)), err)
	}
	o.By, o.At = by.Name, n.now()
	slices.Sort(o.Purpose)
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return n.putOpening(ctx, by, "collection.open", idOrAlias, b)
}

// CloseCollection closes a collection to all but this node's own people.
func (n *Node) CloseCollection(ctx context.Context, by Actor, idOrAlias string) error {
	return n.putOpening(ctx, by, "collection.close", idOrAlias, nil)
}

func (n *Node) putOpening(ctx context.Context, by Actor, action, idOrAlias string, value []byte) error {
	return n.act(ctx, by, action, idOrAlias, func(tx store.Tx) error {
		if by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, action, idOrAlias, comity.Msg("node.open_admin_only"), nil)
		}
		c, err := tx.Collection(ctx, idOrAlias)
		if err != nil {
			return err
		}
		return tx.PutSetting(ctx, openingName(c.ID), append([]byte{}, value...))
	})
}
