package federation

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// hostile is one way in which a peer can misbehave.
type hostile struct {
	name string
	kind comity.Kind
	key  string // of the message
	with string // an argument the message must have: what it names
	bad  func(t *testing.T, p *pair) front
}

// TestHostilePeer reads from a peer that misbehaves in every way: the error says
// precisely what, the sink sees nothing bad, the fault is recorded, and reading
// goes on once the peer behaves again.
func TestHostilePeer(t *testing.T) {
	cases := append(append(hostileEntries(), hostileCheckpoints()...), hostileTransport()...)
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.name] {
			t.Fatalf("two cases are named %q", c.name)
		}
		seen[c.name] = true
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, ClientOptions{ChunkBytes: 2 << 20}, ReaderOptions{Items: 16})
			p.pub.put(t, 40, 60)
			if _, err := p.sync(t); err != nil {
				t.Fatal(err)
			}
			p.pub.put(t, 40, 60)
			p.pub.setFront(c.bad(t, p))
			if c.with == timeout {
				p.client.opts.Idle, p.client.opts.Total = 300*time.Millisecond, 900*time.Millisecond
			}
			_, err := p.sync(t)
			p.client.opts.Idle, p.client.opts.Total = time.Minute, time.Minute
			if err == nil {
				t.Fatal("the misbehaviour was not noticed")
			}
			msg := comity.ErrorMessage(err)
			if comity.ErrorKind(err) != c.kind || msg.Key != c.key || !strings.Contains(msg.String(), c.with) {
				t.Fatalf("want %v %s …%s, got %v %v (%v)", c.kind, c.key, c.with, comity.ErrorKind(err), msg, err)
			}
			complete(t, msg)
			if p.sink.fault.Key != c.key {
				t.Fatalf("recorded fault %v", p.sink.fault)
			}
			p.prefix(t)
			p.pub.setFront(nil)
			if _, err := p.sync(t); err != nil {
				t.Fatalf("after the peer behaves again: %v", err)
			}
			p.same(t)
			if !p.sink.fault.IsZero() {
				t.Fatalf("the fault stayed: %v", p.sink.fault)
			}
		})
	}
}

const (
	since   = "/since/"
	timeout = "cause_timeout"
)

// chunkCase changes the honest chunk that begins at index 40.
func chunkCase(change func(c *ledger.Chunk)) func(*testing.T, *pair) front {
	return func(t *testing.T, _ *pair) front { return onPath(since, rechunk(t, change)) }
}

