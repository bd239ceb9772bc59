package web

import "github.com/comity-net/comity/node"

// route is one page action: who may do it, how much it may send, and the
// handler. INVARIANT: a route that is not open needs a session, and a user
// whose role is at least role (TestNoPageWithoutSession, TestReaderCannotAct).
type route struct {
	pattern string
	role    node.Role
	open    bool  // for people who have not signed in
	body    int64 // bytes of request body; 0 means formBody
	handle  handler
}

const (
	formBody = 1 << 20        // a form
	findBody = 5<<20 + 64<<10 // a paste of 5 MB and its form
)

// routes is the table of all pages.
func (w *Web) routes() []route { return append(w.ownRoutes(), w.taxiiRoutes()...) }

// ownRoutes are all pages but those of TAXII, top to bottom.
func (w *Web) ownRoutes() []route {
	const reader, analyst, admin = node.RoleReader, node.RoleAnalyst, node.RoleAdmin
	return []route{
		{pattern: "GET /setup", open: true, handle: w.setupForm},
		{pattern: "POST /setup", open: true, handle: w.setup},
		{pattern: "GET /signin", open: true, handle: w.signInForm},
		{pattern: "POST /signin", open: true, handle: w.signIn},
		{pattern: "GET /signin/link", open: true, handle: w.signInLinkForm},
		{pattern: "POST /signin/link", open: true, handle: w.signInLink},
		{pattern: "POST /signout", role: reader, handle: w.signOut},
		{pattern: "POST /lang", open: true, handle: w.langSet},

		{pattern: "GET /{$}", role: reader, handle: w.overview},
		{pattern: "GET /find", role: reader, handle: w.find},
		{pattern: "POST /find", role: reader, body: findBody, handle: w.find},

		{pattern: "GET /objects", role: reader, handle: w.objectList},
		{pattern: "GET /objects/{id}", role: reader, handle: w.objectShow},
		{pattern: "GET /objects/{id}/raw", role: reader, handle: w.objectRaw},
		{pattern: "GET /objects/{id}/share", role: reader, handle: w.shareForm},
		{pattern: "POST /objects/{id}/share", role: analyst, handle: w.share},
		{pattern: "GET /objects/{id}/revoke", role: analyst, handle: w.revokeForm},
		{pattern: "POST /objects/{id}/revoke", role: analyst, handle: w.revoke},
		{pattern: "GET /objects/{id}/erase", role: analyst, handle: w.eraseForm},
		{pattern: "POST /objects/{id}/erase", role: analyst, handle: w.erase},
		{pattern: "GET /objects/{id}/mark", role: analyst, handle: w.markForm},
		{pattern: "POST /objects/{id}/mark", role: analyst, handle: w.mark},
		{pattern: "GET /share", role: reader, handle: w.shareManyForm},
		{pattern: "POST /share", role: analyst, handle: w.shareMany},

		{pattern: "GET /imports", role: reader, handle: w.importList},
		{pattern: "GET /imports/new", role: analyst, handle: w.importForm},
		{pattern: "POST /imports/new", role: analyst, body: w.opts.MaxUpload, handle: w.importRun},
		{pattern: "GET /imports/{id}", role: reader, handle: w.importShow},
		{pattern: "GET /imports/{id}/refused.jsonl", role: reader, handle: w.importRefused},
		{pattern: "GET /imports/{id}/undo", role: analyst, handle: w.undoForm},
		{pattern: "POST /imports/{id}/undo", role: analyst, handle: w.undo},

		{pattern: "GET /peers", role: reader, handle: w.peerList},
		{pattern: "POST /peers", role: admin, handle: w.peerAdd},
		{pattern: "GET /peers/identity.note", role: reader, handle: w.identityNote},
		{pattern: "GET /peers/{id}", role: reader, handle: w.peerShow},
		{pattern: "POST /peers/{id}/verify", role: admin, handle: w.peerVerify},
		{pattern: "POST /peers/{id}/suspend", role: admin, handle: w.peerSuspend},
		{pattern: "GET /peers/{id}/end", role: admin, handle: w.peerEndForm},
		{pattern: "POST /peers/{id}/end", role: admin, handle: w.peerEnd},

		{pattern: "GET /agreements", role: reader, handle: w.agreementList},
		{pattern: "GET /agreements/new", role: admin, handle: w.agreementForm},
		{pattern: "POST /agreements/new", role: admin, handle: w.agreementPropose},
		{pattern: "GET /agreements/{id}", role: reader, handle: w.agreementShow},
		{pattern: "GET /agreements/{id}/body", role: reader, handle: w.agreementBody},
		{pattern: "GET /agreements/{id}/sign", role: admin, handle: w.agreementSignForm},
		{pattern: "POST /agreements/{id}/sign", role: admin, handle: w.agreementSign},
		{pattern: "POST /agreements/{id}/suspend", role: admin, handle: w.agreementSuspend},
		{pattern: "GET /agreements/{id}/end", role: admin, handle: w.agreementEndForm},
		{pattern: "POST /agreements/{id}/end", role: admin, handle: w.agreementEnd},

		{pattern: "GET /ledger", role: reader, handle: w.ledgerList},
		{pattern: "POST /ledger/verify", role: reader, handle: w.ledgerVerify},
		{pattern: "GET /ledger/{channel}", role: reader, handle: w.channelShow},
		{pattern: "POST /ledger/{channel}/verify", role: reader, handle: w.ledgerVerify},

		{pattern: "GET /account", role: reader, handle: w.account},
		{pattern: "POST /account/password", role: reader, handle: w.accountPassword},
		{pattern: "POST /account/tokens", role: reader, handle: w.tokenAdd},
		{pattern: "POST /account/tokens/{id}/revoke", role: reader, handle: w.tokenRevoke},

		{pattern: "GET /users", role: admin, handle: w.userList},
		{pattern: "POST /users", role: admin, handle: w.userAdd},
		{pattern: "GET /users/{name}", role: admin, handle: w.userShow},
		{pattern: "POST /users/{name}/password", role: admin, handle: w.userPassword},
		{pattern: "POST /users/{name}/disable", role: admin, handle: w.userDisable},
		{pattern: "POST /users/{name}/tokens/{id}/revoke", role: admin, handle: w.userTokenRevoke},
		{pattern: "POST /users/{name}/link", role: admin, handle: w.userLink},
		{pattern: "GET /audit", role: admin, handle: w.auditList},
	}
}

