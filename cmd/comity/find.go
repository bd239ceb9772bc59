package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/api"
)

// maxQuestion bounds what `find -` reads from standard input.
const maxQuestion = 5 << 20

func (a *app) findCmd() *cobra.Command {
	var exitCode bool
	c := &cobra.Command{
		Use: "find VALUE...|-", Short: "cmd.find.short", Long: "cmd.find.long", Args: takes(1, -1),
		Example: `  comity find 198.51.100.7
  comity find 'hxxp://login[.]example[.]test/a'
  comity find ransom note
  cut -f3 conn.log | comity find - --json --exit-code`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.question(args)
			if err != nil {
				return err
			}
			var f api.Found
			if a.remote != "" {
				f, err = a.client().Find(cmd.Context(), text)
			} else {
				f, err = a.findHere(cmd.Context(), text)
			}
			if err != nil {
				return err
			}
			if err := a.show(f, func() { a.printFound(f) }); err != nil {
				return err
			}
			if exitCode && hits(f) > 0 {
				return errFound
			}
			return nil
		},
	}
	c.Flags().BoolVar(&exitCode, "exit-code", false, "cmd.flag.exit_code")
	a.remoteFlags(c)
	return c
}

func (a *app) findHere(ctx context.Context, text string) (api.Found, error) {
	n, err := a.open(ctx)
	if err != nil {
		return api.Found{}, err
	}
	defer func() { _ = n.Close() }()
	r, err := n.Find(ctx, text)
	if err != nil {
		return api.Found{}, err
	}
	return api.Shape(r).(api.Found), nil
}

// question joins the arguments, or reads standard input.
func (a *app) question(args []string) (string, error) {
	if len(args) != 1 || args[0] != "-" {
		return strings.Join(args, " "), nil
	}
	b, err := io.ReadAll(io.LimitReader(a.in, maxQuestion+1))
	if err != nil {
		return "", comity.E(comity.Unavailable, "find", "-", comity.Msg("cmd.stdin_failed"), err)
	}
	if len(b) > maxQuestion {
		return "", comity.E(comity.TooLarge, "find", "-", comity.Msg("cmd.find.too_much", comity.A("max", a.p.Bytes(maxQuestion))), nil)
	}
	return string(b), nil
}

func hits(f api.Found) int {
	n := len(f.Text)
	for _, v := range f.Values {
		n += len(v.Hits)
	}
	return n
}

func (a *app) printFound(f api.Found) {
	var rows [][]string
	row := func(what string, v api.Version) {
		rows = append(rows, []string{what, v.Type, v.Name, v.Handling.Label(), a.word(v.State), a.origin(v), string(v.ID)})
	}
	for _, v := range f.Values {
		for _, h := range v.Hits {
			row(v.Text, h)
		}
	}
	for _, h := range f.Text {
		row(a.t("cmd.find.in_text"), h)
	}
	if len(rows) == 0 {
		a.note("cmd.find.nothing")
		return
	}
	a.table([]string{"cmd.field.value", "cmd.field.type", "cmd.field.name", "cmd.field.tlp",
		"cmd.field.state", "cmd.field.origin", "cmd.field.id"}, rows)
	if f.Truncated {
		a.note("cmd.find.truncated")
	}
}

func (a *app) origin(v api.Version) string {
	if v.Origin == "" {
		return a.t("cmd.here")
	}
	return v.Origin.Short()
}

func (a *app) showCmd() *cobra.Command {
	var raw bool
	c := &cobra.Command{
		Use: "show ID", Short: "cmd.show.short", Args: takes(1, 1),
		Example: "  comity show indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\n  comity show ID --raw | jq .",
		RunE: func(cmd *cobra.Command, args []string) error {
			var o api.Object
			var err error
			id := comity.ObjectID(args[0])
			if a.remote != "" {
				o, err = a.client().Object(cmd.Context(), id)
			} else {
				o, err = a.objectHere(cmd.Context(), id)
			}
			if err != nil {
				return err
			}
			if raw && a.remote != "" {
				o.Object, err = a.client().Raw(cmd.Context(), id)
			}
			if err != nil {
				return err
			}
			if raw {
				return a.printRaw(o)
			}
			return a.show(o, func() { a.printObject(o) })
		},
	}
	c.Flags().BoolVar(&raw, "raw", false, "cmd.flag.raw")
	a.remoteFlags(c)
	return c
}

func (a *app) objectHere(ctx context.Context, id comity.ObjectID) (api.Object, error) {
	n, err := a.open(ctx)
	if err != nil {
		return api.Object{}, err
	}
	defer func() { _ = n.Close() }()
	v, err := n.Show(ctx, id)
	if err != nil {
		return api.Object{}, err
	}
	return api.Shape(v).(api.Object), nil
}

// printRaw prints the bytes as they came.
func (a *app) printRaw(o api.Object) error {
	if o.Object == nil {
		return comity.E(comity.NotFound, "show", string(o.ID), comity.Msg("cmd.show.erased"), nil)
	}
	_, err := a.out.Write(append(json.RawMessage(nil), o.Object...))
	if _, tty := terminal(a.out); tty {
		_, _ = io.WriteString(a.out, "\n")
	}
	return outputError(err)
}

func (a *app) printObject(o api.Object) {
	a.fields(
		"cmd.field.id", string(o.ID), "cmd.field.type", o.Type, "cmd.field.name", o.Name,
		"cmd.field.tlp", o.Handling.Label(), "cmd.field.state", a.word(o.State), "cmd.field.why", o.Why,
		"cmd.field.modified", a.p.Time(o.Modified), "cmd.field.creator", string(o.Creator),
		"cmd.field.sha256", o.SHA256, "cmd.field.versions", a.p.Number(int64(len(o.Versions))),
	)
	for _, s := range o.Sources {
		a.tell("cmd.show.source", comity.A("door", string(s.Door)), comity.A("from", firstOf(s.Name, s.Title, a.t("cmd.here"))),
			comity.A("time", a.p.Time(s.At)))
	}
	for _, h := range o.Holders {
		key := "cmd.show.holder"
		if h.Receipted {
			key = "cmd.show.holder_receipted"
		}
		a.tell(key, comity.A("name", h.Name), comity.A("title", firstOf(h.Title, h.Agreement.Short())), comity.A("time", a.p.Time(h.At)))
	}
	for _, nb := range o.Neighbours {
		arrow := "<-"
		if nb.Outgoing {
			arrow = "->"
		}
		a.say("  " + arrow + " " + nb.Kind + "  " + nb.Type + "  " + nb.Name + "  " + string(nb.ID))
	}
	for _, f := range o.Findings {
		a.say("! " + f.Path + ": " + a.p.T(f.Msg))
	}
}
