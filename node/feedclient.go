package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/taxii"
)

// feedAnswer bounds one answer of a feed's server, unpacked.
const feedAnswer = 64 << 20

// feedClient makes the client of a feed and finds the API root.
//
// INVARIANT: credentials go to the host they were given for, and to no other that
// the server names.
func (n *Node) feedClient(ctx context.Context, f feedRecord) (*taxii.Client, string, error) {
	s, err := n.openFeed(f)
	if err != nil {
		return nil, "", err
	}
	t := taxii.TransportOptions{}
	if len(f.CAPEM) > 0 {
		if t.CAs, err = x509.SystemCertPool(); err != nil {
			t.CAs = x509.NewCertPool()
		}
		t.CAs.AppendCertsFromPEM(f.CAPEM)
	}
	if len(s.CertPEM) > 0 {
		c, err := tls.X509KeyPair(s.CertPEM, s.KeyPEM)
		if err != nil {
			return nil, "", comity.E(comity.Invalid, "feed", f.Name, comity.Msg("feed.certificate"), nil)
		}
		t.Cert = &c
	}
	o := taxii.ClientOptions{
		HTTP: &http.Client{Transport: taxii.NewTransport(t)}, UserAgent: "comity/" + n.cfg.Version, Bearer: s.Token, User: f.User, Password: s.Password,
		MaxAnswer: feedAnswer, Retries: 2, MaxWait: feedRetry, Now: n.now,
	}
	if f.Spec20 {
		o.Version = "2.0"
	}
	at, err := f.origin()
	if err != nil {
		return nil, "", err
	}
	u, err := url.Parse(f.URL)
	if err != nil {
		return nil, "", err
	}
	if at.Host == u.Host && at.Scheme == u.Scheme {
		at = u
	}
	c, err := taxii.NewClient(at.String(), o)
	if err != nil {
		return nil, "", err
	}
	root := f.Root
	if root == "" {
		if root, err = c.FindRoot(ctx); err != nil {
			return nil, "", err
		}
	}
	abs, err := u.Parse(root)
	if err != nil {
		return nil, "", comity.E(comity.Invalid, "feed", f.Name, comity.Msg("taxii.client.url"), err)
	}
	if f.Root == "" && (abs.Host != u.Host || abs.Scheme != u.Scheme) {
		return n.confirmed(f, abs, o)
	}
	return c, dirURL(abs), nil
}

// confirmed is the client for an API root that the server says is elsewhere.
// The credentials are sealed for the host of the feed's address, so they do not
// go there: who wants that names the root in the feed.
func (n *Node) confirmed(f feedRecord, root *url.URL, o taxii.ClientOptions) (*taxii.Client, string, error) {
	if root.Host != f.Host || len(f.Sealed) > 0 || root.Scheme != "https" {
		return nil, "", otherHost(f.Name, root.Host)
	}
	o.User, o.Password, o.Bearer = "", "", ""
	c, err := taxii.NewClient(dirURL(root), o)
	return c, dirURL(root), err
}

func dirURL(u *url.URL) string { return u.JoinPath("/").String() }
