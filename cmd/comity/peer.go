package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) peerCmd() *cobra.Command {
	return a.group("peer", "cmd.peer.short", `  comity peer identity > us.note           give this to them
  comity peer add https://cert.example:8844
  comity peer code "CERT Example"          read it to them over the telephone
  comity peer verify "CERT Example" CODE   what they read to you
  comity peer list`,
		a.peerAddCmd(), a.peerListCmd(), a.peerShowCmd(), a.peerCodeCmd(), a.peerVerifyCmd(),
		a.peerMoveCmd("suspend M", "cmd.peer.suspend.short", "  comity peer suspend \"CERT Example\"", "",
			func(ctx context.Context, n *node.Node, who string) (node.PeerView, error) {
				return n.SuspendPeer(ctx, a.actor(), who, true)
			}),
		a.peerMoveCmd("resume M", "cmd.peer.resume.short", "  comity peer resume \"CERT Example\"", "",
			func(ctx context.Context, n *node.Node, who string) (node.PeerView, error) {
				return n.SuspendPeer(ctx, a.actor(), who, false)
			}),
		a.peerMoveCmd("end M", "cmd.peer.end.short", "  comity peer end \"CERT Example\"", "cmd.peer.end.ask",
			func(ctx context.Context, n *node.Node, who string) (node.PeerView, error) {
				return n.EndPeer(ctx, a.actor(), who)
			}),
		a.peerIdentityCmd(), a.peerSyncCmd())
}

func (a *app) peerAddCmd() *cobra.Command {
	return &cobra.Command{
		Use: "add URL|FILE|-", Short: "cmd.peer.add.short", Args: takes(1, 1),
		Example: "  comity peer add https://cert.example:8844\n  comity peer add them.note",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			url, note := args[0], []byte(nil)
			if !strings.Contains(url, "://") {
				b, err := a.readSmall("peer add", url)
				if err != nil {
					return err
				}
				url, note = "", b
			}
			p, err := n.AddPeer(ctx, a.actor(), url, note)
			if err != nil {
				return wrongPort(ctx, url, err)
			}
			return a.show(p, func() {
				a.printPeer(p)
				a.note("cmd.peer.compare", comity.A("name", p.Name))
			})
		}),
	}
}

// wrongPort says so when the address is that of the pages of a node, which speak
// plain HTTP, and not the one for peers.
func wrongPort(ctx context.Context, url string, err error) error {
	host, ok := strings.CutPrefix(url, "http://")
	if !ok {
		if host, ok = strings.CutPrefix(url, "https://"); !ok {
			return err
		}
	}
	host, _, _ = strings.Cut(host, "/")
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, rerr := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/", nil)
	if rerr != nil {
		return err
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, rerr := c.Do(req)
	if rerr != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusBadRequest {
		return err // what a TLS server answers to plain HTTP
	}
	return comity.E(comity.Usage, "peer add", url, comity.Msg("cmd.peer.pages_port"), err).
		WithHint(comity.Msg("cmd.peer.pages_port_hint"))
}

// maxSmall bounds identity notes and agreements read from files.
const maxSmall = 1 << 20

func (a *app) readSmall(op, file string) ([]byte, error) {
	r := a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, comity.E(comity.NotFound, op, file, comity.Msg("cmd.read_failed", comity.A("file", file)), err)
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, maxSmall+1))
	if err != nil {
		return nil, comity.E(comity.Unavailable, op, file, comity.Msg("cmd.read_failed", comity.A("file", file)), err)
	}
	if len(b) > maxSmall {
		return nil, comity.E(comity.TooLarge, op, file, comity.Msg("cmd.read_too_large", comity.A("max", a.p.Bytes(maxSmall))), nil)
	}
	return b, nil
}

// neverVerified reports whether a peer was ended before its code was compared:
// a stranger who introduced itself and was turned away.
func neverVerified(p node.PeerView) bool {
	return p.State == comity.PeerEnded && p.VerifiedAt.IsZero()
}

func (a *app) peerListCmd() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "list", Short: "cmd.peer.list.short", Args: takes(0, 0), Example: "  comity peer list",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			ps, err := n.Peers(ctx)
			if err != nil {
				return err
			}
			if !all {
				ps = slices.DeleteFunc(ps, neverVerified)
			}
			return list(a, ps, func() {
				var rows [][]string
				for _, p := range ps {
					rows = append(rows, []string{
						p.Name, p.Country, a.word(p.State), a.p.Number(p.Given), a.p.Number(p.Received),
						a.p.Number(p.Lag), a.p.Time(p.SeenAt), string(p.ID), a.p.T(p.Fault),
					})
				}
				a.table([]string{"cmd.field.name", "cmd.field.country", "cmd.field.state", "<cmd.field.given", "<cmd.field.received",
					"<cmd.field.lag", "cmd.field.seen", "cmd.field.node_id", "cmd.field.fault"}, rows)
			})
		}),
	}
	c.Flags().BoolVar(&all, "all", false, "cmd.flag.all_peers")
	return c
}

