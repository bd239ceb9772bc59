package main

import (
	"context"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/net/idna"

	"github.com/comity-net/comity"
)

// acmeOptions say from whom a certificate is had by ACME (RFC 8555).
type acmeOptions struct {
	hosts     []string // names to have one for
	email     string   // to be told of trouble at
	directory string   // of the authority
	accept    bool     // its terms of service
}

// acmeFolder keeps the account key and the certificates, readable by its owner
// only.
const acmeFolder = "acme"

func (o *acmeOptions) given() bool {
	return len(o.hosts) > 0 || o.email != "" || o.accept || o.directory != acme.LetsEncryptURL && o.directory != ""
}

// manager gets certificates and proves by TLS-ALPN-01 (RFC 8737) on the web
// listener that the names are this server's.
func (o *acmeOptions) manager(dir string) (*autocert.Manager, error) {
	bad := func(key, subject string) error {
		return comity.E(comity.Usage, "serve", subject, comity.Msg(key, comity.A("value", subject)), nil)
	}
	if len(o.hosts) == 0 {
		return nil, bad("cmd.serve.acme_host", "")
	}
	if !o.accept {
		return nil, bad("cmd.serve.acme_terms", firstOf(o.directory, acme.LetsEncryptURL))
	}
	var names []string
	for _, h := range o.hosts {
		name, err := idna.Lookup.ToASCII(strings.TrimSuffix(h, "."))
		if err != nil || !strings.Contains(name, ".") || strings.Contains("."+name, "..") || net.ParseIP(name) != nil {
			return nil, bad("cmd.serve.acme_name", h)
		}
		names = append(names, name)
	}
	u, err := url.Parse(firstOf(o.directory, acme.LetsEncryptURL))
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, bad("cmd.serve.acme_directory", o.directory)
	}
	allowed := autocert.HostWhitelist(names...)
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Email: o.email, Cache: autocert.DirCache(filepath.Join(dir, acmeFolder)),
		HostPolicy: func(ctx context.Context, host string) error { return allowed(ctx, host) },
		Client:     &acme.Client{DirectoryURL: u.String(), UserAgent: "comity/" + programVersion()},
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
