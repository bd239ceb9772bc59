package node

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ingest"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// taxiiStatusLife is how long the outcome of a post can be asked for; the
// standard wants 24 hours.
const taxiiStatusLife = 48 * time.Hour

func taxiiStatusName(id string) string { return "taxii.post." + id }

// keptStatus is a status as stored, with whose it is and the root of the post.
type keptStatus struct {
	Caller string       `json:"caller"`
	Root   string       `json:"root"`
	Status taxii.Status `json:"status"`
}

// Post implements taxii.Backend. The envelope is read to its end and judged
// before anything is stored; then it is one import.
func (b *taxiiBackend) Post(ctx context.Context, who taxii.Caller, root string, c comity.CollectionID, body io.Reader) (taxii.Status, error) {
	by := actorOf(who)
	in := &roomy{r: body, b: b}
	defer in.release()
	w, err := b.posting(ctx, by, c)
	if err != nil {
		return taxii.Status{}, err
	}
	var batches []ingest.Batch
	sum, err := ingest.Run(ctx, in, w.opt, func(_ context.Context, batch ingest.Batch) error {
		batches = append(batches, batch)
		return nil
	})
	if err == nil {
		err = wholeEnvelope(batches)
	}
	if err != nil {
		return taxii.Status{}, badEnvelope(err)
	}
	w.still = by.Role.Outside()
	if w.still {
		for i := range batches {
			b.disown(&batches[i])
		}
	}
	id := uuid.NewString()
	var p post
	err = b.n.store.Update(ctx, func(tx store.Tx) error {
		p = post{b: b, rules: map[string]int64{}, st: taxii.Status{ID: id, Complete: true, Requested: w.im.Started}}
		return p.store(ctx, tx, w, batches, sum, func(im comity.ImportID) error {
			if err := keepPost(ctx, tx, postOf(who, root, c, im, p.st, p.rules)); err != nil {
				return err
			}
			return p.keep(ctx, tx, who, root, w.n.now())
		})
	})
	if err != nil {
		b.n.audit(ctx, by, "import", w.im.Source, err)
		return taxii.Status{}, err
	}
	return p.st, b.n.signAll(ctx)
}

// store keeps a post whole, as one import, in one transaction: so it is durable
// at once, or not there.
func (p *post) store(ctx context.Context, tx store.Tx, w *importing, batches []ingest.Batch, sum ingest.Summary, keep func(comity.ImportID) error) error {
	im := w.im
	for _, batch := range batches {
		s := screened{Batch: batch}
		if w.still {
			var err error
			if s, err = (&outsider{w.n, w.by}).screen(ctx, tx, batch); err != nil {
				return err
			}
		}
		stored := s.Batch
		stored.Refusals = slices.Clip(stored.Refusals)
		for _, i := range slices.Sorted(maps.Keys(s.hushed)) {
			stored.Refusals = append(stored.Refusals, s.hushed[i])
		}
		puts, err := w.put(ctx, tx, &im, stored)
		if err != nil {
			return err
		}
		p.told(batch, s, puts)
	}
	im, line := w.ended(im, sum, nil)
	if err := tx.PutImport(ctx, im); err != nil {
		return err
	}
	if err := keep(im.ID); err != nil {
		return err
	}
	return tx.AddAudit(ctx, line)
}

// maxTaxiiObjects bounds the verdicts on one post, each of which is told: many
// small things would take far more memory and time than their bytes.
const maxTaxiiObjects = 100_000

// posting prepares the import that a post is.
func (b *taxiiBackend) posting(ctx context.Context, by Actor, c comity.CollectionID) (*importing, error) {
	im, opt, err := b.n.prepareImport(ctx, by, ImportRequest{Name: postSource(by), Reader: io.NopCloser(strings.NewReader("")), Format: ingest.FormatSTIX})
	opt.Limits.Unpacked, opt.Limits.Input = taxiiMaxPost+1, taxiiMaxPost+1
	opt.Limits.Count, opt.Limits.Refusals = maxTaxiiObjects, maxTaxiiObjects
	return &importing{n: b.n, by: by, im: im, opt: opt, collection: c}, err
}

