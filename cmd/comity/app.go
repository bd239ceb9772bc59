package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
)

// app is one call of the program: where it reads and writes, and the flags
// that every command has.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      map[string]string
	p        i18n.Printer
	ctx      context.Context

	dir     string
	db      string
	remote  string
	token   string
	lang    string
	json    bool
	quiet   bool
	noColor bool
	yes     bool
	timeout time.Duration
}

// run is the whole program but for the process: it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer, environ []string) int {
	a := &app{in: in, out: out, err: errw, env: map[string]string{}, ctx: ctx}
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		a.env[k] = v
	}
	cat, err := i18n.New()
	if err != nil {
		_, _ = io.WriteString(errw, "comity: "+err.Error()+"\n")
		return comity.Internal.ExitCode()
	}
	a.p = cat.Lang(i18n.Match(firstOf(a.env["LC_ALL"], a.env["LC_MESSAGES"], a.env["LANG"]), langFlag(args)))
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	a.json = slices.Contains(args, "--json") // also for errors met before the flags are read
	cmd, err := root.ExecuteContextC(ctx)
	if a.timeout > 0 && errors.Is(err, context.DeadlineExceeded) {
		err = comity.E(comity.Unavailable, verb(cmd), "", comity.Msg("cmd.timeout", comity.A("timeout", a.timeout)), err)
	}
	if err == nil {
		return 0
	}
	return a.fail(cmd, err)
}

// langFlag finds --lang before the flags are parsed, because help needs it.
func langFlag(args []string) string {
	for i, s := range args {
		if v, ok := strings.CutPrefix(s, "--lang="); ok {
			return v
		}
		if s == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// root builds the tree of commands. Texts are message keys until localize.
func (a *app) root() *cobra.Command {
	c := a.group("comity", "cmd.root.short", `  comity demo                            three nodes on this machine
  comity init --name "CERT Example"      make a node
  comity serve                           run it
  comity import indicators.txt --tlp clear
  comity find 198.51.100.7
  comity share --query all --with AGREEMENT --dry-run`)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.CompletionOptions.DisableDefaultCmd = true
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return comity.E(comity.Usage, "flags", "", comity.Msg("cmd.usage.flag", comity.A("cause", err)), err)
	})
	show := false
	c.Flags().BoolVar(&show, "version", false, "cmd.flag.version")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if show {
			return a.version(cmd)
		}
		return cmd.Help()
	}
	c.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) }
	a.globalFlags(c)
	c.AddCommand(
		a.demoCmd(), a.initCmd(), a.serveCmd(),
		a.statusCmd(), a.doctorCmd(), a.versionCmd(),
		a.importCmd(), a.importsCmd(), a.collectionCmd(), a.taxiiCmd(), a.feedCmd(),
		a.findCmd(), a.showCmd(), a.exportCmd(),
		a.shareCmd(), a.explainCmd(),
		a.revokeCmd(), a.eraseCmd(), a.markCmd(),
		a.peerCmd(), a.agreementCmd(), a.ledgerCmd(),
		a.backupCmd(), a.recoverCmd(), a.userCmd(), a.tokenCmd(), a.auditCmd(), a.completionCmd(),
	)
	a.localize(c)
	return c
}

func (a *app) globalFlags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&a.dir, "data", firstOf(a.env["COMITY_DATA"], a.home()), "cmd.flag.data")
	f.StringVar(&a.lang, "lang", "", "cmd.flag.lang")
	f.BoolVar(&a.json, "json", false, "cmd.flag.json")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "cmd.flag.quiet")
	f.BoolVar(&a.noColor, "no-color", false, "cmd.flag.no_color")
	f.BoolVarP(&a.yes, "yes", "y", false, "cmd.flag.yes")
	f.DurationVar(&a.timeout, "timeout", 0, "cmd.flag.timeout")
}

func (a *app) home() string {
	h := firstOf(a.env["HOME"], a.env["USERPROFILE"])
	if h == "" {
		return ".comity"
	}
	return filepath.Join(h, ".comity")
}

// prepare checks the flags that all commands share and sets the time limit.
func (a *app) prepare(cmd *cobra.Command) error {
	if a.env["NO_COLOR"] != "" {
		a.noColor = true
	}
	if a.lang != "" && i18n.Match("", a.lang) != a.lang {
		var tags []string
		for _, l := range i18n.Languages() {
			tags = append(tags, l.Tag)
		}
		return comity.E(comity.Usage, verb(cmd), "--lang "+a.lang, comity.Msg("cmd.usage.lang", comity.A("have", strings.Join(tags, ", "))), nil)
	}
	if a.timeout < 0 {
		return comity.E(comity.Usage, verb(cmd), a.timeout, comity.Msg("cmd.usage.timeout"), nil)
	}
	if a.timeout > 0 {
		ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
		context.AfterFunc(ctx, cancel)
		cmd.SetContext(ctx)
	}
	return nil
}

// verb returns the words of a command as in the error line: "peer verify".
func verb(cmd *cobra.Command) string {
	if cmd == nil {
		return ""
	}
	_, v, _ := strings.Cut(cmd.CommandPath(), " ")
	return v
}

// group is a command that only holds others.
func (a *app) group(use, short, example string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			e := comity.E(comity.Usage, verb(cmd), args[0], comity.Msg("cmd.usage.unknown", comity.A("word", args[0])), nil)
			if s := suggestions(cmd, args[0]); s != "" {
				return e.WithHint(comity.Msg("cmd.usage.did_you_mean", comity.A("words", s)))
			}
			return e.WithHint(comity.Msg("cmd.usage.see_help", comity.A("command", cmd.CommandPath())))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(sub...)
	return c
}

func suggestions(cmd *cobra.Command, word string) string {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	return strings.Join(cmd.SuggestionsFor(word), ", ")
}

// takes checks the number of arguments; most < 0 means any number.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		return comity.E(comity.Usage, verb(cmd), "", comity.Msg("cmd.usage.args", comity.A("use", cmd.UseLine())), nil).
			WithHint(comity.Msg("cmd.usage.see_help", comity.A("command", cmd.CommandPath())))
	}
}

// with opens the node, runs fn and closes the node again.
func (a *app) with(fn func(ctx context.Context, n *node.Node, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		n, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		err = fn(cmd.Context(), n, args)
		if cerr := n.Close(); err == nil {
			err = cerr
		}
		return err
	}
}

// open opens the node in the data folder, asking for the passphrase of its
// keys if there is a person to ask.
func (a *app) open(ctx context.Context) (*node.Node, error) {
	cfg := node.Config{Dir: a.dir, DB: a.db, Version: programVersion(), Passphrase: []byte(a.env["COMITY_PASSPHRASE"])}
	n, err := node.Open(ctx, cfg)
	if err == nil || !comity.Is(err, comity.Forbidden) || len(cfg.Passphrase) > 0 {
		return n, err
	}
	if !a.canAsk() {
		return nil, comity.E(comity.Forbidden, "open", a.dir, comity.ErrorMessage(err), err).WithHint(comity.Msg("cmd.ask.passphrase_env"))
	}
	cfg.Passphrase, err = a.askSecret(comity.Msg("cmd.ask.passphrase"))
	if err != nil {
		return nil, err
	}
	return node.Open(ctx, cfg)
}

// actor is who the audit names: whoever can read the data folder is the
// operator of the node, and so an administrator.
func (a *app) actor() node.Actor {
	name := "cli"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name += ":" + u.Username
	}
	return node.Actor{Name: name, Role: node.RoleAdmin}
}

// terminal returns the file behind a stream if that is a terminal.
func terminal(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}
