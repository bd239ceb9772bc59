package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/web"
)

func (a *app) agreementCmd() *cobra.Command {
	return a.group("agreement", "cmd.agreement.short", `  comity agreement template bilateral --peer "CERT Example" > ours.json
  comity agreement check ours.json
  comity agreement propose ours.json
  comity agreement sign 3f09
  comity agreement list`,
		a.agreementTemplateCmd(), a.agreementProposeCmd(), a.agreementListCmd(),
		a.agreementMoveCmd("show A", "cmd.agreement.show.short", "  comity agreement show 3f09", "",
			func(ctx context.Context, n *node.Node, id string) (node.AgreementView, error) {
				return n.Agreement(ctx, id)
			}),
		a.agreementSignCmd(),
		a.agreementMoveCmd("suspend A", "cmd.agreement.suspend.short", "  comity agreement suspend 3f09", "",
			func(ctx context.Context, n *node.Node, id string) (node.AgreementView, error) {
				return n.SuspendAgreement(ctx, a.actor(), id, true)
			}),
		a.agreementMoveCmd("resume A", "cmd.agreement.resume.short", "  comity agreement resume 3f09", "",
			func(ctx context.Context, n *node.Node, id string) (node.AgreementView, error) {
				return n.SuspendAgreement(ctx, a.actor(), id, false)
			}),
		a.agreementMoveCmd("end A", "cmd.agreement.end.short", "  comity agreement end 3f09", "cmd.agreement.end.ask",
			func(ctx context.Context, n *node.Node, id string) (node.AgreementView, error) {
				return n.EndAgreement(ctx, a.actor(), id)
			}),
		a.agreementCheckCmd())
}

type agreementMove func(context.Context, *node.Node, string) (node.AgreementView, error)

func (a *app) agreementMoveCmd(use, short, example, ask string, do agreementMove) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: takes(1, 1),
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if ask != "" {
				v, err := n.Agreement(ctx, args[0])
				if err != nil {
					return err
				}
				word, _, _ := strings.Cut(use, " ")
				if err := a.confirm("agreement "+word, comity.Message{Key: ask, Args: []comity.Arg{comity.A("id", v.ID.Short()),
					comity.A("title", firstOf(v.Title, v.ID.Short())), comity.A("parties", partyNames(v.Parties))}}); err != nil {
					return err
				}
			}
			v, err := do(ctx, n, args[0])
			if err != nil {
				return err
			}
			return a.show(v, func() { a.printAgreement(v) })
		}),
	}
	c.ValidArgsFunction = a.agreementIDs
	return c
}

func (a *app) agreementSignCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "sign [A]", Short: "cmd.agreement.sign.short", Long: "cmd.agreement.sign.long", Args: takes(0, 1),
		Example: "  comity agreement sign 3f09\n  comity agreement sign            the only one that waits for you",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if len(args) == 0 && !a.yes && !a.canAsk() {
				return comity.E(comity.Usage, "agreement sign", "", comity.Msg("cmd.agreement.sign.name_it"), nil).
					WithHint(comity.Msg("cmd.agreement.sign.name_it_hint"))
			}
			id, err := toSign(ctx, n, args)
			if err != nil {
				return err
			}
			v, err := n.Agreement(ctx, id)
			if err != nil {
				return err
			}
			if !a.json {
				a.printAgreement(v)
			}
			if err := a.confirm("agreement sign", comity.Msg("cmd.agreement.sign.ask", comity.A("id", v.ID.Short()),
				comity.A("title", firstOf(v.Title, v.ID.Short())), comity.A("parties", partyNames(v.Parties)))); err != nil {
				return err
			}
			v, err = n.SignAgreement(ctx, a.actor(), string(v.ID))
			if err != nil {
				return err
			}
			return a.show(v, func() {
				a.say("")
				a.tell("cmd.agreement.signed", comity.A("id", v.ID.Short()), comity.A("state", a.word(v.State)))
			})
		}),
	}
	c.ValidArgsFunction = a.agreementIDs
	return c
}

// toSign is the agreement named, or the only one that waits for this node.
func toSign(ctx context.Context, n *node.Node, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	vs, err := n.Agreements(ctx)
	if err != nil {
		return "", err
	}
	id := ""
	for _, v := range vs {
		if !v.MineMissing || v.State != comity.AgreementProposed {
			continue
		}
		if id != "" {
			return "", comity.E(comity.Usage, "agreement sign", "", comity.Msg("cmd.agreement.sign.which"), nil)
		}
		id = string(v.ID)
	}
	if id == "" {
		return "", comity.E(comity.NotFound, "agreement sign", "", comity.Msg("cmd.agreement.sign.none"), nil)
	}
	return id, nil
}

