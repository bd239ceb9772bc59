package taxii

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
)

// envelopeIn is an envelope of 2.1, or a bundle as 2.0 sends it.
type envelopeIn struct {
	more    bool
	next    string
	objects [][]byte
}

func readEnvelope(a answer, u *url.URL) (envelopeIn, error) {
	var e envelopeIn
	if len(a.body) == 0 && a.status == http.StatusRequestedRangeNotSatisfiable {
		return e, nil
	}
	// What is wrong inside an object is for its reader to judge.
	d := jsontext.NewDecoder(bytes.NewBuffer(a.body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := e.read(d); err != nil {
		return e, comity.E(comity.Invalid, "taxii", u, comity.Msg("taxii.client.json"), err)
	}
	return e, nil
}

func (e *envelopeIn) read(d *jsontext.Decoder) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := e.property(d, name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (e *envelopeIn) property(d *jsontext.Decoder, name string) error {
	if name == "objects" && d.PeekKind() == '[' {
		d.ReadToken()
		for d.PeekKind() != ']' {
			v, err := d.ReadValue()
			if err != nil {
				return err
			}
			if len(e.objects) == maxPage {
				return fmt.Errorf("more than %d objects", maxPage)
			}
			e.objects = append(e.objects, bytes.Clone(v))
		}
		_, err := d.ReadToken()
		return err
	}
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch name {
	case "more":
		e.more = string(v) == "true"
	case "next":
		// Some servers send a number; null is none.
		if s := string(v); json.Unmarshal(v, &e.next) != nil && s != "null" {
			e.next = s
		}
		switch e.next {
		case "undefined", "null", "None", "nil": // what programs write for nothing
			e.next = ""
		}
	case "objects":
		if v.Kind() != 'n' {
			return errors.New("objects is no list")
		}
	}
	return nil
}

func expect(d *jsontext.Decoder, k jsontext.Kind) error {
	t, err := d.ReadToken()
	if err == nil && t.Kind() != k {
		err = fmt.Errorf("%v where %v should be", t.Kind(), k)
	}
	return err
}

// maxPage bounds the objects of one page.
const maxPage = 200_000

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
		a, err := w.c.do(ctx, w.conditions(request{
			url: w.target(), accept: mediaSTIX20, status: []int{http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable},
			ranges: fmt.Sprintf("items%s%d-%d", sep, w.offset, w.offset+n-1),
		}))
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
