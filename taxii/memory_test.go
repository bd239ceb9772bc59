package taxii

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// memory is a Backend that keeps everything in memory: the reference of what
// the interface demands, as plainly as possible.
type memory struct {
	mu       sync.RWMutex
	now      time.Time
	open     bool // the anonymous may ask
	users    map[string]string
	tokens   map[string]string
	max      int64
	roots    map[string][]*shelf
	statuses map[string]Status
	hidden   func(who Caller, r Record) bool // withheld from a caller
	fault    error                           // what Page fails with
}

// shelf is one collection and its records in order of arrival.
type shelf struct {
	c       Collection
	records []kept
	seq     int64
}

type kept struct {
	Record
	spec   string
	typ    string
	at     time.Time
	latest bool
}

const (
	testID    = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
	dropID    = "52892447-4d7e-4f70-b94d-d7f22742ff63"
	readID    = "365fed99-08fa-4eb0-a2f3-4a8b2a4c2b5d"
	sealedID  = "5d26743b-4ade-4b7d-8fea-f68119d4f909"
	testUser  = "kz"
	testPass  = "горы"
	testToken = "tok-1"

	mediaSTIXOld = "application/stix+json;version=2.0"
)

func newMemory() *memory {
	m := &memory{
		now: time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC), max: 8 << 20,
		users: map[string]string{testUser: testPass, "ke": "x"}, tokens: map[string]string{testToken: "bearer"},
		statuses: map[string]Status{},
	}
	m.roots = map[string][]*shelf{
		"api1": {
			{c: Collection{ID: testID, Title: "Test", Alias: "test", CanRead: true, CanWrite: true, MediaTypes: []string{MediaSTIX, mediaSTIXOld}}},
			{c: Collection{ID: readID, Title: "Read only", CanRead: true}},
			{c: Collection{ID: dropID, Title: "Drop box", CanWrite: true}},
			{c: Collection{ID: sealedID, Title: "Sealed"}},
		},
		"api 2": {},
	}
	return m
}

func (m *memory) Authenticate(_ context.Context, c Credentials) (Caller, error) {
	switch {
	case c.Anonymous() && m.open:
		return Caller{ID: "anybody", Name: "anybody"}, nil
	case c.User != "" && m.users[c.User] == c.Password && c.Password != "":
		return Caller{ID: c.User, Name: c.User}, nil
	case c.Bearer != "" && m.tokens[c.Bearer] != "":
		return Caller{ID: m.tokens[c.Bearer]}, nil
	case c.Cert != nil:
		return Caller{ID: c.Cert.Subject.CommonName}, nil
	}
	return Caller{}, comity.E(comity.Unauthenticated, "taxii", c.User, comity.Msg("taxii.credentials"), nil)
}

func (m *memory) Discovery(context.Context, Caller) (Discovery, error) {
	return Discovery{Title: "Memory", Contact: "noc@example.org", Default: "api1", Roots: []string{"api1", "api 2"}}, nil
}

func notFound(what string) error {
	return comity.E(comity.NotFound, "taxii", what, comity.Msg("taxii.no_root", comity.A("id", what)), nil)
}

func (m *memory) Root(_ context.Context, _ Caller, root string) (Root, error) {
	if _, ok := m.roots[root]; !ok {
		return Root{}, notFound(root)
	}
	return Root{Title: root, MaxContentLength: m.max}, nil
}

func (m *memory) Collections(_ context.Context, _ Caller, root string) ([]Collection, error) {
	shelves, ok := m.roots[root]
	if !ok {
		return nil, notFound(root)
	}
	var out []Collection
	for _, s := range shelves {
		out = append(out, s.c)
	}
	return out, nil
}

func (m *memory) shelf(root, id string) (*shelf, error) {
	for _, s := range m.roots[root] {
		if string(s.c.ID) == id || s.c.Alias != "" && s.c.Alias == id {
			return s, nil
		}
	}
	return nil, notFound(id)
}

