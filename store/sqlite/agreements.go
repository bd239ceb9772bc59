package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

const agreementColumns = `id, chain, body, state, received, stateat, endedby, n`

type agreementRow struct {
	store.AgreementRecord
	n int64
}

func scanAgreement(s *sqlite.Stmt) (agreementRow, error) {
	return agreementRow{store.AgreementRecord{
		ID:       comity.AgreementID(s.ColumnText(0)),
		Chain:    comity.AgreementID(s.ColumnText(1)),
		Body:     blob(s, 2),
		State:    comity.AgreementState(s.ColumnText(3)),
		Received: when(s, 4),
		StateAt:  when(s, 5),
		EndedBy:  comity.MemberID(s.ColumnText(6)),
	}, s.ColumnInt64(7)}, nil
}

// Agreement implements store.AgreementReader.
func (r *reader) Agreement(_ context.Context, id comity.AgreementID) (store.AgreementRecord, error) {
	a, err := one(r, "store.no_agreement", id, scanAgreement,
		"SELECT "+agreementColumns+" FROM agreement WHERE id = ?", string(id))
	if err != nil {
		return store.AgreementRecord{}, err
	}
	return r.withSignatures(a)
}

// Agreements implements store.AgreementReader.
func (r *reader) Agreements(context.Context) ([]store.AgreementRecord, error) {
	rows, err := collect(r, scanAgreement, "SELECT "+agreementColumns+" FROM agreement ORDER BY received, n")
	if err != nil {
		return nil, err
	}
	out := make([]store.AgreementRecord, len(rows))
	for i, a := range rows {
		if out[i], err = r.withSignatures(a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader) withSignatures(a agreementRow) (store.AgreementRecord, error) {
	signed, err := collect(r, func(s *sqlite.Stmt) (store.Signature, error) {
		return store.Signature{
			Member: comity.MemberID(s.ColumnText(0)),
			Line:   blob(s, 1),
			At:     when(s, 2),
		}, nil
	}, "SELECT member, line, at FROM signature WHERE agreement = ? ORDER BY place", a.n)
	a.Signed = signed
	return a.AgreementRecord, err
}

// PutAgreement implements store.AgreementWriter; it replaces the signatures.
func (t *tx) PutAgreement(_ context.Context, a store.AgreementRecord) error {
	err := t.exec(`
		INSERT INTO agreement (id, chain, body, state, received, stateat, endedby) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			chain = excluded.chain, body = excluded.body, state = excluded.state,
			received = excluded.received, stateat = excluded.stateat, endedby = excluded.endedby`,
		string(a.ID), string(a.Chain), a.Body, string(a.State), a.Received, a.StateAt, string(a.EndedBy))
	if err != nil {
		return err
	}
	n, err := t.number("SELECT n FROM agreement WHERE id = ?", string(a.ID))
	if err != nil {
		return err
	}
	if err := t.exec("DELETE FROM signature WHERE agreement = ?", n); err != nil {
		return err
	}
	for i, s := range a.Signed {
		err := t.exec("INSERT INTO signature (agreement, place, member, line, at) VALUES (?, ?, ?, ?, ?)",
			n, i, string(s.Member), s.Line, s.At)
		if err != nil {
			return err
		}
	}
	return nil
}
