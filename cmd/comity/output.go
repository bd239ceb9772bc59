package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/api"
)

// t gives the sentence for a key in the user's language.
func (a *app) t(key string, args ...comity.Arg) string {
	return a.p.T(comity.Message{Key: key, Args: args})
}

// emit prints one JSON object on one line. Each message in it carries its
// sentence, and a list is [] where it is empty.
func (a *app) emit(v any) error {
	b, err := jsonv2.Marshal(api.Shape(v), jsonv1.DefaultOptionsV1(), jsonv2.FormatNilSliceAsNull(false), jsontext.EscapeForHTML(false),
		jsonv2.WithMarshalers(jsonv2.MarshalFunc(a.messageJSON)))
	if err != nil {
		return outputError(err)
	}
	_, err = a.out.Write(append(b, '\n'))
	return outputError(err)
}

// spoken is a message with its sentence in the user's language.
type spoken struct {
	Key  string       `json:"key"`
	Args []comity.Arg `json:"args,omitempty"`
	Text string       `json:"text"`
}

func (a *app) messageJSON(m comity.Message) ([]byte, error) {
	s := spoken{Key: m.Key, Args: m.Args}
	if !m.IsZero() {
		s.Text = a.p.T(m)
	}
	return jsonv2.Marshal(s, jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false))
}

// say prints one line of data for a person.
func (a *app) say(s string) { _, _ = fmt.Fprintln(a.out, clean(s)) }

// tell prints a sentence as data for a person.
func (a *app) tell(key string, args ...comity.Arg) { a.say(a.t(key, args...)) }

// note prints a sentence beside the data, unless --quiet.
func (a *app) note(key string, args ...comity.Arg) {
	if !a.quiet && !a.json {
		_, _ = fmt.Fprintln(a.err, clean(a.t(key, args...)))
	}
}

// warning is a warning as --json prints it on standard error.
type warning struct {
	Event string `json:"event"` // "warning"
	Key   string `json:"key"`
	Text  string `json:"text"`
}

// warn prints what must be known even with --quiet.
func (a *app) warn(key string, args ...comity.Arg) {
	if a.json {
		_ = json.NewEncoder(a.err).Encode(warning{"warning", key, a.t(key, args...)})
		return
	}
	_, _ = fmt.Fprintln(a.err, clean(a.t("cmd.warning", comity.A("text", a.t(key, args...)))))
}

// show prints v as JSON, or for a person by the function.
func (a *app) show(v any, human func()) error {
	if a.json {
		return a.emit(v)
	}
	human()
	return nil
}

// list prints each item as a JSON line, or all for a person by the function.
func list[T any](a *app, items []T, human func()) error {
	if !a.json {
		human()
		return nil
	}
	for _, it := range items {
		if err := a.emit(it); err != nil {
			return err
		}
	}
	return nil
}

func outputError(err error) error {
	if err == nil {
		return nil
	}
	return comity.E(comity.Unavailable, "print", "", comity.Msg("cmd.print_failed"), err)
}

// problem is an error as --json prints it on standard error.
type problem struct {
	Kind    string          `json:"kind"`
	Op      string          `json:"op"`
	Subject string          `json:"subject,omitempty"`
	Message comity.Message  `json:"message"`
	Hint    *comity.Message `json:"hint,omitempty"`
	Text    string          `json:"text"`
}

// errFound ends a lookup with --exit-code that found something.
var errFound = errors.New("found")

// foundExit is its exit code (interface.md, section 4).
const foundExit = 8

// fail prints an error and returns the exit code.
func (a *app) fail(cmd *cobra.Command, err error) int {
	if errors.Is(err, errFound) {
		return foundExit
	}
	kind, msg := comity.ErrorKind(err), comity.ErrorMessage(err)
	p := problem{Kind: kind.String(), Op: verb(cmd), Message: msg, Text: a.p.T(msg)}
	var e *comity.Error
	if errors.As(err, &e) {
		p.Subject = e.Subject
		if e.Op != "" && (p.Op == "" || e.Op == "open") { // else the words that were typed say it
			p.Op = e.Op
		}
		if !e.Hint.IsZero() {
			p.Hint = &e.Hint
		}
	}
	if a.json {
		_ = json.NewEncoder(a.err).Encode(p)
		return kind.ExitCode()
	}
	parts := []string{"comity"}
	if p.Op != "" {
		parts = append(parts, strings.TrimSpace(p.Op+" "+p.Subject))
	}
	line := strings.Join(append(parts, p.Text), ": ")
	if kind == comity.Internal && e != nil && e.Err != nil {
		line += ": " + e.Err.Error()
	}
	_, _ = fmt.Fprintln(a.err, clean(line))
	if p.Hint != nil {
		_, _ = fmt.Fprintln(a.err, clean("hint: "+a.p.T(*p.Hint)))
	}
	return kind.ExitCode()
}

// clean makes text of others safe for a terminal: control characters and
// marks that change the direction of a line are shown, not obeyed. Isolates
// that package i18n sets around arguments are kept.
func clean(s string) string {
	ok := func(r rune) bool {
		switch r {
		case '\n', '\t', '\u2066', '\u2067', '\u2068', '\u2069':
			return true
		}
		return !unicode.IsControl(r) && !(r >= '\u202a' && r <= '\u202e') && r != unicode.ReplacementChar
	}
	if strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if ok(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

// oneLine is clean for a table cell, cut to a width.
func oneLine(s string, width int) string {
	s = clean(strings.Join(strings.Fields(s), " "))
	if width <= 0 || uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	w := 0
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		if w+g.Width() > width-1 {
			break
		}
		w += g.Width()
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

// maxCell bounds a table cell, in columns of the terminal.
const maxCell = 64

// table prints rows under translated heads, columns aligned also where
// characters are two columns wide. Numbers are right-aligned by the caller's
// "<" mark: a head that begins with it.
func (a *app) table(heads []string, rows [][]string) {
	right := make([]bool, len(heads))
	width := make([]int, len(heads))
	all := make([][]string, 0, len(rows)+1)
	top := make([]string, len(heads))
	for i, h := range heads {
		if k, ok := strings.CutPrefix(h, "<"); ok {
			right[i], h = true, k
		}
		top[i] = strings.ToUpper(a.t(h))
	}
	all = append(all, top)
	for _, r := range rows {
		cells := make([]string, len(heads))
		for i := range heads {
			cells[i] = oneLine(r[i], maxCell)
		}
		all = append(all, cells)
	}
	for _, r := range all {
		for i, c := range r {
			width[i] = max(width[i], uniseg.StringWidth(c))
		}
	}
	for _, r := range all {
		writeRow(a.out, r, width, right)
	}
}

func writeRow(w io.Writer, cells []string, width []int, right []bool) {
	var b strings.Builder
	for i, c := range cells {
		gap := strings.Repeat(" ", width[i]-uniseg.StringWidth(c))
		switch {
		case right[i]:
			b.WriteString(gap + c)
		default:
			b.WriteString(c + gap)
		}
		if i < len(cells)-1 {
			b.WriteString("  ")
		}
	}
	_, _ = fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// fields prints names and values in two columns, leaving out empty values.
func (a *app) fields(kv ...string) {
	width := 0
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] != "" {
			width = max(width, uniseg.StringWidth(a.t(kv[i])))
		}
	}
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == "" {
			continue
		}
		name := a.t(kv[i])
		_, _ = fmt.Fprintf(a.out, "%s%s  %s\n", name, strings.Repeat(" ", width-uniseg.StringWidth(name)), clean(kv[i+1]))
	}
}
