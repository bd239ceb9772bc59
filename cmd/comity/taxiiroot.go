package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity/node"
)

func (a *app) taxiiRootCmd() *cobra.Command {
	return a.group("root", "cmd.taxii.root.short", `  comity taxii root add partners --title 'For our partners'
  comity collection open blocklist --root partners --to constituent
  comity taxii root list`,
		a.taxiiRootListCmd(), a.taxiiRootAddCmd(), a.taxiiRootRemoveCmd())
}

func (a *app) showRoots(ctx context.Context, n *node.Node) error {
	roots, err := n.TaxiiRoots(ctx)
	if err != nil {
		return err
	}
	return list(a, roots, func() {
		var rows [][]string
		for _, r := range roots {
			rows = append(rows, []string{r.Name, r.Title, r.Description, a.p.Number(r.MaxContentLength)})
		}
		a.table([]string{"cmd.field.root", "cmd.field.title", "cmd.field.description", "<cmd.field.max_post"}, rows)
	})
}

func (a *app) taxiiRootListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "cmd.taxii.root.list.short", Args: takes(0, 0), Example: "  comity taxii root list",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error { return a.showRoots(ctx, n) }),
	}
}

func (a *app) taxiiRootAddCmd() *cobra.Command {
	var r node.TaxiiRoot
	c := &cobra.Command{
		Use: "add NAME", Short: "cmd.taxii.root.add.short", Long: "cmd.taxii.root.add.long", Args: takes(1, 1),
		Example: "  comity taxii root add partners --title 'For our partners'",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			r.Name = args[0]
			if err := n.PutTaxiiRoot(ctx, a.actor(), r); err != nil {
				return err
			}
			return a.showRoots(ctx, n)
		}),
	}
	f := c.Flags()
	f.StringVar(&r.Title, "title", "", "cmd.flag.root_title")
	f.StringVar(&r.Description, "description", "", "cmd.flag.root_description")
	f.Int64Var(&r.MaxContentLength, "max-content-length", 0, "cmd.flag.root_length")
	return c
}

func (a *app) taxiiRootRemoveCmd() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "cmd.taxii.root.remove.short", Args: takes(1, 1), Example: "  comity taxii root remove partners",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if err := n.RemoveTaxiiRoot(ctx, a.actor(), args[0]); err != nil {
				return err
			}
			return a.showRoots(ctx, n)
		}),
	}
}

func (a *app) taxiiAboutCmd() *cobra.Command {
	var about node.TaxiiAbout
	c := &cobra.Command{
		Use: "about", Short: "cmd.taxii.about.short", Args: takes(0, 0),
		Example: "  comity taxii about --contact soc@cert.example --description 'Indicators for the public sector'",
	}
	f := c.Flags()
	f.StringVar(&about.Description, "description", "", "cmd.flag.about_description")
	f.StringVar(&about.Contact, "contact", "", "cmd.flag.about_contact")
	c.RunE = a.with(func(ctx context.Context, n *node.Node, _ []string) error {
		now, err := n.TaxiiAbout(ctx)
		if err != nil {
			return err
		}
		if f.Changed("description") {
			now.Description = about.Description
		}
		if f.Changed("contact") {
			now.Contact = about.Contact
		}
		if f.Changed("description") || f.Changed("contact") {
			if err := n.SetTaxiiAbout(ctx, a.actor(), now); err != nil {
				return err
			}
		}
		return a.show(now, func() {
			a.fields("cmd.field.description", now.Description, "cmd.field.contact", now.Contact)
		})
	})
	return c
}
