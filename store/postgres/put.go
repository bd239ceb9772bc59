package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

// put is the state of one PutObjects: everything is decided in memory, then
// written in a few statements.
type put struct {
	*tx
	a       store.Arrival
	importN int64
	oid     int64                            // last number given out
	known   map[comity.ObjectID][]index.Held // what is held of the batch's ids
	fresh   []row                            // versions to insert
	place   map[int64]int                    // number of a fresh version -> its place in fresh
	old     []int64                          // stored versions that are no longer current
	arrived []int64                          // versions that came, each once
}

// row is a version to insert.
type row struct {
	o      *comity.Object
	oid    int64
	idh    int64
	digest comity.Hash
	fate   store.Fate
	latest bool
}

// PutObjects implements store.ObjectWriter.
func (t *tx) PutObjects(ctx context.Context, a store.Arrival, objs []comity.Object) ([]store.Put, error) {
	if len(objs) > index.MaxBatch {
		return nil, fault.TooMany("put", "store.batch_too_large", len(objs), index.MaxBatch)
	}
	if a.Handling == comity.Unmarked {
		return nil, fault.Invalid("put", "", "store.no_handling")
	}
	p := &put{tx: t, a: a, known: map[comity.ObjectID][]index.Held{}, place: map[int64]int{}}
	if err := p.begin(ctx, objs); err != nil {
		return nil, err
	}
	out := make([]store.Put, len(objs))
	for i := range objs {
		out[i] = p.decide(&objs[i])
	}
	return out, p.write(ctx)
}

// latch makes writers of objects wait for each other until they commit, and
// returns the last number given to an object.
func (t *tx) latch(ctx context.Context) (int64, error) {
	return t.number(ctx, "SELECT oid FROM keeper FOR UPDATE")
}

func (p *put) begin(ctx context.Context, objs []comity.Object) (err error) {
	if p.oid, err = p.latch(ctx); err != nil {
		return err
	}
	if p.a.Import != "" {
		if p.importN, err = p.importNumber(ctx, p.a.Import); err != nil {
			return err
		}
	}
	hashes := make([]int64, len(objs))
	for i := range objs {
		hashes[i] = p.key.Text(string(objs[i].ID))
	}
	return p.load(ctx, hashes)
}

// load reads what is held under these id hashes.
func (p *put) load(ctx context.Context, hashes []int64) error {
	type found struct {
		id comity.ObjectID
		index.Held
	}
	rows, err := collect(ctx, &p.reader, func(r pgx.Row) (f found, err error) {
		err = r.Scan(&f.id, &f.OID, &f.Modified, &f.Revoked, &f.State, &f.Conflict, &f.Latest, sum{&f.Digest})
		return f, err
	}, `SELECT id, oid, modified, revoked, state, conflict, latest, digest
		FROM object WHERE idh = ANY($1) ORDER BY oid`, hashes)
	for _, f := range rows {
		p.known[f.id] = append(p.known[f.id], f.Held)
	}
	return err
}

func (p *put) decide(o *comity.Object) store.Put {
	versions := p.known[o.ID]
	modified, digest := comity.Nanos(o.Modified), index.Digest(o.Raw)
	fate, same, current := index.Judge(versions, modified, digest)
	switch fate {
	case store.FateErased, store.FateRevoked:
		return store.Put{Fate: fate}
	case store.FateSame:
		p.arrived = append(p.arrived, same)
		return store.Put{OID: store.OID(same), Fate: fate}
	case store.FateNewer:
		p.supersede(versions, current)
	}
	p.oid++
	latest := fate == store.FateNew || fate == store.FateNewer
	p.place[p.oid] = len(p.fresh)
	p.fresh = append(p.fresh, row{o: o, oid: p.oid, idh: p.key.Text(string(o.ID)), digest: digest, fate: fate, latest: latest})
	p.arrived = append(p.arrived, p.oid)
	p.known[o.ID] = append(versions, index.Held{OID: p.oid, Modified: modified, Revoked: o.Revoked,
		Conflict: fate == store.FateConflict, Latest: latest, Digest: digest})
	return store.Put{OID: store.OID(p.oid), Fate: fate}
}

func (p *put) supersede(versions []index.Held, current index.Held) {
	for i := range versions {
		if versions[i].OID == current.OID {
			versions[i].Latest = false
		}
	}
	if at, fresh := p.place[current.OID]; fresh {
		p.fresh[at].latest = false
		return
	}
	p.old = append(p.old, current.OID)
}

func (p *put) write(ctx context.Context) error {
	if err := p.retire(ctx, p.old); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{p.insertObjects, p.insertContent, p.insertIndex, p.insertSources, p.addRollups} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.do(ctx, "UPDATE keeper SET oid = $1", p.oid)
}

// copyFresh copies one row for each fresh version.
func (p *put) copyFresh(ctx context.Context, table string, columns []string, values func(*row) []any) error {
	_, err := p.reader.tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(len(p.fresh), func(i int) ([]any, error) {
		return values(&p.fresh[i]), nil
	}))
	return engine(err)
}

