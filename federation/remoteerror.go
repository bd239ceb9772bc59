package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
)

// unreachable says why no answer came.
func (r *Remote) unreachable(ctx context.Context, op string, w *watch, err error) error {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return comity.E(comity.Interrupted, op, r.id.ID, comity.Msg("federation.interrupted"), ctx.Err())
	}
	if errors.As(err, new(errPin)) {
		return unverified(op, r.id.ID, err, "federation.pin_mismatch", comity.A("peer", r.id.Name), comity.A("url", clip(r.id.URL)))
	}
	if errors.Is(err, errPrivate) {
		return forbidden(op, r.id.ID, "federation.private_address", comity.A("url", clip(r.id.URL)))
	}
	// net/http has no error values for these; of a header over its bound it says
	// one or the other.
	switch s := err.Error(); {
	case strings.Contains(s, "headers exceeded"), strings.Contains(s, "header list"):
		return r.tooMuch(op, "header", maxHeader, err)
	case strings.Contains(s, "COMPRESSION_ERROR"), strings.Contains(s, "PROTOCOL_ERROR"), strings.Contains(s, "malformed HTTP"):
		return invalid(op, r.id.ID, err, "federation.bad_http", comity.A("peer", r.id.Name), comity.A("limit", maxHeader))
	}
	if cause := context.Cause(w.ctx); cause != nil {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return comity.E(comity.Unreachable, op, r.id.ID, comity.Msg("federation.unreachable", comity.A("peer", r.id.Name),
		comity.A("url", clip(r.id.URL)), comity.A("cause", causeKey(w, err))), err)
}

// causeKey names what went wrong on the way, as a message inside a message.
func causeKey(w *watch, err error) string {
	var dns *net.DNSError
	var timeout net.Error
	cause := context.Cause(w.ctx)
	switch {
	case errors.Is(cause, errSilent), errors.Is(cause, errSlow), errors.Is(err, context.DeadlineExceeded):
		return "msg:federation.cause_timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "msg:federation.cause_refused"
	case errors.As(err, &dns):
		return "msg:federation.cause_name"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "msg:federation.cause_timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed):
		return "msg:federation.cause_closed"
	case strings.Contains(err.Error(), "tls: "):
		return "msg:federation.cause_tls"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "msg:federation.cause_route"
	}
	return "msg:federation.cause_closed"
}

// broken says what was wrong with a body: the format (an error of ours), the
// encoding, or the connection.
func (r *Remote) broken(ctx context.Context, op string, w *watch, err error) error {
	switch {
	case ctx.Err() != nil, context.Cause(w.ctx) != nil:
		return r.unreachable(ctx, op, w, err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeTooSmall):
		return r.tooMuch(op, "zstd", maxWindow, err)
	case isZstd(err):
		return invalid(op, r.id.ID, err, "federation.bad_encoding", comity.A("peer", r.id.Name))
	}
	var e *comity.Error
	if errors.As(err, &e) && e.Kind != comity.Unreachable {
		return err
	}
	return r.unreachable(ctx, op, w, err)
}

// isZstd reports whether the stream was not valid zstd.
func isZstd(err error) bool {
	for _, z := range []error{zstd.ErrReservedBlockType, zstd.ErrCompressedSizeTooBig, zstd.ErrBlockTooSmall, zstd.ErrUnexpectedBlockSize,
		zstd.ErrMagicMismatch, zstd.ErrUnknownDictionary, zstd.ErrFrameSizeExceeded, zstd.ErrFrameSizeMismatch, zstd.ErrCRCMismatch} {
		if errors.Is(err, z) {
			return true
		}
	}
	s := err.Error()
	return strings.Contains(s, "corrupt") || strings.Contains(s, "zstd")
}

// tooMuch says that a peer sent more than the bound.
func (r *Remote) tooMuch(op, what string, limit int64, cause error) error {
	return comity.E(comity.TooLarge, op, r.id.ID, comity.Msg("federation.peer_too_large", comity.A("peer", r.id.Name),
		comity.A("what", what), comity.A("limit", limit)), cause)
}

// foreignKey is what a message key from a peer may look like.
var foreignKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}\.[a-z0-9_.]{1,60}$`)

// answered reads the problem document of a peer. Kind and message pass through
// when they make sense; anything else is told as what it is.
func (r *Remote) answered(op string, res *http.Response, body io.Reader) error {
	other := comity.E(comity.Unreachable, op, r.id.ID,
		comity.Msg("federation.bad_status", comity.A("peer", r.id.Name), comity.A("status", res.StatusCode)), nil)
	b, err := io.ReadAll(io.LimitReader(body, 16<<10))
	var p problem
	if err != nil || json.Unmarshal(b, &p) != nil || !sound(p.Message) {
		return other
	}
	kind := comity.KindOf(p.Kind)
	switch kind {
	case comity.Usage, comity.Invalid, comity.NotFound, comity.Unauthenticated, comity.Forbidden, comity.Conflict,
		comity.TooLarge, comity.Limited, comity.Unavailable, comity.Unverified:
		e := comity.E(kind, op, r.id.ID, p.Message, errRemote)
		if !p.Hint.IsZero() && sound(p.Hint) {
			e = e.WithHint(p.Hint)
		}
		return e
	}
	return other
}

// errRemote marks errors that the peer itself answered with.
var errRemote = errors.New("answered by the peer")

// sound reports whether a foreign message can be shown: a key of our form, few
// and short arguments.
func sound(m comity.Message) bool {
	if !foreignKey.MatchString(m.Key) || len(m.Args) > 12 {
		return false
	}
	for _, a := range m.Args {
		if len(a.Name) > 40 || len(a.Value) > 1000 || !showable(strings.TrimSpace(a.Value), 1000) {
			return false
		}
	}
	return true
}

// peerKeys are the findings of package ledger that are told with the name of the
// peer and the channel they concern: federation.peer_<word>.
var peerKeys = map[string]bool{
	"wrong_start": true, "wrong_count": true, "smaller_tree": true, "wrong_root": true, "not_consistent": true,
	"wrong_commitment": true, "wrong_size": true, "unexpected_payload": true, "entry_unreadable": true,
	"header_unreadable": true, "bad_frame": true, "chunk_cut": true, "chunk_magic": true, "chunk_trailing": true,
	"bad_size": true, "too_large": true, "bad_signature": true, "unknown_key": true, "note_malformed": true, "many_signatures": true,
	"bad_checkpoint": true, "other_origin": true,
}

// peerError names the peer and the channel in what package ledger found wrong;
// other errors pass unchanged.
func peerError(op string, err error, id *Identity, ch comity.ChannelID) error {
	var e *comity.Error
	if !errors.As(err, &e) {
		return err
	}
	word, ok := strings.CutPrefix(e.Msg.Key, "ledger.")
	if !ok {
		return err
	}
	if !peerKeys[word] {
		return comity.E(e.Kind, op, ch, comity.Msg("federation.peer_data", comity.A("peer", id.Name), comity.A("channel", ch), comity.A("cause", e.Msg)), err)
	}
	args := append([]comity.Arg{comity.A("peer", id.Name), comity.A("channel", ch)}, e.Msg.Args...)
	return comity.E(e.Kind, op, ch, comity.Msg("federation.peer_"+word, args...), err)
}
