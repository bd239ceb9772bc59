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
