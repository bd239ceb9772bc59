package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/comity-net/comity/formats"
)

const (
	textWindow = 256 << 10 // bytes of text searched at a time
	textSeen   = 500_000   // different values remembered, so that each comes once
)

// textSource searches indicators in any text. Values repeat in texts; each is
// taken once as long as no more than textSeen are known.
type textSource struct {
	*maker
	r      io.Reader
	buf    []byte // read, not yet searched
	offset int64  // of buf in the text
	seen   map[comity.Value]struct{}
	ready  []unit
	err    error
}

func newTextSource(m *maker, r io.Reader) *textSource {
	return &textSource{maker: m, r: r, seen: map[comity.Value]struct{}{}}
}

func (s *textSource) next() (unit, error) {
	for len(s.ready) == 0 {
		if s.err != nil {
			return unit{}, s.err
		}
		s.search()
	}
	u := s.ready[0]
	s.ready = s.ready[1:]
	return u, nil
}

// search fills the window, searches it up to a place where no indicator can be
// cut in two, and keeps the rest.
func (s *textSource) search() {
	for len(s.buf) < textWindow && s.err == nil {
		if cap(s.buf) < textWindow {
			s.buf = append(make([]byte, 0, textWindow), s.buf...)
		}
		n, err := s.r.Read(s.buf[len(s.buf):textWindow])
		s.buf, s.err = s.buf[:len(s.buf)+n], err
	}
	end := len(s.buf)
	if s.err == nil || !errors.Is(s.err, io.EOF) || errors.Is(s.err, io.ErrUnexpectedEOF) {
		end = safeCut(s.buf) // also where the input broke off: half a name is another name
	}
	text := string(s.buf[:end])
	if !utf8.ValidString(text) {
		text = string(bytes.ToValidUTF8(s.buf[:end], []byte("?"))) // offsets are then approximate
	}
	for _, f := range extract.Find(text, extract.Limits{}) {
		if _, dup := s.seen[f.Value]; dup {
			continue
		}
		if len(s.seen) < textSeen {
			s.seen[f.Value] = struct{}{}
		}
		s.ready = append(s.ready, unit{raw: []byte(f.Raw), value: f.Value, where: fmt.Sprintf("byte %d", s.offset+int64(f.Start))})
	}
	s.offset += int64(end)
	s.buf = append(s.buf[:0], s.buf[end:]...)
}

// safeCut returns the place behind the last line end in b, else behind the last
// blank, else its end.
func safeCut(b []byte) int {
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	if i := bytes.LastIndexAny(b, " \t"); i >= 0 {
		return i + 1
	}
	return len(b)
}

func (s *textSource) judge(ctx context.Context, us []unit, out *results) error {
	all := make([]made, 0, len(us))
	for i := range us {
		all = append(all, made{u: &us[i], e: formats.Entry{Indicator: formats.Indicator{Value: us[i].value, Confidence: -1}}})
	}
	return s.finish(ctx, all, out)
}
