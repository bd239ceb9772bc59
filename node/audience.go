package node

import (
	"bytes"
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
	grants map[store.Source]policy.Grant // by agreement and channel
	named  map[string]comity.TLP         // labels of the definitions met
}

func (n *Node) gate(ctx context.Context, r store.Reader, to policy.Audience) *gate {
	held := labelsIn(ctx, r)
	return &gate{n: n, r: r, to: to, now: n.now(), grants: map[store.Source]policy.Grant{}, named: map[string]comity.TLP{},
		labels: func(id comity.ObjectID) (comity.TLP, bool) {
			if t, ok := stix.TLPOf(id); ok {
				return t, true
			}
			return held(id)
		}}
}

// admits reports whether the audience may have a version, given with its bytes.
// Conflicting ones are nobody's: which of them is meant is not known.
func (g *gate) admits(ctx context.Context, v *store.Version) (bool, error) {
	if v.Conflict || v.Raw == nil || comity.Stricter(v.Handling, v.TLP) > g.to.Circle.Ceiling() {
		return false, nil
	}
	obj := comity.Object{ID: v.ID, Type: v.Type, TLP: v.TLP}
	if !g.plain(v) {
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
// known later, is stricter. Any escape may hide such a name.
func (g *gate) plain(v *store.Version) bool {
	const prefix, uuid = `"marking-definition--`, 36 // the quotes make the search faster
	if bytes.Contains(v.Raw, []byte(`"granular_markings"`)) || bytes.Contains(v.Raw, []byte(`\u00`)) {
		return false
	}
	label := comity.Stricter(v.TLP, v.Handling)
	for rest := v.Raw; ; {
		i := bytes.Index(rest, []byte(prefix))
		if i < 0 {
			return true
		}
		rest = rest[i:]
		id := rest[1:min(len(rest), len(prefix)+uuid)]
		t, known := g.named[string(id)]
		if !known {
			t, _ = g.labels(comity.ObjectID(id))
			g.named[string(id)] = t
		}
		if t > label {
			return false
		}
		rest = rest[len(prefix):]
	}
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
