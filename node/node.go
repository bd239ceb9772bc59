// Package node holds the use cases, one file each: its file list is the
// product's table of contents. It is also the composition root: Open builds
// the keeper, the keys, the client and the servers by hand.
//
// Several processes may open the same node at once (a running server and the
// command line beside it): everything shared lives in the store.
package node

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/postgres"
	"github.com/comity-net/comity/store/sqlite"
)

// Config says how to open a node.
type Config struct {
	Dir        string // the node's folder, made by Init
	DB         string // PostgreSQL URL; "" for what Init recorded, else SQLite in Dir
	Passphrase []byte // opens the key files when they are encrypted
	Version    string // of the program
	Now        func() time.Time
	Log        *slog.Logger
	Rand       io.Reader

	Client federation.ClientOptions // bounds towards peers; zero for the defaults
}

// Node is one member's node, open. It is safe for concurrent use.
type Node struct {
	cfg    Config
	dir    string
	keeper string
	store  store.Store
	keys   *federation.Keys
	client *federation.Client
	reader *federation.Reader
	log    *slog.Logger
	rand   io.Reader
	now    func() time.Time

	behind   *background
	signIns  tries
	failures failed
	pinned   pins
	hashing  hashing
	sessions sessionCache
	ids      memo[comity.Hash, *federation.Identity]
	texts    memo[comity.AgreementID, comity.Agreement]
	signing  sync.Mutex // one signer in this process; compare-and-swap guards between processes
	sizes    signedSizes
	readers  seenReaders
	seals    sealing
	marks    markMemory
	hidden   hiddenRuns
}

// Open opens the node in cfg.Dir. The keys are read first, so that a wrong
// passphrase is told before a database is touched.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	cfg = cfg.orDefault()
	f, err := readFile(cfg.Dir)
	if err != nil {
		return nil, err
	}
	keys, err := federation.LoadKeys(cfg.Dir, cfg.Passphrase)
	if err != nil {
		return nil, err
	}
	if cfg.DB == "" {
		cfg.DB = f.DB
	}
	st, keeper, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, dir: cfg.Dir, keeper: keeper, store: &collecting{Store: st, now: cfg.Now}, keys: keys,
		log: cfg.Log, rand: cfg.Rand, now: cfg.Now, behind: newBackground(),
	}
	n.client = federation.NewClient(keys, cfg.Client)
	n.reader = federation.NewReader(n.client, keys, sink{n}, federation.ReaderOptions{Now: cfg.Now})
	if err := n.settle(ctx, f); err != nil {
		st.Close()
		return nil, err
	}
	return n, nil
}

func (c Config) orDefault() Config {
	if c.Now == nil {
		c.Now = func() time.Time { return time.Now().UTC() }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return c
}

func openStore(ctx context.Context, cfg Config) (store.Store, string, error) {
	if cfg.DB != "" {
		st, err := postgres.Open(ctx, cfg.DB)
		if err != nil {
			return nil, "", err
		}
		return st, "postgres", nil
	}
	st, err := sqlite.Open(ctx, filepath.Join(cfg.Dir, "comity.db"), sqlite.Options{})
	return st, "sqlite", err
}

// Close ends imports in the background, closes the connections to peers and the store.
func (n *Node) Close() error {
	n.behind.stop()
	n.client.Close()
	return n.store.Close()
}

// ID returns this node's id.
func (n *Node) ID() comity.MemberID { return n.keys.ID() }

// Dir returns the node's folder.
func (n *Node) Dir() string { return n.dir }

// view reads one thing on a snapshot.
func view[T any](ctx context.Context, st store.Store, fn func(store.Reader) (T, error)) (T, error) {
	var out T
	err := st.View(ctx, func(r store.Reader) error {
		var err error
		out, err = fn(r)
		return err
	})
	return out, err
}

// act carries out one audited deed: the audit line stands in the same
// transaction as the deed; a failure is audited by itself.
func (n *Node) act(ctx context.Context, by Actor, action, subject string, fn func(store.Tx) error) error {
	err := n.store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.AddAudit(ctx, comity.Audit{At: n.now(), Actor: by.Name, Action: action, Subject: subject})
	})
	if err != nil {
		n.audit(ctx, by, action, subject, err)
	}
	return err
}

// audit writes a line about a failure (or, with err nil, a success). That the
// line itself cannot be written is logged, not returned: it must not hide err.
func (n *Node) audit(ctx context.Context, by Actor, action, subject string, err error) {
	line := comity.Audit{At: n.now(), Actor: by.Name, Action: action, Subject: subject}
	if err != nil {
		line.Kind, line.Msg = comity.ErrorKind(err).String(), comity.ErrorMessage(err)
	}
	ctx = context.WithoutCancel(ctx) // what was interrupted must be told, too
	werr := n.store.Update(ctx, func(tx store.Tx) error { return tx.AddAudit(ctx, line) })
	if werr != nil {
		n.log.Error("audit", "action", action, "subject", subject, "err", werr)
	}
}

// Audits returns audit lines with N < before (0 for the newest), newest first.
func (n *Node) Audits(ctx context.Context, before int64, limit int) ([]comity.Audit, error) {
	return view(ctx, n.store, func(r store.Reader) ([]comity.Audit, error) { return r.Audits(ctx, before, limit) })
}

// writeFile writes a file of the node's folder, readable by its owner only, so
// that a crash leaves either the old or the new one.
func writeFile(path string, b []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
