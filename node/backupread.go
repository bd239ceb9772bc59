package node

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/postgres"
	"github.com/comity-net/comity/store/sqlite"
)

// RestoreOptions say where a backup goes.
type RestoreOptions struct {
	Dir        string         // must not exist, or be empty
	DB         string         // PostgreSQL URL of an empty database, for a backup of one
	Open       []age.Identity // open an encrypted file
	Passphrase []byte         // of the key files; only VerifyBackup needs it
	Now        time.Time
}

// RestoreBackup makes a node from a backup. Nothing is kept unless the whole
// file is as the node signed it. The node then knows that it was restored: it
// signs nothing until it has asked its readers what they hold of it.
func RestoreBackup(ctx context.Context, r io.Reader, o RestoreOptions) (BackupInfo, error) {
	if o.Now.IsZero() {
		o.Now = time.Now().UTC()
	}
	if left, err := os.ReadDir(o.Dir); err == nil && len(left) > 0 {
		return BackupInfo{}, comity.E(comity.Conflict, "restore", o.Dir, comity.Msg("node.restore_not_empty", comity.A("dir", o.Dir)), nil)
	}
	parent := filepath.Dir(filepath.Clean(o.Dir))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return BackupInfo{}, comity.E(comity.Unavailable, "restore", o.Dir, comity.Msg("node.dir_unwritable", comity.A("dir", parent)), err)
	}
	tmp, err := os.MkdirTemp(parent, ".restoring-*") // mode 0700
	if err != nil {
		return BackupInfo{}, comity.E(comity.Unavailable, "restore", o.Dir, comity.Msg("node.dir_unwritable", comity.A("dir", parent)), err)
	}
	defer os.RemoveAll(tmp)
	in := &backupReader{o: o, dir: tmp, sum: sha256.New()}
	if err := in.restore(ctx, r); err != nil {
		return in.info, err
	}
	if err := os.Remove(o.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return in.info, comity.E(comity.Unavailable, "restore", o.Dir, comity.Msg("node.dir_unwritable", comity.A("dir", o.Dir)), err)
	}
	if err := os.Rename(tmp, o.Dir); err != nil {
		return in.info, comity.E(comity.Unavailable, "restore", o.Dir, comity.Msg("node.dir_unwritable", comity.A("dir", o.Dir)), err)
	}
	return in.info, nil
}

// BackupReport is what a rehearsal found.
type BackupReport struct {
	BackupInfo
	Opened   bool           `json:"opened"`   // the database was restored and read back
	Findings []string       `json:"findings"` // of the keeper; none is well
	Channels []VerifyReport `json:"verified"`
}

// VerifyBackup rehearses a restore in a folder of its own, which it removes, and
// reads everything back. Of a backup of PostgreSQL it checks without o.DB that
// the file is whole and signed, and no more.
func VerifyBackup(ctx context.Context, r io.Reader, o RestoreOptions) (rep BackupReport, err error) {
	if o.Dir, err = os.MkdirTemp(o.Dir, ".rehearsal-*"); err != nil {
		return rep, comity.E(comity.Unavailable, "backup verify", "", comity.Msg("node.dir_unwritable", comity.A("dir", o.Dir)), err)
	}
	defer os.RemoveAll(o.Dir)
	db := o.DB
	if db == "" {
		o.DB = skipStore
	}
	rep.BackupInfo, err = RestoreBackup(ctx, r, o)
	if err != nil || rep.Keeper == keeperPostgres && db == "" {
		return rep, err
	}
	n, err := Open(ctx, Config{Dir: o.Dir, DB: db, Passphrase: o.Passphrase})
	if err != nil {
		return rep, err
	}
	defer n.Close()
	rep.Opened = true
	if rep.Findings, err = n.store.Check(ctx); err != nil {
		return rep, err
	}
	rep.Channels, err = n.Verify(ctx, system, "", nil)
	return rep, err
}

