package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/comity-net/comity/node"
)

// routes is the table of all operations, top to bottom.
func (s *server) routes() {
	const reader, analyst, admin = node.RoleReader, node.RoleAnalyst, node.RoleAdmin
	op(s, reader, "GET /status", "status", "The node at a glance", s.status)
	op(s, reader, "GET /find", "find", "Look up a value or words", s.find)
	op(s, reader, "POST /find", "find-text", "Look up every indicator in a text", s.findText)

	op(s, reader, "GET /objects", "objects", "Current objects, page by page", s.objects)
	op(s, reader, "GET /objects/{id}", "object", "One object with its provenance", s.object)
	s.raw(reader)
	op(s, reader, "GET /objects/{id}/explain", "explain", "Who may have an object, and why", s.explain)
	op(s, analyst, "POST /objects/{id}/revoke", "revoke", "Withdraw an object as no longer true", s.revoke)
	op(s, analyst, "POST /objects/{id}/erase", "erase", "Delete an object and ask its readers to", s.erase)
	op(s, analyst, "POST /objects/{id}/mark", "mark", "Change the handling of an object", s.mark)

	op(s, analyst, "POST /import", "import", "Bring in the request body", s.importBody)
	op(s, reader, "GET /imports", "imports", "Imports, newest first", s.imports)
	op(s, reader, "GET /imports/{id}", "import-show", "One import", s.importOne)
	op(s, reader, "GET /imports/{id}/refused", "import-refused", "What an import did not accept", s.refused)
	op(s, analyst, "POST /imports/{id}/undo", "import-undo", "Take an import back", s.undo)
	op(s, reader, "GET /collections", "collections", "Collections of objects", s.collections)
	s.taxiiRoutes()

	op(s, analyst, "POST /share", "share", "Give objects to the parties of an agreement", s.share)

	op(s, reader, "GET /peers", "peers", "Other nodes", s.peers)
	op(s, reader, "GET /peers/{id}", "peer", "One node", s.peer)
	op(s, reader, "GET /agreements", "agreements", "Agreements", s.agreements)
	op(s, reader, "GET /agreements/{id}", "agreement", "One agreement", s.agreement)
	op(s, reader, "GET /channels", "channels", "Channel logs", s.channels)
	op(s, reader, "GET /channels/{id}/entries", "entries", "Entries of a channel", s.entries)
	op(s, analyst, "POST /verify", "verify", "Verify channel logs from the store", s.verify)
	op(s, admin, "GET /audit", "audit", "What happened and who did it", s.audit)
}

// taxiiRoutes are the operations on collections, TAXII and feeds.
func (s *server) taxiiRoutes() {
	const reader, analyst, admin = node.RoleReader, node.RoleAnalyst, node.RoleAdmin
	op(s, analyst, "POST /collections", "collection-add", "Make a collection", s.collectionAdd)
	op(s, analyst, "POST /collections/preview", "collection-preview", "What a query would collect", s.preview)
	op(s, reader, "GET /collections/{id}", "collection", "One collection", s.collection)
	op(s, reader, "GET /collections/{id}/members", "collection-members", "What is in a collection, newest first", s.members)
	op(s, analyst, "POST /collections/{id}/add", "collection-collect", "Put objects into a collection", s.collect)
	op(s, analyst, "POST /collections/{id}/remove", "collection-uncollect", "Take objects out of a collection", s.uncollect)
	op(s, analyst, "POST /collections/{id}/describe", "collection-describe", "Change title and description", s.collectionDescribe)
	op(s, analyst, "POST /collections/{id}/query", "collection-query", "Let a query fill a collection", s.collectionQuery)
	op(s, admin, "POST /collections/{id}/open", "collection-open", "Say who from outside may use a collection", s.collectionOpen)

	op(s, reader, "GET /taxii/about", "taxii-about", "What discovery says of this node", s.about)
	op(s, admin, "POST /taxii/about", "taxii-about-put", "Change what discovery says", s.aboutPut)
	op(s, reader, "GET /taxii/roots", "taxii-roots", "API roots", s.roots)
	op(s, admin, "POST /taxii/roots", "taxii-root-put", "Make or change an API root", s.rootPut)
	op(s, admin, "POST /taxii/roots/{id}/remove", "taxii-root-remove", "Remove an API root", s.rootRemove)
	op(s, reader, "GET /taxii/readers", "taxii-readers", "Who reads which collection, and how far behind", s.readers)
	op(s, reader, "GET /taxii/posts", "taxii-posts", "What was posted, newest first", s.posts)
	op(s, reader, "GET /taxii/posts/{id}", "taxii-post", "One post and what was refused of it", s.post)

	op(s, reader, "GET /feeds", "feeds", "Feeds that this node reads", s.feeds)
	op(s, admin, "POST /feeds", "feed-put", "Make or change a feed", s.feedPut)
	op(s, reader, "GET /feeds/{id}", "feed", "One feed", s.feed)
	op(s, analyst, "POST /feeds/{id}/poll", "feed-poll", "Read a feed now", s.feedPoll)
	op(s, analyst, "POST /feeds/{id}/pause", "feed-pause", "Pause a feed, or let it go on", s.feedPause)
	op(s, admin, "POST /feeds/{id}/remove", "feed-remove", "Forget a feed", s.feedRemove)
}

// op adds one operation. pattern is a method and a path, as for ServeMux.
func op[I, T any](s *server, role node.Role, pattern, id, summary string, fn func(context.Context, *I) (T, error)) {
	huma.Register(s.huma, operation(role, pattern, id, summary), does(s, fn))
}

func operation(role node.Role, pattern, id, summary string) huma.Operation {
	method, path := http.MethodGet, pattern[len("GET "):]
	if pattern[0] == 'P' {
		method, path = http.MethodPost, pattern[len("POST "):]
	}
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		Metadata:     map[string]any{"role": role},
		Security:     []map[string][]string{{"bearer": {}}},
		MaxBodyBytes: maxJSON,
	}
}

// maxJSON bounds a JSON body: a paste of 5 MB and its envelope.
const maxJSON = 6 << 20

// rawBytes is an object exactly as it came.
type rawBytes struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (s *server) raw(role node.Role) {
	o := operation(role, "GET /objects/{id}/raw", "object-raw", "The bytes of an object as they came")
	huma.Register(s.huma, o, func(ctx context.Context, in *objectID) (*rawBytes, error) {
		b, err := s.bytes(ctx, in)
		if err != nil {
			lang, _ := ctx.Value(langKey{}).(string)
			return nil, s.problem(err, lang)
		}
		return &rawBytes{"application/stix+json;version=2.1", "attachment", b}, nil
	})
}
