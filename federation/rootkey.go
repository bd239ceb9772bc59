package federation

import (
	"crypto/ed25519"
	"crypto/subtle"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"github.com/comity-net/comity"
)

// rootTwoFile holds the root secrets sealed for two people: opened with the
// second passphrase, what is inside opens with the first.
const rootTwoFile = "root.two"

// Replace writes these keys over the ones in dir that they came from: node.key,
// and root.key where it stands there. Each file is replaced in one step; root.key
// keeps what was before, so that a crash between the two loses nothing. Sealed
// root files are not touched: see SealRootForTwo.
func (k *Keys) Replace(dir string, passphrase []byte) error {
	const op = "save keys"
	folder := filepath.Join(dir, keyDir)
	rootPath := filepath.Join(folder, rootKeyFile)
	if _, err := os.Lstat(rootPath); err == nil && k.offline != nil {
		if err := replaceKeyFile(op, rootPath, *k.offline, passphrase); err != nil {
			return err
		}
	}
	return replaceKeyFile(op, filepath.Join(folder, nodeKeyFile), k.secret, passphrase)
}

// replaceKeyFile writes a file beside path and renames it over path.
func replaceKeyFile(op, path string, v any, passphrases ...[]byte) error {
	fail := func(err error) error {
		return comity.E(comity.Unavailable, op, path, comity.Msg("federation.keys_write", comity.A("path", path)), err)
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := writeKeyFile(fresh, v, passphrases...); err != nil {
		return fail(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fail(err)
	}
	return syncDir(filepath.Dir(path), fail)
}

// SealRootForTwo puts the root secrets under two passphrases of two people, one
// around the other, into dir/keys/root.two, and takes root.key away. From then on
// each root act needs both people at this machine (docs/decisions/0015). The
// passphrases must differ and not be empty.
func (k *Keys) SealRootForTwo(dir string, first, second []byte) error {
	const op = "seal root"
	if k.offline == nil {
		return comity.E(comity.Forbidden, op, k.id, comity.Msg("federation.root_away"), nil)
	}
	if len(first) == 0 || len(second) == 0 || subtle.ConstantTimeCompare(first, second) == 1 {
		return comity.E(comity.Usage, op, k.id, comity.Msg("keychain.two_passphrases"), nil)
	}
	folder := filepath.Join(dir, keyDir)
	if err := replaceKeyFile(op, filepath.Join(folder, rootTwoFile), *k.offline, first, second); err != nil {
		return err
	}
	plain := filepath.Join(folder, rootKeyFile)
	if err := os.Remove(plain); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return comity.E(comity.Unavailable, op, plain, comity.Msg("federation.keys_write", comity.A("path", plain)), err)
	}
	return nil
}

// OpenRootForTwo gives these keys with the root secrets from dir/keys/root.two;
// both passphrases are needed (Forbidden otherwise), in their order.
func (k *Keys) OpenRootForTwo(dir string, first, second []byte) (*Keys, error) {
	const op = "open root"
	path := filepath.Join(dir, keyDir, rootTwoFile)
	if len(first) == 0 || len(second) == 0 {
		return nil, comity.E(comity.Forbidden, op, path, comity.Msg("federation.passphrase_needed", comity.A("path", path)), nil)
	}
	r := new(rootSecrets)
	if err := readKeyFile(path, r, second, first); err != nil {
		return nil, err
	}
	return k.withRoot(r)
}

// withRoot gives these keys with other root secrets, which must fit the chain.
func (k *Keys) withRoot(r *rootSecrets) (*Keys, error) {
	next, err := openKeys(k.secret, r)
	if err != nil {
		return nil, err
	}
	next.now = k.now
	return next, nil
}

// RootWords gives the paper form of the two root secrets: 24 words each (BIP-39,
// English), of which the last holds a checksum. An empty string stands for one
// that is not here. Whoever has the words has the root.
func (k *Keys) RootWords() (root, next string, err error) {
	if k.offline == nil {
		return "", "", comity.E(comity.Forbidden, "write recovery words", k.id, comity.Msg("federation.root_away"), nil)
	}
	if len(k.offline.Root) > 0 {
		root = wordsOf(k.offline.Root)
	}
	if len(k.offline.Next) > 0 {
		next = wordsOf(k.offline.Next)
	}
	return root, next, nil
}

// RestoreRoot gives these keys with root secrets read from paper. Either may be
// empty: the next root alone is enough to replace a lost one. Words that are not
// this node's are refused.
func (k *Keys) RestoreRoot(root, next string) (*Keys, error) {
	r, err := rootFromWords("restore root", k.id, root, next)
	if err != nil {
		return nil, err
	}
	return k.withRoot(r)
}

// rootFromWords reads the two secrets, of which one may be empty.
func rootFromWords(op string, id comity.MemberID, root, next string) (*rootSecrets, error) {
	r := &rootSecrets{Format: keysFormat}
	for _, x := range []struct {
		words string
		to    *[]byte
	}{{root, &r.Root}, {next, &r.Next}} {
		if x.words == "" {
			continue
		}
		seed, err := seedOf(x.words)
		if err != nil {
			return nil, err
		}
		*x.to = seed
	}
	if len(r.Root)+len(r.Next) == 0 {
		return nil, comity.E(comity.Usage, op, id, comity.Msg("keychain.words_count", comity.A("expected", seedWords), comity.A("got", 0)), nil)
	}
	return r, nil
}

// SplitWords divides the paper form of one secret between two people: each gets
// 24 words that tell nothing alone; JoinWords gives the secret back.
func SplitWords(words string, rand io.Reader) (a, b string, err error) {
	seed, err := seedOf(words)
	if err != nil {
		return "", "", err
	}
	pad := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, pad); err != nil {
		return "", "", comity.E(comity.Internal, "split words", "", comity.Msg("federation.no_randomness"), err)
	}
	subtle.XORBytes(seed, seed, pad)
	return wordsOf(pad), wordsOf(seed), nil
}

// JoinWords puts two halves from SplitWords together, in either order. Two that do
// not belong together give words of no key, which RestoreRoot refuses.
func JoinWords(a, b string) (string, error) {
	one, err := seedOf(a)
	if err != nil {
		return "", err
	}
	other, err := seedOf(b)
	if err != nil {
		return "", err
	}
	subtle.XORBytes(one, one, other)
	return wordsOf(one), nil
}

// encodeKeyFile gives the bytes of a key file, sealed with each passphrase in
// turn; empty ones seal nothing.
func encodeKeyFile(v any, passphrases ...[]byte) ([]byte, error) {
	data, err := json.Marshal(v, json.Deterministic(true))
	for _, p := range passphrases {
		if err == nil && len(p) > 0 {
			data, err = seal(data, p)
		}
	}
	return data, err
}
