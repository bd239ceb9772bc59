package federation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

func (s *Server) getIdentity(w http.ResponseWriter, r *http.Request, _ *caller) error {
	msg, err := s.src.IdentityNote(r.Context())
	if err != nil {
		return err
	}
	return send(w, "text/plain; charset=utf-8", "no-cache", msg)
}

// channelBody is one channel in the answer to GET /ch.
type channelBody struct {
	ID        comity.ChannelID   `json:"id"`
	Agreement comity.AgreementID `json:"agreement"`
	Publisher comity.MemberID    `json:"publisher"`
	Stream    string             `json:"stream"`
	Size      int64              `json:"size"`
}

func (s *Server) getChannels(w http.ResponseWriter, r *http.Request, c *caller) error {
	chs, err := s.src.Readable(r.Context(), c.peer.ID)
	if err != nil {
		return err
	}
	list := make([]channelBody, 0, len(chs))
	for _, ch := range chs {
		list = append(list, channelBody{ch.ID, ch.Agreement, ch.Publisher, ch.Stream, ch.SignedSize})
	}
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return send(w, "application/json", "no-store", body)
}

// channel finds the channel of the path, if this caller may read it.
func (s *Server) channel(r *http.Request, c *caller) (comity.Channel, error) {
	id := comity.ChannelID(r.PathValue("id"))
	if !validChannelID(id) {
		return comity.Channel{}, comity.E(comity.NotFound, "serve", clip(string(id)), comity.Msg("federation.no_channel", comity.A("channel", clip(string(id)))), nil)
	}
	if of := r.PathValue("node"); of != "" {
		return s.src.MirrorChannel(r.Context(), c.peer.ID, comity.MemberID(of), id)
	}
	return s.src.ReadableChannel(r.Context(), c.peer.ID, id)
}

// getCheckpoint is the long poll: it answers as soon as the signed size is more
// than after, or when wait is over, with what there is then.
func (s *Server) getCheckpoint(w http.ResponseWriter, r *http.Request, c *caller) error {
	after, err := queryInt(r, "after", -1)
	if err != nil {
		return err
	}
	wait, err := queryWait(r, s.opts.MaxWait)
	if err != nil {
		return err
	}
	ctx, cancel := s.untilClosing(r.Context(), wait)
	defer cancel()
	ch, err := s.channel(r, c)
	for err == nil && ch.SignedSize <= after && wait > 0 {
		if s.src.Wait(ctx, ch.ID, after) != nil {
			ch, err = s.channel(r, c) // rights may have changed meanwhile
			break
		}
		if ch, err = s.channel(r, c); err == nil && ch.SignedSize <= after {
			pause(ctx) // woken without need: at most fifty times a second
		}
	}
	if err != nil {
		return err
	}
	if len(ch.Checkpoint) == 0 {
		w.WriteHeader(http.StatusNoContent) // nothing was ever signed
		return nil
	}
	msg, err := s.withReceipts(r, &ch)
	if err != nil {
		return err
	}
	return send(w, "text/plain; charset=utf-8", "no-store", msg)
}

// withReceipts adds the receipts on exactly this checkpoint to its note.
func (s *Server) withReceipts(r *http.Request, ch *comity.Channel) ([]byte, error) {
	rs, err := s.src.Receipts(r.Context(), ch.ID)
	if err != nil {
		return nil, err
	}
	msg := bytes.Clone(ch.Checkpoint)
	for _, rc := range rs {
		if rc.Size == ch.SignedSize && bytes.Count(msg, []byte("\n— ")) < 99 {
			msg = append(msg, bytes.TrimSuffix(rc.Line, []byte("\n"))...)
			msg = append(msg, '\n')
		}
	}
	return msg, nil
}

