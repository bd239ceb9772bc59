package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
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

// Members implements store.CollectionReader.
func (r *reader) Members(ctx context.Context, id comity.CollectionID, after int64, limit int) ([]store.Member, error) {
	n, err := r.collectionNumber(ctx, id, "")
	if err != nil {
		return nil, err
	}
	return collect(ctx, r, func(row pgx.Row) (m store.Member, err error) {
		err = row.Scan(append(versionFields(&m.Version), &m.Seq, when{&m.Added})...)
		return m, err
	}, `SELECT `+versionColumns+`, m.seq, m.added
		FROM member m JOIN object o ON o.oid = m.oid
		WHERE m.collection = $1 AND m.seq > $2 AND o.state <> 2
		ORDER BY m.seq LIMIT $3`, n, after, index.AtMost(limit, index.Page, index.MaxPage))
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

// AddMembers implements store.CollectionWriter. INVARIANT: the collection's row
// stays locked until the commit, so commit order is sequence order.
func (t *tx) AddMembers(ctx context.Context, id comity.CollectionID, oids []store.OID, at time.Time) error {
	n, err := t.collectionNumber(ctx, id, " FOR UPDATE")
	if err != nil {
		return err
	}
	added, err := t.exec(ctx, `
		INSERT INTO member (collection, seq, oid, added)
		SELECT $1, (SELECT size FROM collection WHERE n = $1) + row_number() OVER (ORDER BY a.place), a.oid, $3
		FROM (SELECT oid, min(place) AS place FROM unnest($2::bigint[]) WITH ORDINALITY AS x (oid, place) GROUP BY oid) a
		JOIN object o ON o.oid = a.oid
		WHERE NOT EXISTS (SELECT 1 FROM member m WHERE m.oid = a.oid AND m.collection = $1)`,
		n, oids, nanos(at))
	if err != nil {
		return err
	}
	return t.do(ctx, "UPDATE collection SET size = size + $1 WHERE n = $2", added, n)
}
