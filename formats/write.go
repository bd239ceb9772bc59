package formats

import (
	"bufio"
	"encoding/csv"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// WriteSTIX writes a STIX 2.1 bundle of these objects, one at a time, each byte
// for byte as given. bundle is the id of the bundle ("bundle--" and a UUID). An
// error of raws stops it and is returned; the bundle is then left open, so that
// nobody takes the part for the whole.
func WriteSTIX(w io.Writer, bundle comity.ObjectID, raws iter.Seq2[[]byte, error]) error {
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString(`{"type":"bundle","id":`)
	out.Write(quoted(string(bundle)))
	n := 0
	for raw, err := range raws {
		if err != nil {
			out.Flush()
			return err
		}
		if n == 0 {
			out.WriteString(`,"objects":[` + "\n") // STIX has no empty list
		} else {
			out.WriteString(",\n")
		}
		n++
		if _, err := out.Write(raw); err != nil {
			return writeError(string(bundle), err)
		}
	}
	if n > 0 {
		out.WriteString("\n]")
	}
	out.WriteString("}\n")
	if err := out.Flush(); err != nil {
		return writeError(string(bundle), err)
	}
	return nil
}

// csvHeader names the columns of WriteCSV. NewCSV reads them back.
var csvHeader = [...]string{"value", "type", "tlp", "confidence", "valid_from", "valid_until", "labels", "description", "id", "modified", "created_by"}

// WriteCSV writes a table of values: a header line, then one row for each value
// of each object. tlp is the label to print for an object, the one in force at
// the node. Cells that a spreadsheet would take for a formula are prefixed with
// an apostrophe.
func WriteCSV(w io.Writer, objs iter.Seq2[comity.Object, error], tlp func(*comity.Object) comity.TLP) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader[:]); err != nil {
		return writeError("csv", err)
	}
	for o, err := range objs {
		if err != nil {
			out.Flush()
			return err
		}
		for _, v := range o.Values {
			if err := out.Write(csvRow(&o, v, tlp(&o))); err != nil {
				return writeError("csv", err)
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return writeError("csv", err)
	}
	return nil
}

func csvRow(o *comity.Object, v comity.Value, tlp comity.TLP) []string {
	row := []string{v.Text, v.Kind.String(), tlp.Label(), "", "", "", strings.Join(o.Labels, ";"), o.Name,
		string(o.ID), "", string(o.Creator)}
	if o.Confidence >= 0 {
		row[3] = strconv.Itoa(o.Confidence)
	}
	if !o.ValidFrom.IsZero() {
		row[4] = stix.FormatTime(o.ValidFrom)
	}
	if !o.ValidUntil.IsZero() {
		row[5] = stix.FormatTime(o.ValidUntil)
	}
	if !o.Modified.IsZero() {
		row[9] = stix.FormatTime(o.Modified)
	}
	for i := range row {
		row[i] = harmless(row[i])
	}
	return row
}

// harmless keeps a spreadsheet from running a cell as a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func writeError(subject string, cause error) error {
	return comity.E(comity.Unavailable, "export", subject, comity.Msg("formats.write", comity.A("cause", cause)), cause)
}
