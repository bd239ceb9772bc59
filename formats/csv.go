package formats

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/extract"
)

// maxCells bounds the columns of a table.
const maxCells = 1000

// CSVOptions say how a table is read. The zero value finds everything out.
type CSVOptions struct {
	Columns Columns // zero: by the header line
	Comma   byte    // ',', ';', tab or '|'; 0: by the first line
	MaxRow  int     // bytes of one row, quoted line ends included; 0 for 1 MiB
}

// CSV reads a table of indicators row by row, at constant memory. Comment lines
// that start with # and blank lines are passed over.
type CSV struct {
	lines *Lines
	max   int
	comma byte
	cols  Columns
	width int
	head  bool
	held  []Row  // rows read ahead: the first, when it was no header
	ahead []Line // lines read ahead while looking for the end of a quoted cell
}

// Row is one record of a table.
type Row struct {
	Line  int64  // where it begins, from 1
	Raw   []byte // as it came, without its end
	Fault comity.Message
}

// NewCSV reads as far as the first row. Where columns are not given, that row is
// the header; if it names no value but holds one, the table has no header and
// that column is taken. The error is of kind Invalid when there is no column of
// values.
func NewCSV(r io.Reader, opt CSVOptions) (*CSV, error) {
	c := &CSV{max: opt.MaxRow, comma: opt.Comma, cols: opt.Columns}
	if c.max <= 0 {
		c.max = 1 << 20
	}
	c.lines = NewLines(r, c.max)
	first, err := c.first()
	if err != nil {
		if err == io.EOF {
			return c, nil // an empty table
		}
		return nil, err
	}
	if c.comma == 0 {
		c.comma = detectComma(first.Raw)
	}
	cells := c.Cells(first)
	c.width = len(cells)
	head, isHeader := MatchHeader(cells)
	c.head = isHeader
	switch {
	case !c.cols.IsZero():
		if !isHeader {
			c.held = append(c.held, first)
		}
	case isHeader:
		c.cols = head
	default:
		c.held = append(c.held, first)
		if c.cols.Value = valueColumn(cells); c.cols.Value == 0 {
			return nil, comity.E(comity.Invalid, "import", "csv",
				comity.Msg("formats.no_value_column", comity.A("header", clip(string(first.Raw), 200)), comity.A("line", first.Line)), nil)
		}
	}
	return c, nil
}

// Columns returns the columns in use.
func (c *CSV) Columns() Columns { return c.cols }

// Width returns how many cells the first row has; 0 for an empty table.
func (c *CSV) Width() int { return c.width }

// HasHeader reports whether the first row was a header.
func (c *CSV) HasHeader() bool { return c.head }

// headComments bounds the comment lines in which a header is looked for.
const headComments = 100

// first returns the first row, or a header that stands in a comment.
func (c *CSV) first() (Row, error) {
	for comments := 0; ; {
		l, err := c.lines.Next()
		if err != nil {
			return Row{}, err
		}
		if len(bytes.TrimSpace(l.Text)) == 0 {
			continue
		}
		if l.Text[0] != '#' {
			return c.row(l), nil
		}
		if comments++; comments <= headComments && namesColumns(l.Text) { // abuse.ch does so
			return c.row(l), nil
		}
	}
}

// namesColumns reports whether a comment is a header of several columns.
func namesColumns(line []byte) bool {
	cells := splitCells(line, detectComma(line))
	if len(cells) < 2 {
		return false
	}
	_, ok := MatchHeader(cells)
	return ok
}

// Next returns the next row; io.EOF after the last. A row that cannot be read
// has a Fault, and reading goes on behind it.
func (c *CSV) Next() (Row, error) {
	if len(c.held) > 0 {
		r := c.held[0]
		c.held = c.held[1:]
		return r, nil
	}
	for {
		l, err := c.line()
		if err != nil {
			return Row{}, err
		}
		if t := bytes.TrimSpace(l.Text); len(t) == 0 || t[0] == '#' {
			continue
		}
		return c.row(l), nil
	}
}

func (c *CSV) line() (Line, error) {
	if len(c.ahead) > 0 {
		l := c.ahead[0]
		c.ahead = c.ahead[1:]
		return l, nil
	}
	return c.lines.Next()
}

