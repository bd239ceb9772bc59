package federation

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"

	"github.com/comity-net/comity"
)

// shown is the certificate for connections made now. A replaced key is shown
// until its overlap nears its end, for peers may not know the new one yet.
func (k *Keys) shown() *tls.Certificate {
	if k.oldCert.PrivateKey != nil && k.now().Before(k.secret.OldTLSUntil) {
		return &k.oldCert
	}
	return &k.cert
}

// certificate wraps a TLS key in a self-signed certificate. Nothing in it is
// trusted by anyone but the key: peers pin its SPKI (federation.md 4.1).
func (k *Keys) certificate(seed []byte) (tls.Certificate, error) {
	key := ed25519.NewKeyFromSeed(seed)
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: string(k.id)},
		NotBefore:    k.pub.created.Add(-24 * time.Hour),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280: no end stated
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(nil, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, comity.E(comity.Internal, "make certificate", k.id, comity.Msg("federation.key_mismatch", comity.A("key", "tls")), err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// ServerTLS is the listener's configuration: TLS 1.3 only, HTTP/2, a client
// certificate asked for but not required (strangers may fetch /id). TLS proves
// that the client has the key; the handler maps its SPKI to a peer.
func (k *Keys) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		ClientAuth:     tls.RequestClientCert,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.shown(), nil },
	}
}

// clientTLS is the configuration for one peer: it must have a key that accepts
// takes. Without accepts, got is told the key and the caller compares later.
func (k *Keys) clientTLS(accepts func(comity.Hash) bool, got func(comity.Hash)) *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return k.shown(), nil },
		// The chain means nothing here; VerifyConnection compares the key. It
		// also runs on resumed connections, unlike VerifyPeerCertificate.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			spki, ok := peerPin(&cs)
			if !ok || (accepts != nil && !accepts(spki)) {
				return errPin{}
			}
			if got != nil {
				got(spki)
			}
			return nil
		},
	}
}

// errPin says that the server showed another key than the one pinned.
type errPin struct{}

func (errPin) Error() string { return "the TLS key is not the one pinned for this peer" }

// peerPin gives the SHA-256 of the other side's SPKI.
func peerPin(cs *tls.ConnectionState) (comity.Hash, bool) {
	if cs == nil || len(cs.PeerCertificates) == 0 {
		return comity.Hash{}, false
	}
	return sha256.Sum256(cs.PeerCertificates[0].RawSubjectPublicKeyInfo), true
}
