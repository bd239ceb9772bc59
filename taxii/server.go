package taxii

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity-net/comity"
)

// Options shape a server. The zero value works: what is 0 or nil gets the
// value named beside it.
type Options struct {
	// Key is the secret that cursors and entity tags are made with: 16 bytes or
	// more, the same for each process that serves these collections and after
	// each restart. Without it a random one is made and cursors die with the
	// process.
	Key []byte
	// BaseURL is the https URL under which clients reach this server; with it
	// discovery names absolute URLs, without it relative ones.
	BaseURL string
	// Realm is the name in WWW-Authenticate: "TAXII".
	Realm string

	DefaultPage int   // records of a page without limit: 500
	MaxPage     int   // records of a page at most: 10,000
	PageBytes   int64 // bytes of objects of a page, about: 4 MiB
	// Memory bounds the pages that are being sent at one time, of all callers;
	// one caller gets at most half of it: 128 MiB.
	Memory int64

	// PerMinute and Burst are the quota of requests, the same for each caller;
	// the anonymous are counted by address: no limit; a minute's worth.
	PerMinute, Burst int
	// FailuresPerMinute bounds how often one address may fail to authenticate
	// as one user, and ten times that as anybody: 10.
	FailuresPerMinute int

	// Stall is how long a client may take for the next 64 KiB of a page or the
	// next bytes of a post: 30 s. Patience bounds a whole request: 10 min.
	Stall, Patience time.Duration

	// StrictMatch answers 400 to a match field that the standard does not have,
	// where it is otherwise ignored (section 3.4 allows both).
	StrictMatch bool

	// Text says a message in the best language for an Accept-Language header;
	// without it errors carry a title and the key of the message.
	Text func(acceptLanguage string, m comity.Message) string
	// Observe is told of each request after it; it must be quick.
	Observe func(Access)
	// Now is the clock: time.Now.
	Now func() time.Time
}

// Access is what was asked and answered, for logs and for pages that show who
// reads what.
type Access struct {
	Caller     Caller // zero if not known
	Remote     string
	Method     string
	Endpoint   string // "discovery", "root", "status", "collections", "collection", "manifest", "objects", "object", "versions" or ""
	Root       string
	Collection comity.CollectionID
	Status     int
	Records    int
	Bytes      int64 // of the body, unpacked
	Last       Position
	More       bool
	Picked     bool   // certain objects or versions were asked for, not all in order
	ErrorID    string // as in the error body
	Err        error
	Started    time.Time
	Took       time.Duration
}

type server struct {
	b     Backend
	o     Options
	seal  *sealer
	quota *quota
	codec codecs
	chunk sync.Pool // of *[]byte with chunkSize capacity
}

// NewServer makes the handler of a TAXII 2.1 server. It serves /taxii2/ and
// everything below it; API roots are at /taxii2/<name>/. Hand it requests as
// they come: http.ServeMux answers odd paths with an HTML redirect of its own,
// so choose by the prefix "/taxii2" before any mux. Set ReadHeaderTimeout and
// IdleTimeout on the http.Server; bodies are timed here.
func NewServer(b Backend, o Options) http.Handler {
	if len(o.Key) == 0 {
		o.Key = make([]byte, 32)
		rand.Read(o.Key)
	}
	o.Realm = cmp.Or(o.Realm, "TAXII")
	o.MaxPage = cmp.Or(o.MaxPage, 10_000)
	o.DefaultPage = min(cmp.Or(o.DefaultPage, 500), o.MaxPage)
	o.PageBytes = cmp.Or(o.PageBytes, 4<<20)
	o.Memory = max(cmp.Or(o.Memory, 128<<20), 2*o.PageBytes)
	o.Burst = cmp.Or(o.Burst, max(1, o.PerMinute))
	o.FailuresPerMinute = cmp.Or(o.FailuresPerMinute, 10)
	o.Stall = cmp.Or(o.Stall, 30*time.Second)
	o.Patience = cmp.Or(o.Patience, 10*time.Minute)
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &server{b: b, o: o, seal: newSealer(o.Key), quota: newQuota(o)}
	s.chunk.New = func() any { b := make([]byte, 0, chunkSize); return &b }
	return s
}

