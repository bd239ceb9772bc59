package ledger

import (
	"bytes"
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/comity-net/comity"
)

// NodeOrigin is the first line of a node log's checkpoints: "<node id>/log".
func NodeOrigin(id comity.MemberID) string { return string(id) + "/log" }

// NodeEntryKind says what an entry of a node log does (federation.md 4.4).
type NodeEntryKind string

// The kinds of node log entries. Entry 0 is the genesis, its exact bytes.
const (
	NodeGenesis NodeEntryKind = "genesis" // who the node is; entry 0 only
	NodeKeys    NodeEntryKind = "keys"    // a signed statement on keys: rotation, compromise
	NodeAnchor  NodeEntryKind = "anchor"  // the root over salted channel heads
	NodeCommit  NodeEntryKind = "commit"  // a salted hash of something that needs a time
	NodeNotice  NodeEntryKind = "notice"  // a public text
)

// genesisTag is how the genesis bytes name their type.
const genesisTag = "comity/genesis/v1"

const (
	maxNotice = 4 << 10 // bytes of a notice's text
	maxCode   = 64      // bytes of a notice's code
)

// NodeEntry is one entry of a node log. Which fields count depends on K; an
// unknown kind keeps only K, Must and Raw.
type NodeEntry struct {
	K    NodeEntryKind
	At   time.Time // by the node's own clock; a claim. Not in genesis entries
	Must bool      // a reader that does not know K must stop
	Raw  []byte    // the entry's bytes; of a genesis entry, the genesis

	Keys    []byte           // keys: the signed comity/keys/v1 document
	Anchor  comity.Hash      // anchor: the root over the salted channel heads
	Count   int64            // anchor: how many there are
	Commit  comity.Hash      // commit: NodeCommitment of what is committed to
	Code    string           // notice: a short word, such as "restored"
	Text    string           // notice: for people, at most 4 KiB
	Channel comity.ChannelID // notice: the channel it is about, or ""
}

// The codes of notices that programs act on; others are shown as they are.
const (
	NoticeRestored = "restored-from-backup"
	NoticeFork     = "fork-declared"
	NoticeClosing  = "closing-down"
	NoticeNextGen  = "next-generation" // the channel goes on in another log
)

// wireNode is a node log entry as JSON has it.
type wireNode struct {
	V    int64            `json:"v"`
	K    string           `json:"k"`
	At   time.Time        `json:"at"`
	Must bool             `json:"must,omitzero"`
	D    []byte           `json:"d,omitempty"` // keys
	A    string           `json:"a,omitempty"` // anchor
	N    int64            `json:"n,omitzero"`  // anchor
	C    string           `json:"c,omitempty"` // commit
	W    string           `json:"w,omitempty"` // notice
	Text string           `json:"text,omitempty"`
	Ch   comity.ChannelID `json:"ch,omitempty"`
}

// Encode gives the bytes of the entry as they go into the log; it refuses what
// ParseNodeEntry would. A genesis entry is its Raw bytes. Entries of kinds that
// this version does not know are never made, only passed on.
func (e NodeEntry) Encode() ([]byte, error) {
	const op = "encode node entry"
	w := wireNode{V: entryVersion, K: string(e.K), At: e.At.UTC().Truncate(time.Second), Must: e.Must}
	switch e.K {
	case NodeGenesis:
		if _, err := ParseNodeEntry(0, e.Raw); err != nil {
			return nil, err
		}
		return bytes.Clone(e.Raw), nil
	case NodeKeys:
		w.D = e.Keys
	case NodeAnchor:
		w.A, w.N = strict64.EncodeToString(e.Anchor[:]), e.Count
	case NodeCommit:
		w.C = strict64.EncodeToString(e.Commit[:])
	case NodeNotice:
		w.W, w.Text, w.Ch = e.Code, e.Text, e.Channel
	default:
		return nil, nodeField(op, string(e.K), "k")
	}
	b, err := json.Marshal(w, json.Deterministic(true))
	if err != nil {
		return nil, invalid(op, e.K, err, "ledger.entry_malformed", comity.A("cause", err))
	}
	if _, err := ParseNodeEntry(1, b); err != nil {
		return nil, err
	}
	return b, nil
}

