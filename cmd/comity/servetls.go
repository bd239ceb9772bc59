package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/comity-net/comity"
)

// maxPEM bounds a file with a certificate chain or a key.
const maxPEM = 1 << 20

// certificates says who a TLS server is; tls.Config.GetCertificate.
type certificates func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// tlsConfig is how the web listener speaks TLS: 1.2 or newer, HTTP/2 first. It
// asks for a client certificate, of whatever authority, when wants says so, and
// never insists: TAXII judges it.
func tlsConfig(ctx context.Context, get certificates, wants func(context.Context) bool) *tls.Config {
	plain := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get, NextProtos: []string{"h2", "http/1.1"}}
	asking := plain.Clone()
	asking.ClientAuth = tls.RequestClientCert
	challenge := plain.Clone()
	challenge.NextProtos = []string{acme.ALPNProto}
	outer := plain.Clone()
	outer.NextProtos = append(outer.NextProtos, acme.ALPNProto)
	outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch {
		case len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto:
			return challenge, nil
		case wants(ctx):
			return asking, nil
		}
		return plain, nil
	}
	return outer
}

// keyFiles serves a certificate from files that another program renews.
type keyFiles struct {
	cert, key string
	every     time.Duration // how often the files are looked at
	now       func() time.Time
	warn      func(comity.Message)

	mu     sync.Mutex
	pair   *tls.Certificate
	sum    [32]byte // of what was last looked at
	looked time.Time
}

const certificateLook = 10 * time.Second

// newKeyFiles reads the files the first time, when they must be good.
func newKeyFiles(cert, key string, warn func(comity.Message)) (*keyFiles, error) {
	k := &keyFiles{cert: cert, key: key, every: certificateLook, now: time.Now, warn: warn}
	pair, sum, err := k.read()
	if err != nil {
		return nil, err
	}
	k.pair, k.sum, k.looked = pair, sum, k.now()
	if k.now().After(pair.Leaf.NotAfter) {
		warn(comity.Msg("cmd.serve.tls_expired", comity.A("file", cert), comity.A("day", pair.Leaf.NotAfter.UTC().Format(time.DateOnly))))
	}
	return k, nil
}

// get gives the certificate, new if the files have changed.
//
// INVARIANT: files that cannot be used leave the certificate as it was.
func (k *keyFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Sub(k.looked) < k.every {
		return k.pair, nil
	}
	k.looked = now
	pair, sum, err := k.read()
	if sum == k.sum { // nothing new, or the same trouble, which was told
		return k.pair, nil
	}
	k.sum = sum
	if err != nil {
		k.warn(comity.Msg("cmd.serve.tls_kept", comity.A("cause", cause(err))))
		return k.pair, nil
	}
	k.pair = pair
	return k.pair, nil
}

// read reads both files; sum tells this try from others, also a failed one.
func (k *keyFiles) read() (*tls.Certificate, [32]byte, error) {
	cert, err := readBounded(k.cert)
	file := k.cert
	var key []byte
	if err == nil {
		key, err = readBounded(k.key)
		file = k.key
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.X509KeyPair(cert, key)
	}
	all := slices.Concat(cert, []byte{0}, key)
	if err != nil {
		all = append(all, err.Error()...)
		return nil, sha256.Sum256(all), comity.E(comity.Unavailable, "serve", file, comity.Msg("cmd.serve.tls_files", comity.A("cause", cause(err))), err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, sha256.Sum256(all), err
		}
	}
	return &pair, sha256.Sum256(all), nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var b bytes.Buffer
	_, err = b.ReadFrom(io.LimitReader(f, maxPEM))
	return b.Bytes(), err
}

// warnTo says a message in the operator's language in the log.
func (a *app) warnTo(log *slog.Logger) func(comity.Message) {
	return func(m comity.Message) { log.Warn(a.p.T(m)) }
}
