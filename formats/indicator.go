package formats

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// Indicator is what a table, a list or a text says of one value, before it
// becomes a STIX indicator, or a vulnerability where the value is a CVE id.
type Indicator struct {
	Value       comity.Value
	Name        string // "" takes the value
	Description string
	Confidence  int // 0–100, or -1 for none
	Labels      []string
	Country     string // ISO 3166-1 alpha-2; becomes the label "country:XX"
	Source      string // who says so; becomes an external reference
	TLP         comity.TLP
	Creator     comity.ObjectID

	// Created and Modified must be set; ValidFrom zero takes Created; ValidUntil
	// zero means no end.
	Created, Modified, ValidFrom, ValidUntil time.Time
}

// ID returns the id of the indicator: a UUIDv5 of creator and value, the same
// that stix.Indicator and stix.Vulnerability give, so the same value from the same creator is the
// same object whichever way it came.
func (in *Indicator) ID() comity.ObjectID {
	if in.Value.Kind == comity.ValueCVE {
		return stix.VulnerabilityID(in.Creator, in.Value.Text)
	}
	return stix.IndicatorID(in.Creator, in.Value)
}

// Encode returns the STIX 2.1 object.
//
// INVARIANT: the bytes are a function of the fields alone, and those of
// stix.Indicator or stix.Vulnerability where no more is said than they take
// (TestIndicatorStable, TestVulnerability).
//
// The error is of kind Invalid when the kind of value has no pattern, or when
// ValidUntil is not after ValidFrom.
func (in *Indicator) Encode() ([]byte, error) {
	if in.Value.Kind == comity.ValueCVE {
		return in.vulnerability(), nil
	}
	pattern := stix.Pattern(in.Value)
	if pattern == "" {
		return nil, comity.E(comity.Invalid, "encode", in.Value.Text,
			comity.Msg("formats.no_pattern", comity.A("value", in.Value.Text), comity.A("kind", in.Value.Kind)), nil)
	}
	from := in.ValidFrom
	if from.IsZero() {
		from = in.Created
	}
	if !in.ValidUntil.IsZero() && !in.ValidUntil.After(from) {
		return nil, comity.E(comity.Invalid, "encode", in.Value.Text,
			comity.Msg("formats.until_before_from", comity.A("until", stix.FormatTime(in.ValidUntil)), comity.A("from", stix.FormatTime(from))), nil)
	}
	o := in.begin("indicator")
	o.list("indicator_types", []string{"malicious-activity"})
	o.text("pattern", pattern)
	o.text("pattern_type", "stix")
	o.text("valid_from", stix.FormatTime(from))
	if !in.ValidUntil.IsZero() {
		o.text("valid_until", stix.FormatTime(in.ValidUntil))
	}
	o.list("labels", in.allLabels())
	if in.Confidence >= 0 {
		o.number("confidence", in.Confidence)
	}
	if in.Source != "" {
		o.raw("external_references", append(append([]byte{'['}, reference(in.Source)...), ']'))
	}
	if m := stix.TLPMarking(in.TLP); m != "" {
		o.list("object_marking_refs", []string{string(m)})
	}
	return append(o.b, '}'), nil
}

// vulnerability encodes a CVE id.
func (in *Indicator) vulnerability() []byte {
	o := in.begin("vulnerability")
	refs := []byte(`[{"source_name":"cve","external_id":`)
	refs = append(append(refs, quoted(in.Value.Text)...), '}')
	if in.Source != "" {
		refs = append(append(refs, ','), reference(in.Source)...)
	}
	o.raw("external_references", append(refs, ']'))
	o.list("labels", in.allLabels())
	if in.Confidence >= 0 {
		o.number("confidence", in.Confidence)
	}
	if m := stix.TLPMarking(in.TLP); m != "" {
		o.list("object_marking_refs", []string{string(m)})
	}
	return append(o.b, '}')
}

// begin writes what both types have first.
func (in *Indicator) begin(typ string) objectWriter {
	o := objectWriter{b: append(make([]byte, 0, 512), `{"type":"`+typ+`","spec_version":"2.1"`...)}
	o.text("id", string(in.ID()))
	o.text("created_by_ref", string(in.Creator))
	o.text("created", stix.FormatTime(in.Created))
	o.text("modified", stix.FormatTime(in.Modified))
	name := in.Name
	if name == "" {
		name = in.Value.Text
	}
	o.text("name", name)
	o.text("description", in.Description)
	return o
}

// reference names a source. STIX wants more than a name: the URL if it is one,
// else the name again as description.
func reference(source string) []byte {
	detail := `,"description":`
	if strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://") {
		detail = `,"url":`
	}
	b := append([]byte(`{"source_name":`), quoted(source)...)
	b = append(append(b, detail...), quoted(source)...)
	return append(b, '}')
}

// allLabels returns the labels and the country, each once, in order.
func (in *Indicator) allLabels() []string {
	out := make([]string, 0, len(in.Labels)+1)
	add := func(s string) {
		for _, have := range out {
			if have == s {
				return
			}
		}
		out = append(out, s)
	}
	for _, l := range in.Labels {
		if l != "" {
			add(l)
		}
	}
	if in.Country != "" {
		add("country:" + in.Country)
	}
	return out
}

// objectWriter appends properties to a JSON object that has at least one.
type objectWriter struct{ b []byte }

func (o *objectWriter) text(name, v string) {
	if v != "" {
		o.raw(name, quoted(v))
	}
}

func (o *objectWriter) number(name string, v int) {
	o.raw(name, strconv.AppendInt(nil, int64(v), 10))
}

func (o *objectWriter) list(name string, vs []string) {
	if len(vs) == 0 {
		return
	}
	b := []byte{'['}
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quoted(v)...)
	}
	o.raw(name, append(b, ']'))
}

func (o *objectWriter) raw(name string, v []byte) {
	o.b = append(o.b, ',', '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
	o.b = append(o.b, v...)
}

// quoted returns s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func quoted(s string) []byte {
	b, _ := jsontext.AppendQuote(nil, s) // the error only reports the replacement
	return b
}
