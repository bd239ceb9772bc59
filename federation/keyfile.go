package federation

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"filippo.io/age"

	"github.com/comity-net/comity"
)

const (
	keyDir      = "keys"
	nodeKeyFile = "node.key" // everything a running node needs
	rootKeyFile = "root.key" // may be moved to a safe place after init
	maxKeyFile  = 2 << 20    // with the key statements of many years

	// scryptWork is the age passphrase cost: 2^16 takes 64 MiB and about a
	// quarter of a second. Two files are opened at each start.
	scryptWork = 16
)

// ageMagic begins every binary age file.
const ageMagic = "age-encryption.org/v1\n"

// Save writes dir/keys/node.key and dir/keys/root.key with mode 0600 in a folder
// of mode 0700, encrypted with age under the passphrase when one is given. It
// writes all or nothing and never over existing keys (Conflict).
func (k *Keys) Save(dir string, passphrase []byte) error {
	const op = "save keys"
	final := filepath.Join(dir, keyDir)
	fail := func(err error) error {
		return comity.E(comity.Unavailable, op, final, comity.Msg("federation.keys_write", comity.A("path", final)), err)
	}
	if _, err := os.Lstat(final); err == nil {
		return comity.E(comity.Conflict, op, final, comity.Msg("federation.keys_exist", comity.A("path", final)), nil)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(err)
	}
	tmp, err := os.MkdirTemp(dir, keyDir+".new-") // mode 0700
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(tmp)
	if err := writeKeyFile(filepath.Join(tmp, nodeKeyFile), k.secret, passphrase); err != nil {
		return fail(err)
	}
	if k.offline != nil {
		if err := writeKeyFile(filepath.Join(tmp, rootKeyFile), *k.offline, passphrase); err != nil {
			return fail(err)
		}
	}
	if err := os.Rename(tmp, final); err != nil {
		return fail(err)
	}
	return syncDir(dir, fail)
}

// syncDir makes the new name durable where the system can.
func syncDir(dir string, fail func(error) error) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fail(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fail(err)
	}
	return nil
}

// writeKeyFile writes one file durably.
func writeKeyFile(path string, v any, passphrases ...[]byte) error {
	data, err := encodeKeyFile(v, passphrases...)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// seal encrypts with a passphrase.
func seal(data, passphrase []byte) ([]byte, error) {
	r, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(scryptWork)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // writes the last part
		return nil, err
	}
	return out.Bytes(), nil
}

// LoadKeys reads what Save wrote. root.key may be missing. It refuses files that
// others may read, and is Forbidden when a passphrase is needed or wrong.
func LoadKeys(dir string, passphrase []byte) (*Keys, error) {
	var s nodeSecrets
	node := filepath.Join(dir, keyDir, nodeKeyFile)
	if err := readKeyFile(node, &s, passphrase); err != nil {
		return nil, err
	}
	if s.Format != keysFormat {
		return nil, invalid("load keys", node, nil, "federation.keys_malformed", comity.A("path", node))
	}
	r := new(rootSecrets)
	err := readKeyFile(filepath.Join(dir, keyDir, rootKeyFile), r, passphrase)
	if comity.Is(err, comity.NotFound) {
		r, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	return openKeys(s, r)
}

// readKeyFile reads one file into v, opening one seal with each passphrase in
// turn.
func readKeyFile(path string, v any, passphrases ...[]byte) error {
	const op = "load keys"
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return comity.E(comity.NotFound, op, path, comity.Msg("federation.keys_missing", comity.A("path", path)), err)
	}
	if err != nil {
		return comity.E(comity.Unavailable, op, path, comity.Msg("federation.keys_read", comity.A("path", path)), err)
	}
	defer f.Close()
	if err := private(f, path); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil || len(data) > maxKeyFile {
		return comity.E(comity.Unavailable, op, path, comity.Msg("federation.keys_read", comity.A("path", path)), err)
	}
	for _, p := range passphrases {
		if strings.HasPrefix(string(data), ageMagic) {
			if data, err = unseal(data, path, p); err != nil {
				return err
			}
		}
	}
	if err := readJSON(data, v); err != nil {
		// The cause could quote key material; it is left out on purpose.
		return invalid(op, path, nil, "federation.keys_malformed", comity.A("path", path))
	}
	return nil
}

// private refuses a key file that anyone but its owner may read.
func private(f *os.File, path string) error {
	const op = "load keys"
	if runtime.GOOS == "windows" {
		return nil // no mode bits there; the folder's access list counts
	}
	st, err := f.Stat()
	if err != nil {
		return comity.E(comity.Unavailable, op, path, comity.Msg("federation.keys_read", comity.A("path", path)), err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return comity.E(comity.Forbidden, op, path, comity.Msg("federation.keys_readable",
			comity.A("path", path), comity.A("mode", st.Mode().Perm())), nil).
			WithHint(comity.Msg("federation.keys_readable_hint", comity.A("path", path)))
	}
	return nil
}

// unseal decrypts with a passphrase.
func unseal(data []byte, path string, passphrase []byte) ([]byte, error) {
	const op = "load keys"
	if len(passphrase) == 0 {
		return nil, comity.E(comity.Forbidden, op, path, comity.Msg("federation.passphrase_needed", comity.A("path", path)), nil).
			WithHint(comity.Msg("federation.passphrase_hint"))
	}
	id, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, comity.E(comity.Forbidden, op, path, comity.Msg("federation.passphrase_wrong", comity.A("path", path)), err)
	}
	id.SetMaxWorkFactor(scryptWork + 4)
	r, err := age.Decrypt(bytes.NewReader(data), id)
	if err != nil {
		return nil, comity.E(comity.Forbidden, op, path, comity.Msg("federation.passphrase_wrong", comity.A("path", path)), err)
	}
	out, err := io.ReadAll(io.LimitReader(r, maxKeyFile))
	if err != nil {
		return nil, invalid(op, path, err, "federation.keys_malformed", comity.A("path", path))
	}
	return out, nil
}
