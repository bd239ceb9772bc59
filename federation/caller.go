package federation

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/comity-net/comity"
)

// access says who may call a route.
type access int

const (
	anyone       access = iota // with TLS; strangers are rate limited
	verifiedPeer               // a peer whose pair code people compared
)

// caller is who makes a request.
type caller struct {
	peer comity.Peer // zero for a stranger
	id   *Identity   // nil for a stranger
	pin  comity.Hash // of the client's TLS key
	cert bool        // it showed one
}

// handler answers a request or returns the error that serve turns into a
// problem document. It must not have written anything when it returns an error.
type handler func(w http.ResponseWriter, r *http.Request, c *caller) error

// serve identifies the caller, applies access and limits, and answers errors.
func (s *Server) serve(who access, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.identify(r)
		if err == nil {
			var release func()
			if release, err = s.limit.enter(r, c); err == nil {
				defer release()
				if err = c.may(who); err == nil {
					err = h(w, r, c)
				}
			}
		}
		if err != nil {
			s.problem(w, r, c, err)
		}
	})
}

// identify finds the peer by the SPKI of its client certificate.
func (s *Server) identify(r *http.Request) (*caller, error) {
	c := &caller{}
	if c.pin, c.cert = peerPin(r.TLS); !c.cert {
		return c, nil
	}
	p, err := s.src.PeerByPin(r.Context(), c.pin)
	if comity.Is(err, comity.NotFound) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	id, err := s.identity(p.Identity)
	if err != nil {
		return c, comity.E(comity.Internal, "serve", p.ID, comity.Msg("federation.peer_record", comity.A("id", p.ID.Short())), err)
	}
	// INVARIANT: the index of the source is not trusted for who the caller is;
	// the pin in the peer's own signed identity decides, in constant time.
	if id.ID != p.ID || id.AcceptsPin(c.pin, s.opts.Now()) != nil {
		return c, comity.E(comity.Internal, "serve", p.ID, comity.Msg("federation.peer_record", comity.A("id", p.ID.Short())), nil)
	}
	c.peer, c.id = p, id
	return c, nil
}

// may refuses callers that have no access to the route.
func (c *caller) may(who access) error {
	const op = "serve"
	switch {
	case who == anyone:
		return nil
	case c.id == nil:
		return comity.E(comity.Unauthenticated, op, "", comity.Msg("federation.stranger"), nil)
	case !c.peer.Verified():
		return forbidden(op, c.peer.ID, "federation.not_verified", comity.A("state", c.peer.State))
	}
	return nil
}

// name is how the log calls the caller.
func (c *caller) name() string {
	if c == nil || c.id == nil {
		return "stranger"
	}
	return string(c.peer.ID)
}

// problem is the body of every error answer (RFC 9457 with our members). The
// cause stays here; kind and message go out.
type problem struct {
	Type    string         `json:"type"`
	Status  int            `json:"status"`
	Kind    string         `json:"kind"`
	Message comity.Message `json:"message"`
	Hint    comity.Message `json:"hint,omitzero"`
}

const problemType = "application/problem+json"

// problem answers with an error and logs it. Refusals are the caller's affair
// (debug); what this node failed at is ours (warn).
func (s *Server) problem(w http.ResponseWriter, r *http.Request, c *caller, err error) {
	kind, msg := comity.ErrorKind(err), comity.ErrorMessage(err)
	level := slog.LevelDebug
	if kind == comity.Internal || kind == comity.Unavailable {
		level = slog.LevelWarn
	}
	if kind == comity.Internal {
		msg = comity.Msg("federation.internal") // what happened inside is nobody else's affair
	}
	s.opts.Log.LogAttrs(r.Context(), level, "federation request failed", slog.String("peer", c.name()),
		slog.String("method", r.Method), slog.String("path", clip(r.URL.Path)), slog.String("kind", kind.String()), slog.Any("error", err))
	p := problem{Type: "about:blank", Status: kind.HTTPStatus(), Kind: kind.String(), Message: msg}
	var e *comity.Error
	if errors.As(err, &e) && kind != comity.Internal {
		p.Hint = e.Hint
	}
	body, jsonErr := json.Marshal(p)
	if jsonErr != nil {
		body = []byte(`{"kind":"internal"}`)
	}
	head := w.Header()
	head.Set("Content-Type", problemType)
	head.Set("Content-Length", strconv.Itoa(len(body)))
	head.Set("Cache-Control", "no-store")
	head.Del("Content-Encoding")
	head.Del("ETag")
	if kind == comity.Limited {
		head.Set("Retry-After", "5")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the caller is gone; there is nobody to tell
}

// remoteNet is the address that strangers are counted by: the address itself,
// or the /64 it lies in.
func remoteNet(r *http.Request) netip.Prefix {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// untilClosing gives a context that also ends when the server shuts down.
func (s *Server) untilClosing(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}
