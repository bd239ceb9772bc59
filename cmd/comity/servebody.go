package main

import (
	"io"
	"net/http"
	"time"
)

// timedBodies gives the other side a limited time for the next bytes of a body,
// also of one that no handler reads: net/http reads up to 256 KiB of it before or
// after the answer, with no limit of its own.
//
// INVARIANT: a body that was announced and does not come holds no connection.
func timedBodies(stall time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.Body == nil {
			h.ServeHTTP(w, r)
			return
		}
		rc := http.NewResponseController(w)
		wait := func() { _ = rc.SetReadDeadline(time.Now().Add(stall)) }
		wait()
		defer wait() // for what net/http still reads; it sets its own for the next request
		r = r.WithContext(r.Context())
		r.Body = &timedBody{r.Body, rc, wait}
		h.ServeHTTP(w, r)
	})
}

// timedBody is a body under way.
type timedBody struct {
	io.ReadCloser
	rc   *http.ResponseController
	wait func()
}

// Read implements io.Reader. At the end the time is given back: net/http then
// waits for the other side to go away, as long as the handler works.
func (b *timedBody) Read(p []byte) (int, error) {
	b.wait()
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
