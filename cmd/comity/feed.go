package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) feedCmd() *cobra.Command {
	return a.group("feed", "feed.cmd.short", `  comity feed add cert https://taxii.example/taxii2/ --collection indicators --into cert
  comity feed list
  comity feed poll cert
  comity feed credential cert`,
		a.feedAddCmd(), a.feedListCmd(), a.feedShowCmd(), a.feedPollCmd(), a.feedPauseCmd(true), a.feedPauseCmd(false),
		a.feedRemoveCmd(), a.feedCredentialCmd())
}

// feedFlags are the flags of feed add; what is not given stays as it is.
type feedFlags struct {
	f       node.Feed
	tlp, ca string
	s       secretFlags
}

// secretFlags name the files of a client certificate. Passwords and tokens come
// from the environment or are asked for, never from the command line.
type secretFlags struct{ cert, key string }

func (s *secretFlags) add(a *app, c *cobra.Command) {
	c.Flags().StringVar(&s.cert, "cert", "", "feed.flag.cert")
	c.Flags().StringVar(&s.key, "key", "", "feed.flag.key")
}

// secret gathers what the user gives of credentials; ask says whether a password
// or token that is not in the environment is asked for.
func (a *app) feedSecret(f node.Feed, files secretFlags, ask bool) (node.FeedSecret, error) {
	s := node.FeedSecret{Password: a.env["COMITY_TAXII_PASSWORD"], Token: a.env["COMITY_TAXII_TOKEN"]}
	var err error
	if files.cert != "" || files.key != "" {
		if s.CertPEM, err = os.ReadFile(files.cert); err != nil {
			return s, unreadable("feed", files.cert, err)
		}
		if s.KeyPEM, err = os.ReadFile(files.key); err != nil {
			return s, unreadable("feed", files.key, err)
		}
	}
	if !ask || s.Password != "" || s.Token != "" || s.CertPEM != nil {
		return s, nil
	}
	if f.User != "" {
		pw, err := a.askSecret(comity.Msg("cmd.ask.taxii_password", comity.A("name", f.User)))
		s.Password = string(pw)
		return s, err
	}
	token, err := a.askSecret(comity.Msg("feed.ask.token", comity.A("name", f.Name)))
	s.Token = string(token)
	return s, err
}

func unreadable(op, file string, err error) error {
	return comity.E(comity.NotFound, op, file, comity.Msg("node.file_unreadable", comity.A("file", file)), err)
}

func (a *app) feedAddCmd() *cobra.Command {
	var in feedFlags
	c := &cobra.Command{
		Use: "add NAME [URL]", Short: "feed.cmd.add.short", Long: "feed.cmd.add.long", Args: takes(1, 2),
		Example: "  comity feed add cert https://taxii.example/taxii2/ --collection indicators --into cert --tlp green --every 30m\n  comity feed add cert --every 1h",
	}
	f := c.Flags()
	f.StringVar(&in.f.Collection, "collection", "", "cmd.flag.taxii_collection")
	f.StringVar(&in.f.Root, "root", "", "cmd.flag.taxii_root")
	f.StringVar(&in.f.Host, "host", "", "feed.flag.host")
	f.StringVar(&in.f.Into, "into", "", "cmd.flag.collection")
	f.StringVar(&in.tlp, "tlp", "", "cmd.flag.import_tlp")
	f.DurationVar(&in.f.Every, "every", 15*time.Minute, "feed.flag.every")
	f.DurationVar(&in.f.Overlap, "overlap", 10*time.Minute, "feed.flag.overlap")
	f.StringSliceVar(&in.f.Types, "type", nil, "cmd.flag.taxii_type")
	f.BoolVar(&in.f.Spec20, "taxii20", false, "feed.flag.taxii20")
	f.BoolVar(&in.f.Upgrade, "upgrade", false, "feed.flag.upgrade")
	f.StringVar(&in.ca, "ca", "", "feed.flag.ca")
	f.StringVar(&in.f.User, "user", "", "feed.flag.user")
	in.s.add(a, c)
	a.complete(c, "tlp", tlpWords)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return a.with(func(ctx context.Context, n *node.Node, args []string) error {
			now, err := n.Feed(ctx, args[0])
			if err != nil && !comity.Is(err, comity.NotFound) {
				return err
			}
			f, err := in.over(a, now.Feed, err == nil, args, cmd.Flags().Changed)
			if err != nil {
				return err
			}
			s, err := a.feedSecret(f, in.s, f.User != "" && !f.HasSecret && a.canAsk())
			if err != nil {
				return err
			}
			if err := n.PutFeed(ctx, a.actor(), f, s); err != nil {
				return err
			}
			return a.showFeed(ctx, n, f.Name)
		})(cmd, args)
	}
	return c
}

