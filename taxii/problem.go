package taxii

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/comity-net/comity"
)

// problem is an answer that is an error; a status that no comity.Kind has.
type problem struct {
	status int
	msg    comity.Message
	allow  string        // for 405
	retry  time.Duration // for 429 and 503
	cause  error
}

func (p *problem) Error() string { return http.StatusText(p.status) + ": " + p.msg.String() }
func (p *problem) Unwrap() error { return p.cause }

func refuse(status int, msg comity.Message) *problem { return &problem{status: status, msg: msg} }

// asProblem says which HTTP status an error has.
func asProblem(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	kind := comity.ErrorKind(err)
	p = &problem{status: kind.HTTPStatus(), msg: comity.ErrorMessage(err), cause: err}
	switch {
	case kind == comity.Internal || p.status < 400:
		// The cause is for the log, never for the caller.
		p.status, p.msg = http.StatusInternalServerError, comity.Msg("taxii.defect")
	case p.status == http.StatusServiceUnavailable:
		p.retry = 30 * time.Second
	}
	return p
}

// errorBody is the error message of section 3.6.1.
type errorBody struct {
	Title       string            `json:"title"`
	Description string            `json:"description,omitempty"`
	ID          string            `json:"error_id,omitempty"`
	Code        string            `json:"error_code,omitempty"`
	Status      string            `json:"http_status"`
	Details     map[string]string `json:"details,omitempty"`
}

func (s *server) writeProblem(x *exchange, err error) {
	p := asProblem(err)
	if x.r.Context().Err() != nil && comity.Is(err, comity.Interrupted) {
		p = refuse(http.StatusBadRequest, comity.Msg("taxii.cut")) // its doing, not ours
	}
	x.err = err
	code := strconv.Itoa(p.status)
	title := http.StatusText(p.status)
	lang := x.r.Header.Get("Accept-Language")
	body := errorBody{Status: code, Code: p.msg.Key, ID: x.id}
	if s.o.Text != nil {
		title, body.Description = s.o.Text(lang, comity.Msg("taxii.title."+code)), s.o.Text(lang, p.msg)
	}
	body.Title = title
	h := x.w.Header()
	switch p.status {
	case http.StatusUnauthorized:
		realm := strconv.Quote(s.o.Realm)
		h.Add("WWW-Authenticate", `Basic realm=`+realm+`, charset="UTF-8"`)
		h.Add("WWW-Authenticate", `Bearer realm=`+realm)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", p.allow)
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		h.Set("Connection", "close") // the rest of the body is not read
	}
	if p.retry > 0 || p.status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(max(1, int((p.retry+time.Second-1)/time.Second))))
	}
	h.Set("Cache-Control", "no-store")
	b, _ := json.Marshal(body) // strings only
	s.send(x, p.status, b)
}
