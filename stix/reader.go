package stix

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/comity-net/comity"
)

// Limits bounds what a Reader takes. The zero value means the defaults.
type Limits struct {
	MaxObject int // bytes of one object; 0 for 16 MiB
}

// Item is one object of a stream, not yet parsed.
type Item struct {
	Raw    []byte // the object's bytes, owned by the caller
	Path   string // "objects[17]" inside a bundle or envelope, "[17]" in an array, else ""
	Line   int64  // line on which it begins, from 1
	Offset int64  // byte offset at which it begins

	// Report is Refused when the reader itself could not take the object (too
	// large, not an object); Raw then holds at most its first kilobyte.
	Report Report
}

// Where says where the object stood: "objects[17]", or "line 204" for one that
// stands by itself.
func (it Item) Where() string {
	if it.Path != "" {
		return it.Path
	}
	return "line " + strconv.FormatInt(it.Line, 10)
}

// Reader takes objects from a stream one by one, at constant memory: bundles,
// TAXII envelopes, arrays of objects, single objects, JSON lines, and any of
// these one after the other.
//
// A broken object is passed on as it stands, for Parse to refuse; the reader
// finds its end by brackets and line ends, so the others are not lost.
type Reader struct {
	src   source
	limit int
	err   error // what ended the stream; returned ever after

	list    listKind
	index   int    // of the next element in the list
	members header // of the bundle or envelope that holds the list

	yielded bool // something was returned, so what follows may be JSON lines
	broken  bool // the previous line was no object either
	rep     Report
}

// listKind says in what list of objects the reader stands.
type listKind uint8

const (
	noList     listKind = iota
	bareList            // a JSON array
	memberList          // "objects" of a bundle or envelope
)

// header is what a bundle or envelope says beside its objects.
type header struct {
	typ, id        string
	hasType, hasID bool
	envelope       bool // it has "more" or "next"
	empty          bool // its list holds nothing
	count          int  // members seen
}

// NewReader returns a Reader of r. It reads ahead by up to 64 KiB.
func NewReader(r io.Reader, lim Limits) *Reader {
	if lim.MaxObject <= 0 {
		lim.MaxObject = defaultObject
	}
	return &Reader{src: source{r: r, line: 1}, limit: lim.MaxObject}
}

// Report returns what there was to say of the bundles themselves so far: a
// wrong id or type, stray commas. It never refuses anything.
func (r *Reader) Report() Report { return r.rep }

// Next returns the next object; io.EOF after the last. Any other error ends
// the stream: it is of kind Invalid, names the byte offset, and everything
// complete before it was returned.
func (r *Reader) Next() (Item, error) {
	for r.err == nil {
		it, ok, err := r.step()
		if err != nil {
			r.err = r.explain(err)
			break
		}
		if ok {
			r.yielded = true
			return it, nil
		}
	}
	return Item{}, r.err
}

// step goes on by one piece of the stream; ok is true when that is an item.
func (r *Reader) step() (it Item, ok bool, err error) {
	if r.list != noList {
		return r.element()
	}
	if r.src.off == 0 {
		if err := r.start(); err != nil {
			return Item{}, false, err
		}
	}
	c, err := r.src.space()
	if err != nil {
		return Item{}, false, err
	}
	switch {
	case c == '{':
		r.broken = false
		return r.top()
	case c == '[':
		r.broken = false
		r.src.skip(1)
		r.list, r.index, r.members = bareList, 0, header{}
		return Item{}, false, nil
	case c == 0x1e: // the separator of JSON text sequences, RFC 7464
		r.src.skip(1)
		return Item{}, false, nil
	case !r.yielded:
		return Item{}, false, errNotJSON
	}
	return r.stray()
}

// Reasons for the end of a stream, before they are explained.
var (
	errNotJSON    = errors.New("not JSON")
	errUTF16      = errors.New("UTF-16")
	errTruncated  = errors.New("truncated")
	errListBroken = errors.New("list broken")
	errBroken     = errors.New("broken around the objects")
)

// start looks at the first bytes: a UTF-8 mark is skipped, UTF-16 refused.
func (r *Reader) start() error {
	b, err := r.src.peek(4)
	if len(b) == 0 {
		return err
	}
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		r.src.skip(3)
	case len(b) >= 2 && (b[0] == 0xfe && b[1] == 0xff || b[0] == 0xff && b[1] == 0xfe || b[0] == 0 || b[1] == 0):
		return errUTF16
	}
	return nil
}

