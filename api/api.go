package api

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// prefix is where the API stands.
const prefix = "/api/v1"

// Options adjusts the API. The zero value is fit for use.
type Options struct {
	Version   string       // of the program, for the OpenAPI document
	Log       *slog.Logger // where internal failures go; nowhere when nil
	MaxImport int64        // bytes of one import body; 4 GiB when 0
}

// server holds what every operation needs; it is only read after New.
type server struct {
	n    *node.Node
	cat  *i18n.Catalog
	opts Options
	huma huma.API
	mux  *http.ServeMux
}

// New returns the handler of /api/v1 and its description at
// /api/v1/openapi.json. Every operation needs a bearer token
// (Authorization: Bearer …) or the session cookie of the pages, and the role
// that stands beside it in routes; the description is open.
func New(n *node.Node, cat *i18n.Catalog, opts Options) http.Handler {
	return newServer(n, cat, opts).handler()
}

func newServer(n *node.Node, cat *i18n.Catalog, opts Options) *server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.MaxImport == 0 {
		opts.MaxImport = 4 << 30
	}
	s := &server{n: n, cat: cat, opts: opts, mux: http.NewServeMux()}
	cfg := huma.DefaultConfig("Comity", opts.Version)
	cfg.DocsPath = ""     // the stock page loads scripts from elsewhere
	cfg.CreateHooks = nil // no $schema in answers
	cfg.SchemasPath = ""  // the description holds them
	words := reflect.TypeFor[string]()
	for _, t := range []reflect.Type{reflect.TypeFor[comity.State](), reflect.TypeFor[comity.Verdict](), reflect.TypeFor[comity.TLP]()} {
		cfg.Components.Schemas.RegisterTypeAlias(t, words)
	}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer"}}
	s.huma = humago.NewWithPrefix(s.mux, prefix, cfg)
	s.huma.UseMiddleware(s.authorise)
	s.routes()
	return s
}

func (s *server) handler() http.Handler {
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.write(w, r, comity.E(comity.NotFound, "api", r.URL.Path, comity.Msg("api.no_route"), nil))
	})
	protect := http.NewCrossOriginProtection()
	protect.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.write(w, r, comity.E(comity.Forbidden, "api", r.URL.Path, comity.Msg("api.cross_origin"), nil))
	}))
	return protect.Handler(s.mux)
}

// Keys of what authorise leaves in the context.
type (
	userKey struct{}
	langKey struct{}
)

// authorise lets a request through when its bearer has the role that the
// operation asks for. INVARIANT: no operation runs without it
// (TestNoRouteWithoutAuthorisation).
func (s *server) authorise(ctx huma.Context, next func(huma.Context)) {
	lang := i18n.Match(ctx.Header("Accept-Language"), "")
	ctx = huma.WithValue(ctx, langKey{}, lang)
	fail := func(err error) {
		p := s.problem(err, lang)
		if comity.ErrorKind(err) == comity.Unauthenticated {
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="comity"`)
		}
		ctx.SetHeader("Content-Type", "application/problem+json")
		ctx.SetStatus(p.Status)
		_ = writeJSON(ctx.BodyWriter(), p)
	}
	u, err := s.who(ctx)
	if err != nil {
		fail(err)
		return
	}
	need, _ := ctx.Operation().Metadata["role"].(node.Role)
	if rank(node.Role(u.Role)) < rank(need) || need == "" {
		fail(comity.E(comity.Forbidden, ctx.Operation().OperationID, u.Name, comity.Msg("api.role", comity.A("role", string(need))), nil))
		return
	}
	next(huma.WithValue(ctx, userKey{}, u))
}

// who finds the account behind a token or a session.
func (s *server) who(ctx huma.Context) (store.User, error) {
	if h := ctx.Header("Authorization"); h != "" {
		scheme, t, _ := strings.Cut(h, " ")
		if strings.EqualFold(scheme, "Bearer") && t != "" {
			return s.n.ByToken(ctx.Context(), strings.TrimSpace(t))
		}
	}
	if c, err := huma.ReadCookie(ctx, "comity_session_"+s.n.ID().Short()); err == nil && c.Value != "" {
		return s.n.Session(ctx.Context(), c.Value)
	}
	return store.User{}, comity.E(comity.Unauthenticated, ctx.Operation().OperationID, "", comity.Msg("api.sign_in"), nil).
		WithHint(comity.Msg("api.sign_in_hint"))
}

// rank orders the roles; an unknown one is below all.
func rank(r node.Role) int {
	switch r {
	case node.RoleReader:
		return 1
	case node.RoleAnalyst:
		return 2
	case node.RoleAdmin:
		return 3
	}
	return 0
}

func actor(ctx context.Context) node.Actor {
	u, _ := ctx.Value(userKey{}).(store.User)
	return node.Actor{Name: u.Name, Role: node.Role(u.Role)}
}
