package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// made is what init prints with --json.
type made struct {
	node.InitResult
	Profile   node.Profile `json:"profile"`
	Encrypted bool         `json:"keys_encrypted"`
}

func (a *app) initCmd() *cobra.Command {
	var o node.InitOptions
	var encrypt bool
	c := &cobra.Command{
		Use: "init", Short: "cmd.init.short", Long: "cmd.init.long", Args: takes(0, 0),
		Example: `  comity init --name "CERT Example" --country KE
  comity init --data /srv/comity --name "Institute" --sector research --passphrase`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dir, o.DB = a.dir, a.db
			if encrypt {
				secret, err := a.newSecret("COMITY_PASSPHRASE", comity.Msg("cmd.ask.new_passphrase"))
				if err != nil {
					return err
				}
				o.Passphrase = secret
			}
			r, err := node.Init(cmd.Context(), o)
			if err != nil {
				return err
			}
			return a.show(made{r, o.Profile, encrypt}, func() { a.printMade(r) })
		},
	}
	f := c.Flags()
	f.StringVar(&o.Profile.Name, "name", "", "cmd.flag.name")
	f.StringVar(&o.Profile.Country, "country", "", "cmd.flag.country")
	f.StringVar(&o.Profile.Sector, "sector", "", "cmd.flag.sector")
	f.StringVar(&o.Profile.URL, "url", "", "cmd.flag.url")
	f.StringVar(&a.db, "db", "", "cmd.flag.db")
	f.BoolVar(&encrypt, "passphrase", false, "cmd.flag.passphrase")
	return c
}

func (a *app) printMade(r node.InitResult) {
	a.tell("cmd.init.made", comity.A("dir", r.Dir))
	a.fields(
		"cmd.field.node_id", r.ID.Grouped(),
		"cmd.field.fingerprint", r.Fingerprint,
		"cmd.field.keys", filepath.Join(r.Dir, "keys"),
	)
	a.note("cmd.init.next")
	data := ""
	if a.dir != a.home() {
		data = " --data " + r.Dir
	}
	for _, s := range []string{"comity serve" + data, "comity peer identity" + data, "comity import FILE" + data} {
		if !a.quiet {
			_, _ = a.err.Write([]byte("  " + s + "\n"))
		}
	}
}
