package node

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

const (
	taxiiStep  = 1000    // members of one question to the store
	taxiiChunk = 4 << 20 // and bytes, where no objects are wanted
)

// Page implements taxii.Backend: it reads members in their order and lets
// through what the policy allows, until the page is full and one more is known.
func (b *taxiiBackend) Page(ctx context.Context, who taxii.Caller, q taxii.Query) (taxii.Page, error) {
	return view(ctx, b.n.store, func(r store.Reader) (taxii.Page, error) {
		c, o, err := openTo(ctx, r, who, string(q.Collection))
		if err != nil {
			return taxii.Page{}, err
		}
		if !storable(&q.Filter) {
			return taxii.Page{}, nil
		}
		p := &paging{r: r, q: q, at: q.After.Seq, end: c.Size, gate: b.n.gate(ctx, r, o.audience(actorOf(who).Role)), in: c.ID,
			ends: map[comity.ObjectID]ends{}}
		err = p.run(ctx)
		return p.page, err
	})
}

// storable leaves out of a filter what no keeper can hold, and says whether
// anything can match the rest.
func storable(f *taxii.Filter) bool {
	ids, types := len(f.IDs), len(f.Types)
	f.IDs = slices.DeleteFunc(slices.Clone(f.IDs), func(id comity.ObjectID) bool { return !isText(string(id)) })
	f.Types = slices.DeleteFunc(slices.Clone(f.Types), func(t string) bool { return !isText(t) })
	return (ids == 0 || len(f.IDs) > 0) && (types == 0 || len(f.Types) > 0)
}

// isText reports whether a keeper can hold s: PostgreSQL knows no NUL.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// paging is one page under way.
type paging struct {
	r    store.Reader
	q    taxii.Query
	in   comity.CollectionID
	gate *gate
	at   int64
	end  int64 // the collection's last number; 0 when it is not known
	size int64
	page taxii.Page
	ends map[comity.ObjectID]ends // of objects that have several versions

	allSpecs bool // where no STIX version is named, all are meant
}

// ends are the oldest and newest version of an object that the caller may see,
// among those of the STIX versions asked for, or else of the newest that it has.
type ends struct {
	first, last store.OID
	old         bool // there is none but of STIX 2.0
}

// run fills the page. It never stops before it knows what comes next: a page
// that ended behind hidden members would tell of them. Where they are many, and
// the caller's time is up, who asks again goes on where this one ended.
func (p *paging) run(ctx context.Context) error {
	g := p.gate
	hidden, key := &g.n.hidden, hiddenKey(p.in, &g.to, &p.q.Filter)
	p.at = hidden.skip(key, p.at, g.now)
	from := p.at // nothing after it was visible up to here
	for step := 0; ; {
		step = p.step(step)
		budget := int64(taxiiChunk)
		if p.q.Raw {
			budget = max(1, p.q.MaxBytes-p.size)
		}
		ms, err := p.r.Members(ctx, store.MemberQuery{
			Collection: p.in, After: p.at, AddedAfter: p.q.Filter.AddedAfter, Types: p.q.Filter.Types, IDs: p.q.Filter.IDs,
			Limit: step, WithRaw: true, Lean: true, MaxLabel: g.to.Circle.Ceiling(), MaxBytes: budget,
		})
		if err != nil {
			return err
		}
		if len(ms) == 0 {
			hidden.add(key, from, max(p.at, p.end), g.now)
			return nil
		}
		take, seen, err := p.choose(ctx, ms)
		if err != nil {
			return err
		}
		for i := range ms {
			if seen[i] {
				hidden.add(key, from, ms[i].Seq-1, g.now)
				from = ms[i].Seq
			}
			p.at = ms[i].Seq
			if take[i] && !p.add(&ms[i]) {
				return nil
			}
		}
		hidden.add(key, from, p.at, g.now)
		p.at = hidden.skip(key, p.at, g.now)
	}
}

// step says how many members to ask for: what the page still lacks and one
// more, and then ever more where all of them were hidden.
func (p *paging) step(last int) int {
	if lack := p.q.Limit + 1 - len(p.page.Records); last == 0 || lack > 1 {
		return min(lack, taxiiStep)
	}
	return min(max(8*last%taxiiStep, 16), taxiiStep)
}

// add puts a member on the page; false when the page is full and there is more.
func (p *paging) add(m *store.Member) bool {
	size := int64(len(m.Version.Raw))
	if n := len(p.page.Records); n == p.q.Limit || n > 0 && p.q.Raw && p.size+size > p.q.MaxBytes {
		p.page.More = true
		return false
	}
	p.size += size
	rec := taxii.Record{ID: m.Version.ID, Added: m.Added, Seq: m.Seq, Raw: m.Version.Raw}
	if !p.q.Raw {
		h := headOf(m.Version.Raw)
		rec.Version, rec.Raw = h.version(m.Added), nil
		if spec := h.spec(); spec != stix21 {
			rec.MediaType = "application/stix+json;version=" + spec
		}
	}
	p.page.Records = append(p.page.Records, rec)
	return true
}