func (a *app) printPeer(p node.PeerView) {
	they := ""
	if p.TheyVerified {
		they = a.t("cmd.peer.they_verified")
	}
	a.fields(
		"cmd.field.name", p.Name, "cmd.field.country", p.Country, "cmd.field.sector", p.Sector, "cmd.field.url", p.URL,
		"cmd.field.node_id", p.ID.Grouped(), "cmd.field.fingerprint", p.Fingerprint,
		"cmd.field.state", a.word(p.State), "cmd.field.their_side", they,
		"cmd.field.pair_code", p.PairCode,
		"cmd.field.given", a.p.Number(p.Given), "cmd.field.received", a.p.Number(p.Received), "cmd.field.lag", a.p.Number(p.Lag),
		"cmd.field.fault", a.p.T(p.Fault),
	)
}

func (a *app) peerShowCmd() *cobra.Command {
	return a.peerMoveCmd("show M", "cmd.peer.show.short", "  comity peer show \"CERT Example\"", "",
		func(ctx context.Context, n *node.Node, who string) (node.PeerView, error) { return n.Peer(ctx, who) })
}

// pairCode is what peer code prints with --json.
type pairCode struct {
	ID   comity.MemberID `json:"id"`
	Name string          `json:"name"`
	Code string          `json:"pair_code"`
}

func (a *app) peerCodeCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "code M", Short: "cmd.peer.code.short", Long: "cmd.peer.code.long", Args: takes(1, 1),
		Example: "  comity peer code \"CERT Example\"",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			p, err := n.Peer(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(pairCode{p.ID, p.Name, p.PairCode}, func() { a.say(p.PairCode) })
		}),
	}
	c.ValidArgsFunction = a.peerNames
	return c
}

func (a *app) peerVerifyCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "verify M CODE", Short: "cmd.peer.verify.short", Long: "cmd.peer.verify.long", Args: takes(2, -1),
		Example: "  comity peer verify \"CERT Example\" \"12345 67890 …\"",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			p, err := n.VerifyPeer(ctx, a.actor(), args[0], strings.Join(args[1:], " "))
			if err != nil {
				return err
			}
			return a.show(p, func() { a.printPeer(p) })
		}),
	}
	c.ValidArgsFunction = a.peerNames
	return c
}

func (a *app) peerMoveCmd(use, short, example, ask string, do func(context.Context, *node.Node, string) (node.PeerView, error)) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: takes(1, 1), Example: example,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if ask != "" {
				p, err := n.Peer(ctx, args[0])
				if err != nil {
					return err
				}
				op, _, _ := strings.Cut(use, " ")
				if err := a.confirm("peer "+op, comity.Message{Key: ask, Args: []comity.Arg{comity.A("name", p.Name),
					comity.A("count", len(p.Agreements))}}); err != nil {
					return err
				}
			}
			p, err := do(ctx, n, args[0])
			if err != nil {
				return err
			}
			return a.show(p, func() { a.printPeer(p) })
		}),
	}
	c.ValidArgsFunction = a.peerNames
	return c
}

// identityNote is what peer identity prints with --json.
type identityNote struct {
	Note string `json:"note"`
}

func (a *app) peerIdentityCmd() *cobra.Command {
	return &cobra.Command{
		Use: "identity", Short: "cmd.peer.identity.short", Args: takes(0, 0), Example: "  comity peer identity > us.note",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			note, err := n.IdentityNote(ctx)
			if err != nil {
				return err
			}
			if a.json {
				return a.emit(identityNote{string(note)})
			}
			_, err = a.out.Write(note)
			return outputError(err)
		}),
	}
}

func (a *app) peerSyncCmd() *cobra.Command {
	return &cobra.Command{
		Use: "sync", Short: "cmd.peer.sync.short", Long: "cmd.peer.sync.long", Args: takes(0, 0), Example: "  comity peer sync",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			if err := n.SyncNow(ctx); err != nil {
				return err
			}
			chs, err := n.Channels(ctx)
			if err != nil {
				return err
			}
			return list(a, chs, func() { a.printChannels(channelShapes(chs)) })
		}),
	}
}
