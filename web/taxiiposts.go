package web

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// postLine is one post and the collection it went to.
type postLine struct {
	node.TaxiiPost
	Into, Path string // title and page of the collection; "" when it is gone
}

func postLines(posts []node.TaxiiPost, all []node.CollectionView) []postLine {
	out := make([]postLine, len(posts))
	for i, p := range posts {
		out[i] = postLine{TaxiiPost: p}
		for _, c := range all {
			if c.ID == p.Collection {
				out[i].Into, out[i].Path = titleOfCollection(c), collectionPath(c)
			}
		}
	}
	return out
}

// postsPage lists what was posted, the newest first.
type postsPage struct {
	frame
	List []postLine
	Next string // the post to go on behind; "" on the last page
}

func (postsPage) name() string { return "taxii_posts" }

func (w *Web) taxiiPosts(r *request) (view, error) {
	list, err := w.node.TaxiiPosts(r.Context(), r.actor(), r.URL.Query().Get("after"), postsPerPage)
	if err != nil {
		return nil, err
	}
	all, err := w.collectionViews(r.Context())
	if err != nil {
		return nil, err
	}
	v := &postsPage{List: postLines(list, all)}
	v.Title, v.Section = r.p.T(comity.Msg("web.taxii.posts")), "taxii"
	v.Crumbs = taxiiCrumbs(r)
	if n := len(list); n == postsPerPage {
		v.Next = list[n-1].ID
	}
	return v, nil
}

// postPage is one post: each object that was refused, and why.
type postPage struct {
	frame
	Post     postLine
	Status   string // address of the status for the sender
	Refusals []comity.Refusal
	Next     int64 // refusals after this one; 0 when these are all
}

func (postPage) name() string { return "taxii_post" }

func (w *Web) taxiiPost(r *request) (view, error) {
	p, err := w.node.TaxiiPost(r.Context(), r.actor(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	all, err := w.collectionViews(r.Context())
	if err != nil {
		return nil, err
	}
	v := &postPage{Post: postLines([]node.TaxiiPost{p}, all)[0], Status: w.taxiiAddress(r, p.Root+"/status/"+p.ID+"/")}
	v.Title, v.Section = r.p.T(comity.Msg("web.taxii.post_by", comity.A("name", p.Caller))), "taxii"
	v.Crumbs = append(taxiiCrumbs(r), crumb{r.p.T(comity.Msg("web.taxii.posts")), "/taxii/posts"})
	v.Refusals, err = w.node.Refusals(r.Context(), p.Import, parseInt(r.URL.Query().Get("after")), refusalsPerPage)
	if n := len(v.Refusals); err == nil && n == refusalsPerPage {
		v.Next = v.Refusals[n-1].N
	}
	return v, err
}

func taxiiCrumbs(r *request) []crumb {
	return []crumb{{r.p.T(comity.Msg("web.nav.taxii")), "/taxii"}}
}