// choose says which members the caller may see, and which of them it has asked for.
func (p *paging) choose(ctx context.Context, ms []store.Member) (take, seen []bool, err error) {
	both := make([]bool, 2*len(ms))
	take, seen = both[:len(ms)], both[len(ms):]
	var unsure []comity.ObjectID
	for i := range ms {
		m := &ms[i]
		if seen[i], err = p.gate.admits(ctx, &m.Version); err != nil {
			return nil, nil, err
		}
		if take[i] = seen[i] && specMatches(&p.q.Filter, &m.Version); !take[i] || !p.unsure(m) {
			continue
		}
		if _, known := p.ends[m.Version.ID]; !known {
			unsure = append(unsure, m.Version.ID)
		}
	}
	if err := p.findEnds(ctx, unsure); err != nil {
		return nil, nil, err
	}
	for i := range ms {
		take[i] = take[i] && p.wanted(&ms[i])
	}
	return take, seen, nil
}

// unsure reports whether the other versions of the member's object must be
// looked at to say whether the version filter takes it.
func (p *paging) unsure(m *store.Member) bool {
	f := &p.q.Filter
	if m.First && m.Last {
		return false
	}
	return p.newestSpec() && p.gate.marks.of(&m.Version).old ||
		!f.Versions.All && (wantsLast(f) && !m.Last || f.Versions.First && !m.First)
}

// newestSpec reports whether of each object only the versions of the newest STIX
// version that it has are wanted: where none is named (section 3.4.1). Delete,
// which reads nothing, means all.
func (p *paging) newestSpec() bool { return len(p.q.Filter.SpecVersions) == 0 && !p.allSpecs }

func wantsLast(f *taxii.Filter) bool { return f.Versions.Last || f.Versions.IsZero() }

// wanted asks the version filter of a member that the caller may see.
//
// INVARIANT: first and last are the first and last of what the caller may see;
// a newer version that it may not have does not hide an older one.
func (p *paging) wanted(m *store.Member) bool {
	f := &p.q.Filter
	e, several := p.ends[m.Version.ID]
	if several && p.newestSpec() && !e.old && p.gate.marks.of(&m.Version).old {
		return false
	}
	first, last := m.First, m.Last
	if several {
		first, last = e.first == m.Version.OID, e.last == m.Version.OID
	}
	switch {
	case f.Versions.All, wantsLast(f) && last, f.Versions.First && first:
		return true
	}
	return slices.ContainsFunc(f.Versions.At, versionTime(m).Equal)
}

// findEnds looks at all versions of objects for the first and last visible one.
func (p *paging) findEnds(ctx context.Context, ids []comity.ObjectID) error {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	times := map[store.OID]time.Time{}
	for after := int64(0); len(ids) > 0; {
		ms, err := p.r.Members(ctx, store.MemberQuery{Collection: p.in, IDs: ids, After: after, Limit: taxiiStep, WithRaw: true, Lean: true,
			MaxLabel: p.gate.to.Circle.Ceiling(), MaxBytes: taxiiChunk})
		if err != nil || len(ms) == 0 {
			return err
		}
		for i := range ms {
			after = ms[i].Seq
			ok, err := p.gate.admits(ctx, &ms[i].Version)
			if err != nil {
				return err
			}
			if ok && specMatches(&p.q.Filter, &ms[i].Version) {
				p.meet(&ms[i], times)
			}
		}
	}
	return nil
}

// meet widens the ends of an object by a version.
func (p *paging) meet(m *store.Member, times map[store.OID]time.Time) {
	v := &m.Version
	e, met := p.ends[v.ID]
	if old := p.newestSpec() && p.gate.marks.of(v).old; !met || e.old && !old {
		e = ends{old: old}
	} else if old && !e.old {
		return
	}
	at := versionTime(m)
	times[v.OID] = at
	if e.first == 0 || at.Before(times[e.first]) {
		e.first = v.OID
	}
	if e.last == 0 || at.After(times[e.last]) {
		e.last = v.OID
	}
	p.ends[v.ID] = e
}

// versionTime is the instant that names a version (section 3.4.1).
func versionTime(m *store.Member) time.Time {
	switch v := &m.Version; {
	case !v.Modified.IsZero():
		return v.Modified
	case !v.Created.IsZero():
		return v.Created
	}
	return m.Added
}

// specMatches asks the filter for STIX versions.
func specMatches(f *taxii.Filter, v *store.Version) bool {
	if len(f.SpecVersions) == 0 {
		return true
	}
	h := headOf(v.Raw)
	return slices.Contains(f.SpecVersions, strings.TrimSpace(h.spec()))
}
