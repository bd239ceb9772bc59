package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

const (
	secretCertificate = "certificate"
	maxCertificate    = 16 << 10 // bytes of a certificate file
	maxCertificates   = 100      // of one account
)

// CertificateView is a client certificate that lets an account in by TAXII.
type CertificateView struct {
	ID      string // hex SHA-256 of its public key (SubjectPublicKeyInfo)
	Subject string
	Added   time.Time
	Expires time.Time // of the certificate that was added; another one for the same key may live longer
	Used    time.Time // to the hour; zero for never
}

// AddCertificate pins the public key of a client certificate (PEM or DER) to an
// account: whoever holds the key may use TAXII as it, and nothing else. No
// authority needs to have signed the certificate; it must not have expired. An
// administrator only. A key stands for one account: Conflict when it is known.
func (n *Node) AddCertificate(ctx context.Context, by Actor, user string, file []byte) (CertificateView, error) {
	cert, err := readCertificate(file)
	if err != nil {
		return CertificateView{}, err
	}
	s := store.Secret{
		Hash: pinOf(cert), Kind: secretCertificate, User: user, Label: clipText(cert.Subject.String(), 200),
		Data: cert.Raw, Created: n.now(),
	}
	fail := func(kind comity.Kind, key string) error {
		return comity.E(kind, "certificate add", user, comity.Msg(key, comity.A("name", user)), nil)
	}
	if !n.now().Before(cert.NotAfter) {
		return CertificateView{}, fail(comity.Invalid, "node.certificate_expired_file")
	}
	err = n.act(ctx, by, "certificate.add", user, func(tx store.Tx) error {
		if by.Role != RoleAdmin {
			return fail(comity.Forbidden, "node.certificate_admin_only")
		}
		if _, err := tx.User(ctx, user); err != nil {
			return err
		}
		if _, err := tx.Secret(ctx, s.Hash); err == nil {
			return fail(comity.Conflict, "node.certificate_known")
		} else if !comity.Is(err, comity.NotFound) {
			return err
		}
		held, err := tx.Secrets(ctx, secretCertificate)
		if err != nil {
			return err
		}
		held = slices.DeleteFunc(held, func(h store.Secret) bool { return h.User != user })
		if len(held) >= maxCertificates {
			return fail(comity.Conflict, "node.certificate_many")
		}
		return tx.PutSecret(ctx, s)
	})
	n.pinned.forget()
	return certificateView(s), err
}

// Certificates lists the certificates of an account, newest first.
func (n *Node) Certificates(ctx context.Context, user string) ([]CertificateView, error) {
	list, err := view(ctx, n.store, func(r store.Reader) ([]store.Secret, error) {
		if _, err := r.User(ctx, user); err != nil {
			return nil, err
		}
		return r.Secrets(ctx, secretCertificate)
	})
	out := []CertificateView{}
	for _, s := range list {
		if s.User == user {
			out = append(out, certificateView(s))
		}
	}
	slices.SortFunc(out, func(a, b CertificateView) int { return cmp.Or(b.Added.Compare(a.Added), cmp.Compare(a.ID, b.ID)) })
	return out, err
}

// RemoveCertificate ends the use of a certificate, at once. id is that of the
// view, or its beginning with eight digits or more. NotFound when the account has
// no such certificate.
func (n *Node) RemoveCertificate(ctx context.Context, by Actor, user, id string) error {
	defer n.sessions.clear()
	defer n.pinned.forget()
	return n.act(ctx, by, "certificate.remove", user, func(tx store.Tx) error {
		if by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, "certificate remove", user, comity.Msg("node.certificate_admin_only"), nil)
		}
		list, err := tx.Secrets(ctx, secretCertificate)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(s store.Secret) bool {
			text := hex.EncodeToString(s.Hash[:])
			return s.User != user || len(id) < 8 || len(id) > len(text) || text[:len(id)] != id
		})
		if len(list) != 1 {
			return comity.E(comity.NotFound, "certificate remove", user, comity.Msg("node.certificate_unknown", comity.A("id", id)), nil)
		}
		return tx.DeleteSecret(ctx, list[0].Hash)
	})
}