func hostileEntries() []hostile {
	const u, inv, big = comity.Unverified, comity.Invalid, comity.TooLarge
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b }
	return []hostile{
		{"wrong byte in entry", u, "federation.peer_wrong_root", "peer=KE-CIRT", chunkCase(func(c *ledger.Chunk) { c.Items[3].Entry = flip(c.Items[3].Entry) })},
		{"wrong byte in payload", u, "federation.peer_wrong_commitment", "index=43", chunkCase(func(c *ledger.Chunk) {
			if c.From == 40 {
				c.Items[3].Payload = flip(c.Items[3].Payload)
			}
		})},
		{"wrong byte in nonce", u, "federation.peer_wrong_commitment", "index=44", chunkCase(func(c *ledger.Chunk) {
			if c.From == 40 {
				c.Items[4].Nonce = flip(c.Items[4].Nonce)
			}
		})},
		{"wrong byte in header", u, "federation.peer_wrong_commitment", "index=45", chunkCase(func(c *ledger.Chunk) {
			if c.From == 40 {
				c.Items[5].Header = flip(c.Items[5].Header)
			}
		})},
		{"wrong byte in frame length", big, "federation.peer_too_large", "what=entry", func(*testing.T, *pair) front {
			return onPath(since, rewrite(func(b []byte) []byte { b[len("comity/chunk/v1\n")+8+4+1] ^= 1; return b }))
		}},
		{"payload of another entry", u, "federation.peer_wrong_commitment", "index=", chunkCase(func(c *ledger.Chunk) {
			a, b := &c.Items[0], &c.Items[1]
			a.Nonce, b.Nonce, a.Header, b.Header, a.Payload, b.Payload = b.Nonce, a.Nonce, b.Header, a.Header, b.Payload, a.Payload
		})},
		{"wrong end root", u, "federation.peer_wrong_root", "expected=", chunkCase(func(c *ledger.Chunk) { c.End.Root[0] ^= 1 })},
		{"wrong proof", u, "federation.peer_not_consistent", "new=80", chunkCase(func(c *ledger.Chunk) {
			for i := range c.Proof {
				c.Proof[i][0] ^= 1
			}
		})},
		{"no proof", u, "federation.peer_not_consistent", "new=80", chunkCase(func(c *ledger.Chunk) { c.Proof = nil })},
		{"entries in other order", u, "federation.peer_wrong_root", "size=", chunkCase(func(c *ledger.Chunk) { c.Items[0], c.Items[1] = c.Items[1], c.Items[0] })},
		{"entry left out", u, "federation.peer_wrong_count", "channel=", chunkCase(func(c *ledger.Chunk) { c.Items = c.Items[1:] })},
		{"wrong start", u, "federation.peer_wrong_start", "expected=40", chunkCase(func(c *ledger.Chunk) { c.From++ })},
		{"entries of another channel", u, "federation.peer_wrong_root", "size=", func(t *testing.T, p *pair) front {
			other := newParty(t, "other")
			other.put(t, 80, 60)
			return onPath(since, rechunk(t, func(c *ledger.Chunk) { copy(c.Items, other.log.items[c.From:]) }))
		}},
		{"withheld payload", u, "federation.payload_withheld", "index=50", chunkCase(func(c *ledger.Chunk) {
			if i := 50 - c.From; i >= 0 && i < int64(len(c.Items)) {
				c.Items[i] = ledger.Item{Entry: c.Items[i].Entry}
			}
		})},
		{"empty chunk", inv, "federation.empty_chunk", "index=40", chunkCase(func(c *ledger.Chunk) { c.Items = nil })},
		{"more entries than asked", big, "federation.peer_too_large", "limit=16", func(t *testing.T, p *pair) front {
			return onPath(since, rechunk(t, func(c *ledger.Chunk) {
				for len(c.Items) < 20 {
					c.Items = append(c.Items, c.Items[0])
				}
			}))
		}},
		{"trailing bytes", inv, "federation.peer_chunk_trailing", "channel=", func(*testing.T, *pair) front {
			return onPath(since, rewrite(func(b []byte) []byte { return append(b, 'x') }))
		}},
		{"cut in the middle", inv, "federation.peer_chunk_cut", "bytes=", func(*testing.T, *pair) front {
			return onPath(since, rewrite(func(b []byte) []byte { return b[:len(b)/2] }))
		}},
		{"not a chunk", inv, "federation.peer_chunk_magic", "channel=", func(*testing.T, *pair) front {
			return onPath(since, answer([]byte("<html>maintenance, back soon</html>")))
		}},
		{"empty body for entries", inv, "federation.peer_chunk_cut", "bytes=16", func(*testing.T, *pair) front { return onPath(since, answer(nil)) }},
		{"huge entry", big, "federation.peer_too_large", "what=entry", func(*testing.T, *pair) front { return onPath(since, answer(rawChunk(1<<20, 0))) }},
		{"huge payload", big, "federation.peer_too_large", "what=payload", func(*testing.T, *pair) front { return onPath(since, answer(rawChunk(1, 1<<31))) }},
		{"impossible size", inv, "federation.peer_bad_size", "size=", func(*testing.T, *pair) front {
			return onPath(since, rewrite(func(b []byte) []byte { b[len("comity/chunk/v1\n")] = 0xff; return b }))
		}},
	}
}

// rawChunk begins a chunk of one item with the lengths claimed.
func rawChunk(entry, payload uint32) []byte {
	b := append([]byte("comity/chunk/v1\n"), make([]byte, 7)...)
	b = append(b, 40)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, entry)
	if entry == 1 {
		b = append(b, '{')
		b = binary.BigEndian.AppendUint32(b, payload)
	}
	return append(b, make([]byte, 1000)...)
}

// checkpointCase answers with a checkpoint made for the occasion.
func checkpointCase(make func(t *testing.T, p *pair) []byte) func(*testing.T, *pair) front {
	return func(t *testing.T, p *pair) front { return onPath("/checkpoint", answer(make(t, p))) }
}

