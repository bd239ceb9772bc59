// Package postgres keeps a node's data in PostgreSQL 15 or newer.
package postgres

import (
	"context"

	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

// Store is a store.Store in one PostgreSQL database.
type Store struct{ store.Store }

// Open connects to the database at url and brings its schema up to date.
func Open(context.Context, string) (*Store, error) {
	return nil, fault.Unavailable("open", "store.database_away", nil)
}
