package node

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// undoBatch is how many versions one transaction of an undo deletes.
const undoBatch = 2000

// importStale is after how long an import that still says running was surely
// cut off: its process died.
const importStale = 24 * time.Hour

// Imports lists imports, newest first; before is the id to go on from.
func (n *Node) Imports(ctx context.Context, before comity.ImportID, limit int) ([]comity.Import, error) {
	return view(ctx, n.store, func(r store.Reader) ([]comity.Import, error) { return r.Imports(ctx, before, limit) })
}

// ImportByID finds an import by its id or a unique beginning of it.
func (n *Node) ImportByID(ctx context.Context, id string) (comity.Import, error) {
	im, err := view(ctx, n.store, func(r store.Reader) (comity.Import, error) { return r.Import(ctx, comity.ImportID(id)) })
	if !comity.Is(err, comity.NotFound) {
		return im, err
	}
	recent, err := n.Imports(ctx, "", 1000)
	if err != nil {
		return im, err
	}
	return unique(recent, "import", id, func(im comity.Import) []string { return []string{string(im.ID)} })
}

// Refusals lists the refused items of an import with N > after.
func (n *Node) Refusals(ctx context.Context, id comity.ImportID, after int64, limit int) ([]comity.Refusal, error) {
	return view(ctx, n.store, func(r store.Reader) ([]comity.Refusal, error) { return r.Refusals(ctx, id, after, limit) })
}

// UndoImport removes what an import brought. What came by another way too
// stays. What was shared stays as well, unless withdraw is set: then it is
// erased here and in every channel it went to.
func (n *Node) UndoImport(ctx context.Context, by Actor, id string, withdraw bool) (UndoResult, error) {
	im, err := n.ImportByID(ctx, id)
	if err != nil {
		return UndoResult{}, err
	}
	res := UndoResult{Import: im.ID}
	switch im.State {
	case comity.ImportUndone:
		return res, comity.E(comity.Conflict, "imports undo", im.ID, comity.Msg("node.import_undone_already"), nil)
	case comity.ImportRunning:
		if n.now().Sub(im.Started) < importStale {
			return res, comity.E(comity.Conflict, "imports undo", im.ID, comity.Msg("node.import_running"), nil)
		}
	}
	shared, err := n.forget(ctx, im.ID, &res)
	if err != nil {
		n.audit(ctx, by, "import.undo", string(im.ID), err)
		return res, err
	}
	if withdraw {
		if err := n.withdrawAll(ctx, by, shared, &res); err != nil {
			return res, err
		}
	}
	res.Kept = int64(len(shared)) - res.Withdrawn
	im.State = comity.ImportUndone
	err = n.act(ctx, by, "import.undo", string(im.ID), func(tx store.Tx) error { return tx.PutImport(ctx, im) })
	return res, err
}

// forget deletes in batches until nothing is left to delete and returns what
// may not be deleted because it is in a channel.
func (n *Node) forget(ctx context.Context, id comity.ImportID, res *UndoResult) ([]store.OID, error) {
	for {
		var deleted int64
		var shared []store.OID
		err := n.store.Update(ctx, func(tx store.Tx) error {
			var err error
			deleted, shared, err = tx.ForgetImport(ctx, id, undoBatch)
			return err
		})
		if err != nil || deleted == 0 {
			return shared, err
		}
		res.Deleted += deleted
	}
}

func (n *Node) withdrawAll(ctx context.Context, by Actor, oids []store.OID, res *UndoResult) error {
	vs, err := view(ctx, n.store, func(r store.Reader) ([]store.Version, error) { return r.ByOID(ctx, oids, false) })
	if err != nil {
		return err
	}
	for _, v := range vs {
		_, err := n.withdraw(ctx, by, v.ID, comity.EntryErase, "import undone")
		if err != nil && !comity.Is(err, comity.Conflict) {
			return err
		}
		res.Withdrawn++
	}
	return nil
}
