package taxii

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
)

func (s *server) post(ctx context.Context, x *exchange, c Collection) error {
	if err := mayWrite(c, x); err != nil {
		return err
	}
	if !takesBody(x.r.Header.Get("Content-Type")) {
		return refuse(http.StatusUnsupportedMediaType, comity.Msg("taxii.content_type", comity.A("media", MediaTAXII)))
	}
	root, err := s.b.Root(ctx, x.who, x.route.root)
	if err != nil {
		return err
	}
	if x.r.ContentLength > root.MaxContentLength {
		return tooLong(root.MaxContentLength)
	}
	b := &body{limit: root.MaxContentLength}
	in, stop, err := b.open(s, x)
	if err != nil {
		return err
	}
	defer stop()
	st, err := s.b.Post(ctx, x.who, x.route.root, c.ID, in)
	if b.err != nil {
		return b.err // what the backend made of the stump does not matter
	}
	if err != nil {
		return err
	}
	x.records = max(len(st.Successes), st.SuccessCount)
	x.w.Header().Set("Location", Prefix+url.PathEscape(x.route.root)+"/status/"+st.ID+"/")
	return s.sendJSON(x, http.StatusAccepted, statusBody(st))
}

func tooLong(limit int64) *problem {
	return refuse(http.StatusRequestEntityTooLarge, comity.Msg("taxii.too_long", comity.A("limit", limit)))
}

// body reads a posted body. The first failure is kept: it, and not what a
// parser makes of the stump, is the answer.
type body struct {
	limit int64 // bytes, packed and unpacked
	err   *problem
}

func (b *body) fail(p *problem) error {
	if b.err == nil {
		b.err = p
	}
	return p
}

// open gives the unpacked body; it begins with a brace.
func (b *body) open(s *server, x *exchange) (io.Reader, func(), error) {
	w := &wire{b: b, r: x.r.Body, rc: http.NewResponseController(x.w), stall: s.o.Stall, until: time.Now().Add(s.o.Patience)}
	in, closer, err := b.unpack(&capped{b, w, b.limit}, x.r.Header.Get("Content-Encoding"))
	stop := func() {
		closer()
		w.rc.SetReadDeadline(time.Time{})
	}
	if err == nil {
		buf := bufio.NewReaderSize(in, 32<<10)
		var first byte
		if first, err = firstByte(buf); err == nil && first == '{' {
			return buf, stop, nil
		}
		err = refuse(http.StatusBadRequest, comity.Msg("taxii.envelope"))
	}
	stop()
	if b.err != nil {
		err = b.err
	}
	return nil, nil, err
}

func (b *body) unpack(in io.Reader, encoding string) (io.Reader, func(), error) {
	none := func() {}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return in, none, nil
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, none, b.fail(refuse(http.StatusBadRequest, comity.Msg("taxii.unpack")))
		}
		return &capped{b, z, b.limit}, none, nil
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, none, b.fail(refuse(http.StatusBadRequest, comity.Msg("taxii.unpack")))
		}
		return &capped{b, z, b.limit}, z.Close, nil
	}
	return nil, none, b.fail(refuse(http.StatusUnsupportedMediaType, comity.Msg("taxii.encoding", comity.A("value", clip(encoding)))))
}

// wire reads the connection, no longer without progress than stall.
type wire struct {
	b     *body
	r     io.Reader
	rc    *http.ResponseController
	stall time.Duration
	until time.Time
}

func (w *wire) Read(p []byte) (int, error) {
	d := time.Now().Add(w.stall)
	if d.After(w.until) {
		d = w.until
	}
	w.rc.SetReadDeadline(d)
	n, err := w.r.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, w.b.fail(refuse(http.StatusRequestTimeout, comity.Msg("taxii.slow")))
	}
	return n, w.b.fail(refuse(http.StatusBadRequest, comity.Msg("taxii.cut")))
}

// capped ends with an error when there is more than left.
type capped struct {
	b    *body
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		c.left = 0
		return n - 1, c.b.fail(tooLong(c.b.limit))
	}
	if err != nil && err != io.EOF && c.b.err == nil {
		err = c.b.fail(refuse(http.StatusBadRequest, comity.Msg("taxii.unpack")))
	}
	return n, err
}

// firstByte gives the first byte that is no JSON blank, without taking it.
func firstByte(r *bufio.Reader) (byte, error) {
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, r.UnreadByte()
		}
	}
}

func (s *server) delete(ctx context.Context, x *exchange, c Collection) error {
	if err := mayRead(c, x); err != nil {
		return err
	}
	if err := mayWrite(c, x); err != nil {
		return err
	}
	a, err := parseQuery(x.r.URL.RawQuery, fields{version: true}, s.o.StrictMatch)
	if err != nil {
		return err
	}
	if err := s.b.Delete(ctx, x.who, x.route.root, c.ID, x.route.object, a.filter); err != nil {
		return err
	}
	s.send(x, http.StatusOK, nil)
	return nil
}
