package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// put is the state of one PutObjects.
type put struct {
	*tx
	a        store.Arrival
	importN  int64
	oid      int64 // last number given out
	textMark int64
	pairs    []index.Pair // of this batch, written at its end
	prefixes map[index.Prefix]bool
	sums     map[rollupKey]int64
}

type rollupKey struct {
	day                   int64
	typ, country, creator string
}

// PutObjects implements store.ObjectWriter.
func (t *tx) PutObjects(ctx context.Context, a store.Arrival, objs []comity.Object) ([]store.Put, error) {
	if len(objs) > index.MaxBatch {
		return nil, fault.TooMany("put", "store.batch_too_large", len(objs), index.MaxBatch)
	}
	if a.Handling == comity.Unmarked {
		return nil, fault.Invalid("put", "", "store.no_handling")
	}
	p := &put{tx: t, a: a, prefixes: map[index.Prefix]bool{}, sums: map[rollupKey]int64{}}
	if err := p.begin(); err != nil {
		return nil, err
	}
	out := make([]store.Put, len(objs))
	for i := range objs {
		if err := alive(ctx); err != nil {
			return nil, err
		}
		var err error
		if out[i], err = p.put(&objs[i]); err != nil {
			return nil, err
		}
	}
	return out, p.end()
}

func (p *put) begin() (err error) {
	if p.oid, err = p.mark("oid"); err != nil {
		return err
	}
	if p.textMark, err = p.mark("text"); err != nil {
		return err
	}
	if p.a.Import != "" {
		p.importN, err = p.importNumber(p.a.Import)
	}
	return err
}

func (p *put) put(o *comity.Object) (store.Put, error) {
	idh := p.key.Text(string(o.ID))
	versions, err := p.held(idh, o.ID)
	if err != nil {
		return store.Put{}, err
	}
	digest := index.Digest(o.Raw)
	fate, same, current := index.Judge(versions, comity.Nanos(o.Modified), digest)
	switch fate {
	case store.FateErased, store.FateRevoked:
		return store.Put{Fate: fate}, nil
	case store.FateSame:
		return store.Put{OID: store.OID(same), Fate: fate}, p.addSource(same)
	case store.FateNewer:
		if err := p.exec("UPDATE object SET latest = 0 WHERE oid = ?", current.OID); err != nil {
			return store.Put{}, err
		}
		if err := p.retire(current); err != nil {
			return store.Put{}, err
		}
	}
	p.oid++
	if err := p.insert(o, idh, digest, fate); err != nil {
		return store.Put{}, err
	}
	return store.Put{OID: store.OID(p.oid), Fate: fate}, p.addSource(p.oid)
}

func (r *reader) held(idh int64, id comity.ObjectID) ([]index.Held, error) {
	return collect(r, func(s *sqlite.Stmt) (index.Held, error) {
		return index.Held{
			OID:      s.ColumnInt64(0),
			Modified: s.ColumnInt64(1),
			Revoked:  s.ColumnBool(2),
			State:    comity.State(s.ColumnInt64(3)),
			Conflict: s.ColumnBool(4),
			Latest:   s.ColumnBool(5),
			Digest:   hash(s, 6),
		}, nil
	}, `SELECT oid, modified, revoked, state, conflict, latest, digest
		FROM object WHERE idh = ? AND id = ? ORDER BY oid`, idh, string(id))
}

func (p *put) insert(o *comity.Object, idh int64, digest comity.Hash, fate store.Fate) error {
	latest := fate == store.FateNew || fate == store.FateNewer
	err := p.exec(`
		INSERT INTO object (oid, idh, id, type, created, modified, creator, name, country, revoked, tlp, handling,
			origin, door, conflict, latest, received, digest, size)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.oid, idh, string(o.ID), o.Type, o.Created, o.Modified, string(o.Creator), o.Name, o.Country, o.Revoked,
		int(o.TLP), int(index.Handling(o, p.a)), string(p.a.Origin), string(p.a.Door), fate == store.FateConflict, latest,
		p.a.At, digest[:], len(o.Raw))
	if err != nil {
		return err
	}
	codec, raw, pack, text := p.raws.Stow(o)
	err = p.exec(`INSERT INTO content (oid, codec, pack, text, raw) VALUES (?, ?, ?, ?, ?)`,
		p.oid, codec, pack, text, raw)
	if err != nil {
		return err
	}
	if latest {
		p.addIndex(p.oid, o.Values, o.Refs)
	}
	p.sums[rollupKey{comity.Nanos(index.Day(p.a.At)), o.Type, o.Country, string(o.Creator)}]++
	return nil
}

func (p *put) addIndex(oid int64, values []comity.Value, refs []comity.Ref) {
	for _, v := range values {
		p.pairs = append(p.pairs, index.Pair{H: uint64(p.key.Value(v)), OID: oid})
		if l, ok := index.PrefixOf(v); ok {
			p.prefixes[l] = true
		}
	}
	for _, ref := range refs {
		p.pairs = append(p.pairs, index.Pair{H: uint64(p.key.Text(string(ref.Target))), OID: oid})
	}
}

func (p *put) addSource(oid int64) error {
	if p.a.Door == comity.DoorChannel {
		if p.waits == nil {
			p.waits = map[waiting]time.Time{}
		}
		if key := (waiting{oid, p.a.Origin}); p.waits[key].IsZero() {
			p.waits[key] = p.a.At
		}
		return nil
	}
	return p.exec(`
		INSERT OR IGNORE INTO source (oid, door, origin, import, channel, idx, agreement, at)
		VALUES (?, ?, ?, ?, '', 0, '', ?)`,
		oid, string(p.a.Door), string(p.a.Origin), p.importN, p.a.At)
}

// end writes what was gathered.
func (p *put) end() error {
	if err := p.flushIndex(); err != nil {
		return err
	}
	for k, n := range p.sums {
		err := p.exec(`
			INSERT INTO rollup (day, type, country, creator, n) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (day, type, country, creator) DO UPDATE SET n = n + excluded.n`,
			k.day, k.typ, k.country, k.creator, n)
		if err != nil {
			return err
		}
	}
	return p.setMark("oid", p.oid)
}

// flushIndex writes the gathered pairs and prefixes.
func (p *put) flushIndex() error {
	for l := range p.prefixes {
		if err := p.exec("INSERT OR IGNORE INTO prefix (kind, bits) VALUES (?, ?)", int(l.Kind), l.Bits); err != nil {
			return err
		}
	}
	return p.addPairs(p.pairs)
}