func signed(t *testing.T, by *party, origin string, h comity.Head) []byte {
	t.Helper()
	msg, err := ledger.SignCheckpoint(by.keys.Log(), origin, h)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func hostileCheckpoints() []hostile {
	const u = comity.Unverified
	origin := func(p *pair) string { return ledger.Origin(p.pub.id.ID, p.sink.ch.ID) }
	root := comity.Hash{1, 2, 3}
	return []hostile{
		{"other root of same size", u, "federation.fork", "size=40", checkpointCase(func(t *testing.T, p *pair) []byte {
			return signed(t, p.pub, origin(p), comity.Head{Size: 40, Root: root})
		})},
		{"smaller tree of another history", u, "federation.fork", "size=20", checkpointCase(func(t *testing.T, p *pair) []byte {
			return signed(t, p.pub, origin(p), comity.Head{Size: 20, Root: root})
		})},
		{"old checkpoint", u, "federation.old_checkpoint", "got=20", checkpointCase(func(t *testing.T, p *pair) []byte {
			h, err := headAt(t.Context(), p.pub.log, p.pub.log.channel().Head, 20)
			if err != nil {
				t.Fatal(err)
			}
			return signed(t, p.pub, origin(p), h)
		})},
		{"larger tree of another history", u, "federation.peer_not_consistent", "new=80", checkpointCase(func(t *testing.T, p *pair) []byte {
			return signed(t, p.pub, origin(p), comity.Head{Size: 80, Root: root})
		})},
		{"signed by another node", u, "federation.peer_unknown_key", "key=kz-cert/log", checkpointCase(func(t *testing.T, p *pair) []byte {
			return signed(t, p.sub, origin(p), p.pub.log.channel().Head)
		})},
		{"of another node", u, "federation.peer_unknown_key", "peer=KE-CIRT", checkpointCase(func(t *testing.T, p *pair) []byte {
			return signed(t, p.sub, ledger.Origin(p.sub.id.ID, p.sink.ch.ID), p.pub.log.channel().Head)
		})},
		{"of another channel", u, "federation.peer_other_origin", "got=", checkpointCase(func(t *testing.T, p *pair) []byte {
			return signed(t, p.pub, ledger.Origin(p.pub.id.ID, "aaaaaaaaaaaaaaaaaaaaaaaaaa"), p.pub.log.channel().Head)
		})},
		{"wrong signature", u, "federation.peer_bad_signature", "key=ke-cirt/log", checkpointCase(func(t *testing.T, p *pair) []byte {
			return bytes.Replace(p.pub.log.channel().Checkpoint, []byte("\n80\n"), []byte("\n81\n"), 1)
		})},
		{"too many signatures", u, "federation.peer_many_signatures", "limit=100", checkpointCase(func(t *testing.T, p *pair) []byte {
			msg := p.pub.log.channel().Checkpoint
			text, sigs, _ := notePart(msg)
			return append(append(bytes.Clone(text), '\n'), bytes.Repeat(sigs, 101)...)
		})},
		{"not a checkpoint", u, "federation.peer_bad_checkpoint", "cause=", checkpointCase(func(t *testing.T, p *pair) []byte {
			msg, err := note.Sign(&note.Note{Text: origin(p) + "\nmany\nhash\n"}, p.pub.keys.Log())
			if err != nil {
				t.Fatal(err)
			}
			return msg
		})},
		{"not a note", comity.Invalid, "federation.bad_answer", "peer=KE-CIRT", checkpointCase(func(*testing.T, *pair) []byte { return []byte("hello") })},
		{"broken note", u, "federation.peer_note_malformed", "channel=", checkpointCase(func(t *testing.T, p *pair) []byte {
			return append([]byte("\x01\n"), p.pub.log.channel().Checkpoint...)
		})},
		{"says nothing was signed", u, "federation.log_gone", "size=40", func(*testing.T, *pair) front { return onPath("/checkpoint", status(204)) }},
	}
}

func hostileTransport() []hostile {
	hang := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	endless := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		b := append(rawChunk(1, 1<<20), make([]byte, 1<<16)...)
		for r.Context().Err() == nil {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}
	const un, inv, big = comity.Unreachable, comity.Invalid, comity.TooLarge
	const cut = "federation.unreachable"
	return []hostile{
		{"silence", un, cut, timeout, func(*testing.T, *pair) front {
			return onPath("/checkpoint", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
		}},
		{"silence after the header", un, cut, timeout, func(*testing.T, *pair) front { return onPath(since, hang) }},
		{"silence in the body", un, cut, timeout, func(*testing.T, *pair) front {
			return onPath(since, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				b := honest(r, next).Body.Bytes()
				_, _ = w.Write(b[:len(b)/2])
				hang(w, r, next)
			})
		}},
		{"drop by drop", un, cut, timeout, func(*testing.T, *pair) front {
			return onPath(since, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				for _, b := range honest(r, next).Body.Bytes() { // never silent, never done
					if _, err := w.Write([]byte{b}); err != nil {
						return
					}
					w.(http.Flusher).Flush()
					time.Sleep(20 * time.Millisecond)
				}
			})
		}},
		{"closed connection", un, cut, "cause_closed", func(*testing.T, *pair) front {
			return onPath("/checkpoint", func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
		}},
		{"closed in the body", un, cut, "cause_closed", func(*testing.T, *pair) front {
			return onPath(since, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				b := honest(r, next).Body.Bytes()
				_, _ = w.Write(b[:len(b)/2])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
		}},
		{"empty answer", inv, "federation.empty_answer", "peer=KE-CIRT", func(*testing.T, *pair) front { return onPath("/checkpoint", answer(nil)) }},
		{"endless entries", big, "federation.peer_too_large", "limit=", func(*testing.T, *pair) front { return onPath(since, endlessPayloads) }},
		{"endless checkpoint", big, "federation.peer_too_large", "limit=65536", func(*testing.T, *pair) front { return onPath("/checkpoint", endless) }},
		{"zstd bomb", big, "federation.peer_too_large", "limit=2097152", func(t *testing.T, _ *pair) front {
			return onPath(since, answer(zstdBomb(t), "Content-Encoding", "zstd"))
		}},
		{"zstd window", big, "federation.peer_too_large", "what=zstd", func(*testing.T, *pair) front {
			return onPath(since, answer([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xa0, 9, 0, 0, 'x'}, "Content-Encoding", "zstd"))
		}},
		{"broken zstd", inv, "federation.bad_encoding", "peer=KE-CIRT", func(*testing.T, *pair) front {
			return onPath(since, answer([]byte("this is not zstd at all"), "Content-Encoding", "zstd"))
		}},
		{"other compression", inv, "federation.bad_encoding", "peer=KE-CIRT", func(*testing.T, *pair) front {
			return onPath(since, answer([]byte("x"), "Content-Encoding", "gzip"))
		}},
		{"huge header", inv, "federation.bad_http", "limit=32768", func(*testing.T, *pair) front {
			return onPath("/checkpoint", answer([]byte("x"), "X-Long", strings.Repeat("x", 1<<20)))
		}},
		{"many headers", inv, "federation.bad_http", "limit=32768", func(*testing.T, *pair) front {
			var list []string
			for i := range 64 {
				list = append(list, "X-Long-"+strconv.Itoa(i), strings.Repeat("x", 1<<10))
			}
			return onPath("/checkpoint", answer([]byte("x"), list...))
		}},
		{"redirect", comity.Unverified, "federation.redirected", "to=http://127.0.0.1/", func(*testing.T, *pair) front {
			return onPath("/checkpoint", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				http.Redirect(w, r, "http://127.0.0.1/", http.StatusFound)
			})
		}},
		{"page instead of reason", un, "federation.bad_status", "status=500", func(*testing.T, *pair) front {
			return onPath("/checkpoint", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				http.Error(w, "<h1>oops</h1>", 500)
			})
		}},
		{"hostile reason", un, "federation.bad_status", "status=403", func(*testing.T, *pair) front {
			return onPath("/checkpoint", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.WriteHeader(403)
				_, _ = w.Write([]byte(`{"kind":"forbidden","message":{"key":"x","args":[{"name":"n","value":"\u202egnp.exe"}]}}`))
			})
		}},
	}
}