// skipStore stands for no database: a PostgreSQL backup is read to its end and
// thrown away.
const skipStore = "-"

const keeperPostgres = "postgres"

// backupReader reads a backup into a folder.
type backupReader struct {
	o    RestoreOptions
	dir  string
	tar  *tar.Reader
	sum  hash.Hash
	size int64
	info BackupInfo
	id   *federation.Identity
}

func (b *backupReader) restore(ctx context.Context, r io.Reader) error {
	if err := b.open(ctx, r); err != nil {
		return err
	}
	doc, err := b.smallPart(partBackup)
	if err != nil {
		return err
	}
	note, err := b.smallPart(partIdentity)
	if err != nil {
		return err
	}
	if b.id, err = federation.ParseIdentity(note); err != nil {
		return err
	}
	if err := b.document(doc, backupType, &b.info); err != nil {
		return err
	}
	if b.info.Node != b.id.ID {
		return backupDamaged(comity.Unverified, nil)
	}
	name, body, err := b.files()
	if err != nil {
		return err
	}
	first := true
	next := func() (string, io.Reader, error) {
		if first {
			first = false
			return strings.TrimPrefix(name, dirStore), body, nil
		}
		return b.nextStore()
	}
	mark, err := json.Marshal(restored{At: b.o.Now, Backup: b.info.At})
	if err != nil {
		return err
	}
	return b.keeper(ctx, next, map[string][]byte{settingRestored: mark})
}

// keeper gives the keeper's parts to the keeper, whose Restore keeps nothing
// unless the end, which the last call of next checks, is right.
func (b *backupReader) keeper(ctx context.Context, next store.Parts, settings map[string][]byte) error {
	if b.info.Keeper != keeperPostgres {
		return sqlite.Restore(ctx, filepath.Join(b.dir, "comity.db"), next, settings)
	}
	switch b.o.DB {
	case "":
		return comity.E(comity.Usage, "restore", b.info.Name, comity.Msg("node.restore_needs_db"), nil)
	case skipStore:
		for {
			_, body, err := next()
			if err == io.EOF {
				return nil
			}
			if err == nil {
				_, err = io.Copy(io.Discard, body)
			}
			if err != nil {
				return err
			}
		}
	}
	return postgres.Restore(ctx, b.o.DB, next, settings)
}

// open undoes encryption and packing.
func (b *backupReader) open(ctx context.Context, r io.Reader) error {
	in := bufio.NewReaderSize(interruptible{ctx, r}, 64<<10)
	const magic = "age-encryption.org/"
	if head, _ := in.Peek(len(magic)); string(head) == magic {
		if len(b.o.Open) == 0 {
			return comity.E(comity.Forbidden, "restore", "", comity.Msg("node.backup_sealed"), nil)
		}
		plain, err := age.Decrypt(in, b.o.Open...)
		if wrong := (*age.NoIdentityMatchError)(nil); errors.As(err, &wrong) {
			return comity.E(comity.Forbidden, "restore", "", comity.Msg("node.backup_other_key"), err)
		}
		if err != nil {
			return backupDamaged(comity.Invalid, err)
		}
		in = bufio.NewReaderSize(plain, 64<<10)
	}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return backupDamaged(comity.Invalid, err)
	}
	b.tar = tar.NewReader(z)
	return nil
}

// interruptible ends reading with the context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// part gives the next part. What is read of it goes into the digest.
func (b *backupReader) part() (string, io.Reader, error) {
	h, err := b.tar.Next()
	if err != nil { // also an end without the part "end"
		return "", nil, backupDamaged(comity.Invalid, err)
	}
	if h.Typeflag != tar.TypeReg || !partName(h.Name) {
		return "", nil, backupDamaged(comity.Invalid, nil)
	}
	if h.Name != partEnd {
		_, _ = b.sum.Write([]byte(h.Name + "\n")) // a hash takes everything
		b.size += h.Size
	}
	return h.Name, io.TeeReader(damage{b.tar}, b.sum), nil
}

