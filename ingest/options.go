package ingest

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/formats"
)

// The formats that Options.Format takes.
const (
	FormatAuto = "auto" // by content and name
	FormatSTIX = "stix" // bundle, object, array, JSON lines, TAXII envelope
	FormatList = "list" // one indicator a line, # begins a comment
	FormatCSV  = "csv"  // a table with a header or with Columns
	FormatText = "text" // any text; indicators are searched in it
)

// Options say what comes in and how it is judged. The zero value reads anything
// in standard mode within the default limits.
type Options struct {
	Name   string // file name or URL: for messages and detection
	Format string // one of the formats; "" is auto
	Mode   comity.Mode

	// For indicators made here, from lists, tables and text. Objects that come as
	// STIX are never changed.
	Handling comity.TLP      // label, where the row has none
	Creator  comity.ObjectID // created_by_ref
	Labels   []string        // added to the row's own
	Columns  formats.Columns // of a table; zero: by its header
	Now      time.Time       // created, modified and valid_from, where the row has none

	// Held makes importing an unchanged list again change nothing. It is asked
	// with up to a few hundred ids of indicators about to be made, from several
	// goroutines, and answers for those that the node holds. Such an indicator
	// is first made with the held times: if the bytes are the held bytes, they
	// are delivered as they are and the store finds them the same. Otherwise it
	// is a new version: created stays, modified becomes Now. One that was
	// withdrawn is refused. Without Held every import makes new versions.
	Held func(ctx context.Context, ids []comity.ObjectID) (map[comity.ObjectID]Held, error)

	// Markings resolves a marking definition that is not one of the fixed TLP
	// definitions to a label; may be nil. Called from several goroutines.
	Markings func(comity.ObjectID) (comity.TLP, bool)

	Limits   Limits
	Size     int64            // of the whole input, for Progress; 0 when unknown
	Progress func(Progress)   // at most ten times a second and once at the end; may be nil
	Clock    func() time.Time // for Progress; nil is time.Now
}

// Held is what the node holds under the id of an indicator.
type Held struct {
	Created, Modified time.Time
	Digest            comity.Hash // SHA-256 of its bytes
	Withdrawn         bool        // revoked or erased here
}

// Limits bound an import. Zero fields mean the default that is named.
type Limits struct {
	Input    int64 // bytes as they come; 8 GiB
	Unpacked int64 // bytes after decompression; 32 GiB
	Ratio    int64 // unpacked to packed, looked at from 32 MiB on; 200
	Object   int   // bytes of one object; 16 MiB
	Depth    int   // nesting of one object; 64
	Count    int64 // objects, rows or lines; 50,000,000
	Line     int   // bytes of one line of a list or row of a table; 64 KiB
	Refusals int64 // refused items kept; 10,000. The rest is only counted.
}

// withDefaults fills the zero fields.
func (l Limits) withDefaults() Limits {
	fill(&l.Input, 8<<30)
	fill(&l.Unpacked, 32<<30)
	fill(&l.Ratio, 200)
	fill(&l.Object, 16<<20)
	fill(&l.Depth, 64)
	fill(&l.Count, 50_000_000)
	fill(&l.Line, 64<<10)
	fill(&l.Refusals, 10_000)
	return l
}

func fill[T int | int64](p *T, def T) {
	if *p <= 0 {
		*p = def
	}
}

// Batch is a piece of the result, in the order of the input.
type Batch struct {
	Objects   []comity.Object
	Findings  [][]comity.Finding // beside Objects: warnings; nil for most
	Refusals  []comity.Refusal   // At, ID, Raw, Cut and Findings are set
	BytesRead int64              // of the input as it comes, up to here
}

// Sink takes the batches, one call at a time: at most 5,000 objects and (but for
// a single larger object) 8 MiB each. It may keep what it is given. Its error
// stops the import and is returned by Run.
type Sink func(ctx context.Context, b Batch) error

// Summary is what an import came to; it is right up to the point where an error
// stopped it.
type Summary struct {
	Format   string // what it was read as
	Accepted int64  // objects delivered to the Sink, warned ones included
	Warned   int64
	Refused  int64 // items refused, kept or not
	Unkept   int64 // of those, beyond Limits.Refusals: counted only
	Bytes    int64 // read, as they come
	Unpacked int64 // bytes after decompression

	// Remarks are warnings about the wrapping of the objects: a bundle's wrong
	// id, a stray comma. They refuse nothing.
	Remarks []comity.Finding
}

// Progress says how far an import is.
type Progress struct {
	Bytes    int64 // read, as they come
	Total    int64 // of the whole input; 0 when unknown
	Accepted int64
	Refused  int64
	Rate     float64       // objects a second since the start
	Left     time.Duration // estimate by bytes; 0 when unknown
	Done     bool          // the last call
}
