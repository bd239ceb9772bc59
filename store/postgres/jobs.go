package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity/store"
)

const jobColumns = `id, kind, key, body, runat, tries, last`

func scanJob(row pgx.Row) (j store.Job, err error) {
	err = row.Scan(&j.ID, &j.Kind, &j.Key, &j.Body, when{&j.RunAt}, &j.Tries, &j.Last)
	j.Body = orNil(j.Body)
	return j, err
}

// Jobs implements store.JobReader; in the order they are due. "" is any kind.
func (r *reader) Jobs(ctx context.Context, kind string) ([]store.Job, error) {
	return collect(ctx, r, scanJob, "SELECT "+jobColumns+" FROM job WHERE kind = $1 OR $1 = '' ORDER BY runat, id", kind)
}

// PutJob implements store.JobWriter. A claimed job no longer waits: the same
// key can wait again behind it.
func (t *tx) PutJob(ctx context.Context, j store.Job) error {
	return t.do(ctx, `
		INSERT INTO job (kind, key, body, runat, tries, last, claimed) VALUES ($1, $2, $3, $4, $5, $6, false)
		ON CONFLICT (kind, key) WHERE NOT claimed DO UPDATE SET
			body = excluded.body, runat = excluded.runat, tries = excluded.tries, last = excluded.last`,
		j.Kind, j.Key, bytesOf(j.Body), nanos(j.RunAt), int64(j.Tries), clean(j.Last))
}

// ClaimJob implements store.JobWriter; the try counts from here.
func (t *tx) ClaimJob(ctx context.Context, kind string, now, until time.Time) (store.Job, error) {
	return one(ctx, &t.reader, "store.no_job", kind, scanJob, `
		UPDATE job SET runat = $1, tries = tries + 1, claimed = true
		WHERE id = (
			SELECT id FROM job WHERE kind = $2 AND runat <= $3
			ORDER BY runat, id LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING `+jobColumns, nanos(until), kind, nanos(now))
}

// DeleteJob implements store.JobWriter; one that is gone is no error.
func (t *tx) DeleteJob(ctx context.Context, id int64) error {
	return t.do(ctx, "DELETE FROM job WHERE id = $1", id)
}

// RetryJob implements store.JobWriter. When the same key waits again already,
// that one stands for both.
func (t *tx) RetryJob(ctx context.Context, id int64, runAt time.Time, last string) error {
	j, err := one(ctx, &t.reader, "store.no_job", id, scanJob, "SELECT "+jobColumns+" FROM job WHERE id = $1 FOR UPDATE", id)
	if err != nil {
		return err
	}
	waits, err := t.number(ctx, "SELECT count(*) FROM job WHERE kind = $1 AND key = $2 AND NOT claimed AND id <> $3", j.Kind, j.Key, id)
	if err != nil {
		return err
	}
	if waits > 0 {
		return t.DeleteJob(ctx, id)
	}
	return t.do(ctx, "UPDATE job SET claimed = false, runat = $1, last = $2 WHERE id = $3", nanos(runAt), clean(last), id)
}
