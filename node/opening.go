package node

import (
	"cmp"
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
	// Readers and Writers are accounts, by name, that may read or add objects
	// beside the circle. Who is a writer alone may add and not read.
	Readers []string `json:"readers,omitempty"`
	Writers []string `json:"writers,omitempty"`
	// Root is the API root that the collection is in; "" for the default one.
	Root string `json:"root,omitempty"`
	// Purpose and Retention are what the readers have promised for what came from
	// peers under such clauses.
	Purpose   []string      `json:"purpose,omitempty"`
	Retention comity.Period `json:"retention,omitempty"`
	By        string        `json:"by"`
	At        time.Time     `json:"at"`
}

// CollectionView is a collection, what fills it, and who may use it from outside.
type CollectionView struct {
	store.Collection
	Open  Opening
	Query string // in the language of policy.Filter; "" when it is filled by hand
	// Filling says how far the walk through the store is that a new query needs;
	// nil when there is none under way.
	Filling *Filling
}

// Filling is a walk through the store under way: Done of Total places. What
// arrives meanwhile is placed at once.
type Filling struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// Closed reports whether nobody from outside may use the collection.
func (o *Opening) Closed() bool { return o.To == "" && len(o.Readers) == 0 && len(o.Writers) == 0 }

// rights says what somebody may do. The rights of this node's own people come
// from their roles alone; who has no account may at most read.
func (o *Opening) rights(by Actor) (read, write bool) {
	circle := by.Role.circle()
	if circle == policy.Organisation {
		return true, by.Role == RoleAnalyst || by.Role == RoleAdmin
	}
	read = circle != policy.Nobody && circle <= o.To.circle()
	if by.Name == anonymous || circle == policy.Nobody {
		return read, false
	}
	return read || slices.Contains(o.Readers, by.Name), read && o.Write || slices.Contains(o.Writers, by.Name)
}

// sees reports whether the collection is there for somebody.
func (o *Opening) sees(by Actor) bool {
	read, write := o.rights(by)
	return read || write
}

// root is the name of the API root that the collection is in.
func (o *Opening) root() string { return cmp.Or(o.Root, taxiiRoot) }

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
		return collectionView(ctx, r, c)
	})
}

func collectionView(ctx context.Context, r store.Reader, c store.Collection) (CollectionView, error) {
	v := CollectionView{Collection: c}
	var err error
	if v.Open, err = openingOf(ctx, r, c.ID); err != nil {
		return v, err
	}
	qs, err := queriesOf(ctx, r)
	if err != nil {
		return v, err
	}
	v.Query = qs[c.ID].Query
	if qs[c.ID].Filling {
		v.Filling, err = fillingOf(ctx, r, c.ID)
	}
	return v, err
}

// OpenCollection lets people from outside use a collection by TAXII, or changes
// who may, and puts it into an API root. What it says replaces what was said
// before.
func (n *Node) OpenCollection(ctx context.Context, by Actor, idOrAlias string, o Opening) error {
	const op = "collection open"
	if c := o.To.circle(); c <= policy.Organisation && (o.To != "" || o.Closed() && o.Root == "") {
		return comity.E(comity.Usage, op, idOrAlias, comity.Msg("node.open_to", comity.A("role", o.To)), nil)
	}
	if o.Write && o.To == "" {
		return comity.E(comity.Usage, op, idOrAlias, comity.Msg("collect.write_to"), nil)
	}
	if _, err := policy.ParsePeriod(o.Retention); err != nil && o.Retention != "" {
		return comity.E(comity.Usage, op, idOrAlias, comity.Msg("node.open_retention", comity.A("period", o.Retention)), err)
	}
	o.By, o.At = by.Name, n.now()
	o.Purpose, o.Readers, o.Writers = sorted(o.Purpose), sorted(o.Readers), sorted(o.Writers)
	if o.Root == taxiiRoot {
		o.Root = ""
	}
	return n.putOpening(ctx, by, "collection.open", idOrAlias, func(tx store.Tx, _ Opening) (Opening, error) {
		if err := someRoot(ctx, tx, o.root()); err != nil {
			return o, err
		}
		for _, name := range slices.Concat(o.Readers, o.Writers) {
			if _, err := tx.User(ctx, name); err != nil {
				return o, err
			}
		}
		return o, nil
	})
}

// sorted gives the words in order, each once; nil for none.
func sorted(words []string) []string { return slices.Compact(slices.Sorted(slices.Values(words))) }

// CloseCollection closes a collection to all but this node's own people. It
// stays in its API root.
func (n *Node) CloseCollection(ctx context.Context, by Actor, idOrAlias string) error {
	return n.putOpening(ctx, by, "collection.close", idOrAlias, func(_ store.Tx, was Opening) (Opening, error) {
		return Opening{Root: was.Root, By: by.Name, At: n.now()}, nil
	})
}

func (n *Node) putOpening(ctx context.Context, by Actor, action, idOrAlias string, change func(store.Tx, Opening) (Opening, error)) error {
	return n.act(ctx, by, action, idOrAlias, func(tx store.Tx) error {
		if by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, action, idOrAlias, comity.Msg("node.open_admin_only"), nil)
		}
		c, err := tx.Collection(ctx, idOrAlias)
		if err != nil {
			return err
		}
		o, err := openingOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if o, err = change(tx, o); err != nil {
			return err
		}
		b, err := json.Marshal(o)
		if err != nil {
			return err
		}
		return tx.PutSetting(ctx, openingName(c.ID), b)
	})
}