// ParseNodeEntry reads the entry at an index of a node log, at most 64 KiB.
// Index 0 must be the genesis, and nothing else is one. Duplicate keys and
// wrong values are refused, unknown members ignored, unknown kinds kept.
func ParseNodeEntry(index int64, b []byte) (NodeEntry, error) {
	const op = "parse node entry"
	if len(b) > MaxEntry {
		return NodeEntry{}, tooLarge(op, "entry", int64(len(b)), MaxEntry)
	}
	if index == 0 {
		var g struct {
			T string `json:"t"`
		}
		if err := parseObject(b, &g); err != nil {
			return NodeEntry{}, invalid(op, index, err, "ledger.entry_malformed", comity.A("cause", err))
		}
		if g.T != genesisTag {
			return NodeEntry{}, nodeField(op, "genesis", "t")
		}
		return NodeEntry{K: NodeGenesis, Raw: bytes.Clone(b)}, nil
	}
	var kind struct {
		V    int64  `json:"v"`
		K    string `json:"k"`
		Must bool   `json:"must"`
	}
	if err := parseObject(b, &kind); err != nil {
		return NodeEntry{}, invalid(op, index, err, "ledger.entry_malformed", comity.A("cause", err))
	}
	e := NodeEntry{K: NodeEntryKind(kind.K), Must: kind.Must, Raw: bytes.Clone(b)}
	switch {
	case kind.V != entryVersion:
		return NodeEntry{}, nodeField(op, kind.K, "v")
	case kind.K == "" || kind.K == string(NodeGenesis) || len(kind.K) > maxCode:
		return NodeEntry{}, nodeField(op, "", "k")
	case e.known():
		return e, e.read(op, b)
	}
	return e, nil
}

// known reports whether this version knows the kind.
func (e *NodeEntry) known() bool {
	switch e.K {
	case NodeKeys, NodeAnchor, NodeCommit, NodeNotice:
		return true
	}
	return false
}

// read takes the members of a known kind.
func (e *NodeEntry) read(op string, b []byte) error {
	var w wireNode
	if err := parseObject(b, &w); err != nil {
		return invalid(op, e.K, err, "ledger.entry_malformed", comity.A("cause", err))
	}
	if w.At.IsZero() {
		return nodeField(op, w.K, "at")
	}
	e.At = w.At.UTC()
	switch e.K {
	case NodeKeys:
		if len(w.D) == 0 {
			return nodeField(op, w.K, "d")
		}
		e.Keys = w.D
	case NodeAnchor:
		if !decodeHash(&e.Anchor, []byte(w.A)) {
			return nodeField(op, w.K, "a")
		}
		if w.N < 1 || w.N > maxAnchored {
			return nodeField(op, w.K, "n")
		}
		e.Count = w.N
	case NodeCommit:
		if !decodeHash(&e.Commit, []byte(w.C)) {
			return nodeField(op, w.K, "c")
		}
	case NodeNotice:
		if w.W == "" || len(w.W) > maxCode || !plain(w.W) {
			return nodeField(op, w.K, "w")
		}
		if len(w.Text) > maxNotice || !utf8.ValidString(w.Text) {
			return nodeField(op, w.K, "text")
		}
		if w.Ch != "" && len(w.Ch) != 26 {
			return nodeField(op, w.K, "ch")
		}
		e.Code, e.Text, e.Channel = w.W, w.Text, w.Ch
	}
	return nil
}

func nodeField(op, kind, field string) error {
	return invalid(op, kind, nil, "ledger.entry_field", comity.A("field", field))
}

// nodeCommitTag separates node log commitments from those of channels.
const nodeCommitTag = "comity/node-commit/v1\n"

// NodeCommitment is what a commit entry holds: SHA-256 over a tag, a 32-byte
// salt, and the thing committed to, such as an agreement id or a sealed
// statement. The salt hides it until its owner shows both.
func NodeCommitment(salt, thing []byte) (comity.Hash, error) {
	if len(salt) != nonceSize {
		return comity.Hash{}, invalid("commit", "", nil, "proof.salt", comity.A("expected", nonceSize), comity.A("got", len(salt)))
	}
	return sum256([]byte(nodeCommitTag), salt, thing), nil
}

// base64Line decodes one strict base64 line of a hash.
func base64Line(s []byte) (h comity.Hash, ok bool) {
	if len(s) != 44 || bytes.ContainsAny(s, "\r\n") {
		return h, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(string(s))
	if err != nil || len(b) != hashSize {
		return h, false
	}
	return comity.Hash(b), true
}
