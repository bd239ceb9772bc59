package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

var errStub = errors.New("stub")

type InitOptions struct {
	Dir        string
	Profile    Profile
	Passphrase []byte
	Now        time.Time
}
type InitResult struct {
	ID          comity.MemberID
	Fingerprint string
	Dir         string
}
type Config struct {
	Dir        string
	DB         string // PostgreSQL URL; "" for SQLite in Dir
	Passphrase []byte
	Version    string
	Now        func() time.Time
	Log        *slog.Logger
	ReadOnly   bool
}
type Node struct{}

func Init(ctx context.Context, o InitOptions) (InitResult, error) { return InitResult{}, errStub }
func Open(ctx context.Context, c Config) (*Node, error)           { return nil, errStub }
func (n *Node) Close() error                                      { return errStub }

// Run does the background work (signing, reading, outbox, retention) until ctx ends.
func (n *Node) Run(ctx context.Context) error { return errStub }

// Federation returns the server for peers, configured with TLS and limits; the caller gives it a listener (ServeTLS with empty file names).
func (n *Node) Federation() *http.Server { return nil }

// SetURL records the address at which peers reach this node and renews its identity note.
func (n *Node) SetURL(ctx context.Context, by Actor, url string) error { return errStub }

func (n *Node) Status(ctx context.Context) (Status, error)    { return Status{}, errStub }
func (n *Node) Doctor(ctx context.Context) ([]Finding, error) { return nil, errStub }
func (n *Node) Audits(ctx context.Context, before int64, limit int) ([]comity.Audit, error) {
	return nil, errStub
}

func (n *Node) Import(ctx context.Context, by Actor, r ImportRequest) (comity.Import, error) {
	return comity.Import{}, errStub
}
func (n *Node) Imports(ctx context.Context, before comity.ImportID, limit int) ([]comity.Import, error) {
	return nil, errStub
}
func (n *Node) ImportByID(ctx context.Context, id string) (comity.Import, error) {
	return comity.Import{}, errStub
}
func (n *Node) Refusals(ctx context.Context, id comity.ImportID, after int64, limit int) ([]comity.Refusal, error) {
	return nil, errStub
}

// UndoImport removes an import. Objects that were shared are kept unless withdraw is set, which erases them in every channel.
func (n *Node) UndoImport(ctx context.Context, by Actor, id string, withdraw bool) (UndoResult, error) {
	return UndoResult{}, errStub
}
func (n *Node) Collections(ctx context.Context) ([]store.Collection, error) { return nil, errStub }

func (n *Node) Find(ctx context.Context, text string) (FindResult, error) {
	return FindResult{}, errStub
}
func (n *Node) Show(ctx context.Context, id comity.ObjectID) (ObjectView, error) {
	return ObjectView{}, errStub
}

// List returns objects page by page (for the overview and exports).
func (n *Node) List(ctx context.Context, q store.Query) ([]store.Version, error) { return nil, errStub }

// Export writes the current versions that q selects, as a STIX bundle ("stix") or "csv"; `to` is the member it is meant for, "" for the operator.
func (n *Node) Export(ctx context.Context, by Actor, w io.Writer, format string, q store.Query) (int64, error) {
	return 0, errStub
}

func (n *Node) Share(ctx context.Context, by Actor, r ShareRequest) (ShareResult, error) {
	return ShareResult{}, errStub
}

// Explain decides for every peer (or the one named) whether it may have the object, and why.
func (n *Node) Explain(ctx context.Context, id comity.ObjectID, member string) ([]MemberDecision, error) {
	return nil, errStub
}
func (n *Node) Revoke(ctx context.Context, by Actor, id comity.ObjectID, why string) (LifecycleResult, error) {
	return LifecycleResult{}, errStub
}
func (n *Node) Erase(ctx context.Context, by Actor, id comity.ObjectID, why string) (LifecycleResult, error) {
	return LifecycleResult{}, errStub
}
func (n *Node) Mark(ctx context.Context, by Actor, id comity.ObjectID, tlp comity.TLP, why string) (LifecycleResult, error) {
	return LifecycleResult{}, errStub
}

// AddPeer takes an https URL of a federation listener, or an identity note's bytes.
func (n *Node) AddPeer(ctx context.Context, by Actor, url string, note []byte) (PeerView, error) {
	return PeerView{}, errStub
}

// IdentityNote returns this node's identity note, to be handed to peers as a file.
func (n *Node) IdentityNote(ctx context.Context) ([]byte, error) { return nil, errStub }
func (n *Node) Peers(ctx context.Context) ([]PeerView, error)    { return nil, errStub }

