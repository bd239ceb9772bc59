package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
)

const (
	// peekBytes is how much of the beginning is looked at to tell formats apart.
	peekBytes = 64 << 10
	// ratioFrom is the unpacked size from which the ratio counts: small files
	// may pack very well.
	ratioFrom = 32 << 20
	// zstdWindow bounds the memory that a zstd frame may ask for.
	zstdWindow = 32 << 20
	// maxLayers is how many compressions may lie around the content.
	maxLayers = 2
)

// input is the stream after unpacking, and where in it we are. The reading
// goroutine owns it; the two counters may be read by others.
type input struct {
	ctx      context.Context // ends reading, also where much is passed over
	opt      Options
	raw      io.Reader
	packed   atomic.Int64 // bytes read, as they come
	unpacked atomic.Int64 // bytes after decompression

	r       *bufio.Reader // the content, behind a byte order mark
	layers  []string      // compressions around it, outermost first
	closers []func()
	format  string // what it is read as; set by newSource
	fault   error  // why reading failed first; whoever reads may wrap or hide it
}

func newInput(ctx context.Context, r io.Reader, opt Options) *input {
	return &input{ctx: ctx, opt: opt, raw: r}
}

func (in *input) close() {
	for _, f := range in.closers {
		f()
	}
}

// open unpacks as often as the content is packed and looks at its beginning.
func (in *input) open() error {
	r := bufio.NewReaderSize(&counter{r: in.raw, in: in, n: &in.packed, max: in.opt.Limits.Input, key: "ingest.input_too_large"}, 256<<10)
	for {
		head, err := r.Peek(8)
		if err != nil && !errors.Is(err, io.EOF) {
			return in.explain(err)
		}
		inner, name, err := in.unpack(r, head)
		if err != nil {
			return in.explain(err)
		}
		if inner == nil {
			break
		}
		in.layers = append(in.layers, name)
		if len(in.layers) > maxLayers {
			return in.invalid("ingest.nested", comity.A("max", maxLayers))
		}
		r = bufio.NewReaderSize(inner, peekBytes)
	}
	in.r = bufio.NewReaderSize(&counter{r: r, in: in, n: &in.unpacked, max: in.opt.Limits.Unpacked, key: "ingest.unpacked_too_large"}, peekBytes)
	head, err := in.r.Peek(peekBytes)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return in.explain(err)
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		in.r.Discard(3)
		head = head[3:]
	}
	return in.checkEncoding(head)
}

// magics are the beginnings of packed files that are not unpacked here.
var magics = [...]struct{ magic, name string }{
	{"PK\x03\x04", "zip"}, {"BZh", "bzip2"}, {"\xfd7zXZ\x00", "xz"}, {"7z\xbc\xaf\x27\x1c", "7z"}, {"Rar!", "rar"},
}

// unpack returns a reader of what is packed in r; nil when it is not packed.
func (in *input) unpack(r io.Reader, head []byte) (io.Reader, string, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, "", err
		}
		return z, "gzip", nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(zstdWindow))
		if err != nil {
			return nil, "", err
		}
		in.closers = append(in.closers, z.Close)
		return z, "zstd", nil
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return nil, "", in.invalid("ingest.packed", comity.A("format", m.name))
		}
	}
	return nil, "", nil
}

// checkEncoding refuses what is no UTF-8 text.
func (in *input) checkEncoding(head []byte) error {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return in.invalid("ingest.utf16")
	}
	if n := bytes.IndexByte(head, 0); n >= 0 {
		if n < 2 && len(head) > 3 && (head[0] == 0) != (head[1] == 0) {
			return in.invalid("ingest.utf16")
		}
		return in.invalid("ingest.binary", comity.A("offset", n))
	}
	return in.checkUTF8(head)
}

// checkUTF8 refuses a list, table or text in another encoding, in which names
// would silently be lost. JSON names its own faults, object by object, and who
// asks for text gets what can be read.
func (in *input) checkUTF8(head []byte) error {
	start := bytes.TrimLeft(head, " \t\r\n\x1e")
	if in.opt.Format == FormatText || in.opt.Format == FormatSTIX || len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return nil
	}
	end := len(head)
	if end == peekBytes {
		end -= utf8.UTFMax // the last character may be cut
	}
	for i := 0; i < end; {
		r, size := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && size == 1 {
			return in.invalid("ingest.not_utf8", comity.A("offset", i))
		}
		i += size
	}
	return nil
}

// checkRatio refuses what unpacks to far more than its packed size.
func (in *input) checkRatio() error {
	n, packed := in.unpacked.Load(), in.packed.Load()
	if len(in.layers) > 0 && n > ratioFrom && n/max(packed, 1) > in.opt.Limits.Ratio {
		return in.tooLarge("ingest.bomb", comity.A("unpacked", n), comity.A("packed", packed), comity.A("max", in.opt.Limits.Ratio))
	}
	return nil
}

// explain turns an error of reading into one that says where and why.
func (in *input) explain(err error) error {
	var known *comity.Error
	if in.fault != nil && err != nil {
		err = in.fault
	}
	switch {
	case err == nil, errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case errors.As(err, &known):
		if known.Op == "read" || known.Subject == "csv" { // a reader that knows no file name
			e := *known
			e.Op, e.Subject = "import", in.opt.Name
			return &e
		}
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return in.fail(comity.TooLarge, "ingest.window", err, comity.A("max", zstdWindow))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return in.fail(comity.Invalid, "ingest.truncated", err,
			comity.A("offset", in.unpacked.Load()), comity.A("packed", in.packed.Load()))
	case isCorrupt(err):
		return in.fail(comity.Invalid, "ingest.corrupt", err,
			comity.A("offset", in.unpacked.Load()), comity.A("packed", in.packed.Load()), comity.A("cause", err))
	}
	return in.fail(comity.Unavailable, "ingest.read", err, comity.A("offset", in.packed.Load()), comity.A("cause", err))
}

func (in *input) invalid(key string, args ...comity.Arg) error {
	return in.fail(comity.Invalid, key, nil, args...)
}

func (in *input) tooLarge(key string, args ...comity.Arg) error {
	return in.fail(comity.TooLarge, key, nil, args...)
}

func (in *input) fail(kind comity.Kind, key string, cause error, args ...comity.Arg) error {
	return comity.E(kind, "import", in.opt.Name, comity.Msg(key, args...), cause)
}

// counter counts what passes, lets no more than max through and remembers what
// failed.
type counter struct {
	r   io.Reader
	in  *input
	n   *atomic.Int64
	max int64
	key string // of the message when there is more
}

func (c *counter) Read(b []byte) (int, error) {
	if err := c.in.ctx.Err(); err != nil {
		return 0, err
	}
	if c.in.fault != nil {
		return 0, c.in.fault
	}
	n, err := c.r.Read(b)
	if excess := c.n.Add(int64(n)) - c.max; excess > 0 {
		n -= int(excess)
		err = c.in.tooLarge(c.key, comity.A("max", c.max))
	} else if over := c.in.checkRatio(); over != nil {
		err = over
	}
	if err != nil && err != io.EOF {
		c.in.fault = err
	}
	return n, err
}
