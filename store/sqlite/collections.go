package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

func scanCollection(s *sqlite.Stmt) (store.Collection, error) {
	return store.Collection{
		ID:          comity.CollectionID(s.ColumnText(0)),
		Alias:       s.ColumnText(1),
		Title:       s.ColumnText(2),
		Description: s.ColumnText(3),
		Size:        s.ColumnInt64(4),
		Created:     when(s, 5),
	}, nil
}

// Collections implements store.CollectionReader; oldest first.
func (r *reader) Collections(context.Context) ([]store.Collection, error) {
	return collect(r, scanCollection, `
		SELECT id, alias, title, description, size, created FROM collection ORDER BY n`)
}

// Collection implements store.CollectionReader.
func (r *reader) Collection(_ context.Context, idOrAlias string) (store.Collection, error) {
	// Two questions: one with OR makes the engine build a table to sort it.
	const columns = "SELECT id, alias, title, description, size, created FROM collection WHERE "
	cs, err := collect(r, scanCollection, columns+"id = ?", idOrAlias)
	if len(cs) > 0 || err != nil {
		return first(cs), err
	}
	return one(r, "store.no_collection", idOrAlias, scanCollection, columns+"alias = ? AND alias <> ''", idOrAlias)
}

func (r *reader) collectionNumber(id comity.CollectionID) (int64, error) {
	return one(r, "store.no_collection", id, firstInt, "SELECT n FROM collection WHERE id = ?", string(id))
}

func firstInt(s *sqlite.Stmt) (int64, error) { return s.ColumnInt64(0), nil }

// PutCollection implements store.CollectionWriter. Size is kept by AddMembers.
func (t *tx) PutCollection(_ context.Context, c store.Collection) error {
	if c.Alias != "" {
		taken, err := t.number("SELECT count(*) FROM collection WHERE alias = ? AND id <> ?", c.Alias, string(c.ID))
		if err != nil {
			return err
		}
		if taken > 0 {
			return fault.Conflict("put collection", c.ID, "store.alias_taken", comity.A("alias", c.Alias))
		}
	}
	return t.exec(`
		INSERT INTO collection (id, alias, title, description, size, created) VALUES (?, ?, ?, ?, 0, ?)
		ON CONFLICT (id) DO UPDATE SET
			alias = excluded.alias, title = excluded.title, description = excluded.description`,
		string(c.ID), c.Alias, c.Title, c.Description, c.Created)
}
