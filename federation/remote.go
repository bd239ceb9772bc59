package federation

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// Remote is one peer as the client sees it. Errors are Unreachable with the
// cause, Unverified when the TLS key is not the pinned one, or what the peer
// itself answered, with its kind and message. Nothing that comes back is
// verified unless it says so.
type Remote struct {
	client *Client
	id     *Identity
	of     *Identity // whose channels are read from the peer's copy; nil for its own
	http   *http.Client
	slots  chan struct{} // one for each request under way that is no long poll
}

// requestsAtOnce is how many requests one peer is asked at once, below what a
// server allows (ServerOptions.PeerRequests), however many channels are read.
const requestsAtOnce = 8

// Channels returns the channels that the peer offers this node: id, agreement
// chain, publisher, stream and SignedSize. Their ids are checked to follow from
// the rest.
func (r *Remote) Channels(ctx context.Context) ([]comity.Channel, error) {
	const op = "list channels"
	b, err := r.get(ctx, op, "/ch", nil, 0, 4<<20)
	if err != nil {
		return nil, err
	}
	var list []channelBody
	if err = ledger.CheckJSON(b, maxDepth); err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, invalid(op, r.id.ID, err, "federation.bad_answer", comity.A("peer", r.id.Name))
	}
	out := make([]comity.Channel, 0, len(list))
	for _, c := range list {
		if c.Publisher != r.id.ID || c.ID != ledger.ChannelIDOf(c.Agreement, c.Publisher, c.Stream) {
			return nil, unverified(op, r.id.ID, nil, "federation.channel_id", comity.A("peer", r.id.Name), comity.A("channel", clip(string(c.ID))))
		}
		out = append(out, comity.Channel{ID: c.ID, Agreement: c.Agreement, Publisher: c.Publisher, Stream: c.Stream, SignedSize: c.Size})
	}
	return out, nil
}

// Checkpoint waits up to wait for a checkpoint of more than after entries and
// returns the one there is then: the note with the peer's own signature, and
// the receipt lines that came with it. NotFound when nothing was signed yet.
func (r *Remote) Checkpoint(ctx context.Context, ch comity.ChannelID, after int64, wait time.Duration) (note []byte, receipts [][]byte, err error) {
	const op = "fetch checkpoint"
	q := url.Values{"after": {strconv.FormatInt(after, 10)}}
	if wait > 0 {
		q.Set("wait", wait.String())
	}
	b, err := r.get(ctx, op, r.channelPath(ch)+"/checkpoint", q, wait, 64<<10)
	if err != nil {
		return nil, nil, err
	}
	note, receipts, ok := splitNote(b, r.publisher().Keys.every(RoleLog, true)...)
	if !ok {
		return nil, nil, invalid(op, ch, nil, "federation.bad_answer", comity.A("peer", r.id.Name))
	}
	if len(note) == 0 {
		note = b // not signed by the peer: who did sign it, OpenCheckpoint says
	}
	return note, receipts, nil
}

// Since fetches entries with their payloads from index from on: at most max, at
// most to the signed size to, as one chunk. It is bounded, not verified; see
// ledger.VerifyChunk.
func (r *Remote) Since(ctx context.Context, ch comity.ChannelID, from int64, max int, to int64) (ledger.Chunk, error) {
	return r.since(ctx, ch, from, max, to, true)
}

func (r *Remote) since(ctx context.Context, ch comity.ChannelID, from int64, most int, to int64, payloads bool) (ledger.Chunk, error) {
	const op = "fetch entries"
	q := url.Values{"max": {strconv.Itoa(most)}, "to": {strconv.FormatInt(to, 10)}}
	if !payloads {
		q.Set("payloads", "0")
	}
	var c ledger.Chunk
	err := r.do(ctx, op, request{path: r.channelPath(ch) + "/since/" + strconv.FormatInt(from, 10), query: q}, func(body io.Reader) (err error) {
		c, err = ledger.ReadChunk(body, ledger.Limits{Items: most, Bytes: r.client.opts.ChunkBytes})
		return err
	})
	if err != nil {
		return ledger.Chunk{}, peerError(op, err, r.id, ch)
	}
	return c, nil
}

// PostReceipt sends a checkpoint of the peer together with this node's receipt
// line on it.
func (r *Remote) PostReceipt(ctx context.Context, ch comity.ChannelID, checkpoint, line []byte) error {
	body := append(bytes.Clone(checkpoint), line...)
	return r.do(ctx, "send receipt", request{path: "/ch/" + string(ch) + "/receipt", body: body}, nil)
}

