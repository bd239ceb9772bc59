package node

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

const (
	maxTitle       = 200  // characters
	maxDescription = 4000 // characters
	memberWindow   = 1000 // numbers that one question for the newest members covers
	memberWindows  = 20   // and so many questions for one page
)

// MemberPage is a part of a collection, the newest first.
type MemberPage struct {
	Members []store.Member
	Next    int64 // what to give as before for the next page; 0 on the last
}

// Members lists the members of a collection, the newest first: those with a
// number below before, 0 for the newest. Where very many were removed, a page
// may hold less than limit (at most 1,000) and yet have a next.
func (n *Node) Members(ctx context.Context, idOrAlias string, before int64, limit int) (MemberPage, error) {
	return view(ctx, n.store, func(r store.Reader) (MemberPage, error) {
		c, err := r.Collection(ctx, idOrAlias)
		if err != nil {
			return MemberPage{}, err
		}
		limit = min(max(limit, 1), memberWindow)
		if before <= 0 || before > c.Size+1 {
			before = c.Size + 1
		}
		var p MemberPage
		for range memberWindows {
			from := max(0, before-1-memberWindow) // members from+1 … before-1
			ms, err := r.Members(ctx, store.MemberQuery{Collection: c.ID, After: from, Limit: memberWindow})
			if err != nil {
				return MemberPage{}, err
			}
			ms = slices.DeleteFunc(ms, func(m store.Member) bool { return m.Seq >= before })
			slices.Reverse(ms)
			if lack := limit - len(p.Members); len(ms) > lack {
				p.Members = append(p.Members, ms[:lack]...)
				p.Next = ms[lack-1].Seq
				return p, nil
			}
			p.Members = append(p.Members, ms...)
			if from == 0 {
				return p, nil
			}
			before = from + 1
			if len(p.Members) == limit {
				break
			}
		}
		p.Next = before
		return p, nil
	})
}

// Uncollect takes every version of objects out of a collection; they stay at
// this node. At most 1,000. What is no member is passed over.
func (n *Node) Uncollect(ctx context.Context, by Actor, idOrAlias string, ids []comity.ObjectID) error {
	return n.act(ctx, by, "collection.remove", idOrAlias, func(tx store.Tx) error {
		c, err := collectionFor(ctx, tx, by, "collection remove", idOrAlias)
		if err != nil || len(ids) == 0 {
			return err
		}
		for after := int64(0); ; {
			ms, err := tx.Members(ctx, store.MemberQuery{Collection: c.ID, IDs: ids, After: after, Limit: memberWindow})
			if err != nil || len(ms) == 0 {
				return err
			}
			oids := make([]store.OID, len(ms))
			for i := range ms {
				oids[i], after = ms[i].Version.OID, ms[i].Seq
			}
			if err := tx.RemoveMembers(ctx, c.ID, oids); err != nil {
				return err
			}
		}
	})
}

// collectionFor finds a collection for somebody who may change what is in it.
func collectionFor(ctx context.Context, tx store.Tx, by Actor, op, idOrAlias string) (store.Collection, error) {
	if by.Role != RoleAnalyst && by.Role != RoleAdmin {
		return store.Collection{}, comity.E(comity.Forbidden, op, idOrAlias, comity.Msg("node.collect_role"), nil)
	}
	return tx.Collection(ctx, idOrAlias)
}

// DescribeCollection changes the title and the description of a collection.
func (n *Node) DescribeCollection(ctx context.Context, by Actor, idOrAlias, title, description string) error {
	return n.act(ctx, by, "collection.describe", idOrAlias, func(tx store.Tx) error {
		c, err := collectionFor(ctx, tx, by, "collection describe", idOrAlias)
		if err != nil {
			return err
		}
		if err := describable(idOrAlias, title, description); err != nil {
			return err
		}
		c.Title, c.Description = title, description
		return tx.PutCollection(ctx, c)
	})
}

// describable checks what is said of a collection; clients need a title.
func describable(name, title, description string) error {
	if title == "" || utf8.RuneCountInString(title) > maxTitle || utf8.RuneCountInString(description) > maxDescription ||
		!isText(title) || !isText(description) {
		return comity.E(comity.Usage, "collection", name, comity.Msg("node.collection_words",
			comity.A("title", maxTitle), comity.A("description", maxDescription)), nil)
	}
	return nil
}
