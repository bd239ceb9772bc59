package comity

import (
	"context"
	"errors"
	"fmt"
)

// Kind says what sort of failure an Error is. The list is closed: each kind
// has one exit code, one HTTP status and one word on the wire.
type Kind uint8

// The kinds of failure.
const (
	Internal        Kind = iota // a defect or something unforeseen
	Usage                       // the caller's words are off
	Invalid                     // the input breaks a rule
	NotFound                    // there is no such thing, or none for this caller
	Unauthenticated             // the caller is not known
	Forbidden                   // policy or rights refuse
	Conflict                    // it clashes with what is there
	TooLarge                    // over a bound of size, depth or count
	Limited                     // too many requests; try later
	Unreachable                 // another machine did not answer
	Unverified                  // a signature, hash, proof or code is wrong
	Partial                     // done in part; the details say what is missing
	Unavailable                 // this node cannot now: disk full, database away
	Interrupted                 // the user or a shutdown stopped it
)

// kinds is the one table from kind to wire word, exit code and HTTP status.
var kinds = [...]struct {
	word string
	exit int
	http int
}{
	Internal:        {"internal", 1, 500},
	Usage:           {"usage", 2, 400},
	Invalid:         {"invalid", 1, 422},
	NotFound:        {"not-found", 3, 404},
	Unauthenticated: {"unauthenticated", 4, 401},
	Forbidden:       {"forbidden", 4, 403},
	Conflict:        {"conflict", 1, 409},
	TooLarge:        {"too-large", 1, 413},
	Limited:         {"limited", 1, 429},
	Unreachable:     {"unreachable", 5, 502},
	Unverified:      {"unverified", 6, 422},
	Partial:         {"partial", 7, 207},
	Unavailable:     {"unavailable", 1, 503},
	Interrupted:     {"interrupted", 130, 503},
}

// String returns the word for the kind used on the wire and in JSON.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].word
	}
	return "internal"
}

// ExitCode returns the exit code of a command that ends with this kind.
func (k Kind) ExitCode() int { return kinds[k].exit }

// HTTPStatus returns the status of an HTTP answer that ends with this kind.
func (k Kind) HTTPStatus() int { return kinds[k].http }

// KindOf returns the kind that a word from the wire names; Internal if unknown.
func KindOf(word string) Kind {
	for k := range kinds {
		if kinds[k].word == word {
			return Kind(k)
		}
	}
	return Internal
}

// Error is every failure that crosses a package boundary: what was attempted
// (Op), on what (Subject), why it failed (Msg for people, Err for the log) and
// what to do (Hint).
type Error struct {
	Kind    Kind
	Op      string  // the verb, as in the command line: "import", "peer verify"
	Subject string  // the id, path or address it was done to
	Msg     Message // the reason, for a person
	Hint    Message // what to do about it; may be zero
	Err     error   // the cause, in English, for the log; may be nil
}

// Error gives the English line for logs: operation, subject, reason, cause.
func (e *Error) Error() string {
	s := e.Op
	if e.Subject != "" {
		s += " " + e.Subject
	}
	s += ": " + e.Msg.String()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// WithHint returns a copy of e that says what to do.
func (e *Error) WithHint(m Message) *Error {
	c := *e
	c.Hint = m
	return &c
}

// E makes an Error. subject is printed with fmt.Sprint; cause may be nil.
func E(kind Kind, op string, subject any, msg Message, cause error) *Error {
	return &Error{Kind: kind, Op: op, Subject: fmt.Sprint(subject), Msg: msg, Err: cause}
}

// ErrorKind returns the kind of the first *Error in err's chain. A cancelled
// context is Interrupted; anything else is Internal.
func ErrorKind(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) {
		return Interrupted
	}
	return Internal
}

// ErrorMessage returns the message for a person of the first *Error in err's
// chain, or error.internal with the text of err.
func ErrorMessage(err error) Message {
	var e *Error
	if errors.As(err, &e) {
		return e.Msg
	}
	if errors.Is(err, context.Canceled) {
		return Msg("error.interrupted")
	}
	return Msg("error.internal", A("cause", err))
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && ErrorKind(err) == k }