// explain turns a reason into the error that the caller gets.
func (r *Reader) explain(err error) error {
	offset := comity.A("offset", r.src.off)
	key := ""
	switch {
	case errors.Is(err, io.EOF) && r.list == noList:
		return io.EOF
	case errors.Is(err, errTruncated), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		key = "stix.reader.truncated"
	case errors.Is(err, errNotJSON):
		key = "stix.reader.not_json"
	case errors.Is(err, errUTF16):
		key = "stix.reader.utf16"
	case errors.Is(err, errListBroken):
		key = "stix.reader.array_end"
	case errors.Is(err, errBroken):
		key = "stix.reader.member"
	default:
		return comity.E(comity.ErrorKind(err), "read", offset.Value, comity.Msg("stix.reader.read", offset), err)
	}
	return comity.E(comity.Invalid, "read", "byte "+offset.Value, comity.Msg(key, offset), nil)
}

// stray passes on what stands between objects of JSON lines and is none, up to
// the end of the line. Several such lines in a row count as one.
func (r *Reader) stray() (Item, bool, error) {
	it := Item{Line: r.src.line, Offset: r.src.off}
	raw, err := r.src.restOfLine(1 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return it, false, err
	}
	if r.broken {
		return it, false, nil
	}
	r.broken = true
	it.Raw = raw
	it.Report = refusal(ruleSyntax, comity.A("offset", it.Offset))
	return it, true, nil
}

// refusal is the report on an item that the reader could not take.
func refusal(r *rule, args ...comity.Arg) Report {
	c := check{}
	c.say(r, "", "", args...)
	return c.rep
}

// remark records a finding on the bundle itself, once for each message.
func (r *Reader) remark(rl *rule, key, path string, args ...comity.Arg) {
	for _, f := range r.rep.Findings {
		if f.Msg.Key == key {
			return
		}
	}
	args = append([]comity.Arg{comity.A("path", path)}, args...)
	r.rep.Outcome = comity.Warned
	r.rep.Findings = append(r.rep.Findings, comity.Finding{Rule: rl.name, Path: path, Section: "8", Msg: comity.Msg(key, args...)})
}

// element returns the next element of the list.
func (r *Reader) element() (Item, bool, error) {
	comma := false
	c, err := r.src.space()
	for err == nil && c == ',' {
		if comma || r.index == 0 {
			r.remark(ruleSyntax, "stix.reader.comma", "objects")
		}
		comma = true
		r.src.skip(1)
		c, err = r.src.space()
	}
	if err != nil {
		return Item{}, false, err
	}
	if c == ']' {
		if comma {
			r.remark(ruleSyntax, "stix.reader.comma", "objects")
		}
		r.src.skip(1)
		return r.endList()
	}
	if c == '}' || c == ':' {
		return Item{}, false, errListBroken
	}
	if !comma && r.index > 0 {
		r.remark(ruleSyntax, "stix.reader.comma", "objects")
	}
	it := Item{Line: r.src.line, Offset: r.src.off, Path: "objects[" + strconv.Itoa(r.index) + "]"}
	if r.list == bareList {
		it.Path = it.Path[len("objects"):]
	}
	raw, over, err := r.src.value(nil, r.limit)
	if err != nil {
		return it, false, err
	}
	if len(raw) == 0 && over == 0 {
		return it, false, errListBroken
	}
	r.index++
	return r.finish(it, raw, over), true, nil
}

// finish fills the item; over is how many bytes went beyond the limit.
func (r *Reader) finish(it Item, raw []byte, over int64) Item {
	switch {
	case over > 0:
		it.Report = refusal(ruleSize, comity.A("n", int64(len(raw))+over), comity.A("limit", r.limit))
		it.Raw = bytes.Clone(raw[:min(len(raw), 1<<10)])
	case raw[0] != '{':
		it.Report = refusal(ruleObject)
		it.Raw = bytes.Clone(raw[:min(len(raw), 1<<10)])
	default:
		it.Raw = raw
	}
	return it
}

// endList leaves the list; a bundle's other members follow.
func (r *Reader) endList() (Item, bool, error) {
	if r.list == bareList {
		r.list = noList
		return Item{}, false, nil
	}
	r.members.empty = r.index == 0
	if _, err := r.scanMembers(nil); err != nil {
		return Item{}, false, err
	}
	return Item{}, false, nil
}

// closeBundle judges type and id when all members were seen.
func (r *Reader) closeBundle() {
	m := r.members
	if m.hasType && m.typ != "bundle" {
		r.remark(ruleNotObject, "stix.reader.bundle_type", "type", comity.A("type", clip(m.typ, 60)))
	}
	if m.typ == "bundle" && (idForm(m.id) == idBad || !strings.HasPrefix(m.id, "bundle--")) {
		r.remark(ruleID, "stix.reader.bundle_id", "id", comity.A("id", clip(m.id, 100)))
	}
	if m.typ == "bundle" && m.empty {
		r.remark(ruleList, "stix.list", "objects")
	}
}
