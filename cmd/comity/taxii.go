package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/taxii"
)

func (a *app) taxiiCmd() *cobra.Command {
	return a.group("taxii", "cmd.taxii.short", `  comity taxii collections https://taxii.example/taxii2/
  comity taxii pull https://taxii.example/taxii2/ --collection indicators --into feed
  comity taxii push https://taxii.example/taxii2/ --collection inbox --from blocklist --to community
  comity taxii check https://taxii.example/taxii2/`,
		a.taxiiCollectionsCmd(), a.taxiiPullCmd(), a.taxiiPushCmd(), a.taxiiCheckCmd(), a.taxiiRootCmd(), a.taxiiAboutCmd())
}

// taxiiClient makes a client with the credentials of the environment; they are
// never taken from the command line, where others could read them.
func (a *app) taxiiClient(at string) (*taxii.Client, error) {
	o := taxii.ClientOptions{HTTP: &http.Client{Transport: taxii.NewTransport(taxii.TransportOptions{})}, UserAgent: "comity/" + programVersion(),
		User: a.env["COMITY_TAXII_USER"], Password: a.env["COMITY_TAXII_PASSWORD"], Bearer: a.env["COMITY_TAXII_TOKEN"]}
	if o.User != "" && o.Password == "" && a.canAsk() {
		pw, err := a.askSecret(comity.Msg("cmd.ask.taxii_password", comity.A("name", o.User)))
		if err != nil {
			return nil, err
		}
		o.Password = string(pw)
	}
	return taxii.NewClient(at, o)
}

// taxiiAt makes the client and finds the API root.
func (a *app) taxiiAt(ctx context.Context, at, root string) (*taxii.Client, string, error) {
	c, err := a.taxiiClient(at)
	if err != nil {
		return nil, "", err
	}
	if root == "" {
		root, err = c.FindRoot(ctx)
	}
	return c, root, err
}

// remoteCollection is what taxii collections prints with --json.
type remoteCollection struct {
	Root     string              `json:"root"`
	ID       comity.CollectionID `json:"id"`
	Alias    string              `json:"alias,omitempty"`
	Title    string              `json:"title"`
	CanRead  bool                `json:"can_read"`
	CanWrite bool                `json:"can_write"`
}

func (a *app) taxiiCollectionsCmd() *cobra.Command {
	var root string
	c := &cobra.Command{
		Use: "collections URL", Short: "cmd.taxii.collections.short", Long: "cmd.taxii.credentials", Args: takes(1, 1),
		Example: "  comity taxii collections https://taxii.example/taxii2/",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, at, err := a.taxiiAt(cmd.Context(), args[0], root)
			if err != nil {
				return err
			}
			cs, err := c.Collections(cmd.Context(), at)
			if err != nil {
				return err
			}
			var out []remoteCollection
			var rows [][]string
			for _, c := range cs {
				out = append(out, remoteCollection{at, c.ID, c.Alias, c.Title, c.CanRead, c.CanWrite})
				rights := ""
				if c.CanRead {
					rights = a.t("cmd.taxii.read")
				}
				if c.CanWrite {
					rights = strings.TrimSpace(rights + " " + a.t("cmd.taxii.write"))
				}
				rows = append(rows, []string{c.Alias, c.Title, rights, string(c.ID)})
			}
			return list(a, out, func() {
				a.table([]string{"cmd.field.collection", "cmd.field.title", "cmd.field.rights", "cmd.field.id"}, rows)
			})
		},
	}
	c.Flags().StringVar(&root, "root", "", "cmd.flag.taxii_root")
	return c
}

func (a *app) taxiiPullCmd() *cobra.Command {
	var p node.TaxiiPull
	c := &cobra.Command{
		Use: "pull URL", Short: "cmd.taxii.pull.short", Long: "cmd.taxii.pull.long", Args: takes(1, 1),
		Example: "  comity taxii pull https://taxii.example/taxii2/ --collection indicators --into feed --tlp green",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			var err error
			if p.Client, p.Root, err = a.taxiiAt(ctx, args[0], p.Root); err != nil {
				return err
			}
			m := a.meter("cmd.import.running")
			p.Progress = m.update
			im, err := n.PullTaxii(ctx, a.actor(), p)
			m.end()
			if err == nil && im.ID == "" {
				return a.show(im, func() { a.tell("cmd.taxii.nothing_new") })
			}
			return a.imported(im, err)
		}),
	}
	f := c.Flags()
	f.StringVar(&p.Collection, "collection", "", "cmd.flag.taxii_collection")
	f.StringVar(&p.Into, "into", "", "cmd.flag.collection")
	f.StringVar(&p.TLP, "tlp", "", "cmd.flag.import_tlp")
	f.StringVar(&p.Mode, "mode", "standard", "cmd.flag.mode")
	f.StringSliceVar(&p.Types, "type", nil, "cmd.flag.taxii_type")
	f.BoolVar(&p.Again, "again", false, "cmd.flag.taxii_again")
	f.BoolVar(&p.Upgrade, "upgrade", false, "feed.flag.upgrade")
	f.StringVar(&p.Root, "root", "", "cmd.flag.taxii_root")
	_ = c.MarkFlagRequired("collection")
	a.complete(c, "tlp", tlpWords)
	a.complete(c, "mode", fixed("strict", "standard", "lenient"))
	return c
}
