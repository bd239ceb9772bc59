package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/comity-net/comity"
)

// The credentials of feeds stand in the database under XChaCha20-Poly1305. The
// key is in a file beside the node's other keys, so that a copy of the database
// alone reveals nothing; with a passphrase the file is encrypted like they are.
const (
	sealFile  = "seal.key"
	sealTitle = "comity/seal/v1 "
	ageTitle  = "age-encryption.org/v1\n"
	keyMark   = 8 // bytes of SHA-256 of the key, before what it sealed
)

// sealing is the key as last read.
type sealing struct {
	mu   sync.Mutex
	file []byte
	key  []byte
}

func (n *Node) sealPath() string { return filepath.Join(n.dir, "keys", sealFile) }

// sealKey reads the key; with fresh it is made when there is none.
func (n *Node) sealKey(fresh bool) ([]byte, error) {
	path := n.sealPath()
	bad := func(key string, err error) ([]byte, error) {
		return nil, comity.E(comity.Unavailable, "feed", path, comity.Msg(key, comity.A("path", path)), err)
	}
	n.seals.mu.Lock()
	defer n.seals.mu.Unlock()
	b, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) && fresh {
		if err = n.makeSealKey(path); err == nil {
			b, err = readPrivate(path)
		}
		if err != nil {
			return bad("feed.key_write", err)
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad("feed.key_missing", err)
	case errors.Is(err, errOthersRead):
		return bad("feed.key_open", err)
	case err != nil:
		return bad("feed.key_bad", err)
	case n.seals.key != nil && bytes.Equal(b, n.seals.file):
		return n.seals.key, nil
	}
	key, err := parseSealKey(b, n.cfg.Passphrase)
	if err != nil {
		return bad("feed.key_bad", err)
	}
	n.seals.file, n.seals.key = b, key
	return key, nil
}

var errOthersRead = errors.New("others may read the file")

// readPrivate reads a small file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return nil, errOthersRead
	}
	return io.ReadAll(io.LimitReader(f, 64<<10))
}

func parseSealKey(b, passphrase []byte) ([]byte, error) {
	if bytes.HasPrefix(b, []byte(ageTitle)) {
		id, err := age.NewScryptIdentity(string(passphrase))
		if err != nil {
			return nil, err
		}
		r, err := age.Decrypt(bytes.NewReader(b), id)
		if err != nil {
			return nil, err
		}
		if b, err = io.ReadAll(io.LimitReader(r, 1<<10)); err != nil {
			return nil, err
		}
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(b)), sealTitle)
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err == nil && (!ok || len(key) != chacha20poly1305.KeySize) {
		err = errors.New("not a key of this kind")
	}
	return key, err
}

// makeSealKey writes a new key. Of two processes that do it at once the second
// finds the first's.
func (n *Node) makeSealKey(path string) error {
	key := make([]byte, chacha20poly1305.KeySize)
	if _, err := io.ReadFull(n.rand, key); err != nil {
		return err
	}
	b := []byte(sealTitle + base64.RawStdEncoding.EncodeToString(key) + "\n")
	if len(n.cfg.Passphrase) > 0 {
		var out bytes.Buffer
		r, err := age.NewScryptRecipient(string(n.cfg.Passphrase))
		if err != nil {
			return err
		}
		r.SetWorkFactor(16) // as for the other keys
		w, err := age.Encrypt(&out, r)
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		b = out.Bytes()
	}
	f, err := os.CreateTemp(filepath.Dir(path), sealFile+".new-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		_ = d.Sync() // not every system can
		d.Close()
	}
	return nil
}

// sealText encrypts one field. It opens only under the same label.
func (n *Node) sealText(key []byte, label string, text []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(key)
	out := append(make([]byte, 0, keyMark+chacha20poly1305.NonceSizeX+len(text)+chacha20poly1305.Overhead), sum[:keyMark]...)
	nonce := out[keyMark : keyMark+chacha20poly1305.NonceSizeX]
	if _, err := io.ReadFull(n.rand, nonce); err != nil {
		return nil, err
	}
	return aead.Seal(out[:keyMark+chacha20poly1305.NonceSizeX], nonce, text, []byte(label)), nil
}

// openText decrypts what sealText made.
func openText(key []byte, label string, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(key)
	const head = keyMark + chacha20poly1305.NonceSizeX
	switch {
	case len(sealed) < head:
		return nil, fmt.Errorf("%d bytes", len(sealed))
	case !bytes.Equal(sealed[:keyMark], sum[:keyMark]):
		return nil, errors.New("sealed with another key")
	}
	return aead.Open(nil, sealed[keyMark:head], sealed[head:], []byte(label))
}

// The fields of a FeedSecret under seal.
const (
	sealedPassword = "password"
	sealedToken    = "token"
	sealedCert     = "cert"
	sealedKey      = "key"
)

func (s FeedSecret) fields() map[string][]byte {
	all := map[string][]byte{sealedPassword: []byte(s.Password), sealedToken: []byte(s.Token), sealedCert: s.CertPEM, sealedKey: s.KeyPEM}
	for k, v := range all {
		if len(v) == 0 {
			delete(all, k)
		}
	}
	return all
}

// sealLabel binds a sealed field to the feed and to the host it may be sent to.
func (f feedRecord) sealLabel(field string) (string, error) {
	o, err := f.origin()
	if err != nil {
		return "", err
	}
	return "comity/feed/v1\n" + f.Name + "\n" + field + "\n" + o.String(), nil
}

// sealFeed gives the sealed fields of a feed that is put: of the secret given, or
// what is kept.
func (n *Node) sealFeed(f feedRecord, s FeedSecret, old feedRecord) (map[string][]byte, error) {
	fields := s.fields()
	if len(fields) == 0 {
		if !f.HasSecret || len(old.Sealed) == 0 {
			return map[string][]byte{}, nil
		}
		to, err := f.origin()
		if err != nil {
			return nil, err
		}
		if from, err := old.origin(); err != nil || *from != *to {
			return nil, comity.E(comity.Usage, "feed", f.Name, comity.Msg("feed.secret_moved", comity.A("host", to.Host)), err)
		}
		return old.Sealed, nil
	}
	key, err := n.sealKey(true)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for name, text := range fields {
		label, err := f.sealLabel(name)
		if err != nil {
			return nil, err
		}
		if out[name], err = n.sealText(key, label, text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// openFeed opens the credentials of a feed.
func (n *Node) openFeed(f feedRecord) (FeedSecret, error) {
	var s FeedSecret
	if len(f.Sealed) == 0 {
		return s, nil
	}
	key, err := n.sealKey(false)
	if err != nil {
		return s, err
	}
	for name, sealed := range f.Sealed {
		label, err := f.sealLabel(name)
		if err != nil {
			return s, err
		}
		text, err := openText(key, label, sealed)
		if err != nil {
			return s, comity.E(comity.Unavailable, "feed", f.Name, comity.Msg("feed.sealed_other", comity.A("name", f.Name)), err)
		}
		switch name {
		case sealedPassword:
			s.Password = string(text)
		case sealedToken:
			s.Token = string(text)
		case sealedCert:
			s.CertPEM = text
		case sealedKey:
			s.KeyPEM = text
		}
	}
	return s, nil
}