// postReceipt takes a cosigned checkpoint: this node's own checkpoint with the
// reader's signature line under it.
func (s *Server) postReceipt(w http.ResponseWriter, r *http.Request, c *caller) error {
	const op = "take receipt"
	ch, err := s.channel(r, c)
	if err != nil {
		return err
	}
	body, err := readBody(w, r, 64<<10)
	if err != nil {
		return err
	}
	head, _, err := s.opts.Self.Keys.Checkpoint(body, ledger.Origin(s.opts.Self.ID, ch.ID))
	if err != nil {
		return err
	}
	rc := comity.Receipt{Channel: ch.ID, Member: c.peer.ID, Size: head.Size, Root: head.Root}
	_, lines, _ := splitNote(body)
	for _, line := range lines {
		if signedBy(line, c.id.Rcv) {
			rc.Line = line
		}
	}
	if rc.Line == nil {
		return unverified(op, ch.ID, nil, "federation.receipt_missing", comity.A("name", c.id.Name))
	}
	if rc.At, err = ledger.OpenReceipt(body, rc.Line, c.id.Rcv); err != nil {
		return err
	}
	// A receipt on a checkpoint that this node no longer has, under its own
	// signature, means that this node lost history: worth more than a debug line.
	own, err := headAt(r.Context(), s.src.Log(ch.ID), ch.Head, min(head.Size, ch.Head.Size))
	if err != nil {
		return err
	}
	if own != head {
		s.opts.Log.Error("a reader holds a checkpoint of this node that differs from its log", "channel", string(ch.ID),
			"peer", string(c.peer.ID), "theirs", head.Size, "ours", ch.Head.Size)
		return comity.E(comity.Conflict, op, ch.ID, comity.Msg("federation.receipt_conflict", comity.A("size", head.Size), comity.A("own", ch.Head.Size)), nil)
	}
	if err := s.src.AddReceipt(r.Context(), rc); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postInbox takes a signed document from a peer, or the introduction of the
// stranger that has connected.
func (s *Server) postInbox(w http.ResponseWriter, r *http.Request, c *caller) error {
	const op = "take document"
	limit := int64(maxInbox)
	if c.id == nil {
		limit = maxStranger
	}
	body, err := readBody(w, r, limit)
	if err != nil {
		return err
	}
	d, err := OpenInbox(body, c.id)
	if err != nil {
		return err
	}
	if d.To != "" && d.To != s.opts.Self.ID {
		return invalid(op, d.ID, nil, "federation.document_addressee", comity.A("to", d.To.Grouped()), comity.A("self", s.opts.Self.ID.Grouped()))
	}
	if c.id == nil && (!c.cert || d.Subject.AcceptsPin(c.pin, s.opts.Now()) != nil) {
		// Only the node itself, proved by its TLS key, may knock.
		return unverified(op, d.From, nil, "federation.introduction_other_key", comity.A("name", d.Subject.Name))
	}
	from := comity.MemberID("")
	if c.id != nil {
		from = c.peer.ID
	}
	if err := s.src.Inbox(r.Context(), from, d); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// send answers with a body that is in memory.
func send(w http.ResponseWriter, typ, cache string, body []byte) error {
	head := w.Header()
	head.Set("Content-Type", typ)
	head.Set("Content-Length", strconv.Itoa(len(body)))
	head.Set("Cache-Control", cache)
	_, _ = w.Write(body) // the caller is gone; there is nobody to tell
	return nil
}

// readBody reads a request body within limit.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	const op = "read request"
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge(op, "", err, "request", limit)
	case err != nil:
		return nil, invalid(op, "", err, "federation.request_cut")
	}
	return body, nil
}

// queryInt reads a whole, non-negative number of the query.
func queryInt(r *http.Request, name string, none int64) (int64, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return none, nil
	}
	return parseIndex(name, v)
}

// parseIndex reads a number that counts entries.
func parseIndex(name, v string) (int64, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > ledger.MaxSize {
		return 0, comity.E(comity.Usage, "read request", name, comity.Msg("federation.bad_parameter", comity.A("name", name), comity.A("value", clip(v))), nil)
	}
	return n, nil
}

// queryWait reads how long a long poll may last: "25s".
func queryWait(r *http.Request, most time.Duration) (time.Duration, error) {
	v := r.URL.Query().Get("wait")
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, comity.E(comity.Usage, "read request", "wait", comity.Msg("federation.bad_parameter", comity.A("name", "wait"), comity.A("value", clip(v))), nil)
	}
	return min(d, most), nil
}

// noTile says that there is no such tile in the signed tree.
func noTile(path string, ch *comity.Channel) error {
	return comity.E(comity.NotFound, "serve", clip(path), comity.Msg("federation.no_tile", comity.A("path", clip(path)), comity.A("size", ch.SignedSize)), nil)
}

// subject spells what an answer was about.
func subject(ch comity.ChannelID, from int64) string { return fmt.Sprintf("%s from %d", ch, from) }
