package federation

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// ProofFile is what goes into a proof file: one entry of one log, and everything
// that somebody needs to check it with no node, no network and no database.
//
// The file is a C2SP tlog-proof: whoever knows only that format and the keys can
// check the place of the entry and the signatures. What Comity adds stands in its
// "extra" line.
type ProofFile struct {
	Index      int64
	Item       ledger.Item   // the entry; nonce, header and payload when the content is to be shown
	Inclusion  []comity.Hash // ledger.ProveInclusion of the entry under the checkpoint
	Checkpoint []byte        // signed note, with the receipt lines below it
	Publisher  []byte        // identity note of whose log it is
	Readers    [][]byte      // identity notes of those who cosigned; at most 99
	Agreement  []byte        // the agreement with its signature lines, or nil
}

const (
	proofMagic   = "c2sp.org/tlog-proof@v1\n"
	extraMagic   = "comity/proof/v1\n"
	maxProofFile = 32 << 20
	maxProofPath = 64 // hashes
	maxReaders   = 99 // what fits under one note with the publisher's line
)

// The sections of the extra data, in their order.
const (
	partEntry     = "entry"
	partPublisher = "publisher"
	partReader    = "reader" // once for each
	partAgreement = "agreement"
	partNonce     = "nonce" // these three together or not at all
	partHeader    = "header"
	partPayload   = "payload"
)

// EncodeProof writes a proof file. Signature lines of nobody who is enclosed, and
// readers without a line, are left out; what VerifyProof would then refuse is
// refused here.
func EncodeProof(p ProofFile) ([]byte, error) {
	p, err := p.pruned()
	if err != nil {
		return nil, err
	}
	b := p.text()
	if _, err := VerifyProof(bytes.NewReader(b)); err != nil {
		return nil, err
	}
	return b, nil
}

// pruned keeps of lines and readers those that belong together.
func (p ProofFile) pruned() (ProofFile, error) {
	pub, err := ParseIdentity(p.Publisher)
	if err != nil {
		return p, err
	}
	own, others, ok := splitNote(p.Checkpoint, pub.Keys.every(RoleLog, true)...)
	if !ok {
		return p, invalid("make proof", pub.ID, nil, "proof.file_part", comity.A("part", "checkpoint"))
	}
	role := RoleRcv
	if origin, _, err := ledger.CheckpointOf(p.Checkpoint); err == nil && origin == ledger.NodeOrigin(pub.ID) {
		role = RoleWit
	}
	readers := p.Readers
	p.Readers, p.Checkpoint = nil, own
	for _, note := range readers {
		r, err := ParseIdentity(note)
		if err != nil {
			return p, err
		}
		for _, line := range others {
			if signedBy(line, r.Keys.every(role, true)...) {
				p.Readers = append(p.Readers, note)
				p.Checkpoint = append(p.Checkpoint, line...)
				break
			}
		}
	}
	return p, nil
}

// text gives the one spelling of the file.
func (p *ProofFile) text() []byte {
	extra := []byte(extraMagic)
	section := func(name string, data []byte) {
		extra = fmt.Appendf(extra, "%s %d\n", name, len(data))
		extra = append(append(extra, data...), '\n')
	}
	section(partEntry, p.Item.Entry)
	section(partPublisher, p.Publisher)
	for _, r := range p.Readers {
		section(partReader, r)
	}
	if p.Agreement != nil {
		section(partAgreement, p.Agreement)
	}
	if p.Item.Nonce != nil {
		section(partNonce, p.Item.Nonce)
		section(partHeader, p.Item.Header)
		section(partPayload, p.Item.Payload)
	}
	b := append([]byte(proofMagic), "extra "...)
	b = base64.StdEncoding.AppendEncode(b, extra)
	b = fmt.Appendf(b, "\nindex %d\n", p.Index)
	for _, h := range p.Inclusion {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	b = append(b, '\n')
	return append(b, p.Checkpoint...)
}

// parseProof reads a proof file. It has one spelling: what reads back otherwise
// is refused, so that no bit of it is without meaning.
func parseProof(b []byte) (ProofFile, error) {
	const op = "read proof"
	var p ProofFile
	wrong := func(part string) (ProofFile, error) {
		return ProofFile{}, invalid(op, "", nil, "proof.file_part", comity.A("part", part))
	}
	rest, ok := bytes.CutPrefix(b, []byte(proofMagic))
	if !ok {
		return wrong("c2sp.org/tlog-proof@v1")
	}
	line, rest, _ := bytes.Cut(rest, []byte{'\n'})
	b64, ok := bytes.CutPrefix(line, []byte("extra "))
	if !ok {
		return wrong("extra")
	}
	extra := make([]byte, base64.StdEncoding.DecodedLen(len(b64)))
	n, err := base64.StdEncoding.Strict().Decode(extra, b64)
	if err != nil {
		return wrong("extra")
	}
	if part, ok := p.sections(extra[:n]); !ok {
		return wrong(part)
	}
	line, rest, _ = bytes.Cut(rest, []byte{'\n'})
	digits, ok := bytes.CutPrefix(line, []byte("index "))
	if p.Index, err = strconv.ParseInt(string(digits), 10, 64); !ok || err != nil || p.Index < 0 || p.Index > ledger.MaxSize {
		return wrong("index")
	}
	for {
		line, after, found := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if !found || len(p.Inclusion) > maxProofPath {
			return wrong("hash")
		}
		if len(line) == 0 {
			break
		}
		h, err := base64.StdEncoding.Strict().DecodeString(string(line))
		if err != nil || len(h) != len(comity.Hash{}) {
			return wrong("hash")
		}
		p.Inclusion = append(p.Inclusion, comity.Hash(h))
	}
	p.Checkpoint = rest
	if !bytes.Equal(p.text(), b) {
		return wrong("spelling")
	}
	return p, nil
}

// sections reads the extra data; it names the part that is wrong.
func (p *ProofFile) sections(b []byte) (part string, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(extraMagic))
	if !ok {
		return "comity/proof/v1", false
	}
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		name, digits, _ := bytes.Cut(line, []byte{' '})
		n, err := strconv.Atoi(string(digits))
		if err != nil || n < 0 || n >= len(rest) || rest[n] != '\n' {
			return clip(string(name)), false
		}
		data := rest[:n:n]
		b = rest[n+1:]
		switch string(name) { // the order is checked by writing it again
		case partEntry:
			p.Item.Entry = data
		case partPublisher:
			p.Publisher = data
		case partReader:
			if len(p.Readers) >= maxReaders {
				return partReader, false
			}
			p.Readers = append(p.Readers, data)
		case partAgreement:
			p.Agreement = data
		case partNonce:
			p.Item.Nonce = data
		case partHeader:
			p.Item.Header = data
		case partPayload:
			p.Item.Payload = data
		default:
			return clip(string(name)), false
		}
	}
	return "", true
}
