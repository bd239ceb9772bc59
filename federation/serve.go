package federation

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// prefix stands before every path of the protocol.
const prefix = "/comity/v1"

// Source is what the server serves from; package node implements it on the
// store. Errors are *comity.Error; their kind and message go to the peer, their
// cause only to the log. Everything is asked anew for each request: nothing of
// an answer about rights is kept.
type Source interface {
	// PeerByPin finds the peer whose identity pins this TLS key, in any state;
	// NotFound for a stranger.
	PeerByPin(ctx context.Context, pin comity.Hash) (comity.Peer, error)
	// IdentityNote returns this node's own identity note.
	IdentityNote(ctx context.Context) ([]byte, error)
	// Readable returns the channels of this node that the peer may read now. The
	// policy has been asked, and the agreement is in force.
	Readable(ctx context.Context, peer comity.MemberID) ([]comity.Channel, error)
	// ReadableChannel returns one of them. NotFound when there is none for this
	// peer, whether or not it exists for others; Forbidden with the reason when
	// the agreement is not yet, or no longer, in force.
	ReadableChannel(ctx context.Context, peer comity.MemberID, id comity.ChannelID) (comity.Channel, error)
	// MirrorChannel returns this node's verified copy of a channel of another
	// member, when the peer is of its audience or is that member. Errors are those
	// of ReadableChannel.
	MirrorChannel(ctx context.Context, peer, publisher comity.MemberID, id comity.ChannelID) (comity.Channel, error)
	// Heads returns the newest checkpoints held here of the channels that this
	// node shares with the peer, whoever publishes them.
	Heads(ctx context.Context, peer comity.MemberID) ([]HeldHead, error)
	// Items returns the entries from index on with their payloads: at most max,
	// at most maxBytes in all, but at least one when there is one.
	Items(ctx context.Context, ch comity.Channel, from int64, max int, maxBytes int64) ([]ledger.Item, error)
	// Log returns the hash tiles of a channel.
	Log(ch comity.ChannelID) ledger.TileReader
	// Receipts returns each reader's newest receipt on a channel.
	Receipts(ctx context.Context, ch comity.ChannelID) ([]comity.Receipt, error)
	// AddReceipt keeps a receipt that the server has verified: it is the peer's
	// signature on a checkpoint that this node signed and still stands by.
	AddReceipt(ctx context.Context, r comity.Receipt) error
	// Inbox takes a document whose signature and addressee the server has
	// verified. from is "" for a stranger, who can only introduce itself. The
	// same document may come again and must then change nothing.
	Inbox(ctx context.Context, from comity.MemberID, d InboxDocument) error
	// Wait returns nil when the signed size of the channel may exceed after, or
	// the error of ctx when that ends first. It may wake without need.
	Wait(ctx context.Context, ch comity.ChannelID, after int64) error
}

// ServerOptions are the server's injected parts and bounds. Zero fields mean the
// defaults given.
type ServerOptions struct {
	Self *Identity // this node; required
	Log  *slog.Logger
	Now  func() time.Time

	PeerRequests  int           // one peer's concurrent requests without long polls; 16
	PeerPolls     int           // one peer's concurrent long polls; 128
	PeerRate      float64       // one peer's requests per second; 300, bursts of four seconds' worth
	StrangerRate  float64       // one address's requests per second; 0.2
	StrangerBurst int           // one address's burst; 10
	AllStrangers  float64       // all strangers' requests per second; 20
	ChunkItems    int           // entries in one since answer; 4096
	ChunkBytes    int64         // payload bytes aimed at in one since answer; 8 MiB
	MaxWait       time.Duration // the longest long poll; 1 min
}

func (o ServerOptions) withDefaults() ServerOptions {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	setDefault(&o.PeerRequests, 16)
	setDefault(&o.PeerPolls, 128)
	setDefault(&o.PeerRate, 300)
	setDefault(&o.StrangerRate, 0.2)
	setDefault(&o.StrangerBurst, 10)
	setDefault(&o.AllStrangers, 20)
	setDefault(&o.ChunkItems, 4096)
	setDefault(&o.ChunkBytes, 8<<20)
	setDefault(&o.MaxWait, time.Minute)
	return o
}