// peek returns the i-th line that is still to come.
func (c *CSV) peek(i int) (Line, error) {
	for len(c.ahead) <= i {
		l, err := c.lines.Next()
		if err != nil {
			return Line{}, err
		}
		l.Text = bytes.Clone(l.Text)
		c.ahead = append(c.ahead, l)
	}
	return c.ahead[i], nil
}

// maxRowLines bounds how many lines one quoted cell may span.
const maxRowLines = 50

// row completes the record that begins with l: a quoted cell may hold line ends.
//
// INVARIANT: a quote that never closes costs one row, not the rest of the table
// (TestCSVOpenQuote).
func (c *CSV) row(l Line) Row {
	out := Row{Line: l.N, Raw: bytes.Clone(l.Text)}
	if m := lineFault(l, c.max); !m.IsZero() {
		out.Fault = m
		return out
	}
	comma := c.comma
	if comma == 0 {
		comma = detectComma(l.Text)
	}
	if !openQuote(out.Raw, comma, false) {
		return out
	}
	whole := bytes.Clone(out.Raw)
	for i := range maxRowLines {
		next, err := c.peek(i)
		if err != nil || next.Long || next.Partial || len(whole)+len(next.Text) > c.max {
			break
		}
		whole = append(append(whole, '\n'), next.Text...)
		if !openQuote(next.Text, comma, true) {
			c.ahead = c.ahead[i+1:]
			out.Raw = whole
			return out
		}
	}
	out.Fault = comity.Msg("formats.open_quote", comity.A("line", l.N))
	return out
}

// openQuote reports whether a line ends inside a quoted cell; open says that it
// begins inside one. A quote opens a cell only at its beginning and closes it
// only before a separator or the end, as encoding/csv reads them lazily.
func openQuote(b []byte, comma byte, open bool) bool {
	start := true // at the beginning of a cell
	for i := 0; i < len(b); i++ {
		switch ch := b[i]; {
		case open && ch == '"':
			if i+1 < len(b) && b[i+1] == '"' {
				i++
			} else if i+1 == len(b) || b[i+1] == comma {
				open = false
			}
		case open:
		case ch == comma:
			start = true
		case ch == '"' && start:
			open, start = true, false
		case ch != ' ':
			start = false
		}
	}
	return open
}

func lineFault(l Line, max int) comity.Message {
	switch {
	case l.Partial:
		return comity.Msg("formats.broken_line", comity.A("line", l.N))
	case l.Long:
		return comity.Msg("formats.long_line", comity.A("line", l.N), comity.A("max", max))
	}
	return comity.Message{}
}

// Cells returns the cells of a row, trimmed. It is safe for several goroutines.
func (c *CSV) Cells(r Row) []string { return splitCells(r.Raw, c.comma) }

func splitCells(raw []byte, comma byte) []string {
	if bytes.IndexByte(raw, '"') < 0 {
		cells := strings.SplitN(string(raw), string(comma), maxCells+1)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		return cells[:min(len(cells), maxCells)]
	}
	rd := csv.NewReader(bytes.NewReader(raw))
	rd.Comma, rd.LazyQuotes, rd.FieldsPerRecord, rd.TrimLeadingSpace = rune(comma), true, -1, true
	cells, err := rd.Read()
	if err != nil && !errors.Is(err, csv.ErrFieldCount) {
		return nil
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells[:min(len(cells), maxCells)]
}

// detectComma takes the separator that stands most often in the first line.
func detectComma(line []byte) byte {
	best, most := byte(','), 0
	for _, sep := range []byte{',', ';', '\t', '|'} {
		if n := bytes.Count(line, []byte{sep}); n > most {
			best, most = sep, n
		}
	}
	return best
}

// valueColumn returns the first cell (from 1) that is an indicator by its form.
func valueColumn(cells []string) int {
	for i, cell := range cells {
		if v, ok := extract.Guess(cell); ok && v.Kind != comity.ValueName && v.Kind != comity.ValueOther && v.Kind != comity.ValuePath && v.Kind != comity.ValueASN {
			return i + 1
		}
	}
	return 0
}

func clip(s string, n int) string {
	if len(s) <= n {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(s[:n], "\uFFFD") + "…"
}
