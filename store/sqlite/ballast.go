package sqlite

import (
	"zombiezen.com/go/sqlite"
)

// The engine's allocator gives a size class back to the system as soon as its
// last piece is free, and the tree code takes and frees one piece of several
// kilobytes for each balancing: a fifth of an import went into mmap and munmap.
// One piece of each class, held while the store is open, keeps the pages.
const (
	ballastFrom = 4  // 16 bytes
	ballastTo   = 14 // 16 KiB, the largest class that shares pages
)

// holdBallast binds a blob of each size to a statement that never runs; it is
// freed with the connection's statement.
func holdBallast(c *sqlite.Conn) (*sqlite.Stmt, error) {
	stmt, _, err := c.PrepareTransient("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11")
	if err != nil {
		return nil, engine("open", err)
	}
	for log := ballastFrom; log <= ballastTo; log++ {
		stmt.BindBytes(1+log-ballastFrom, make([]byte, 1<<log))
	}
	return stmt, nil
}