// over puts the flags that were given over a feed that there is, or all of them
// into a new one.
func (in *feedFlags) over(a *app, f node.Feed, was bool, args []string, given func(string) bool) (node.Feed, error) {
	if !was {
		if len(args) < 2 {
			return f, comity.E(comity.Usage, "feed add", args[0], comity.Msg("taxii.client.url"), nil)
		}
		f = node.Feed{}
	}
	f.Name = args[0]
	if len(args) > 1 {
		f.URL = args[1]
	}
	set := func(name string, fn func()) {
		if !was || given(name) {
			fn()
		}
	}
	set("collection", func() { f.Collection = in.f.Collection })
	set("root", func() { f.Root = in.f.Root })
	set("host", func() { f.Host = in.f.Host })
	set("into", func() { f.Into = in.f.Into })
	set("every", func() { f.Every = in.f.Every })
	set("overlap", func() { f.Overlap = in.f.Overlap })
	set("type", func() { f.Types = in.f.Types })
	set("taxii20", func() { f.Spec20 = in.f.Spec20 })
	set("upgrade", func() { f.Upgrade = in.f.Upgrade })
	set("user", func() { f.User = firstOf(in.f.User, a.env["COMITY_TAXII_USER"]) })
	if given("tlp") {
		t, ok := comity.ParseTLP(in.tlp)
		if !ok {
			return f, comity.E(comity.Usage, "feed add", f.Name, comity.Msg("marking.unknown_tlp", comity.A("label", in.tlp)), nil)
		}
		f.Handling = t
	}
	if given("ca") {
		b, err := os.ReadFile(in.ca)
		if err != nil {
			return f, unreadable("feed add", in.ca, err)
		}
		f.CAPEM = b
	}
	return f, nil
}

func (a *app) feedListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "feed.cmd.list.short", Args: takes(0, 0), Example: "  comity feed list",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			fs, err := n.Feeds(ctx)
			if err != nil {
				return err
			}
			return list(a, fs, func() {
				var rows [][]string
				for _, f := range fs {
					rows = append(rows, []string{f.Name, a.feedState(f.State), a.when(f.LastPoll), a.when(f.NextPoll), a.p.Number(f.Accepted), f.URL})
				}
				a.table([]string{"cmd.field.name", "cmd.field.state", "feed.field.last", "feed.field.next", "<cmd.field.accepted", "cmd.field.url"}, rows)
				for _, f := range fs {
					if f.Fault != nil {
						a.say("! " + f.Name + ": " + a.p.T(*f.Fault))
					}
				}
			})
		}),
	}
}

// feedState is the word for a state.
func (a *app) feedState(s node.FeedState) string {
	switch s {
	case node.FeedPolling:
		return a.t("feed.state.polling")
	case node.FeedWaiting:
		return a.t("feed.state.waiting")
	case node.FeedPaused:
		return a.t("feed.state.paused")
	case node.FeedFault:
		return a.t("feed.state.fault")
	}
	return a.t("feed.state.idle")
}

// when is a time for a person; "" for none.
func (a *app) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return a.p.Time(t)
}

