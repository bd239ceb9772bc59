package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/comity-net/comity"
)

// localize turns the keys in a tree of commands into sentences and gives every
// command our help: what it does, examples first, then usage and flags.
func (a *app) localize(c *cobra.Command) {
	c.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.help(cmd) })
	c.SetUsageFunc(func(cmd *cobra.Command) error { a.help(cmd); return nil })
	c.InitDefaultHelpFlag()
	if f := c.Flags().Lookup("help"); f != nil {
		f.Usage = "cmd.flag.help"
	}
	a.localizeOne(c)
}

func (a *app) localizeOne(c *cobra.Command) {
	c.Short = a.p.T(comity.Message{Key: c.Short})
	c.Long = a.p.T(comity.Message{Key: c.Long})
	words := func(f *pflag.Flag) {
		if strings.HasPrefix(f.Usage, "cmd.flag.") {
			f.Usage = a.p.T(comity.Message{Key: f.Usage})
		}
	}
	c.Flags().VisitAll(words)
	c.PersistentFlags().VisitAll(words)
	for _, s := range c.Commands() {
		s.InitDefaultHelpFlag()
		if f := s.Flags().Lookup("help"); f != nil {
			f.Usage = "cmd.flag.help"
		}
		a.localizeOne(s)
	}
}

func (a *app) help(c *cobra.Command) {
	w := c.OutOrStdout()
	fmt.Fprintln(w, c.Short)
	if c.Example != "" {
		fmt.Fprintf(w, "\n%s\n%s\n", a.t("cmd.help.examples"), strings.TrimRight(c.Example, "\n"))
	}
	if c.Long != "" {
		fmt.Fprintf(w, "\n%s\n", c.Long)
	}
	fmt.Fprintf(w, "\n%s\n  %s\n", a.t("cmd.help.usage"), c.UseLine())
	var names, texts []string
	for _, s := range c.Commands() {
		if s.IsAvailableCommand() {
			names, texts = append(names, s.Name()), append(texts, s.Short)
		}
	}
	section(w, a.t("cmd.help.commands"), names, texts)
	names, texts = flagTexts(c.LocalFlags())
	section(w, a.t("cmd.help.flags"), names, texts)
	if c.HasParent() {
		names, texts = flagTexts(c.InheritedFlags())
		section(w, a.t("cmd.help.global_flags"), names, texts)
	}
}

func flagTexts(fs *pflag.FlagSet) (names, texts []string) {
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		switch f.Value.Type() {
		case "bool":
		case "duration":
			name += " TIME"
		case "int", "int64":
			name += " N"
		default:
			name += " TEXT"
		}
		text := f.Usage
		switch f.DefValue {
		case "", "false", "0", "0s", "[]":
		default:
			text += " (" + f.DefValue + ")"
		}
		names, texts = append(names, name), append(texts, text)
	})
	return names, texts
}

func section(w io.Writer, title string, names, texts []string) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	width := 0
	for _, n := range names {
		width = max(width, uniseg.StringWidth(n))
	}
	for i, n := range names {
		fmt.Fprintf(w, "  %s%s  %s\n", n, strings.Repeat(" ", width-uniseg.StringWidth(n)), texts[i])
	}
}
