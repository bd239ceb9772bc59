package sqlite

import (
	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store/internal/fault"
)

// engine turns an error of the engine into a comity error. INVARIANT: an engine
// that cannot go on for want of space, rights or a free lock is Unavailable.
func engine(op string, err error) error {
	if err == nil {
		return nil
	}
	if fault.As(err) {
		return err
	}
	kind, key := comity.Internal, "store.failed"
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull:
		kind, key = comity.Unavailable, "store.disk_full"
	case sqlite.ResultReadOnly, sqlite.ResultPerm:
		kind, key = comity.Unavailable, "store.read_only"
	case sqlite.ResultIOErr:
		kind, key = comity.Unavailable, "store.disk_error"
	case sqlite.ResultCantOpen:
		kind, key = comity.Unavailable, "store.cannot_open"
	case sqlite.ResultBusy, sqlite.ResultLocked:
		kind, key = comity.Unavailable, "store.busy"
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		kind, key = comity.Unavailable, "store.damaged"
	case sqlite.ResultTooBig:
		kind, key = comity.TooLarge, "store.too_big"
	case sqlite.ResultInterrupt:
		return fault.Interrupted(err)
	}
	return comity.E(kind, op, "", comity.Msg(key), err)
}

func engineReadOnly(path string) error {
	return comity.E(comity.Unavailable, "update", path, comity.Msg("store.read_only"), nil)
}
