package taxii

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// Pull says what to read from a collection, and from where on.
type Pull struct {
	Root       string // URL of the API root, absolute or relative
	Collection string // id or alias
	// Filter but for AddedAfter, which Resume says.
	Filter Filter
	Resume Resume
	Limit  int // objects of a page; 0 lets the server choose
	// Overlap is read again at each pull, for servers that give many objects one
	// date or add objects with a date in the past; what is known is left out.
	Overlap time.Duration
	// MaxPages ends a pull early, to be resumed: 1,000,000.
	MaxPages int
}

// Resume is where a pull ended, to be kept between pulls; it has a JSON form.
type Resume struct {
	AddedAfter time.Time `json:"added_after,omitzero"`
	// Next continues a pull that was cut off. A server that does not know it any
	// more is asked from AddedAfter on.
	Next string `json:"next,omitempty"`
	// Seen are the first 8 bytes of SHA-256 of the objects in the overlap.
	Seen []uint64 `json:"seen,omitempty"`
	// Offset is where a pull of TAXII 2.0 was cut off, in items from AddedAfter on.
	Offset int `json:"offset,omitempty"`
	// Tag is the ETag of the last page, if it was one by itself, and TagOf says of
	// which address: asked again, an unchanged server answers with nothing.
	Tag   string `json:"tag,omitempty"`
	TagOf uint64 `json:"tag_of,omitempty"`
}

// Batch is one page of a pull. Store the objects, then Resume.
type Batch struct {
	Objects     [][]byte  // as they came
	First, Last time.Time // date added, if the server said
	Known       int       // objects left out because an earlier page or pull had them
	More        bool
	Resume      Resume
}

const (
	maxSeen    = 10_000
	maxStrikes = 3
	maxEmpty   = 1000    // empty pages in a row; servers send some where a caller may not have what is there
	maxNext    = 8 << 10 // bytes of a cursor
	// blindOverlap is for servers that do not say when objects were added.
	blindOverlap = 5 * time.Minute
)

// Pull reads the pages of a collection. It ends after the last page or with one
// error; the batches before it stand, and the last one's Resume goes on from
// there. A server that repeats pages or does not move on is not followed for
// ever: that is an error of kind Partial.
func (c *Client) Pull(ctx context.Context, p Pull) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		u, err := c.resolve(p.Root)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		if p.MaxPages <= 0 {
			p.MaxPages = 1_000_000
		}
		w := newWalk(c, p, u.JoinPath("collections", url.PathEscape(p.Collection), "objects/"))
		for range p.MaxPages {
			b, err := w.step(ctx)
			if !yield(b, err) || err != nil || !b.More {
				return
			}
		}
	}
}

// walk is a pull under way.
type walk struct {
	c     *Client
	p     Pull
	u     *url.URL
	after time.Time // asked for
	next  string
	limit int

	old     bool // TAXII 2.0
	equals  bool // "items=" instead of "items " for the ranges of 2.0
	offset  int
	started time.Time // by the server's clock
	last    time.Time // newest date added that the server said

	known   map[uint64]bool // from earlier pulls
	run     map[uint64]bool // from this one; forgotten when too many
	nexts   map[uint64]bool
	strikes int
	empty   int // pages in a row
	pages   int
	recent  []seen
}

type seen struct {
	key uint64
	at  time.Time
}

func newWalk(c *Client, p Pull, u *url.URL) *walk {
	w := &walk{
		c: c, p: p, u: u, limit: p.Limit, after: p.Resume.AddedAfter, next: p.Resume.Next, old: c.o.Version == "2.0",
		known: map[uint64]bool{}, run: map[uint64]bool{}, nexts: map[uint64]bool{}, last: p.Resume.AddedAfter,
	}
	if w.offset = max(0, p.Resume.Offset); w.offset > 0 {
		w.old = true // an offset counts from the very date that was asked for
	} else if !w.after.IsZero() && w.next == "" {
		w.after = w.after.Add(-p.Overlap)
	}
	for _, k := range p.Resume.Seen[:min(len(p.Resume.Seen), maxSeen)] {
		w.known[k] = true
		w.recent = append(w.recent, seen{k, p.Resume.AddedAfter})
	}
	return w
}

// step reads one page.
func (w *walk) step(ctx context.Context) (Batch, error) {
	a, err := w.ask(ctx)
	if err != nil {
		return Batch{}, err
	}
	if w.pages++; a.status == http.StatusNotModified {
		return Batch{Resume: w.p.Resume}, nil
	}
	env, err := readEnvelope(a, w.u)
	if err != nil {
		return Batch{}, err
	}
	if w.started.IsZero() {
		w.started, _ = http.ParseTime(a.header.Get("Date"))
	}
	b := Batch{}
	b.First, _ = ParseTime(a.header.Get("X-TAXII-Date-Added-First"))
	b.Last, _ = ParseTime(a.header.Get("X-TAXII-Date-Added-Last"))
	// A date far ahead would hide all that comes before it from later pulls.
	if b.Last.After(w.c.o.Now().Add(24 * time.Hour)) {
		b.First, b.Last = time.Time{}, time.Time{}
	}
	stale := w.sift(&b, env.objects)
	if b.Last.After(w.last) {
		w.last = b.Last
	}
	if w.old {
		b.More = w.advance20(a, len(env.objects))
	} else if b.More, err = w.advance(b, env, stale); err != nil {
		return Batch{}, err
	}
	b.Resume = w.resume(b)
	if tag := a.header.Get("ETag"); !b.More && w.pages == 1 && len(tag) <= 256 {
		b.Resume.Tag, b.Resume.TagOf = tag, key([]byte(w.target().String()))
	}
	return b, nil
}

// key is short for b.
func key(b []byte) uint64 {
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:8])
}

