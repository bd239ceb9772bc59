package main

import (
	silence "container/list"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// limited is a listener that holds a bounded number of connections, in all and
// of one address. A new one takes the place of the one that has waited longest
// without a request; when all are at work, the new one is closed.
//
// INVARIANT: whoever holds many connections open without asking anything keeps
// nobody else out.
type limited struct {
	net.Listener
	total, each int           // bounds
	stall       time.Duration // how long the other side may take for a write
	exempt      func(netip.Addr) bool

	mu     sync.Mutex
	open   int
	of     map[netip.Addr]int
	silent *silence.List // of *limitedConn, the longest first
}

func limitListener(l net.Listener, total, each int, stall time.Duration, exempt func(netip.Addr) bool) *limited {
	return &limited{Listener: l, total: total, each: each, stall: stall, exempt: exempt, of: map[netip.Addr]int{}, silent: silence.New()}
}

// limitedConn is one connection of a limited listener.
type limitedConn struct {
	net.Conn
	l    *limited
	from netip.Addr
	at   *silence.Element // in silent; guarded by l.mu
	gone bool             // guarded by l.mu

	mu    sync.Mutex
	until bool // a deadline for writing was set by the owner
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		lc := &limitedConn{Conn: c, l: l, from: network(c.RemoteAddr())}
		evict, ok := l.admit(lc)
		if evict != nil {
			_ = evict.Close()
		}
		if ok {
			return lc, nil
		}
		_ = c.Close()
	}
}

// admit counts a connection, and names one that has to go for it.
func (l *limited) admit(c *limitedConn) (evict *limitedConn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.of[c.from] >= l.each && !l.exempt(c.from):
		evict = l.longest(c.from)
	case l.open >= l.total:
		evict = l.longest(netip.Addr{})
	default:
		ok = true
	}
	if evict != nil {
		l.forget(evict)
		ok = true
	}
	if ok {
		l.open++
		l.of[c.from]++
		c.at = l.silent.PushBack(c)
	}
	return evict, ok
}

// longest finds the connection of an address (or of any) that has been silent
// longest.
func (l *limited) longest(from netip.Addr) *limitedConn {
	for e := l.silent.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*limitedConn); !from.IsValid() || c.from == from {
			return c
		}
	}
	return nil
}

func (l *limited) forget(c *limitedConn) {
	if c.gone {
		return
	}
	c.gone = true
	if c.at != nil {
		l.silent.Remove(c.at)
		c.at = nil
	}
	l.open--
	if l.of[c.from]--; l.of[c.from] == 0 {
		delete(l.of, c.from)
	}
}

// state is http.Server.ConnState: it keeps who is silent.
func (l *limited) state(conn net.Conn, s http.ConnState) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	c, ok := conn.(*limitedConn)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.gone:
	case s == http.StateActive && c.at != nil:
		l.silent.Remove(c.at)
		c.at = nil
	case s == http.StateIdle && c.at == nil:
		c.at = l.silent.PushBack(c)
	case s == http.StateIdle:
		l.silent.MoveToBack(c.at)
	}
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.l.mu.Lock()
	c.l.forget(c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// SetDeadline implements net.Conn.
func (c *limitedConn) SetDeadline(t time.Time) error {
	c.owned(t)
	return c.Conn.SetDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *limitedConn) SetWriteDeadline(t time.Time) error {
	c.owned(t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *limitedConn) owned(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = !t.IsZero()
}

// Write implements net.Conn. A side that stops reading holds a write no longer
// than the stall, whatever the handler forgot to bound.
func (c *limitedConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	if !c.until {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(c.l.stall))
	}
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// network is what counts as one address: of IPv6 the /64, which one holder has.
func network(a net.Addr) netip.Addr {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := t.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip
	}
	p, _ := ip.Prefix(64) // an IPv6 address has one
	return p.Masked().Addr()
}
