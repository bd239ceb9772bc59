package taxii

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/comity-net/comity"
)

// envelopeIn is an envelope of 2.1, or a bundle as 2.0 sends it.
type envelopeIn struct {
	more    bool
	next    string
	objects []json.RawMessage
}

func readEnvelope(a answer, u *url.URL) (envelopeIn, error) {
	var in struct {
		More    bool              `json:"more"`
		Next    json.RawMessage   `json:"next"`
		Objects []json.RawMessage `json:"objects"`
	}
	if len(a.body) == 0 && a.status == http.StatusRequestedRangeNotSatisfiable {
		return envelopeIn{}, nil
	}
	if err := json.Unmarshal(a.body, &in); err != nil {
		return envelopeIn{}, comity.E(comity.Invalid, "taxii", u, comity.Msg("taxii.client.json"), err)
	}
	e := envelopeIn{more: in.More, objects: in.Objects}
	// Some servers send a number; null is none.
	if s := strings.TrimSpace(string(in.Next)); json.Unmarshal(in.Next, &e.next) != nil && s != "null" {
		e.next = s
	}
	return e, nil
}

// range20 is the page of TAXII 2.0 when none was asked for.
const range20 = 100

// ask20 requests a range of items. The text of 2.0 and its implementations
// differ in how a range is written; both are tried.
func (w *walk) ask20(ctx context.Context) (answer, error) {
	n := w.limit
	if n <= 0 {
		n = range20
	}
	for {
		sep := " "
		if w.equals {
			sep = "="
		}
		a, err := w.c.do(ctx, request{
			url: w.target(), accept: mediaSTIX20, status: []int{http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable},
			ranges: fmt.Sprintf("items%s%d-%d", sep, w.offset, w.offset+n-1),
		})
		if a.status == http.StatusRequestedRangeNotSatisfiable {
			// Beyond the end, unless it is the way of writing that is refused.
			if w.offset == 0 && !w.equals {
				w.equals = true
				continue
			}
			return answer{status: a.status, header: a.header}, nil
		}
		if err != nil && a.status == http.StatusBadRequest && !w.equals {
			w.equals = true
			continue
		}
		return a, err
	}
}

// advance20 moves on by what came; Content-Range says how much there is.
func (w *walk) advance20(a answer, n int) bool {
	w.offset += n
	if a.status != http.StatusPartialContent || n == 0 {
		return false
	}
	var from, to, total int
	if _, err := fmt.Sscanf(strings.Replace(a.header.Get("Content-Range"), "=", " ", 1), "items %d-%d/%d", &from, &to, &total); err == nil {
		return w.offset < total
	}
	return true
}
