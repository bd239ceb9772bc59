package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) userCertificateCmd() *cobra.Command {
	return a.group("certificate", "cmd.user.certificate.short", `  comity user certificate add sector client.crt
  comity user certificate list sector
  comity user certificate remove sector 3f2a9c01`,
		a.certificateAddCmd(), a.certificateListCmd(), a.certificateRemoveCmd())
}

func (a *app) certificateAddCmd() *cobra.Command {
	return &cobra.Command{
		Use: "add NAME FILE", Short: "cmd.user.certificate.add.short", Long: "cmd.user.certificate.add.long", Args: takes(2, 2),
		Example: "  comity user certificate add sector client.crt",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			file, err := readBounded(args[1])
			if err != nil {
				return comity.E(comity.Usage, "certificate add", args[1], comity.Msg("cmd.user.certificate.file", comity.A("file", args[1]), comity.A("cause", cause(err))), err)
			}
			v, err := n.AddCertificate(ctx, a.actor(), args[0], file)
			if err != nil {
				return err
			}
			return a.show(v, func() {
				a.tell("cmd.user.certificate.added", comity.A("name", args[0]), comity.A("id", v.ID[:16]), comity.A("subject", v.Subject))
			})
		}),
	}
}

func (a *app) certificateListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list NAME", Short: "cmd.user.certificate.list.short", Args: takes(1, 1), Example: "  comity user certificate list sector",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			vs, err := n.Certificates(ctx, args[0])
			if err != nil {
				return err
			}
			return list(a, vs, func() {
				var rows [][]string
				for _, v := range vs {
					rows = append(rows, []string{v.ID[:16], v.Subject, a.p.Time(v.Added), a.p.Time(v.Expires), a.p.Time(v.Used)})
				}
				a.table([]string{"cmd.field.fingerprint", "cmd.field.subject", "cmd.field.created", "cmd.field.expires", "cmd.field.seen"}, rows)
			})
		}),
	}
}

func (a *app) certificateRemoveCmd() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME KEY", Short: "cmd.user.certificate.remove.short", Args: takes(2, 2), Example: "  comity user certificate remove sector 3f2a9c01",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if err := n.RemoveCertificate(ctx, a.actor(), args[0], args[1]); err != nil {
				return err
			}
			return a.show(struct {
				Removed string `json:"removed"`
			}{args[1]}, func() { a.tell("cmd.user.certificate.removed", comity.A("name", args[0])) })
		}),
	}
}
