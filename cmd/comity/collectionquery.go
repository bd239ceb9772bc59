package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// queryExamples are shown by every command that takes a query.
const queryExamples = `  comity collection add phishing --query 'label = phishing and tlp <= green'
  comity collection add ours --query 'domain = gov.example or cidr in (198.51.100.0/24, 2001:db8::/32)'
  comity collection add partner --query 'creator = identity--f431f809-377b-45e0-aa1c-6a4751cae5ff'`

func (a *app) collectionAddCmd() *cobra.Command {
	var d node.CollectionDraft
	c := &cobra.Command{
		Use: "add NAME [ID...]", Short: "cmd.collection.add.short", Long: "cmd.collection.query.long", Args: takes(1, -1),
		Example: "  comity collection add reports report--84e4d88f-44ea-4bcd-bbf3-b2c1c320bcb3\n" + queryExamples,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if len(args) == 1 {
				d.Alias = args[0]
				if _, err := n.AddCollection(ctx, a.actor(), d); err != nil {
					return err
				}
				return a.filled(ctx, n, args[0])
			}
			if d.Query != "" || d.Title != "" || d.Description != "" {
				return comity.E(comity.Usage, "collection add", args[0], comity.Msg("cmd.collection.add_either"), nil)
			}
			ids := make([]comity.ObjectID, 0, len(args)-1)
			for _, id := range args[1:] {
				ids = append(ids, comity.ObjectID(id))
			}
			if err := n.Collect(ctx, a.actor(), args[0], ids); err != nil {
				return err
			}
			return a.showCollection(ctx, n, args[0])
		}),
	}
	f := c.Flags()
	f.StringVar(&d.Query, "query", "", "cmd.flag.collection_query")
	f.StringVar(&d.Title, "title", "", "cmd.flag.collection_title")
	f.StringVar(&d.Description, "description", "", "cmd.flag.collection_description")
	return c
}

func (a *app) collectionQueryCmd() *cobra.Command {
	return &cobra.Command{
		Use: "query NAME [QUERY]", Short: "cmd.collection.query.short", Long: "cmd.collection.query.long", Args: takes(1, 2),
		Example: "  comity collection query phishing\n  comity collection query phishing 'label in (phishing, scam)'\n  comity collection query phishing ''",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			if len(args) == 2 {
				if err := n.SetCollectionQuery(ctx, a.actor(), args[0], args[1]); err != nil {
					return err
				}
				return a.filled(ctx, n, args[0])
			}
			return a.showCollection(ctx, n, args[0])
		}),
	}
}

// filled waits until the collections are filled, and shows one. What a stop
// leaves over, a running node or the next such command goes on with.
func (a *app) filled(ctx context.Context, n *node.Node, name string) error {
	m := a.meter("cmd.collection.progress")
	err := n.FillCollections(ctx, func(_ comity.CollectionID, f node.Filling) { m.update(node.Progress{Done: f.Done, Total: f.Total}) })
	m.end()
	if err != nil {
		return err
	}
	return a.showCollection(ctx, n, name)
}
