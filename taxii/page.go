package taxii

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/comity-net/comity"
)

// page answers the four endpoints that give pages.
func (s *server) page(ctx context.Context, x *exchange, c Collection) error {
	at := x.route.endpoint
	one := x.route.object != ""
	a, err := parseQuery(x.r.URL.RawQuery, fields{page: true, id: !one, typ: !one, version: at != atVersions}, s.o.StrictMatch)
	if err != nil {
		return err
	}
	if one {
		a.filter.IDs = []comity.ObjectID{x.route.object}
	}
	if at == atVersions {
		a.filter.Versions = VersionFilter{All: true}
	}
	x.picked = a.filter.picks()
	q := Query{Root: x.route.root, Collection: c.ID, Filter: a.filter, Limit: s.o.DefaultPage, MaxBytes: s.o.PageBytes, Raw: at == atObjects || at == atObject}
	if a.limit > 0 {
		q.Limit = min(a.limit, s.o.MaxPage)
	}
	bound := bind(c.ID, x.who.audience(), a.filter)
	if a.next != "" {
		if q.After, err = s.seal.open(bound, a.next); err != nil {
			return err
		}
	}
	// Records without objects are small: the default page fits many times over.
	mem, err := s.quota.borrow(ctx, x.use, s.o.PageBytes)
	if err != nil {
		return err
	}
	defer mem.keep(0)
	p, err := s.b.Page(ctx, x.who, q)
	if err != nil {
		return err
	}
	if len(p.Records) > q.Limit {
		p.Records, p.More = p.Records[:q.Limit], true
	}
	mem.keep(p.size())
	if one && len(p.Records) == 0 && p.Reached.IsZero() {
		if err := s.exists(ctx, x, q, a.narrowed); err != nil {
			return err
		}
	}
	return s.sendPage(x, p, bound)
}

// exists answers 404 for an object that is not in the collection at all; one
// that is, but not in what the filter leaves, gives an empty page (section 5.6).
func (s *server) exists(ctx context.Context, x *exchange, q Query, narrowed bool) error {
	missing := refuse(http.StatusNotFound, comity.Msg("taxii.no_object", comity.A("id", clip(string(x.route.object)))))
	if !narrowed {
		return missing
	}
	q.Filter = Filter{IDs: q.Filter.IDs, Versions: VersionFilter{All: true}}
	q.After, q.Limit, q.Raw = Position{}, 1, false
	p, err := s.b.Page(ctx, x.who, q)
	if err == nil && len(p.Records) == 0 {
		return missing
	}
	return err
}

// size is about what the page occupies.
func (p Page) size() int64 {
	n := int64(0)
	for i := range p.Records {
		n += int64(len(p.Records[i].Raw)) + 256
	}
	return n
}

func (s *server) sendPage(x *exchange, p Page, bound []byte) error {
	h := x.w.Header()
	h.Set("Cache-Control", "private, no-cache")
	next := ""
	state := make([]byte, 0, 8*len(p.Records)+10)
	for i := range p.Records {
		state = binary.BigEndian.AppendUint64(state, uint64(p.Records[i].Seq))
	}
	if n := len(p.Records); n > 0 {
		last := p.Records[n-1]
		x.records, x.last, x.more = n, Position{last.Seq, last.Added}, p.More
		h.Set("X-TAXII-Date-Added-First", FormatTime(p.Records[0].Added))
		h.Set("X-TAXII-Date-Added-Last", FormatTime(last.Added))
		if p.More {
			next = s.seal.seal(bound, x.last)
		}
	}
	if p.More && !p.Reached.IsZero() {
		x.more, x.last = true, p.Reached
		next = s.seal.seal(bound, p.Reached)
	}
	state = binary.BigEndian.AppendUint64(state, uint64(p.Reached.Seq))
	state = append(state, byte(x.route.endpoint), byte(len(next)))
	tag := s.seal.etag(bound, state)
	h.Set("ETag", tag)
	if unchanged(x.r, tag) {
		s.notModified(x)
		return nil
	}
	return s.stream(x, pageBody{at: x.route.endpoint, next: next, records: p.Records})
}

// pageBody writes an envelope, manifest or versions resource. Objects are
// written as they came; nothing is marshalled again.
type pageBody struct {
	at      endpoint
	next    string
	records []Record
}

// head is what stands before the records. A page without any is an empty object
// (sections 3.7, 5.3.1 and 5.8.1). next stands in manifest and versions as well,
// a custom property there: clients that are told of more and get no next never
// end (cti-taxii2#110).
func (p pageBody) head(b []byte) []byte {
	if len(p.records) == 0 && p.next == "" {
		return append(b, '{')
	}
	b = append(b, `{"more":`...)
	b = strconv.AppendBool(b, p.next != "")
	if p.next != "" {
		b = append(b, `,"next":"`...) // base64url
		b = append(b, p.next...)
		b = append(b, '"')
	}
	if len(p.records) == 0 {
		return b
	}
	if p.at == atVersions {
		return append(b, `,"versions":[`...)
	}
	return append(b, `,"objects":[`...)
}

func (p pageBody) tail() string {
	if len(p.records) == 0 {
		return "}"
	}
	return "]}"
}

// record appends what stands for one record, but for the raw object.
func (p pageBody) record(b []byte, r *Record) []byte {
	switch p.at {
	case atVersions:
		return appendString(b, r.Version)
	case atManifest:
		b = append(b, `{"id":`...)
		b = appendString(b, string(r.ID))
		b = append(b, `,"date_added":"`...)
		b = r.Added.UTC().AppendFormat(b, timeLayout)
		b = append(b, `","version":`...)
		b = appendString(b, r.Version)
		b = append(b, `,"media_type":`...)
		if r.MediaType == "" {
			b = append(b, `"`+MediaSTIX+`"`...)
		} else {
			b = appendString(b, r.MediaType)
		}
		return append(b, '}')
	}
	return b
}

// length gives the bytes of the body, or -1 when that is not known beforehand.
func (p pageBody) length() int64 {
	if p.at != atObjects && p.at != atObject && len(p.records) > 0 {
		return -1
	}
	n := int64(len(p.head(nil)) + len(p.tail()) + max(0, len(p.records)-1))
	for i := range p.records {
		n += int64(len(p.records[i].Raw))
	}
	return n
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			q, _ := json.Marshal(s)
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
