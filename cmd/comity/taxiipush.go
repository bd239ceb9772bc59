package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
)

// pushed is what taxii push prints with --json.
type pushed struct {
	Posts    int                  `json:"posts"`
	Accepted int                  `json:"accepted"`
	Refused  int                  `json:"refused"`
	Pending  int                  `json:"pending"`
	Failures []taxii.StatusDetail `json:"failures"`
}

func (p *pushed) add(st taxii.Status) {
	p.Posts++
	p.Accepted += max(len(st.Successes), st.SuccessCount)
	p.Refused += max(len(st.Failures), st.FailureCount)
	p.Pending += max(len(st.Pendings), st.PendingCount)
	p.Failures = append(p.Failures, st.Failures...)
}

func (a *app) taxiiPushCmd() *cobra.Command {
	var p node.TaxiiPush
	var to string
	c := &cobra.Command{
		Use: "push URL", Short: "cmd.taxii.push.short", Long: "cmd.taxii.push.long", Args: takes(1, 1),
		Example: "  comity taxii push https://taxii.example/taxii2/ --collection inbox --from blocklist --to community",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			var err error
			p.To = node.Role(to)
			if p.Client, p.Root, err = a.taxiiAt(ctx, args[0], p.Root); err != nil {
				return err
			}
			out := pushed{Failures: []taxii.StatusDetail{}}
			for st, serr := range n.PushTaxii(ctx, a.actor(), p) {
				if err = serr; err == nil {
					out.add(st)
				}
			}
			return a.pushed(out, args[0], err)
		}),
	}
	f := c.Flags()
	f.StringVar(&p.Collection, "collection", "", "cmd.flag.taxii_collection")
	f.StringVar(&p.From, "from", "", "cmd.flag.taxii_from")
	f.StringVar(&to, "to", "public", "cmd.flag.taxii_to")
	f.BoolVar(&p.Again, "again", false, "cmd.flag.taxii_again")
	f.StringVar(&p.Root, "root", "", "cmd.flag.taxii_root")
	_ = c.MarkFlagRequired("collection")
	_ = c.MarkFlagRequired("from")
	a.complete(c, "to", fixed("constituent", "community", "public"))
	return c
}

// pushed shows what became of the objects and gives the error to end with.
func (a *app) pushed(out pushed, at string, err error) error {
	serr := a.show(out, func() {
		a.tell("cmd.taxii.pushed", comity.A("accepted", a.p.Number(int64(out.Accepted))),
			comity.A("refused", a.p.Number(int64(out.Refused))), comity.A("pending", a.p.Number(int64(out.Pending))))
		for _, f := range out.Failures {
			a.say("! " + oneLine(f.ID+": "+f.Message, 0))
		}
	})
	switch {
	case err != nil:
		return err
	case out.Refused > 0:
		return comity.E(comity.Partial, "taxii push", at, comity.Msg("cmd.taxii.push_partly", comity.A("n", out.Refused)), nil)
	}
	return serr
}

func (a *app) taxiiCheckCmd() *cobra.Command {
	var o taxii.CheckOptions
	c := &cobra.Command{
		Use: "check URL", Short: "cmd.taxii.check.short", Long: "cmd.taxii.check.long", Args: takes(1, 1),
		Example: "  comity taxii check https://taxii.example/taxii2/\n  comity taxii check https://taxii.example/taxii2/ --collection inbox --write --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.taxiiClient(args[0])
			if err != nil {
				return err
			}
			rep := taxii.Check(cmd.Context(), c, args[0], o)
			failed := rep.Count(taxii.Failed)
			err = a.show(rep, func() {
				_ = rep.WriteTable(a.out, func(m comity.Message) string { return clean(a.p.T(m)) })
				a.tell("cmd.taxii.checked", comity.A("passed", rep.Count(taxii.Passed)), comity.A("failed", failed),
					comity.A("skipped", rep.Count(taxii.Skipped)))
			})
			if err == nil && failed > 0 {
				err = comity.E(comity.Invalid, "taxii check", args[0], comity.Msg("cmd.taxii.check_failed", comity.A("n", failed)), nil)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Root, "root", "", "cmd.flag.taxii_root")
	f.StringVar(&o.Collection, "collection", "", "cmd.flag.taxii_collection")
	f.BoolVar(&o.Write, "write", false, "cmd.flag.check_write")
	return c
}
