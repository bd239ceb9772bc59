package web

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
)

// Options adjusts the pages. The zero value is fit for use.
type Options struct {
	Now       func() time.Time // the clock; time.Now when nil
	Log       *slog.Logger     // where failures go; nowhere when nil
	Secure    bool             // cookies only over TLS, also when a proxy ends it
	BaseURL   string           // under which TAXII clients reach the node; as the request came when ""
	MaxUpload int64            // bytes of one upload; 1 GiB when 0
}

// Web holds what every page needs. It is made by New and then only read, but
// for the cached identity.
type Web struct {
	node  Node
	cat   *i18n.Catalog
	opts  Options
	files assets
	pages map[string]*template.Template // by language

	mu   sync.Mutex // guards the two below
	self identity
	seen time.Time
}

// identity is what the frame of every page says of the node.
type identity struct {
	ID    comity.MemberID
	Name  string
	Names map[comity.MemberID]string // of the peers
}

// New returns the handler of all pages and their files. It panics only when an
// embedded template is broken, which the tests exclude.
func New(n Node, cat *i18n.Catalog, opts Options) http.Handler {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if opts.MaxUpload == 0 {
		opts.MaxUpload = 1 << 30
	}
	w := &Web{node: n, cat: cat, opts: opts, files: readAssets()}
	w.pages = parseTemplates(cat, w.files)
	mux := http.NewServeMux()
	for _, r := range w.routes() {
		mux.Handle(r.pattern, w.page(r))
	}
	mux.HandleFunc("GET /healthz", w.health)
	mux.Handle("GET /static/{sum}/{name}", w.files)
	mux.Handle("/", w.page(route{open: true, handle: notFound}))
	return w.headers(w.sameOrigin(mux))
}

// health answers a watchdog: 200 when the node can read its store.
func (w *Web) health(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := w.node.Status(r.Context()); err != nil {
		w.opts.Log.Error("health", "err", err)
		rw.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(rw, "unavailable")
		return
	}
	fmt.Fprintln(rw, "ok")
}

// identityFor bounds how long a change of the node's name may go unseen.
const identityFor = time.Minute

// identity returns the node's id and name, asking the node once a minute.
func (w *Web) identity(ctx context.Context) identity {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.opts.Now()
	if !w.seen.IsZero() && now.Sub(w.seen) < identityFor {
		return w.self
	}
	s, err := w.node.Status(ctx)
	if err != nil {
		w.opts.Log.Error("identity", "err", err)
		return w.self
	}
	names := map[comity.MemberID]string{"": s.Profile.Name, s.ID: s.Profile.Name}
	peers, err := w.node.Peers(ctx)
	if err != nil {
		w.opts.Log.Error("identity", "err", err)
	}
	for _, p := range peers {
		names[p.ID] = p.Name
	}
	w.self, w.seen = identity{ID: s.ID, Name: s.Profile.Name, Names: names}, now
	return w.self
}
