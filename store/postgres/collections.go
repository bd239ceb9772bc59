package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
)

func scanCollection(row pgx.Row) (c store.Collection, err error) {
	err = row.Scan(&c.ID, &c.Alias, &c.Title, &c.Description, &c.Size, when{&c.Created})
	return c, err
}

// Collections implements store.CollectionReader; oldest first.
func (r *reader) Collections(ctx context.Context) ([]store.Collection, error) {
	return collect(ctx, r, scanCollection, `
		SELECT id, alias, title, description, size, created FROM collection ORDER BY n`)
}

// Collection implements store.CollectionReader.
func (r *reader) Collection(ctx context.Context, idOrAlias string) (store.Collection, error) {
	return one(ctx, r, "store.no_collection", idOrAlias, scanCollection, `
		SELECT id, alias, title, description, size, created FROM collection
		WHERE id = $1 OR (alias = $1 AND alias <> '')
		ORDER BY (id = $1) DESC LIMIT 1`+r.lock, idOrAlias)
}

func (r *reader) collectionNumber(ctx context.Context, id comity.CollectionID, lock string) (int64, error) {
	return one(ctx, r, "store.no_collection", id, scanNumber, "SELECT n FROM collection WHERE id = $1"+lock, id)
}

// PutCollection implements store.CollectionWriter. Size is kept by AddMembers.
func (t *tx) PutCollection(ctx context.Context, c store.Collection) error {
	if c.Alias != "" {
		taken, err := t.number(ctx, "SELECT count(*) FROM collection WHERE alias = $1 AND id <> $2", c.Alias, c.ID)
		if err != nil {
			return err
		}
		if taken > 0 {
			return fault.Conflict("put collection", c.ID, "store.alias_taken", comity.A("alias", c.Alias))
		}
	}
	return t.do(ctx, `
		INSERT INTO collection (id, alias, title, description, size, created) VALUES ($1, $2, $3, $4, 0, $5)
		ON CONFLICT (id) DO UPDATE SET
			alias = excluded.alias, title = excluded.title, description = excluded.description`,
		c.ID, c.Alias, clean(c.Title), clean(c.Description), nanos(c.Created))
}
