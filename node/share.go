package node

import (
	"context"
	"slices"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// shareBatch is how many objects are decided and appended in one transaction.
const shareBatch = 2000

// maxShareItems bounds the decisions that a result lists one by one.
const maxShareItems = 1000

// Share gives objects to the parties of an agreement: each is decided by the
// policy, and what is allowed is appended to the channel of its stream. With
// DryRun nothing is written.
func (n *Node) Share(ctx context.Context, by Actor, req ShareRequest) (ShareResult, error) {
	av, err := n.Agreement(ctx, req.With)
	if err != nil {
		return ShareResult{}, err
	}
	s := sharing{n: n, by: by, agreement: av.Agreement, req: req, streams: map[string]int64{}, reasons: map[string]*ReasonCount{}}
	s.res = ShareResult{Agreement: av.ID, DryRun: req.DryRun}
	err = s.run(ctx)
	s.finish()
	if err != nil {
		n.audit(ctx, by, "share", string(av.ID), err)
		return s.res, err
	}
	if req.DryRun {
		return s.res, nil
	}
	return s.res, n.signAll(ctx)
}

// sharing is one Share under way.
type sharing struct {
	n         *Node
	by        Actor
	agreement comity.Agreement
	req       ShareRequest
	res       ShareResult
	streams   map[string]int64
	reasons   map[string]*ReasonCount
}

func (s *sharing) run(ctx context.Context) error {
	if s.req.Query == nil {
		for ids := range slices.Chunk(s.req.IDs, shareBatch) {
			batch, err := s.byID(ctx, ids)
			if err != nil {
				return err
			}
			if err := s.batch(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	}
	q, err := s.n.query(ctx, *s.req.Query)
	if err != nil {
		return err
	}
	q.WithRaw, q.Limit = true, 1000
	for {
		batch, err := view(ctx, s.n.store, func(r store.Reader) ([]store.Version, error) { return r.Query(ctx, q) })
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := s.batch(ctx, batch); err != nil {
			return err
		}
		q.After = batch[len(batch)-1].OID
	}
}

func (s *sharing) byID(ctx context.Context, ids []comity.ObjectID) ([]store.Version, error) {
	return view(ctx, s.n.store, func(r store.Reader) ([]store.Version, error) {
		out := make([]store.Version, 0, len(ids))
		for _, id := range ids {
			v, err := r.Object(ctx, id)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	})
}

// query turns the words of --query into a store query; an unknown collection
// is an error, not an empty answer.
func (n *Node) query(ctx context.Context, q ShareQuery) (store.Query, error) {
	out := store.Query{Types: q.Types, Import: q.Import}
	if q.Collection == "" {
		if !q.All && len(q.Types) == 0 && q.Import == "" {
			return out, comity.E(comity.Usage, "query", "", comity.Msg("node.query_empty"), nil)
		}
		return out, nil
	}
	c, err := view(ctx, n.store, func(r store.Reader) (store.Collection, error) { return r.Collection(ctx, q.Collection) })
	out.Collection = c.ID
	return out, err
}

// batch decides and appends one batch. Reading and deciding happen inside the
// transaction that appends: an agreement that is suspended, a marking that is
// narrowed or a withdrawal meanwhile cannot slip between.
func (s *sharing) batch(ctx context.Context, vs []store.Version) error {
	objs := make([]comity.Object, len(vs))
	labels := s.n.markingLabels()
	for i, v := range vs {
		objs[i] = parsed(v, labels)
	}
	var items []ShareItem
	work := func(r store.Reader) (map[comity.ChannelID][]draft, error) {
		items = items[:0]
		return s.decideAll(ctx, r, vs, objs, &items)
	}
	var err error
	if s.req.DryRun {
		_, err = view(ctx, s.n.store, work)
	} else {
		err = s.n.store.Update(ctx, func(tx store.Tx) error {
			if err := turn(ctx, tx); err != nil {
				return err
			}
			drafts, err := work(tx)
			if err != nil {
				return err
			}
			return s.commit(ctx, tx, drafts)
		})
	}
	if err != nil {
		return err
	}
	s.count(items)
	if s.req.Progress != nil {
		s.req.Progress(Progress{Done: s.res.Considered, Refused: s.res.Refused})
	}
	return nil
}

// turn makes this unit and every other that stores or withdraws objects wait
// for each other, also between processes: an empty put takes the keeper's lock on
// objects. What is read after it cannot change until the commit.
func turn(ctx context.Context, tx store.Tx) error {
	_, err := tx.PutObjects(ctx, store.Arrival{Door: comity.DoorLocal, Handling: comity.Amber}, nil)
	return err
}

func (s *sharing) commit(ctx context.Context, tx store.Tx, drafts map[comity.ChannelID][]draft) error {
	total := 0
	for ch, ds := range drafts {
		total += len(ds)
		if _, err := s.n.appendTo(ctx, tx, ch, ds); err != nil {
			return err
		}
	}
	if total == 0 {
		return nil
	}
	return tx.AddAudit(ctx, comity.Audit{
		At: s.n.now(), Actor: s.by.Name, Action: "share", Subject: string(s.agreement.ID),
		Msg: comity.Msg("node.shared", comity.A("n", total), comity.A("agreement", s.agreement.Title)),
	})
}

// decideAll decides each version for every other party. A channel has one
// audience: an object goes into it only if every reader may have it.
func (s *sharing) decideAll(ctx context.Context, r store.Reader, vs []store.Version, objs []comity.Object, items *[]ShareItem) (map[comity.ChannelID][]draft, error) {
	a, err := s.current(ctx, r)
	if err != nil {
		return nil, err
	}
	peers, err := receivers(ctx, r, a.Others(s.n.ID()))
	if err != nil {
		return nil, err
	}
	now, err := refreshed(ctx, r, vs)
	if err != nil {
		return nil, err
	}
	places, err := s.placements(ctx, r, vs)
	if err != nil {
		return nil, err
	}
	used, err := s.n.used(ctx, r, a.Chain)
	if err != nil {
		return nil, err
	}
	rules := policy.Prepare([]comity.Agreement{a}, s.n.ID())
	drafts := map[comity.ChannelID][]draft{}
	for i, v := range vs {
		live, ok := now[v.OID]
		if !ok {
			continue // undone meanwhile
		}
		live.Raw = v.Raw
		it, err := s.n.item(ctx, r, live, objs[i])
		if err != nil {
			return nil, err
		}
		it.Used = map[comity.AgreementID]policy.Usage{a.ID: used}
		d := s.decideOne(it, peers, rules)
		named(ctx, r, d, it.Origin)
		si := ShareItem{ID: v.ID, Type: v.Type, Name: v.Name, Decision: d}
		if d.Allowed() {
			ch := ledger.ChannelIDOf(a.Chain, s.n.ID(), d.Stream)
			at := places[placeKey{ch, v.ID}]
			if at != nil && at.OID == v.OID && at.Kind != comity.EntryErase {
				si.Already = true
			} else {
				dr, err := s.n.putDraft(live, v.Raw, d.Handling, at)
				if err != nil {
					return nil, err
				}
				drafts[ch] = append(drafts[ch], dr)
				// The same object once more in this batch finds it there.
				places[placeKey{ch, v.ID}] = &store.Placement{Channel: ch, Object: v.ID, Handle: dr.entry.H, Rev: dr.entry.R, Kind: dr.entry.K, OID: v.OID}
				used.ObjectsToday++
				used.BytesToday += dr.entry.S
			}
		}
		*items = append(*items, si)
	}
	return drafts, nil
}

// current reads the agreement again: it may have changed since it was found.
func (s *sharing) current(ctx context.Context, r store.Reader) (comity.Agreement, error) {
	rec, err := r.Agreement(ctx, s.agreement.ID)
	if err != nil {
		return comity.Agreement{}, err
	}
	return s.n.readAgreement(rec)
}

func receivers(ctx context.Context, r store.Reader, parties []comity.Party) ([]policy.Receiver, error) {
	var out []policy.Receiver
	for _, p := range parties {
		peer, err := r.Peer(ctx, p.ID)
		if err != nil && !comity.Is(err, comity.NotFound) {
			return nil, err
		}
		out = append(out, receiver(p.ID, peer))
	}
	return out, nil
}

// refreshed reads state and handling of the versions as they are now.
func refreshed(ctx context.Context, r store.Reader, vs []store.Version) (map[store.OID]store.Version, error) {
	oids := make([]store.OID, len(vs))
	for i, v := range vs {
		oids[i] = v.OID
	}
	list, err := r.ByOID(ctx, oids, false)
	out := make(map[store.OID]store.Version, len(list))
	for _, v := range list {
		out[v.OID] = v
	}
	return out, err
}

type placeKey struct {
	channel comity.ChannelID
	object  comity.ObjectID
}

func (s *sharing) placements(ctx context.Context, r store.Reader, vs []store.Version) (map[placeKey]*store.Placement, error) {
	ids := make([]comity.ObjectID, len(vs))
	for i, v := range vs {
		ids[i] = v.ID
	}
	list, err := r.Placements(ctx, ids)
	out := make(map[placeKey]*store.Placement, len(list))
	for i := range list {
		out[placeKey{list[i].Channel, list[i].Object}] = &list[i]
	}
	return out, err
}

// decideOne returns the first refusal among the readers, else the agreement of
// all of them.
func (s *sharing) decideOne(it policy.Item, to []policy.Receiver, rules *policy.Rules) comity.Decision {
	d := comity.Decision{Reasons: []comity.Reason{{Source: "default", Msg: comity.Msg("node.no_readers")}}}
	for _, r := range to {
		d = rules.Decide(it, r, s.n.now())
		if !d.Allowed() {
			return d
		}
	}
	return d
}
