package stix

import (
	"errors"
	"io"

	"github.com/comity-net/comity"
)

// top reads an object that stands by itself, until its end or until it turns
// out to be a bundle or an envelope, whose list is then entered.
func (r *Reader) top() (Item, bool, error) {
	it := Item{Line: r.src.line, Offset: r.src.off}
	r.members = header{}
	r.index = 0
	head := &capture{limit: r.limit}
	head.add(r.src.take(1))
	single, err := r.scanMembers(head)
	switch {
	case errors.Is(err, errBroken):
		// Not the form of an object: pass the line on, go on with the next.
		rest, lineErr := r.src.restOfLine(1 << 10)
		if lineErr != nil && !errors.Is(lineErr, io.EOF) {
			return it, false, lineErr
		}
		head.add(rest)
		r.broken = true
		it.Raw = head.buf[:min(len(head.buf), 1<<10)]
		it.Report = refusal(ruleSyntax, comity.A("offset", r.src.off))
		return it, true, nil
	case err != nil:
		return it, false, err
	case !single:
		return it, false, nil
	}
	return r.finish(it, head.buf, head.over), true, nil
}

// scanMembers reads members up to the closing bracket or to the list of
// objects, which it enters. With head it keeps the bytes and single says that
// they are an object of their own; without, they are the rest of a bundle.
func (r *Reader) scanMembers(head *capture) (single bool, err error) {
	m := &r.members
	for first := head != nil; ; first = false {
		c, err := r.src.spaceInto(head)
		if err != nil {
			return false, cut(err)
		}
		if c == '}' {
			head.add(r.src.take(1))
			return r.closeTop(head != nil), nil
		}
		if !first {
			if c != ',' {
				return false, errBroken
			}
			head.add(r.src.take(1))
			if c, err = r.src.spaceInto(head); err != nil {
				return false, cut(err)
			}
		}
		if c != '"' {
			return false, errBroken
		}
		name, err := r.part(head)
		if err != nil {
			return false, err
		}
		if c, err = r.src.spaceInto(head); err != nil {
			return false, cut(err)
		}
		if c != ':' {
			return false, errBroken
		}
		head.add(r.src.take(1))
		if c, err = r.src.spaceInto(head); err != nil {
			return false, cut(err)
		}
		m.count++
		if c == '[' && string(name) == `"objects"` && (!m.hasType || m.typ == "bundle") {
			r.src.skip(1)
			r.list = memberList
			return false, nil
		}
		value, err := r.part(head)
		if err != nil {
			return false, err
		}
		m.note(string(clipBytes(name)), value)
	}
}

// closeTop ends an object that stands by itself: it is one of its own unless
// it was a bundle or an envelope.
func (r *Reader) closeTop(whole bool) (single bool) {
	m := &r.members
	r.list = noList
	if whole && m.typ != "bundle" && !(m.envelope && !m.hasType) && m.count > 0 {
		return true
	}
	r.closeBundle()
	return false
}

// part reads one name or value. It keeps the first kilobyte for a look and
// passes all to head.
func (r *Reader) part(head *capture) ([]byte, error) {
	raw, over, err := r.src.value(head, 1<<10)
	if err != nil {
		return nil, cut(err)
	}
	if len(raw) == 0 && over == 0 {
		return nil, errBroken
	}
	return raw, nil
}

// note remembers what a member says of the bundle.
func (m *header) note(name string, value []byte) {
	text := ""
	if len(value) >= 2 && value[0] == '"' {
		text = unquote(string(value))
	}
	switch name {
	case `"type"`:
		m.typ, m.hasType = text, true
	case `"id"`:
		m.id, m.hasID = text, true
	case `"more"`, `"next"`:
		m.envelope = true
	}
}

func clipBytes(b []byte) []byte { return b[:min(len(b), 64)] }

// cut says that the stream ended in the middle.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return errTruncated
	}
	return err
}
