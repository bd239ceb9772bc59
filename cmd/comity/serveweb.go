package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/api"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
	"github.com/comity-net/comity/web"
)

// webOptions say how the pages, the JSON and TAXII are served.
type webOptions struct {
	addr      string
	cert, key string // PEM files; both or none
	anonymous bool   // TAXII answers callers without an account
}

// tls reads the certificate; nil without one.
func (o webOptions) tls() (*tls.Config, error) {
	var conf *tls.Config
	if o.cert == "" && o.key == "" {
		return conf, nil
	}
	if o.cert == "" || o.key == "" {
		return conf, comity.E(comity.Usage, "serve", "", comity.Msg("cmd.serve.tls_pair"), nil)
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return conf, comity.E(comity.Unavailable, "serve", o.cert, comity.Msg("cmd.serve.tls_files", comity.A("cause", cause(err))), err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// webHandler puts pages, JSON and TAXII together. TAXII is chosen before any mux:
// a mux answers odd paths with HTML of its own.
func webHandler(ctx context.Context, n *node.Node, cat *i18n.Catalog, log *slog.Logger, o webOptions) (http.Handler, error) {
	exchange, err := n.Taxii(ctx, node.TaxiiOptions{Anonymous: o.anonymous,
		Text: func(accept string, m comity.Message) string { return cat.Lang(i18n.Match(accept, "")).T(m) }})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", api.New(n, cat, api.Options{Version: programVersion()}))
	mux.Handle("/", web.New(n, cat, web.Options{Log: log}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; strings.HasPrefix(p, taxii.Prefix) || p+"/" == taxii.Prefix {
			exchange.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}

func (s *server) servePages() error {
	if s.secure {
		return s.pages.ServeTLS(s.web, "", "")
	}
	return s.pages.Serve(s.web)
}

func (s *server) scheme() string {
	if s.secure {
		return "https://"
	}
	return "http://"
}

func (s *server) taxiiURL() string { return s.url() + taxii.Prefix }
