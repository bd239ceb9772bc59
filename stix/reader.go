package stix

import "io"

// Limits bounds what a Reader takes. The zero value means the defaults.
type Limits struct {
	MaxObject int // bytes of one object; 0 for 16 MiB
	MaxDepth  int // nesting inside one object; 0 for 64
}

// Item is one object of a stream, not yet parsed.
type Item struct {
	Raw    []byte // the object's bytes, owned by the caller
	Path   string // "objects[17]" inside a bundle or envelope, "[17]" in an array, else ""
	Line   int64  // line on which it begins, from 1
	Offset int64  // byte offset at which it begins

	// Report is Refused when the reader itself could not take the object (too
	// large, not an object); Raw then holds at most its beginning.
	Report Report
}

// Where says where the object stood: "objects[17]", or "line 204" for one that
// stands by itself.
func (it Item) Where() string { return it.Path }

// Reader takes objects from a stream one by one, at constant memory.
type Reader struct{ r io.Reader }

// NewReader returns a Reader of r.
func NewReader(r io.Reader, lim Limits) *Reader { return &Reader{r: r} }

// Next returns the next object; io.EOF after the last. Any other error ends
// the stream and names the byte offset.
func (r *Reader) Next() (Item, error) { return Item{}, io.EOF }
