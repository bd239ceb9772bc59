//go:build !unix

package main

import (
	"errors"
	"os"
)

// errLocked says that another process holds the lock.
var errLocked = errors.New("locked by another process")

// errReadOnly is never met here: a folder that cannot be written gives ErrPermission.
var errReadOnly = errors.New("read-only file system")

// lockFile holds a file open. Windows lets nobody remove an open file, so a file
// that is there and cannot be removed is held by a process that lives.
func lockFile(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errLocked
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}
