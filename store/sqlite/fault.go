package sqlite

import (
	"errors"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
)

// fault turns an error of the engine into a comity error. INVARIANT: an engine
// that cannot go on for want of space, rights or a free lock is Unavailable.
func fault(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *comity.Error
	if errors.As(err, &known) {
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
		return interrupted(err)
	}
	return comity.E(kind, op, "", comity.Msg(key), err)
}

func interrupted(err error) error {
	return comity.E(comity.Interrupted, "store", "", comity.Msg("store.interrupted"), err)
}

func closed() error {
	return comity.E(comity.Unavailable, "store", "", comity.Msg("store.closed"), nil)
}

// missing says that there is no such thing. what is a message key's last part.
func missing(what string, id any) error {
	return comity.E(comity.NotFound, "find "+what, id, comity.Msg("store.no_"+what, comity.A("id", id)), nil)
}

func invalid(op string, subject any, key string, args ...comity.Arg) error {
	return comity.E(comity.Invalid, op, subject, comity.Msg(key, args...), nil)
}

func conflict(op string, subject any, key string, args ...comity.Arg) error {
	return comity.E(comity.Conflict, op, subject, comity.Msg(key, args...), nil)
}
