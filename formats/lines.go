package formats

import (
	"bufio"
	"errors"
	"io"
)

// Line is one line of a text.
type Line struct {
	N       int64  // from 1
	Text    []byte // without its end; valid until the next call
	Long    bool   // longer than the bound; Text is only the beginning
	Partial bool   // the input broke off inside it
}

// Lines splits a stream into lines of bounded length. Lines end with LF or
// CRLF.
type Lines struct {
	r   *bufio.Reader
	max int
	n   int64
	buf []byte
	err error
}

// NewLines returns a splitter; max is the longest line in bytes, 0 for 1 MiB.
func NewLines(r io.Reader, max int) *Lines {
	if max <= 0 {
		max = 1 << 20
	}
	return &Lines{r: bufio.NewReaderSize(r, 128<<10), max: max}
}

// Next returns the next line; io.EOF after the last. An error of the input is
// returned after what came before it.
//
// INVARIANT: a line that the input broke off in is marked Partial, so that
// nobody takes "evil.co" for "evil.com" (TestLinesPartial).
func (l *Lines) Next() (Line, error) {
	if l.err != nil {
		return Line{}, l.err
	}
	l.n++
	out := Line{N: l.n}
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		room := l.max + 2 - len(l.buf) // the two bytes are for CRLF
		if len(part) > room {
			part, out.Long = part[:room], true
		}
		if len(l.buf) == 0 && err == nil {
			return l.finish(out, part), nil
		}
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			return l.finish(out, l.buf), nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		}
		l.err = err
		out.Partial = err != io.EOF
		if len(l.buf) == 0 {
			return Line{}, err
		}
		return l.finish(out, l.buf), nil
	}
}

func (l *Lines) finish(out Line, b []byte) Line {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	if len(b) > l.max {
		b, out.Long = b[:l.max], true
	}
	out.Text = b
	return out
}
