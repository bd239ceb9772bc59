package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/api"
	"github.com/comity-net/comity/node"
)

func (a *app) ledgerCmd() *cobra.Command {
	return a.group("ledger", "cmd.ledger.short", `  comity ledger list
  comity ledger verify
  comity ledger entries CHANNEL --from 0`,
		a.ledgerListCmd(), a.ledgerVerifyCmd(), a.ledgerEntriesCmd())
}

func channelShapes(vs []node.ChannelView) []api.Channel {
	out := make([]api.Channel, len(vs))
	for i, v := range vs {
		out[i] = api.Shape(v).(api.Channel)
	}
	return out
}

func (a *app) printChannels(chs []api.Channel) {
	var rows [][]string
	for _, c := range chs {
		state := ""
		if c.Fault != nil {
			state = a.p.T(*c.Fault)
		}
		rows = append(rows, []string{
			string(c.ID)[:min(12, len(c.ID))], firstOf(c.PublisherName, c.Publisher.Short()), c.Stream, firstOf(c.Title, c.Agreement.Short()),
			a.p.Number(c.Entries), a.p.Number(c.Signed), a.p.Number(c.Confirmed), state,
		})
	}
	a.table([]string{"cmd.field.channel", "cmd.field.publisher", "cmd.field.stream", "cmd.field.agreement",
		"<cmd.field.entries", "<cmd.field.signed", "<cmd.field.confirmed", "cmd.field.fault"}, rows)
}

func (a *app) ledgerListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "cmd.ledger.list.short", Args: takes(0, 0), Example: "  comity ledger list",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			chs, err := n.Channels(ctx)
			if err != nil {
				return err
			}
			return list(a, chs, func() { a.printChannels(channelShapes(chs)) })
		}),
	}
}

func (a *app) ledgerVerifyCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "verify [CHANNEL]", Short: "cmd.ledger.verify.short", Long: "cmd.ledger.verify.long", Args: takes(0, 1),
		Example: "  comity ledger verify\n  comity ledger verify q3kd",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			m := a.meter("cmd.ledger.verifying")
			rs, err := n.Verify(ctx, a.actor(), strings.Join(args, ""), m.update)
			m.end()
			if err != nil {
				return err
			}
			if err := list(a, rs, func() { a.printReports(rs) }); err != nil {
				return err
			}
			return verifyOutcome(rs)
		}),
	}
	c.ValidArgsFunction = a.channelIDs
	return c
}

func verifyOutcome(rs []node.VerifyReport) error {
	bad := 0
	for _, r := range rs {
		if !r.OK {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return comity.E(comity.Unverified, "ledger verify", "", comity.Msg("cmd.ledger.bad", comity.A("n", bad)), nil)
}

func (a *app) printReports(rs []node.VerifyReport) {
	if len(rs) == 0 {
		a.note("cmd.ledger.none")
	}
	n := a.p.Number
	for _, r := range rs {
		key := "cmd.ledger.ok"
		if !r.OK {
			key = "cmd.ledger.not_ok"
		}
		a.tell(key, comity.A("channel", firstOf(r.Publisher, "?")+" · "+r.Stream+" · "+firstOf(r.Title, "?")+" · "+string(r.Channel)[:min(12, len(r.Channel))]),
			comity.A("entries", n(r.Entries)), comity.A("payloads", n(r.Payloads)), comity.A("erased", n(r.Erased)),
			comity.A("receipts", r.Receipts), comity.A("time", a.p.Duration(r.Took)))
		if !r.Own && r.Receipts > 0 {
			a.say("  " + a.t("cmd.ledger.own_receipt"))
		}
		for _, p := range r.Problems {
			a.say("  ! " + a.p.T(p))
		}
	}
}

func (a *app) ledgerEntriesCmd() *cobra.Command {
	from, limit := int64(0), 100
	c := &cobra.Command{
		Use: "entries CHANNEL", Short: "cmd.ledger.entries.short", Args: takes(1, 1), Example: "  comity ledger entries q3kd --from 100 --limit 20",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			ch, err := n.Channel(ctx, args[0])
			if err != nil {
				return err
			}
			es, err := n.Entries(ctx, ch.ID, from, limit)
			if err != nil {
				return err
			}
			return list(a, es, func() {
				var rows [][]string
				for _, e := range es {
					rows = append(rows, []string{fmt.Sprint(e.Index), a.word(e.Kind), e.Mark.Label(), a.p.Time(e.At), e.Type, e.Name, string(e.Object), e.Why})
				}
				a.table([]string{"<cmd.field.index", "cmd.field.kind", "cmd.field.tlp", "cmd.field.time", "cmd.field.type",
					"cmd.field.name", "cmd.field.id", "cmd.field.why"}, rows)
			})
		}),
	}
	c.Flags().Int64Var(&from, "from", 0, "cmd.flag.from")
	c.Flags().IntVar(&limit, "limit", limit, "cmd.flag.limit")
	c.ValidArgsFunction = a.channelIDs
	return c
}
