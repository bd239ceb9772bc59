package node

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/store"
	"github.com/google/uuid"
)

// InitOptions says what node to make.
type InitOptions struct {
	Dir        string
	Profile    Profile
	DB         string // PostgreSQL URL; "" for SQLite in Dir
	Passphrase []byte // encrypts the key files; nil leaves them readable by their owner
	Now        time.Time
}

// InitResult says what was made.
type InitResult struct {
	ID          comity.MemberID `json:"id"`
	Fingerprint string          `json:"fingerprint"`
	Dir         string          `json:"dir"`
}

// fileName is the node's own file: what must be known before the database is open.
const fileName = "node.json"

// nodeFile is its content.
type nodeFile struct {
	Profile
	DB string `json:"db,omitempty"` // PostgreSQL URL, may hold a password: the file is 0600
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// Names of settings in the store.
const (
	settingProfile  = "profile"  // JSON of Profile
	settingIdentity = "identity" // identity note: signed by the root key, which may be away later
	settingUnmarked = "unmarked" // label for objects that carry none
)

// Init makes a node: its folder, keys and database. It refuses a folder that
// holds one already.
func Init(ctx context.Context, o InitOptions) (InitResult, error) {
	p, err := o.Profile.check()
	if err != nil {
		return InitResult{}, err
	}
	path := filepath.Join(o.Dir, fileName)
	if _, err := os.Stat(path); err == nil {
		return InitResult{}, comity.E(comity.Conflict, "init", o.Dir, comity.Msg("node.init_exists", comity.A("dir", o.Dir)), nil)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return InitResult{}, comity.E(comity.Unavailable, "init", o.Dir, comity.Msg("node.dir_unwritable", comity.A("dir", o.Dir)), err)
	}
	cfg := Config{}.orDefault()
	if o.Now.IsZero() {
		o.Now = cfg.Now()
	}
	keys, err := federation.NewKeys(cfg.Rand, federation.Profile(p), o.Now)
	if err != nil {
		return InitResult{}, err
	}
	if err := keys.Save(o.Dir, o.Passphrase); err != nil {
		return InitResult{}, err
	}
	b, err := json.MarshalIndent(nodeFile{Profile: p, DB: o.DB}, "", "  ")
	if err != nil {
		return InitResult{}, err
	}
	// The file comes last but for the database: a folder without it is no node.
	if err := writeFile(path, append(b, '\n')); err != nil {
		return InitResult{}, comity.E(comity.Unavailable, "init", o.Dir, comity.Msg("node.dir_unwritable", comity.A("dir", o.Dir)), err)
	}
	n, err := Open(ctx, Config{Dir: o.Dir, Passphrase: o.Passphrase})
	if err != nil {
		return InitResult{}, err
	}
	defer n.Close()
	s, err := n.self(ctx)
	if err != nil {
		return InitResult{}, err
	}
	return InitResult{ID: s.ID, Fingerprint: s.Fingerprint, Dir: o.Dir}, nil
}

func (p Profile) check() (Profile, error) {
	p.Name = strings.TrimSpace(p.Name)
	p.Country = strings.ToUpper(strings.TrimSpace(p.Country))
	if p.Name == "" || len(p.Name) > 128 || strings.ContainsFunc(p.Name, func(r rune) bool { return r < ' ' }) {
		return p, comity.E(comity.Usage, "init", p.Name, comity.Msg("node.name_bad"), nil)
	}
	if p.Country != "" && !countryCode.MatchString(p.Country) {
		return p, comity.E(comity.Usage, "init", p.Country, comity.Msg("node.country_bad", comity.A("country", p.Country)), nil)
	}
	return p, checkURL(p.URL)
}

func readFile(dir string) (nodeFile, error) {
	var f nodeFile
	b, err := os.ReadFile(filepath.Join(dir, fileName))
	if errors.Is(err, fs.ErrNotExist) {
		return f, comity.E(comity.NotFound, "open", dir, comity.Msg("node.no_node", comity.A("dir", dir)), err).
			WithHint(comity.Msg("node.no_node_hint", comity.A("dir", dir)))
	}
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return f, comity.E(comity.Unavailable, "open", dir, comity.Msg("node.file_unreadable", comity.A("file", filepath.Join(dir, fileName))), err)
	}
	return f, nil
}

