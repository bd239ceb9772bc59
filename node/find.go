package node

import (
	"context"
	"net/netip"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/comity-net/comity/store"
)

// What Find does with a question: the values that it looks up are fewer than
// MaxFindValues, the words of a text of up to MaxFindWords bytes are searched,
// and at most MaxFindTexts objects are given for them.
const (
	MaxFindValues = 1000
	MaxFindWords  = 200
	MaxFindTexts  = 50
)

// Bounds of one lookup.
const (
	maxFindText = 5 << 20 // bytes of pasted text
	maxInside   = 8       // blocks of a question that are looked into
	maxFindHits = 5000
)

// Find looks up what is asked: one value as typed, several of one a line, or any
// text, from which the indicators are taken (refanged where they were made safe),
// and, when the question is short, the words in what people wrote. At most 999
// values are looked up; Truncated says that there was more.
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
	q := ask(text)
	res.Values, res.NotValues, res.Found, res.Truncated = q.values, q.unread, q.found, q.truncated
	err := n.store.View(ctx, func(r store.Reader) error { return n.findIn(ctx, r, text, q.listed, &res) })
	return res, err
}

// question is what was asked, taken apart: the values, the lines that hold
// none, and whether something was left out for being too much.
type question struct {
	values    []FoundValue
	unread    []string
	found     int
	truncated bool
	listed    bool // several lines, each of them one value or none
}

// ask takes the values out of a question: one value as typed, lines that are one
// value each, or what is found in a text. A short text may also be a name, which
// is looked up as it stands.
func ask(text string) question {
	var q question
	if !strings.Contains(text, "\n") {
		q.line(text)
		if q.unread != nil && len(text) <= MaxFindWords {
			if v, ok := extract.Normalize(comity.ValueName, text); ok {
				q.values = append(q.values, FoundValue{Value: v, Raw: text})
			}
		}
		q.unread = nil // it is words to search for
		return q
	}
	q.listed = true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			q.line(line)
		}
	}
	if len(q.values) == 0 {
		q.listed = false
		for _, f := range extract.Find(text, extract.Limits{}) { // what is broken over lines
			q.add(FoundValue{Value: f.Value, Raw: f.Raw, Refanged: f.Refanged})
		}
	}
	return q
}

// line reads one line: one value, or a text with values in it, or neither.
func (q *question) line(line string) {
	if vs := oneValue(line); len(vs) > 0 {
		for _, v := range vs {
			q.add(FoundValue{Value: v, Raw: line, Refanged: v.Text != line && strings.ContainsAny(line, "[]{}()")})
		}
		return
	}
	found := extract.Find(line, extract.Limits{})
	for _, f := range found {
		q.add(FoundValue{Value: f.Value, Raw: f.Raw, Refanged: f.Refanged})
	}
	switch {
	case len(found) > 0:
		q.listed = false
	case len(q.unread) < MaxFindValues:
		q.unread = append(q.unread, clipLine(line))
	}
}

func (q *question) add(f FoundValue) {
	q.found++
	if len(q.values) >= MaxFindValues-1 {
		q.truncated = true
		return
	}
	q.values = append(q.values, f)
}

// unbracket undoes the defanging that package extract leaves under suffixes it
// does not know.
var unbracket = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".")

