package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) completionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "cmd.completion.short", Args: takes(1, 1),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Example: `  source <(comity completion bash)
  comity completion zsh > "${fpath[1]}/_comity"
  comity completion fish > ~/.config/fish/completions/comity.fish`,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			return comity.E(comity.Usage, "completion", args[0], comity.Msg("cmd.usage.shell"), nil)
		},
	}
}

type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// complete offers values for a flag.
func (a *app) complete(c *cobra.Command, flag string, fn completer) {
	if err := c.RegisterFlagCompletionFunc(flag, fn); err != nil {
		panic(err) // the flag does not exist: a defect that any test meets
	}
}

func fixed(words ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

func tlpWords(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"clear", "green", "amber", "amber+strict", "red"}, cobra.ShellCompDirectiveNoFileComp
}

// fromNode offers what the node knows; nothing when it cannot be opened.
func (a *app) fromNode(cmd *cobra.Command, args []string, fn func(context.Context, *node.Node) []string) ([]string, cobra.ShellCompDirective) {
	ctx := a.ctx
	if len(args) > 0 && cmd.Flags().NArg() > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	n, err := node.Open(ctx, node.Config{Dir: a.dir, Passphrase: []byte(a.env["COMITY_PASSPHRASE"])})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = n.Close() }()
	return fn(ctx, n), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) peerNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.fromNode(cmd, args, func(ctx context.Context, n *node.Node) []string {
		ps, _ := n.Peers(ctx)
		out := make([]string, 0, len(ps))
		for _, p := range ps {
			out = append(out, p.Name+"\t"+p.ID.Short())
		}
		return out
	})
}

func (a *app) agreementIDs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.fromNode(cmd, args, func(ctx context.Context, n *node.Node) []string {
		ags, _ := n.Agreements(ctx)
		out := make([]string, 0, len(ags))
		for _, ag := range ags {
			out = append(out, ag.ID.Short()+"\t"+ag.Title)
		}
		return out
	})
}

func (a *app) channelIDs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.fromNode(cmd, args, func(ctx context.Context, n *node.Node) []string {
		chs, _ := n.Channels(ctx)
		out := make([]string, 0, len(chs))
		for _, c := range chs {
			out = append(out, string(c.ID)+"\t"+c.PublisherName+" "+c.Stream)
		}
		return out
	})
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}
