package node

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/store"
)

// gate asks the policy whether an audience may read versions, many on one
// snapshot. It is made for each piece of work and used by one goroutine.
type gate struct {
	n      *Node
	r      store.Reader
	to     policy.Audience
	now    time.Time
	labels func(comity.ObjectID) (comity.TLP, bool)
	ags    agreementList
	grants map[store.Source]policy.Grant  // by agreement and channel
	named  map[comity.ObjectID]comity.TLP // labels of the definitions met
	known  map[verdictOn]bool             // verdicts on plain versions
	marks  *markMemory                    // nil: nothing is remembered
}

// verdictOn is all that the policy asks of a plain version of this node's own.
type verdictOn struct {
	handling, tlp comity.TLP
	state         comity.State
}

func (n *Node) gate(ctx context.Context, r store.Reader, to policy.Audience) *gate {
	held := labelsIn(ctx, r)
	return &gate{n: n, r: r, to: to, now: n.now(), grants: map[store.Source]policy.Grant{}, named: map[comity.ObjectID]comity.TLP{},
		known: map[verdictOn]bool{}, marks: &n.marks,
		labels: func(id comity.ObjectID) (comity.TLP, bool) {
			if t, ok := stix.TLPOf(id); ok {
				return t, true
			}
			return held(id)
		}}
}

// unremembered makes a gate for a transaction: what it reads may be undone, and
// its number given to another version.
func (g *gate) unremembered() *gate {
	g.marks = nil
	return g
}

// admits reports whether the audience may have a version, given with its bytes.
// Conflicting ones are nobody's: which of them is meant is not known.
func (g *gate) admits(ctx context.Context, v *store.Version) (bool, error) {
	if v.Conflict || v.Raw == nil || comity.Stricter(v.Handling, v.TLP) > g.to.Circle.Ceiling() {
		return false, nil
	}
	plain, ours := g.plain(v), v.Origin == "" || g.to.Circle == policy.Organisation
	if !plain || !ours || v.ID == "" || v.Type == "" {
		return g.judge(ctx, v, plain)
	}
	on := verdictOn{v.Handling, v.TLP, v.State}
	ok, known := g.known[on]
	if !known {
		var err error
		if ok, err = g.judge(ctx, v, plain); err != nil {
			return false, err
		}
		g.known[on] = ok
	}
	return ok, nil
}

// judge asks the policy.
func (g *gate) judge(ctx context.Context, v *store.Version, plain bool) (bool, error) {
	obj := comity.Object{ID: v.ID, Type: v.Type, TLP: v.TLP}
	if !plain {
		obj = parsed(*v, g.labels)
		obj.ID, obj.Type, obj.TLP = v.ID, v.Type, comity.Stricter(obj.TLP, v.TLP)
	}
	item := policy.Item{Object: &obj, Handling: v.Handling, State: v.State}
	if v.Origin != "" && g.to.Circle != policy.Organisation {
		var err error
		if item, err = g.item(ctx, *v, obj); err != nil {
			return false, err
		}
	}
	return policy.AllowsAudience(&item, &g.to, g.now), nil
}

// plain reports whether the index fields alone say the label: nothing in the
// bytes marks a part, and no definition that they name, also one that became
// known later, is stricter.
func (g *gate) plain(v *store.Version) bool {
	set := g.marks.of(v)
	if set.parse {
		return false
	}
	label := comity.Stricter(v.TLP, v.Handling)
	for _, id := range set.named {
		t, known := g.named[id]
		if !known {
			t, _ = g.labels(id)
			g.named[id] = t
		}
		if t > label {
			return false
		}
	}
	return true
}

// item is Node.item with the agreements and streams read once.
func (g *gate) item(ctx context.Context, v store.Version, obj comity.Object) (policy.Item, error) {
	if g.ags == nil {
		ags, err := g.n.agreements(ctx, g.r)
		if err != nil {
			return policy.Item{}, err
		}
		g.ags = append(agreementList{}, ags...)
	}
	return itemUnder(ctx, g.r, v, obj, func(s store.Source) policy.Grant {
		key := store.Source{Agreement: s.Agreement, Channel: s.Channel}
		if _, ok := g.grants[key]; !ok {
			g.grants[key] = grant(ctx, g.r, g.ags, s)
		}
		return g.grants[key]
	})
}
