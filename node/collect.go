package node

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// collecting is the keeper with the collections made by query kept up to date:
// whatever changes objects, by whichever door, is followed by the change of the
// collections in the same transaction. Nothing in this package reaches the
// keeper by another way.
//
// INVARIANT: the members of a query collection that is not filling are the held
// versions of the objects whose current version is active and matches. Versions
// in conflict are among them, as the keeper may make one of them stand in for a
// version that is gone; until then nobody is given them.
type collecting struct {
	store.Store
	now func() time.Time

	mu   sync.Mutex
	text string // of the setting that parsed was read from
	read []collector
}

// collector is one query collection.
type collector struct {
	id      comity.CollectionID
	filter  policy.Filter
	filling bool // members may be there that do not match, and not be there though they do
}

// settingQueries holds the queries of all collections: one question to the store
// for each transaction that changes objects.
const settingQueries = "collection.queries"

// collectionQuery is what is kept of one query collection.
type collectionQuery struct {
	Query   string `json:"query"`
	Filling bool   `json:"filling,omitempty"`
}

// queriesOf reads the queries of all collections.
func queriesOf(ctx context.Context, r store.SettingReader) (map[comity.CollectionID]collectionQuery, error) {
	out := map[comity.CollectionID]collectionQuery{}
	b, err := r.Setting(ctx, settingQueries)
	if comity.Is(err, comity.NotFound) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(b, &out)
}

func putQueries(ctx context.Context, tx store.SettingWriter, qs map[comity.CollectionID]collectionQuery) error {
	b, err := json.Marshal(qs)
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, settingQueries, b)
}

// collectors gives the queries, parsed; the last ones are remembered.
func (s *collecting) collectors(ctx context.Context, r store.SettingReader) ([]collector, error) {
	b, err := r.Setting(ctx, settingQueries)
	if comity.Is(err, comity.NotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == string(b) {
		return s.read, nil
	}
	qs := map[comity.CollectionID]collectionQuery{}
	if err := json.Unmarshal(b, &qs); err != nil {
		return nil, err
	}
	var out []collector
	for _, id := range slices.Sorted(maps.Keys(qs)) {
		f, err := policy.ParseFilter(qs[id].Query)
		if err != nil {
			return nil, err
		}
		out = append(out, collector{id, f, qs[id].Filling})
	}
	s.text, s.read = string(b), out
	return out, nil
}

// Update implements store.Store.
func (s *collecting) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		c := &collectTx{Tx: tx, s: s}
		if err := fn(c); err != nil {
			return err
		}
		return c.end(ctx)
	})
}
