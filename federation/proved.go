package federation

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Proved is what a proof file proves, and nothing more.
type Proved struct {
	Publisher *Identity        // whose log it is; that this is who you think, compare by the id
	Origin    string           // of the log
	Channel   comity.ChannelID // "" for the node log
	Index     int64            // of the entry
	Head      comity.Head      // the log under which it stands
	Key       ledger.KeyID     // the publisher's key that signed it

	EntryBytes []byte           // as they hang in the tree
	Entry      ledger.Entry     // of a channel
	NodeEntry  ledger.NodeEntry // of a node log
	Content    *ProvedContent   // nil when only the entry is proved

	Receipts []ProvedReceipt // who cosigned, by time
	Median   time.Time       // of their times, of an even number the later; zero without receipts

	Agreement *comity.Agreement // nil when none is enclosed
	Stream    string            // of that agreement
	Signed    []*Identity       // who of those enclosed signed it: all of them
}

// ProvedContent is content that the entry commits to.
type ProvedContent struct {
	Header  ledger.Header
	Payload []byte
}

// ProvedReceipt is one cosignature. The time is the reader's own clock.
type ProvedReceipt struct {
	Reader *Identity
	At     time.Time
	Key    ledger.KeyID
}

// VerifyProof reads a proof file of at most 32 MiB and checks everything in it,
// with nothing but what is in it. An error means that nothing is proved.
//
// INVARIANT: a file with one bit changed is refused, or proves the same
// (TestProofBitFlips).
func VerifyProof(r io.Reader) (Proved, error) {
	const op = "verify proof"
	b, err := io.ReadAll(io.LimitReader(r, maxProofFile+1))
	if err != nil {
		return Proved{}, comity.E(comity.Unavailable, op, "", comity.Msg("proof.file_unread"), err)
	}
	if len(b) > maxProofFile {
		return Proved{}, tooLarge(op, "", nil, "proof file", maxProofFile)
	}
	f, err := parseProof(b)
	if err != nil {
		return Proved{}, err
	}
	p := Proved{Index: f.Index, EntryBytes: f.Item.Entry}
	for _, step := range []func(*ProofFile) error{p.checkpoint, p.receipts, p.entry, p.agreement} {
		if err := step(&f); err != nil {
			return Proved{}, err
		}
	}
	return p, nil
}

// checkpoint checks whose log it is and that its key signed.
func (p *Proved) checkpoint(f *ProofFile) error {
	const op = "verify proof"
	var err error
	if p.Publisher, err = ParseIdentity(f.Publisher); err != nil {
		return err
	}
	if p.Origin, _, err = ledger.CheckpointOf(f.Checkpoint); err != nil {
		return err
	}
	ch, ok := strings.CutPrefix(p.Origin, string(p.Publisher.ID)+"/ch/")
	if !(ok && validChannelID(comity.ChannelID(ch))) && p.Origin != ledger.NodeOrigin(p.Publisher.ID) {
		return unverified(op, p.Origin, nil, "proof.file_origin", comity.A("origin", clip(p.Origin)), comity.A("id", p.Publisher.ID.Grouped()))
	}
	if ok {
		p.Channel = comity.ChannelID(ch)
	}
	p.Head, p.Key, err = p.Publisher.Keys.Checkpoint(f.Checkpoint, p.Origin)
	return err
}

// receipts checks that below the checkpoint stand one line of the publisher and
// one of each reader, and no other: a line that is changed must be missed.
func (p *Proved) receipts(f *ProofFile) error {
	const op = "verify proof"
	role := RoleRcv
	if p.Channel == "" {
		role = RoleWit
	}
	own, others, _ := splitNote(f.Checkpoint, p.Publisher.Keys.every(RoleLog, true)...)
	_, lines, ok := notePart(own)
	if !ok || bytes.Count(lines, []byte{'\n'}) != 1 || len(others) != len(f.Readers) {
		return unverified(op, p.Origin, nil, "proof.file_line")
	}
	known := map[comity.MemberID]bool{p.Publisher.ID: true}
	for i, note := range f.Readers {
		r, err := ParseIdentity(note)
		if err != nil {
			return err
		}
		if known[r.ID] {
			return unverified(op, r.ID, nil, "proof.file_line")
		}
		known[r.ID] = true
		at, key, err := r.Keys.Receipt(role, f.Checkpoint, others[i])
		if err != nil {
			return err
		}
		p.Receipts = append(p.Receipts, ProvedReceipt{r, at, key})
	}
	slices.SortStableFunc(p.Receipts, func(a, b ProvedReceipt) int { return a.At.Compare(b.At) })
	if n := len(p.Receipts); n > 0 {
		p.Median = p.Receipts[n/2].At
	}
	return nil
}