func (a *app) agreementTemplateCmd() *cobra.Command {
	var peer string
	c := &cobra.Command{
		Use: "template bilateral", Short: "cmd.agreement.template.short", Args: takes(1, 1),
		Example: "  comity agreement template bilateral --peer \"CERT Example\" > ours.json",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if peer == "" {
				return comity.E(comity.Usage, "agreement template", "", comity.Msg("cmd.usage.peer"), nil).
					WithHint(comity.Msg("cmd.usage.see_help", comity.A("command", "comity agreement template")))
			}
			b, err := n.AgreementTemplate(ctx, args[0], peer)
			if err != nil {
				return err
			}
			_, err = a.out.Write(b)
			return outputError(err)
		}),
	}
	c.Flags().StringVar(&peer, "peer", "", "cmd.flag.peer")
	a.complete(c, "peer", a.peerNames)
	c.ValidArgs = []string{"bilateral"}
	return c
}

func (a *app) agreementProposeCmd() *cobra.Command {
	return &cobra.Command{
		Use: "propose FILE|-", Short: "cmd.agreement.propose.short", Long: "cmd.agreement.propose.long", Args: takes(1, 1),
		Example: "  comity agreement propose ours.json",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			b, err := a.readSmall("agreement propose", args[0])
			if err != nil {
				return err
			}
			v, err := n.ProposeAgreement(ctx, a.actor(), b)
			if err != nil {
				return err
			}
			return a.show(v, func() { a.printAgreement(v) })
		}),
	}
}

func (a *app) agreementListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "cmd.agreement.list.short", Args: takes(0, 0), Example: "  comity agreement list",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			vs, err := n.Agreements(ctx)
			if err != nil {
				return err
			}
			return list(a, vs, func() {
				var rows [][]string
				for _, v := range vs {
					rows = append(rows, []string{v.ID.Short(), a.word(v.State), v.Title, partyNames(v.Parties), partyNames(v.Missing)})
				}
				a.table([]string{"cmd.field.agreement", "cmd.field.state", "cmd.field.title", "cmd.field.parties", "cmd.field.missing"}, rows)
			})
		}),
	}
}

func partyNames(ps []comity.Party) string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = firstOf(p.Name, p.ID.Short())
	}
	return strings.Join(names, ", ")
}

func (a *app) printAgreement(v node.AgreementView) {
	a.fields(
		"cmd.field.agreement", string(v.ID), "cmd.field.replaces", string(v.Prev), "cmd.field.title", v.Title, "cmd.field.state", a.word(v.State),
		"cmd.field.parties", partyNames(v.Parties), "cmd.field.signed_by", partyNames(v.SignedBy), "cmd.field.missing", partyNames(v.Missing),
		"cmd.field.valid_from", a.p.Time(v.ValidFrom), "cmd.field.valid_until", a.p.Time(v.ValidUntil),
	)
	a.note("cmd.agreement.id_is_hash")
	for _, p := range v.Parties {
		a.tell("cmd.agreement.party", comity.A("name", p.Name), comity.A("id", p.ID))
	}
	for _, s := range web.AgreementText(a.p, v.Agreement) {
		a.say(s)
	}
	for _, y := range v.Symmetry {
		key := "cmd.agreement.undeclared"
		if y.Declared {
			key = "cmd.agreement.declared"
		}
		a.tell(key, comity.A("text", a.p.T(y.Msg)))
	}
	for _, f := range v.Findings {
		a.say("! " + a.p.T(f))
	}
	if v.MineMissing && v.State == comity.AgreementProposed {
		a.note("cmd.agreement.please_sign", comity.A("id", v.ID.Short()))
	}
}

func (a *app) agreementCheckCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "check A|FILE", Short: "cmd.agreement.check.short", Long: "cmd.agreement.check.long", Args: takes(1, 1),
		Example: "  comity agreement check ours.json\n  comity agreement check 3f09",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			id, body := args[0], []byte(nil)
			if args[0] == "-" || isFile(args[0]) {
				b, err := a.readSmall("agreement check", args[0])
				if err != nil {
					return err
				}
				id, body = "", b
			}
			v, err := n.CheckAgreement(ctx, id, body)
			if err != nil {
				return err
			}
			if err := a.show(v, func() { a.printAgreement(v) }); err != nil {
				return err
			}
			if len(v.Findings) > 0 {
				return comity.E(comity.Invalid, "agreement check", args[0], comity.Msg("cmd.agreement.bad", comity.A("n", len(v.Findings))), nil)
			}
			a.note("cmd.agreement.good")
			return nil
		}),
	}
	c.ValidArgsFunction = a.agreementIDs
	return c
}
