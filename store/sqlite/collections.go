package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
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
	return one(r, "store.no_collection", idOrAlias, scanCollection, `
		SELECT id, alias, title, description, size, created FROM collection
		WHERE id = ?1 OR (alias = ?1 AND alias <> '')
		ORDER BY id = ?1 DESC LIMIT 1`, idOrAlias)
}

func (r *reader) collectionNumber(id comity.CollectionID) (int64, error) {
	return one(r, "store.no_collection", id, firstInt, "SELECT n FROM collection WHERE id = ?", string(id))
}

func firstInt(s *sqlite.Stmt) (int64, error) { return s.ColumnInt64(0), nil }

// Members implements store.CollectionReader.
func (r *reader) Members(_ context.Context, id comity.CollectionID, after int64, limit int) ([]store.Member, error) {
	n, err := r.collectionNumber(id)
	if err != nil {
		return nil, err
	}
	return collect(r, func(s *sqlite.Stmt) (store.Member, error) {
		v, err := scanVersion(s)
		return store.Member{Seq: s.ColumnInt64(21), Added: when(s, 22), Version: v}, err
	}, `SELECT `+versionColumns+`, m.seq, m.added
		FROM member m CROSS JOIN object o ON o.oid = m.oid
		WHERE m.collection = ? AND m.seq > ? AND o.state <> 2
		ORDER BY m.seq LIMIT ?`, n, after, index.AtMost(limit, index.Page, index.MaxPage))
}

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

// AddMembers implements store.CollectionWriter. The lock is the database's
// write lock, which this transaction holds.
func (t *tx) AddMembers(_ context.Context, id comity.CollectionID, oids []store.OID, at time.Time) error {
	n, err := t.collectionNumber(id)
	if err != nil {
		return err
	}
	size, err := t.number("SELECT size FROM collection WHERE n = ?", n)
	if err != nil {
		return err
	}
	for _, oid := range oids {
		err := t.exec(`
			INSERT INTO member (collection, seq, oid, added)
			SELECT ?1, ?2, oid, ?4 FROM object
			WHERE oid = ?3 AND NOT EXISTS (SELECT 1 FROM member WHERE oid = ?3 AND collection = ?1)`,
			n, size+1, int64(oid), at)
		if err != nil {
			return err
		}
		size += int64(t.c.Changes())
	}
	return t.exec("UPDATE collection SET size = ? WHERE n = ?", size, n)
}
