package taxii

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// One holder of IPv6 has a /64 of addresses; they count as one.
func TestOneNetworkIsOneCaller(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8::1": "2001:db8::/64",
		"2001:db8:0:0:ffff::1%eth0": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64", "": "", "@": "@",
	} {
		if got := network(remote); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
	h := NewServer(newMemory(), Options{FailuresPerMinute: 2})
	code := 0
	for _, ip := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1"} {
		r := httptest.NewRequest(http.MethodGet, "/taxii2/", nil)
		r.RemoteAddr = ip
		r.SetBasicAuth("zz", "wrong")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		code = w.Code
	}
	if code != http.StatusTooManyRequests {
		t.Errorf("a third guess from one network: %d", code)
	}
}

// A quota of requests a minute lets a minute's worth through at once, and says
// when to come back.
func TestMinuteQuota(t *testing.T) {
	h := NewServer(newMemory(), Options{PerMinute: 5})
	for i := range 7 {
		r := httptest.NewRequest(http.MethodGet, "/taxii2/", nil)
		r.Header.Set("Authorization", "Bearer "+testToken)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if want := map[bool]int{true: 200, false: 429}[i < 5]; w.Code != want {
			t.Errorf("request %d: %d, want %d", i, w.Code, want)
		}
		if w.Code == 429 && (w.Header().Get("Retry-After") == "" || w.Header().Get("RateLimit-Remaining") != "0") {
			t.Errorf("%v", w.Header())
		}
	}
}
