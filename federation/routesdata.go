package federation

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

const (
	typeChunk = "application/vnd.comity.chunk"
	typeBytes = "application/octet-stream"

	cacheForever = "private, max-age=31536000, immutable"
	cacheShort   = "private, max-age=60"
)

// getSince sends the entries from i on as one chunk that ends at or before the
// signed size to. payloads=0 leaves the payloads out.
func (s *Server) getSince(w http.ResponseWriter, r *http.Request, c *caller) error {
	ch, err := s.channel(r, c)
	if err != nil {
		return err
	}
	from, err := parseIndex("i", r.PathValue("i"))
	if err != nil {
		return err
	}
	most, err := queryInt(r, "max", int64(s.opts.ChunkItems))
	if err != nil {
		return err
	}
	to, err := queryInt(r, "to", ch.SignedSize)
	if err != nil {
		return err
	}
	if to > ch.SignedSize || from >= to {
		return invalid("serve", subject(ch.ID, from), nil, "federation.beyond_end", comity.A("index", from), comity.A("size", min(to, ch.SignedSize)))
	}
	chunk, target, err := s.chunk(r.Context(), &ch, from, int(min(max(most, 1), int64(s.opts.ChunkItems), to-from)), to)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("payloads") == "0" {
		for i := range chunk.Items {
			chunk.Items[i] = ledger.Item{Entry: chunk.Items[i].Entry}
		}
	}
	if chunk.Proof, err = ledger.ProveConsistency(r.Context(), s.src.Log(ch.ID), target, chunk.End.Size); err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", typeChunk)
	head.Set("Cache-Control", "no-store")
	out := s.zstd.writer(w, r)
	if err := ledger.WriteChunk(out, chunk.From, chunk.Items, chunk.End, chunk.Proof); err != nil {
		out.discard()
		if comity.Is(err, comity.Unreachable) {
			return nil // the reader is gone
		}
		return err // found before anything was written
	}
	return out.finish()
}

// chunk collects the items and the heads around them.
func (s *Server) chunk(ctx context.Context, ch *comity.Channel, from int64, most int, to int64) (ledger.Chunk, comity.Head, error) {
	c := ledger.Chunk{From: from}
	log := s.src.Log(ch.ID)
	target, err := headAt(ctx, log, ch.Head, to)
	if err != nil {
		return c, target, err
	}
	if c.Items, err = s.src.Items(ctx, *ch, from, most, s.opts.ChunkBytes); err != nil {
		return c, target, err
	}
	if len(c.Items) == 0 || len(c.Items) > most {
		return c, target, comity.E(comity.Internal, "serve", subject(ch.ID, from), comity.Msg("federation.own_entries", comity.A("index", from)), nil)
	}
	c.End, err = headAt(ctx, log, target, from+int64(len(c.Items)))
	return c, target, err
}

func (s *Server) getTile(w http.ResponseWriter, r *http.Request, c *caller) error {
	ch, err := s.channel(r, c)
	if err != nil {
		return err
	}
	level, lerr := strconv.Atoi(r.PathValue("level"))
	n, width, ok := parseTilePath(r.PathValue("n"))
	if lerr != nil || !ok || level < 0 || level > 5 || strconv.Itoa(level) != r.PathValue("level") {
		return noTile(r.URL.Path, &ch)
	}
	if have := ch.SignedSize >> (8 * level); n*tileWidth+int64(width) > have {
		return noTile(r.URL.Path, &ch)
	}
	data, err := s.src.Log(ch.ID).Tiles(r.Context(), []ledger.TileID{{Level: level, N: n}})
	if err != nil {
		return err
	}
	if len(data) != 1 || len(data[0]) < width*sha256.Size {
		return comity.E(comity.Internal, "serve", clip(r.URL.Path), comity.Msg("federation.own_tree", comity.A("size", ch.SignedSize)), nil)
	}
	return send(w, typeBytes, cacheForever, data[0][:width*sha256.Size])
}

// getEntries sends an entry bundle: each entry after its length in two bytes.
func (s *Server) getEntries(w http.ResponseWriter, r *http.Request, c *caller) error {
	ch, err := s.channel(r, c)
	if err != nil {
		return err
	}
	n, width, ok := parseTilePath(r.PathValue("n"))
	if !ok || n*tileWidth+int64(width) > ch.SignedSize {
		return noTile(r.URL.Path, &ch)
	}
	var body []byte
	err = s.each(r.Context(), &ch, n*tileWidth, n*tileWidth+int64(width), func(i int64, it *ledger.Item) error {
		if len(it.Entry) > 1<<16-1 {
			return tooLarge("serve", i, nil, "entry", 1<<16-1)
		}
		body = binary.BigEndian.AppendUint16(body, uint16(len(it.Entry)))
		body = append(body, it.Entry...)
		return nil
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeBytes)
	w.Header().Set("Cache-Control", cacheForever)
	out := s.zstd.writer(w, r)
	if _, err := out.Write(body); err != nil {
		out.discard()
		return nil
	}
	return out.finish()
}

// getData sends the payload frames of a bundle: as many as are signed. They
// change by erasure, so the answer has an ETag over the nonces that are left.
func (s *Server) getData(w http.ResponseWriter, r *http.Request, c *caller) error {
	ch, err := s.channel(r, c)
	if err != nil {
		return err
	}
	n, width, ok := parseTilePath(r.PathValue("n"))
	from := n * tileWidth
	to := min(from+tileWidth, ch.SignedSize)
	if !ok || width != tileWidth || from >= to {
		return noTile(r.URL.Path, &ch)
	}
	sum := sha256.New()
	if err := s.each(r.Context(), &ch, from, to, func(_ int64, it *ledger.Item) error {
		sum.Write(append([]byte{byte(len(it.Nonce))}, it.Nonce...))
		return nil
	}); err != nil {
		return err
	}
	etag := `"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"`
	head := w.Header()
	head.Set("ETag", etag)
	head.Set("Cache-Control", cacheShort)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	head.Set("Content-Type", typeBytes)
	out := s.zstd.writer(w, r)
	if err := s.each(r.Context(), &ch, from, to, func(_ int64, it *ledger.Item) error { return writeFrame(out, it) }); err != nil {
		out.discard()
		s.opts.Log.Warn("payload bundle was cut short", "channel", string(ch.ID), "bundle", n, "error", err)
		return nil // part may be out: the reader sees an unfinished zstd stream or frame
	}
	return out.finish()
}

// writeFrame writes one payload frame; length 0 stands for none.
func writeFrame(w io.Writer, it *ledger.Item) error {
	size := binary.BigEndian.AppendUint32(nil, uint32(len(it.Nonce)+len(it.Header)+len(it.Payload)))
	for _, b := range [][]byte{size, it.Nonce, it.Header, it.Payload} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// each calls fn for every item of [from, to), a bounded number in memory.
func (s *Server) each(ctx context.Context, ch *comity.Channel, from, to int64, fn func(int64, *ledger.Item) error) error {
	for from < to {
		items, err := s.src.Items(ctx, *ch, from, int(to-from), s.opts.ChunkBytes)
		if err != nil {
			return err
		}
		if len(items) == 0 || int64(len(items)) > to-from {
			return comity.E(comity.Internal, "serve", subject(ch.ID, from), comity.Msg("federation.own_entries", comity.A("index", from)), nil)
		}
		for i := range items {
			if err := fn(from+int64(i), &items[i]); err != nil {
				return err
			}
		}
		from += int64(len(items))
	}
	return nil
}

// pause waits a little, or until ctx ends.
func pause(ctx context.Context) {
	t := time.NewTimer(20 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
