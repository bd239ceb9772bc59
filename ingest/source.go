package ingest

import (
	"context"
	"fmt"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/formats"
	"github.com/comity-net/comity/stix"
)

// newSource finds out what the input is and returns its source.
func newSource(p *pipeline) (source, error) {
	format := p.opt.Format
	head, _ := p.in.r.Peek(peekBytes) // an error comes again when it is read
	if format == "" || format == FormatAuto {
		var err error
		if format, err = Detect(p.opt.Name, head); err != nil {
			return nil, err
		}
		if format != FormatSTIX && !p.opt.Columns.IsZero() {
			format = FormatCSV
		}
	}
	p.in.format = format
	m := &maker{opt: &p.opt, name: p.opt.Name}
	switch format {
	case FormatSTIX:
		lim := stix.Limits{MaxObject: p.opt.Limits.Object}
		return &stixSource{opt: &p.opt, r: stix.NewReader(p.in.r, lim)}, nil
	case FormatList:
		return &listSource{maker: m, lines: formats.NewLines(p.in.r, p.opt.Limits.Line), max: p.opt.Limits.Line,
			domains: isDomainList(head)}, nil
	case FormatCSV:
		t, err := formats.NewCSV(p.in.r, formats.CSVOptions{Columns: p.opt.Columns, MaxRow: p.opt.Limits.Line})
		if err != nil {
			return nil, p.in.explain(err)
		}
		return &csvSource{maker: m, t: t}, nil
	case FormatText:
		return newTextSource(m, p.in.r), nil
	}
	return nil, comity.E(comity.Usage, "import", p.opt.Name,
		comity.Msg("ingest.unknown_format", comity.A("format", format)), nil)
}

// stixSource reads STIX objects.
type stixSource struct {
	opt *Options
	r   *stix.Reader
}

func (s *stixSource) next() (unit, error) {
	it, err := s.r.Next()
	if err != nil {
		return unit{}, err
	}
	u := unit{raw: it.Raw, where: it.Where(), line: it.Line}
	if it.Report.Outcome == comity.Refused {
		u.faults = it.Report.Findings
	}
	return u, nil
}

func (s *stixSource) judge(ctx context.Context, us []unit, out *results) error {
	out.objects = make([]comity.Object, 0, len(us))
	out.findings = make([][]comity.Finding, 0, len(us))
	for i := range us {
		if err := ctx.Err(); err != nil {
			return err
		}
		u := &us[i]
		if u.faults != nil {
			out.refuse(u, "", u.faults)
			continue
		}
		out.parse(u, u.raw, stixOptions(s.opt))
	}
	return nil
}

func stixOptions(o *Options) stix.Options {
	return stix.Options{Mode: o.Mode, MaxDepth: o.Limits.Depth, MaxBytes: o.Limits.Object, Own: true, Markings: o.Markings}
}

// parse judges the object raw, which u is or was made into.
func (out *results) parse(u *unit, raw []byte, opt stix.Options) {
	obj, rep := stix.Parse(raw, opt)
	if rep.Outcome == comity.Refused {
		out.refuse(u, obj.ID, rep.Findings)
		return
	}
	if rep.Outcome == comity.Warned {
		out.warned++
	}
	out.objects = append(out.objects, obj)
	out.findings = append(out.findings, rep.Findings)
}

// keptRaw is how much of a refused item is kept.
const keptRaw = 64 << 10

func (out *results) refuse(u *unit, id comity.ObjectID, fs []comity.Finding) {
	r := comity.Refusal{At: u.at(), ID: id, Raw: u.raw, Findings: fs}
	if len(r.Raw) > keptRaw {
		r.Raw, r.Cut = append([]byte(nil), r.Raw[:keptRaw]...), true
	}
	out.refusals = append(out.refusals, r)
}

// at says where the unit stands in the input.
func (u *unit) at() string {
	if u.where != "" {
		return u.where
	}
	return fmt.Sprintf("line %d", u.line)
}
