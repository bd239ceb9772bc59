package node

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// A backup is one file: a tar, packed with zstd and, unless asked otherwise,
// encrypted with age. Its parts, in this order:
//
//	backup      a comity/backup/v1 document: of which node, when, how far its channels were
//	identity    the identity note, by which both documents are verified
//	node.json   the profile
//	keys/…      the key files as they lie, encrypted or not
//	store/…     what the keeper holds, in its own form, as of one moment
//	end         a comity/backup-end/v1 document: the digest of all parts before it
const (
	backupType    = "comity/backup/v1"
	backupEndType = "comity/backup-end/v1"

	partBackup, partIdentity, partNode, partEnd = "backup", "identity", fileName, "end"
	dirKeys, dirStore                           = "keys/", "store/"

	maxSmallPart = 1 << 20 // of every part but those of the keeper
)

// BackupInfo says what a backup holds.
type BackupInfo struct {
	Node     comity.MemberID `json:"node"`
	Name     string          `json:"name"`
	Program  string          `json:"program"`
	Keeper   string          `json:"keeper"` // "sqlite" or "postgres"
	At       time.Time       `json:"at"`
	Channels []BackupChannel `json:"channels"` // this node's own: at least so far

	Bytes int64 `json:"-"` // unpacked
}

// BackupChannel is how far an own channel had come when the backup began.
type BackupChannel struct {
	ID     comity.ChannelID `json:"id"`
	Stream string           `json:"stream"`
	Size   int64            `json:"size"`
}

// backupEnd is the body of the last part.
type backupEnd struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Backup writes a copy of this node while it goes on working: its database as of
// one moment, keys and profile, signed. With recipients it is encrypted to
// them; without, whoever reads the file has the node's keys.
func (n *Node) Backup(ctx context.Context, by Actor, w io.Writer, to []age.Recipient) (BackupInfo, error) {
	info, err := n.backup(ctx, w, to)
	if err == nil {
		err = n.act(ctx, by, "backup", info.At.Format(time.RFC3339), func(store.Tx) error { return nil })
	} else {
		n.audit(ctx, by, "backup", "", err)
	}
	return info, err
}

func (n *Node) backup(ctx context.Context, w io.Writer, to []age.Recipient) (BackupInfo, error) {
	info, err := n.backupInfo(ctx)
	if err != nil {
		return info, err
	}
	out := &backupWriter{at: info.At, sum: sha256.New()}
	if err := out.open(w, to); err != nil {
		return info, backupWrite(err)
	}
	if err := n.backupSmall(ctx, out, info); err != nil {
		return info, err
	}
	err = n.store.Backup(ctx, func(name string, size int64, body io.Reader) error {
		return out.part(dirStore+name, size, body)
	})
	if err != nil {
		return info, err
	}
	info.Bytes = out.size
	end, err := json.Marshal(backupEnd{Bytes: out.size, SHA256: hex.EncodeToString(out.sum.Sum(nil))})
	if err != nil {
		return info, err
	}
	doc, err := ledger.SignDocument(backupEndType, end, n.keys.Doc())
	if err != nil {
		return info, err
	}
	if err := out.small(partEnd, doc); err != nil {
		return info, err
	}
	return info, backupWrite(out.close())
}

func (n *Node) backupInfo(ctx context.Context) (BackupInfo, error) {
	p, err := n.profile(ctx)
	if err != nil {
		return BackupInfo{}, err
	}
	info := BackupInfo{Node: n.ID(), Name: p.Name, Program: n.cfg.Version, Keeper: n.keeper, At: n.now().UTC().Truncate(time.Second), Channels: []BackupChannel{}}
	channels, err := view(ctx, n.store, func(r store.Reader) ([]comity.Channel, error) { return r.Channels(ctx) })
	for _, c := range channels {
		if c.Own {
			info.Channels = append(info.Channels, BackupChannel{ID: c.ID, Stream: c.Stream, Size: c.Head.Size})
		}
	}
	return info, err
}

// backupSmall writes everything but the keeper's parts.
func (n *Node) backupSmall(ctx context.Context, out *backupWriter, info BackupInfo) error {
	body, err := json.Marshal(info)
	if err != nil {
		return err
	}
	doc, err := ledger.SignDocument(backupType, body, n.keys.Doc())
	if err != nil {
		return err
	}
	note, err := n.IdentityNote(ctx)
	if err != nil {
		return err
	}
	f, err := readFile(n.dir)
	if err != nil {
		return err
	}
	f.DB = "" // an address with a password, of a database that may be lost
	file, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		body []byte
	}{{partBackup, doc}, {partIdentity, note}, {partNode, file}} {
		if err := out.small(p.name, p.body); err != nil {
			return err
		}
	}
	return n.backupKeys(out)
}

func (n *Node) backupKeys(out *backupWriter) error {
	dir := filepath.Join(n.dir, strings.TrimSuffix(dirKeys, "/"))
	fail := func(err error) error {
		return comity.E(comity.Unavailable, "backup", dir, comity.Msg("node.backup_keys", comity.A("dir", dir)), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return fail(err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() || !partName(dirKeys+f.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return fail(err)
		}
		if err := out.small(dirKeys+f.Name(), b); err != nil {
			return err
		}
	}
	return nil
}

// partName reports whether a part may have this name: nothing in it leads out
// of the folder.
func partName(s string) bool {
	for _, word := range strings.Split(s, "/") {
		if word == "" || word[0] == '.' || strings.ContainsFunc(word, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
		}) {
			return false
		}
	}
	return len(s) <= 200
}

// backupWriter writes the parts of a backup and keeps their digest.
type backupWriter struct {
	at   time.Time
	age  io.WriteCloser // nil when not encrypted
	zstd *zstd.Encoder
	tar  *tar.Writer
	sum  hash.Hash // over each part's name, a newline and its body
	size int64     // of all bodies
}

func (b *backupWriter) open(w io.Writer, to []age.Recipient) (err error) {
	if len(to) > 0 {
		if b.age, err = age.Encrypt(w, to...); err != nil {
			return err
		}
		w = b.age
	}
	if b.zstd, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)); err != nil {
		return err
	}
	b.tar = tar.NewWriter(b.zstd)
	return nil
}

func (b *backupWriter) small(name string, body []byte) error {
	return b.part(name, int64(len(body)), bytes.NewReader(body))
}

func (b *backupWriter) part(name string, size int64, body io.Reader) error {
	err := b.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: b.at, Format: tar.FormatPAX})
	if err != nil {
		return backupWrite(err)
	}
	_, _ = b.sum.Write([]byte(name + "\n")) // a hash takes everything
	b.size += size
	if _, err := io.Copy(io.MultiWriter(b.tar, b.sum), body); err != nil {
		return backupWrite(err)
	}
	return nil
}

func (b *backupWriter) close() error {
	if err := b.tar.Close(); err != nil {
		return err
	}
	if err := b.zstd.Close(); err != nil || b.age == nil {
		return err
	}
	return b.age.Close()
}

// backupWrite says that the file could not be written.
func backupWrite(err error) error {
	if err == nil {
		return nil
	}
	return comity.E(comity.Unavailable, "backup", "", comity.Msg("node.backup_write", comity.A("cause", err)), err)
}
