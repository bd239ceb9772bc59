package web

import (
	"context"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

const (
	taxiiPath     = "/taxii2/" // where the TAXII server of this node answers
	postsInBrief  = 6
	taxiiAccept   = "Accept: application/taxii+json;version=2.1"
	maxAddedByID  = 1000
	postsPerPage  = 50
	membersOnPage = 50
)

// taxiiPage is what others read and send by TAXII: the addresses, the API roots
// with their collections, and the latest posts.
type taxiiPage struct {
	frame
	Address, Curl string
	Plain         bool // not under TLS, where clients refuse to come
	About         node.TaxiiAbout
	Roots         []rootPart
	Posts         []postLine
}

func (taxiiPage) name() string { return "taxii" }

// rootPart is one API root and the collections in it.
type rootPart struct {
	node.TaxiiRoot
	Address     string
	Default     bool
	Collections []collectionLine
}

// collectionLine is a collection and who reads it.
type collectionLine struct {
	node.CollectionView
	Path    string // of its page
	Readers int
	Latest  node.TaxiiReader // zero when nobody has read it
}

func (w *Web) taxii(r *request) (view, error) {
	v := &taxiiPage{Plain: !w.secure(r)}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.taxii")), "taxii"
	v.Address = w.taxiiAddress(r, "")
	v.Curl = curl(v.Address)
	var err error
	if v.About, err = w.node.TaxiiAbout(r.Context()); err != nil {
		return nil, err
	}
	all, err := w.collectionViews(r.Context())
	if err != nil {
		return nil, err
	}
	readers, err := w.node.TaxiiReaders(r.Context(), r.actor())
	if err != nil {
		return nil, err
	}
	roots, err := w.node.TaxiiRoots(r.Context())
	if err != nil {
		return nil, err
	}
	for i, root := range roots {
		v.Roots = append(v.Roots, rootPart{TaxiiRoot: root, Address: w.taxiiAddress(r, root.Name+"/"), Default: i == 0,
			Collections: collectionLines(all, readers, root.Name)})
	}
	posts, err := w.node.TaxiiPosts(r.Context(), r.actor(), "", postsInBrief)
	v.Posts = postLines(posts, all)
	return v, err
}

func (w *Web) secure(r *request) bool {
	return r.TLS != nil || w.opts.Secure || strings.HasPrefix(w.opts.BaseURL, "https://")
}

// taxiiAddress is the address of something on the TAXII server: as the operator
// says, else as a client on the way that this request came would write it.
func (w *Web) taxiiAddress(r *request, path string) string {
	if w.opts.BaseURL != "" {
		return strings.TrimRight(w.opts.BaseURL, "/") + taxiiPath + path
	}
	scheme := "http://"
	if w.secure(r) {
		scheme = "https://"
	}
	return scheme + r.Host + taxiiPath + path
}

// curl is a line for a terminal that asks for an address; curl then asks for
// the password.
func curl(address string) string { return "curl -u NAME -H '" + taxiiAccept + "' '" + address + "'" }

// collectionViews lists all collections and who may use them.
func (w *Web) collectionViews(ctx context.Context) ([]node.CollectionView, error) {
	list, err := w.node.Collections(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]node.CollectionView, 0, len(list))
	for _, c := range list {
		v, err := w.node.Collection(ctx, string(c.ID))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// collectionLines picks the collections of an API root.
func collectionLines(all []node.CollectionView, readers []node.TaxiiReader, root string) []collectionLine {
	var out []collectionLine
	for _, c := range all {
		if rootOf(c) != root {
			continue
		}
		l := collectionLine{CollectionView: c, Path: collectionPath(c)}
		for _, x := range readers {
			if x.Collection != c.ID || x.LastPoll.IsZero() {
				continue
			}
			l.Readers++
			if x.LastPoll.After(l.Latest.LastPoll) {
				l.Latest = x
			}
		}
		out = append(out, l)
	}
	return out
}

// rootOf is the API root that a collection is in.
func rootOf(c node.CollectionView) string {
	if c.Open.Root == "" {
		return firstRoot
	}
	return c.Open.Root
}

// firstRoot is the API root that a node always has.
const firstRoot = "api"

func collectionPath(c node.CollectionView) string {
	return "/taxii/collections/" + escapePath(nameOfCollection(c))
}

// nameOfCollection is what people type: the alias, where there is one.
func nameOfCollection(c node.CollectionView) string {
	if c.Alias != "" {
		return c.Alias
	}
	return string(c.ID)
}

// titleOfCollection is what people read.
func titleOfCollection(c node.CollectionView) string {
	if c.Title != "" {
		return c.Title
	}
	return nameOfCollection(c)
}
