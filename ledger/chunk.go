package ledger

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/comity-net/comity"
)

// Item is one entry as it moves, with the content it commits to.
type Item struct {
	Entry   []byte
	Nonce   []byte // 32 bytes; nil when there is no payload or it was erased
	Header  []byte // header line with its newline; nil likewise
	Payload []byte
}

// Chunk is a run of entries of one channel, and what is needed to check that
// they continue what the reader has and lead to the head it was promised.
type Chunk struct {
	From  int64 // index of the first item
	Items []Item
	End   comity.Head   // the tree after the last item
	Proof []comity.Hash // consistency of End with the target head; empty when equal
}

// Limits bounds what ReadChunk reads; zero fields mean the defaults.
type Limits struct {
	Items   int   // entries; 4096
	Bytes   int64 // all of the chunk; 64 MiB
	Payload int   // nonce, header and payload of one item; 16 MiB and the header
}

// The chunk on the wire, all numbers big-endian:
//
//	"comity/chunk/v1\n"
//	uint64 from, uint32 count
//	count times:
//	    uint32 length of the entry, entry
//	    uint32 length of the frame (0: no payload), nonce[32], header line, payload
//	uint64 size, root[32]                the head after the items
//	uint32 count, count times hash[32]   the proof
const chunkMagic = "comity/chunk/v1\n"

// maxItems is the most entries that any chunk may have.
const maxItems = 1 << 20

// WriteChunk writes items that begin at index from. end is the head after them;
// proof leads from end to the head that the reader asked for. It writes to w in
// small pieces: give it a buffer or a compressor.
func WriteChunk(w io.Writer, from int64, items []Item, end comity.Head, proof []comity.Hash) error {
	const op = "write chunk"
	if len(items) > maxItems {
		return tooLarge(op, "chunk", int64(len(items)), maxItems)
	}
	for i := range items {
		if err := checkItem(op, from+int64(i), &items[i]); err != nil {
			return err
		}
	}
	c := chunkWriter{w: w}
	c.bytes([]byte(chunkMagic))
	c.uint64(uint64(from))
	c.uint32(len(items))
	for i := range items {
		c.item(&items[i])
	}
	c.uint64(uint64(end.Size))
	c.bytes(end.Root[:])
	c.uint32(len(proof))
	for i := range proof {
		c.bytes(proof[i][:])
	}
	if c.err != nil {
		return comity.E(comity.Unreachable, op, from, comity.Msg("ledger.chunk_write", comity.A("index", from)), c.err)
	}
	return nil
}

// checkItem refuses an item that a reader would refuse for its form.
func checkItem(op string, index int64, it *Item) error {
	switch {
	case len(it.Entry) == 0 || len(it.Entry) > MaxEntry:
		return tooLarge(op, "entry", int64(len(it.Entry)), MaxEntry)
	case len(it.Payload) > MaxPayload:
		return tooLarge(op, "payload", int64(len(it.Payload)), MaxPayload)
	case len(it.Header) > maxHeader:
		return tooLarge(op, "header", int64(len(it.Header)), maxHeader)
	case it.Nonce == nil && len(it.Header)+len(it.Payload) == 0:
		return nil
	case len(it.Nonce) != nonceSize, len(it.Header) == 0, it.Header[len(it.Header)-1] != '\n':
		return invalid(op, index, nil, "ledger.bad_frame", comity.A("index", index))
	}
	return nil
}

// chunkWriter writes until the first error and remembers it.
type chunkWriter struct {
	w   io.Writer
	err error
	buf [8]byte
}

func (c *chunkWriter) bytes(b []byte) {
	if c.err == nil && len(b) > 0 {
		_, c.err = c.w.Write(b)
	}
}

func (c *chunkWriter) uint64(n uint64) {
	binary.BigEndian.PutUint64(c.buf[:], n)
	c.bytes(c.buf[:])
}

func (c *chunkWriter) uint32(n int) {
	binary.BigEndian.PutUint32(c.buf[:4], uint32(n))
	c.bytes(c.buf[:4])
}

func (c *chunkWriter) item(it *Item) {
	c.uint32(len(it.Entry))
	c.bytes(it.Entry)
	c.uint32(len(it.Nonce) + len(it.Header) + len(it.Payload))
	c.bytes(it.Nonce)
	c.bytes(it.Header)
	c.bytes(it.Payload)
}

// ReadChunk reads one chunk and nothing after it; what follows is refused. It
// takes no more memory than bytes arrive, whatever the lengths claim. Nothing in
// the result is verified yet.
func ReadChunk(r io.Reader, lim Limits) (Chunk, error) {
	d := &chunkReader{lim: lim.orDefault()}
	d.left = d.lim.Bytes
	d.r = bufio.NewReaderSize(r, 64<<10)
	var c Chunk
	if d.magic(); d.err == nil {
		c.From = d.size()
		n := d.count(d.lim.Items, "items")
		c.Items = make([]Item, 0, min(n, 4096))
		for i := 0; i < n && d.err == nil; i++ {
			c.Items = append(c.Items, d.item(c.From+int64(i)))
		}
		c.End.Size = d.size()
		copy(c.End.Root[:], d.take(hashSize))
		n = d.count(maxProof, "proof")
		for i := 0; i < n && d.err == nil; i++ {
			c.Proof = append(c.Proof, comity.Hash{})
			copy(c.Proof[i][:], d.take(hashSize))
		}
		d.end()
	}
	if d.err != nil {
		return Chunk{}, d.err
	}
	return c, nil
}

