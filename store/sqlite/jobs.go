package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity/store"
)

const jobColumns = `id, kind, key, body, runat, tries, last`

func scanJob(s *sqlite.Stmt) (store.Job, error) {
	return store.Job{
		ID:    s.ColumnInt64(0),
		Kind:  s.ColumnText(1),
		Key:   s.ColumnText(2),
		Body:  bytesOrNil(s, 3),
		RunAt: when(s, 4),
		Tries: s.ColumnInt(5),
		Last:  s.ColumnText(6),
	}, nil
}

// Jobs implements store.JobReader; in the order they are due. "" is any kind.
func (r *reader) Jobs(_ context.Context, kind string) ([]store.Job, error) {
	if kind == "" {
		return collect(r, scanJob, "SELECT "+jobColumns+" FROM job ORDER BY runat, id")
	}
	return collect(r, scanJob, "SELECT "+jobColumns+" FROM job WHERE kind = ? ORDER BY runat, id", kind)
}

// PutJob implements store.JobWriter. A claimed job no longer waits: the same
// key can wait again behind it.
func (t *tx) PutJob(_ context.Context, j store.Job) error {
	return t.exec(`
		INSERT INTO job (kind, key, body, runat, tries, last, claimed) VALUES (?, ?, ?, ?, ?, ?, 0)
		ON CONFLICT (kind, key) WHERE claimed = 0 DO UPDATE SET
			body = excluded.body, runat = excluded.runat, tries = excluded.tries, last = excluded.last`,
		j.Kind, j.Key, j.Body, j.RunAt, j.Tries, j.Last)
}

// ClaimJob implements store.JobWriter; the try counts from here.
func (t *tx) ClaimJob(_ context.Context, kind string, now, until time.Time) (store.Job, error) {
	return one(&t.reader, "store.no_job", kind, scanJob, `
		UPDATE job SET runat = ?, tries = tries + 1, claimed = 1
		WHERE id = (SELECT id FROM job WHERE kind = ? AND runat <= ? ORDER BY runat, id LIMIT 1)
		RETURNING `+jobColumns, until, kind, now)
}

// DeleteJob implements store.JobWriter; one that is gone is no error.
func (t *tx) DeleteJob(_ context.Context, id int64) error {
	return t.exec("DELETE FROM job WHERE id = ?", id)
}

// RetryJob implements store.JobWriter. When the same key waits again already,
// that one stands for both.
func (t *tx) RetryJob(ctx context.Context, id int64, runAt time.Time, last string) error {
	j, err := one(&t.reader, "store.no_job", id, scanJob, "SELECT "+jobColumns+" FROM job WHERE id = ?", id)
	if err != nil {
		return err
	}
	waits, err := t.number("SELECT count(*) FROM job WHERE kind = ? AND key = ? AND claimed = 0 AND id <> ?", j.Kind, j.Key, id)
	if err != nil {
		return err
	}
	if waits > 0 {
		return t.DeleteJob(ctx, id)
	}
	return t.exec("UPDATE job SET claimed = 0, runat = ?, last = ? WHERE id = ?", runAt, last, id)
}
