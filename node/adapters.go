package node

import (
	"context"
	"net/url"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/store"
)

// txLog reads a channel's tiles inside a transaction or snapshot.
type txLog struct {
	r  store.Reader
	ch comity.ChannelID
}

// Tiles implements ledger.TileReader.
func (l txLog) Tiles(ctx context.Context, ids []ledger.TileID) ([][]byte, error) {
	out := make([]store.TileID, len(ids))
	for i, id := range ids {
		out[i] = store.TileID(id)
	}
	return l.r.Tiles(ctx, l.ch, out)
}

// storeLog reads a channel's tiles, each call on a snapshot of its own: full
// tiles never change, so a tree of a fixed size reads the same on all of them.
type storeLog struct {
	st store.Store
	ch comity.ChannelID
}

// Tiles implements ledger.TileReader.
func (l storeLog) Tiles(ctx context.Context, ids []ledger.TileID) ([][]byte, error) {
	return view(ctx, l.st, func(r store.Reader) ([][]byte, error) { return txLog{r, l.ch}.Tiles(ctx, ids) })
}

func storeTiles(m map[ledger.TileID][]byte) map[store.TileID][]byte {
	out := make(map[store.TileID][]byte, len(m))
	for id, b := range m {
		out[store.TileID(id)] = b
	}
	return out
}

// checkURL refuses what cannot be the address of a federation listener.
func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return comity.E(comity.Usage, "url", s, comity.Msg("node.url_bad", comity.A("url", s)), err)
	}
	return nil
}
