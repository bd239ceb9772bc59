package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) collectionCmd() *cobra.Command {
	return a.group("collection", "cmd.collection.short", `  comity collection list
  comity collection add phishing --query 'label = phishing and tlp <= green'
  comity collection open blocklist --to community
  comity collection close blocklist`,
		a.collectionListCmd(), a.collectionShowCmd(), a.collectionAddCmd(), a.collectionQueryCmd(), a.collectionOpenCmd(), a.collectionCloseCmd())
}

func (a *app) collectionListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "cmd.collection.list.short", Args: takes(0, 0), Example: "  comity collection list",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			cs, err := n.Collections(ctx)
			if err != nil {
				return err
			}
			return list(a, cs, func() {
				var rows [][]string
				for _, c := range cs {
					rows = append(rows, []string{c.Alias, a.p.Number(c.Size), c.Title, string(c.ID)})
				}
				a.table([]string{"cmd.field.collection", "<cmd.field.entries", "cmd.field.title", "cmd.field.id"}, rows)
			})
		}),
	}
}

// collectionShown is what the collection commands print with --json.
type collectionShown struct {
	ID      comity.CollectionID `json:"id"`
	Alias   string              `json:"alias"`
	Title   string              `json:"title"`
	Entries int64               `json:"entries"`
	Query   string              `json:"query,omitempty"`
	Filling *node.Filling       `json:"filling,omitempty"`
	Open    *node.Opening       `json:"open,omitempty"`
}

func (a *app) showCollection(ctx context.Context, n *node.Node, name string) error {
	c, err := n.Collection(ctx, name)
	if err != nil {
		return err
	}
	out := collectionShown{ID: c.ID, Alias: c.Alias, Title: c.Title, Entries: c.Size, Query: c.Query, Filling: c.Filling}
	readers, write, filling := a.t("cmd.collection.closed"), "", ""
	if !c.Open.Closed() || c.Open.Root != "" {
		out.Open = &c.Open
	}
	if c.Open.To != "" {
		readers = a.word(c.Open.To)
		write = a.t("cmd.collection.read_only")
		if c.Open.Write {
			write = a.t("cmd.collection.writable")
		}
	}
	if f := c.Filling; f != nil {
		filling = a.t("cmd.collection.filling", comity.A("done", a.p.Number(f.Done)), comity.A("total", a.p.Number(f.Total)))
	}
	return a.show(out, func() {
		a.fields("cmd.field.collection", c.Alias, "cmd.field.id", string(c.ID), "cmd.field.title", c.Title,
			"cmd.field.entries", a.p.Number(c.Size), "cmd.field.query", c.Query, "cmd.field.filling", filling,
			"cmd.field.root", c.Open.Root, "cmd.field.open_to", readers, "cmd.field.rights", write,
			"cmd.field.readers", strings.Join(c.Open.Readers, ", "), "cmd.field.writers", strings.Join(c.Open.Writers, ", "),
			"cmd.field.purpose", strings.Join(c.Open.Purpose, ", "), "cmd.field.retention", string(c.Open.Retention))
	})
}

func (a *app) collectionShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "cmd.collection.show.short", Args: takes(1, 1), Example: "  comity collection show blocklist",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error { return a.showCollection(ctx, n, args[0]) }),
	}
}

func (a *app) collectionOpenCmd() *cobra.Command {
	var o node.Opening
	var to, keep string
	c := &cobra.Command{
		Use: "open NAME", Short: "cmd.collection.open.short", Long: "cmd.collection.open.long", Args: takes(1, 1),
		Example: "  comity collection open blocklist --to community\n  comity collection open reports --to constituent --write\n  comity collection open inbox --writer sensor1 --root partners",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			o.To, o.Retention = node.Role(to), comity.Period(keep)
			if err := n.OpenCollection(ctx, a.actor(), args[0], o); err != nil {
				return err
			}
			return a.showCollection(ctx, n, args[0])
		}),
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "cmd.flag.open_to")
	f.BoolVar(&o.Write, "write", false, "cmd.flag.open_write")
	f.StringVar(&o.Root, "root", "", "cmd.flag.open_root")
	f.StringSliceVar(&o.Readers, "reader", nil, "cmd.flag.open_reader")
	f.StringSliceVar(&o.Writers, "writer", nil, "cmd.flag.open_writer")
	f.StringSliceVar(&o.Purpose, "purpose", nil, "cmd.flag.open_purpose")
	f.StringVar(&keep, "retention", "", "cmd.flag.open_retention")
	a.complete(c, "to", fixed("constituent", "community", "public"))
	return c
}

func (a *app) collectionCloseCmd() *cobra.Command {
	return &cobra.Command{
		Use: "close NAME", Short: "cmd.collection.close.short", Args: takes(1, 1), Example: "  comity collection close blocklist",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if err := n.CloseCollection(ctx, a.actor(), args[0]); err != nil {
				return err
			}
			return a.showCollection(ctx, n, args[0])
		}),
	}
}
