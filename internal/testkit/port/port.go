// Package port chooses ports for programs that tests start.
package port

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The range below those that systems hand out for outgoing connections: a port
// of theirs that was free when it was chosen may be taken when it is used.
const first, last = 15_000, 32_000

// Free returns a port on 127.0.0.1 that nobody listens on.
func Free(tb testing.TB) int {
	tb.Helper()
	for range 100 {
		p := first + rand.IntN(last-first)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return p
	}
	tb.Fatal("no free port between ", first, " and ", last)
	return 0
}