func (a *app) showFeed(ctx context.Context, n *node.Node, name string) error {
	f, err := n.Feed(ctx, name)
	if err != nil {
		return err
	}
	return a.show(f, func() {
		fault, label, secret := "", f.Handling.Label(), a.t("feed.secret.no")
		if f.Fault != nil {
			fault = a.p.T(*f.Fault)
		}
		if f.HasSecret {
			secret = a.t("feed.secret.yes")
		}
		a.fields("cmd.field.name", f.Name, "cmd.field.url", f.URL, "feed.field.root", f.Root, "feed.field.remote", f.Collection,
			"cmd.field.collection", f.Into, "cmd.field.tlp", label, "cmd.field.type", strings.Join(f.Types, ", "),
			"feed.field.every", a.p.Duration(f.Every), "feed.field.overlap", a.p.Duration(f.Overlap), "feed.field.secret", secret,
			"cmd.field.state", a.feedState(f.State), "cmd.field.fault", fault,
			"feed.field.last", a.when(f.LastPoll), "feed.field.next", a.when(f.NextPoll), "feed.field.new", a.when(f.LastNew),
			"feed.field.position", a.when(f.Position), "feed.field.polls", a.p.Number(f.Polls), "cmd.field.accepted", a.p.Number(f.Accepted),
			"cmd.field.same", a.p.Number(f.Same), "cmd.field.refused", a.p.Number(f.Refused), "cmd.field.import", string(f.LastImport))
	})
}

func (a *app) feedShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "feed.cmd.show.short", Args: takes(1, 1), Example: "  comity feed show cert", ValidArgsFunction: a.feedNames,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error { return a.showFeed(ctx, n, args[0]) }),
	}
}

func (a *app) feedPollCmd() *cobra.Command {
	return &cobra.Command{
		Use: "poll NAME", Short: "feed.cmd.poll.short", Args: takes(1, 1), Example: "  comity feed poll cert", ValidArgsFunction: a.feedNames,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			im, err := n.PollFeed(ctx, a.actor(), args[0])
			if err == nil && im.ID == "" {
				return a.show(im, func() { a.tell("cmd.taxii.nothing_new") })
			}
			return a.imported(im, err)
		}),
	}
}

func (a *app) feedPauseCmd(paused bool) *cobra.Command {
	use, short := "resume", "feed.cmd.resume.short"
	if paused {
		use, short = "pause", "feed.cmd.pause.short"
	}
	return &cobra.Command{
		Use: use + " NAME", Short: short, Args: takes(1, 1), Example: "  comity feed " + use + " cert", ValidArgsFunction: a.feedNames,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if err := n.PauseFeed(ctx, a.actor(), args[0], paused); err != nil {
				return err
			}
			return a.showFeed(ctx, n, args[0])
		}),
	}
}

func (a *app) feedRemoveCmd() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "feed.cmd.remove.short", Long: "feed.cmd.remove.long", Args: takes(1, 1), Example: "  comity feed remove cert", ValidArgsFunction: a.feedNames,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			f, err := n.Feed(ctx, args[0])
			if err != nil {
				return err
			}
			if err := a.confirm("feed remove", comity.Msg("feed.ask.remove", comity.A("name", f.Name))); err != nil {
				return err
			}
			if err := n.RemoveFeed(ctx, a.actor(), f.Name); err != nil {
				return err
			}
			return a.show(f, func() { a.tell("feed.removed", comity.A("name", f.Name)) })
		}),
	}
}

func (a *app) feedCredentialCmd() *cobra.Command {
	var files secretFlags
	var user string
	var none bool
	c := &cobra.Command{
		Use: "credential NAME", Short: "feed.cmd.credential.short", Long: "feed.cmd.credential.long", Args: takes(1, 1), ValidArgsFunction: a.feedNames,
		Example: "  comity feed credential cert\n  comity feed credential cert --cert client.pem --key client.key",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			v, err := n.Feed(ctx, args[0])
			if err != nil {
				return err
			}
			f := v.Feed
			f.User = firstOf(user, a.env["COMITY_TAXII_USER"], f.User)
			var s node.FeedSecret
			if f.HasSecret = false; none {
				f.User = ""
			} else if s, err = a.feedSecret(f, files, true); err != nil {
				return err
			}
			if err := n.PutFeed(ctx, a.actor(), f, s); err != nil {
				return err
			}
			return a.showFeed(ctx, n, f.Name)
		}),
	}
	files.add(a, c)
	c.Flags().StringVar(&user, "user", "", "feed.flag.user")
	c.Flags().BoolVar(&none, "none", false, "feed.flag.none")
	return c
}

// feedNames completes the names of feeds.
func (a *app) feedNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.fromNode(cmd, args, func(ctx context.Context, n *node.Node) []string {
		fs, _ := n.Feeds(ctx)
		out := make([]string, 0, len(fs))
		for _, f := range fs {
			out = append(out, f.Name+"\t"+f.URL)
		}
		return out
	})
}