// conditions make a request whose answer may be that nothing changed, if it is
// the first and the same as the one that the tag came with.
func (w *walk) conditions(q request) request {
	if r := w.p.Resume; w.pages == 0 && r.Tag != "" && r.TagOf == key([]byte(q.url.String())) {
		q.ifNot = r.Tag
		q.status = append(q.status, http.StatusNotModified)
	}
	return q
}

// ask requests the page; it falls back from a forgotten cursor to the date, and
// from 2.1 to 2.0.
func (w *walk) ask(ctx context.Context) (answer, error) {
	q := request{url: w.target()}
	if w.old {
		return w.ask20(ctx)
	}
	q.accept = MediaTAXII
	a, err := w.c.do(ctx, w.conditions(q))
	switch {
	case err == nil:
		return a, nil
	case a.status == http.StatusNotAcceptable && w.c.o.Version == "":
		w.old = true
		return w.ask20(ctx)
	case (a.status == 400 || a.status == 404 || a.status == 410) && w.next != "" && len(w.nexts) == 0:
		w.next, w.after = "", w.p.Resume.AddedAfter
		if !w.after.IsZero() {
			w.after = w.after.Add(-w.p.Overlap)
		}
		return w.c.do(ctx, request{url: w.target(), accept: MediaTAXII})
	}
	return a, err
}

func (w *walk) target() *url.URL {
	v := w.p.Filter.values()
	if !w.after.IsZero() {
		v.Set("added_after", FormatTime(w.after))
	}
	if w.limit > 0 && !w.old {
		v.Set("limit", strconv.Itoa(w.limit))
	}
	if w.next != "" && !w.old {
		v.Set("next", w.next)
	}
	u := *w.u
	u.RawQuery = v.Encode()
	return &u
}

// values gives the match parameters of a filter.
func (f Filter) values() url.Values {
	v := url.Values{}
	set := func(name string, list []string) {
		if len(list) > 0 {
			v.Set("match["+name+"]", strings.Join(list, ","))
		}
	}
	var ids, versions []string
	for _, id := range f.IDs {
		ids = append(ids, string(id))
	}
	for i, word := range []string{"all", "first", "last"} {
		if [...]bool{f.Versions.All, f.Versions.First, f.Versions.Last}[i] {
			versions = append(versions, word)
		}
	}
	for _, t := range f.Versions.At {
		versions = append(versions, stix.FormatTime(t))
	}
	set("id", ids)
	set("type", f.Types)
	set("spec_version", f.SpecVersions)
	set("version", versions)
	return v
}

// sift keeps the objects that are new. stale says that all of a page that is
// not empty were seen in this very pull.
func (w *walk) sift(b *Batch, objects [][]byte) (stale bool) {
	again := 0
	if len(w.run) > 200_000 {
		clear(w.run)
	}
	for _, raw := range objects {
		k := key(raw)
		switch {
		case w.run[k]:
			again++
			b.Known++
			continue
		case w.known[k]:
			b.Known++
		default:
			b.Objects = append(b.Objects, raw)
			w.recent = append(w.recent, seen{k, b.Last})
		}
		w.run[k] = true
	}
	return len(objects) > 0 && again == len(objects)
}

// advance finds out where the next page is.
func (w *walk) advance(b Batch, env envelopeIn, stale bool) (bool, error) {
	if !env.more && (env.next == "" || len(env.objects) == 0) {
		w.next = ""
		return false, nil
	}
	if len(env.next) > maxNext {
		return false, w.stuck("taxii.client.no_next")
	}
	if env.next != "" {
		if stale {
			w.strikes++
		}
		if w.empty++; len(env.objects) > 0 {
			w.empty = 0
		}
		k := key([]byte(env.next))
		if w.strikes >= maxStrikes || w.empty > maxEmpty || w.nexts[k] {
			return false, w.stuck("taxii.client.loop")
		}
		w.next = env.next
		w.nexts[k] = true
		return true, nil
	}
	// More, and no next: go on from the date of the last object (section 3.5).
	// Others may have that date too, so it is read again; sift knows these.
	w.next = ""
	if b.Last.IsZero() {
		return false, w.stuck("taxii.client.no_next")
	}
	if from := b.Last.Add(-time.Microsecond); from.After(w.after) && !stale {
		w.after = from
		return true, nil
	}
	// A whole page has one date: only a longer page leads beyond it.
	if w.limit = 2 * max(w.limit, len(env.objects)); w.limit <= 20_000 {
		return true, nil
	}
	return false, w.stuck("taxii.client.no_next")
}

func (w *walk) stuck(key string) error {
	return comity.E(comity.Partial, "taxii", w.u, comity.Msg(key), nil)
}

// resume says how to go on after this page.
func (w *walk) resume(b Batch) Resume {
	r := Resume{AddedAfter: w.last}
	if b.More && !w.old {
		r.Next = w.next
		if r.Next != "" {
			// The cursor belongs to the date that was asked for with it.
			r.AddedAfter = w.after
		}
	}
	if b.More && w.old {
		r.AddedAfter, r.Offset = w.after, w.offset
	}
	keep := w.last.Add(-w.p.Overlap)
	if blind := len(w.run) > 0 && !w.last.After(w.p.Resume.AddedAfter) && b.Last.IsZero(); blind {
		keep = time.Time{}
		if !b.More && !w.started.IsZero() {
			r.AddedAfter = w.started.Add(-max(w.p.Overlap, blindOverlap)).UTC()
		}
	}
	i := max(0, len(w.recent)-maxSeen)
	for i < len(w.recent) && w.recent[i].at.Before(keep) {
		i++
	}
	w.recent = w.recent[i:]
	for _, s := range w.recent {
		r.Seen = append(r.Seen, s.key)
	}
	return r
}
