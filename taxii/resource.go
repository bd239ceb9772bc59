package taxii

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// The resources as they are on the wire. Empty lists and texts are left out, as
// section 2 demands.
type discoveryJSON struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Default     string   `json:"default,omitempty"`
	Roots       []string `json:"api_roots,omitempty"`
}

type rootJSON struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Versions    []string `json:"versions"`
	Max         int64    `json:"max_content_length"`
}

type collectionJSON struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Alias       string   `json:"alias,omitempty"`
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MediaTypes  []string `json:"media_types,omitempty"`
}

type collectionsJSON struct {
	Collections []collectionJSON `json:"collections,omitempty"`
}

type statusJSON struct {
	ID        string         `json:"id"`
	Status    string         `json:"status"`
	Requested string         `json:"request_timestamp,omitempty"`
	Total     int            `json:"total_count"`
	Success   int            `json:"success_count"`
	Successes []StatusDetail `json:"successes,omitempty"`
	Failure   int            `json:"failure_count"`
	Failures  []StatusDetail `json:"failures,omitempty"`
	Pending   int            `json:"pending_count"`
	Pendings  []StatusDetail `json:"pendings,omitempty"`
}

func (s *server) discovery(ctx context.Context, x *exchange) error {
	d, err := s.b.Discovery(ctx, x.who)
	if err != nil {
		return err
	}
	out := discoveryJSON{Title: d.Title, Description: d.Description, Contact: d.Contact}
	for _, r := range d.Roots {
		out.Roots = append(out.Roots, s.rootURL(r))
		if r == d.Default {
			out.Default = s.rootURL(r)
		}
	}
	return s.sendJSON(x, http.StatusOK, out)
}

// rootURL gives an absolute URL, or a relative one that begins with one slash
// (section 4.1.1).
func (s *server) rootURL(name string) string {
	if strings.HasPrefix(name, "https://") {
		return name
	}
	return s.o.BaseURL + Prefix + url.PathEscape(name) + "/"
}

func (s *server) root(ctx context.Context, x *exchange) error {
	r, err := s.b.Root(ctx, x.who, x.route.root)
	if err != nil {
		return err
	}
	return s.sendJSON(x, http.StatusOK, rootJSON{r.Title, r.Description, []string{MediaTAXII}, r.MaxContentLength})
}

func (s *server) collections(ctx context.Context, x *exchange) error {
	list, err := s.b.Collections(ctx, x.who, x.route.root)
	if err != nil {
		return err
	}
	var out collectionsJSON
	for _, c := range list {
		out.Collections = append(out.Collections, collectionBody(c))
	}
	return s.sendJSON(x, http.StatusOK, out)
}

func collectionBody(c Collection) collectionJSON {
	if len(c.MediaTypes) == 0 {
		c.MediaTypes = []string{MediaSTIX}
	}
	return collectionJSON{string(c.ID), c.Title, c.Description, c.Alias, c.CanRead, c.CanWrite, c.MediaTypes}
}

func (s *server) status(ctx context.Context, x *exchange) error {
	st, err := s.b.Status(ctx, x.who, x.route.root, x.route.status)
	if err != nil {
		return err
	}
	return s.sendJSON(x, http.StatusOK, statusBody(st))
}

func statusBody(st Status) statusJSON {
	count := func(list []StatusDetail, n int) int { return max(len(list), n) }
	out := statusJSON{
		ID: st.ID, Status: "pending",
		Success: count(st.Successes, st.SuccessCount), Successes: st.Successes,
		Failure: count(st.Failures, st.FailureCount), Failures: st.Failures,
		Pending: count(st.Pendings, st.PendingCount), Pendings: st.Pendings,
	}
	// Clients refuse a list whose length is not its count.
	if out.Success != len(out.Successes) {
		out.Successes = nil
	}
	if out.Failure != len(out.Failures) {
		out.Failures = nil
	}
	if out.Pending != len(out.Pendings) {
		out.Pendings = nil
	}
	out.Total = out.Success + out.Failure + out.Pending
	if st.Complete {
		out.Status = "complete"
	}
	if !st.Requested.IsZero() {
		out.Requested = FormatTime(st.Requested)
	}
	return out
}

// sendJSON sends a small resource, or 304 when the client has it already.
func (s *server) sendJSON(x *exchange, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return comity.E(comity.Internal, "taxii", x.r.URL.Path, comity.Msg("taxii.defect"), err)
	}
	if status == http.StatusOK {
		tag := s.seal.etag([]byte(x.who.audience()), b)
		x.w.Header().Set("ETag", tag)
		x.w.Header().Set("Cache-Control", "private, no-cache")
		if unchanged(x.r, tag) {
			s.notModified(x)
			return nil
		}
	}
	s.send(x, status, b)
	return nil
}

func (s *server) notModified(x *exchange) {
	x.w.Header().Set("Vary", varies)
	x.status = http.StatusNotModified
	x.w.WriteHeader(x.status)
}

const varies = "Accept, Accept-Encoding, Authorization"

// unchanged reports whether If-None-Match names the tag, compared weakly.
func unchanged(r *http.Request, tag string) bool {
	for _, h := range r.Header.Values("If-None-Match") {
		for part := range splitList(h) {
			if part == "*" || strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// send sends a whole body.
func (s *server) send(x *exchange, status int, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", MediaTAXII)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", varies)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.status, x.bytes = status, int64(len(body))
	rc := http.NewResponseController(x.w)
	rc.SetWriteDeadline(time.Now().Add(s.o.Stall))
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		x.w.Write(body)
	}
	if len(body) > smallBody {
		rc.Flush()
	}
	rc.SetWriteDeadline(time.Time{})
}

// smallBody is what net/http keeps in its buffer until the handler is done.
const smallBody = 2 << 10
