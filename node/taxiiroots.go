package node

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// TaxiiRoot is one API root of this node's TAXII server. Its collections and the
// statuses of what was posted there are its own.
type TaxiiRoot struct {
	Name             string `json:"name"` // its place in the path
	Title            string `json:"title"`
	Description      string `json:"description,omitempty"`
	MaxContentLength int64  `json:"max_content_length"` // bytes of one post, unpacked; at most 32 MiB; 0 stands for that
}

// TaxiiAbout is what TAXII discovery says of this node beside its name.
type TaxiiAbout struct {
	Description string `json:"description"`
	Contact     string `json:"contact"` // whom to write to or call
}

const (
	settingRoots = "taxii.roots"
	settingAbout = "taxii.about"
	maxRoots     = 100
	maxRootText  = 4096 // bytes of a title or description
)

// rootName is one segment of a path.
var rootName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// TaxiiRoots lists the API roots, the default one first and the others by name.
func (n *Node) TaxiiRoots(ctx context.Context) ([]TaxiiRoot, error) {
	return view(ctx, n.store, func(r store.Reader) ([]TaxiiRoot, error) { return rootsOf(ctx, r) })
}

// rootsOf reads the roots. The default one, "api", is there without being kept;
// what is kept under its name says more of it.
func rootsOf(ctx context.Context, r store.SettingReader) ([]TaxiiRoot, error) {
	var kept []TaxiiRoot
	b, err := r.Setting(ctx, settingRoots)
	if err == nil {
		err = json.Unmarshal(b, &kept)
	} else if comity.Is(err, comity.NotFound) {
		err = nil
	}
	out := []TaxiiRoot{{Name: taxiiRoot}}
	for _, k := range kept {
		if k.MaxContentLength == 0 {
			k.MaxContentLength = taxiiMaxPost
		}
		if k.Name == taxiiRoot {
			out[0] = k
		} else {
			out = append(out, k)
		}
	}
	if out[0].MaxContentLength == 0 {
		out[0].MaxContentLength = taxiiMaxPost
	}
	return out, err
}

// PutTaxiiRoot makes an API root or changes the one of that name.
func (n *Node) PutTaxiiRoot(ctx context.Context, by Actor, root TaxiiRoot) error {
	const action = "taxii.root.put"
	switch {
	case !rootName.MatchString(root.Name):
		return comity.E(comity.Usage, "taxii root", root.Name, comity.Msg("collect.root_name", comity.A("name", root.Name)), nil)
	case root.MaxContentLength < 0 || root.MaxContentLength > taxiiMaxPost:
		return comity.E(comity.Usage, "taxii root", root.Name, comity.Msg("collect.root_length", comity.A("limit", taxiiMaxPost)), nil)
	case !isText(root.Title+root.Description) || len(root.Title) > maxRootText || len(root.Description) > maxRootText:
		return comity.E(comity.Usage, "taxii root", root.Name, comity.Msg("collect.root_text", comity.A("limit", maxRootText)), nil)
	}
	return n.changeRoots(ctx, by, action, root.Name, func(_ store.Tx, kept []TaxiiRoot) ([]TaxiiRoot, error) {
		kept = slices.DeleteFunc(kept, func(k TaxiiRoot) bool { return k.Name == root.Name })
		if len(kept) >= maxRoots {
			return nil, comity.E(comity.Limited, "taxii root", root.Name, comity.Msg("collect.root_many", comity.A("limit", maxRoots)), nil)
		}
		return append(kept, root), nil
	})
}

// RemoveTaxiiRoot removes an API root. One that has collections is kept, and so
// is the default one.
func (n *Node) RemoveTaxiiRoot(ctx context.Context, by Actor, name string) error {
	return n.changeRoots(ctx, by, "taxii.root.remove", name, func(tx store.Tx, kept []TaxiiRoot) ([]TaxiiRoot, error) {
		if name == taxiiRoot {
			return nil, comity.E(comity.Conflict, "taxii root", name, comity.Msg("collect.root_default", comity.A("name", name)), nil)
		}
		left := slices.DeleteFunc(slices.Clone(kept), func(k TaxiiRoot) bool { return k.Name == name })
		if len(left) == len(kept) {
			return nil, noRoot(name)
		}
		cs, err := tx.Collections(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range cs {
			o, err := openingOf(ctx, tx, c.ID)
			if err != nil {
				return nil, err
			}
			if o.root() == name {
				return nil, comity.E(comity.Conflict, "taxii root", name,
					comity.Msg("collect.root_used", comity.A("name", name), comity.A("collection", c.Alias)), nil)
			}
		}
		return left, nil
	})
}

// changeRoots changes the list of roots as it is kept.
func (n *Node) changeRoots(ctx context.Context, by Actor, action, name string, change func(store.Tx, []TaxiiRoot) ([]TaxiiRoot, error)) error {
	return n.act(ctx, by, action, name, func(tx store.Tx) error {
		if by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, "taxii root", name, comity.Msg("node.open_admin_only"), nil)
		}
		roots, err := rootsOf(ctx, tx)
		if err != nil {
			return err
		}
		roots, err = change(tx, roots)
		if err != nil {
			return err
		}
		slices.SortFunc(roots, func(a, b TaxiiRoot) int { return strings.Compare(a.Name, b.Name) })
		b, err := json.Marshal(roots)
		if err != nil {
			return err
		}
		return tx.PutSetting(ctx, settingRoots, b)
	})
}

