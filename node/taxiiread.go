package node

import (
	"context"
	"encoding/json"
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
		p := &paging{r: r, q: q, scan: b.o.Scan, at: q.After.Seq, gate: b.n.gate(ctx, r, o.audience(actorOf(who).Role)), in: c.ID,
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
	size int64
	scan int // how many members may be looked at; 0 for no bound
	page taxii.Page
	ends map[comity.ObjectID]ends // of objects that have several versions
}

// ends are the oldest and newest version of an object that the caller may see.
type ends struct{ first, last store.OID }

func (p *paging) run(ctx context.Context) error {
	for step, seen := 0, 0; ; {
		step = p.step(step)
		budget := int64(taxiiChunk)
		if p.q.Raw {
			budget = max(1, p.q.MaxBytes-p.size)
		}
		ms, err := p.r.Members(ctx, store.MemberQuery{
			Collection: p.in, After: p.at, AddedAfter: p.q.Filter.AddedAfter, Types: p.q.Filter.Types, IDs: p.q.Filter.IDs,
			Limit: step, WithRaw: true, Lean: true, MaxBytes: budget,
		})
		if err != nil || len(ms) == 0 {
			return err
		}
		take, err := p.choose(ctx, ms)
		if err != nil {
			return err
		}
		for i := range ms {
			p.at = ms[i].Seq
			if take[i] && !p.add(&ms[i]) {
				return nil
			}
		}
		if seen += len(ms); p.scan > 0 && seen >= p.scan && seen > 2*p.q.Limit {
			p.page.More, p.page.Reached = true, taxii.Position{Seq: p.at, Added: ms[len(ms)-1].Added}
			return nil
		}
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
		h := headOf(&m.Version)
		rec.Version, rec.Raw = h.version(m.Added), nil
		if spec := h.spec(); spec != "2.1" {
			rec.MediaType = "application/stix+json;version=" + spec
		}
	}
	p.page.Records = append(p.page.Records, rec)
	return true
}

// choose says which members the caller may see and has asked for.
func (p *paging) choose(ctx context.Context, ms []store.Member) ([]bool, error) {
	take := make([]bool, len(ms))
	var unsure []comity.ObjectID
	f := &p.q.Filter
	for i := range ms {
		ok, err := p.gate.admits(ctx, &ms[i].Version)
		if err != nil {
			return nil, err
		}
		take[i] = ok && specMatches(f, &ms[i].Version)
		if m := &ms[i]; take[i] && !f.Versions.All && (wantsLast(f) && !m.Last || f.Versions.First && !m.First) {
			if _, known := p.ends[m.Version.ID]; !known {
				unsure = append(unsure, m.Version.ID)
			}
		}
	}
	if err := p.findEnds(ctx, unsure); err != nil {
		return nil, err
	}
	for i := range ms {
		take[i] = take[i] && p.wanted(&ms[i])
	}
	return take, nil
}

func wantsLast(f *taxii.Filter) bool { return f.Versions.Last || f.Versions.IsZero() }

// wanted asks the version filter of a member that the caller may see.
//
// INVARIANT: first and last are the first and last of what the caller may see;
// a newer version that it may not have does not hide an older one.
func (p *paging) wanted(m *store.Member) bool {
	f, e := &p.q.Filter, p.ends[m.Version.ID]
	switch {
	case f.Versions.All,
		wantsLast(f) && (m.Last || e.last == m.Version.OID),
		f.Versions.First && (m.First || e.first == m.Version.OID):
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
		ms, err := p.r.Members(ctx, store.MemberQuery{Collection: p.in, IDs: ids, After: after, Limit: taxiiStep, WithRaw: true, Lean: true, MaxBytes: taxiiChunk})
		if err != nil || len(ms) == 0 {
			return err
		}
		for i := range ms {
			after = ms[i].Seq
			v := &ms[i].Version
			ok, err := p.gate.admits(ctx, v)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			e, at := p.ends[v.ID], versionTime(&ms[i])
			times[v.OID] = at
			if e.first == 0 || at.Before(times[e.first]) {
				e.first = v.OID
			}
			if e.last == 0 || at.After(times[e.last]) {
				e.last = v.OID
			}
			p.ends[v.ID] = e
		}
	}
	return nil
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

// objectHead is what a manifest says of an object, as it stands in the bytes.
type objectHead struct {
	ID       string `json:"id"`
	Spec     string `json:"spec_version"`
	Created  string `json:"created"`
	Modified string `json:"modified"`
}

func headOf(v *store.Version) objectHead {
	var h objectHead
	_ = json.Unmarshal(v.Raw, &h) // what is no text is left empty
	return h
}

func (h *objectHead) version(added time.Time) string {
	switch {
	case h.Modified != "":
		return h.Modified
	case h.Created != "":
		return h.Created
	}
	return taxii.FormatTime(added)
}

// spec is the STIX version of an object: those of 2.0 do not say it, and neither
// need observables of 2.1, which have no created.
func (h *objectHead) spec() string {
	switch {
	case h.Spec != "":
		return h.Spec
	case h.Created != "":
		return "2.0"
	}
	return "2.1"
}

// specMatches asks the filter for STIX versions.
func specMatches(f *taxii.Filter, v *store.Version) bool {
	if len(f.SpecVersions) == 0 {
		return true
	}
	h := headOf(v)
	return slices.Contains(f.SpecVersions, strings.TrimSpace(h.spec()))
}
