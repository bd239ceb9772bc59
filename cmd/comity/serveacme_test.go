package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// authority is as much of an ACME server (RFC 8555) as one order for one name
// needs: it checks the challenge of RFC 8737 at target, but no signatures.
type authority struct {
	t      *testing.T
	url    string
	target string // where the name's server listens
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate

	mu     sync.Mutex
	jwk    map[string]string
	name   string
	valid  bool
	leaf   []byte
	mail   string
	orders int
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	a.url = srv.URL
	return a
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	payload := a.payload(r)
	switch r.URL.Path {
	case "/dir":
		a.say(w, 200, map[string]any{"newNonce": a.url + "/nonce", "newAccount": a.url + "/account", "newOrder": a.url + "/order",
			"revokeCert": a.url + "/revoke", "keyChange": a.url + "/change", "meta": map[string]string{"termsOfService": a.url + "/terms"}})
	case "/nonce":
	case "/account":
		var p struct{ Contact []string }
		_ = json.Unmarshal(payload, &p)
		a.mail = strings.Join(p.Contact, ",")
		w.Header().Set("Location", a.url+"/account/1")
		a.say(w, 201, map[string]any{"status": "valid", "contact": p.Contact})
	case "/order":
		var p struct{ Identifiers []struct{ Value string } }
		if err := json.Unmarshal(payload, &p); err == nil && len(p.Identifiers) == 1 {
			a.name, a.valid = p.Identifiers[0].Value, false
			a.orders++
		}
		w.Header().Set("Location", a.url+"/order/1")
		a.order(w, 201)
	case "/order/1":
		a.order(w, 200)
	case "/authz", "/challenge":
		if r.URL.Path == "/challenge" {
			a.valid = a.proven()
		}
		status := map[bool]string{true: "valid", false: "pending"}[a.valid]
		ch := map[string]any{"type": "tls-alpn-01", "url": a.url + "/challenge", "token": "tok", "status": status}
		if r.URL.Path == "/challenge" {
			a.say(w, 200, ch)
			return
		}
		a.say(w, 200, map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": a.name}, "challenges": []any{ch}})
	case "/finalize":
		a.sign(payload)
		a.order(w, 200)
	case "/cert":
		_, _ = w.Write(a.leaf)
	default:
		http.NotFound(w, r)
	}
}

// payload opens a JWS and remembers the account's key.
func (a *authority) payload(r *http.Request) []byte {
	var b bytes.Buffer
	_, _ = b.ReadFrom(r.Body)
	var jws struct{ Protected, Payload string }
	_ = json.Unmarshal(b.Bytes(), &jws)
	head, _ := base64.RawURLEncoding.DecodeString(jws.Protected)
	var p struct{ JWK map[string]string }
	if json.Unmarshal(head, &p) == nil && p.JWK != nil {
		a.jwk = p.JWK
	}
	out, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	return out
}

func (a *authority) say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (a *authority) order(w http.ResponseWriter, code int) {
	o := map[string]any{"status": "pending", "finalize": a.url + "/finalize", "authorizations": []string{a.url + "/authz"},
		"identifiers": []any{map[string]string{"type": "dns", "value": a.name}}}
	switch {
	case a.leaf != nil:
		o["status"], o["certificate"] = "valid", a.url+"/cert"
	case a.valid:
		o["status"] = "ready"
	}
	a.say(w, code, o)
}

// proven asks the server of the name for the certificate of the challenge.
func (a *authority) proven() bool {
	c, err := tls.Dial("tcp", a.target, &tls.Config{ServerName: a.name, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true})
	if err != nil {
		a.t.Errorf("challenge: %v", err)
		return false
	}
	defer c.Close()
	st := c.ConnectionState()
	thumb := sha256.Sum256(fmt.Appendf(nil, `{"crv":"%s","kty":"%s","x":"%s","y":"%s"}`, a.jwk["crv"], a.jwk["kty"], a.jwk["x"], a.jwk["y"]))
	want := sha256.Sum256([]byte("tok." + base64.RawURLEncoding.EncodeToString(thumb[:])))
	for _, e := range st.PeerCertificates[0].Extensions {
		var got []byte
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
			_, err := asn1.Unmarshal(e.Value, &got)
			return err == nil && bytes.Equal(got, want[:]) && st.NegotiatedProtocol == acme.ALPNProto
		}
	}
	a.t.Error("no proof in the certificate of the challenge")
	return false
}

func (a *authority) sign(payload []byte) {
	var p struct{ CSR string }
	_ = json.Unmarshal(payload, &p)
	der, _ := base64.RawURLEncoding.DecodeString(p.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || !a.valid {
		a.t.Errorf("finalize: %v, proven %v", err, a.valid)
		return
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: csr.Subject, DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(80 * 24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	leaf, err := x509.CreateCertificate(rand.Reader, c, a.cert, csr.PublicKey, a.key)
	if err != nil {
		a.t.Error(err)
	}
	a.leaf = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf})
}

// A certificate is had by ACME at the first connection, over the very listener
// it is for, kept, and not asked for again; other names get none.
func TestACME(t *testing.T) {
	a := newAuthority(t)
	n := newNode(t)
	flags := []string{"--acme", "taxii.example.org", "--acme-email", "soc@example.org", "--acme-accept-terms", "--acme-directory", a.url + "/dir"}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	for range 2 {
		l := listenAs(t, n, flags...)
		a.mu.Lock()
		a.target = l.addr
		a.mu.Unlock()
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "taxii.example.org"}, ForceAttemptHTTP2: true, DisableKeepAlives: true}
		res, err := (&http.Client{Transport: tr}).Get("https://" + l.addr + "/taxii2/")
		if err != nil {
			t.Fatalf("%v\n%s", err, l.log)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized || res.ProtoMajor != 2 {
			t.Errorf("%d %s", res.StatusCode, res.Proto)
		}
		if c, err := tls.Dial("tcp", l.addr, &tls.Config{ServerName: "other.example.org", InsecureSkipVerify: true}); err == nil {
			t.Error("another name gets a certificate")
			_ = c.Close()
		}
	}
	if a.orders != 1 || a.mail != "mailto:soc@example.org" {
		t.Errorf("%d orders, contact %s", a.orders, a.mail)
	}
	dir := filepath.Join(n.Dir(), acmeFolder)
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", st, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		if st, err := f.Info(); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s %v %v", f.Name(), st.Mode(), err)
		}
	}
}
