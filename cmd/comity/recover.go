package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) recoverCmd() *cobra.Command {
	var now bool
	c := &cobra.Command{
		Use: "recover", Short: "cmd.recover.short", Long: "cmd.recover.long", Args: takes(0, 0),
		Example: `  comity recover
  comity recover --now`,
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			if now {
				if _, err := n.Recover(ctx); err != nil {
					return err
				}
			}
			r, err := n.Recovery(ctx)
			if err != nil {
				return err
			}
			return a.show(r, func() { a.printRecovery(r) })
		}),
	}
	c.Flags().BoolVar(&now, "now", false, "cmd.flag.recover_now")
	return c
}

func (a *app) printRecovery(r node.Recovery) {
	if !r.Restored {
		a.tell("cmd.recover.never")
		return
	}
	a.tell("cmd.recover.state", comity.A("at", a.p.Time(r.At)), comity.A("backup", a.p.Time(r.Backup)))
	var rows [][]string
	for _, c := range r.Channels {
		state := a.t("cmd.recover.whole")
		if !c.Settled {
			var names []string
			for _, p := range c.Waiting {
				names = append(names, p.Name)
			}
			state = a.t("cmd.recover.waits", comity.A("names", strings.Join(names, ", ")))
		}
		rows = append(rows, []string{c.Title, c.Stream, a.p.Number(c.Size), state})
	}
	a.table([]string{"cmd.field.agreement", "cmd.field.stream", "cmd.field.entries", "cmd.field.state"}, rows)
}