// oneValue reads a line that is one value and nothing else. What could be a
// domain under an unknown suffix (server.lan, host.internal) is one, as it is in
// a list that is imported; where it could be a file name too, both are returned.
func oneValue(line string) []comity.Value {
	v, ok := extract.Guess(line)
	if !ok || v.Kind == comity.ValueOther {
		return nil
	}
	if v.Kind != comity.ValueName && v.Kind != comity.ValuePath {
		return []comity.Value{v}
	}
	var out []comity.Value
	if v.Kind == comity.ValuePath && (strings.ContainsAny(line, `/\`) || !strings.Contains(line, " ")) {
		out = append(out, v)
	}
	host := unbracket.Replace(strings.Trim(line, "\"'`<>,;"))
	last := host[strings.LastIndexByte(host, '.')+1:]
	if len(last) < len(host) && len(last) > 1 && !strings.ContainsFunc(last, func(r rune) bool { return r < 'A' }) {
		if d, ok := extract.Normalize(comity.ValueDomain, host); ok {
			out = append(out, d)
		}
	}
	return out
}

func clipLine(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (n *Node) findIn(ctx context.Context, r store.Reader, text string, listed bool, res *FindResult) error {
	if o, err := r.Object(ctx, comity.ObjectID(text)); err == nil {
		res.Text = append(res.Text, o)
		return nil
	} else if !comity.Is(err, comity.NotFound) {
		return err
	}
	if err := lookup(ctx, r, res); err != nil {
		return err
	}
	if err := lookInside(ctx, r, res); err != nil {
		return err
	}
	res.Values = dropEmpty(res.Values)
	if listed || len(text) > MaxFindWords || answered(res.Values) {
		return nil
	}
	found, err := r.SearchText(ctx, text, MaxFindTexts)
	res.Text = append(res.Text, found...)
	return err
}

// lookup asks the store for every value of the question at once.
func lookup(ctx context.Context, r store.Reader, res *FindResult) error {
	if len(res.Values) == 0 {
		return nil
	}
	values := make([]comity.Value, 0, len(res.Values))
	at := make(map[comity.Value][]int, len(res.Values))
	for i, f := range res.Values {
		if at[f.Value] == nil {
			values = append(values, f.Value)
		}
		at[f.Value] = append(at[f.Value], i)
	}
	hits, err := r.Lookup(ctx, values, maxFindHits)
	if err != nil {
		return err
	}
	res.Truncated = res.Truncated || len(hits) == maxFindHits
	for _, h := range hits {
		for _, i := range at[h.Value] {
			res.Values[i].Hits = append(res.Values[i].Hits, h.Version)
		}
		if at[h.Value] != nil {
			continue
		}
		for i := range res.Values {
			if within(res.Values[i].Value, h.Value) {
				res.Values[i].Hits = append(res.Values[i].Hits, h.Version)
			}
		}
	}
	return nil
}

// lookInside adds, behind each block of at most 256 addresses, what is held of
// the addresses and smaller blocks in it. The store has no index by block: they
// are looked up one by one, for at most maxInside blocks of a question.
func lookInside(ctx context.Context, r store.Reader, res *FindResult) error {
	var out []FoundValue
	blocks := 0
	for _, f := range res.Values {
		out = append(out, f)
		inner := inside(f.Value)
		if len(inner) == 0 {
			continue
		}
		if blocks++; blocks > maxInside {
			res.Truncated = true
			continue
		}
		hits, err := r.Lookup(ctx, inner, maxFindHits)
		if err != nil {
			return err
		}
		res.Truncated = res.Truncated || len(hits) == maxFindHits
		at := make(map[comity.Value]int, len(inner))
		for _, v := range inner {
			at[v] = -1
		}
		for _, h := range hits {
			i, ok := at[h.Value]
			if !ok {
				continue // a block around it, which was found above
			}
			if i < 0 {
				i = len(out)
				at[h.Value] = i
				out = append(out, FoundValue{Value: h.Value, Raw: f.Raw})
			}
			out[i].Hits = append(out[i].Hits, h.Version)
		}
	}
	res.Values = out
	return nil
}

// inside lists the addresses and smaller blocks of a block of at most 256
// addresses; nothing for any other value.
func inside(v comity.Value) []comity.Value {
	if v.Kind != comity.ValueIPv4 && v.Kind != comity.ValueIPv6 {
		return nil
	}
	p, err := netip.ParsePrefix(v.Text)
	if err != nil || p.Addr().BitLen()-p.Bits() > 8 || p.Bits() == p.Addr().BitLen() {
		return nil
	}
	var out []comity.Value
	addr := p.Masked().Addr()
	for ; addr.IsValid() && p.Contains(addr); addr = addr.Next() {
		out = append(out, comity.Value{Kind: v.Kind, Text: addr.String()})
	}
	for bits := p.Bits() + 1; bits < p.Addr().BitLen(); bits++ {
		for a := p.Masked().Addr(); a.IsValid() && p.Contains(a); {
			b := netip.PrefixFrom(a, bits)
			out = append(out, comity.Value{Kind: v.Kind, Text: b.String()})
			a = lastOf(b).Next()
		}
	}
	return out
}

// lastOf is the last address of a block.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
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

// dropEmpty leaves out readings that nothing bears: the question itself as a
// name, since every text would else be listed as an unknown name, and the second
// reading of one that could be a domain and a file name.
func dropEmpty(in []FoundValue) []FoundValue {
	held := map[string]bool{}
	for _, f := range in {
		held[f.Raw] = held[f.Raw] || len(f.Hits) > 0
	}
	out := in[:0]
	for _, f := range in {
		twice := f.Value.Kind == comity.ValueDomain && len(out) > 0 && out[len(out)-1].Raw == f.Raw
		either := f.Value.Kind == comity.ValueDomain || f.Value.Kind == comity.ValuePath
		switch {
		case len(f.Hits) > 0:
		case f.Value.Kind == comity.ValueName, twice, either && held[f.Raw]:
			continue
		}
		out = append(out, f)
	}
	return out
}
