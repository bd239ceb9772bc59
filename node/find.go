package node

import (
	"context"
	"net/netip"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/comity-net/comity/store"
)

// Bounds of one lookup.
const (
	maxFindText   = 5 << 20 // bytes of pasted text
	maxFindValues = 1000
	maxFindHits   = 5000
	maxTextWords  = 200 // longer questions are not searched as text
	maxTextHits   = 50
)

// Find looks up what is asked: one value as typed, or any text, from which the
// indicators are taken (refanged where they were made safe), and, when the
// question is short, the words in what people wrote.
func (n *Node) Find(ctx context.Context, text string) (FindResult, error) {
	res := FindResult{Asked: text}
	if len(text) > maxFindText {
		return res, comity.E(comity.TooLarge, "find", "", comity.Msg("node.find_too_large",
			comity.A("size", len(text)), comity.A("limit", maxFindText)), nil)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return res, comity.E(comity.Usage, "find", "", comity.Msg("node.find_empty"), nil)
	}
	res.Values, res.Truncated = askedValues(text)
	err := n.store.View(ctx, func(r store.Reader) error { return n.findIn(ctx, r, text, &res) })
	return res, err
}

// askedValues takes the values out of a question: one value as typed, or what is
// found in a text. A short text may also be a name, which is looked up as it
// stands.
func askedValues(text string) (out []FoundValue, truncated bool) {
	if v, ok := extract.Guess(text); ok && v.Kind != comity.ValueName {
		return []FoundValue{{Value: v, Raw: text, Refanged: v.Text != text && strings.ContainsAny(text, "[]{}()")}}, false
	}
	for _, f := range extract.Find(text, extract.Limits{}) {
		if len(out) == maxFindValues-1 {
			truncated = true
			break
		}
		out = append(out, FoundValue{Value: f.Value, Raw: f.Raw, Refanged: f.Refanged})
	}
	if len(text) <= maxTextWords && !strings.Contains(text, "\n") {
		if v, ok := extract.Normalize(comity.ValueName, text); ok {
			out = append(out, FoundValue{Value: v, Raw: text})
		}
	}
	return out, truncated
}

func (n *Node) findIn(ctx context.Context, r store.Reader, text string, res *FindResult) error {
	if o, err := r.Object(ctx, comity.ObjectID(text)); err == nil {
		res.Text = append(res.Text, o)
		return nil
	} else if !comity.Is(err, comity.NotFound) {
		return err
	}
	values := make([]comity.Value, len(res.Values))
	at := make(map[comity.Value]int, len(values))
	for i, f := range res.Values {
		values[i], at[f.Value] = f.Value, i
	}
	if len(values) > 0 {
		hits, err := r.Lookup(ctx, values, maxFindHits)
		if err != nil {
			return err
		}
		res.Truncated = res.Truncated || len(hits) == maxFindHits
		for _, h := range hits {
			if i, ok := at[h.Value]; ok {
				res.Values[i].Hits = append(res.Values[i].Hits, h.Version)
				continue
			}
			for i := range res.Values {
				if within(res.Values[i].Value, h.Value) {
					res.Values[i].Hits = append(res.Values[i].Hits, h.Version)
				}
			}
		}
	}
	res.Values = dropEmptyNames(res.Values)
	if len(text) > maxTextWords || answered(res.Values) {
		return nil
	}
	found, err := r.SearchText(ctx, text, maxTextHits)
	res.Text = append(res.Text, found...)
	return err
}

// answered reports whether the question was one value, and it is known: then the
// words of texts are not searched, which would cost ten times as much.
func answered(values []FoundValue) bool {
	return len(values) == 1 && values[0].Value.Kind != comity.ValueName && len(values[0].Hits) > 0
}

// within reports whether an address asked for lies in a block that was found.
func within(asked, found comity.Value) bool {
	if asked.Kind != found.Kind || asked.Kind != comity.ValueIPv4 && asked.Kind != comity.ValueIPv6 {
		return false
	}
	block, err := netip.ParsePrefix(found.Text)
	if err != nil {
		return false
	}
	if addr, err := netip.ParseAddr(asked.Text); err == nil {
		return block.Contains(addr)
	}
	inner, err := netip.ParsePrefix(asked.Text)
	return err == nil && inner.Bits() >= block.Bits() && block.Contains(inner.Addr())
}

// dropEmptyNames leaves out the question itself as a name when nothing bears it:
// every text would else be listed as an unknown name.
func dropEmptyNames(in []FoundValue) []FoundValue {
	out := in[:0]
	for _, f := range in {
		if f.Value.Kind != comity.ValueName || len(f.Hits) > 0 {
			out = append(out, f)
		}
	}
	return out
}
