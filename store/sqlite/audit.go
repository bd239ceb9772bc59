package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store/internal/index"
)

// Audits implements store.AuditReader.
func (r *reader) Audits(_ context.Context, before int64, limit int) ([]comity.Audit, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	return collect(r, func(s *sqlite.Stmt) (comity.Audit, error) {
		return comity.Audit{
			N:       s.ColumnInt64(0),
			At:      when(s, 1),
			Actor:   s.ColumnText(2),
			Action:  s.ColumnText(3),
			Subject: s.ColumnText(4),
			Kind:    s.ColumnText(5),
			Msg:     message(s, 6),
		}, nil
	}, `SELECT n, at, actor, action, subject, kind, msg FROM audit
		WHERE n < ? ORDER BY n DESC LIMIT 0+?`, before, index.AtMost(limit, index.Page, index.MaxPage))
}

// AddAudit implements store.AuditWriter.
func (t *tx) AddAudit(_ context.Context, a comity.Audit) error {
	return t.exec("INSERT INTO audit (at, actor, action, subject, kind, msg) VALUES (?, ?, ?, ?, ?, ?)",
		a.At, a.Actor, a.Action, a.Subject, a.Kind, encodeMessage(a.Msg))
}
