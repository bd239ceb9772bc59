package index

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"

	"github.com/comity-net/comity"
)

// ErrPack says that packed bytes are damaged.
var ErrPack = errors.New("index: damaged pack")

// Pack writes values and references as the bytes that stand beside an object.
// The hash tables find a candidate; the pack decides.
func Pack(values []comity.Value, refs []comity.Ref) []byte {
	n := 2 * binary.MaxVarintLen16
	for _, v := range values {
		n += len(v.Text) + 4
	}
	for _, r := range refs {
		n += len(r.Kind) + len(r.Target) + 4
	}
	b := make([]byte, 0, n)
	b = binary.AppendUvarint(b, uint64(len(values)))
	for _, v := range values {
		b = appendText(append(b, byte(v.Kind)), v.Text)
	}
	b = binary.AppendUvarint(b, uint64(len(refs)))
	for _, r := range refs {
		b = appendText(appendText(b, r.Kind), string(r.Target))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Unpack is the inverse of Pack; an empty pack has nothing in it.
func Unpack(b []byte) (values []comity.Value, refs []comity.Ref, err error) {
	if len(b) == 0 {
		return nil, nil, nil
	}
	r := unpacker{b: string(b)} // one copy that all texts share
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		kind := r.byte()
		values = append(values, comity.Value{Kind: comity.ValueKind(kind), Text: r.text()})
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		kind := r.text()
		refs = append(refs, comity.Ref{Kind: kind, Target: comity.ObjectID(r.text())})
	}
	if r.bad || r.b != "" {
		return nil, nil, ErrPack
	}
	return values, refs, nil
}

type unpacker struct {
	b   string
	bad bool
}

func (r *unpacker) byte() byte {
	if r.bad || r.b == "" {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *unpacker) uvarint() uint64 {
	var x uint64
	for shift := 0; shift < 64; shift += 7 {
		c := r.byte()
		x |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return x
		}
	}
	r.bad = true
	return 0
}

func (r *unpacker) text() string {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return ""
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

// Prefix is the family ('4' or '6') and length of a CIDR block.
type Prefix struct {
	Kind comity.ValueKind
	Bits int
}

// PrefixOf returns the prefix length of a value that is a CIDR block.
func PrefixOf(v comity.Value) (Prefix, bool) {
	if v.Kind != comity.ValueIPv4 && v.Kind != comity.ValueIPv6 || !strings.Contains(v.Text, "/") {
		return Prefix{}, false
	}
	p, err := netip.ParsePrefix(v.Text)
	if err != nil {
		return Prefix{}, false
	}
	return Prefix{v.Kind, p.Bits()}, true
}

// Blocks returns the CIDR blocks of the given lengths that contain the address
// v, in the order of lengths; none when v is not an address.
func Blocks(v comity.Value, lengths []Prefix) []comity.Value {
	if v.Kind != comity.ValueIPv4 && v.Kind != comity.ValueIPv6 {
		return nil
	}
	addr, err := netip.ParseAddr(v.Text)
	if err != nil {
		return nil
	}
	var out []comity.Value
	for _, l := range lengths {
		if l.Kind != v.Kind {
			continue
		}
		if p, err := addr.Prefix(l.Bits); err == nil {
			out = append(out, comity.Value{Kind: v.Kind, Text: p.String()})
		}
	}
	return out
}
