package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ingest"
	"github.com/comity-net/comity/stix"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// pulling is an import of what a TAXII server has, page by page: of a pull and of
// a poll. The record of the import is made when something new comes.
type pulling struct {
	importing
	p     TaxiiPull
	sum   ingest.Summary
	begun bool
	mine  map[comity.ImportID]bool // whether an import is of this source

	// keep moves the position; it runs in the transaction that stores the last of
	// the page. begins is told of the import before there is one; may be nil.
	keep   func(context.Context, store.Tx, taxii.Batch) error
	begins func(context.Context, comity.ImportID) error
	// enough ends the pull after a page, to be resumed; may be nil.
	enough func(bytes, objects int64, pages int) bool

	pages, known   int
	bytes, objects int64
	behind         bool
	now            comity.Import // as the transaction under way will leave it
}

func (n *Node) pulling(ctx context.Context, by Actor, p TaxiiPull) (*pulling, error) {
	req := ImportRequest{Name: p.Root + "collections/" + p.Collection + "/", Reader: io.NopCloser(strings.NewReader("")),
		Format: ingest.FormatSTIX, TLP: p.TLP, Mode: p.Mode}
	im, opt, err := n.prepareImport(ctx, by, req)
	return &pulling{importing: importing{n: n, by: by, im: im, opt: opt}, p: p, mine: map[comity.ImportID]bool{}}, err
}

// all reads the pages from at on. asking may end before ctx, with errPollTime as
// its cause: then the rest is left for another time.
func (w *pulling) all(ctx, asking context.Context, at taxii.Pull) (comity.Import, error) {
	var err error
	for b, berr := range w.p.Client.Pull(asking, at) {
		if err = berr; err != nil {
			break
		}
		if err = w.page(asking, b); err != nil {
			break
		}
		w.behind = b.More
		if b.More && w.enough != nil && w.enough(w.bytes, w.objects, w.pages) {
			break
		}
	}
	if err != nil && errors.Is(context.Cause(asking), errPollTime) {
		err, w.behind = nil, true
	}
	if !w.begun {
		w.im.ID, w.im.State, w.im.Finished = "", comity.ImportDone, w.n.now()
		return w.im, err
	}
	return w.end(ctx, w.sum, err)
}

// page imports the objects of one page.
//
// INVARIANT: the position passes objects only in the transaction that stores the
// last of them, so a crash loses none, and what is read again is known.
func (w *pulling) page(ctx context.Context, b taxii.Batch) error {
	w.pages++
	w.known += b.Known
	w.objects += int64(len(b.Objects))
	for _, raw := range b.Objects {
		w.bytes += int64(len(raw))
	}
	if w.p.Upgrade {
		b.Objects = upgraded(b.Objects)
	}
	var held *ingest.Batch // the newest piece waits: with the last one the position moves
	if len(b.Objects) > 0 {
		one, err := ingest.Run(ctx, bytes.NewReader(envelopeOf(b.Objects)), w.opt, func(ctx context.Context, piece ingest.Batch) error {
			if err := w.leaveKnown(ctx, &piece); err != nil || len(piece.Objects)+len(piece.Refusals) == 0 {
				return err
			}
			last := held
			held = &piece
			if last == nil {
				return w.start(ctx)
			}
			return w.take(ctx, *last)
		})
		w.sum.Format = one.Format
		w.sum.Bytes += one.Bytes
		w.sum.Unkept += one.Unkept
		if err != nil {
			return err
		}
	}
	if held == nil {
		return w.n.store.Update(ctx, func(tx store.Tx) error { return w.keep(ctx, tx, b) })
	}
	held.BytesRead = w.sum.Bytes
	w.within = func(tx store.Tx, im comity.Import) error {
		w.now = im
		return w.keep(ctx, tx, b)
	}
	err := w.take(ctx, *held)
	w.within = nil
	if w.p.Progress != nil {
		w.p.Progress(Progress{Bytes: w.sum.Bytes, Done: w.im.Accepted + w.im.Same, Refused: w.im.Refused})
	}
	return err
}

