package ledger

import (
	"github.com/comity-net/comity"
)

// VerifyChunk checks everything that a reader must know before it stores a
// chunk: that it starts where the reader stands, that every entry together with
// the edge gives the end head, that the end head leads to target (the head of
// the publisher's signed checkpoint), that every entry and header can be read,
// and that every payload is the one committed to.
//
// The entries and headers are in the order of the items; an item without a
// payload has the zero Header. missing lists the indexes of put entries that
// came without their payload: right only where an erase entry for the handle
// follows, which the caller must know.
//
// The root is compared before anything is parsed, so nothing that the publisher
// did not sign for reaches a parser.
func VerifyChunk(edge Edge, c Chunk, target comity.Head) (entries []Entry, headers []Header, missing []int64, err error) {
	const op = "verify chunk"
	if c.From != edge.size {
		return nil, nil, nil, unverified(op, c.From, nil, "ledger.wrong_start", comity.A("expected", edge.size), comity.A("got", c.From))
	}
	if err := checkSize(op, edge.size+int64(len(c.Items))); err != nil {
		return nil, nil, nil, err
	}
	for i := range c.Items {
		edge.Append(LeafHash(c.Items[i].Entry))
	}
	got := edge.Head()
	if c.End.Size != got.Size {
		return nil, nil, nil, unverified(op, c.From, nil, "ledger.wrong_count", comity.A("expected", c.End.Size), comity.A("got", got.Size))
	}
	if c.End.Size > target.Size {
		return nil, nil, nil, unverified(op, c.From, nil, "ledger.smaller_tree", comity.A("old", c.End.Size), comity.A("new", target.Size))
	}
	if err := edge.match(op, comity.Head{Size: got.Size, Root: c.End.Root}); err != nil {
		return nil, nil, nil, err
	}
	if err := CheckConsistency(got, target, c.Proof); err != nil {
		return nil, nil, nil, err
	}
	return readItems(op, c)
}

// readItems parses the entries and checks what came with them.
func readItems(op string, c Chunk) (entries []Entry, headers []Header, missing []int64, err error) {
	entries, headers = make([]Entry, len(c.Items)), make([]Header, len(c.Items))
	commit := newCommitter()
	for i := range c.Items {
		it, index := &c.Items[i], c.From+int64(i)
		e, err := ParseEntry(it.Entry)
		if err != nil {
			return nil, nil, nil, invalid(op, index, err, "ledger.entry_unreadable", comity.A("index", index))
		}
		entries[i] = e
		switch {
		case it.Nonce == nil && len(it.Payload)+len(it.Header) == 0:
			if e.K == comity.EntryPut {
				missing = append(missing, index)
			}
		case e.C == comity.Hash{}:
			return nil, nil, nil, unverified(op, index, nil, "ledger.unexpected_payload", comity.A("index", index), comity.A("kind", e.K))
		default:
			if headers[i], err = commit.check(op, index, &e, it); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	return entries, headers, missing, nil
}

// CheckPayload checks that the content beside a put entry is what it commits to,
// and reads its header: for one entry by itself, as a proof file has it.
func CheckPayload(e Entry, it Item) (Header, error) {
	if e.K != comity.EntryPut || it.Nonce == nil {
		return Header{}, unverified("check payload", e.H, nil, "ledger.unexpected_payload", comity.A("index", "?"), comity.A("kind", e.K))
	}
	return newCommitter().check("check payload", 0, &e, &it)
}

// check compares one payload with its entry and reads its header.
func (c *committer) check(op string, index int64, e *Entry, it *Item) (Header, error) {
	if err := checkItem(op, index, it); err != nil {
		return Header{}, err
	}
	if got := c.sum(it.Nonce, it.Header, it.Payload); got != e.C {
		return Header{}, unverified(op, index, nil, "ledger.wrong_commitment", comity.A("index", index),
			comity.A("expected", short(e.C)), comity.A("got", short(got)))
	}
	if int64(len(it.Payload)) != e.S {
		return Header{}, unverified(op, index, nil, "ledger.wrong_size", comity.A("index", index),
			comity.A("expected", e.S), comity.A("got", len(it.Payload)))
	}
	h, err := ParseHeader(it.Header)
	if err != nil {
		return Header{}, invalid(op, index, err, "ledger.header_unreadable", comity.A("index", index))
	}
	return h, nil
}
