package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) shareCmd() *cobra.Command {
	var r node.ShareRequest
	var query string
	c := &cobra.Command{
		Use: "share ID...|--query Q --with AGREEMENT", Short: "cmd.share.short", Long: "cmd.share.long", Args: takes(0, -1),
		Example: `  comity share indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --with 3f09 --dry-run
  comity share --query 'type:indicator collection:blocklist' --with 3f09`,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			var err error
			if r.IDs, r.Query, err = selection("share", args, query); err != nil {
				return err
			}
			if err = knownQuery(ctx, n, "share", r.Query); err != nil {
				return err
			}
			if r.With, err = theAgreement(ctx, n, r.With); err != nil {
				return err
			}
			if !r.DryRun {
				if err := a.confirmShare(ctx, n, r); err != nil {
					return err
				}
			}
			m := a.meter("cmd.share.running")
			r.Progress = m.update
			res, err := n.Share(ctx, a.actor(), r)
			m.end()
			if err != nil {
				return err
			}
			if err := a.show(res, func() { a.printShare(res) }); err != nil {
				return err
			}
			return shareOutcome(res)
		}),
	}
	f := c.Flags()
	f.StringVar(&r.With, "with", "", "cmd.flag.with")
	f.StringVar(&query, "query", "", "cmd.flag.query")
	f.BoolVar(&r.DryRun, "dry-run", false, "cmd.flag.dry_run")
	a.complete(c, "with", a.agreementIDs)
	return c
}

// confirmShare says what would leave before it leaves.
func (a *app) confirmShare(ctx context.Context, n *node.Node, r node.ShareRequest) error {
	if a.yes || !a.canAsk() {
		return nil
	}
	r.DryRun, r.Progress = true, nil
	res, err := n.Share(ctx, a.actor(), r)
	if err != nil {
		return err
	}
	if res.Shared == 0 {
		return nil
	}
	return a.confirm("share", comity.Msg("cmd.share.ask", comity.A("n", res.Shared), comity.A("agreement", res.Agreement.Short())))
}

// theAgreement is the one named, or the only one in force.
func theAgreement(ctx context.Context, n *node.Node, with string) (string, error) {
	if with != "" {
		return with, nil
	}
	ags, err := n.Agreements(ctx)
	if err != nil {
		return "", err
	}
	for _, ag := range ags {
		if ag.State != comity.AgreementActive {
			continue
		}
		if with != "" {
			return "", comity.E(comity.Usage, "share", "", comity.Msg("cmd.share.which"), nil).WithHint(comity.Msg("cmd.share.which_hint"))
		}
		with = string(ag.ID)
	}
	if with == "" {
		return "", comity.E(comity.NotFound, "share", "", comity.Msg("cmd.share.no_agreement"), nil).WithHint(comity.Msg("cmd.share.no_agreement_hint"))
	}
	return with, nil
}

// shareOutcome is refused when the policy let nothing through, partial when it
// held some back.
func shareOutcome(r node.ShareResult) error {
	if r.Refused == 0 {
		return nil
	}
	kind := comity.Partial
	if r.Shared+r.Already == 0 {
		kind = comity.Forbidden
	}
	return comity.E(kind, "share", "", comity.Msg("cmd.share.refused", comity.A("n", r.Refused)), nil)
}

func (a *app) printShare(r node.ShareResult) {
	key := "cmd.share.done"
	if r.DryRun {
		key = "cmd.share.dry"
	}
	n := a.p.Number
	a.tell(key, comity.A("shared", n(r.Shared)), comity.A("already", n(r.Already)), comity.A("refused", n(r.Refused)),
		comity.A("agreement", r.Agreement.Short()))
	for _, s := range r.Streams {
		a.say("  " + s.Name + "  " + n(s.N))
	}
	for _, c := range r.Refusals {
		a.say("  " + n(c.N) + "  " + a.p.T(c.Reason.Msg))
	}
	const most = 20
	shown := 0
	for _, it := range r.Items {
		if shown == most || it.Decision.Allowed() {
			break
		}
		if it.Already {
			continue
		}
		shown++
		a.say("  " + a.word(it.Decision.Verdict) + "  " + string(it.ID) + "  " + it.Name)
		a.printReasons(it.Decision)
	}
}

func (a *app) printReasons(d comity.Decision) {
	for _, r := range d.Reasons {
		a.say("      " + a.word(r.Effect) + ": " + a.p.T(r.Msg))
	}
}

func (a *app) explainCmd() *cobra.Command {
	var member string
	c := &cobra.Command{
		Use: "explain ID", Short: "cmd.explain.short", Args: takes(1, 1),
		Example: `  comity explain indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f
  comity explain ID --for "CERT Example"`,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			ds, err := n.Explain(ctx, comity.ObjectID(args[0]), member)
			if err != nil {
				return err
			}
			return list(a, ds, func() {
				if len(ds) == 0 {
					a.note("cmd.explain.nobody")
				}
				for _, d := range ds {
					line := a.word(d.Decision.Verdict) + "  " + d.Name + "  " + d.Member.Short()
					if d.Already {
						line += "  " + a.t("cmd.explain.already")
					}
					a.say(line)
					a.printReasons(d.Decision)
				}
			})
		}),
	}
	c.Flags().StringVar(&member, "for", "", "cmd.flag.for")
	a.complete(c, "for", a.peerNames)
	return c
}