// settle writes, once, what a fresh database needs: the profile, the default
// label and this node's own STIX identity.
func (n *Node) settle(ctx context.Context, f nodeFile) error {
	_, err := view(ctx, n.store, func(r store.Reader) ([]byte, error) { return r.Setting(ctx, settingProfile) })
	if err == nil || !comity.Is(err, comity.NotFound) {
		return err
	}
	raw, err := stix.Identity(n.identityID(), stix.Party{Name: f.Name, Class: "organization", Country: f.Country, Sectors: sectors(f.Sector)}, n.now())
	if err != nil {
		return err
	}
	obj, _ := stix.Parse(raw, stix.Options{})
	profile, err := json.Marshal(f.Profile)
	if err != nil {
		return err
	}
	note, err := n.keys.IdentityNote(federation.Profile(f.Profile), n.now())
	if err != nil {
		return err
	}
	return n.act(ctx, system, "init", string(n.ID()), func(tx store.Tx) error {
		if err := tx.PutSetting(ctx, settingIdentity, note); err != nil {
			return err
		}
		if err := tx.PutSetting(ctx, settingProfile, profile); err != nil {
			return err
		}
		if err := tx.PutSetting(ctx, settingUnmarked, []byte(comity.Amber.String())); err != nil {
			return err
		}
		_, err := tx.PutObjects(ctx, store.Arrival{Door: comity.DoorLocal, Handling: comity.Green, At: n.now()}, []comity.Object{obj})
		return err
	})
}

func sectors(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// system is the node acting by itself.
var system = Actor{Name: "system", Role: RoleAdmin}

// identityID is the id of this node's own STIX identity: the same for every
// database that the node ever has.
func (n *Node) identityID() comity.ObjectID { return identityOf(n.ID()) }

// identityOf is the id of a member's own STIX identity.
func identityOf(m comity.MemberID) comity.ObjectID {
	return comity.ObjectID("identity--" + uuid.NewSHA1(uuid.NameSpaceURL, []byte("comity:"+string(m))).String())
}

// profile returns what the node says of itself.
func (n *Node) profile(ctx context.Context) (Profile, error) {
	b, err := view(ctx, n.store, func(r store.Reader) ([]byte, error) { return r.Setting(ctx, settingProfile) })
	var p Profile
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	return p, err
}

// unmarked returns the label for objects that carry none.
func (n *Node) unmarked(ctx context.Context) comity.TLP {
	b, err := view(ctx, n.store, func(r store.Reader) ([]byte, error) { return r.Setting(ctx, settingUnmarked) })
	if t, ok := comity.ParseTLP(string(b)); err == nil && ok {
		return t
	}
	return comity.AmberStrict
}

// self returns this node's identity as its peers see it.
func (n *Node) self(ctx context.Context) (*federation.Identity, error) {
	note, err := n.IdentityNote(ctx)
	if err != nil {
		return nil, err
	}
	return n.identity(note)
}

// IdentityNote returns this node's identity note: what a peer adds it by.
func (n *Node) IdentityNote(ctx context.Context) ([]byte, error) {
	return view(ctx, n.store, func(r store.Reader) ([]byte, error) { return r.Setting(ctx, settingIdentity) })
}

// SetURL records the address at which peers reach this node; its identity note
// says so from then on.
func (n *Node) SetURL(ctx context.Context, by Actor, url string) error {
	p, err := n.profile(ctx)
	if err != nil || p.URL == url {
		return err
	}
	if err := checkURL(url); err != nil {
		return err
	}
	p.URL = url
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	note, err := n.keys.IdentityNote(federation.Profile(p), n.now())
	if err != nil {
		return err
	}
	return n.act(ctx, by, "url", url, func(tx store.Tx) error {
		if err := tx.PutSetting(ctx, settingProfile, b); err != nil {
			return err
		}
		return tx.PutSetting(ctx, settingIdentity, note)
	})
}
