package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// lifecycle is one use case that is appended to every channel an object went to.
type lifecycle func(ctx context.Context, n *node.Node, id comity.ObjectID, why string) (node.LifecycleResult, error)

func (a *app) revokeCmd() *cobra.Command {
	return a.lifecycleCmd("revoke ID", "cmd.revoke.short", "cmd.revoke.long",
		"  comity revoke indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --why false-positive", "cmd.revoke.ask",
		func(ctx context.Context, n *node.Node, id comity.ObjectID, why string) (node.LifecycleResult, error) {
			return n.Revoke(ctx, a.actor(), id, why)
		})
}

func (a *app) eraseCmd() *cobra.Command {
	return a.lifecycleCmd("erase ID", "cmd.erase.short", "cmd.erase.long",
		"  comity erase note--1bd0b0c5-5a3c-4c56-9b3e-6f3f3c6b9d55 --why personal-data", "cmd.erase.ask",
		func(ctx context.Context, n *node.Node, id comity.ObjectID, why string) (node.LifecycleResult, error) {
			return n.Erase(ctx, a.actor(), id, why)
		})
}

func (a *app) markCmd() *cobra.Command {
	var label string
	c := a.lifecycleCmd("mark ID --tlp LABEL", "cmd.mark.short", "cmd.mark.long",
		"  comity mark report--6c2ac9cc-7a2c-4b7e-9f2d-9d1b6c9a3f10 --tlp amber+strict --why source-asked", "",
		func(ctx context.Context, n *node.Node, id comity.ObjectID, why string) (node.LifecycleResult, error) {
			t, ok := comity.ParseTLP(label)
			if !ok {
				return node.LifecycleResult{}, comity.E(comity.Usage, "mark", label, comity.Msg("cmd.usage.tlp"), nil)
			}
			return n.Mark(ctx, a.actor(), id, t, why)
		})
	c.Flags().StringVar(&label, "tlp", "", "cmd.flag.mark_tlp")
	a.complete(c, "tlp", tlpWords)
	return c
}

func (a *app) lifecycleCmd(use, short, long, example, ask string, do lifecycle) *cobra.Command {
	var why string
	var dryRun bool
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, Args: takes(1, 1),
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			id := comity.ObjectID(args[0])
			if dryRun {
				return a.wouldTell(ctx, n, id)
			}
			if ask != "" {
				if err := a.confirmObject(ctx, n, use, ask, id); err != nil {
					return err
				}
			}
			r, err := do(ctx, n, id, why)
			if err != nil {
				return err
			}
			return a.show(r, func() { a.printTold(r) })
		}),
	}
	c.Flags().StringVar(&why, "why", "", "cmd.flag.why")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "cmd.flag.dry_run")
	return c
}

// confirmObject names the object and how many have it before it is withdrawn.
func (a *app) confirmObject(ctx context.Context, n *node.Node, use, ask string, id comity.ObjectID) error {
	v, err := n.Show(ctx, id)
	if err != nil {
		return err
	}
	op, _, _ := strings.Cut(use, " ")
	return a.confirm(op, comity.Message{Key: ask, Args: []comity.Arg{comity.A("id", id),
		comity.A("name", firstOf(v.Version.Name, string(id))), comity.A("type", v.Version.Type),
		comity.A("holders", a.p.Number(int64(len(v.Holders))))}})
}

func (a *app) printTold(r node.LifecycleResult) {
	if len(r.Channels) == 0 {
		a.tell("cmd.told.nobody", comity.A("id", r.Object))
	}
	for _, t := range r.Channels {
		a.tell("cmd.told", comity.A("members", strings.Join(t.Members, ", ")), comity.A("channel", t.Channel), comity.A("index", t.Index))
	}
}

// wouldTell lists who would be told, without telling anybody.
func (a *app) wouldTell(ctx context.Context, n *node.Node, id comity.ObjectID) error {
	v, err := n.Show(ctx, id)
	if err != nil {
		return err
	}
	return list(a, v.Holders, func() {
		if len(v.Holders) == 0 {
			a.tell("cmd.told.nobody", comity.A("id", id))
		}
		for _, h := range v.Holders {
			a.tell("cmd.told.would", comity.A("members", h.Name), comity.A("channel", h.Channel))
		}
	})
}
