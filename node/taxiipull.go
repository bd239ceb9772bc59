package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/taxii"
)

// TaxiiPull says what to read from somebody's TAXII server.
type TaxiiPull struct {
	Client     *taxii.Client
	Root       string // absolute URL of the API root
	Collection string // id or alias over there
	Types      []string
	Again      bool // from the beginning, not from where the last pull ended

	Upgrade  bool   // STIX 2.0 objects become STIX 2.1
	Into     string // collection here; "" for none
	TLP      string // label for objects that carry none
	Mode     string
	Progress func(Progress)
}

// pullName names the place where a pull goes on; another filter is another pull.
func (p *TaxiiPull) pullName() string {
	return positionName("taxii.pull.", p.Root, p.Collection, strings.Join(p.Types, ","))
}

func positionName(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return prefix + hex.EncodeToString(sum[:16])
}

// PullTaxii imports what is new in a collection of a TAXII server, as one
// import. The place to go on from moves with what was stored, so that a pull
// that was cut off loses nothing and asks for nothing twice. The import has no id
// when there was nothing new.
func (n *Node) PullTaxii(ctx context.Context, by Actor, p TaxiiPull) (comity.Import, error) {
	w, err := n.pulling(ctx, by, p)
	if err != nil {
		return comity.Import{}, err
	}
	w.keep = func(ctx context.Context, tx store.Tx, b taxii.Batch) error {
		return putSetting(ctx, tx, p.pullName(), b.Resume)
	}
	at := p.at()
	if !p.Again {
		if err := n.position(ctx, p.pullName(), &at.Resume); err != nil {
			return comity.Import{}, err
		}
	}
	return w.all(ctx, ctx, at)
}

// at is what the client is asked for.
func (p *TaxiiPull) at() taxii.Pull {
	return taxii.Pull{Root: p.Root, Collection: p.Collection, Filter: taxii.Filter{Types: p.Types, Versions: taxii.VersionFilter{All: true}}}
}

// position reads where something goes on; into is left alone when it never began.
func (n *Node) position(ctx context.Context, name string, into any) error {
	return n.store.View(ctx, func(r store.Reader) error { return readSetting(ctx, r, name, into) })
}

func (n *Node) keepPosition(ctx context.Context, name string, v any) error {
	return n.store.Update(ctx, func(tx store.Tx) error { return putSetting(ctx, tx, name, v) })
}

// TaxiiPush says what to write to somebody's TAXII server.
type TaxiiPush struct {
	Client     *taxii.Client
	Root       string // absolute URL of the API root
	Collection string // over there
	From       string // collection here
	// To is who reads over there: the policy decides on each object as for this
	// node's own readers of that role.
	To    Role
	Again bool
}

// PushTaxii posts what a collection has gained since the last push and the
// readers over there may have. It yields the status of each post. The place to go
// on from moves only over what was answered.
func (n *Node) PushTaxii(ctx context.Context, by Actor, p TaxiiPush) iter.Seq2[taxii.Status, error] {
	return func(yield func(taxii.Status, error) bool) {
		c, err := n.Collection(ctx, p.From)
		if err == nil && p.To.circle() == 0 {
			err = comity.E(comity.Usage, "taxii push", p.From, comity.Msg("node.open_to", comity.A("role", p.To)), nil)
		}
		name := positionName("taxii.push.", p.Root, p.Collection, string(c.ID), string(p.To))
		var at taxii.Position
		if err == nil && !p.Again {
			err = n.position(ctx, name, &at)
		}
		for more := true; err == nil && more; {
			var page taxii.Page
			page, err = n.pushPage(ctx, p, c, at)
			if err != nil || len(page.Records) == 0 {
				break
			}
			more, at = page.More, taxii.Position{Seq: page.Records[len(page.Records)-1].Seq}
			if err = p.send(ctx, page.Records, yield); err == nil {
				err = n.keepPosition(ctx, name, at)
			}
		}
		n.audit(ctx, by, "taxii.push", p.Root, err)
		if err != nil {
			yield(taxii.Status{}, err)
		}
	}
}

// pushPage reads what the readers over there may have.
func (n *Node) pushPage(ctx context.Context, p TaxiiPush, c CollectionView, at taxii.Position) (taxii.Page, error) {
	return view(ctx, n.store, func(r store.Reader) (taxii.Page, error) {
		q := taxii.Query{Collection: c.ID, After: at, Limit: taxiiStep, MaxBytes: taxiiChunk, Raw: true,
			Filter: taxii.Filter{Versions: taxii.VersionFilter{All: true}}}
		pg := &paging{r: r, q: q, at: at.Seq, in: c.ID, gate: n.gate(ctx, r, c.Open.audience(p.To)), ends: map[comity.ObjectID]ends{}}
		err := pg.run(ctx)
		return pg.page, err
	})
}

func (p *TaxiiPush) send(ctx context.Context, recs []taxii.Record, yield func(taxii.Status, error) bool) error {
	objects := func(yield func([]byte) bool) {
		for i := range recs {
			if !yield(recs[i].Raw) {
				return
			}
		}
	}
	for st, err := range p.Client.Push(ctx, taxii.Push{Root: p.Root, Collection: p.Collection}, objects) {
		if err != nil {
			return err
		}
		if !yield(st, nil) {
			return comity.E(comity.Interrupted, "taxii push", p.Root, comity.Msg("error.interrupted"), nil)
		}
	}
	return nil
}
