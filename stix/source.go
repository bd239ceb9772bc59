package stix

import (
	"bytes"
	"io"
)

// source is a buffered stream that knows its place and finds the ends of JSON
// values by brackets and quotes, without judging them.
type source struct {
	r    io.Reader
	buf  []byte
	pos  int   // of the next byte in buf
	off  int64 // of the next byte in the stream
	line int64 // of the next byte, from 1
	err  error
}

const sourceBuffer = 64 << 10

// fill reads more when the buffer is used up; it returns what is there.
func (s *source) fill() ([]byte, error) {
	for s.pos == len(s.buf) {
		if s.err != nil {
			return nil, s.err
		}
		if s.buf == nil {
			s.buf = make([]byte, sourceBuffer)
		}
		s.read(0)
	}
	return s.buf[s.pos:], nil
}

// read puts what comes next at the place keep of the buffer. A reader that
// gives nothing a hundred times in a row is broken.
func (s *source) read(keep int) {
	s.buf = s.buf[:sourceBuffer]
	n := 0
	for tries := 0; n == 0 && s.err == nil; tries++ {
		n, s.err = s.r.Read(s.buf[keep:])
		if n == 0 && s.err == nil && tries == 100 {
			s.err = io.ErrNoProgress
		}
	}
	s.buf, s.pos = s.buf[:keep+max(n, 0)], 0
}

// peek returns up to n bytes without taking them (n far below the buffer).
func (s *source) peek(n int) ([]byte, error) {
	if _, err := s.fill(); err != nil {
		return nil, err
	}
	for len(s.buf)-s.pos < n && s.err == nil {
		keep := copy(s.buf[:sourceBuffer], s.buf[s.pos:])
		s.read(keep)
	}
	return s.buf[s.pos:min(len(s.buf), s.pos+n)], nil
}

// skip takes n bytes that are in the buffer and hold no line end.
func (s *source) skip(n int) {
	s.pos += n
	s.off += int64(n)
}

// take takes n bytes that are in the buffer and returns them until the next
// call.
func (s *source) take(n int) []byte {
	b := s.buf[s.pos : s.pos+n]
	s.line += int64(bytes.Count(b, []byte{'\n'}))
	s.skip(n)
	return b
}

// space skips white space and returns the byte after it, not taken.
func (s *source) space() (byte, error) { return s.spaceInto(nil) }

// spaceInto does the same and passes the white space to into.
func (s *source) spaceInto(into *capture) (byte, error) {
	for {
		b, err := s.fill()
		if err != nil {
			return 0, err
		}
		i := 0
		for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
			i++
		}
		into.add(s.take(i))
		if i < len(b) {
			return b[i], nil
		}
	}
}

// restOfLine takes everything up to and with the next line end and returns the
// first keep bytes of it.
func (s *source) restOfLine(keep int) ([]byte, error) {
	c := capture{limit: keep}
	for {
		b, err := s.fill()
		if err != nil {
			return c.buf, err
		}
		i := bytes.IndexByte(b, '\n')
		if i >= 0 {
			c.add(s.take(i + 1))
			return c.buf, nil
		}
		c.add(s.take(len(b)))
	}
}

// capture collects bytes up to a limit and counts the rest. A nil capture
// takes nothing.
type capture struct {
	buf   []byte
	limit int
	over  int64
}

func (c *capture) add(b []byte) {
	if c == nil {
		return
	}
	n := min(len(b), c.limit-len(c.buf))
	c.buf = append(c.buf, b[:n]...)
	c.over += int64(len(b) - n)
}

// value takes one JSON value, keeping up to limit bytes of it; over is how
// many more there were. Everything goes to also as well. An empty value means
// that none begins here. It ends where its brackets close; a bracket that
// closes the wrong one closes those inside it too, and a line end closes a
// string, so that one broken object does not swallow the next.
func (s *source) value(also *capture, limit int) (raw []byte, over int64, err error) {
	c := capture{limit: limit}
	f := framer{}
	for {
		b, err := s.fill()
		if err == io.EOF && f.scalar {
			return c.buf, c.over, nil
		}
		if err != nil {
			return nil, 0, err
		}
		n, done := f.scan(b)
		if c.buf == nil && done {
			c.buf = make([]byte, 0, min(n, limit)) // it lies whole in the buffer: no growing
		}
		part := s.take(n)
		c.add(part)
		also.add(part)
		if done {
			return c.buf, c.over, nil
		}
	}
}

// framer finds the end of one JSON value.
type framer struct {
	open     []byte // the brackets that are open; beyond maxOpen only counted
	deeper   int
	inString bool
	escape   bool
	scalar   bool // a number or a word
	begun    bool
}

// maxOpen bounds the memory for brackets. What is nested deeper is refused by
// Parse anyway.
const maxOpen = 1 << 12

// scan looks at b and returns how many bytes belong to the value and whether
// it ends there.
func (f *framer) scan(b []byte) (n int, done bool) {
	for i := 0; i < len(b); i++ {
		ch := b[i]
		if f.inString {
			switch {
			case f.escape:
				f.escape = false
			case ch == '\\':
				f.escape = true
			case ch == '"' || ch == '\n':
				f.inString = false
				if len(f.open) == 0 {
					return i + 1, true
				}
			}
			continue
		}
		switch ch {
		case '"':
			if f.scalar {
				return i, true
			}
			f.inString, f.begun = true, true
		case '{', '[':
			if f.scalar {
				return i, true
			}
			f.begun = true
			f.push(ch)
		case '}', ']':
			if !f.begun || f.scalar || !f.pop(ch) {
				return i, true
			}
			if len(f.open) == 0 {
				return i + 1, true
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if len(f.open) == 0 {
				return i, true
			}
		default:
			if len(f.open) == 0 {
				f.scalar, f.begun = true, true
			}
		}
	}
	return len(b), false
}

func (f *framer) push(ch byte) {
	if len(f.open) < maxOpen {
		f.open = append(f.open, ch+2) // '{'+2 is '}', '['+2 is ']'
	} else {
		f.deeper++
	}
}

// pop closes the nearest bracket of the kind and all inside it; false when
// none is open, so that it closes what holds the value.
func (f *framer) pop(ch byte) bool {
	if f.deeper > 0 {
		f.deeper--
		return true
	}
	i := bytes.LastIndexByte(f.open, ch)
	if i < 0 {
		return false
	}
	f.open = f.open[:i]
	return true
}