// setDefault replaces a value that is not positive.
func setDefault[T int | int64 | float64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Server answers peers. It is an http.Handler for a listener with
// Keys.ServerTLS; HTTP gives it configured with every timeout.
type Server struct {
	src   Source
	opts  ServerOptions
	mux   *http.ServeMux
	limit *limits
	zstd  *compressors

	closing context.Context // ends when the listener shuts down: long polls return
	close   context.CancelFunc

	mu    sync.Mutex
	known map[comity.Hash]*Identity // parsed identity notes by their hash
}

// NewServer makes a server over src.
func NewServer(src Source, opts ServerOptions) *Server {
	s := &Server{src: src, opts: opts.withDefaults(), known: map[comity.Hash]*Identity{}}
	s.closing, s.close = context.WithCancel(context.Background())
	s.limit, s.zstd = newLimits(s.opts), newCompressors()
	s.mux = s.routes()
	return s
}

// routes lists everything that a node answers to, top to bottom. The places of
// the other endpoints of federation.md 4.5 are marked.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	get := func(path string, who access, h handler) { mux.Handle("GET "+prefix+path, s.serve(who, h)) }
	post := func(path string, who access, h handler) { mux.Handle("POST "+prefix+path, s.serve(who, h)) }

	get("/id", anyone, s.getIdentity)
	// GET /log/checkpoint, /log/tile/…: the node log
	get("/ch", verifiedPeer, s.getChannels)
	get("/ch/{id}/checkpoint", verifiedPeer, s.getCheckpoint)
	get("/ch/{id}/since/{i}", verifiedPeer, s.getSince)
	get("/ch/{id}/tile/entries/{n...}", verifiedPeer, s.getEntries)
	get("/ch/{id}/tile/{level}/{n...}", verifiedPeer, s.getTile)
	get("/ch/{id}/data/{n...}", verifiedPeer, s.getData)
	// GET /ch/{id}/blob/{c}: large payloads by commitment
	post("/ch/{id}/receipt", verifiedPeer, s.postReceipt)
	// POST /wit/add-checkpoint, GET /wit/{origin}/checkpoint: witnessing node logs
	get("/mirror/{node}/{id}/checkpoint", verifiedPeer, s.getCheckpoint)
	get("/mirror/{node}/{id}/since/{i}", verifiedPeer, s.getSince)
	get("/mirror/{node}/{id}/tile/entries/{n...}", verifiedPeer, s.getEntries)
	get("/mirror/{node}/{id}/tile/{level}/{n...}", verifiedPeer, s.getTile)
	get("/mirror/{node}/{id}/data/{n...}", verifiedPeer, s.getData)
	get("/heads", verifiedPeer, s.getHeads)
	post("/inbox", anyone, s.postInbox)

	mux.Handle("/", s.serve(anyone, func(_ http.ResponseWriter, r *http.Request, _ *caller) error {
		return comity.E(comity.NotFound, "serve", clip(r.URL.Path), comity.Msg("federation.no_route", comity.A("path", clip(r.URL.Path))), nil)
	}))
	return mux
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// HTTP returns the server for a listener: mutual TLS by k, timeouts and bounds
// on everything a client can make it wait for or hold. Its Shutdown ends long
// polls at once and waits for the rest.
func (s *Server) HTTP(k *Keys) *http.Server {
	srv := &http.Server{
		Handler:           s,
		TLSConfig:         k.ServerTLS(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       s.opts.MaxWait + time.Minute, // over HTTP/1.1 it also ends a long poll
		WriteTimeout:      s.opts.MaxWait + 5*time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 256, SendPingTimeout: time.Minute, WriteByteTimeout: 30 * time.Second},
	}
	srv.RegisterOnShutdown(s.close)
	return srv
}

// identity parses a peer's identity note, once for each note.
func (s *Server) identity(msg []byte) (*Identity, error) {
	key := comity.Hash(sha256.Sum256(msg))
	s.mu.Lock()
	id := s.known[key]
	s.mu.Unlock()
	if id != nil {
		return id, nil
	}
	id, err := ParseIdentity(msg)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= 4096 {
		clear(s.known)
	}
	s.known[key] = id
	return id, nil
}