// taxiiRoutes are the pages of what is read and sent by TAXII, there and here.
func (w *Web) taxiiRoutes() []route {
	const reader, analyst, admin = node.RoleReader, node.RoleAnalyst, node.RoleAdmin
	return []route{
		{pattern: "GET /taxii", role: reader, handle: w.taxii},
		{pattern: "GET /taxii/collections/new", role: analyst, handle: w.collectionNew},
		{pattern: "POST /taxii/collections/new", role: analyst, handle: w.collectionMake},
		{pattern: "GET /taxii/collections/{id}", role: reader, handle: w.collectionShow},
		{pattern: "POST /taxii/collections/{id}/add", role: analyst, handle: w.collectionAdd},
		{pattern: "POST /taxii/collections/{id}/remove", role: analyst, handle: w.collectionRemove},
		{pattern: "GET /taxii/collections/{id}/edit", role: analyst, handle: w.collectionEdit},
		{pattern: "POST /taxii/collections/{id}/edit", role: analyst, handle: w.collectionSave},
		{pattern: "GET /taxii/collections/{id}/open", role: admin, handle: w.openingForm},
		{pattern: "POST /taxii/collections/{id}/open", role: admin, handle: w.opening},
		{pattern: "GET /taxii/about", role: admin, handle: w.aboutForm},
		{pattern: "POST /taxii/about", role: admin, handle: w.about},
		{pattern: "GET /taxii/roots/new", role: admin, handle: w.rootNew},
		{pattern: "POST /taxii/roots/new", role: admin, handle: w.rootMake},
		{pattern: "GET /taxii/roots/{name}", role: admin, handle: w.rootEdit},
		{pattern: "POST /taxii/roots/{name}", role: admin, handle: w.rootSave},
		{pattern: "POST /taxii/roots/{name}/remove", role: admin, handle: w.rootRemove},
		{pattern: "GET /taxii/posts", role: reader, handle: w.taxiiPosts},
		{pattern: "GET /taxii/posts/{id}", role: reader, handle: w.taxiiPost},

		{pattern: "GET /feeds", role: reader, handle: w.feedList},
		{pattern: "GET /feeds/new", role: admin, handle: w.feedNew},
		{pattern: "POST /feeds/new", role: admin, handle: w.feedMake},
		{pattern: "GET /feeds/{name}", role: reader, handle: w.feedShow},
		{pattern: "GET /feeds/{name}/edit", role: admin, handle: w.feedEdit},
		{pattern: "POST /feeds/{name}/edit", role: admin, handle: w.feedSave},
		{pattern: "POST /feeds/{name}/poll", role: analyst, handle: w.feedPoll},
		{pattern: "POST /feeds/{name}/pause", role: analyst, handle: w.feedPause},
		{pattern: "GET /feeds/{name}/remove", role: admin, handle: w.feedRemoveForm},
		{pattern: "POST /feeds/{name}/remove", role: admin, handle: w.feedRemove},
	}
}
