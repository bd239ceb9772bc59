package web

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// Node is what the pages ask of a node. *node.Node satisfies it; each part has
// the obligations that package node writes at the method of the same name.
type Node interface {
	accounts
	objects
	sharing
	imports
	collections
	taxiis
	feeds
	peers
	agreements
	channels
	Status(ctx context.Context) (node.Status, error)
	Audits(ctx context.Context, before int64, limit int) ([]comity.Audit, error)
}

type accounts interface {
	Users(ctx context.Context) ([]store.User, error)
	CreateUser(ctx context.Context, by node.Actor, name, password string, role node.Role, lang string) error
	CheckSetup(ctx context.Context, token string) error
	Setup(ctx context.Context, token, name, password, lang string) (session string, err error)
	SignInLink(ctx context.Context, by node.Actor, name string) (token string, err error)
	SignIn(ctx context.Context, name, password, from string) (session string, err error)
	SignInByLink(ctx context.Context, token string) (session string, err error)
	SignOut(ctx context.Context, session string) error
	Session(ctx context.Context, session string) (store.User, error)
	SetLang(ctx context.Context, user, lang string) error
	ChangePassword(ctx context.Context, by node.Actor, name, old, password string) error
	DisableUser(ctx context.Context, by node.Actor, name string, disable bool) error
	Tokens(ctx context.Context, user string) ([]node.TokenView, error)
	CreateToken(ctx context.Context, by node.Actor, user, label string, ttl time.Duration) (token string, err error)
	RevokeToken(ctx context.Context, by node.Actor, id string) error
}

type objects interface {
	Find(ctx context.Context, text string) (node.FindResult, error)
	Show(ctx context.Context, id comity.ObjectID) (node.ObjectView, error)
	List(ctx context.Context, q store.Query) ([]store.Version, error)
}

type sharing interface {
	Explain(ctx context.Context, id comity.ObjectID, member string) ([]node.MemberDecision, error)
	Share(ctx context.Context, by node.Actor, r node.ShareRequest) (node.ShareResult, error)
	Revoke(ctx context.Context, by node.Actor, id comity.ObjectID, why string) (node.LifecycleResult, error)
	Erase(ctx context.Context, by node.Actor, id comity.ObjectID, why string) (node.LifecycleResult, error)
	Mark(ctx context.Context, by node.Actor, id comity.ObjectID, tlp comity.TLP, why string) (node.LifecycleResult, error)
}

type imports interface {
	StartImport(ctx context.Context, by node.Actor, r node.ImportRequest) (comity.Import, error)
	ImportProgress(id comity.ImportID) (node.Progress, bool)
	Imports(ctx context.Context, before comity.ImportID, limit int) ([]comity.Import, error)
	ImportByID(ctx context.Context, id string) (comity.Import, error)
	Refusals(ctx context.Context, id comity.ImportID, after int64, limit int) ([]comity.Refusal, error)
	UndoImport(ctx context.Context, by node.Actor, id string, withdraw bool) (node.UndoResult, error)
}

type collections interface {
	Collections(ctx context.Context) ([]store.Collection, error)
	Collection(ctx context.Context, idOrAlias string) (node.CollectionView, error)
	AddCollection(ctx context.Context, by node.Actor, d node.CollectionDraft) (node.CollectionView, error)
	DescribeCollection(ctx context.Context, by node.Actor, idOrAlias, title, description string) error
	SetCollectionQuery(ctx context.Context, by node.Actor, idOrAlias, query string) error
	PreviewQuery(ctx context.Context, query string, limit int) (node.Preview, error)
	Members(ctx context.Context, idOrAlias string, before int64, limit int) (node.MemberPage, error)
	Collect(ctx context.Context, by node.Actor, alias string, ids []comity.ObjectID) error
	Uncollect(ctx context.Context, by node.Actor, idOrAlias string, ids []comity.ObjectID) error
	OpenCollection(ctx context.Context, by node.Actor, idOrAlias string, o node.Opening) error
}

type taxiis interface {
	TaxiiAbout(ctx context.Context) (node.TaxiiAbout, error)
	SetTaxiiAbout(ctx context.Context, by node.Actor, a node.TaxiiAbout) error
	TaxiiRoots(ctx context.Context) ([]node.TaxiiRoot, error)
	PutTaxiiRoot(ctx context.Context, by node.Actor, root node.TaxiiRoot) error
	RemoveTaxiiRoot(ctx context.Context, by node.Actor, name string) error
	TaxiiReaders(ctx context.Context, by node.Actor) ([]node.TaxiiReader, error)
	TaxiiPosts(ctx context.Context, by node.Actor, after string, limit int) ([]node.TaxiiPost, error)
	TaxiiPost(ctx context.Context, by node.Actor, id string) (node.TaxiiPost, error)
}

type feeds interface {
	Feeds(ctx context.Context) ([]node.FeedView, error)
	Feed(ctx context.Context, name string) (node.FeedView, error)
	PutFeed(ctx context.Context, by node.Actor, f node.Feed, s node.FeedSecret) error
	PauseFeed(ctx context.Context, by node.Actor, name string, paused bool) error
	RemoveFeed(ctx context.Context, by node.Actor, name string) error
	StartPoll(ctx context.Context, by node.Actor, name string) (im comity.Import, ended bool, err error)
}

type peers interface {
	AddPeer(ctx context.Context, by node.Actor, url string, note []byte) (node.PeerView, error)
	IdentityNote(ctx context.Context) ([]byte, error)
	Peers(ctx context.Context) ([]node.PeerView, error)
	Peer(ctx context.Context, who string) (node.PeerView, error)
	VerifyPeer(ctx context.Context, by node.Actor, who, code string) (node.PeerView, error)
	SuspendPeer(ctx context.Context, by node.Actor, who string, suspend bool) (node.PeerView, error)
	EndPeer(ctx context.Context, by node.Actor, who string) (node.PeerView, error)
}

type agreements interface {
	AgreementTemplate(ctx context.Context, kind, with string) ([]byte, error)
	ProposeAgreement(ctx context.Context, by node.Actor, body []byte) (node.AgreementView, error)
	Agreements(ctx context.Context) ([]node.AgreementView, error)
	Agreement(ctx context.Context, id string) (node.AgreementView, error)
	SignAgreement(ctx context.Context, by node.Actor, id string) (node.AgreementView, error)
	SuspendAgreement(ctx context.Context, by node.Actor, id string, suspend bool) (node.AgreementView, error)
	EndAgreement(ctx context.Context, by node.Actor, id string) (node.AgreementView, error)
	CheckAgreement(ctx context.Context, id string, body []byte) (node.AgreementView, error)
}

type channels interface {
	Channels(ctx context.Context) ([]node.ChannelView, error)
	Channel(ctx context.Context, id string) (node.ChannelView, error)
	Entries(ctx context.Context, ch comity.ChannelID, from int64, limit int) ([]node.EntryView, error)
	Verify(ctx context.Context, by node.Actor, ch string, progress func(node.Progress)) ([]node.VerifyReport, error)
}
