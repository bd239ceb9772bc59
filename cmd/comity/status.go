package main

import (
	"context"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/api"
	"github.com/comity-net/comity/node"
)

func (a *app) statusCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "status", Short: "cmd.status.short", Args: takes(0, 0),
		Example: `  comity status
  comity status --node https://node.example --token TOKEN --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.remote != "" {
				s, err := a.client().Status(cmd.Context())
				if err != nil {
					return err
				}
				return a.show(s, func() { a.printStatus(s) })
			}
			return a.with(func(ctx context.Context, n *node.Node, _ []string) error {
				v, err := n.Status(ctx)
				if err != nil {
					return err
				}
				s := api.Shape(v).(api.Status)
				return a.show(s, func() { a.printStatus(s) })
			})(cmd, args)
		},
	}
	a.remoteFlags(c)
	return c
}

// remoteFlags lets a command ask a node elsewhere.
func (a *app) remoteFlags(c *cobra.Command) {
	c.Flags().StringVar(&a.remote, "node", "", "cmd.flag.node")
	c.Flags().StringVar(&a.token, "token", a.env["COMITY_TOKEN"], "cmd.flag.token")
}

func (a *app) client() *api.Client { return api.NewClient(a.remote, a.token) }

func (a *app) printStatus(s api.Status) {
	n := a.p.Number
	a.fields(
		"cmd.field.name", s.Profile.Name,
		"cmd.field.node_id", s.ID.Grouped(),
		"cmd.field.url", s.Profile.URL,
		"cmd.field.dir", s.Dir,
		"cmd.field.keeper", s.Keeper,
		"cmd.field.objects", n(s.Objects),
		"cmd.field.peers", a.t("cmd.status.peers", comity.A("all", s.Peers), comity.A("verified", s.Verified)),
		"cmd.field.agreements", n(int64(s.Agreements)),
	)
	if len(s.Channels) > 0 {
		a.say("")
		a.printChannels(s.Channels)
	}
	for _, f := range s.Faults {
		a.say("! " + f.Subject + ": " + a.p.T(f.Msg))
	}
}

func (a *app) doctorCmd() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "cmd.doctor.short", Long: "cmd.doctor.long", Args: takes(0, 0),
		Example: "  comity doctor",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			fs, err := n.Doctor(ctx)
			if err != nil {
				return err
			}
			bad := 0
			for _, f := range fs {
				if !f.OK {
					bad++
				}
			}
			err = list(a, fs, func() {
				for _, f := range fs {
					mark := "ok   "
					switch {
					case !f.OK:
						mark = "FAULT"
					case f.Info:
						mark = a.t("cmd.doctor.info")
					}
					a.say(mark + "  " + a.p.T(f.Msg))
				}
			})
			if err == nil && bad > 0 {
				err = comity.E(comity.Unavailable, "doctor", "", comity.Msg("cmd.doctor.faults", comity.A("n", bad)), nil)
			}
			return err
		}),
	}
}

// versionInfo is what version prints with --json.
type versionInfo struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	Wire    string `json:"wire"`
}

func (a *app) versionCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "version", Short: "cmd.version.short", Args: takes(0, 0), Example: "  comity version",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.version(cmd) },
	}
	a.remoteFlags(c)
	return c
}

func (a *app) version(cmd *cobra.Command) error {
	v := versionInfo{Version: programVersion(), Wire: "comity/v1"}
	if bi, ok := debug.ReadBuildInfo(); ok {
		v.Go = bi.GoVersion
	}
	if a.remote != "" {
		s, err := a.client().Status(cmd.Context())
		if err != nil {
			return err
		}
		v = versionInfo{Version: s.Version, Wire: "comity/v1"}
	}
	return a.show(v, func() { a.say("comity " + v.Version + "  " + v.Go + "  " + v.Wire) })
}

// programVersion is the linker's word, else the revision that Go noted.
func programVersion() string {
	if version != "dev" {
		return version
	}
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, s := range bi.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return version
}
