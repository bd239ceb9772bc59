package web

import (
	"net/http"
	"os"
	"testing"
	"time"
)

func nowFake() time.Time { return fakeNow }

// TestServe serves the pages over the fake node for looking at them in a
// browser: COMITY_WEB_SERVE=127.0.0.1:8099 go test -run TestServe -timeout 0.
// The cookie is given by any sign-in with a role's name.
func TestServe(t *testing.T) {
	addr := os.Getenv("COMITY_WEB_SERVE")
	if addr == "" {
		t.Skip("set COMITY_WEB_SERVE to an address to look at the pages")
	}
	h := newWeb(t, &fake{full: os.Getenv("COMITY_WEB_EMPTY") == "", many: 40})
	srv := &http.Server{Addr: addr, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		role := r.URL.Query().Get("as")
		if role == "" {
			role = "admin"
		}
		if role != "nobody" {
			r.AddCookie(&http.Cookie{Name: sessionCookie(identity{ID: selfID}), Value: role})
		}
		h.ServeHTTP(rw, r)
	})}
	t.Log(srv.ListenAndServe())
}
