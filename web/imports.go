package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

const (
	importsPerPage  = 50
	refusalsPerPage = 50
	formMemory      = 8 << 20 // bytes of an upload kept in memory; the rest waits in a temporary file
	maxFiles        = 20
	runningAtMost   = 24 * time.Hour
	renewEvery      = 2 // seconds between two looks at a running import
)

// importLine is an import and, while it runs, how far it is.
type importLine struct {
	comity.Import
	Run *running
}

// running is how far an import is. What this process does not run itself, such
// as an import from the command line, tells only what it has stored so far.
type running struct {
	node.Progress
	Percent string // of the bytes, a whole number; "" when the size is unknown
	Speed   int64  // objects a second; 0 when unknown
}

// importLine asks how far an import is. One that has said "running" for a day
// was cut off with its process.
func (w *Web) importLine(im comity.Import, now time.Time) importLine {
	l := importLine{Import: im}
	if im.State != comity.ImportRunning || now.Sub(im.Started) > runningAtMost {
		return l
	}
	p, ok := w.node.ImportProgress(im.ID)
	if !ok {
		p = node.Progress{Bytes: im.Bytes, Done: im.Accepted, Refused: im.Refused}
	}
	l.Run = &running{Progress: p, Speed: int64(p.Rate + 0.5)}
	if p.TotalBytes > 0 {
		l.Run.Percent = itoa(min(100, p.Bytes*100/p.TotalBytes))
	}
	return l
}

func (w *Web) importLines(list []comity.Import, now time.Time) []importLine {
	out := make([]importLine, len(list))
	for i, im := range list {
		out[i] = w.importLine(im, now)
	}
	return out
}

// importsPage lists imports, newest first.
type importsPage struct {
	frame
	List []importLine
	Next comity.ImportID
}

func (importsPage) name() string { return "imports" }

func (w *Web) importList(r *request) (view, error) {
	list, err := w.node.Imports(r.Context(), comity.ImportID(r.URL.Query().Get("before")), importsPerPage)
	if err != nil {
		return nil, err
	}
	v := &importsPage{List: w.importLines(list, r.now)}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.imports")), "imports"
	if len(list) == importsPerPage {
		v.Next = list[len(list)-1].ID
	}
	return v, nil
}

// importFormPage takes files, an address or a paste.
type importFormPage struct {
	frame
	Collections           []store.Collection
	URL, Paste, TLP, Mode string
	Format, Collection    string
	Columns               string // "value=1,type=2", for a table without headings
	MaxUpload             int64
}

func (importFormPage) name() string { return "import_new" }

func (w *Web) importForm(r *request) (view, error) {
	cols, err := w.node.Collections(r.Context())
	if err != nil {
		return nil, err
	}
	v := &importFormPage{Collections: cols, MaxUpload: w.opts.MaxUpload}
	v.Title, v.Section = r.p.T(comity.Msg("web.import.new")), "imports"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.imports")), "/imports"}}
	v.Here = "/imports/new"
	if r.problem != nil && r.Form != nil {
		v.URL, v.TLP, v.Mode = r.Form.Get("url"), r.Form.Get("tlp"), r.Form.Get("mode")
		v.Format, v.Collection, v.Columns = r.Form.Get("format"), r.Form.Get("collection"), r.Form.Get("columns")
		if v.Paste = r.Form.Get("paste"); len(v.Paste) > shownAgain {
			v.Paste = "" // a long paste is not sent back
		}
	}
	return v, nil
}

func (w *Web) importRun(r *request) (view, error) {
	err := r.ParseMultipartForm(formMemory)
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, badForm(r, err)
	}
	if r.MultipartForm != nil {
		defer func() { _ = r.MultipartForm.RemoveAll() }()
	}
	ins, err := w.importRequests(r)
	if err == nil {
		var last comity.Import
		done := "imported"
		for _, in := range ins {
			if last, err = w.importOne(r, in); err != nil {
				break
			}
			if last.State != comity.ImportDone {
				done = "" // it goes on: the page shows how far it is
			}
		}
		if err == nil && len(ins) == 1 {
			return redirect{to: "/imports/" + escapePath(string(last.ID)), done: done}, nil
		}
		if err == nil {
			return redirect{to: "/imports", done: done}, nil
		}
	}
	r.problem = err
	return w.importForm(r)
}

// pending is one thing to bring in, and how to open it.
type pending struct {
	req  node.ImportRequest
	file *multipart.FileHeader
}