// PostInbox sends a signed document.
func (r *Remote) PostInbox(ctx context.Context, doc []byte) error {
	return r.do(ctx, "send document", request{path: "/inbox", body: doc}, nil)
}

// request is one call. A body makes it a POST.
type request struct {
	path  string
	query url.Values
	body  []byte
	wait  time.Duration // a long poll's
}

// get fetches a small answer whole.
func (r *Remote) get(ctx context.Context, op, path string, q url.Values, wait time.Duration, limit int64) ([]byte, error) {
	var b []byte
	err := r.do(ctx, op, request{path: path, query: q, wait: wait}, func(body io.Reader) (err error) {
		b, err = io.ReadAll(io.LimitReader(body, limit+1))
		if err == nil && int64(len(b)) > limit {
			return r.tooMuch(op, "answer", limit, nil)
		}
		if err == nil && len(b) == 0 {
			return invalid(op, r.id.ID, nil, "federation.empty_answer", comity.A("peer", r.id.Name))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// do makes one request and gives a good answer's body to read. It is over when
// do returns: nothing of it outlives the call.
func (r *Remote) do(ctx context.Context, op string, q request, read func(io.Reader) error) error {
	base, err := baseURL(r.id.URL)
	if err != nil {
		return err
	}
	base.Path += prefix + q.path
	base.RawQuery = q.query.Encode()
	if q.wait == 0 {
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
		case <-ctx.Done():
			return comity.E(comity.Interrupted, op, r.id.ID, comity.Msg("federation.interrupted"), ctx.Err())
		}
	}
	watch := newWatch(ctx, r.client.opts, q.wait)
	defer watch.end()
	method, body := http.MethodGet, io.Reader(nil)
	if q.body != nil {
		method, body = http.MethodPost, bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(watch.ctx, method, base.String(), body)
	if err != nil {
		return r.unreachable(ctx, op, watch, err)
	}
	req.Header.Set("Accept-Encoding", "zstd")
	req.Header.Set("User-Agent", "comity/1")
	res, err := r.http.Do(req)
	if err != nil {
		return r.unreachable(ctx, op, watch, err)
	}
	defer res.Body.Close()
	watch.body = res.Body
	if err := r.status(op, res, watch); err != nil {
		return err
	}
	if read == nil {
		return nil
	}
	content := io.Reader(watch)
	switch res.Header.Get("Content-Encoding") {
	case "":
	case "zstd":
		d, err := decompress(watch, r.client.opts.ChunkBytes)
		if err != nil {
			return err
		}
		defer d.Close()
		content = d
	default:
		return invalid(op, r.id.ID, nil, "federation.bad_encoding", comity.A("peer", r.id.Name))
	}
	if err := read(content); err != nil {
		return r.broken(ctx, op, watch, err)
	}
	return nil
}

// status turns everything but a good answer into an error.
func (r *Remote) status(op string, res *http.Response, body io.Reader) error {
	switch code := res.StatusCode; {
	case code == http.StatusNoContent && res.Request.Method == http.MethodGet:
		return comity.E(comity.NotFound, op, r.id.ID, comity.Msg("federation.no_checkpoint", comity.A("peer", r.id.Name)), nil)
	case code == http.StatusOK, code == http.StatusNoContent:
		return nil
	case code >= 300 && code < 400:
		return unverified(op, r.id.ID, nil, "federation.redirected", comity.A("peer", r.id.Name), comity.A("to", clip(res.Header.Get("Location"))))
	}
	return r.answered(op, res, body)
}

// errSilent and errSlow say why a request was given up.
var (
	errSilent = errors.New("no byte came in time")
	errSlow   = errors.New("the answer took too long")
)

// watch ends a request when the peer falls silent or takes for ever. It is the
// body's reader; every byte buys time, up to the total.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	total  context.CancelFunc
	timer  *time.Timer
	idle   time.Duration
	body   io.Reader
}

func newWatch(ctx context.Context, o ClientOptions, wait time.Duration) *watch {
	w := &watch{idle: o.Idle}
	ctx, w.total = context.WithTimeoutCause(ctx, o.Total+wait, errSlow)
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(o.Idle+wait, func() { w.cancel(errSilent) })
	return w
}

// Read reads the body and restarts the clock.
func (w *watch) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	if n > 0 {
		w.timer.Reset(w.idle)
	}
	return n, err
}

// end releases everything.
func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
	w.total()
}