// endlessPayloads is a well-formed chunk that never ends within its bounds: each
// item alone is allowed.
func endlessPayloads(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	b := binary.BigEndian.AppendUint32(append([]byte("comity/chunk/v1\n"), 0, 0, 0, 0, 0, 0, 0, 40), 16)
	_, _ = w.Write(b)
	item := binary.BigEndian.AppendUint32(append([]byte{0, 0, 0, 2}, "{}"...), 1<<20)
	item = append(item, bytes.Repeat([]byte("\n"), 1<<20)...)
	for r.Context().Err() == nil {
		if _, err := w.Write(item); err != nil {
			return
		}
	}
}

// zstdBomb compresses such a chunk of 16 MiB to little.
func zstdBomb(t *testing.T) []byte {
	var out bytes.Buffer
	e, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = e.Write(binary.BigEndian.AppendUint32(append([]byte("comity/chunk/v1\n"), 0, 0, 0, 0, 0, 0, 0, 40), 16))
	for range 16 {
		item := binary.BigEndian.AppendUint32(append([]byte{0, 0, 0, 2}, "{}"...), 1<<20)
		_, _ = e.Write(append(item, bytes.Repeat([]byte("\n"), 1<<20)...))
	}
	if err := e.Close(); err != nil || out.Len() > 1<<16 {
		t.Fatalf("bomb of %d bytes: %v", out.Len(), err)
	}
	return out.Bytes()
}
