package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"

	"github.com/comity-net/comity"
)

// serveLock is the file in the node's folder that a server holds.
const serveLock = "serve.lock"

// hold takes the lock of the node's folder, so that no second server runs on it
// by mistake. writable is false for a folder that lets nobody write.
func hold(op, dir string) (release func(), writable bool, err error) {
	f, err := lockFile(filepath.Join(dir, serveLock))
	switch {
	case err == nil:
		return func() { _ = f.Close() }, true, nil
	case errors.Is(err, errLocked):
		return nil, true, comity.E(comity.Conflict, op, dir, comity.Msg("cmd.serve.held", comity.A("dir", dir)), err).
			WithHint(comity.Msg("cmd.serve.held_hint"))
	}
	return func() {}, !errors.Is(err, os.ErrPermission) && !errors.Is(err, errReadOnly), nil
}

// maxAddresses bounds how many addresses of this machine are printed.
const maxAddresses = 4

// hosts lists under which addresses of this machine a listener answers: its own,
// or for one that listens everywhere those of the interfaces, loopback last.
func hosts(l net.Listener) []string {
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok || !at.IP.IsUnspecified() {
		return []string{l.Addr().String()}
	}
	port := l.Addr().String()
	_, port, _ = net.SplitHostPort(port)
	var out []string
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.IsLoopback() || n.IP.IsLinkLocalUnicast() || len(out) == maxAddresses || at.IP.To4() != nil && n.IP.To4() == nil {
			continue
		}
		out = append(out, net.JoinHostPort(n.IP.String(), port))
	}
	return append(out, net.JoinHostPort("127.0.0.1", port))
}

// beyond reports whether a listener answers beyond this machine.
func beyond(l net.Listener) bool {
	at, ok := l.Addr().(*net.TCPAddr)
	return ok && !at.IP.IsLoopback()
}
