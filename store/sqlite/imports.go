package sqlite

import (
	"context"
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/fault"
	"github.com/comity-net/comity/store/internal/index"
)

const importColumns = `k.id, i.source, i.format, i.mode, i.handling, i.actor, i.state, i.started, i.finished,
	i.bytes, i.accepted, i.warned, i.same, i.refused, i.fault`

func scanImport(s *sqlite.Stmt) (comity.Import, error) {
	return comity.Import{
		ID:       comity.ImportID(s.ColumnText(0)),
		Source:   s.ColumnText(1),
		Format:   s.ColumnText(2),
		Mode:     comity.Mode(s.ColumnInt64(3)),
		Handling: comity.TLP(s.ColumnInt64(4)),
		By:       s.ColumnText(5),
		State:    comity.ImportState(s.ColumnText(6)),
		Started:  when(s, 7),
		Finished: when(s, 8),
		Bytes:    s.ColumnInt64(9),
		Accepted: s.ColumnInt64(10),
		Warned:   s.ColumnInt64(11),
		Same:     s.ColumnInt64(12),
		Refused:  s.ColumnInt64(13),
		Fault:    message(s, 14),
	}, nil
}

// Import implements store.ImportReader.
func (r *reader) Import(_ context.Context, id comity.ImportID) (comity.Import, error) {
	return one(r, "store.no_import", id, scanImport, `
		SELECT `+importColumns+` FROM importkey k JOIN import i ON i.n = k.n WHERE k.id = ?`, string(id))
}

// Imports implements store.ImportReader.
func (r *reader) Imports(ctx context.Context, before comity.ImportID, limit int) ([]comity.Import, error) {
	limit = index.AtMost(limit, index.Page, index.MaxPage)
	if before == "" {
		return collect(r, scanImport, `
			SELECT `+importColumns+` FROM import i JOIN importkey k ON k.n = i.n
			ORDER BY i.started DESC, i.n DESC LIMIT 0+?`, limit)
	}
	if _, err := r.Import(ctx, before); err != nil {
		return nil, err
	}
	return collect(r, scanImport, `
		SELECT `+importColumns+` FROM import i JOIN importkey k ON k.n = i.n
		WHERE (i.started, i.n) < (SELECT b.started, b.n FROM import b JOIN importkey bk ON bk.n = b.n WHERE bk.id = ?)
		ORDER BY i.started DESC, i.n DESC LIMIT 0+?`, string(before), limit)
}

// Refusals implements store.ImportReader.
func (r *reader) Refusals(_ context.Context, id comity.ImportID, after int64, limit int) ([]comity.Refusal, error) {
	return collect(r, func(s *sqlite.Stmt) (comity.Refusal, error) {
		f := comity.Refusal{
			Import: id,
			N:      s.ColumnInt64(0),
			At:     s.ColumnText(1),
			ID:     comity.ObjectID(s.ColumnText(2)),
			Raw:    blob(s, 3),
			Cut:    s.ColumnBool(4),
		}
		err := json.Unmarshal([]byte(s.ColumnText(5)), &f.Findings)
		if err != nil {
			err = fault.Damaged(err)
		}
		return f, err
	}, `SELECT f.n, f.place, f.id, f.raw, f.cut, f.findings
		FROM importkey k JOIN refusal f ON f.import = k.n
		WHERE k.id = ? AND f.n > ? ORDER BY f.n LIMIT 0+?`, string(id), after, index.AtMost(limit, index.Page, index.MaxPage))
}

// Sources implements store.ImportReader.
func (r *reader) Sources(_ context.Context, oid store.OID) ([]store.Source, error) {
	return collect(r, func(s *sqlite.Stmt) (store.Source, error) {
		return store.Source{
			Door:      comity.Door(s.ColumnText(0)),
			Origin:    comity.MemberID(s.ColumnText(1)),
			Import:    comity.ImportID(s.ColumnText(2)),
			Channel:   comity.ChannelID(s.ColumnText(3)),
			Index:     s.ColumnInt64(4),
			Agreement: comity.AgreementID(s.ColumnText(5)),
			At:        when(s, 6),
		}, nil
	}, `SELECT s.door, s.origin, coalesce(k.id, ''), s.channel, s.idx, s.agreement, s.at
		FROM source s LEFT JOIN importkey k ON k.n = s.import
		WHERE s.oid = ? ORDER BY s.at, s.channel, s.idx`, int64(oid))
}

// Sources implements store.ImportReader: arrivals that wait for their entry
// are among them.
func (t *tx) Sources(ctx context.Context, oid store.OID) ([]store.Source, error) {
	if err := t.settle(); err != nil {
		return nil, err
	}
	return t.reader.Sources(ctx, oid)
}

// importNumber returns the number that stands for an import in other tables.
func (t *tx) importNumber(id comity.ImportID) (int64, error) {
	n, err := t.number("SELECT n FROM importkey WHERE id = ?", string(id))
	if err != nil || n != 0 {
		return n, err
	}
	if err := t.exec("INSERT INTO importkey (id) VALUES (?)", string(id)); err != nil {
		return 0, err
	}
	return t.c.LastInsertRowID(), nil
}

// PutImport implements store.ImportWriter.
func (t *tx) PutImport(_ context.Context, im comity.Import) error {
	n, err := t.importNumber(im.ID)
	if err != nil {
		return err
	}
	return t.exec(`
		INSERT OR REPLACE INTO import (n, source, format, mode, handling, actor, state, started, finished,
			bytes, accepted, warned, same, refused, fault)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n, im.Source, im.Format, int(im.Mode), int(im.Handling), im.By, string(im.State), im.Started, im.Finished,
		im.Bytes, im.Accepted, im.Warned, im.Same, im.Refused, encodeMessage(im.Fault))
}

// AddRefusals implements store.ImportWriter.
func (t *tx) AddRefusals(_ context.Context, id comity.ImportID, rs []comity.Refusal) error {
	n, err := t.importNumber(id)
	if err != nil {
		return err
	}
	last, err := t.number("SELECT coalesce(max(n), 0) FROM refusal WHERE import = ?", n)
	if err != nil {
		return err
	}
	for i, f := range rs {
		findings, err := json.Marshal(f.Findings)
		if err != nil {
			return engine("add refusals", err)
		}
		err = t.exec(`
			INSERT INTO refusal (import, n, place, id, raw, cut, findings) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			n, last+int64(i)+1, f.At, string(f.ID), f.Raw, f.Cut, string(findings))
		if err != nil {
			return err
		}
	}
	return nil
}