func (l Limits) orDefault() Limits {
	if l.Items <= 0 {
		l.Items = 4096
	}
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	if full := nonceSize + maxHeader + MaxPayload; l.Payload <= 0 || l.Payload > full {
		l.Payload = full
	}
	l.Items = min(l.Items, maxItems)
	return l
}

// chunkReader takes a chunk apart; after the first error it gives zeros.
type chunkReader struct {
	r     *bufio.Reader
	lim   Limits
	left  int64  // bytes that may still come
	block []byte // memory that small pieces are cut from
	err   error
}

const readOp = "read chunk"

// take reads n bytes into memory of their own.
func (d *chunkReader) take(n int) []byte {
	const small, block = 16 << 10, 256 << 10
	if d.err == nil && int64(n) > d.left {
		d.err = tooLarge(readOp, "chunk", d.lim.Bytes-d.left+int64(n), d.lim.Bytes)
	}
	if d.err != nil {
		return make([]byte, min(n, 64))[:0]
	}
	d.left -= int64(n)
	if n > small {
		return d.grow(n)
	}
	if len(d.block) < n {
		d.block = make([]byte, block)
	}
	b := d.block[:n:n]
	d.block = d.block[n:]
	d.full(b)
	return b
}

// grow reads a large piece step by step, so that a length alone costs nothing.
func (d *chunkReader) grow(n int) []byte {
	b := make([]byte, 0, 64<<10)
	for len(b) < n && d.err == nil {
		at := len(b)
		step := min(n-at, max(at, 64<<10))
		b = append(b, make([]byte, step)...)
		d.full(b[at:])
	}
	return b
}

// full fills b or notes why not.
func (d *chunkReader) full(b []byte) {
	if _, err := io.ReadFull(d.r, b); err != nil {
		kind := comity.Unreachable
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			kind = comity.Invalid
		}
		d.err = comity.E(kind, readOp, "", comity.Msg("ledger.chunk_cut", comity.A("bytes", d.lim.Bytes-d.left)), err)
		clear(b)
	}
}

func (d *chunkReader) magic() {
	if b := d.take(len(chunkMagic)); d.err == nil && string(b) != chunkMagic {
		d.err = invalid(readOp, "", fmt.Errorf("first line %q", b), "ledger.chunk_magic")
	}
}

// size reads a uint64 that counts entries.
func (d *chunkReader) size() int64 {
	var b [8]byte
	copy(b[:], d.take(8))
	n := binary.BigEndian.Uint64(b[:])
	if d.err == nil && n > MaxSize {
		d.err = invalid(readOp, n, nil, "ledger.bad_size", comity.A("size", n))
	}
	if d.err != nil {
		return 0
	}
	return int64(n)
}

// count reads a uint32 that may be at most limit.
func (d *chunkReader) count(limit int, what string) int {
	var b [4]byte
	copy(b[:], d.take(4))
	n := int64(binary.BigEndian.Uint32(b[:]))
	if d.err == nil && n > int64(limit) {
		d.err = tooLarge(readOp, what, n, int64(limit))
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

// item reads one entry and its frame.
func (d *chunkReader) item(index int64) Item {
	var it Item
	n := d.count(MaxEntry, "entry")
	if d.err == nil && n == 0 {
		d.err = invalid(readOp, index, nil, "ledger.bad_frame", comity.A("index", index))
	}
	it.Entry = d.take(n)
	if n = d.count(d.lim.Payload, "payload"); n == 0 {
		return it
	}
	frame := d.take(n)
	if d.err != nil {
		return Item{}
	}
	head := -1
	for i := nonceSize; i < len(frame) && i < nonceSize+maxHeader; i++ {
		if frame[i] == '\n' {
			head = i + 1
			break
		}
	}
	if head < 0 || len(frame)-head > MaxPayload {
		d.err = invalid(readOp, index, nil, "ledger.bad_frame", comity.A("index", index))
		return Item{}
	}
	it.Nonce = frame[:nonceSize:nonceSize]
	it.Header = frame[nonceSize:head:head]
	it.Payload = frame[head:]
	return it
}

// end refuses anything after the chunk.
func (d *chunkReader) end() {
	if d.err != nil {
		return
	}
	switch _, err := d.r.ReadByte(); {
	case err == nil:
		d.err = invalid(readOp, "", nil, "ledger.chunk_trailing")
	case !errors.Is(err, io.EOF):
		d.err = comity.E(comity.Unreachable, readOp, "", comity.Msg("ledger.chunk_cut", comity.A("bytes", d.lim.Bytes-d.left)), err)
	}
}