func (m *memory) Collection(_ context.Context, _ Caller, root, id string) (Collection, error) {
	s, err := m.shelf(root, id)
	if err != nil {
		return Collection{}, err
	}
	return s.c, nil
}

func (m *memory) Page(ctx context.Context, who Caller, q Query) (Page, error) {
	if m.fault != nil {
		return Page{}, m.fault
	}
	s, err := m.shelf(q.Root, string(q.Collection))
	if err != nil {
		return Page{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	start := sort.Search(len(s.records), func(i int) bool { return s.records[i].Seq > q.After.Seq })
	var p Page
	size := int64(0)
	pick := m.picker(who, s, q.Filter)
	for i := start; i < len(s.records); i++ {
		k := &s.records[i]
		if !pick(k) {
			continue
		}
		size += int64(len(k.Raw))
		if len(p.Records) == q.Limit || q.Raw && len(p.Records) > 0 && size > q.MaxBytes {
			p.More = true
			break
		}
		r := k.Record
		if !q.Raw {
			r.Raw = nil
		}
		p.Records = append(p.Records, r)
	}
	return p, nil
}

// picker says which records match. The fast way is the plain read of all.
func (m *memory) picker(who Caller, s *shelf, f Filter) func(*kept) bool {
	match := func(k *kept) bool {
		return (f.AddedAfter.IsZero() || k.Added.After(f.AddedAfter)) &&
			(len(f.IDs) == 0 || slices.Contains(f.IDs, k.ID)) && (len(f.Types) == 0 || slices.Contains(f.Types, k.typ))
	}
	if f.Versions.IsZero() && len(f.SpecVersions) == 0 && m.hidden == nil {
		return func(k *kept) bool { return k.latest && match(k) }
	}
	visible := func(k *kept) bool { return m.hidden == nil || !m.hidden(who, k.Record) }
	// Newest spec version, or those asked for; then the versions among them.
	newest := map[comity.ObjectID]string{}
	for i := range s.records {
		if k := &s.records[i]; visible(k) {
			newest[k.ID] = max(newest[k.ID], k.spec)
		}
	}
	spec := func(k *kept) bool {
		if len(f.SpecVersions) > 0 {
			return slices.Contains(f.SpecVersions, k.spec)
		}
		return k.spec == newest[k.ID]
	}
	first, last := map[comity.ObjectID]time.Time{}, map[comity.ObjectID]time.Time{}
	for i := range s.records {
		k := &s.records[i]
		if !visible(k) || !spec(k) {
			continue
		}
		if t, ok := first[k.ID]; !ok || k.at.Before(t) {
			first[k.ID] = k.at
		}
		if t, ok := last[k.ID]; !ok || k.at.After(t) {
			last[k.ID] = k.at
		}
	}
	v := f.Versions
	return func(k *kept) bool {
		return visible(k) && spec(k) && match(k) && (v.All || v.First && k.at.Equal(first[k.ID]) ||
			(v.Last || v.IsZero()) && k.at.Equal(last[k.ID]) || slices.ContainsFunc(v.At, k.at.Equal))
	}
}

func (m *memory) Post(_ context.Context, _ Caller, root string, c comity.CollectionID, body io.Reader) (Status, error) {
	s, err := m.shelf(root, string(c))
	if err != nil {
		return Status{}, err
	}
	var raws [][]byte
	rd := stix.NewReader(body, stix.Limits{})
	for {
		it, err := rd.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Status{}, comity.E(comity.Usage, "taxii", "", comity.Msg("taxii.envelope"), err)
		}
		raws = append(raws, it.Raw)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	st := Status{ID: fmt.Sprintf("2d086da7-4bdc-4f91-900e-%012d", len(m.statuses)), Complete: true, Requested: m.now}
	for _, raw := range raws {
		d, err := m.put(s, raw)
		if err != nil {
			d.Message = err.Error()
			st.Failures = append(st.Failures, d)
			continue
		}
		st.Successes = append(st.Successes, d)
	}
	m.statuses[root+st.ID] = st
	return st, nil
}

func (m *memory) put(s *shelf, raw []byte) (StatusDetail, error) {
	var o struct{ ID, Type, Created, Modified, Spec_version string }
	if err := json.Unmarshal(raw, &o); err != nil || o.ID == "" || o.Type == "" {
		return StatusDetail{ID: cmp.Or(o.ID, "?"), Version: FormatTime(m.now)}, fmt.Errorf("no object: %v", err)
	}
	m.now = m.now.Add(time.Microsecond)
	k := kept{typ: o.Type, at: m.now, spec: cmp.Or(o.Spec_version, "2.1"), Record: Record{
		ID: comity.ObjectID(o.ID), Added: m.now, Raw: raw, Version: cmp.Or(o.Modified, o.Created, FormatTime(m.now)),
	}}
	if o.Spec_version == "" && o.Created != "" {
		k.spec = "2.0"
		k.MediaType = mediaSTIXOld
	}
	if t, ok := stix.ParseTime(k.Version); ok {
		k.at = t
	} else {
		return StatusDetail{ID: o.ID, Version: k.Version}, fmt.Errorf("version %q is no time", k.Version)
	}
	latest := -1
	for i := range s.records {
		if old := &s.records[i]; old.ID == k.ID {
			if old.at.Equal(k.at) || o.Modified == "" && o.Created == "" {
				return StatusDetail{ID: o.ID, Version: old.Version}, nil
			}
			if old.latest {
				latest = i
			}
		}
	}
	if latest < 0 || s.records[latest].spec < k.spec || s.records[latest].spec == k.spec && s.records[latest].at.Before(k.at) {
		k.latest = true
		if latest >= 0 {
			s.records[latest].latest = false
		}
	}
	s.seq += 3
	k.Seq = s.seq
	s.records = append(s.records, k)
	return StatusDetail{ID: o.ID, Version: k.Version}, nil
}

func (m *memory) Status(_ context.Context, _ Caller, root, id string) (Status, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	st, ok := m.statuses[root+id]
	if !ok {
		return Status{}, notFound(id)
	}
	return st, nil
}

func (m *memory) Delete(_ context.Context, who Caller, root string, c comity.CollectionID, id comity.ObjectID, f Filter) error {
	s, err := m.shelf(root, string(c))
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f.IDs = []comity.ObjectID{id}
	if f.Versions.IsZero() {
		f.Versions.All = true
	}
	if len(f.SpecVersions) == 0 {
		f.SpecVersions = []string{"2.0", "2.1"}
	}
	pick := m.picker(who, s, f)
	var keep []kept
	for i := range s.records {
		if !pick(&s.records[i]) {
			keep = append(keep, s.records[i])
		}
	}
	if len(keep) == len(s.records) {
		return notFound(string(id))
	}
	s.records = keep
	for i, newest := 0, -1; i < len(keep); i++ {
		if keep[i].ID == id && (newest < 0 || keep[newest].at.Before(keep[i].at)) {
			if newest >= 0 {
				keep[newest].latest = false
			}
			keep[i].latest, newest = true, i
		}
	}
	return nil
}

// fill puts n indicators into a collection without looking for duplicates.
func (m *memory) fill(id string, n int, raw func(i int) []byte) {
	s, _ := m.shelf("api1", id)
	for i := range n {
		m.now = m.now.Add(time.Microsecond)
		s.seq += 3
		r := raw(i)
		var o struct{ ID, Type, Modified string }
		json.Unmarshal(r, &o)
		at, _ := stix.ParseTime(o.Modified)
		s.records = append(s.records, kept{typ: o.Type, spec: "2.1", at: at, latest: true, Record: Record{
			ID: comity.ObjectID(o.ID), Added: m.now, Seq: s.seq, Version: cmp.Or(o.Modified, FormatTime(m.now)), Raw: r,
		}})
	}
}

func indicator(i int) []byte {
	return fmt.Appendf(nil, `{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.%06dZ","pattern":"[ipv4-addr:value = '198.51.100.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`, i, i%1000000, i%256)
}