// TaxiiAbout tells what discovery says.
func (n *Node) TaxiiAbout(ctx context.Context) (TaxiiAbout, error) {
	var a TaxiiAbout
	b, err := view(ctx, n.store, func(r store.Reader) ([]byte, error) { return r.Setting(ctx, settingAbout) })
	if comity.Is(err, comity.NotFound) {
		return a, nil
	} else if err != nil {
		return a, err
	}
	return a, json.Unmarshal(b, &a)
}

// SetTaxiiAbout changes what discovery says.
func (n *Node) SetTaxiiAbout(ctx context.Context, by Actor, a TaxiiAbout) error {
	if !isText(a.Contact+a.Description) || len(a.Contact) > maxRootText || len(a.Description) > maxRootText {
		return comity.E(comity.Usage, "taxii about", "", comity.Msg("collect.root_text", comity.A("limit", maxRootText)), nil)
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return n.act(ctx, by, "taxii.about", "", func(tx store.Tx) error {
		if by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, "taxii about", "", comity.Msg("node.open_admin_only"), nil)
		}
		return tx.PutSetting(ctx, settingAbout, b)
	})
}

func noRoot(name string) error {
	return comity.E(comity.NotFound, "taxii", name, comity.Msg("taxii.no_endpoint"), nil)
}

// someRoot refuses the name of a root that is not there.
func someRoot(ctx context.Context, r store.SettingReader, name string) error {
	roots, err := rootsOf(ctx, r)
	if err == nil && !slices.ContainsFunc(roots, func(t TaxiiRoot) bool { return t.Name == name }) {
		err = comity.E(comity.NotFound, "taxii root", name, comity.Msg("collect.no_root", comity.A("name", name)), nil)
	}
	return err
}

// rootsFor lists the roots that are there for a caller: the default one, and
// those with a collection that it may see.
func (b *taxiiBackend) rootsFor(ctx context.Context, who taxii.Caller) ([]TaxiiRoot, error) {
	return view(ctx, b.n.store, func(r store.Reader) ([]TaxiiRoot, error) {
		roots, err := rootsOf(ctx, r)
		if err != nil || len(roots) == 1 {
			return roots, err
		}
		cs, err := r.Collections(ctx)
		if err != nil {
			return nil, err
		}
		seen := map[string]bool{taxiiRoot: true}
		for _, c := range cs {
			o, err := openingOf(ctx, r, c.ID)
			if err != nil {
				return nil, err
			}
			if o.sees(actorOf(who)) {
				seen[o.root()] = true
			}
		}
		return slices.DeleteFunc(roots, func(t TaxiiRoot) bool { return !seen[t.Name] }), nil
	})
}

// Discovery implements taxii.Backend.
func (b *taxiiBackend) Discovery(ctx context.Context, who taxii.Caller) (taxii.Discovery, error) {
	p, err := b.n.profile(ctx)
	if err != nil {
		return taxii.Discovery{}, err
	}
	about, err := b.n.TaxiiAbout(ctx)
	if err != nil {
		return taxii.Discovery{}, err
	}
	roots, err := b.rootsFor(ctx, who)
	d := taxii.Discovery{Title: p.Name, Description: about.Description, Contact: about.Contact, Default: taxiiRoot}
	for _, t := range roots {
		d.Roots = append(d.Roots, t.Name)
	}
	return d, err
}

// Root implements taxii.Backend.
func (b *taxiiBackend) Root(ctx context.Context, who taxii.Caller, root string) (taxii.Root, error) {
	roots, err := b.rootsFor(ctx, who)
	if err != nil {
		return taxii.Root{}, err
	}
	i := slices.IndexFunc(roots, func(t TaxiiRoot) bool { return t.Name == root })
	if i < 0 {
		return taxii.Root{}, noRoot(root)
	}
	t := taxii.Root{Title: roots[i].Title, Description: roots[i].Description, MaxContentLength: roots[i].MaxContentLength}
	if t.Title == "" {
		p, err := b.n.profile(ctx)
		t.Title = p.Name
		return t, err
	}
	return t, nil
}