// exchange is one request and what becomes of it.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	started time.Time
	creds   Credentials
	who     Caller
	use     *usage
	route   route
	id      string // of the error, if any

	status  int
	col     comity.CollectionID
	records int
	bytes   int64
	last    Position
	more    bool
	picked  bool
	err     error
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, r: r, started: s.o.Now()}
	defer s.observe(x)
	if r.ContentLength != 0 {
		// net/http reads what a refused request still has, for any length of time.
		wait := func() { http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.o.Stall)) }
		wait()
		defer wait()
	}
	defer s.recover(x)
	if err := s.serve(x); err != nil {
		s.fail(x, err)
	}
}

func (s *server) fail(x *exchange, err error) {
	if x.status != 0 { // the answer has begun
		x.err = err
		return
	}
	var id [8]byte
	rand.Read(id[:])
	x.id = hex.EncodeToString(id[:])
	s.writeProblem(x, err)
}

// recover turns a panic of the backend into an answer; it is a defect, and
// Observe gets it as one.
func (s *server) recover(x *exchange) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	s.fail(x, comity.E(comity.Internal, "taxii", x.r.URL.Path, comity.Msg("taxii.defect"), fmt.Errorf("panic: %v", v)))
}

func (s *server) observe(x *exchange) {
	if s.o.Observe == nil {
		return
	}
	s.o.Observe(Access{
		Caller: x.who, Remote: x.creds.Remote, Method: x.r.Method, Endpoint: x.route.endpoint.String(),
		Root: x.route.root, Collection: x.col, Status: x.status, Records: x.records, Bytes: x.bytes,
		Last: x.last, More: x.more, Picked: x.picked, ErrorID: x.id, Err: x.err, Started: x.started, Took: s.o.Now().Sub(x.started),
	})
}

func (s *server) serve(x *exchange) error {
	rt, ok := parseRoute(x.r.URL.EscapedPath())
	if !ok {
		return refuse(http.StatusNotFound, comity.Msg("taxii.no_endpoint"))
	}
	x.route = rt
	if allow := rt.endpoint.allow(); !slices.Contains(strings.Split(allow, ", "), x.r.Method) {
		p := refuse(http.StatusMethodNotAllowed, comity.Msg("taxii.method", comity.A("allow", allow)))
		p.allow = allow
		return p
	}
	if !accepts(x.r.Header.Values("Accept")) {
		return refuse(http.StatusNotAcceptable, comity.Msg("taxii.accept", comity.A("media", MediaTAXII)))
	}
	if err := s.authenticate(x); err != nil {
		return err
	}
	ctx := x.r.Context()
	if x.r.ProtoMajor == 1 {
		// A client may close its side after the request and still read (RFC 9112,
		// section 9.6); net/http takes it for gone. There is one request at a time
		// on such a connection. Streams of HTTP/2 that are cancelled end at once:
		// opening them costs next to nothing.
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), s.o.Patience)
		defer stop()
	}
	return s.dispatch(ctx, x)
}

func (s *server) dispatch(ctx context.Context, x *exchange) error {
	switch x.route.endpoint {
	case atDiscovery:
		return s.discovery(ctx, x)
	case atRoot:
		return s.root(ctx, x)
	case atStatus:
		return s.status(ctx, x)
	case atCollections:
		return s.collections(ctx, x)
	}
	c, err := s.b.Collection(ctx, x.who, x.route.root, x.route.collection)
	if err != nil {
		return err
	}
	x.col = c.ID
	switch {
	case x.route.endpoint == atCollection:
		return s.sendJSON(x, http.StatusOK, collectionBody(c))
	case x.r.Method == http.MethodPost:
		return s.post(ctx, x, c)
	case x.r.Method == http.MethodDelete:
		return s.delete(ctx, x, c)
	}
	if err := mayRead(c, x); err != nil {
		return err
	}
	return s.page(ctx, x, c)
}

// mayRead and its likes answer 404 where the caller can do nothing with the
// collection, and 403 where it can do something else (sections 5.3 to 5.8).
func mayRead(c Collection, x *exchange) error {
	switch {
	case c.CanRead:
		return nil
	case c.CanWrite:
		return refuse(http.StatusForbidden, comity.Msg("taxii.unreadable"))
	}
	return noCollection(x)
}

func mayWrite(c Collection, x *exchange) error {
	switch {
	case c.CanWrite:
		return nil
	case c.CanRead:
		return refuse(http.StatusForbidden, comity.Msg("taxii.unwritable"))
	}
	return noCollection(x)
}

func noCollection(x *exchange) error {
	return refuse(http.StatusNotFound, comity.Msg("taxii.no_collection", comity.A("id", clip(x.route.collection))))
}