func certificateView(s store.Secret) CertificateView {
	v := CertificateView{ID: hex.EncodeToString(s.Hash[:]), Subject: s.Label, Added: s.Created, Used: s.Used}
	if c, err := x509.ParseCertificate(s.Data); err == nil {
		v.Expires = c.NotAfter
	}
	return v
}

// readCertificate takes the first certificate of a PEM file, or a DER one.
func readCertificate(file []byte) (*x509.Certificate, error) {
	bad := comity.Msg("node.certificate_bad")
	if len(file) > maxCertificate {
		return nil, comity.E(comity.TooLarge, "certificate add", "", bad, nil)
	}
	der := file
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			der = block.Bytes
			break
		}
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, comity.E(comity.Invalid, "certificate add", "", bad, err)
	}
	return c, nil
}

func pinOf(c *x509.Certificate) comity.Hash { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

func clipText(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// byCertificate finds the account of a client certificate. TLS has proven that
// the other side holds its key.
func (b *taxiiBackend) byCertificate(ctx context.Context, c taxii.Credentials) (store.User, error) {
	n := b.n
	now, gen := n.now(), n.sessions.generation()
	fail := func(key string) error {
		err := comity.E(comity.Unauthenticated, "taxii", c.Remote, comity.Msg(key), nil)
		n.auditSignIn(ctx, Actor{Name: "taxii"}, c.Remote, err)
		return err
	}
	// INVARIANT: a certificate out of its time lets nobody in, however long its
	// connection has been open.
	if now.After(c.Cert.NotAfter) || now.Before(c.Cert.NotBefore) {
		return store.User{}, fail("node.certificate_expired")
	}
	pin := pinOf(c.Cert)
	key := "certificate:" + string(pin[:])
	if u, ok := n.sessions.get(key, now); ok {
		return u, nil
	}
	s, err := view(ctx, n.store, func(r store.Reader) (store.Secret, error) { return r.Secret(ctx, pin) })
	if comity.Is(err, comity.NotFound) || err == nil && s.Kind != secretCertificate {
		return store.User{}, fail("node.certificate_stranger")
	}
	if err != nil {
		return store.User{}, err
	}
	u, err := n.anyHolder(ctx, s)
	if comity.Is(err, comity.Unauthenticated) {
		return store.User{}, fail("node.certificate_stranger")
	}
	if err == nil {
		n.sessions.put(key, u, now.Add(tokenRecheck), gen)
		n.noteUse(ctx, s, c.Remote)
	}
	return u, err
}

// noteUse writes down, about once an hour, that a token or certificate was used;
// of a certificate the audit tells, too, from where. That it cannot be written
// is no reason to refuse: on a full disk people must still be able to read.
func (n *Node) noteUse(ctx context.Context, s store.Secret, from string) {
	now := n.now()
	if now.Sub(s.Used) < usedEvery {
		return
	}
	err := n.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		held, err := tx.Secret(ctx, s.Hash)
		if err != nil || now.Sub(held.Used) < usedEvery {
			return err // revoked meanwhile: it must not come back
		}
		held.Used = now
		if err := tx.PutSecret(ctx, held); err != nil || s.Kind != secretCertificate {
			return err
		}
		return tx.AddAudit(ctx, comity.Audit{At: now, Actor: s.User, Action: "signin.certificate", Subject: from})
	})
	if err != nil && !comity.Is(err, comity.NotFound) {
		n.log.Warn("use of a secret not recorded", "user", s.User, "err", err)
	}
}

// pins knows whether any certificate is pinned.
type pins struct {
	mu    sync.Mutex
	any   bool
	until time.Time
}

func (p *pins) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
}

// WantsCertificates says whether any account has a client certificate, so that a
// listener asks for one only then: browsers put the question to people. What
// another process changes is seen after a second.
func (n *Node) WantsCertificates(ctx context.Context) bool {
	p := &n.pinned
	p.mu.Lock()
	defer p.mu.Unlock()
	now := n.now()
	if now.Before(p.until) {
		return p.any
	}
	list, err := view(ctx, n.store, func(r store.Reader) ([]store.Secret, error) { return r.Secrets(ctx, secretCertificate) })
	if err != nil { // to ask in vain costs less than not to ask
		return true
	}
	p.any, p.until = len(list) > 0, now.Add(tokenRecheck)
	return p.any
}
