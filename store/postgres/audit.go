package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store/internal/index"
)

// Audits implements store.AuditReader.
func (r *reader) Audits(ctx context.Context, before int64, limit int) ([]comity.Audit, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	return collect(ctx, r, func(row pgx.Row) (a comity.Audit, err error) {
		err = row.Scan(&a.N, when{&a.At}, &a.Actor, &a.Action, &a.Subject, &a.Kind, message{&a.Msg})
		return a, err
	}, `SELECT n, at, actor, action, subject, kind, msg FROM audit
		WHERE n < $1 ORDER BY n DESC LIMIT $2`, before, index.AtMost(limit, index.Page, index.MaxPage))
}

// AddAudit implements store.AuditWriter.
func (t *tx) AddAudit(ctx context.Context, a comity.Audit) error {
	return t.do(ctx, "INSERT INTO audit (at, actor, action, subject, kind, msg) VALUES ($1, $2, $3, $4, $5, $6)",
		nanos(a.At), clean(a.Actor), a.Action, clean(a.Subject), a.Kind, encodeMessage(a.Msg))
}