// Peer finds by id, unique beginning of the id, or name.
func (n *Node) Peer(ctx context.Context, who string) (PeerView, error) { return PeerView{}, errStub }
func (n *Node) VerifyPeer(ctx context.Context, by Actor, who, code string) (PeerView, error) {
	return PeerView{}, errStub
}
func (n *Node) SuspendPeer(ctx context.Context, by Actor, who string, suspend bool) (PeerView, error) {
	return PeerView{}, errStub
}
func (n *Node) EndPeer(ctx context.Context, by Actor, who string) (PeerView, error) {
	return PeerView{}, errStub
}

// AgreementTemplate returns readable JSON to edit: kind "bilateral" with one peer.
func (n *Node) AgreementTemplate(ctx context.Context, kind, with string) ([]byte, error) {
	return nil, errStub
}

// ProposeAgreement signs the JSON (template form) and sends it to the other parties.
func (n *Node) ProposeAgreement(ctx context.Context, by Actor, body []byte) (AgreementView, error) {
	return AgreementView{}, errStub
}
func (n *Node) Agreements(ctx context.Context) ([]AgreementView, error) { return nil, errStub }

// Agreement finds by id or a unique beginning of it.
func (n *Node) Agreement(ctx context.Context, id string) (AgreementView, error) {
	return AgreementView{}, errStub
}
func (n *Node) SignAgreement(ctx context.Context, by Actor, id string) (AgreementView, error) {
	return AgreementView{}, errStub
}
func (n *Node) SuspendAgreement(ctx context.Context, by Actor, id string, suspend bool) (AgreementView, error) {
	return AgreementView{}, errStub
}
func (n *Node) EndAgreement(ctx context.Context, by Actor, id string) (AgreementView, error) {
	return AgreementView{}, errStub
}

// CheckAgreement checks JSON in template form, or (body nil) the stored agreement with this id, for rules and symmetry.
func (n *Node) CheckAgreement(ctx context.Context, id string, body []byte) (AgreementView, error) {
	return AgreementView{}, errStub
}

func (n *Node) Channels(ctx context.Context) ([]ChannelView, error) { return nil, errStub }

// Channel finds by id or unique beginning.
func (n *Node) Channel(ctx context.Context, id string) (ChannelView, error) {
	return ChannelView{}, errStub
}
func (n *Node) Entries(ctx context.Context, ch comity.ChannelID, from int64, limit int) ([]EntryView, error) {
	return nil, errStub
}

// Verify re-reads a channel ("" for all) from the store: entries, tree, checkpoint signature, commitments, receipts.
func (n *Node) Verify(ctx context.Context, by Actor, ch string, progress func(Progress)) ([]VerifyReport, error) {
	return nil, errStub
}

// SyncNow reads every readable channel of every peer once (what Run does continuously).
func (n *Node) SyncNow(ctx context.Context) error { return errStub }

// accounts
func (n *Node) Users(ctx context.Context) ([]store.User, error) { return nil, errStub }
func (n *Node) CreateUser(ctx context.Context, by Actor, name, password string, role Role, lang string) error {
	return errStub
}

// SetupLink makes the one-time token for the first-run page, valid 30 minutes; Conflict when an administrator exists.
func (n *Node) SetupLink(ctx context.Context) (token string, err error) { return "", errStub }

// Setup uses the token to make the first administrator.
func (n *Node) Setup(ctx context.Context, token, name, password, lang string) (session string, err error) {
	return "", errStub
}

// CheckSetup says whether the token is still good (without using it).
func (n *Node) CheckSetup(ctx context.Context, token string) error { return errStub }

// SignInLink makes a one-time sign-in token for a user (the demo's links; `comity user link NAME`).
func (n *Node) SignInLink(ctx context.Context, by Actor, name string) (token string, err error) {
	return "", errStub
}

// SignIn checks the password (rate-limited per name and address) and returns a session secret for the cookie.
func (n *Node) SignIn(ctx context.Context, name, password, from string) (session string, err error) {
	return "", errStub
}
func (n *Node) SignInByLink(ctx context.Context, token string) (session string, err error) {
	return "", errStub
}
func (n *Node) SignOut(ctx context.Context, session string) error { return errStub }

// Session says who holds the session; Unauthenticated when it is unknown or expired.
func (n *Node) Session(ctx context.Context, session string) (store.User, error) {
	return store.User{}, errStub
}
func (n *Node) SetLang(ctx context.Context, user, lang string) error { return errStub }

// CreateToken makes an API token; the text is shown once.
func (n *Node) CreateToken(ctx context.Context, by Actor, user, label string, ttl time.Duration) (token string, err error) {
	return "", errStub
}

// ByToken says whose token it is.
func (n *Node) ByToken(ctx context.Context, token string) (store.User, error) {
	return store.User{}, errStub
}
