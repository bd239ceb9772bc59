package web

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// field is one property of an object for reading: a text, or a list or an
// object of further fields. The order is that of the bytes.
type field struct {
	Name  string
	Kind  string // "text", "long", "ref", "time", "number", "word", "list", "object"
	Text  string
	Items []field

	// Of a reference, set by refs.settle: the label that it stands for, and
	// whether the object is held here.
	Label comity.TLP
	Held  bool
}

const (
	maxFieldDepth = 16
	maxFields     = 2000
	longText      = 120 // characters from which a text stands in a block
)

var refShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,250}--[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// readFields reads JSON into fields; what is no JSON gives none. Beyond a
// bound of depth or number it stops: the page also has the text itself.
func readFields(raw []byte) []field {
	d := &fieldReader{dec: json.NewDecoder(bytes.NewReader(raw)), left: maxFields}
	d.dec.UseNumber()
	f, ok := d.value("", 0)
	if !ok && len(f.Items) == 0 {
		return nil
	}
	return f.Items
}

type fieldReader struct {
	dec  *json.Decoder
	left int
}

// value reads one value. ok is false when reading must stop.
func (d *fieldReader) value(name string, depth int) (f field, ok bool) {
	d.left--
	tok, err := d.dec.Token()
	if err != nil || d.left < 0 || depth > maxFieldDepth {
		return field{Name: name}, false
	}
	f = field{Name: name, Kind: "word"}
	switch t := tok.(type) {
	case json.Delim:
		return d.inside(f, t, depth)
	case string:
		f.Text, f.Kind = t, textKind(t)
	case json.Number:
		f.Text, f.Kind = t.String(), "number"
	case bool:
		f.Text = map[bool]string{true: "true", false: "false"}[t]
	default:
		f.Text = "null"
	}
	return f, true
}

func (d *fieldReader) inside(f field, open json.Delim, depth int) (field, bool) {
	f.Kind = "list"
	if open == '{' {
		f.Kind = "object"
	}
	for d.dec.More() {
		name := ""
		if open == '{' {
			tok, err := d.dec.Token()
			if err != nil {
				return f, false
			}
			name, _ = tok.(string)
		}
		item, ok := d.value(name, depth+1)
		if item.Kind != "" {
			f.Items = append(f.Items, item)
		}
		if !ok {
			return f, false
		}
	}
	_, err := d.dec.Token()
	return f, err == nil
}

func textKind(s string) string {
	if refShape.MatchString(s) {
		return "ref"
	}
	if len(s) <= 35 && strings.HasSuffix(s, "Z") {
		if _, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return "time"
		}
	}
	if len(s) > longText || strings.Contains(s, "\n") {
		return "long"
	}
	return "text"
}
