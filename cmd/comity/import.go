package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) importCmd() *cobra.Command {
	var r node.ImportRequest
	c := &cobra.Command{
		Use: "import FILE|URL|-", Short: "cmd.import.short", Long: "cmd.import.long", Args: takes(1, 1),
		Example: `  comity import bundle.json.gz
  comity import addresses.txt --tlp clear --collection blocklist
  comity import https://feeds.example/list.csv --columns value=1,description=3
  cat mail.txt | comity import - --format text --tlp green`,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			m := a.meter("cmd.import.running")
			r.Source, r.Progress = args[0], m.update
			if args[0] == "-" {
				r.Reader, r.Name = io.NopCloser(a.in), "stdin"
			}
			im, err := n.Import(ctx, a.actor(), r)
			m.end()
			return a.imported(im, err)
		}),
	}
	f := c.Flags()
	f.StringVar(&r.Format, "format", "auto", "cmd.flag.import_format")
	f.StringVar(&r.TLP, "tlp", "", "cmd.flag.import_tlp")
	f.StringVar(&r.Collection, "collection", "", "cmd.flag.collection")
	f.StringVar(&r.Mode, "mode", "standard", "cmd.flag.mode")
	f.StringVar(&r.Columns, "columns", "", "cmd.flag.columns")
	f.StringSliceVar(&r.Labels, "label", nil, "cmd.flag.label")
	f.BoolVar(&r.AllowLocal, "allow-local", false, "cmd.flag.allow_local")
	a.complete(c, "tlp", tlpWords)
	a.complete(c, "mode", fixed("strict", "standard", "lenient"))
	a.complete(c, "format", fixed("auto", "stix", "list", "csv", "text"))
	return c
}

// imported shows what an import came to, and gives the error that it ends with:
// also an import that was broken off keeps what it had committed.
func (a *app) imported(im comity.Import, err error) error {
	seen := im.Accepted + im.Same + im.Refused
	switch {
	case err == nil:
	case comity.Is(err, comity.Interrupted):
		msg := comity.Msg("cmd.import.interrupted", comity.A("accepted", a.p.Number(im.Accepted)),
			comity.A("same", a.p.Number(im.Same)), comity.A("refused", a.p.Number(im.Refused)))
		if im.ID != "" {
			im.Fault = msg
		}
		err = comity.E(comity.Interrupted, "import", im.Source, msg, err).
			WithHint(comity.Msg("cmd.import.interrupted_hint", comity.A("id", im.ID)))
	case im.Accepted+im.Same > 0 && (comity.Is(err, comity.Invalid) || comity.Is(err, comity.TooLarge)):
		err = comity.E(comity.Partial, "import", im.Source, comity.ErrorMessage(err), err).
			WithHint(comity.Msg("cmd.import.interrupted_hint", comity.A("id", im.ID)))
	}
	if im.ID != "" && (err == nil || seen > 0 || comity.Is(err, comity.Interrupted)) {
		serr := a.show(im, func() {
			im := im
			if err != nil {
				im.Fault = comity.Message{} // the error says it
			}
			a.printImport(im)
		})
		if err == nil {
			err = serr
		}
	}
	if err != nil {
		return err
	}
	if seen == 0 {
		a.note("cmd.import.empty")
	}
	return outcome(im)
}

// outcome is the error that an import with refused items ends with.
func outcome(im comity.Import) error {
	if im.Refused == 0 {
		return nil
	}
	kind, key := comity.Partial, "cmd.import.partly"
	if im.Accepted+im.Same == 0 {
		kind, key = comity.Invalid, "cmd.import.nothing"
	}
	return comity.E(kind, "import", im.Source, comity.Message{Key: key, Args: []comity.Arg{comity.A("n", im.Refused)}}, nil).
		WithHint(comity.Msg("cmd.import.see_refused", comity.A("id", im.ID)))
}

func (a *app) printImport(im comity.Import) {
	took := im.Finished.Sub(im.Started)
	rate := ""
	if s := took.Seconds(); s > 0 && !im.Finished.IsZero() {
		rate = a.t("cmd.progress.rate", comity.A("rate", a.p.Number(int64(float64(im.Accepted+im.Same+im.Refused)/s))))
	}
	n := a.p.Number
	a.fields(
		"cmd.field.import", string(im.ID),
		"cmd.field.source", im.Source,
		"cmd.field.format", im.Format,
		"cmd.field.state", a.word(string(im.State)),
		"cmd.field.tlp", im.Handling.Label(),
		"cmd.field.accepted", n(im.Accepted),
		"cmd.field.warned", n(im.Warned),
		"cmd.field.same", n(im.Same),
		"cmd.field.refused", n(im.Refused),
		"cmd.field.rate", rate,
	)
	if !im.Fault.IsZero() {
		a.say("! " + a.p.T(im.Fault))
	}
}

