package node

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

const (
	postsLife   = 90 * 24 * time.Hour // how long a post stays in the list; its import stays longer
	postsPrefix = "taxii.posts."      // by time, the newest first
	postPrefix  = "taxii.posted."     // by id, the place in the list
)

// TaxiiPost is what became of one post by TAXII. Each is an import, too, which
// holds the refused objects with all that is wrong with them.
type TaxiiPost struct {
	ID         string              `json:"id"` // of the status that the sender was given
	Import     comity.ImportID     `json:"import"`
	Collection comity.CollectionID `json:"collection"`
	Root       string              `json:"root"`
	Caller     string              `json:"caller"`
	Role       Role                `json:"role"`
	At         time.Time           `json:"at"`
	Success    int                 `json:"success"`
	Failure    int                 `json:"failure"`
	Rules      []Count             `json:"rules,omitempty"` // failures by the first rule that each breaks, the most first
}

// key is the post's place in the list: later ones come first.
func (p *TaxiiPost) key() string {
	return fmt.Sprintf("%s%019d.%s", postsPrefix, math.MaxInt64-p.At.UnixMicro(), p.ID)
}

// postOf gathers what the list of posts says.
func postOf(who taxii.Caller, root string, in comity.CollectionID, im comity.ImportID, st taxii.Status, rules map[string]int64) TaxiiPost {
	by := actorOf(who)
	p := TaxiiPost{ID: st.ID, Import: im, Collection: in, Root: root, Caller: by.Name, Role: by.Role, At: st.Requested,
		Success: len(st.Successes), Failure: len(st.Failures)}
	for rule, n := range rules {
		p.Rules = append(p.Rules, Count{rule, n})
	}
	slices.SortFunc(p.Rules, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Name, b.Name)) })
	p.Rules = p.Rules[:min(len(p.Rules), maxPostRules)]
	return p
}

// maxPostRules is how many rules the list names for one post.
const maxPostRules = 20

// countRule counts the first fault of a refused object.
func countRule(rules map[string]int64, r comity.Refusal) {
	for _, f := range r.Findings {
		if f.Refuses {
			rules[f.Rule]++
			return
		}
	}
	rules["unknown"]++
}

// keepPost writes a post into the list.
func keepPost(ctx context.Context, tx store.Tx, p TaxiiPost) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	until := p.At.Add(postsLife)
	if err := tx.PutStatus(ctx, store.Status{ID: p.key(), Body: body, Expires: until}); err != nil {
		return err
	}
	return tx.PutStatus(ctx, store.Status{ID: postPrefix + p.ID, Body: []byte(p.key()), Expires: until})
}

// TaxiiPosts lists the posts of the last 90 days, the newest first; after is the
// ID of the post to go on behind, "" for the newest. At most 1,000.
func (n *Node) TaxiiPosts(ctx context.Context, by Actor, after string, limit int) ([]TaxiiPost, error) {
	if err := ownPeople(by, "taxii posts", after); err != nil {
		return nil, err
	}
	return view(ctx, n.store, func(r store.Reader) ([]TaxiiPost, error) {
		from := ""
		if after != "" {
			at, err := postKey(ctx, r, after)
			if err != nil {
				return nil, err
			}
			from = at
		}
		list, err := r.Statuses(ctx, postsPrefix, from, min(max(limit, 1), 1000))
		out := make([]TaxiiPost, len(list))
		for i := range list {
			if err == nil {
				err = json.Unmarshal(list[i].Body, &out[i])
			}
		}
		return out, err
	})
}

// TaxiiPost finds one post by the id of its status. What was refused, and why,
// are the Refusals of its import.
func (n *Node) TaxiiPost(ctx context.Context, by Actor, id string) (TaxiiPost, error) {
	if err := ownPeople(by, "taxii posts", id); err != nil {
		return TaxiiPost{}, err
	}
	return view(ctx, n.store, func(r store.Reader) (TaxiiPost, error) {
		var p TaxiiPost
		key, err := postKey(ctx, r, id)
		if err != nil {
			return p, err
		}
		st, err := r.Status(ctx, key)
		if err != nil {
			return p, err
		}
		return p, json.Unmarshal(st.Body, &p)
	})
}

// postKey finds a post's place in the list.
func postKey(ctx context.Context, r store.Reader, id string) (string, error) {
	missing := comity.E(comity.NotFound, "taxii posts", id, comity.Msg("node.taxii_no_post", comity.A("id", id)), nil)
	if !isText(id) || len(id) > 64 {
		return "", missing
	}
	st, err := r.Status(ctx, postPrefix+id)
	if comity.Is(err, comity.NotFound) {
		err = missing
	}
	return string(st.Body), err
}