// wholeEnvelope refuses what is no JSON or no list of objects as a whole: an
// import saves what can be saved, but here the sender is there to be told.
func wholeEnvelope(batches []ingest.Batch) error {
	for _, b := range batches {
		for _, r := range b.Refusals {
			for _, f := range r.Findings {
				if f.Refuses && (f.Rule == "syntax" || !strings.HasPrefix(r.At, "objects[")) {
					return comity.E(comity.Usage, "taxii", r.At, f.Msg, nil)
				}
			}
		}
	}
	return nil
}

// badEnvelope keeps what says more than "no envelope".
func badEnvelope(err error) error {
	switch comity.ErrorKind(err) {
	case comity.Limited, comity.Interrupted, comity.Unavailable, comity.TooLarge, comity.Internal:
		return err
	}
	return comity.E(comity.Usage, "taxii", "", comity.Msg("taxii.envelope"), err)
}

// disown refuses objects that somebody outside posts in this node's own name.
func (b *taxiiBackend) disown(batch *ingest.Batch) {
	self := b.n.identityID()
	objects, findings := batch.Objects[:0:0], batch.Findings[:0:0]
	for i, o := range batch.Objects {
		if o.ID != self && o.Creator != self {
			objects = append(objects, o)
			if i < len(batch.Findings) {
				findings = append(findings, batch.Findings[i])
			}
			continue
		}
		batch.Refusals = append(batch.Refusals, comity.Refusal{ID: o.ID, Raw: o.Raw, Findings: []comity.Finding{{
			Rule: "creator", Path: "created_by_ref", Section: "3.2", Refuses: true, Msg: comity.Msg("node.taxii_not_yours")}}})
	}
	batch.Objects, batch.Findings = objects, findings
}

// post gathers the verdicts on one envelope.
type post struct {
	b     *taxiiBackend
	st    taxii.Status
	rules map[string]int64 // of the failures, see countRule
}

// told takes what became of a batch. An exact duplicate is a success, and so,
// in words, is what failed for something that the account may not see: all in
// the order of the post, which must not tell either.
func (p *post) told(batch ingest.Batch, s screened, puts []store.Put) {
	good := make([]bool, len(batch.Objects))
	for i := range s.hushed {
		good[i] = true
	}
	for k, put := range puts {
		i, o := k, &s.Objects[k]
		if s.at != nil {
			i = s.at[k]
		}
		failed := put.Fate == store.FateRevoked || put.Fate == store.FateErased || put.Fate == store.FateConflict
		if good[i] = !failed || s.unseen[o.ID]; !good[i] {
			p.fail(fateRefusal(*o, put.Fate))
		}
	}
	for i, ok := range good {
		if ok {
			p.st.Successes = append(p.st.Successes, p.detail(batch.Objects[i].ID, batch.Objects[i].Raw))
		}
	}
	for _, r := range s.Refusals {
		p.fail(r)
	}
}

func (p *post) detail(id comity.ObjectID, raw []byte) taxii.StatusDetail {
	h := headOf(raw)
	d := taxii.StatusDetail{ID: string(id), Version: h.version(p.st.Requested)}
	if d.ID == "" {
		d.ID = h.ID
	}
	return d
}

// fail says in English what is wrong with an object, with rule and path.
func (p *post) fail(r comity.Refusal) {
	countRule(p.rules, r)
	d := p.detail(r.ID, r.Raw)
	if d.ID == "" {
		d.ID = "unknown" // the standard wants a text; the message says where it stood
	}
	var said []string
	for _, f := range r.Findings {
		if !f.Refuses || len(said) == maxTaxiiReasons {
			continue
		}
		s := p.b.o.Text("en", f.Msg) + " [" + f.Rule
		if f.Path != "" {
			s += " " + f.Path
		}
		said = append(said, s+"]")
	}
	d.Message = strings.Join(said, " ")
	if r.At != "" {
		d.Message = r.At + ": " + d.Message
	}
	p.st.Failures = append(p.st.Failures, d)
}