func (a *app) importsCmd() *cobra.Command {
	return a.group("imports", "cmd.imports.short", `  comity imports list
  comity imports show 6f1c…
  comity imports refused 6f1c… > refused.jsonl
  comity imports undo 6f1c…`,
		a.importsListCmd(), a.importsShowCmd(), a.importsUndoCmd(), a.importsRefusedCmd())
}

func (a *app) importsListCmd() *cobra.Command {
	limit := 50
	c := &cobra.Command{
		Use: "list", Short: "cmd.imports.list.short", Args: takes(0, 0), Example: "  comity imports list --limit 10",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			ims, err := n.Imports(ctx, "", limit)
			if err != nil {
				return err
			}
			return list(a, ims, func() {
				var rows [][]string
				for _, im := range ims {
					rows = append(rows, []string{
						string(im.ID), a.p.Time(im.Started), a.word(string(im.State)), im.Format,
						a.p.Number(im.Accepted), a.p.Number(im.Refused), im.Source,
					})
				}
				a.table([]string{"cmd.field.import", "cmd.field.started", "cmd.field.state", "cmd.field.format",
					"<cmd.field.accepted", "<cmd.field.refused", "cmd.field.source"}, rows)
			})
		}),
	}
	c.Flags().IntVar(&limit, "limit", limit, "cmd.flag.limit")
	return c
}

func (a *app) importsShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "cmd.imports.show.short", Args: takes(1, 1), Example: "  comity imports show 6f1c…",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			im, err := n.ImportByID(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(im, func() { a.printImport(im) })
		}),
	}
}

func (a *app) importsUndoCmd() *cobra.Command {
	var withdraw bool
	c := &cobra.Command{
		Use: "undo ID", Short: "cmd.imports.undo.short", Long: "cmd.imports.undo.long", Args: takes(1, 1),
		Example: "  comity imports undo 6f1c…\n  comity imports undo 6f1c… --withdraw",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			im, err := n.ImportByID(ctx, args[0])
			if err != nil {
				return err
			}
			key := "cmd.imports.undo.ask"
			if withdraw {
				key = "cmd.imports.undo.ask_withdraw"
			}
			if err := a.confirm("imports undo", comity.Message{Key: key, Args: []comity.Arg{comity.A("id", im.ID),
				comity.A("source", im.Source), comity.A("time", a.p.Time(im.Started)), comity.A("count", a.p.Number(im.Accepted))}}); err != nil {
				return err
			}
			r, err := n.UndoImport(ctx, a.actor(), args[0], withdraw)
			if err != nil {
				return err
			}
			return a.show(r, func() {
				a.tell("cmd.imports.undone", comity.A("deleted", a.p.Number(r.Deleted)),
					comity.A("withdrawn", a.p.Number(r.Withdrawn)), comity.A("kept", a.p.Number(r.Kept)))
			})
		}),
	}
	c.Flags().BoolVar(&withdraw, "withdraw", false, "cmd.flag.withdraw")
	return c
}

func (a *app) importsRefusedCmd() *cobra.Command {
	return &cobra.Command{
		Use: "refused ID", Short: "cmd.imports.refused.short", Args: takes(1, 1),
		Example: "  comity imports refused 6f1c… --json > refused.jsonl",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			im, err := n.ImportByID(ctx, args[0])
			if err != nil {
				return err
			}
			for after := int64(0); ; {
				rs, err := n.Refusals(ctx, im.ID, after, 1000)
				if err != nil || len(rs) == 0 {
					return err
				}
				after = rs[len(rs)-1].N
				if err := list(a, rs, func() { a.printRefusals(rs) }); err != nil {
					return err
				}
			}
		}),
	}
}

func (a *app) printRefusals(rs []comity.Refusal) {
	for _, r := range rs {
		a.say(firstOf(r.At, "?") + "  " + string(r.ID))
		for _, f := range r.Findings {
			if f.Refuses {
				a.say("    " + f.Path + ": " + a.p.T(f.Msg) + " [" + f.Rule + "]")
			}
		}
	}
}
