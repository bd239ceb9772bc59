package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) userCmd() *cobra.Command {
	return a.group("user", "cmd.user.short", `  comity user add amina --role analyst
  comity user list
  comity user link amina                   a one-time sign-in link`,
		a.userAddCmd(), a.userListCmd(), a.userLinkCmd(), a.userCertificateCmd())
}

func role(s string) (node.Role, error) {
	switch r := node.Role(s); r {
	case node.RoleReader, node.RoleAnalyst, node.RoleAdmin, node.RoleConstituent, node.RoleCommunity, node.RolePublic:
		return r, nil
	}
	return "", comity.E(comity.Usage, "user add", s, comity.Msg("cmd.usage.role"), nil)
}

// account is what user add prints with --json.
type account struct {
	Name string    `json:"name"`
	Role node.Role `json:"role"`
}

func (a *app) userAddCmd() *cobra.Command {
	var roleName string
	var byLink bool
	c := &cobra.Command{
		Use: "add NAME", Short: "cmd.user.add.short", Long: "cmd.user.add.long", Args: takes(1, 1),
		Example: "  comity user add amina --role analyst\n  COMITY_PASSWORD=… comity user add scripts --role reader",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			r, err := role(roleName)
			if err != nil {
				return err
			}
			var pw []byte
			if !byLink {
				if pw, err = a.newSecret("COMITY_PASSWORD", comity.Msg("cmd.ask.new_password", comity.A("name", args[0]))); err != nil {
					return err
				}
			}
			if err := n.CreateUser(ctx, a.actor(), args[0], string(pw), r, a.p.Tag()); err != nil {
				return err
			}
			return a.show(account{args[0], r}, func() { a.tell("cmd.user.added", comity.A("name", args[0]), comity.A("role", a.word(r))) })
		}),
	}
	c.Flags().StringVar(&roleName, "role", "reader", "cmd.flag.role")
	c.Flags().BoolVar(&byLink, "no-password", false, "cmd.flag.no_password")
	a.complete(c, "role", fixed("reader", "analyst", "admin", "constituent", "community", "public"))
	return c
}

func (a *app) userListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "cmd.user.list.short", Args: takes(0, 0), Example: "  comity user list",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			us, err := n.Users(ctx)
			if err != nil {
				return err
			}
			return list(a, us, func() {
				var rows [][]string
				for _, u := range us {
					rows = append(rows, []string{u.Name, a.word(u.Role), a.p.Time(u.Created), a.p.Time(u.LastSeen)})
				}
				a.table([]string{"cmd.field.name", "cmd.field.role", "cmd.field.created", "cmd.field.seen"}, rows)
			})
		}),
	}
}

// link is what user link prints with --json.
type link struct {
	Path  string `json:"path"`
	Token string `json:"token"`
}

func (a *app) userLinkCmd() *cobra.Command {
	return &cobra.Command{
		Use: "link NAME", Short: "cmd.user.link.short", Long: "cmd.user.link.long", Args: takes(1, 1), Example: "  comity user link amina",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			t, err := n.SignInLink(ctx, a.actor(), args[0])
			if err != nil {
				return err
			}
			return a.show(link{signInPath(t), t}, func() { a.say(signInPath(t)) })
		}),
	}
}

// token is what token add prints with --json; the text is shown only here.
type token struct {
	User    string    `json:"user"`
	Label   string    `json:"label"`
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

func (a *app) tokenCmd() *cobra.Command {
	return a.group("token", "cmd.token.short", "  comity token add amina --label \"nightly export\" --ttl 720h", a.tokenAddCmd())
}

func (a *app) tokenAddCmd() *cobra.Command {
	var label string
	ttl := 90 * 24 * time.Hour
	c := &cobra.Command{
		Use: "add USER", Short: "cmd.token.add.short", Args: takes(1, 1), Example: "  comity token add amina --label sensors --ttl 720h",
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			t, err := n.CreateToken(ctx, a.actor(), args[0], label, ttl)
			if err != nil {
				return err
			}
			return a.show(token{args[0], label, t, time.Now().UTC().Add(ttl)}, func() {
				a.say(t)
				a.note("cmd.token.once")
			})
		}),
	}
	c.Flags().StringVar(&label, "label", "", "cmd.flag.token_label")
	c.Flags().DurationVar(&ttl, "ttl", ttl, "cmd.flag.ttl")
	return c
}

func (a *app) auditCmd() *cobra.Command {
	before, limit := int64(0), 50
	c := &cobra.Command{
		Use: "audit", Short: "cmd.audit.short", Args: takes(0, 0), Example: "  comity audit --limit 20\n  comity audit --json --before 500",
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			as, err := n.Audits(ctx, before, limit)
			if err != nil {
				return err
			}
			return list(a, as, func() {
				var rows [][]string
				for _, l := range as {
					rows = append(rows, []string{a.p.Time(l.At), l.Actor, l.Action, l.Subject, firstOf(a.p.T(l.Msg), l.Kind)})
				}
				a.table([]string{"cmd.field.time", "cmd.field.actor", "cmd.field.action", "cmd.field.subject", "cmd.field.fault"}, rows)
			})
		}),
	}
	c.Flags().Int64Var(&before, "before", 0, "cmd.flag.before")
	c.Flags().IntVar(&limit, "limit", limit, "cmd.flag.limit")
	return c
}
