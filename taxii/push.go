package taxii

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/comity-net/comity"
)

// Push says where to write objects, and how.
type Push struct {
	Root       string // URL of the API root, absolute or relative
	Collection string // id or alias
	Batch      int    // objects of one post: 500
	// MaxBytes of one post; 0 asks the root. What alone is longer fails.
	MaxBytes int64
	// Wait is how long to wait for the server to finish each post: 5 min.
	Wait time.Duration
}

// Push posts objects, each a JSON text, and yields the final status of each post
// with every failure that the server named. It ends with the objects or with one
// error; a status that is not Complete was still pending after Wait.
func (c *Client) Push(ctx context.Context, p Push, objects iter.Seq[[]byte]) iter.Seq2[Status, error] {
	return func(yield func(Status, error) bool) {
		s, err := c.sender(ctx, p)
		if err != nil {
			yield(Status{}, err)
			return
		}
		for raw := range objects {
			if int64(len(raw))+frame > s.p.MaxBytes {
				if !yield(oversize(raw, s.p.MaxBytes), nil) {
					return
				}
				continue
			}
			if len(s.batch) == s.p.Batch || s.size+int64(len(raw))+1 > s.p.MaxBytes {
				if !s.flush(ctx, yield) {
					return
				}
			}
			s.batch = append(s.batch, raw)
			s.size += int64(len(raw)) + 1
		}
		s.flush(ctx, yield)
	}
}

// frame is the envelope around the objects.
const frame = int64(len(`{"objects":[]}`))

type sender struct {
	c     *Client
	p     Push
	root  *url.URL
	to    *url.URL
	batch [][]byte
	size  int64
}

func (c *Client) sender(ctx context.Context, p Push) (*sender, error) {
	if c.o.Version == "2.0" {
		return nil, comity.E(comity.Usage, "taxii push", p.Root, comity.Msg("taxii.client.push20"), nil)
	}
	u, err := c.resolve(p.Root)
	if err != nil {
		return nil, err
	}
	if p.MaxBytes <= 0 {
		r, err := c.Root(ctx, p.Root)
		if err != nil {
			return nil, err
		}
		if p.MaxBytes = r.MaxContentLength; p.MaxBytes <= 0 {
			p.MaxBytes = 1 << 20
		}
	}
	p.MaxBytes = min(p.MaxBytes, 64<<20)
	if p.Batch <= 0 {
		p.Batch = 500
	}
	if p.Wait <= 0 {
		p.Wait = 5 * time.Minute
	}
	return &sender{c: c, p: p, root: u, to: u.JoinPath("collections", url.PathEscape(p.Collection), "objects/"), size: frame}, nil
}

func oversize(raw []byte, limit int64) Status {
	var o struct{ ID, Modified, Created string }
	_ = json.Unmarshal(raw, &o) // what cannot be read has no name
	return Status{Complete: true, Failures: []StatusDetail{{ID: o.ID, Version: o.Modified, Message: fmt.Sprintf("%d bytes, over max_content_length %d", len(raw), limit)}}}
}

// flush posts the batch; in halves, when the server finds it too long after all.
func (s *sender) flush(ctx context.Context, yield func(Status, error) bool) bool {
	todo := [][][]byte{s.batch}
	s.batch, s.size = nil, frame
	for len(todo) > 0 {
		batch := todo[0]
		todo = todo[1:]
		if len(batch) == 0 {
			continue
		}
		st, err := s.post(ctx, batch)
		if comity.Is(err, comity.TooLarge) {
			if len(batch) > 1 {
				half := len(batch) / 2
				todo = append([][][]byte{batch[:half], batch[half:]}, todo...)
				continue
			}
			st, err = oversize(batch[0], s.p.MaxBytes), nil
		}
		if !yield(st, err) || err != nil {
			return false
		}
	}
	return true
}

func (s *sender) post(ctx context.Context, batch [][]byte) (Status, error) {
	var b bytes.Buffer
	b.WriteString(`{"objects":[`)
	for i, raw := range batch {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(raw)
	}
	b.WriteString(`]}`)
	a, err := s.c.do(ctx, request{method: http.MethodPost, url: s.to, accept: MediaTAXII, body: b.Bytes(), status: []int{http.StatusAccepted}})
	if err != nil {
		return Status{}, err
	}
	st, err := readStatus(a.body, s.to)
	deadline := s.c.o.Now().Add(s.p.Wait)
	for wait := time.Second; err == nil && !st.Complete && s.c.o.Now().Before(deadline); wait = min(2*wait, 10*time.Second) {
		if err := s.c.o.Sleep(ctx, wait); err != nil {
			return st, err
		}
		var again Status
		if again, err = s.c.Status(ctx, s.p.Root, st.ID); err == nil {
			st = again
		}
	}
	return st, err
}

// Status asks for the status of a post.
func (c *Client) Status(ctx context.Context, root, id string) (Status, error) {
	u, err := c.resolve(root)
	if err != nil {
		return Status{}, err
	}
	u = u.JoinPath("status", url.PathEscape(id)+"/")
	a, err := c.do(ctx, request{url: u})
	if err != nil {
		return Status{}, err
	}
	return readStatus(a.body, u)
}

func readStatus(b []byte, u *url.URL) (Status, error) {
	var j statusJSON
	if err := json.Unmarshal(b, &j); err != nil || j.ID == "" {
		return Status{}, comity.E(comity.Invalid, "taxii", u, comity.Msg("taxii.client.json"), err)
	}
	st := Status{
		ID: j.ID, Complete: j.Status == "complete", Successes: j.Successes, Failures: j.Failures, Pendings: j.Pendings,
		SuccessCount: j.Success, FailureCount: j.Failure, PendingCount: j.Pending,
	}
	st.Requested, _ = ParseTime(j.Requested)
	return st, nil
}
