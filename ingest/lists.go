package ingest

import (
	"bytes"
	"context"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
	"github.com/comity-net/comity/formats"
)

// listSource reads one indicator a line.
type listSource struct {
	*maker
	lines   *formats.Lines
	max     int
	domains bool // it begins as a list of domains: "1drive.zip" is one too, no file name
}

func (s *listSource) next() (unit, error) {
	for {
		l, err := s.lines.Next()
		if err != nil {
			return unit{}, err
		}
		u := unit{raw: bytes.Clone(l.Text), line: l.N}
		switch {
		case l.Partial:
			u.faults = refused("line", "", comity.Msg("formats.broken_line", comity.A("line", l.N)))
		case l.Long:
			u.faults = refused("line", "", comity.Msg("formats.long_line", comity.A("line", l.N), comity.A("max", s.max)))
		case listText(l.Text) == "":
			continue
		}
		return u, nil
	}
}

func (s *listSource) judge(ctx context.Context, us []unit, out *results) error {
	all := make([]made, 0, len(us))
	for i := range us {
		u := &us[i]
		if u.faults != nil {
			out.refuse(u, "", u.faults)
			continue
		}
		v, ok := listValue(listText(u.raw))
		if ok && s.domains && v.Kind == comity.ValuePath {
			if d, isDomain := extract.Normalize(comity.ValueDomain, v.Text); isDomain {
				v = d
			}
		}
		if !ok {
			out.refuse(u, "", refused("value", "value", comity.Msg("ingest.not_an_indicator", comity.A("value", clip(string(u.raw))))))
			continue
		}
		all = append(all, made{u: u, e: formats.Entry{Indicator: formats.Indicator{Value: v, Confidence: -1}}})
	}
	return s.finish(ctx, all, out)
}

// isDomainList reports whether nearly all of the first lines are domains.
func isDomainList(head []byte) bool {
	lines := formats.NewLines(bytes.NewReader(head), 0)
	all, domains := 0, 0
	for all < 1000 {
		l, err := lines.Next()
		if err != nil {
			break
		}
		if text := listText(l.Text); text != "" {
			all++
			if v, ok := listValue(text); ok && v.Kind == comity.ValueDomain {
				domains++
			}
		}
	}
	return all >= 20 && domains*10 >= all*9
}

// listText returns the line without comment and blanks; "" when nothing is left.
// A # begins a comment at the start or behind a blank: URLs may hold one.
func listText(line []byte) string {
	t := bytes.TrimSpace(line)
	if bytes.HasPrefix(t, []byte("#")) || bytes.HasPrefix(t, []byte(";")) || bytes.HasPrefix(t, []byte("//")) {
		return ""
	}
	for _, c := range []string{" #", "\t#", " ;", "\t;"} {
		if i := bytes.Index(t, []byte(c)); i >= 0 {
			t = t[:i]
		}
	}
	return string(bytes.TrimSpace(t))
}

// listValue reads the indicator of a line: the whole line, or its first word
// (lists with counts behind), or the second of a hosts file. A line that holds
// several indicators is none: taking one would drop the others.
func listValue(text string) (comity.Value, bool) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' || r == '|' })
	if len(words) < 2 {
		return guess(text)
	}
	if len(words) == 2 && (words[0] == "0.0.0.0" || words[0] == "127.0.0.1" || words[0] == "::1") {
		return guess(words[1])
	}
	if v, ok := guess(text); ok && (v.Kind != comity.ValuePath || strings.Contains(text, `\`)) {
		return v, true
	}
	if len(words) > 4 {
		return comity.Value{}, false
	}
	for _, w := range words[1:] {
		if v, ok := guess(w); ok && v.Kind != comity.ValueASN {
			return comity.Value{}, false
		}
	}
	v, ok := guess(words[0])
	return v, ok && v.Kind != comity.ValuePath
}

// guess reads a value by its form. A mere word is none; a word that could be a
// domain under an unknown or private suffix (.bit, .onion, .lan) is one here,
// because somebody put it into a list of indicators.
func guess(s string) (comity.Value, bool) {
	v, ok := extract.Guess(s)
	switch {
	case !ok || v.Kind == comity.ValueOther:
		return comity.Value{}, false
	case v.Kind == comity.ValueName:
		last := s[strings.LastIndexByte(s, '.')+1:]
		if len(last) == len(s) || len(last) < 2 || strings.ContainsFunc(last, func(r rune) bool { return r < 'A' }) {
			return comity.Value{}, false
		}
		return extract.Normalize(comity.ValueDomain, s)
	}
	return v, true
}

// clip cuts a text for a message.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// csvSource reads a table.
type csvSource struct {
	*maker
	t *formats.CSV
}

func (s *csvSource) next() (unit, error) {
	r, err := s.t.Next()
	if err != nil {
		return unit{}, err
	}
	u := unit{raw: r.Raw, line: r.Line}
	if !r.Fault.IsZero() {
		u.faults = refused("row", "", r.Fault)
	}
	return u, nil
}

func (s *csvSource) judge(ctx context.Context, us []unit, out *results) error {
	all := make([]made, 0, len(us))
	for i := range us {
		u := &us[i]
		if u.faults != nil {
			out.refuse(u, "", u.faults)
			continue
		}
		e, fs := s.t.Entry(formats.Row{Line: u.line, Raw: u.raw})
		if len(fs) > 0 {
			out.refuse(u, "", fs)
			continue
		}
		all = append(all, made{u: u, e: e})
	}
	return s.finish(ctx, all, out)
}