// maxTaxiiReasons is how many faults of one object a status names.
const maxTaxiiReasons = 5

func (p *post) keep(ctx context.Context, tx store.Tx, who taxii.Caller, root string, now time.Time) error {
	body, err := json.Marshal(keptStatus{who.ID, root, p.st})
	if err != nil {
		return err
	}
	return tx.PutStatus(ctx, store.Status{ID: taxiiStatusName(p.st.ID), Body: body, Expires: now.Add(taxiiStatusLife)})
}

// Status implements taxii.Backend: another caller's status is not there.
func (b *taxiiBackend) Status(ctx context.Context, who taxii.Caller, root, id string) (taxii.Status, error) {
	missing := comity.E(comity.NotFound, "taxii", id, comity.Msg("node.taxii_no_status"), nil)
	if !isText(id) {
		return taxii.Status{}, missing
	}
	s, err := view(ctx, b.n.store, func(r store.Reader) (store.Status, error) { return r.Status(ctx, taxiiStatusName(id)) })
	if comity.Is(err, comity.NotFound) {
		return taxii.Status{}, missing
	}
	var k keptStatus
	if err == nil {
		err = json.Unmarshal(s.Body, &k)
	}
	if err == nil && (k.Caller != who.ID || k.Root != root || b.n.now().After(s.Expires)) {
		err = missing
	}
	return k.Status, err
}

// Delete implements taxii.Backend: it takes versions out of the collection. The
// objects stay at the node. Only its own people may.
func (b *taxiiBackend) Delete(ctx context.Context, who taxii.Caller, _ string, in comity.CollectionID, id comity.ObjectID, f taxii.Filter) error {
	by := actorOf(who)
	f.IDs = []comity.ObjectID{id}
	f.Versions.All = f.Versions.All || f.Versions.IsZero()
	missing := comity.E(comity.NotFound, "taxii", id, comity.Msg("taxii.no_object", comity.A("id", id)), nil)
	if !isText(string(id)) {
		return missing
	}
	return b.n.act(ctx, by, "taxii.delete", string(id), func(tx store.Tx) error {
		c, o, err := openTo(ctx, tx, who, string(in))
		if err != nil {
			return err
		}
		if by.Role.Outside() || !shown(c, o, by).CanWrite {
			return comity.E(comity.Forbidden, "taxii", id, comity.Msg("node.taxii_delete"), nil)
		}
		p := &paging{r: tx, q: taxii.Query{Filter: f}, in: c.ID, allSpecs: true, gate: b.n.gate(ctx, tx, o.audience(by.Role)).unremembered(), ends: map[comity.ObjectID]ends{}}
		oids, err := p.matching(ctx)
		if err == nil && len(oids) == 0 {
			err = missing
		}
		if err != nil {
			return err
		}
		return tx.RemoveMembers(ctx, c.ID, oids)
	})
}

// matching lists every version that the filter takes.
func (p *paging) matching(ctx context.Context) ([]store.OID, error) {
	var out []store.OID
	for {
		ms, err := p.r.Members(ctx, store.MemberQuery{Collection: p.in, After: p.at, IDs: p.q.Filter.IDs, Limit: taxiiStep, WithRaw: true, Lean: true, MaxBytes: taxiiChunk})
		if err != nil || len(ms) == 0 {
			return out, err
		}
		take, _, err := p.choose(ctx, ms)
		if err != nil {
			return nil, err
		}
		for i := range ms {
			if p.at = ms[i].Seq; take[i] {
				out = append(out, ms[i].Version.OID)
			}
		}
	}
}

// roomy reads a post while there is room for it in memory, beside the others.
type roomy struct {
	r    io.Reader
	b    *taxiiBackend
	held int64
}

// Read implements io.Reader.
func (r *roomy) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if !r.b.room.TryAcquire(int64(n)) {
		return 0, comity.E(comity.Limited, "taxii", "", comity.Msg("node.taxii_busy"), nil)
	}
	r.held += int64(n)
	return n, err
}

func (r *roomy) release() { r.b.room.Release(r.held) }