func (p *put) insertObjects(ctx context.Context) error {
	return p.copyFresh(ctx, "object", []string{"oid", "idh", "id", "type", "created", "modified", "creator", "name", "country",
		"revoked", "tlp", "handling", "origin", "door", "conflict", "latest", "received", "digest", "size"},
		func(r *row) []any {
			o := r.o
			return []any{r.oid, r.idh, clean(string(o.ID)), clean(o.Type), nanos(o.Created), nanos(o.Modified), clean(string(o.Creator)),
				clean(o.Name), clean(o.Country), o.Revoked, int64(o.TLP), int64(index.Handling(o, p.a)), string(p.a.Origin),
				string(p.a.Door), r.fate == store.FateConflict, r.latest, nanos(p.a.At), r.digest[:], int64(len(o.Raw))}
		})
}

func (p *put) insertContent(ctx context.Context) error {
	return p.copyFresh(ctx, "content", []string{"oid", "codec", "pack", "text", "raw"}, func(r *row) []any {
		codec, raw, pack, text := p.raws.Stow(r.o)
		return []any{r.oid, codec, bytesOf(pack), clean(text), bytesOf(raw)}
	})
}

func (p *put) insertIndex(ctx context.Context) error {
	var rows rowsToIndex
	for i := range p.fresh {
		if r := &p.fresh[i]; r.latest {
			rows.add(p.key, r.oid, indexed{name: r.o.Name, text: r.o.Text, values: r.o.Values, refs: r.o.Refs})
		}
	}
	if err := p.copyPairs(ctx, "value", rows.valueH, rows.valueOID); err != nil {
		return err
	}
	if err := p.copyPairs(ctx, "ref", rows.refH, rows.refOID); err != nil {
		return err
	}
	if err := p.writeWords(ctx, &rows); err != nil {
		return err
	}
	return p.writePrefixes(ctx, &rows)
}

// copyPairs copies rows of value or ref for fresh versions, of which none can be
// there yet, in key order.
func (p *put) copyPairs(ctx context.Context, table string, hs, oids []int64) error {
	ps := make([]index.Pair, len(hs))
	for i := range hs {
		ps[i] = index.Pair{H: uint64(hs[i]) ^ 1<<63, OID: oids[i]} // the order of signed numbers
	}
	ps = index.SortPairs(ps)
	_, err := p.reader.tx.CopyFrom(ctx, pgx.Identifier{table}, []string{"h", "oid"}, pgx.CopyFromSlice(len(ps), func(i int) ([]any, error) {
		return []any{int64(ps[i].H ^ 1<<63), ps[i].OID}, nil
	}))
	return engine(err)
}

func (p *put) insertSources(ctx context.Context) error {
	return p.do(ctx, `
		INSERT INTO source (oid, door, origin, import, channel, idx, agreement, at)
		SELECT DISTINCT a.oid, $2::text, $3::text, $4::bigint, '', 0, '', $5::bigint FROM unnest($1::bigint[]) a (oid)
		ON CONFLICT DO NOTHING`,
		p.arrived, string(p.a.Door), string(p.a.Origin), p.importN, nanos(p.a.At))
}

type rollupKey struct{ typ, country, creator string }

func (p *put) addRollups(ctx context.Context) error {
	sums := map[rollupKey]int64{}
	for i := range p.fresh {
		o := p.fresh[i].o
		sums[rollupKey{clean(o.Type), clean(o.Country), clean(string(o.Creator))}]++
	}
	for k, n := range sums {
		err := p.do(ctx, `
			INSERT INTO rollup (day, type, country, creator, n) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (day, type, country, creator) DO UPDATE SET n = rollup.n + excluded.n`,
			nanos(index.Day(p.a.At)), k.typ, k.country, k.creator, n)
		if err != nil {
			return err
		}
	}
	return nil
}

// indexed is what the indexes are made from.
type indexed struct {
	name, text string
	values     []comity.Value
	refs       []comity.Ref
}

// rowsToIndex are rows of value, ref, prefix and words.
type rowsToIndex struct {
	valueH, valueOID []int64
	refH, refOID     []int64
	words            []string
	wordsOID         []int64
	prefixes         map[index.Prefix]bool
}

func (x *rowsToIndex) add(key index.Key, oid int64, in indexed) {
	for _, v := range in.values {
		x.valueH, x.valueOID = append(x.valueH, key.Value(v)), append(x.valueOID, oid)
		if l, ok := index.PrefixOf(v); ok {
			if x.prefixes == nil {
				x.prefixes = map[index.Prefix]bool{}
			}
			x.prefixes[l] = true
		}
	}
	for _, ref := range in.refs {
		x.refH, x.refOID = append(x.refH, key.Text(string(ref.Target))), append(x.refOID, oid)
	}
	if w := index.Words(in.name, in.text); w != "" {
		x.words, x.wordsOID = append(x.words, w), append(x.wordsOID, oid)
	}
}

