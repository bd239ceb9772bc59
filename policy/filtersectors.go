package policy

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
)

// sectors gives the object's sectors: the property of that name, and what its
// labels say after "sector:".
func sectors(o *comity.Object) []string {
	var out []string
	for _, l := range o.Labels {
		if len(l) > 7 && strings.EqualFold(l[:7], "sector:") {
			out = append(out, l[7:])
		}
	}
	if !bytes.Contains(o.Raw, []byte(`"sectors"`)) {
		return out
	}
	return append(out, rawSectors(o.Raw)...)
}

// rawSectors reads the strings of the top-level array "sectors". JSON that
// cannot be read has none.
func rawSectors(raw []byte) []string {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil
		}
		if name.String() != "sectors" {
			if d.SkipValue() != nil {
				return nil
			}
			continue
		}
		var out []string
		if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
			return nil
		}
		for d.PeekKind() == '"' {
			t, err := d.ReadToken()
			if err != nil {
				return nil
			}
			out = append(out, t.String())
		}
		return out
	}
	return nil
}
