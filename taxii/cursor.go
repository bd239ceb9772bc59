package taxii

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/comity-net/comity"
)

// sealer makes and opens cursors, and makes entity tags. A cursor is the
// position, encrypted with the synthetic-IV construction (RFC 5297) over
// HMAC-SHA-256 and AES-CTR: the tag covers the position and what it is bound
// to. It is the same bytes each time and on each process with the same key,
// never expires, and hides the position, so that the gaps between positions do
// not tell how many objects were withheld.
//
// INVARIANT: a cursor opens only with the key, collection, audience and match
// filters that it was made with. added_after may be left out or moved: the
// position is past it, and clients drop it (the TAXII2 connector of OpenCTI) or
// replace it (opencti#5681) when they have a cursor.
type sealer struct {
	mac, tag []byte
	block    cipher.Block
}

const cursorTag, cursorBody = 16, 16

func newSealer(key []byte) *sealer {
	derive := func(info string) []byte {
		k, err := hkdf.Key(sha256.New, key, nil, "comity taxii "+info, 32)
		if err != nil {
			panic(err) // the length is a constant that fits
		}
		return k
	}
	block, err := aes.NewCipher(derive("cursor encryption"))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	return &sealer{mac: derive("cursor authentication"), tag: derive("entity tags"), block: block}
}

// bind gives the bytes that say what a cursor is for.
func bind(c comity.CollectionID, audience string, f Filter) []byte {
	b := make([]byte, 0, 256)
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	text(string(c))
	text(audience)
	b = binary.AppendUvarint(b, uint64(len(f.IDs)))
	for _, id := range f.IDs {
		text(string(id))
	}
	for _, list := range [][]string{f.Types, f.SpecVersions} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			text(s)
		}
	}
	v := f.Versions
	flags := byte(0)
	for i, set := range []bool{v.First, v.Last || v.IsZero(), v.All} {
		if set {
			flags |= 1 << i
		}
	}
	b = append(b, flags)
	for _, t := range v.At {
		b = binary.AppendVarint(b, comity.Nanos(t))
	}
	return b
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (s *sealer) seal(bound []byte, p Position) string {
	var pt [cursorBody]byte
	binary.BigEndian.PutUint64(pt[:8], uint64(p.Seq))
	binary.BigEndian.PutUint64(pt[8:], uint64(micros(p.Added)))
	var out [cursorTag + cursorBody]byte
	s.sum(out[:cursorTag], bound, pt[:])
	cipher.NewCTR(s.block, out[:cursorTag]).XORKeyStream(out[cursorTag:], pt[:])
	return base64.RawURLEncoding.EncodeToString(out[:])
}

func (s *sealer) open(bound []byte, cursor string) (Position, error) {
	bad := refuse(http.StatusBadRequest, comity.Msg("taxii.next"))
	if len(cursor) != base64.RawURLEncoding.EncodedLen(cursorTag+cursorBody) {
		return Position{}, bad
	}
	in, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return Position{}, bad
	}
	var pt [cursorBody]byte
	cipher.NewCTR(s.block, in[:cursorTag]).XORKeyStream(pt[:], in[cursorTag:])
	var want [cursorTag]byte
	s.sum(want[:], bound, pt[:])
	if !hmac.Equal(want[:], in[:cursorTag]) {
		return Position{}, bad
	}
	return Position{
		Seq:   int64(binary.BigEndian.Uint64(pt[:8])),
		Added: fromMicros(int64(binary.BigEndian.Uint64(pt[8:]))),
	}, nil
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func (s *sealer) sum(out, bound, pt []byte) {
	m := hmac.New(sha256.New, s.mac)
	m.Write(binary.AppendUvarint(nil, uint64(len(bound))))
	m.Write(bound)
	m.Write(pt)
	var sum [sha256.Size]byte
	copy(out, m.Sum(sum[:0]))
}

// etag gives a weak entity tag for what parts say; weak, because the same page
// is sent in several encodings.
func (s *sealer) etag(parts ...[]byte) string {
	m := hmac.New(sha256.New, s.tag)
	for _, p := range parts {
		m.Write(binary.AppendUvarint(nil, uint64(len(p))))
		m.Write(p)
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16]) + `"`
}