func (t *tx) writeIndex(ctx context.Context, x *rowsToIndex) error {
	if err := t.do(ctx, `
		INSERT INTO value (h, oid) SELECT DISTINCT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING`,
		x.valueH, x.valueOID); err != nil {
		return err
	}
	if err := t.do(ctx, `
		INSERT INTO ref (h, oid) SELECT DISTINCT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING`,
		x.refH, x.refOID); err != nil {
		return err
	}
	if err := t.writeWords(ctx, x); err != nil {
		return err
	}
	return t.writePrefixes(ctx, x)
}

func (t *tx) writeWords(ctx context.Context, x *rowsToIndex) error {
	return t.do(ctx, `
		INSERT INTO words (oid, body)
		SELECT w.oid, array_to_tsvector(string_to_array(w.body, ' ')) FROM unnest($1::bigint[], $2::text[]) w (oid, body)`,
		x.wordsOID, x.words)
}

func (t *tx) writePrefixes(ctx context.Context, x *rowsToIndex) error {
	for l := range x.prefixes {
		err := t.do(ctx, "INSERT INTO prefix (kind, bits) VALUES ($1, $2) ON CONFLICT DO NOTHING", int64(l.Kind), int64(l.Bits))
		if err != nil {
			return err
		}
	}
	return nil
}

// indexedOf reads what the indexes of these versions were made from.
func (r *reader) indexedOf(ctx context.Context, oids []int64) (map[int64]indexed, error) {
	out := make(map[int64]indexed, len(oids))
	_, err := collect(ctx, r, func(row pgx.Row) (struct{}, error) {
		var oid int64
		var in indexed
		var b beside
		err := row.Scan(append([]any{&oid, &in.name}, b.fields()...)...)
		if err == nil {
			in.values, in.refs, in.text, err = b.open(r)
		}
		out[oid] = in
		return struct{}{}, err
	}, `SELECT o.oid, o.name, `+besideColumns+` FROM object o JOIN content c ON c.oid = o.oid WHERE o.oid = ANY($1)`, oids)
	return out, err
}

// retire takes versions out of the indexes: they are no longer current.
func (t *tx) retire(ctx context.Context, oids []int64) error {
	if len(oids) == 0 {
		return nil
	}
	if err := t.unindex(ctx, oids); err != nil {
		return err
	}
	return t.do(ctx, "UPDATE object SET latest = false WHERE oid = ANY($1)", oids)
}

func (t *tx) unindex(ctx context.Context, oids []int64) error {
	were, err := t.indexedOf(ctx, oids)
	if err != nil {
		return err
	}
	var x rowsToIndex
	for oid, in := range were {
		x.add(t.key, oid, indexed{values: in.values, refs: in.refs})
	}
	if err := t.do(ctx, `
		DELETE FROM value v USING unnest($1::bigint[], $2::bigint[]) d (h, oid) WHERE v.h = d.h AND v.oid = d.oid`,
		x.valueH, x.valueOID); err != nil {
		return err
	}
	if err := t.do(ctx, `
		DELETE FROM ref v USING unnest($1::bigint[], $2::bigint[]) d (h, oid) WHERE v.h = d.h AND v.oid = d.oid`,
		x.refH, x.refOID); err != nil {
		return err
	}
	return t.do(ctx, "DELETE FROM words WHERE oid = ANY($1)", oids)
}

// reindex puts a version that became current again back into the indexes.
func (t *tx) reindex(ctx context.Context, oid int64) error {
	were, err := t.indexedOf(ctx, []int64{oid})
	if err != nil {
		return err
	}
	var x rowsToIndex
	x.add(t.key, oid, were[oid])
	return t.writeIndex(ctx, &x)
}

// rebuildWords makes the text index anew after the rules for words changed.
func (s *Store) rebuildWords(ctx context.Context) error {
	return s.Update(ctx, func(st store.Tx) error {
		t := st.(*tx)
		if _, err := t.latch(ctx); err != nil {
			return err
		}
		if err := t.do(ctx, "DELETE FROM words"); err != nil {
			return err
		}
		for after := int64(0); ; {
			oids, err := collect(ctx, &t.reader, scanNumber, `
				SELECT o.oid FROM object o WHERE o.latest AND o.state <> 2 AND o.oid > $1 ORDER BY o.oid LIMIT 1000`, after)
			if err != nil {
				return err
			}
			if len(oids) == 0 {
				return t.do(ctx, "UPDATE keeper SET words = $1", index.WordsVersion)
			}
			were, err := t.indexedOf(ctx, oids)
			if err != nil {
				return err
			}
			var x rowsToIndex
			for oid, in := range were {
				x.add(t.key, oid, indexed{name: in.name, text: in.text})
			}
			if err := t.writeIndex(ctx, &x); err != nil {
				return err
			}
			after = slices.Max(oids)
		}
	})
}

// tsquery writes terms as a tsquery; they hold only letters and digits.
func tsquery(terms []index.Term, mark string) string {
	var b strings.Builder
	for i, t := range terms {
		if i > 0 {
			b.WriteString(" & ")
		}
		b.WriteString("'" + mark + t.Text + "'")
		if t.Prefix {
			b.WriteString(":*")
		}
	}
	return b.String()
}
