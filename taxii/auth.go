package taxii

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// credentials reads what a request shows. A header that is there but broken is
// not the same as none: it must not become the anonymous caller.
func credentials(r *http.Request) (Credentials, bool) {
	c := Credentials{Remote: r.RemoteAddr}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		c.Remote = host
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.Cert = r.TLS.PeerCertificates[0]
	}
	h := r.Header.Values("Authorization")
	if len(h) == 0 {
		return c, true
	}
	scheme, value, _ := strings.Cut(strings.TrimSpace(h[0]), " ")
	value = strings.TrimSpace(value)
	if len(h) > 1 || value == "" || len(value) > 8192 {
		return c, false
	}
	switch strings.ToLower(scheme) {
	case "basic":
		b, err := base64.StdEncoding.DecodeString(value)
		user, password, ok := strings.Cut(asUTF8(b), ":")
		if err != nil || !ok || user == "" {
			return c, false
		}
		c.User, c.Password = user, password
		return c, true
	case "bearer", "token": // the OASIS client's TokenAuth says "Token"
		c.Bearer = value
		return c, true
	}
	return c, false
}

// asUTF8 reads what is no UTF-8 as ISO 8859-1, in which the requests library of
// Python, and so the OASIS client, sends names and passwords.
func asUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// network is what counts as one address: of IPv6 the /64, which one holder has.
func network(remote string) string {
	ip, err := netip.ParseAddr(remote)
	if err != nil || ip.Unmap().Is4() {
		return remote
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return remote
	}
	return p.String()
}

func (s *server) authenticate(x *exchange) error {
	creds, ok := credentials(x.r)
	x.creds = creds
	if err := s.quota.mayTry(creds, x.started); err != nil {
		return err
	}
	err := error(comity.E(comity.Unauthenticated, "taxii", creds.Remote, comity.Msg("taxii.credentials"), nil))
	if ok {
		x.who, err = s.b.Authenticate(x.r.Context(), creds)
	}
	if err != nil {
		if comity.Is(err, comity.Unauthenticated) && !creds.Anonymous() || !ok {
			s.quota.failed(creds, x.started)
		}
		return err
	}
	key := "id:" + x.who.ID
	if creds.Anonymous() {
		key = "at:" + network(creds.Remote)
	}
	x.use = s.quota.of(key)
	return s.count(x)
}

// count takes one request from the caller's quota and says in headers what is
// left (draft-ietf-httpapi-ratelimit-headers).
func (s *server) count(x *exchange) error {
	if s.o.PerMinute <= 0 {
		return nil
	}
	left, wait := x.use.take(x.started)
	h := x.w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(s.o.PerMinute))
	h.Set("RateLimit-Remaining", strconv.Itoa(left))
	h.Set("RateLimit-Reset", strconv.Itoa(int(wait.Seconds()+1)))
	if wait <= 0 {
		h.Set("RateLimit-Reset", "0")
		return nil
	}
	p := refuse(http.StatusTooManyRequests, comity.Msg("taxii.quota", comity.A("limit", s.o.PerMinute)))
	p.retry = wait
	return p
}