// entry checks the entry's place and, if there, its content.
func (p *Proved) entry(f *ProofFile) error {
	const op = "verify proof"
	if err := ledger.CheckInclusion(ledger.LeafHash(f.Item.Entry), f.Index, p.Head, f.Inclusion); err != nil {
		return err
	}
	var err error
	content := f.Item.Nonce != nil
	if p.Channel == "" {
		if p.NodeEntry, err = ledger.ParseNodeEntry(f.Index, f.Item.Entry); err == nil && content {
			return invalid(op, p.Origin, nil, "proof.file_part", comity.A("part", partPayload))
		}
		return err
	}
	if p.Entry, err = ledger.ParseEntry(f.Item.Entry); err != nil || !content {
		return err
	}
	h, err := ledger.CheckPayload(p.Entry, f.Item)
	p.Content = &ProvedContent{h, f.Item.Payload}
	return err
}

// agreement checks that the channel is of the agreement and that all who are
// enclosed signed it.
func (p *Proved) agreement(f *ProofFile) error {
	const op = "verify proof"
	if f.Agreement == nil {
		return nil
	}
	body, _, ok := notePart(f.Agreement)
	if !ok {
		return invalid(op, p.Origin, nil, "proof.file_part", comity.A("part", partAgreement))
	}
	a, err := ParseAgreement(body)
	if err != nil {
		return err
	}
	for _, s := range a.Streams {
		if p.Channel != "" && ledger.ChannelIDOf(a.Chain, p.Publisher.ID, s.Name) == p.Channel {
			p.Stream = s.Name
		}
	}
	if p.Stream == "" {
		return unverified(op, a.ID, nil, "proof.file_agreement", comity.A("agreement", a.ID.Short()), comity.A("origin", p.Origin))
	}
	p.Agreement, p.Signed = &a, []*Identity{p.Publisher}
	for _, r := range p.Receipts {
		p.Signed = append(p.Signed, r.Reader)
	}
	for _, id := range p.Signed {
		if _, err := id.Keys.Document(f.Agreement); err != nil || !a.Has(id.ID) {
			return unverified(op, a.ID, err, "proof.file_party", comity.A("name", id.Name), comity.A("agreement", a.ID.Short()))
		}
	}
	return nil
}

// Claims says in sentences what is proved.
func (p *Proved) Claims() []comity.Message {
	out := []comity.Message{comity.Msg("proof.claim_entry", comity.A("name", p.Publisher.Name), comity.A("id", p.Publisher.ID.Grouped()),
		comity.A("key", p.Key), comity.A("origin", p.Origin), comity.A("size", p.Head.Size), comity.A("index", p.Index))}
	if p.Content != nil {
		out = append(out, comity.Msg("proof.claim_content", comity.A("bytes", len(p.Content.Payload)), comity.A("object", clip(string(p.Content.Header.O)))))
	}
	for _, r := range p.Receipts {
		out = append(out, comity.Msg("proof.claim_receipt", comity.A("name", r.Reader.Name), comity.A("id", r.Reader.ID.Grouped()),
			comity.A("at", r.At.Format(time.RFC3339))))
	}
	if len(p.Receipts) > 1 {
		out = append(out, comity.Msg("proof.claim_median", comity.A("at", p.Median.Format(time.RFC3339))))
	}
	if p.Agreement != nil {
		var names []string
		for _, id := range p.Signed {
			names = append(names, id.Name)
		}
		out = append(out, comity.Msg("proof.claim_agreement", comity.A("stream", p.Stream), comity.A("agreement", p.Agreement.ID.Short()),
			comity.A("names", strings.Join(names, ", "))))
	}
	return out
}

// NotProved says in sentences what a reader of the file could take for proved,
// and is not.
func (p *Proved) NotProved() []comity.Message {
	out := []comity.Message{comity.Msg("proof.not_who")}
	if p.Content == nil {
		out = append(out, comity.Msg("proof.not_content"))
	} else {
		out = append(out, comity.Msg("proof.not_true"))
	}
	if len(p.Receipts) == 0 {
		out = append(out, comity.Msg("proof.not_seen"))
	} else {
		out = append(out, comity.Msg("proof.not_when"))
	}
	if p.Agreement == nil {
		out = append(out, comity.Msg("proof.not_terms"))
	}
	return append(out, comity.Msg("proof.not_since"))
}
