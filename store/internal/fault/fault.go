// Package fault makes the errors that both keepers give, so that they give the
// same ones.
package fault

import (
	"errors"

	"github.com/comity-net/comity"
)

// As reports whether err is a comity error already.
func As(err error) bool {
	var known *comity.Error
	return errors.As(err, &known)
}

// At puts the database's path or address into an error of opening it.
func At(err error, subject string) error {
	var e *comity.Error
	if errors.As(err, &e) && e.Subject == "" {
		c := *e
		c.Op, c.Subject = "open", subject
		return &c
	}
	return err
}

// Unavailable says that the keeper cannot now.
func Unavailable(op, key string, cause error, args ...comity.Arg) error {
	return comity.E(comity.Unavailable, op, "", comity.Msg(key, args...), cause)
}

// Interrupted says that a context ended the work.
func Interrupted(cause error) error {
	return comity.E(comity.Interrupted, "store", "", comity.Msg("store.interrupted"), cause)
}

// Closed says that the store was closed.
func Closed() error { return Unavailable("store", "store.closed", nil) }

// Damaged says that stored bytes cannot be read back.
func Damaged(cause error) error { return Unavailable("read", "store.damaged", cause) }

// Missing says that there is no such thing; key names what.
func Missing(key string, id any) error {
	return comity.E(comity.NotFound, "find", id, comity.Msg(key, comity.A("id", id)), nil)
}

// Invalid says that the input breaks a rule of the store.
func Invalid(op string, subject any, key string, args ...comity.Arg) error {
	return comity.E(comity.Invalid, op, subject, comity.Msg(key, args...), nil)
}

// Conflict says that it clashes with what is held.
func Conflict(op string, subject any, key string, args ...comity.Arg) error {
	return comity.E(comity.Conflict, op, subject, comity.Msg(key, args...), nil)
}

// TooMany says that a call asks for more than a bound.
func TooMany(op, key string, n, max int) error {
	return comity.E(comity.TooLarge, op, "", comity.Msg(key, comity.A("n", n), comity.A("max", max)), nil)
}

// Append checks the compare-and-swap of a channel's head.
func Append(id comity.ChannelID, held, old, next comity.Head, n int) error {
	if held != old {
		return Conflict("append", id, "store.head_moved",
			comity.A("expected", old.Size), comity.A("held", held.Size))
	}
	if next.Size != old.Size+int64(n) {
		return Invalid("append", id, "store.bad_append",
			comity.A("n", n), comity.A("from", old.Size), comity.A("to", next.Size))
	}
	return nil
}