// damage says of what cannot be read that the backup is damaged.
type damage struct{ r io.Reader }

// Read implements io.Reader.
func (d damage) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && err != io.EOF {
		err = backupDamaged(comity.Invalid, err)
	}
	return n, err
}

// smallPart reads the next part, which must be this one, whole.
func (b *backupReader) smallPart(name string) ([]byte, error) {
	got, body, err := b.part()
	if err != nil {
		return nil, err
	}
	if got != name {
		return nil, backupDamaged(comity.Invalid, nil)
	}
	return readSmall(body)
}

func readSmall(body io.Reader) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(body, maxSmallPart+1))
	if err == nil && len(out) > maxSmallPart {
		err = backupDamaged(comity.TooLarge, nil)
	}
	return out, err
}

// document opens a document that the backup's own node signed.
func (b *backupReader) document(doc []byte, typ string, v any) error {
	d, err := ledger.OpenDocument(doc, b.id.Doc)
	if err == nil && d.Type != typ {
		err = backupDamaged(comity.Invalid, nil)
	}
	if err == nil {
		err = json.Unmarshal(d.JSON, v)
	}
	if err != nil {
		return backupDamaged(comity.Unverified, err)
	}
	return nil
}

// files writes the profile and the key files and gives the first part behind them.
func (b *backupReader) files() (string, io.Reader, error) {
	for {
		name, body, err := b.part()
		if err != nil || strings.HasPrefix(name, dirStore) {
			return name, body, err
		}
		if name != partNode && !strings.HasPrefix(name, dirKeys) {
			return "", nil, backupDamaged(comity.Invalid, nil)
		}
		content, err := readSmall(body)
		if err != nil {
			return "", nil, err
		}
		if name == partNode && b.o.DB != "" && b.o.DB != skipStore {
			if content, err = withDB(content, b.o.DB); err != nil {
				return "", nil, err
			}
		}
		if err := b.write(name, content); err != nil {
			return "", nil, comity.E(comity.Unavailable, "restore", name, comity.Msg("node.dir_unwritable", comity.A("dir", b.dir)), err)
		}
	}
}

// withDB puts the address of the database into the node's file.
func withDB(content []byte, db string) ([]byte, error) {
	var f nodeFile
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, backupDamaged(comity.Invalid, err)
	}
	f.DB = db
	return json.MarshalIndent(f, "", "  ")
}

func (b *backupReader) write(name string, content []byte) error {
	path := filepath.Join(b.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// nextStore gives the keeper's next part; at the end of the backup it checks the
// digest of everything that was read, and says io.EOF only when it is right.
func (b *backupReader) nextStore() (string, io.Reader, error) {
	name, body, err := b.part()
	if err != nil {
		return "", nil, err
	}
	if rest, ok := strings.CutPrefix(name, dirStore); ok {
		return rest, body, nil
	}
	if name != partEnd {
		return "", nil, backupDamaged(comity.Invalid, nil)
	}
	got := b.sum.Sum(nil)
	doc, err := readSmall(body)
	if err != nil {
		return "", nil, err
	}
	var end backupEnd
	if err := b.document(doc, backupEndType, &end); err != nil {
		return "", nil, err
	}
	want, err := hex.DecodeString(end.SHA256)
	if err != nil || !bytes.Equal(want, got) || end.Bytes != b.size {
		return "", nil, backupDamaged(comity.Unverified, err)
	}
	b.info.Bytes = b.size
	return "", nil, io.EOF
}

// backupDamaged says that a file is not what the node wrote.
func backupDamaged(kind comity.Kind, cause error) error {
	if known := (*comity.Error)(nil); errors.As(cause, &known) {
		return cause
	}
	return comity.E(kind, "restore", "", comity.Msg("node.backup_damaged"), cause)
}
