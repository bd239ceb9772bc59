package taxii

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// chunkSize is how much is gathered before it is handed to the connection.
const chunkSize = 64 << 10

// packMin is the length from which packing a body pays.
const packMin = 1 << 10

// stream writes a page in chunks, each of which the client must take in time.
func (s *server) stream(x *exchange, p pageBody) error {
	n := p.length()
	h := x.w.Header()
	h.Set("Content-Type", MediaTAXII)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", varies)
	encoding := ""
	if n < 0 || n >= packMin {
		encoding = preferred(x.r.Header.Values("Accept-Encoding"))
	}
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	} else if n >= 0 {
		h.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	x.status = http.StatusOK
	x.w.WriteHeader(x.status)
	if x.r.Method == http.MethodHead {
		return nil
	}
	out := &paced{w: x.w, rc: http.NewResponseController(x.w), stall: s.o.Stall, until: time.Now().Add(s.o.Patience)}
	packed, done := s.codec.pack(out, encoding)
	err := s.records(x, packed, p)
	if e := done(err == nil); err == nil {
		err = e
	}
	if err == nil && out.n > smallBody {
		out.extend()
		err = out.rc.Flush()
	}
	out.rc.SetWriteDeadline(time.Time{})
	if err != nil {
		// The client went away or was too slow: it must not take the stump for
		// a whole page, so the connection is cut.
		x.err = err
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (s *server) records(x *exchange, w io.Writer, p pageBody) error {
	buf := s.chunk.Get().(*[]byte)
	defer s.chunk.Put(buf)
	b := p.head((*buf)[:0])
	flush := func() error {
		x.bytes += int64(len(b))
		_, err := w.Write(b)
		b = b[:0]
		return err
	}
	for i := range p.records {
		r := &p.records[i]
		if i > 0 {
			b = append(b, ',')
		}
		if p.at == atManifest || p.at == atVersions {
			b = p.record(b, r)
		} else if len(b)+len(r.Raw) <= chunkSize {
			b = append(b, r.Raw...)
		} else {
			if err := flush(); err != nil {
				return err
			}
			if len(r.Raw) < chunkSize {
				b = append(b, r.Raw...)
				continue
			}
			x.bytes += int64(len(r.Raw))
			for raw := r.Raw; len(raw) > 0; {
				k := min(len(raw), chunkSize)
				if _, err := w.Write(raw[:k]); err != nil {
					return err
				}
				raw = raw[k:]
			}
		}
		if len(b) > chunkSize-4096 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	b = append(b, p.tail()...)
	return flush()
}

// paced gives the client a limited time for each write, and for all of them.
type paced struct {
	w     io.Writer
	rc    *http.ResponseController
	stall time.Duration
	until time.Time
	n     int
}

func (p *paced) extend() {
	d := time.Now().Add(p.stall)
	if d.After(p.until) {
		d = p.until
	}
	p.rc.SetWriteDeadline(d)
}

func (p *paced) Write(b []byte) (int, error) {
	p.extend()
	n, err := p.w.Write(b)
	p.n += n
	return n, err
}

// codecs keeps encoders for reuse; each holds some hundred kilobytes.
type codecs struct{ gzip, zstd sync.Pool }

// pack wraps w. done ends the encoding; with whole false it only cleans up.
func (c *codecs) pack(w io.Writer, encoding string) (out io.Writer, done func(whole bool) error) {
	switch encoding {
	case "gzip":
		z, ok := c.gzip.Get().(*gzip.Writer)
		if !ok {
			z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level exists
		}
		z.Reset(w)
		return z, func(whole bool) (err error) {
			if whole {
				err = z.Close()
			}
			z.Reset(io.Discard)
			c.gzip.Put(z)
			return err
		}
	case "zstd":
		z, ok := c.zstd.Get().(*zstd.Encoder)
		if !ok {
			z, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(256<<10)) // options are valid
		}
		z.Reset(w)
		return z, func(whole bool) (err error) {
			if whole {
				err = z.Close()
			}
			z.Reset(io.Discard)
			c.zstd.Put(z)
			return err
		}
	}
	return w, func(bool) error { return nil }
}

// preferred chooses an encoding from Accept-Encoding, "" for none.
func preferred(headers []string) string {
	best, bestQ := "", 0.0
	n := 0
	for _, h := range headers {
		for part := range splitList(h) {
			if n++; n > maxMediaRanges {
				return best
			}
			name, params, _ := strings.Cut(part, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			q := 1.0
			if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
				q, _ = strconv.ParseFloat(v, 64)
			}
			if name != "gzip" && name != "zstd" || !(q > 0) {
				continue
			}
			if q > bestQ || q == bestQ && name == "zstd" {
				best, bestQ = name, q
			}
		}
	}
	return best
}
