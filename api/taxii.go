package api

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// The inputs of the operations on collections and TAXII.
type (
	collectionIn struct {
		Body struct {
			Alias       string `json:"alias" minLength:"1" maxLength:"64"`
			Title       string `json:"title,omitempty" maxLength:"1000"`
			Description string `json:"description,omitempty" maxLength:"20000"`
			Query       string `json:"query,omitempty" maxLength:"10000" doc:"in the filter language; by hand when empty"`
		}
	}
	describeIn struct {
		ID   string `path:"id" maxLength:"300"`
		Body struct {
			Title       string `json:"title" maxLength:"1000"`
			Description string `json:"description,omitempty" maxLength:"20000"`
		}
	}
	queryIn struct {
		ID   string `path:"id" maxLength:"300"`
		Body struct {
			Query string `json:"query" maxLength:"10000" doc:"empty: by hand from now on"`
		}
	}
	previewIn struct {
		Body struct {
			Query string `json:"query" minLength:"1" maxLength:"10000"`
			Limit int    `json:"limit,omitempty" minimum:"1" maximum:"1000" default:"100"`
		}
	}
	membersIn struct {
		ID     string `path:"id" maxLength:"300"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		Before int64  `query:"before" minimum:"0" doc:"next of the page before"`
	}
	idsIn struct {
		ID   string `path:"id" maxLength:"300"`
		Body struct {
			IDs []comity.ObjectID `json:"ids" minItems:"1" maxItems:"1000"`
		}
	}
	openIn struct {
		ID   string `path:"id" maxLength:"300"`
		Body struct {
			To        node.Role     `json:"to,omitempty" enum:"constituent,community,public" doc:"the widest circle that reads; nobody outside when absent"`
			Write     bool          `json:"write,omitempty" doc:"accounts of these circles also add objects"`
			Readers   []string      `json:"readers,omitempty" maxItems:"1000" doc:"accounts that read besides"`
			Writers   []string      `json:"writers,omitempty" maxItems:"1000" doc:"accounts that add"`
			Root      string        `json:"root,omitempty" maxLength:"64" doc:"API root; api when absent"`
			Purpose   []string      `json:"purpose,omitempty" maxItems:"100"`
			Retention comity.Period `json:"retention,omitempty" maxLength:"20"`
		}
	}
	rootIn struct {
		Body struct {
			Name             string `json:"name" minLength:"1" maxLength:"64"`
			Title            string `json:"title,omitempty" maxLength:"5000"`
			Description      string `json:"description,omitempty" maxLength:"5000"`
			MaxContentLength int64  `json:"max_content_length,omitempty" minimum:"0" doc:"bytes"`
		}
	}
	aboutIn struct {
		Body struct {
			Description string `json:"description,omitempty" maxLength:"5000"`
			Contact     string `json:"contact,omitempty" maxLength:"5000" doc:"whom to write to or call"`
		}
	}
	postsIn struct {
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		After string `query:"after" maxLength:"64" doc:"next of the page before"`
	}
)

// CollectionView is a collection, what fills it and who may use it.
type CollectionView struct {
	collection
	Query   string        `json:"query,omitempty"`
	Filling *node.Filling `json:"filling,omitempty"` // while a new query goes through the store
	Open    node.Opening  `json:"open"`
}

func collectionViewOf(v node.CollectionView) CollectionView {
	return CollectionView{collection: collectionOf(v.Collection), Query: v.Query, Filling: v.Filling, Open: v.Open}
}

// Member is one place in a collection.
type Member struct {
	Seq    int64     `json:"seq"`
	Added  time.Time `json:"added"`
	Last   bool      `json:"last"` // the newest version of its object in there
	Object Version   `json:"object"`
}

func memberOf(m store.Member) Member {
	return Member{Seq: m.Seq, Added: m.Added, Last: m.Last, Object: versionOf(m.Version)}
}

// membersPage is one page of a collection, the newest first.
type membersPage struct {
	Members []Member `json:"members"`
	Next    int64    `json:"next,omitempty"` // absent on the last page
}

// Preview is what a query would collect.
type Preview struct {
	Found  []Version `json:"found"`
	Looked int64     `json:"looked"` // objects looked at
	More   bool      `json:"more"`   // there are more objects than were looked at
}

// postsPage is one page of posts, the newest first.
type postsPage struct {
	Posts []node.TaxiiPost `json:"posts"`
	Next  string           `json:"next,omitempty"` // absent on the last page
}

// Post is one post and what was refused of it.
type Post struct {
	node.TaxiiPost
	Refused []Refusal `json:"refused"` // the first 1,000; all are under the import
}

// changed is the answer of an operation that has nothing to tell.
type changed struct {
	Done bool `json:"done"`
}

func (s *server) collectionAdd(ctx context.Context, in *collectionIn) (CollectionView, error) {
	b := in.Body
	v, err := s.n.AddCollection(ctx, actor(ctx), node.CollectionDraft{Alias: b.Alias, Title: b.Title, Description: b.Description, Query: b.Query})
	return collectionViewOf(v), err
}

func (s *server) collection(ctx context.Context, in *nameIn) (CollectionView, error) {
	v, err := s.n.Collection(ctx, in.ID)
	return collectionViewOf(v), err
}

// afterwards gives a collection as it is once something was done with it.
func (s *server) afterwards(ctx context.Context, id string, err error) (CollectionView, error) {
	if err != nil {
		return CollectionView{}, err
	}
	return s.collection(ctx, &nameIn{id})
}

func (s *server) collectionDescribe(ctx context.Context, in *describeIn) (CollectionView, error) {
	return s.afterwards(ctx, in.ID, s.n.DescribeCollection(ctx, actor(ctx), in.ID, in.Body.Title, in.Body.Description))
}

func (s *server) collectionQuery(ctx context.Context, in *queryIn) (CollectionView, error) {
	return s.afterwards(ctx, in.ID, s.n.SetCollectionQuery(ctx, actor(ctx), in.ID, in.Body.Query))
}

func (s *server) collectionOpen(ctx context.Context, in *openIn) (CollectionView, error) {
	b := in.Body
	if b.Root == "" {
		b.Root = "api" // so that nobody at all is an answer, too
	}
	o := node.Opening{To: b.To, Write: b.Write, Readers: b.Readers, Writers: b.Writers, Root: b.Root, Purpose: b.Purpose, Retention: b.Retention}
	return s.afterwards(ctx, in.ID, s.n.OpenCollection(ctx, actor(ctx), in.ID, o))
}

func (s *server) preview(ctx context.Context, in *previewIn) (Preview, error) {
	p, err := s.n.PreviewQuery(ctx, in.Body.Query, in.Body.Limit)
	return Preview{Found: each(p.Found, versionOf), Looked: p.Looked, More: p.More}, err
}

func (s *server) members(ctx context.Context, in *membersIn) (membersPage, error) {
	p, err := s.n.Members(ctx, in.ID, in.Before, in.Limit)
	return membersPage{Members: each(p.Members, memberOf), Next: p.Next}, err
}

// collect adds objects to a collection that is there; it makes none.
func (s *server) collect(ctx context.Context, in *idsIn) (CollectionView, error) {
	v, err := s.n.Collection(ctx, in.ID)
	if err == nil {
		name := v.Alias
		if name == "" {
			name = string(v.ID)
		}
		err = s.n.Collect(ctx, actor(ctx), name, in.Body.IDs)
	}
	return s.afterwards(ctx, in.ID, err)
}

func (s *server) uncollect(ctx context.Context, in *idsIn) (CollectionView, error) {
	return s.afterwards(ctx, in.ID, s.n.Uncollect(ctx, actor(ctx), in.ID, in.Body.IDs))
}

func (s *server) roots(ctx context.Context, _ *none) (listed[node.TaxiiRoot], error) {
	list, err := s.n.TaxiiRoots(ctx)
	return items(list, same), err
}

func (s *server) rootPut(ctx context.Context, in *rootIn) (listed[node.TaxiiRoot], error) {
	b := in.Body
	err := s.n.PutTaxiiRoot(ctx, actor(ctx), node.TaxiiRoot{Name: b.Name, Title: b.Title, Description: b.Description, MaxContentLength: b.MaxContentLength})
	if err != nil {
		return listed[node.TaxiiRoot]{}, err
	}
	return s.roots(ctx, nil)
}

func (s *server) rootRemove(ctx context.Context, in *nameIn) (changed, error) {
	err := s.n.RemoveTaxiiRoot(ctx, actor(ctx), in.ID)
	return changed{err == nil}, err
}

func (s *server) readers(ctx context.Context, _ *none) (listed[node.TaxiiReader], error) {
	list, err := s.n.TaxiiReaders(ctx, actor(ctx))
	return items(list, same), err
}

func (s *server) posts(ctx context.Context, in *postsIn) (postsPage, error) {
	list, err := s.n.TaxiiPosts(ctx, actor(ctx), in.After, in.Limit)
	out := postsPage{Posts: notNil(list)}
	if n := len(list); n == in.Limit && n > 0 {
		out.Next = list[n-1].ID
	}
	return out, err
}

func (s *server) post(ctx context.Context, in *nameIn) (Post, error) {
	p, err := s.n.TaxiiPost(ctx, actor(ctx), in.ID)
	if err != nil {
		return Post{}, err
	}
	rs, err := s.n.Refusals(ctx, p.Import, 0, 1000)
	return Post{TaxiiPost: p, Refused: each(rs, refusalOf)}, err
}

func (s *server) about(ctx context.Context, _ *none) (node.TaxiiAbout, error) {
	return s.n.TaxiiAbout(ctx)
}

func (s *server) aboutPut(ctx context.Context, in *aboutIn) (node.TaxiiAbout, error) {
	a := node.TaxiiAbout{Description: in.Body.Description, Contact: in.Body.Contact}
	return a, s.n.SetTaxiiAbout(ctx, actor(ctx), a)
}
