package federation

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
)

// maxWindow bounds the memory a zstd stream may ask of its reader.
const maxWindow = 8 << 20

// compressors keeps zstd encoders for reuse: making one costs more than a
// small answer.
type compressors struct{ pool sync.Pool }

func newCompressors() *compressors {
	return &compressors{pool: sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
		if err != nil {
			return err
		}
		return e
	}}}
}

// body is the writer of one answer: compressed when the client takes zstd.
type body struct {
	io.Writer
	enc  *zstd.Encoder
	pool *sync.Pool
}

func (c *compressors) writer(w http.ResponseWriter, r *http.Request) *body {
	if !acceptsZstd(r) {
		return &body{Writer: w}
	}
	e, ok := c.pool.Get().(*zstd.Encoder)
	if !ok {
		return &body{Writer: w}
	}
	w.Header().Set("Content-Encoding", "zstd")
	w.Header().Add("Vary", "Accept-Encoding")
	e.Reset(w)
	return &body{Writer: e, enc: e, pool: &c.pool}
}

// finish ends the stream. An error means that the client is gone.
func (b *body) finish() error {
	if b.enc != nil {
		_ = b.enc.Close()
		b.discard()
	}
	return nil
}

// discard gives the encoder back without ending the stream, so that the client
// cannot take what it got for the whole.
func (b *body) discard() {
	if b.enc != nil {
		b.enc.Reset(nil)
		b.pool.Put(b.enc)
		b.enc = nil
	}
}

// acceptsZstd reports whether the client named zstd.
func acceptsZstd(r *http.Request) bool {
	for _, v := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		if name, q, _ := strings.Cut(strings.TrimSpace(v), ";"); name == "zstd" && strings.TrimSpace(q) != "q=0" {
			return true
		}
	}
	return false
}

// decompress reads a zstd stream in little memory; limit bounds what it gives.
func decompress(r io.Reader, limit int64) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(uint64(max(limit, maxWindow))))
	if err != nil {
		return nil, comity.E(comity.Internal, "decompress", "", comity.Msg("federation.internal"), err)
	}
	return d.IOReadCloser(), nil
}