// importOne hands one input over to the node. INVARIANT: an input that is
// still being read is not closed here, and outlives the form's temporary files
// (TestUploadOutlivesRequest).
func (w *Web) importOne(r *request, in pending) (comity.Import, error) {
	if in.file != nil {
		f, err := in.file.Open()
		if err != nil {
			return comity.Import{}, comity.E(comity.Unavailable, "import", in.file.Filename, comity.Msg("web.import.no_file"), err)
		}
		in.req.Reader, in.req.Size = f, in.file.Size
		im, err := w.node.StartImport(r.Context(), r.actor(), in.req)
		if err != nil {
			_ = f.Close() // an import refused before it began leaves it open
		}
		return im, err
	}
	return w.node.StartImport(r.Context(), r.actor(), in.req)
}

// importRequests reads the form: its files, else the address, else the paste.
func (w *Web) importRequests(r *request) ([]pending, error) {
	base := node.ImportRequest{
		Format: r.FormValue("format"), TLP: r.FormValue("tlp"), Mode: r.FormValue("mode"),
		Collection: strings.TrimSpace(r.FormValue("collection")), Columns: strings.TrimSpace(r.FormValue("columns")),
	}
	var out []pending
	if r.MultipartForm != nil {
		for _, h := range r.MultipartForm.File["file"] {
			if h.Size == 0 && h.Filename == "" {
				continue
			}
			one := base
			one.Source, one.Name = "-", h.Filename
			out = append(out, pending{one, h})
		}
	}
	if len(out) > maxFiles {
		return nil, comity.E(comity.TooLarge, "import", "", comity.Msg("web.import.too_many_files", comity.A("n", maxFiles)), nil)
	}
	if url := strings.TrimSpace(r.FormValue("url")); url != "" {
		if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
			// INVARIANT: the page never opens a path of this machine.
			return nil, comity.E(comity.Usage, "import", url, comity.Msg("web.import.no_url", comity.A("url", url)), nil)
		}
		one := base
		one.Source = url
		out = append(out, pending{req: one})
	}
	if paste := r.FormValue("paste"); strings.TrimSpace(paste) != "" {
		one := base
		one.Source, one.Name, one.Reader = "-", "paste", io.NopCloser(strings.NewReader(paste))
		out = append(out, pending{req: one})
	}
	if len(out) == 0 {
		return nil, comity.E(comity.Usage, "import", "", comity.Msg("web.import.nothing"), nil)
	}
	return out, nil
}

// importPage shows one import: counts, provenance, refusals.
type importPage struct {
	frame
	Import   comity.Import
	Run      *running // nil when it has ended
	Refusals []comity.Refusal
	Next     int64 // refusals after this one; 0 when these are all
}

func (importPage) name() string { return "import" }

func (w *Web) importShow(r *request) (view, error) {
	im, err := w.node.ImportByID(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := &importPage{Import: im, Run: w.importLine(im, r.now).Run}
	if v.Run != nil {
		v.Renew = renewEvery
	}
	v.Title, v.Section = cut(im.Source, 80), "imports"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.imports")), "/imports"}}
	v.Refusals, err = w.node.Refusals(r.Context(), im.ID, parseInt(r.URL.Query().Get("after")), refusalsPerPage)
	if n := len(v.Refusals); err == nil && n == refusalsPerPage {
		v.Next = v.Refusals[n-1].N
	}
	return v, err
}

// refusedLine is one refused item in the download.
type refusedLine struct {
	N        int64            `json:"n"`
	At       string           `json:"at"`
	ID       comity.ObjectID  `json:"id,omitempty"`
	Findings []comity.Finding `json:"findings"`
	Raw      string           `json:"raw"`
	Cut      bool             `json:"cut,omitempty"`
}

// refusedFile streams the refused items as JSON lines.
type refusedFile struct {
	w  *Web
	id comity.ImportID
}

func (refusedFile) name() string { return "" }
func (refusedFile) base() *frame { return nil }

func (f refusedFile) write(r *request) error {
	attach(r.rw, "application/jsonl; charset=utf-8", "refused-"+string(f.id)+".jsonl")
	enc := json.NewEncoder(r.rw)
	enc.SetEscapeHTML(false)
	for after := int64(0); ; {
		page, err := f.w.node.Refusals(r.Context(), f.id, after, 500)
		if err != nil {
			return err
		}
		for _, x := range page {
			if err := enc.Encode(refusedLine{x.N, x.At, x.ID, x.Findings, strings.ToValidUTF8(string(x.Raw), "�"), x.Cut}); err != nil {
				return err
			}
		}
		if len(page) == 0 || page[len(page)-1].N <= after {
			return nil
		}
		after = page[len(page)-1].N
	}
}

func (w *Web) importRefused(r *request) (view, error) {
	im, err := w.node.ImportByID(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return refusedFile{w, im.ID}, nil
}
