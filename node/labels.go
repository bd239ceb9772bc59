package node

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// keepMarks carries the label that was set by hand, here or by the publisher,
// over to a newer version: a feed that brings the object again under its old
// label must not undo it. Who wants it wider marks it so.
func keepMarks(ctx context.Context, tx store.Tx, objs []comity.Object, puts []store.Put, now time.Time) error {
	for i, p := range puts {
		if p.Fate != store.FateNewer {
			continue
		}
		vs, err := tx.Versions(ctx, objs[i].ID) // newest first, conflicts last
		if err != nil {
			return err
		}
		for k := 0; k+1 < len(vs); k++ {
			was := vs[k+1]
			if vs[k].OID != p.OID || was.Conflict || was.StateAt.IsZero() || was.Handling <= vs[k].Handling {
				continue
			}
			if err := tx.SetHandling(ctx, p.OID, was.Handling, was.Why, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// stricter narrows the labels of versions that were held already and came once
// more with a narrower one; of several peers the strictest counts. What this
// node has by its own hand keeps its label. Who got it from here is told.
func (a *applying) stricter(ctx context.Context, tx store.Tx, oids []store.OID, mark comity.TLP) error {
	vs, err := tx.ByOID(ctx, oids, false)
	if err != nil {
		return err
	}
	for _, v := range vs {
		if v.Handling >= mark || v.State == comity.StateErased {
			continue
		}
		h, err := handsOf(ctx, tx, v)
		if err != nil {
			return err
		}
		if h.own {
			continue
		}
		if err := tx.SetHandling(ctx, v.OID, mark, "", a.now); err != nil {
			return err
		}
		if _, err := a.n.announce(ctx, tx, v.ID, comity.EntryMark, mark, ""); err != nil {
			return err
		}
	}
	return nil
}
