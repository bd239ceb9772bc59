package store

import (
	"context"
	"io"
)

// Copier is a keeper that can be copied while it is used.
type Copier interface {
	// Backup hands out everything that is kept, as of one moment, as parts in
	// the keeper's own form, in the order in which Restore wants them. Reading and
	// writing go on meanwhile. Each body gives exactly size bytes and is valid
	// until give returns. Names consist of lower-case letters, digits, ".", "_"
	// and "/".
	Backup(ctx context.Context, give func(name string, size int64, body io.Reader) error) error
}

// Parts gives the parts of a backup one after the other, and io.EOF behind the
// last. Any other error makes Restore keep nothing.
type Parts func() (name string, body io.Reader, err error)
