package ingest

import (
	"bytes"
	"path"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/formats"
)

// Detect says what a content is by its beginning (UTF-8, unpacked, up to 64
// KiB) and its name: one of the formats. The error is of kind Invalid for what
// is recognised but cannot be read: a MISP event, JSON that is not STIX.
func Detect(name string, head []byte) (string, error) {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	switch trimmed := bytes.TrimLeft(head, " \t\r\n\x1e"); {
	case len(trimmed) == 0:
		return FormatText, nil
	case trimmed[0] == '{':
		return detectObject(name, trimmed)
	case trimmed[0] == '[' && looksLikeArray(trimmed):
		return detectArray(name, trimmed)
	case isPage(trimmed):
		return "", comity.E(comity.Invalid, "import", name, comity.Msg("ingest.html"), nil)
	}
	switch ext := extension(name); {
	case ext == "csv" || ext == "tsv":
		return FormatCSV, nil
	case isTable(head):
		return FormatCSV, nil
	case isList(head):
		return FormatList, nil
	}
	return FormatText, nil
}

// extension returns the last extension in lower case, behind those of packing.
func extension(name string) string {
	name = strings.ToLower(path.Base(name))
	name, _, _ = strings.Cut(name, "?")
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	return strings.TrimPrefix(path.Ext(name), ".")
}

// looksLikeArray tells a JSON array from a line such as "[2001:db8::1]:443".
func looksLikeArray(b []byte) bool {
	rest := bytes.TrimLeft(b[1:], " \t\r\n")
	return len(rest) == 0 || bytes.IndexByte([]byte(`{]["`), rest[0]) >= 0
}

// isPage tells a web page: most of the addresses in one are those of its
// furniture, so indicators are not taken from it unasked.
func isPage(b []byte) bool {
	start := bytes.ToLower(b[:min(len(b), 15)])
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

func detectArray(name string, b []byte) (string, error) {
	rest := bytes.TrimLeft(b[1:], " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' {
		return FormatSTIX, nil // the reader will name the fault
	}
	return detectObject(name, rest)
}

// detectObject reads the names of the first object's properties as far as the
// beginning goes.
func detectObject(name string, b []byte) (string, error) {
	seen := map[string]bool{}
	whole := topLevelNames(b, seen)
	switch {
	case seen["type"] || seen["objects"] || seen["spec_version"]:
		return FormatSTIX, nil
	case seen["Event"], seen["response"] && bytes.Contains(b, []byte(`"Event"`)), seen["Attribute"]:
		return "", comity.E(comity.Invalid, "import", name, comity.Msg("ingest.misp_later"), nil)
	case whole:
		return "", comity.E(comity.Invalid, "import", name, comity.Msg("ingest.not_stix"), nil)
	}
	return FormatSTIX, nil // not decided; the reader will name the fault
}

// topLevelNames collects the property names of the JSON object that b begins
// with, and reports whether it was read to its end or as far as b goes with no
// fault in it.
func topLevelNames(b []byte, seen map[string]bool) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	for len(seen) < 1000 {
		t, err := d.ReadToken()
		if err != nil {
			return false
		}
		if t.Kind() == '}' {
			return true
		}
		seen[t.String()] = true
		if err := d.SkipValue(); err != nil {
			return false
		}
	}
	return true
}

// isTable reports whether the first line that is no comment is a header of
// several columns, or the first rows are equally wide with one indicator each.
func isTable(head []byte) bool {
	c, err := formats.NewCSV(bytes.NewReader(head), formats.CSVOptions{})
	if err != nil || c.Width() < 2 || c.Columns().Value == 0 {
		return false
	}
	if c.HasHeader() {
		return true
	}
	for range 3 {
		r, err := c.Next()
		if err != nil {
			break
		}
		cells, values := c.Cells(r), 0
		for _, cell := range cells {
			if v, ok := guess(cell); ok && v.Kind != comity.ValuePath && v.Kind != comity.ValueASN {
				values++
			}
		}
		if len(cells) != c.Width() || values != 1 {
			return false
		}
	}
	return true
}

// isList reports whether most of the lines are one indicator each.
func isList(head []byte) bool {
	lines := formats.NewLines(bytes.NewReader(head), 0)
	all, good := 0, 0
	for all < 200 {
		l, err := lines.Next()
		if err != nil {
			break
		}
		text := listText(l.Text)
		if text == "" {
			continue
		}
		all++
		if _, ok := listValue(text); ok {
			good++
		}
	}
	return good > 0 && good*10 >= all*6
}
