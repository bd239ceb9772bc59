package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/api"
)

// Bounds of one lookup: standard input goes in pieces, so it may be any length.
const (
	findLines = 500     // lines in a piece
	findBytes = 1 << 20 // bytes in a piece; a longer line is refused
	findNamed = 20      // lines that are named as no value
)

func (a *app) findCmd() *cobra.Command {
	var exitCode bool
	c := &cobra.Command{
		Use: "find VALUE...|-", Short: "cmd.find.short", Long: "cmd.find.long", Args: takes(1, -1),
		Example: `  comity find 198.51.100.7
  comity find 'hxxp://login[.]example[.]test/a'
  comity find 198.51.100.0/24
  comity find ransom note
  cut -f3 conn.log | comity find - --json --exit-code`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, done, err := a.asker(cmd.Context())
			if err != nil {
				return err
			}
			f := finding{a: a, ask: ask}
			if len(args) == 1 && args[0] == "-" {
				err = f.stream(cmd.Context())
			} else {
				err = f.words(cmd.Context(), args)
			}
			if err = errors.Join(err, done()); err != nil {
				return err
			}
			return f.outcome(exitCode)
		},
	}
	c.Flags().BoolVar(&exitCode, "exit-code", false, "cmd.flag.exit_code")
	a.remoteFlags(c)
	return c
}

// asker returns what answers a question: the node in the folder or one elsewhere.
func (a *app) asker(ctx context.Context) (func(context.Context, string) (api.Found, error), func() error, error) {
	if a.remote != "" {
		return a.client().Find, func() error { return nil }, nil
	}
	n, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, text string) (api.Found, error) {
		r, err := n.Find(ctx, text)
		if err != nil {
			return api.Found{}, err
		}
		return api.Shape(r).(api.Found), nil
	}, n.Close, nil
}

// finding is one lookup under way.
type finding struct {
	a      *app
	ask    func(context.Context, string) (api.Found, error)
	hits   int
	cut    bool // something was left out: nothing may be said to be unknown
	unread int
	nets   bool
	rows   [][]string
}

// words looks up the arguments: each by itself when one of them is a value, else
// all as words.
func (f *finding) words(ctx context.Context, args []string) error {
	text := strings.Join(args, " ")
	if len(args) > 1 {
		lines, err := f.ask(ctx, strings.Join(args, "\n"))
		if err != nil {
			return err
		}
		if len(lines.Values) > 0 {
			lines.Asked = text
			return f.answer(lines)
		}
	}
	r, err := f.ask(ctx, text)
	if err != nil {
		return err
	}
	r.NotValues = []string{}
	return f.answer(r)
}

func (f *finding) answer(r api.Found) error {
	f.count(r)
	if f.a.json {
		return f.a.emit(r)
	}
	f.take(r)
	f.flush()
	return nil
}

// stream looks up standard input piece by piece.
//
// INVARIANT: every line is looked up, however many there are.
func (f *finding) stream(ctx context.Context) error {
	s := bufio.NewScanner(f.a.in)
	s.Buffer(make([]byte, 64<<10), findBytes)
	var lines []string
	size := 0
	for s.Scan() {
		lines = append(lines, s.Text())
		if size += len(s.Text()) + 1; len(lines) < findLines && size < findBytes {
			continue
		}
		if err := f.piece(ctx, lines); err != nil {
			return err
		}
		lines, size = lines[:0], 0
	}
	switch err := s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return comity.E(comity.TooLarge, "find", "-", comity.Msg("cmd.find.too_much", comity.A("max", f.a.p.Bytes(findBytes))), err)
	case err != nil && !errors.Is(err, io.EOF):
		return comity.E(comity.Unavailable, "find", "-", comity.Msg("cmd.stdin_failed"), err)
	}
	if err := f.piece(ctx, lines); err != nil {
		return err
	}
	if f.a.json {
		return nil
	}
	f.flush()
	return nil
}

// piece looks up some lines; where the answer was cut, in halves.
func (f *finding) piece(ctx context.Context, lines []string) error {
	text := strings.Join(lines, "\n")
	if strings.TrimSpace(text) == "" {
		return nil
	}
	r, err := f.ask(ctx, text)
	if err != nil {
		return err
	}
	if r.Truncated && len(lines) > 1 {
		if err := f.piece(ctx, lines[:len(lines)/2]); err != nil {
			return err
		}
		return f.piece(ctx, lines[len(lines)/2:])
	}
	f.count(r)
	if f.a.json {
		return f.lines(r)
	}
	f.take(r)
	if len(f.rows) >= findLines {
		f.flush()
	}
	return nil
}

// notValue is a line of standard input that holds no indicator, with --json.
type notValue struct {
	Text string `json:"not_a_value"`
}

// lines prints one JSON line for each value.
func (f *finding) lines(r api.Found) error {
	for _, v := range r.Values {
		if err := f.a.emit(v); err != nil {
			return err
		}
	}
	for _, s := range r.NotValues {
		if err := f.a.emit(notValue{s}); err != nil {
			return err
		}
	}
	if len(r.Text) > 0 {
		r.Values = []api.FoundValue{}
		return f.a.emit(r)
	}
	return nil
}

func (f *finding) count(r api.Found) {
	f.hits += len(r.Text)
	for _, v := range r.Values {
		f.hits += len(v.Hits)
		f.nets = f.nets || largeNet(v.Text)
	}
	f.cut = f.cut || r.Truncated
}

// largeNet reports whether a value is a net too large to look into.
func largeNet(s string) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && p.Addr().BitLen()-p.Bits() > 8
}

// take keeps what a person is shown, and names what is no value.
func (f *finding) take(r api.Found) {
	a := f.a
	row := func(what string, v api.Version) {
		f.rows = append(f.rows, []string{what, v.Type, v.Name, v.Handling.Label(), a.word(v.State), a.origin(v), string(v.ID)})
	}
	for _, v := range r.Values {
		for _, h := range v.Hits {
			row(v.Text, h)
		}
	}
	for _, h := range r.Text {
		row(a.t("cmd.find.in_text"), h)
	}
	for _, s := range r.NotValues {
		if f.unread++; f.unread <= findNamed {
			a.note("cmd.find.not_a_value", comity.A("text", s))
		}
	}
}

func (f *finding) flush() {
	if len(f.rows) > 0 {
		f.a.table([]string{"cmd.field.value", "cmd.field.type", "cmd.field.name", "cmd.field.tlp",
			"cmd.field.state", "cmd.field.origin", "cmd.field.id"}, f.rows)
	}
	f.rows = f.rows[:0]
}

// outcome says what the whole came to.
func (f *finding) outcome(exitCode bool) error {
	if more := f.unread - findNamed; more > 0 {
		f.a.note("cmd.find.more_not_values", comity.A("count", f.a.p.Number(int64(more))))
	}
	if f.nets {
		f.a.note("cmd.find.large_net")
	}
	if exitCode && f.hits > 0 {
		return errFound
	}
	if f.cut {
		return comity.E(comity.Partial, "find", "", comity.Msg("cmd.find.truncated"), nil)
	}
	if f.hits == 0 {
		f.a.note("cmd.find.nothing")
	}
	return nil
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
