package node

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/formats"
	"github.com/comity-net/comity/ingest"
	"github.com/comity-net/comity/store"
	"github.com/google/uuid"
)

// Import brings in a file, a URL or a stream as one unit that can be listed and
// undone. What was committed before an error stays; the import then says
// failed, and its record and refused items say why.
func (n *Node) Import(ctx context.Context, by Actor, req ImportRequest) (comity.Import, error) {
	w, err := n.beginImport(ctx, by, req)
	if err != nil {
		return comity.Import{}, err // nothing was begun
	}
	return w.run(ctx)
}

// beginImport opens the input and writes the import's record.
func (n *Node) beginImport(ctx context.Context, by Actor, req ImportRequest) (*importing, error) {
	im, opt, err := n.prepareImport(ctx, by, req)
	if err != nil {
		return nil, err
	}
	r, err := openInput(ctx, req, &im, &opt)
	if err != nil {
		n.audit(ctx, by, "import", im.Source, err)
		return nil, err
	}
	w := &importing{n: n, by: by, im: im, opt: opt, input: r}
	if err := w.begin(ctx, req.Collection); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return w, nil
}

func (w *importing) run(ctx context.Context) (comity.Import, error) {
	defer w.input.Close()
	sum, err := ingest.Run(ctx, w.input, w.opt, w.take)
	return w.end(ctx, sum, err)
}

// prepareImport reads the request's words.
func (n *Node) prepareImport(ctx context.Context, by Actor, req ImportRequest) (comity.Import, ingest.Options, error) {
	im := comity.Import{
		ID: comity.ImportID(uuid.Must(uuid.NewV7()).String()), Source: req.Source, By: by.Name,
		State: comity.ImportRunning, Started: n.now(), Handling: n.unmarked(ctx),
	}
	if req.Reader != nil {
		im.Source = req.Name
	}
	mode, ok := comity.ParseMode(req.Mode)
	if !ok {
		return im, ingest.Options{}, comity.E(comity.Usage, "import", im.Source, comity.Msg("node.mode_unknown", comity.A("mode", req.Mode)), nil)
	}
	im.Mode = mode
	if req.TLP != "" {
		if im.Handling, ok = comity.ParseTLP(req.TLP); !ok {
			return im, ingest.Options{}, comity.E(comity.Usage, "import", im.Source, comity.Msg("marking.unknown_tlp", comity.A("label", req.TLP)), nil)
		}
	}
	cols, err := formats.ParseColumns(req.Columns)
	opt := ingest.Options{
		Name: im.Source, Format: req.Format, Mode: mode, Handling: im.Handling, Creator: n.identityID(),
		Labels: req.Labels, Columns: cols, Now: n.now().Truncate(time.Millisecond), Held: n.heldIndicators,
		Markings: n.markingLabels(), Clock: n.now,
	}
	if req.Progress != nil {
		opt.Progress = func(p ingest.Progress) {
			req.Progress(Progress{Bytes: p.Bytes, TotalBytes: p.Total, Done: p.Accepted, Refused: p.Refused, Rate: p.Rate, Left: p.Left})
		}
	}
	return im, opt, err
}

// openInput opens what the request names: a reader given, a URL, or a file.
func openInput(ctx context.Context, req ImportRequest, im *comity.Import, opt *ingest.Options) (io.ReadCloser, error) {
	if req.Reader != nil {
		opt.Size = max(req.Size, 0)
		return req.Reader, nil
	}
	if strings.HasPrefix(req.Source, "http://") || strings.HasPrefix(req.Source, "https://") {
		body, info, err := ingest.Fetch(ctx, req.Source, ingest.FetchOptions{AllowPrivate: req.AllowLocal})
		if err != nil {
			return nil, err
		}
		im.Source, opt.Name, opt.Size = info.URL, info.Name, max(info.Size, 0)
		return body, nil
	}
	f, err := os.Open(req.Source)
	if err != nil {
		kind, key := comity.Unavailable, "node.file_unreadable"
		if os.IsNotExist(err) {
			kind, key = comity.NotFound, "node.file_missing"
		}
		return nil, comity.E(kind, "import", req.Source, comity.Msg(key, comity.A("file", req.Source)), err)
	}
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		opt.Size = st.Size()
	} else if err == nil && st.IsDir() {
		f.Close()
		return nil, comity.E(comity.Usage, "import", req.Source, comity.Msg("node.file_is_folder", comity.A("file", req.Source)), nil)
	}
	im.Source, opt.Name = filepath.Base(req.Source), filepath.Base(req.Source)
	return f, nil
}

// importing is one Import under way.
type importing struct {
	n          *Node
	by         Actor
	im         comity.Import
	opt        ingest.Options
	input      io.ReadCloser
	collection comity.CollectionID

	still bool // for who posts from outside: new versions are not given to peers

	within func(store.Tx, comity.Import) error // done with the batch, for who keeps a place to go on from; may be nil
}

func (w *importing) begin(ctx context.Context, collection string) error {
	return w.n.store.Update(ctx, func(tx store.Tx) error {
		if collection != "" {
			c, err := w.n.ensureCollection(ctx, tx, collection)
			if err != nil {
				return err
			}
			w.collection = c.ID
		}
		return tx.PutImport(ctx, w.im)
	})
}

// take stores one batch: objects, their place in the collection, new versions
// for the channels that have older ones, refused items and the import's counts
// move in one transaction.
func (w *importing) take(ctx context.Context, b ingest.Batch) error {
	im := w.im
	err := w.n.store.Update(ctx, func(tx store.Tx) error {
		im = w.im
		if _, err := w.put(ctx, tx, &im, b); err != nil {
			return err
		}
		if w.within != nil {
			if err := w.within(tx, im); err != nil {
				return err
			}
		}
		return tx.PutImport(ctx, im)
	})
	if err == nil {
		w.im = im
	}
	return err
}