// start makes the record of the import.
func (w *pulling) start(ctx context.Context) error {
	if w.begun {
		return nil
	}
	if w.begins != nil {
		if err := w.begins(ctx, w.im.ID); err != nil {
			return err
		}
	}
	w.begun = true
	return w.begin(ctx, w.p.Into)
}

// leaveKnown takes out what this source has brought before, byte for byte: it
// would leave a trace of each poll and nothing else.
func (w *pulling) leaveKnown(ctx context.Context, b *ingest.Batch) error {
	return w.n.store.View(ctx, func(r store.Reader) error {
		there, err := w.there(ctx, r, b.Objects)
		if err != nil || len(there) == 0 {
			return err
		}
		objects, findings := b.Objects[:0], b.Findings[:0]
		for i, o := range b.Objects {
			known := false
			if there[o.ID] {
				if known, err = w.brought(ctx, r, o); err != nil {
					return err
				}
			}
			if known {
				w.known++
				continue
			}
			objects = append(objects, o)
			if i < len(b.Findings) {
				findings = append(findings, b.Findings[i])
			}
		}
		b.Objects, b.Findings = objects, findings
		return nil
	})
}

// there says of which objects some version is held.
func (w *pulling) there(ctx context.Context, r store.Reader, objects []comity.Object) (map[comity.ObjectID]bool, error) {
	const step = 500
	out := map[comity.ObjectID]bool{}
	for len(objects) > 0 {
		part := objects[:min(step, len(objects))]
		objects = objects[len(part):]
		ids := make([]comity.ObjectID, 0, len(part))
		for _, o := range part {
			ids = append(ids, o.ID)
		}
		vs, err := r.Current(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			out[v.ID] = true
		}
	}
	return out, nil
}

// brought reports whether these bytes came from this source before.
func (w *pulling) brought(ctx context.Context, r store.Reader, o comity.Object) (bool, error) {
	vs, err := r.Versions(ctx, o.ID)
	if err != nil {
		return false, err
	}
	digest := comity.Hash(sha256.Sum256(o.Raw))
	for _, v := range vs {
		if v.Digest != digest {
			continue
		}
		from, err := r.Sources(ctx, v.OID)
		if err != nil {
			return false, err
		}
		for _, s := range from {
			if mine, err := w.isMine(ctx, r, s.Import); err != nil || mine {
				return mine, err
			}
		}
	}
	return false, nil
}

func (w *pulling) isMine(ctx context.Context, r store.Reader, id comity.ImportID) (bool, error) {
	if id == "" {
		return false, nil
	}
	mine, ok := w.mine[id]
	if !ok {
		im, err := r.Import(ctx, id)
		if err != nil {
			return false, err
		}
		mine = im.Source == w.im.Source
		if len(w.mine) < 10_000 {
			w.mine[id] = mine
		}
	}
	return mine, nil
}

func envelopeOf(objects [][]byte) []byte {
	b := append([]byte(`{"objects":[`), bytes.Join(objects, []byte(","))...)
	return append(b, "]}"...)
}

// upgraded gives the objects as STIX 2.1; one that cannot be read stays as it
// came, and its refusal tells of it.
func upgraded(objects [][]byte) [][]byte {
	out := make([][]byte, 0, len(objects))
	for _, raw := range objects {
		now, _, err := stix.Upgrade(raw)
		if err != nil {
			now = raw
		}
		r := stix.NewReader(bytes.NewReader(now), stix.Limits{})
		from := len(out)
		for {
			it, err := r.Next()
			if err != nil {
				break
			}
			out = append(out, bytes.Clone(it.Raw)) // one may have become several
		}
		if len(out) == from {
			out = append(out, raw)
		}
	}
	return out
}
