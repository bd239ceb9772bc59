package web

import (
	"net/http"

	"github.com/comity-net/comity"
)

// policyCSP allows this node's own files and nothing else: no inline script or
// style, no other origin, no framing.
const policyCSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// headers sets what every answer carries.
func (w *Web) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", policyCSP)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(rw, r)
	})
}

// sameOrigin refuses a form that another site sends in a user's name.
func (w *Web) sameOrigin(next http.Handler) http.Handler {
	protect := http.NewCrossOriginProtection()
	protect.SetDenyHandler(w.page(route{open: true, handle: func(r *request) (view, error) {
		return nil, comity.E(comity.Forbidden, "web", r.URL.Path, comity.Msg("web.cross_origin"), nil)
	}}))
	return protect.Handler(next)
}
