package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
)

// problem is an error as it goes over the wire: RFC 9457, with the kind and
// the message key that a program can rely on. The detail is in the language
// that the caller accepts.
type problem struct {
	Title   string          `json:"title"`
	Status  int             `json:"status"`
	Detail  string          `json:"detail"`
	Kind    string          `json:"kind"`
	Op      string          `json:"op,omitempty"`
	Subject string          `json:"subject,omitempty"`
	Message comity.Message  `json:"message"`
	Hint    *comity.Message `json:"hint,omitempty"`
}

// Error makes a problem an error for package huma.
func (p *problem) Error() string { return p.Detail }

// GetStatus gives package huma the HTTP status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType gives package huma the media type.
func (p *problem) ContentType(string) string { return "application/problem+json" }

func (s *server) problem(err error, lang string) *problem {
	kind, msg := comity.ErrorKind(err), comity.ErrorMessage(err)
	if kind == comity.Internal {
		s.opts.Log.Error("api", "err", err)
		msg = comity.Msg("api.internal") // causes stay in the log
	}
	p := &problem{
		Title: http.StatusText(kind.HTTPStatus()), Status: kind.HTTPStatus(), Kind: kind.String(),
		Message: msg, Detail: s.cat.Lang(lang).T(msg),
	}
	var e *comity.Error
	if errors.As(err, &e) && kind != comity.Internal {
		p.Op, p.Subject, p.Hint = e.Op, e.Subject, fault(e.Hint)
	}
	return p
}

// write answers a plain HTTP request with a problem.
func (s *server) write(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problem(err, i18n.Match(r.Header.Get("Accept-Language"), ""))
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = writeJSON(w, p)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// answer is the one body that an operation gives.
type answer[T any] struct{ Body T }

// does turns a use case into an operation: its result becomes the body, its
// error a problem.
func does[I, T any](s *server, fn func(context.Context, *I) (T, error)) func(context.Context, *I) (*answer[T], error) {
	return func(ctx context.Context, in *I) (*answer[T], error) {
		v, err := fn(ctx, in)
		if err != nil {
			lang, _ := ctx.Value(langKey{}).(string)
			return nil, s.problem(err, lang)
		}
		return &answer[T]{v}, nil
	}
}
