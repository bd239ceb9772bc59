package postgres

import (
	"context"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

// SetState implements store.ObjectWriter.
func (t *tx) SetState(ctx context.Context, oid store.OID, s comity.State, why string, at time.Time) error {
	if _, err := t.latch(ctx); err != nil {
		return err
	}
	v, err := t.byOID(ctx, oid)
	if err != nil {
		return err
	}
	if v.State == comity.StateErased {
		if s == comity.StateErased {
			return nil
		}
		return fault.Conflict("set state", oid, "store.erased", comity.A("id", v.ID))
	}
	if s == comity.StateErased {
		if err := t.erase(ctx, v); err != nil {
			return err
		}
	}
	err = t.do(ctx, "UPDATE object SET state = $1, why = $2, stateat = $3 WHERE oid = $4", int64(s), clean(why), nanos(at), oid)
	if err == nil && s == comity.StateErased {
		err = t.replace(ctx, []string{clean(string(v.ID))})
	}
	return err
}

// erase deletes the content of a version.
func (t *tx) erase(ctx context.Context, v store.Version) error {
	if v.Latest {
		if err := t.unindex(ctx, []int64{int64(v.OID)}); err != nil {
			return err
		}
	}
	if err := t.do(ctx, "DELETE FROM content WHERE oid = $1", v.OID); err != nil {
		return err
	}
	return t.do(ctx, "UPDATE object SET name = '' WHERE oid = $1", v.OID)
}

// SetHandling implements store.ObjectWriter.
func (t *tx) SetHandling(ctx context.Context, oid store.OID, l comity.TLP, why string, at time.Time) error {
	if l == comity.Unmarked {
		return fault.Invalid("mark", oid, "store.no_handling")
	}
	if _, err := t.latch(ctx); err != nil {
		return err
	}
	n, err := t.exec(ctx, "UPDATE object SET handling = $1, why = $2, stateat = $3 WHERE oid = $4", int64(l), clean(why), nanos(at), oid)
	if err == nil && n == 0 {
		err = fault.Missing("store.no_version", oid)
	}
	return err
}