// put is take within a transaction, but for the record of the import, whose
// counts move.
func (w *importing) put(ctx context.Context, tx store.Tx, im *comity.Import, b ingest.Batch) ([]store.Put, error) {
	im.Bytes = b.BytesRead
	now := w.n.now()
	puts, err := tx.PutObjects(ctx, store.Arrival{
		Door: comity.DoorImport, Import: im.ID, Handling: im.Handling, At: now,
	}, b.Objects)
	if err != nil {
		return nil, err
	}
	refusals := slices.Clip(b.Refusals)
	var oids []store.OID
	for i, p := range puts {
		switch p.Fate {
		case store.FateSame:
			im.Same++
		case store.FateRevoked, store.FateErased, store.FateConflict:
			refusals = append(refusals, fateRefusal(b.Objects[i], p.Fate))
		default:
			im.Accepted++
			if i < len(b.Findings) && len(b.Findings[i]) > 0 {
				im.Warned++
			}
		}
		if p.OID != 0 && p.Fate != store.FateConflict {
			oids = append(oids, p.OID)
		}
	}
	im.Refused += int64(len(refusals))
	if err := tx.AddRefusals(ctx, im.ID, refusals); err != nil {
		return nil, err
	}
	if w.collection != "" {
		if err := tx.AddMembers(ctx, w.collection, oids, now); err != nil {
			return nil, err
		}
	}
	if err := keepMarks(ctx, tx, b.Objects, puts, now); err != nil {
		return nil, err
	}
	if !w.still {
		err = w.n.forward(ctx, tx, b.Objects, puts)
	}
	return puts, err
}

// fateRefusal says why the store did not make an object current.
func fateRefusal(o comity.Object, f store.Fate) comity.Refusal {
	key, rule := "node.fate_conflict", "version-conflict"
	switch f {
	case store.FateRevoked:
		key, rule = "node.fate_revoked", "revoked-final"
	case store.FateErased:
		key, rule = "node.fate_erased", "erased"
	}
	const kept = 64 << 10
	return comity.Refusal{
		ID: o.ID, Raw: o.Raw[:min(len(o.Raw), kept)], Cut: len(o.Raw) > kept,
		Findings: []comity.Finding{{Rule: rule, Path: "modified", Section: "3.6", Refuses: true, Msg: comity.Msg(key, comity.A("id", o.ID))}},
	}
}

func (w *importing) end(ctx context.Context, sum ingest.Summary, err error) (comity.Import, error) {
	im, line := w.ended(w.im, sum, err)
	kept := context.WithoutCancel(ctx) // an interrupted import must not look as if it still ran
	werr := w.n.store.Update(kept, func(tx store.Tx) error {
		if err := tx.PutImport(kept, im); err != nil {
			return err
		}
		return tx.AddAudit(kept, line)
	})
	if err == nil {
		err = werr
	}
	if err == nil {
		err = w.n.signAll(ctx)
	}
	return im, err
}

// ended is the import's last record and its line in the audit.
func (w *importing) ended(im comity.Import, sum ingest.Summary, err error) (comity.Import, comity.Audit) {
	im.State, im.Finished, im.Bytes = comity.ImportDone, w.n.now(), sum.Bytes
	if sum.Format != "" {
		im.Format = sum.Format
	}
	im.Refused += sum.Unkept
	if err != nil {
		im.State, im.Fault = comity.ImportFailed, comity.ErrorMessage(err)
		if comity.Is(err, comity.Interrupted) {
			im.Fault = comity.Msg("error.interrupted") // not what the store says of the batch under way: others were kept
		}
	}
	line := comity.Audit{At: im.Finished, Actor: w.by.Name, Action: "import", Subject: im.Source, Msg: comity.Msg("node.imported",
		comity.A("n", im.Accepted), comity.A("same", im.Same), comity.A("refused", im.Refused))}
	if err != nil {
		line.Kind, line.Msg = comity.ErrorKind(err).String(), im.Fault
	}
	return im, line
}

// heldIndicators tells the import what the node holds under the ids of
// indicators about to be made, so that an unchanged list changes nothing.
func (n *Node) heldIndicators(ctx context.Context, ids []comity.ObjectID) (map[comity.ObjectID]ingest.Held, error) {
	list, err := view(ctx, n.store, func(r store.Reader) ([]store.Version, error) { return r.Current(ctx, ids) })
	out := make(map[comity.ObjectID]ingest.Held, len(list))
	for _, v := range list {
		out[v.ID] = ingest.Held{Created: v.Created, Modified: v.Modified, Digest: v.Digest, Withdrawn: v.State != comity.StateActive}
	}
	return out, err
}

// markingLabels returns a function that resolves marking definitions held here
// to the label they mean. It asks the store once for each: make a new one for
// each piece of work.
func (n *Node) markingLabels() func(comity.ObjectID) (comity.TLP, bool) {
	var known sync.Map
	return func(id comity.ObjectID) (comity.TLP, bool) {
		if t, ok := known.Load(id); ok {
			return t.(comity.TLP), t != comity.Unmarked
		}
		ctx := context.Background()
		label, _ := view(ctx, n.store, func(r store.Reader) (comity.TLP, error) {
			t, _ := labelsIn(ctx, r)(id)
			return t, nil
		})
		known.Store(id, label)
		return label, label != comity.Unmarked
	}
}
