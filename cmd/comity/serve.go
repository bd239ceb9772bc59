package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// serving is what serve prints with --json once it answers.
type serving struct {
	URL        string   `json:"url"`
	URLs       []string `json:"urls"`       // every address of the pages
	TAXII      string   `json:"taxii"`      // discovery of the TAXII server
	Federation string   `json:"federation"` // host and port peers connect to
	SetupURL   string   `json:"setup_url,omitempty"`
}

func (a *app) serveCmd() *cobra.Command {
	var fed, url string
	var pages webOptions
	var shared bool
	c := &cobra.Command{
		Use: "serve", Short: "cmd.serve.short", Long: "cmd.serve.long", Args: takes(0, 0),
		Example: `  comity serve
  comity serve --data /srv/comity --federation-listen 0.0.0.0:8844
  comity serve --listen 127.0.0.1:0 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			release, writable := func() {}, true
			if !shared {
				var err error
				if release, writable, err = hold("serve", a.dir); err != nil {
					return err
				}
			}
			defer release()
			n, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			s, err := a.listen(cmd.Context(), n, pages, fed)
			if err != nil {
				_ = n.Close()
				return err
			}
			if !writable {
				a.warn("cmd.serve.read_only", comity.A("dir", a.dir))
			} else if err = a.settleURL(cmd.Context(), n, s, url); err != nil {
				s.stop()
				return errors.Join(err, n.Close())
			}
			if err := a.announce(cmd.Context(), n, s); err != nil {
				s.stop()
				return errors.Join(err, n.Close())
			}
			err = s.wait(cmd.Context())
			return errors.Join(err, n.Close())
		},
	}
	f := c.Flags()
	pages.flags(f)
	f.StringVar(&fed, "federation-listen", "127.0.0.1:8844", "cmd.flag.federation_listen")
	f.StringVar(&url, "url", "", "cmd.flag.url")
	f.StringVar(&a.db, "db", a.env["COMITY_DB"], "cmd.flag.db")
	f.BoolVar(&shared, "shared", false, "cmd.flag.shared")
	return c
}

// settleURL records the address at which peers reach this node: the one given,
// or while none is known the very address it listens on.
func (a *app) settleURL(ctx context.Context, n *node.Node, s *server, url string) error {
	if url == "" {
		st, err := n.Status(ctx)
		if err != nil || st.Profile.URL != "" {
			return err
		}
		at, ok := s.fed.Addr().(*net.TCPAddr)
		if !ok || at.IP.IsUnspecified() {
			a.note("cmd.serve.no_url")
			return nil
		}
		url = "https://" + at.String()
	}
	return n.SetURL(ctx, a.actor(), url)
}

// announce prints where the node answers, and how the first administrator
// gets in while there is none.
func (a *app) announce(ctx context.Context, n *node.Node, s *server) error {
	out := serving{URL: s.url(), TAXII: s.taxiiURL(), URLs: []string{}, Federation: hosts(s.fed)[0]}
	for _, h := range hosts(s.web) {
		out.URLs = append(out.URLs, s.scheme()+h)
	}
	if beyond(s.web) && !s.secure {
		a.warn("cmd.serve.plain_http")
	}
	switch t, err := n.SetupLink(ctx); {
	case err == nil:
		out.SetupURL = s.url() + setupPath(t)
	case !comity.Is(err, comity.Conflict) && !comity.Is(err, comity.Unavailable): // a folder for reading only
		return err
	}
	ready(a.env["NOTIFY_SOCKET"])
	return a.show(out, func() {
		for _, u := range out.URLs {
			a.tell("cmd.serve.pages", comity.A("url", u))
		}
		a.tell("cmd.serve.taxii", comity.A("url", out.TAXII))
		a.tell("cmd.serve.federation", comity.A("addr", out.Federation))
		if out.SetupURL != "" {
			a.tell("cmd.serve.setup", comity.A("url", out.SetupURL))
		}
		a.note("cmd.serve.ready")
	})
}

func setupPath(token string) string  { return "/setup?token=" + token }
func signInPath(token string) string { return "/signin/link?token=" + token }

// server is one node that answers: the pages and JSON, the peers, and the work
// in the background. wait or stop ends all of it before it returns.
type server struct {
	web, fed net.Listener
	secure   bool // the pages are served under TLS
	pages    *http.Server
	peers    *http.Server
	cancel   context.CancelFunc
	done     chan error // one value from each of the three parts
}

const serverParts = 3

func (a *app) listen(ctx context.Context, n *node.Node, o webOptions, fedAddr string) (*server, error) {
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := &server{done: make(chan error, serverParts), secure: o.secure()}
	var err error
	if s.pages, s.web, err = a.webServer(ctx, n, &o, log); err != nil {
		return nil, err
	}
	if s.fed, err = listenOn(ctx, fedAddr); err != nil {
		_ = s.web.Close()
		return nil, err
	}
	if s.peers, err = n.Federation(ctx); err != nil {
		_ = s.web.Close()
		_ = s.fed.Close()
		return nil, err
	}
	run, cancel := context.WithCancel(ctx)
	s.cancel = cancel
	go func() { s.done <- s.servePages() }()
	go func() { s.done <- s.peers.ServeTLS(s.fed, "", "") }()
	go func() { s.done <- n.Run(run) }()
	return s, nil
}

func listenOn(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, comity.E(comity.Unavailable, "serve", addr, comity.Msg("cmd.serve.no_listen", comity.A("addr", addr), comity.A("cause", cause(err))), err).
			WithHint(comity.Msg("cmd.serve.no_listen_hint"))
	}
	return l, nil
}

// cause is the innermost text of a network error.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

func (s *server) url() string { return s.scheme() + hosts(s.web)[0] }

// wait returns when ctx ends (nil) or a part fails (its error).
func (s *server) wait(ctx context.Context) error {
	var err error
	left := serverParts
	select {
	case <-ctx.Done():
	case err = <-s.done:
		left--
	}
	s.shut(left)
	if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *server) stop() { s.shut(serverParts) }

// shut ends every part and waits for them; requests under way have five seconds.
func (s *server) shut(left int) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.cancel()
	if s.pages.Shutdown(ctx) != nil {
		_ = s.pages.Close()
	}
	if s.peers.Shutdown(ctx) != nil {
		_ = s.peers.Close()
	}
	for range left {
		<-s.done
	}
}

// ready tells a service manager (sd_notify) that the node answers.
func ready(socket string) {
	if socket == "" {
		return
	}
	if strings.HasPrefix(socket, "@") {
		socket = "\x00" + socket[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write([]byte("READY=1\nMAINPID=" + strconv.Itoa(os.Getpid())))
}
