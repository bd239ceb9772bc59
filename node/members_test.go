package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func TestMembers(t *testing.T) { both(t, members) }

func members(t *testing.T) {
	ctx, x := t.Context(), taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, x.n, "feed")
	want := []comity.ObjectID{"identity--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a10"}
	for from := 0; from < 2400; from += 600 {
		var objects [][]byte
		for i := from; i < from+600; i++ {
			objects = append(objects, labelled(i, comity.Amber))
			want = append([]comity.ObjectID{comity.ObjectID(idOf(labelled(i, comity.Amber)))}, want...)
		}
		x.post("feed", objects...)
	}
	list := func(limit int) (out []comity.ObjectID) {
		t.Helper()
		for before := int64(0); ; {
			p, err := x.n.Members(ctx, "feed", before, limit)
			if err != nil || len(p.Members) > limit || p.Next > 0 && before > 0 && p.Next >= before {
				t.Fatalf("%d members, next %d after %d: %v", len(p.Members), p.Next, before, err)
			}
			for _, m := range p.Members {
				out = append(out, m.Version.ID)
			}
			if before = p.Next; before == 0 {
				return out
			}
		}
	}
	for _, limit := range []int{7, 400, 999, 1000} {
		if got := list(limit); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("limit %d lists %d members, not the %d newest first", limit, len(got), len(want))
		}
	}
	analyst := node.Actor{Name: "ana", Role: node.RoleAnalyst}
	if err := x.n.Uncollect(ctx, analyst, "feed", want[100:1100]); err != nil {
		t.Fatal(err)
	}
	left := append(append([]comity.ObjectID{}, want[:100]...), want[1100:]...)
	if got := list(50); fmt.Sprint(got) != fmt.Sprint(left) {
		t.Errorf("after removing 1,000 there are %d", len(got))
	}
	if _, err := x.n.Show(ctx, want[100]); err != nil {
		t.Errorf("what left the collection must stay at the node: %v", err)
	}
}

func TestCollectionWords(t *testing.T) {
	ctx, n := t.Context(), start(t, "alpha")
	analyst, reader := node.Actor{Name: "a", Role: node.RoleAnalyst}, node.Actor{Name: "r", Role: node.RoleReader}
	makeCollection(t, n, "feed")
	if err := n.DescribeCollection(ctx, analyst, "feed", "الموجز", "x"); err != nil {
		t.Fatal(err)
	}
	if v, err := n.Collection(ctx, "feed"); err != nil || v.Title != "الموجز" || v.Description != "x" {
		t.Errorf("%+v %v", v, err)
	}
	if err := n.DescribeCollection(ctx, analyst, "none", "x", ""); !comity.Is(err, comity.NotFound) {
		t.Errorf("an unknown collection: %v", err)
	}
	if err := n.DescribeCollection(ctx, reader, "feed", "x", ""); !comity.Is(err, comity.Forbidden) {
		t.Errorf("a reader describes: %v", err)
	}
	for _, title := range []string{"", "\x00", strings.Repeat("x", 201)} {
		if err := n.DescribeCollection(ctx, analyst, "feed", title, ""); !comity.Is(err, comity.Usage) {
			t.Errorf("title %.5q: %v", title, err)
		}
	}
	if err := n.Uncollect(ctx, reader, "feed", nil); !comity.Is(err, comity.Forbidden) {
		t.Errorf("a reader takes out: %v", err)
	}
}
